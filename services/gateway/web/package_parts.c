/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/web/package_parts.h"

#include <jansson.h>

#include "lib/base/text.h"
#include "services/gateway/web/parts.h"

enum { DEPENDANTS_OPEN = 40 }; /* a longer list is folded up */

void part_location(struct html *html, const json_t *location) {
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

void part_package_sets(struct html *html, const json_t *sets) {
    long long count = json_integer_value(json_object_get(sets, "count"));
    const char *first = part_text(sets, "first"), *last = part_text(sets, "last");
    html_element(html, "dt", NULL, "Package sets");
    html_begin(html, "dd");
    if (count == 0) html_text(html, "none");
    if (count > 0) part_link(html, last, "/package-sets/%s", last);
    if (count > 1) {
        html_text(html, count > 2 ? " back to " : " and ");
        part_link(html, first, "/package-sets/%s", first);
        html_format(html, count > 2 ? " (%lld sets)" : "", count);
    }
    html_end(html);
}

static void write_package(struct html *html, const char *name, const char *range) {
    html_begin(html, "li");
    part_link(html, name, "/packages/%s", name);
    html_format(html, " %s", range);
    html_end(html);
}

void part_dependencies(struct html *html, const char *title, const json_t *dependencies) {
    const char *name;
    const json_t *range;
    if (json_object_size(dependencies) == 0) return;
    html_element(html, "h2", NULL, title);
    html_begin(html, "ul");
    html_attribute(html, "class", "columns");
    json_object_foreach((json_t *)dependencies, name, range) write_package(html, name, json_string_value(range));
    html_end(html);
}

void part_dependants(struct html *html, const json_t *dependants) {
    size_t count = json_array_size(dependants), i;
    json_t *dependant;
    html_element(html, "h2", NULL, "Dependants");
    html_begin(html, "p");
    if (count == 0) html_text(html, "No package depends on it with its latest version.");
    if (count > 0)
        html_format(html, "%zu package%s on it with %s latest version%s.", count, count == 1 ? " depends" : "s depend",
                    count == 1 ? "its" : "their", count == 1 ? "" : "s");
    html_end(html);
    if (count == 0) return;
    html_begin(html, count > DEPENDANTS_OPEN ? "details" : "div");
    if (count > DEPENDANTS_OPEN) html_element(html, "summary", NULL, "All of them");
    html_begin(html, "ul");
    html_attribute(html, "class", "columns");
    json_array_foreach(dependants, i, dependant)
        write_package(html, part_text(dependant, "name"), part_text(dependant, "range"));
    html_end(html);
    html_end(html);
}
