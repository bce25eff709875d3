/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /package-sets/excuses and /package-sets/excuses/NAME: why packages are, or are not, in the latest package set, and what is in
 * the way of the next compiler.
 */
#include <ctype.h>
#include <jansson.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/domain/set/set_excuses.h"
#include "services/gateway/http/call.h"
#include "services/gateway/routes/package_set_question.h"
#include "services/gateway/web/excuse_parts.h"
#include "services/gateway/web/page.h"
#include "services/gateway/web/parts.h"

enum { TITLE_MAX = 32 };

/* "fails_with_set" as "Fails with set". */
static const char *print_title(const char *text, char out[TITLE_MAX]) {
    size_t i = 0;
    for (; text[i] && i < TITLE_MAX - 1; i++)
        out[i] = text[i] == '_' ? ' ' : text[i];
    out[i] = '\0';
    out[0] = (char)toupper((unsigned char)out[0]);
    return out;
}

/* ---- Which are shown ---- */

void excuse_search_write(struct html *html, const struct excuse_view *view) {
    char title[TITLE_MAX];
    html_begin(html, "form");
    html_attribute(html, "id", "excuse-search");
    html_attribute(html, "class", "inline");
    html_attribute(html, "action", "/package-sets/excuses");
    part_input(html, "name", "Name of the package", view->name);
    part_choice_begin(html, "verdict", "Verdict");
    part_option(html, "", "Any", !view->verdict);
    for (int i = 0; i < SET_VERDICT_COUNT; i++) {
        const char *text = set_verdict_text((enum set_verdict)i);
        part_option(html, text, print_title(text, title), text_equal(text, view->verdict));
    }
    html_end(html);
    html_element(html, "button", NULL, "Show");
    html_end(html);
}

static bool is_shown(const json_t *excuse, const struct excuse_view *view, const char *verdict) {
    return strcmp(part_text(excuse, "verdict"), verdict) == 0 && (!view->verdict || strcmp(view->verdict, verdict) == 0) &&
           (!view->name || strcasestr(part_text(excuse, "name"), view->name));
}

static size_t count_shown(const json_t *excuses, const struct excuse_view *view, const char *verdict) {
    size_t i, count = 0;
    json_t *excuse;
    json_array_foreach(excuses, i, excuse) count += is_shown(excuse, view, verdict);
    return count;
}

/* ---- How recent this is ---- */

static void write_next_update(struct html *html, const char *next) {
    int64_t time_ms = 0;
    if (!*next) return;
    if (time_parse(next, &time_ms) && time_ms <= clock_now_ms()) {
        html_text(html, " The next one is due now.");
        return;
    }
    html_text(html, " The next one starts at ");
    part_time(html, next);
    html_text(html, ".");
}

static void write_state(struct html *html, const json_t *answer) {
    const json_t *set = json_object_get(answer, "packageSet"), *checked = json_object_get(answer, "checked");
    const char *version = part_text(set, "version");
    html_begin(html, "p");
    html_text(html, "The latest package set is ");
    part_link(html, version, "/package-sets/%s", version);
    html_format(html, ", with the compiler %s. ", part_text(set, "compiler"));
    if (checked) {
        html_text(html, "The last update that tried all candidates ended at ");
        part_time(html, part_text(checked, "time"));
        html_text(html, ": ");
        part_link(html, "its log", "/jobs/%s", part_text(checked, "jobId"));
        html_text(html, ".");
    } else {
        html_text(html, "No update has tried all candidates yet.");
    }
    write_next_update(html, part_text(answer, "nextUpdate"));
    html_end(html);
}

/* ---- Verdicts ---- */

static void write_count(struct html *html, const json_t *counts, enum set_verdict verdict) {
    char title[TITLE_MAX];
    const char *text = set_verdict_text(verdict);
    html_begin(html, "tr");
    html_begin(html, "td");
    part_link(html, print_title(text, title), "/package-sets/excuses?verdict=%s", text);
    html_end(html);
    part_number_cell(html, json_integer_value(json_object_get(counts, text)));
    part_cell(html, set_verdict_meaning(verdict));
    html_element(html, "td", "wide", set_party_text(set_verdict_party(verdict)));
    html_end(html);
}

static void write_counts(struct html *html, const json_t *counts) {
    static const char *const heads[] = {"Verdict", "#Packages", "Meaning", "-Who can act", NULL};
    html_element(html, "h2", NULL, "Verdicts");
    part_table_begin(html, heads);
    for (int i = 0; i < SET_VERDICT_COUNT; i++)
        write_count(html, counts, (enum set_verdict)i);
    part_table_end(html);
}

