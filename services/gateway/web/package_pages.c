/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /packages/NAME: the answer of the API's route of the same name, as a page.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/domain/package/version.h"
#include "services/gateway/http/call.h"
#include "services/gateway/routes/package_question.h"
#include "services/gateway/web/page.h"
#include "services/gateway/web/parts.h"

static void write_location(struct html *html, const json_t *location) {
    struct text address = {0};
    const char *url = part_text(location, "gitUrl"), *folder = part_text(location, "subdir");
    if (*url)
        text_append(&address, url);
    else
        text_append_format(&address, "https://github.com/%s/%s", part_text(location, "githubOwner"),
                           part_text(location, "githubRepo"));
    html_element(html, "dt", NULL, "Repository");
    html_begin(html, "dd");
    part_outside_link(html, address.bytes);
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
    part_cell(html, row->text);
    html_begin(html, "td");
    part_date(html, part_text(version, "publishedTime"));
    html_end(html);
    if (row->published) {
        write_compilers(html, json_object_get(version, "compilers"));
    } else {
        html_begin(html, "td");
        html_text(html, "Unpublished on ");
        part_date(html, part_text(version, "unpublishedTime"));
        html_format(html, ": %s", part_text(version, "reason"));
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
    part_table_begin(html, heads);
    for (size_t i = 0; i < count; i++)
        write_version(html, &rows[i]);
    part_table_end(html);
    free(rows);
}

static void write_dependencies(struct html *html, const json_t *dependencies) {
    const char *name;
    const json_t *range;
    if (json_object_size(dependencies) == 0) return;
    html_element(html, "h2", NULL, "Dependencies of the latest version");
    html_begin(html, "ul");
    json_object_foreach((json_t *)dependencies, name, range) {
        html_begin(html, "li");
        part_link(html, name, "/packages/%s", name);
        html_format(html, " %s", json_string_value(range));
        html_end(html);
    }
    html_end(html);
}

static void write_package_page(struct html *html, const json_t *package) {
    const json_t *metadata = json_object_get(package, "metadata");
    const char *latest = part_text(package, "latest");
    const json_t *manifest = json_object_get(json_object_get(package, "manifests"), latest);
    struct text feed = {0};
    text_append_format(&feed, "/feeds/packages/%s.atom", part_text(package, "name"));
    page_begin_with_feed(html, part_text(package, "name"), "/packages", feed.bytes);
    if (*part_text(manifest, "description")) html_element(html, "p", NULL, part_text(manifest, "description"));
    html_begin(html, "dl");
    part_fact(html, "Latest version", latest);
    part_fact(html, "License", part_text(manifest, "license"));
    part_linked_fact(html, "Package set", "why it is in it, or not", "/package-sets/excuses/%s", part_text(package, "name"));
    write_location(html, json_object_get(metadata, "location"));
    html_end(html);
    write_dependencies(html, json_object_get(manifest, "dependencies"));
    write_versions(html, metadata);
    html_begin(html, "p");
    html_link(html, feed.bytes, "A feed of its versions");
    html_end(html);
    page_end(html);
    text_release(&feed);
}

void get_package_page(struct call *call) {
    package_question_ask_one(call, call->parameters[0], NULL, write_package_page);
}
