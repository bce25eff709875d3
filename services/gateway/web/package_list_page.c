/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /packages: the answer of the API's route of the same name, as a page. assets/package_search.js takes `#packages` out of it.
 */
#include <jansson.h>
#include <string.h>

#include "lib/base/text.h"
#include "services/gateway/http/call.h"
#include "services/gateway/http/query.h"
#include "services/gateway/routes/package_question.h"
#include "services/gateway/routes/registry_query.h"
#include "services/gateway/web/page.h"
#include "services/gateway/web/parts.h"

static void write_package(struct html *html, const json_t *package) {
    const char *name = part_text(package, "name"), *description = part_text(package, "description");
    html_begin(html, "tr");
    part_cell_begin(html);
    part_link(html, name, "/packages/%s", name);
    if (*description) html_element(html, "span", "about", description);
    html_end(html);
    part_cell(html, part_text(package, "latest"));
    part_wide_cell_begin(html);
    part_date(html, part_text(package, "publishedTime"));
    html_end(html);
    part_number_cell(html, json_integer_value(json_object_get(package, "dependants")));
    html_begin(html, "td");
    html_attribute(html, "class", "wide number");
    html_format(html, "%lld", (long long)json_integer_value(json_object_get(package, "versions")));
    html_end(html);
    html_end(html);
}

/* How many there are: the module tells readers of a screen when it has changed. */
static void write_total(struct html *html, const json_t *answer, const char *search) {
    long long total = json_integer_value(json_object_get(answer, "total"));
    html_begin(html, "p");
    html_attribute(html, "class", "faint");
    if (total == 0 && search)
        html_format(html, "No package matches “%s”.", search);
    else
        html_format(html, search ? "%lld package%s found" : "%lld package%s", total, total == 1 ? "" : "s");
    html_end(html);
}

static void write_next(struct html *html, const json_t *answer, const struct query *parameters) {
    const char *next = json_string_value(json_object_get(answer, "next"));
    struct text address = {0};
    if (!next) return;
    text_append(&address, "/packages");
    registry_query_append_next(&address, parameters, next);
    part_next(html, address.bytes, "More packages");
    text_release(&address);
}

static void write_packages(struct html *html, const json_t *answer, const void *view) {
    static const char *const heads[] = {"Name", "Latest version", "-Published", "#Dependants", "-#Versions", NULL};
    const struct query *parameters = view;
    const char *search = query_text(parameters, "search");
    const json_t *packages = json_object_get(answer, "packages");
    size_t i;
    json_t *package;
    page_begin(html, "Packages", "/packages");
    part_package_search(html, search, query_text(parameters, "sort"));
    html_begin(html, "div");
    html_attribute(html, "id", "packages");
    write_total(html, answer, text_is_blank(search) ? NULL : search);
    if (json_array_size(packages) > 0) {
        part_table_begin(html, heads);
        json_array_foreach(packages, i, package) write_package(html, package);
        part_table_end(html);
    }
    write_next(html, answer, parameters);
    html_end(html);
    page_load_script(html, "package_search.js");
    page_end(html);
}

void get_packages_page(struct call *call) {
    package_question_ask_list(call, write_packages);
}