static void write_excuse_row(struct html *html, const json_t *excuse) {
    html_begin(html, "tr");
    html_begin(html, "td");
    part_link(html, part_text(excuse, "name"), "/package-sets/excuses/%s", part_text(excuse, "name"));
    html_end(html);
    part_cell(html, part_text(excuse, "sentence"));
    html_begin(html, "td");
    part_date(html, part_text(excuse, "since"));
    html_end(html);
    html_end(html);
}

/* The packages with this verdict that are shown: a heading with their number, and a row each. */
static void write_group(struct html *html, const json_t *excuses, const struct excuse_view *view, enum set_verdict verdict) {
    static const char *const heads[] = {"Package", "Why", "Since", NULL};
    char title[TITLE_MAX];
    const char *text = set_verdict_text(verdict);
    size_t i, count = count_shown(excuses, view, text);
    json_t *excuse;
    if (count == 0) return;
    html_begin(html, "section");
    html_begin(html, "h2");
    html_attribute(html, "id", text);
    html_format(html, "%s (%zu)", print_title(text, title), count);
    html_end(html);
    html_begin(html, "p");
    html_format(html, "%s Who can act: %s.", set_verdict_meaning(verdict), set_party_text(set_verdict_party(verdict)));
    html_end(html);
    part_table_begin(html, heads);
    json_array_foreach(excuses, i, excuse) if (is_shown(excuse, view, text)) write_excuse_row(html, excuse);
    part_table_end(html);
    html_end(html);
}

/* Those that are in the set come last. */
static void write_groups(struct html *html, const json_t *excuses, const struct excuse_view *view) {
    size_t count = 0;
    for (int i = 0; i < SET_VERDICT_COUNT; i++)
        count += count_shown(excuses, view, set_verdict_text((enum set_verdict)i));
    html_begin(html, "p");
    html_attribute(html, "id", "excuse-count");
    html_attribute(html, "role", "status");
    html_format(html, count == 1 ? "1 package." : "%zu packages.", count);
    html_end(html);
    html_begin(html, "div");
    html_attribute(html, "id", "excuses");
    for (int i = 0; i < SET_VERDICT_COUNT; i++)
        if (i != SET_VERDICT_IN_SET) write_group(html, excuses, view, (enum set_verdict)i);
    write_group(html, excuses, view, SET_VERDICT_IN_SET);
    html_end(html);
}

/* ---- The next compilers ---- */

static void write_names(struct html *html, const json_t *names) {
    size_t i;
    json_t *name;
    json_array_foreach(names, i, name) {
        if (i > 0) html_text(html, ", ");
        part_link(html, json_string_value(name), "/package-sets/excuses/%s", json_string_value(name));
    }
}

/* How many others are in the way because of this package, without those between them. */
static size_t count_through(const json_t *obstacles, const char *name) {
    size_t i, k, count = 0;
    json_t *obstacle, *through;
    json_array_foreach(obstacles, i, obstacle) json_array_foreach(json_object_get(obstacle, "through"), k, through) count +=
        text_equal(json_string_value(through), name);
    return count;
}

static void write_obstacle(struct html *html, const json_t *obstacles, const json_t *obstacle) {
    const char *name = part_text(obstacle, "name"), *newer = part_text(obstacle, "newer"),
               *lower = part_text(obstacle, "lower");
    const json_t *through = json_object_get(obstacle, "through");
    html_begin(html, "tr");
    html_begin(html, "td");
    part_link(html, name, "/package-sets/excuses/%s", name);
    html_format(html, " %s", part_text(obstacle, "version"));
    html_end(html);
    html_begin(html, "td");
    if (through)
        write_names(html, through);
    else
        html_text(html, "by itself");
    html_end(html);
    html_begin(html, "td");
    if (*newer || *lower) html_format(html, "%s builds with it", *newer ? newer : lower);
    html_end(html);
    part_number_cell(html, (long long)count_through(obstacles, name));
    html_end(html);
}

/* The packages that are in the way by themselves come first: others follow when these are out of the way. */
static void write_obstacles(struct html *html, const json_t *obstacles) {
    static const char *const heads[] = {"Package", "In the way", "Other version", "#Depend on it", NULL};
    size_t i;
    json_t *obstacle;
    part_table_begin(html, heads);
    json_array_foreach(obstacles, i, obstacle) if (!json_object_get(obstacle, "through"))
        write_obstacle(html, obstacles, obstacle);
    json_array_foreach(obstacles, i, obstacle) if (json_object_get(obstacle, "through"))
        write_obstacle(html, obstacles, obstacle);
    part_table_end(html);
}

