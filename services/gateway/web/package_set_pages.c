/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /package-sets, /package-sets/SET, and /package-sets/SET/compare/SET, to which the form of a set's page leads.
 */
#include <jansson.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/base/url.h"
#include "lib/domain/package/version.h"
#include "services/gateway/http/call.h"
#include "services/gateway/routes/package_set_question.h"
#include "services/gateway/web/excuse_parts.h"
#include "services/gateway/web/page.h"
#include "services/gateway/web/parts.h"

#define SECTION "/package-sets"

/* ---- All sets ---- */

static void write_set_in_list(struct html *html, const json_t *set) {
    html_begin(html, "tr");
    html_begin(html, "td");
    part_link(html, part_text(set, "version"), "/package-sets/%s", part_text(set, "version"));
    html_end(html);
    part_cell(html, part_text(set, "compiler"));
    html_begin(html, "td");
    part_date(html, part_text(set, "published"));
    html_end(html);
    part_number_cell(html, json_integer_value(json_object_get(set, "packageCount")));
    html_end(html);
}

static void write_list(struct html *html, const json_t *answer) {
    static const char *const heads[] = {"Version", "Compiler", "Released", "#Packages", NULL};
    size_t i;
    json_t *set;
    const char *next = json_string_value(json_object_get(answer, "next"));
    page_begin(html, "Package sets", SECTION);
    html_element(html, "p", NULL,
                 "A package set is one version of each of many packages, which all compile together with one compiler. spago "
                 "takes its versions from it. A released set never changes.");
    html_element(html, "h2", NULL, "Why is a package not in it?");
    excuse_search_write(html, &(struct excuse_view){0});
    html_element(html, "h2", NULL, "All sets");
    part_table_begin(html, heads);
    json_array_foreach(json_object_get(answer, "packageSets"), i, set) write_set_in_list(html, set);
    part_table_end(html);
    if (next) {
        struct text address = {0};
        text_append(&address, SECTION);
        url_append_parameter(&address, "after", next);
        part_next(html, address.bytes, "Older sets");
        text_release(&address);
    }
    page_end(html);
}

void get_package_sets_page(struct call *call) {
    package_set_question_ask_page(call, write_list);
}

/* ---- Changes from one set to another ---- */

/* A cell with a link to the version; an empty one for "". */
static void write_version_cell(struct html *html, const char *name, const char *version) {
    html_begin(html, "td");
    html_attribute(html, "class", "short");
    if (*version) part_link(html, version, "/packages/%s/%s", name, version);
    html_end(html);
}

static void write_change(struct html *html, const char *name, const char *change, const char *from, const char *to) {
    html_begin(html, "tr");
    html_begin(html, "td");
    part_link(html, name, "/packages/%s", name);
    html_end(html);
    part_cell(html, change);
    write_version_cell(html, name, from);
    write_version_cell(html, name, to);
    html_end(html);
}

/* What an upgrade is called whose `by` is this. */
static const char *upgrade_name(const char *by) {
    static const char *const names[][2] = {{"major", "Major upgrade"}, {"minor", "Minor upgrade"}, {"patch", "Patch"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i][0], by) == 0) return names[i][1];
    return "Downgrade";
}

static void write_change_rows(struct html *html, const json_t *comparison) {
    static const char *const heads[] = {"Package", "Change", "From", "To", NULL};
    const char *name;
    json_t *version, *upgrade;
    part_table_begin(html, heads);
    json_object_foreach(json_object_get(comparison, "added"), name, version)
        write_change(html, name, "Added", "", json_string_value(version));
    json_object_foreach(json_object_get(comparison, "removed"), name, version)
        write_change(html, name, "Removed", json_string_value(version), "");
    json_object_foreach(json_object_get(comparison, "upgraded"), name, upgrade)
        write_change(html, name, upgrade_name(part_text(upgrade, "by")), part_text(upgrade, "from"), part_text(upgrade, "to"));
    part_table_end(html);
}

static void write_changes(struct html *html, const json_t *comparison) {
    const json_t *from = json_object_get(comparison, "from"), *to = json_object_get(comparison, "to");
    size_t added = json_object_size(json_object_get(comparison, "added")),
           removed = json_object_size(json_object_get(comparison, "removed")),
           upgraded = json_object_size(json_object_get(comparison, "upgraded"));
    html_begin(html, "p");
    html_format(html, "%zu added, %zu removed, %zu with another version.", added, removed, upgraded);
    if (strcmp(part_text(from, "compiler"), part_text(to, "compiler")) != 0)
        html_format(html, " The compiler changes from %s to %s.", part_text(from, "compiler"), part_text(to, "compiler"));
    html_end(html);
    if (added + removed + upgraded > 0) write_change_rows(html, comparison);
}

