/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /packages and /packages/NAME: the answers of the API's routes of the same names, as pages.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/base/url.h"
#include "lib/domain/package/version.h"
#include "services/gateway/http/call.h"
#include "services/gateway/routes/package_question.h"
#include "services/gateway/web/page.h"

static const char *text_in(const json_t *object, const char *key) {
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "";
}

/* ---- The list ---- */

static void write_package(struct html *html, const json_t *package) {
    struct text address = {0};
    text_append_format(&address, "/packages/%s", text_in(package, "name"));
    html_begin(html, "tr");
    html_begin(html, "td");
    html_link(html, address.bytes, text_in(package, "name"));
    html_end(html);
    html_element(html, "td", NULL, text_in(package, "latest"));
    html_begin(html, "td");
    html_attribute(html, "class", "number");
    html_format(html, "%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(package, "versions")));
    html_end(html);
    html_end(html);
    text_release(&address);
}

static void write_heads(struct html *html, const char *const *names) {
    html_begin(html, "thead");
    html_begin(html, "tr");
    for (; *names; names++) {
        html_begin(html, "th");
        html_attribute(html, "scope", "col");
        html_text(html, *names);
        html_end(html);
    }
    html_end(html);
    html_end(html);
}

static void write_packages(struct html *html, const json_t *answer) {
    static const char *const heads[] = {"Name", "Latest version", "Versions", NULL};
    size_t i;
    json_t *package;
    const char *next = json_string_value(json_object_get(answer, "next"));
    page_begin(html, "Packages", "/packages");
    html_begin(html, "table");
    write_heads(html, heads);
    html_begin(html, "tbody");
    json_array_foreach(json_object_get(answer, "packages"), i, package) write_package(html, package);
    html_end(html);
    html_end(html);
    if (next) {
        struct text address = {0};
        text_append(&address, "/packages");
        url_append_parameter(&address, "after", next);
        html_begin(html, "p");
        html_begin(html, "a");
        html_attribute(html, "href", address.bytes);
        html_attribute(html, "rel", "next");
        html_text(html, "More packages");
        html_end(html);
        html_end(html);
        text_release(&address);
    }
    page_end(html);
}

void get_packages_page(struct call *call) {
    package_question_ask_page(call, write_packages);
}

/* ---- One package ---- */

static void write_fact(struct html *html, const char *name, const char *value) {
    if (!*value) return;
    html_element(html, "dt", NULL, name);
    html_element(html, "dd", NULL, value);
}

static void write_location(struct html *html, const json_t *location) {
    struct text address = {0};
    const char *url = text_in(location, "gitUrl"), *folder = text_in(location, "subdir");
    if (*url)
        text_append(&address, url);
    else
        text_append_format(&address, "https://github.com/%s/%s", text_in(location, "githubOwner"),
                           text_in(location, "githubRepo"));
    html_element(html, "dt", NULL, "Repository");
    html_begin(html, "dd");
    if (text_starts_with(address.bytes, "https://") || text_starts_with(address.bytes, "http://"))
        html_link(html, address.bytes, address.bytes);
    else
        html_text(html, address.bytes);
    if (*folder) html_format(html, ", in the folder %s", folder);
    html_end(html);
    text_release(&address);
}

/* One version of the metadata, published or unpublished. */
struct version_row {
    struct version version;
    const char *text;
    const json_t *published;   /* NULL: it was unpublished */
    const json_t *unpublished; /* NULL: it is published */
};

static int compare_newest_first(const void *a, const void *b) {
    const struct version_row *one = a, *other = b;
    return version_compare(other->version, one->version);
}

static size_t list_versions(struct version_row *rows, const json_t *versions, bool are_published) {
    size_t count = 0;
    const char *text;
    const json_t *version;
    json_object_foreach((json_t *)versions, text, version) {
        struct version_row *row = &rows[count];
        *row = (struct version_row){.text = text};
        if (version_parse(&row->version, text, NULL)) continue;
        *(are_published ? &row->published : &row->unpublished) = version;
        count++;
    }
    return count;
}

static void write_compilers(struct html *html, const json_t *compilers) {
    size_t i;
    json_t *compiler;
    html_begin(html, "td");
    json_array_foreach(compilers, i, compiler) html_format(html, "%s%s", i ? ", " : "", json_string_value(compiler));
    html_end(html);
}

static void write_version(struct html *html, const struct version_row *row) {
    const json_t *version = row->published ? row->published : row->unpublished;
    html_begin(html, "tr");
    html_element(html, "td", NULL, row->text);
    html_begin(html, "td");
    html_format(html, "%.10s", text_in(version, "publishedTime"));
    html_end(html);
    if (row->published) {
        write_compilers(html, json_object_get(version, "compilers"));
    } else {
        html_begin(html, "td");
        html_format(html, "Unpublished on %.10s: %s", text_in(version, "unpublishedTime"), text_in(version, "reason"));
        html_end(html);
    }
    html_end(html);
}

static void write_versions(struct html *html, const json_t *metadata) {
    static const char *const heads[] = {"Version", "Published", "Builds with", NULL};
    const json_t *published = json_object_get(metadata, "published"), *unpublished = json_object_get(metadata, "unpublished");
    struct version_row *rows = memory_alloc((json_object_size(published) + json_object_size(unpublished) + 1) * sizeof *rows);
    size_t count = list_versions(rows, published, true);
    count += list_versions(rows + count, unpublished, false);
    qsort(rows, count, sizeof *rows, compare_newest_first);
    html_element(html, "h2", NULL, "Versions");
    html_begin(html, "table");
    write_heads(html, heads);
    html_begin(html, "tbody");
    for (size_t i = 0; i < count; i++)
        write_version(html, &rows[i]);
    html_end(html);
    html_end(html);
    free(rows);
}

static void write_dependencies(struct html *html, const json_t *dependencies) {
    const char *name;
    const json_t *range;
    if (json_object_size(dependencies) == 0) return;
    html_element(html, "h2", NULL, "Dependencies of the latest version");
    html_begin(html, "ul");
    json_object_foreach((json_t *)dependencies, name, range) {
        struct text address = {0};
        text_append_format(&address, "/packages/%s", name);
        html_begin(html, "li");
        html_link(html, address.bytes, name);
        html_format(html, " %s", json_string_value(range));
        html_end(html);
        text_release(&address);
    }
    html_end(html);
}

static void write_package_page(struct html *html, const json_t *package) {
    const json_t *metadata = json_object_get(package, "metadata");
    const char *latest = text_in(package, "latest");
    const json_t *manifest = json_object_get(json_object_get(package, "manifests"), latest);
    page_begin(html, text_in(package, "name"), "/packages");
    if (*text_in(manifest, "description")) html_element(html, "p", NULL, text_in(manifest, "description"));
    html_begin(html, "dl");
    write_fact(html, "Latest version", latest);
    write_fact(html, "License", text_in(manifest, "license"));
    write_location(html, json_object_get(metadata, "location"));
    html_end(html);
    write_dependencies(html, json_object_get(manifest, "dependencies"));
    write_versions(html, metadata);
    page_end(html);
}

void get_package_page(struct call *call) {
    package_question_ask_one(call, call->parameters[0], NULL, write_package_page);
}
