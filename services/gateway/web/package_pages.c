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
#include "services/gateway/web/package_parts.h"
#include "services/gateway/web/page.h"
#include "services/gateway/web/parts.h"

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

static void write_version(struct html *html, const char *name, const struct version_row *row) {
    const json_t *version = row->published ? row->published : row->unpublished;
    html_begin(html, "tr");
    part_cell_begin(html);
    if (row->published)
        part_link(html, row->text, "/packages/%s/%s", name, row->text);
    else
        html_text(html, row->text);
    html_end(html);
    part_cell_begin(html);
    part_date(html, part_text(version, "publishedTime"));
    html_end(html);
    if (row->published) {
        write_compilers(html, json_object_get(version, "compilers"));
    } else {
        part_cell_begin(html);
        html_text(html, "Unpublished on ");
        part_date(html, part_text(version, "unpublishedTime"));
        html_format(html, ": %s", part_text(version, "reason"));
        html_end(html);
    }
    html_end(html);
}

static void write_versions(struct html *html, const char *name, const json_t *metadata) {
    static const char *const heads[] = {"Version", "Published", "Builds with", NULL};
    const json_t *published = json_object_get(metadata, "published"), *unpublished = json_object_get(metadata, "unpublished");
    struct version_row *rows = memory_alloc((json_object_size(published) + json_object_size(unpublished) + 1) * sizeof *rows);
    size_t count = list_versions(rows, published, true);
    count += list_versions(rows + count, unpublished, false);
    qsort(rows, count, sizeof *rows, compare_newest_first);
    html_element(html, "h2", NULL, "Versions");
    part_table_begin(html, heads);
    for (size_t i = 0; i < count; i++)
        write_version(html, name, &rows[i]);
    part_table_end(html);
    free(rows);
}

/* Who may unpublish and transfer: the comments of their keys, which are often addresses, and the kinds of the keys. */
static void write_owners(struct html *html, const json_t *owners) {
    size_t i;
    json_t *owner;
    if (json_array_size(owners) == 0) return;
    html_element(html, "dt", NULL, "Owners");
    html_begin(html, "dd");
    json_array_foreach(owners, i, owner) {
        const char *id = part_text(owner, "id");
        html_format(html, "%s%s%s%s", i ? ", " : "", id, *id ? " " : "a key of type ", part_text(owner, "keytype"));
    }
    html_end(html);
}

static void write_links(struct html *html, const char *name, const char *feed) {
    html_element(html, "dt", NULL, "More");
    html_begin(html, "dd");
    part_link(html, "Its jobs", "/jobs?package=%s", name);
    html_text(html, " · ");
    part_link(html, "Why it is or is not in the package set", "/package-sets/excuses/%s", name);
    html_text(html, " · ");
    html_link(html, feed, "A feed of its versions");
    html_end(html);
}

static void write_package_page(struct html *html, const json_t *package, const void *view) {
    (void)view;
    const json_t *metadata = json_object_get(package, "metadata");
    const char *name = part_text(package, "name"), *latest = part_text(package, "latest");
    const json_t *manifest = json_object_get(json_object_get(package, "manifests"), latest);
    struct text feed = {0};
    text_append_format(&feed, "/feeds/packages/%s.atom", name);
    page_begin_with_feed(html, name, "/packages", feed.bytes);
    if (*part_text(manifest, "description")) html_element(html, "p", NULL, part_text(manifest, "description"));
    html_begin(html, "dl");
    if (*latest) {
        html_element(html, "dt", NULL, "Latest version");
        html_begin(html, "dd");
        part_link(html, latest, "/packages/%s/%s", name, latest);
        html_end(html);
    }
    part_fact(html, "License", part_text(manifest, "license"));
    part_location(html, json_object_get(metadata, "location"));
    write_owners(html, json_object_get(metadata, "owners"));
    if (*latest) part_package_sets(html, json_object_get(package, "packageSets"));
    write_links(html, name, feed.bytes);
    html_end(html);
    write_versions(html, name, metadata);
    part_dependencies(html, "Dependencies of the latest version", json_object_get(manifest, "dependencies"));
    part_dependants(html, json_object_get(package, "dependantPackages"));
    page_end(html);
    text_release(&feed);
}

void get_package_page(struct call *call) {
    package_question_ask_one(call, call->parameters[0], NULL, write_package_page);
}