static void write_next_compiler(struct html *html, const json_t *next) {
    const json_t *obstacles = json_object_get(next, "inTheWay");
    size_t i, roots = 0, count = json_array_size(obstacles);
    json_t *obstacle;
    json_array_foreach(obstacles, i, obstacle) roots += !json_object_get(obstacle, "through");
    html_begin(html, "h2");
    html_format(html, "In the way of compiler %s", part_text(next, "compiler"));
    html_end(html);
    if (count == 0) {
        html_element(html, "p", NULL, "Nothing: each version of the set is known to build with it.");
        return;
    }
    html_begin(html, "details");
    html_begin(html, "summary");
    html_format(html, "%zu packages of the set are not known to build with it, %zu of them by themselves", count, roots);
    html_end(html);
    write_obstacles(html, obstacles);
    html_end(html);
}

/* ---- The page of all ---- */

static void write_all(struct html *html, const json_t *answer, const void *context) {
    const struct excuse_view *view = context;
    size_t i;
    json_t *next;
    page_begin(html, "Why packages are in the package set, or not", "/package-sets");
    page_load_script(html, "excuses.js");
    write_state(html, answer);
    excuse_search_write(html, view);
    if (!view->name && !view->verdict) {
        write_counts(html, json_object_get(answer, "counts"));
        json_array_foreach(json_object_get(answer, "nextCompilers"), i, next) write_next_compiler(html, next);
    }
    write_groups(html, json_object_get(answer, "excuses"), view);
    page_end(html);
}

void get_excuses_page(struct call *call) {
    struct excuse_view *view = arena_alloc(&call->arena, sizeof *view);
    *view = (struct excuse_view){query_text(&call->query, "name"), query_text(&call->query, "verdict")};
    package_set_question_ask_excuses(call, NULL, write_all, view);
}

/* ---- One package ---- */

static void write_names_fact(struct html *html, const char *fact, const json_t *names) {
    if (json_array_size(names) == 0) return;
    html_element(html, "dt", NULL, fact);
    html_begin(html, "dd");
    write_names(html, names);
    html_end(html);
}

static void write_facts(struct html *html, const json_t *excuse) {
    const char *name = part_text(excuse, "name"), *version = part_text(excuse, "version"), *job = part_text(excuse, "jobId");
    char title[TITLE_MAX];
    html_begin(html, "dl");
    part_linked_fact(html, "Package", name, "/packages/%s", name);
    if (*version) part_linked_fact(html, "Version", version, "/packages/%s/%s", name, version);
    part_fact(html, "Version in the set", part_text(excuse, "setVersion"));
    part_fact(html, "Verdict", print_title(part_text(excuse, "verdict"), title));
    part_fact(html, "Who can act", part_text(excuse, "whoCanAct"));
    if (*part_text(excuse, "since")) {
        html_element(html, "dt", NULL, "Since");
        html_begin(html, "dd");
        part_time(html, part_text(excuse, "since"));
        html_end(html);
    }
    if (*job) part_linked_fact(html, "Shown by the log of", job, "/jobs/%s", job);
    write_names_fact(html, "Blocked by", json_object_get(excuse, "blockedBy"));
    write_names_fact(html, "Which is because of", json_object_get(excuse, "roots"));
    html_end(html);
}

static void write_one(struct html *html, const json_t *answer, const void *context) {
    (void)context;
    const json_t *excuse = json_object_get(answer, "excuse");
    size_t i;
    json_t *next;
    struct text title = {0};
    text_append_format(&title, "%s and the package set", part_text(excuse, "name"));
    page_begin(html, title.bytes, "/package-sets");
    text_release(&title);
    html_element(html, "p", "verdict", part_text(excuse, "sentence"));
    write_facts(html, excuse);
    write_state(html, answer);
    json_array_foreach(json_object_get(answer, "nextCompilers"), i, next) {
        if (json_array_size(json_object_get(next, "inTheWay")) > 0) write_next_compiler(html, next);
    }
    html_begin(html, "p");
    html_link(html, "/package-sets/excuses", "The other packages");
    html_end(html);
    page_end(html);
}

void get_excuse_page(struct call *call) {
    package_set_question_ask_excuses(call, call->parameters[0], write_one, NULL);
}
