/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /packages/NAME/VERSION: the answer of the API's route of the same name, as a page, with the version's README.
 */
#include <jansson.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/store/tarball/tarball_store.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/routes/package_question.h"
#include "services/gateway/web/build_state.h"
#include "services/gateway/web/package_parts.h"
#include "services/gateway/web/page.h"
#include "services/gateway/web/parts.h"
#include "services/gateway/web/readme.h"

/* ---- Facts ---- */

static void write_tarball(struct html *html, const json_t *version, const struct settings *settings) {
    const json_t *metadata = json_object_get(version, "metadata");
    struct text address = {0};
    tarball_store_append_address(&address, settings, part_text(version, "name"), part_text(version, "version"));
    html_element(html, "dt", NULL, "Tarball");
    html_begin(html, "dd");
    html_link(html, text_view(&address), text_view(&address));
    html_format(html, ", %lld bytes", (long long)json_integer_value(json_object_get(metadata, "bytes")));
    html_end(html);
    part_fact(html, "Hash", part_text(metadata, "hash"));
    text_release(&address);
}

static void write_facts(struct html *html, const json_t *version, const struct settings *settings) {
    const json_t *metadata = json_object_get(version, "metadata"), *manifest = json_object_get(version, "manifest");
    const char *name = part_text(version, "name"), *ref = part_text(metadata, "ref");
    html_begin(html, "dl");
    html_element(html, "dt", NULL, "Package");
    html_begin(html, "dd");
    part_link(html, name, "/packages/%s", name);
    html_end(html);
    part_fact(html, "License", part_text(manifest, "license"));
    html_element(html, "dt", NULL, "Published");
    html_begin(html, "dd");
    part_time(html, part_text(metadata, "publishedTime"));
    html_end(html);
    if (manifest) part_location(html, json_object_get(manifest, "location"));
    part_fact(html, "Tag or commit", *ref ? ref : part_text(manifest, "ref"));
    write_tarball(html, version, settings);
    part_package_sets(html, json_object_get(version, "packageSets"));
    html_end(html);
}

/* ---- The row of the build matrix ---- */

/* Where the error is, of which package. */
static void write_error(struct html *html, const json_t *error) {
    const json_t *position = json_object_get(error, "position");
    if (!error) return;
    html_begin(html, "pre");
    html_attribute(html, "tabindex", "0");
    html_begin(html, "code");
    html_text(html, part_text(error, "filename"));
    if (position)
        html_format(html, ":%lld:%lld", (long long)json_integer_value(json_object_get(position, "startLine")),
                    (long long)json_integer_value(json_object_get(position, "startColumn")));
    html_format(html, "%s%s", *part_text(error, "filename") ? "\n" : "", part_text(error, "message"));
    html_end(html);
    html_end(html);
}

static void write_lines(struct html *html, const char *lines) {
    html_begin(html, "pre");
    html_attribute(html, "tabindex", "0");
    html_element(html, "code", NULL, lines);
    html_end(html);
}

/* Whose error it is: the version's own, or that of a dependency. */
static void write_summary(struct html *html, const char *name, const json_t *failed) {
    html_begin(html, "summary");
    if (!failed)
        html_text(html, "Why");
    else if (text_equal(part_text(failed, "name"), name))
        html_text(html, "Its own error");
    else
        html_format(html, "A dependency does not compile: %s %s", part_text(failed, "name"), part_text(failed, "version"));
    html_end(html);
}

/* Why the version is not known to build: the solver's explanation, or the job's reason with the compiler's first error. */
static void write_reason(struct html *html, const char *name, const json_t *cell) {
    const json_t *failed = json_object_get(cell, "failedPackage");
    const char *reason = part_text(cell, "reason"), *failed_name = part_text(failed, "name");
    if (!*reason) return;
    html_begin(html, "details");
    write_summary(html, name, failed);
    if (strchr(reason, '\n'))
        write_lines(html, reason);
    else
        html_element(html, "p", NULL, reason);
    write_error(html, json_object_get(cell, "firstError"));
    if (failed && !text_equal(failed_name, name)) {
        html_begin(html, "p");
        part_link(html, "All builds of that version", "/packages/%s/%s", failed_name, part_text(failed, "version"));
        html_end(html);
    }
    html_end(html);
}

static void write_cell(struct html *html, const char *name, const json_t *cell) {
    html_begin(html, "tr");
    html_begin(html, "th");
    html_attribute(html, "scope", "row");
    html_text(html, part_text(cell, "compiler"));
    html_end(html);
    part_cell_begin(html);
    part_build_state(html, part_text(cell, "state"), part_text(cell, "jobId"));
    write_reason(html, name, cell);
    html_end(html);
    html_end(html);
}

static void write_matrix(struct html *html, const char *name, const json_t *matrix) {
    static const char *const heads[] = {"Compiler", "State", NULL};
    html_element(html, "h2", NULL, "Builds");
    if (json_array_size(matrix) == 0) {
        html_element(html, "p", NULL, "The server knows no compiler yet.");
        return;
    }
    part_table_begin(html, heads);
    for (size_t i = json_array_size(matrix); i > 0; i--) /* newest first */
        write_cell(html, name, json_array_get(matrix, i - 1));
    part_table_end(html);
}

/* ---- README ---- */

static void write_readme(struct html *html, const json_t *version, const struct settings *settings) {
    struct text text = {0};
    const struct readme readme = readme_read(&text, settings, part_text(version, "name"), part_text(version, "version"));
    html_element(html, "h2", NULL, "README");
    if (readme.fault) {
        html_element(html, "p", NULL, readme.fault);
    } else {
        html_begin(html, "pre");
        html_attribute(html, "class", "readme");
        html_bytes(html, text_view(&text), text.length);
        html_end(html);
    }
    if (readme.is_cut) {
        html_begin(html, "p");
        html_format(html, "Only the first %d KiB of the README are shown here: the rest is in the tarball.",
                    README_SHOWN_BYTES >> 10);
        html_end(html);
    }
    text_release(&text);
}

static void write_version(struct html *html, const json_t *version, const void *view) {
    const struct settings *settings = view;
    const json_t *manifest = json_object_get(version, "manifest");
    struct text title = {0};
    text_append_format(&title, "%s %s", part_text(version, "name"), part_text(version, "version"));
    page_begin(html, title.bytes, "/packages");
    if (*part_text(manifest, "description")) html_element(html, "p", NULL, part_text(manifest, "description"));
    write_facts(html, version, settings);
    write_matrix(html, part_text(version, "name"), json_object_get(version, "matrix"));
    part_dependencies(html, "Dependencies", json_object_get(manifest, "dependencies"));
    part_dependants(html, json_object_get(version, "dependantPackages"));
    write_readme(html, version, settings);
    page_end(html);
    text_release(&title);
}

void get_package_version_page(struct call *call) {
    package_question_ask_one(call, call->parameters[0], call->parameters[1], write_version);
}