static void write_comparison(struct html *html, const json_t *comparison) {
    const char *from = part_text(json_object_get(comparison, "from"), "version"),
               *to = part_text(json_object_get(comparison, "to"), "version");
    struct text title = {0};
    text_append_format(&title, "From package set %s to %s", from, to);
    page_begin(html, title.bytes, SECTION);
    text_release(&title);
    html_begin(html, "p");
    part_link(html, from, "/package-sets/%s", from);
    html_text(html, ", ");
    part_date(html, part_text(json_object_get(comparison, "from"), "published"));
    html_text(html, "; ");
    part_link(html, to, "/package-sets/%s", to);
    html_text(html, ", ");
    part_date(html, part_text(json_object_get(comparison, "to"), "published"));
    html_text(html, ". ");
    part_link(html, "The other way round", "/package-sets/%s/compare/%s", to, from);
    html_end(html);
    write_changes(html, comparison);
    page_end(html);
}

void get_package_set_comparison_page(struct call *call) {
    package_set_question_ask_comparison(call, write_comparison);
}

/* True if the set `a` is older than `b`; both are well-formed. */
static bool is_older(const char *a, const char *b) {
    struct version version, other;
    bool is_version = !version_parse(&version, a, NULL);
    return is_version && (version_parse(&other, b, NULL) || version_compare(version, other) < 0);
}

/* Leads to the comparison, from the older set to the newer. */
void get_package_set_choice(struct call *call) {
    const char *set = call->parameters[0], *with = query_text(&call->query, "with");
    if (!with) with = "latest";
    if (!package_set_question_check(call, set, "set") || !package_set_question_check(call, with, "with")) return;
    bool is_forward = is_older(set, with);
    call->answer.http_status = 303;
    answer_header(&call->answer, "location",
                  arena_format(&call->arena, "/package-sets/%s/compare/%s", is_forward ? set : with, is_forward ? with : set));
    call_send(call);
}

/* ---- One set ---- */

static void write_choice(struct html *html, const char *version) {
    struct text action = {0};
    text_append_format(&action, "/package-sets/%s/compare", version);
    html_begin(html, "form");
    html_attribute(html, "class", "inline");
    html_attribute(html, "action", action.bytes);
    part_input(html, "with", "Compare with the set", NULL);
    html_element(html, "button", NULL, "Show the changes");
    html_end(html);
    text_release(&action);
}

static void write_neighbours(struct html *html, const json_t *answer) {
    const char *following = part_text(answer, "following"),
               *previous = part_text(json_object_get(json_object_get(answer, "changes"), "from"), "version");
    html_begin(html, "dl");
    if (*previous) part_linked_fact(html, "The set before it", previous, "/package-sets/%s", previous);
    if (*following) part_linked_fact(html, "The set after it", following, "/package-sets/%s", following);
    if (!*following) part_fact(html, "The set after it", "None: this is the latest set.");
    html_end(html);
}

static void write_members(struct html *html, const json_t *packages) {
    static const char *const heads[] = {"Package", "Version", NULL};
    const char *name;
    json_t *version;
    html_element(html, "h2", NULL, "Packages");
    part_table_begin(html, heads);
    json_object_foreach((json_t *)packages, name, version) {
        html_begin(html, "tr");
        html_begin(html, "td");
        part_link(html, name, "/packages/%s", name);
        html_end(html);
        write_version_cell(html, name, json_string_value(version));
        html_end(html);
    }
    part_table_end(html);
}

static void write_set(struct html *html, const json_t *answer) {
    const json_t *set = json_object_get(answer, "set"), *changes = json_object_get(answer, "changes"),
                 *packages = json_object_get(set, "packages");
    struct text title = {0};
    text_append_format(&title, "Package set %s", part_text(set, "version"));
    page_begin(html, title.bytes, SECTION);
    text_release(&title);
    html_begin(html, "p");
    html_format(html, "%zu packages that compile together with the compiler %s. Released on ", json_object_size(packages),
                part_text(set, "compiler"));
    part_date(html, part_text(set, "published"));
    html_text(html, ".");
    html_end(html);
    write_neighbours(html, answer);
    write_choice(html, part_text(set, "version"));
    if (changes) {
        html_begin(html, "h2");
        html_format(html, "Changes since %s", part_text(json_object_get(changes, "from"), "version"));
        html_end(html);
        write_changes(html, changes);
    }
    write_members(html, packages);
    page_end(html);
}

void get_package_set_page(struct call *call) {
    package_set_question_ask_detail(call, write_set);
}
