/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /matrix: which versions build with which compilers. Of the answer of GET /api/v1/matrix/cells it is counts for each
 * compiler and a list; assets/matrix.js adds the whole matrix as a map, filtered by the same form.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/base/url.h"
#include "services/gateway/http/call.h"
#include "services/gateway/routes/matrix_question.h"
#include "services/gateway/web/build_state.h"
#include "services/gateway/web/page.h"
#include "services/gateway/web/parts.h"

/* ---- The form ---- */

struct choice {
    const char *value, *text;
};

/* A labelled choice in a part of its own, ended by end_choice(). */
static void begin_choice(struct html *html, const char *name, const char *label) {
    html_begin(html, "div");
    part_choice_begin(html, name, label);
}

static void end_choice(struct html *html) {
    html_end(html);
    html_end(html);
}

static void write_name_field(struct html *html, const char *value) {
    html_begin(html, "div");
    part_input(html, "name", "Name contains", value);
    html_end(html);
}

static void write_choice(struct html *html, const char *name, const char *label, const struct choice *choices,
                         const char *chosen) {
    begin_choice(html, name, label);
    for (; choices->value; choices++)
        part_option(html, choices->value, choices->text, strcmp(choices->value, chosen) == 0);
    end_choice(html);
}

static void write_compiler_choice(struct html *html, const char *name, const char *label, const json_t *compilers,
                                  const char *none, const char *chosen) {
    size_t i;
    json_t *row;
    begin_choice(html, name, label);
    if (none) part_option(html, "", none, !*chosen);
    json_array_foreach(compilers, i, row)
        part_option(html, part_text(row, "compiler"), NULL, strcmp(part_text(row, "compiler"), chosen) == 0);
    end_choice(html);
}

static void write_state_choice(struct html *html, const char *chosen) {
    begin_choice(html, "state", "State");
    part_option(html, "any", NULL, !*chosen || strcmp(chosen, "any") == 0);
    part_option(html, "not_succeeded", "does not build", strcmp(chosen, "not_succeeded") == 0);
    for (int i = 0; i < CELL_STATE_COUNT; i++)
        part_option(html, cell_state_text((enum cell_state)i), build_state_of((enum cell_state)i)->word,
                    strcmp(chosen, cell_state_text((enum cell_state)i)) == 0);
    end_choice(html);
}

static void write_form(struct html *html, const json_t *answer) {
    static const struct choice extents[] = {{"newest", "newest"}, {"all", "all"}, {0}};
    static const struct choice ranks[] = {{"dependants", "dependants"}, {"name", "name"}, {0}};
    const json_t *filter = json_object_get(answer, "filter"), *compilers = json_object_get(answer, "compilers");
    html_begin(html, "form");
    html_attribute(html, "class", "filters");
    html_attribute(html, "id", "filters");
    html_attribute(html, "action", "/matrix");
    write_name_field(html, part_text(filter, "name"));
    write_compiler_choice(html, "compiler", "Compiler", compilers, NULL, part_text(filter, "compiler"));
    write_state_choice(html, part_text(filter, "state"));
    write_compiler_choice(html, "than", "Differs from", compilers, "(all)", part_text(filter, "than"));
    write_choice(html, "versions", "Versions", extents, part_text(filter, "versions"));
    write_choice(html, "order", "Order", ranks, part_text(filter, "order"));
    html_element(html, "button", NULL, "Show");
    html_end(html);
}

/* ---- The states ---- */

static void write_legend(struct html *html) {
    html_begin(html, "ul");
    html_attribute(html, "class", "legend");
    html_attribute(html, "id", "legend");
    for (int i = 0; i < CELL_STATE_COUNT; i++) {
        html_begin(html, "li");
        part_build_state(html, cell_state_text((enum cell_state)i), NULL);
        html_format(html, ": %s", cell_state_meaning((enum cell_state)i));
        html_end(html);
    }
    html_end(html);
}

/* ---- Counts ---- */

/* A table that may be wider than the page: it is scrolled by itself, also by keyboard. */
static void begin_scrolled(struct html *html, const char *label) {
    html_begin(html, "div");
    html_attribute(html, "class", "scrolled");
    html_attribute(html, "role", "region");
    html_attribute(html, "aria-label", label);
    html_attribute(html, "tabindex", "0");
}

static void write_counts(struct html *html, const json_t *answer) {
    const char *heads[CELL_STATE_COUNT + 2] = {"Compiler"};
    char texts[CELL_STATE_COUNT][64];
    size_t i;
    json_t *row;
    for (int state = 0; state < CELL_STATE_COUNT; state++) {
        const struct build_state *shown = build_state_of((enum cell_state)state);
        snprintf(texts[state], sizeof texts[state], "#%s %s", shown->mark, shown->word);
        heads[state + 1] = texts[state];
    }
    html_element(html, "h2", NULL, "How many build");
    begin_scrolled(html, "How many build");
    part_table_begin(html, heads);
    json_array_foreach(json_object_get(answer, "compilers"), i, row) {
        html_begin(html, "tr");
        html_begin(html, "td");
        part_link(html, part_text(row, "compiler"), "/matrix?compiler=%s", part_text(row, "compiler"));
        html_end(html);
        for (int state = 0; state < CELL_STATE_COUNT; state++)
            part_number_cell(html, json_integer_value(json_object_get(row, cell_state_text((enum cell_state)state))));
        html_end(html);
    }
    part_table_end(html);
    html_end(html);
}

/* ---- The list ---- */

static void write_cell(struct html *html, const json_t *cell, bool has_other) {
    const char *name = part_text(cell, "name"), *version = part_text(cell, "version");
    html_begin(html, "tr");
    html_begin(html, "td");
    part_link(html, name, "/packages/%s/%s", name, version);
    html_format(html, " %s", version);
    html_end(html);
    part_number_cell(html, json_integer_value(json_object_get(cell, "dependants")));
    html_begin(html, "td");
    part_build_state(html, part_text(cell, "state"), part_text(cell, "jobId"));
    html_end(html);
    html_begin(html, "td");
    if (has_other)
        part_build_state(html, part_text(cell, "otherState"), NULL);
    else
        part_date(html, part_text(cell, "time"));
    html_end(html);
    html_end(html);
}

/* The address of this page with the filter of the answer, and its list from `first` on. */
static void append_address(struct text *out, const json_t *answer, int64_t first) {
    const char *key;
    const json_t *value;
    char number[24];
    snprintf(number, sizeof number, "%" PRId64, first);
    text_append(out, "/matrix");
    if (!json_object_get(json_object_get(answer, "filter"), "state")) url_append_parameter(out, "state", "any");
    json_object_foreach(json_object_get(answer, "filter"), key, value) url_append_parameter(out, key, json_string_value(value));
    url_append_parameter(out, "first", number);
}

static void write_title(struct html *html, const json_t *answer) {
    const json_t *filter = json_object_get(answer, "filter");
    const char *state = part_text(filter, "state"), *than = part_text(filter, "than");
    enum cell_state cell;
    html_begin(html, "h2");
    html_format(html, "%" JSON_INTEGER_FORMAT " versions: %s with %s", json_integer_value(json_object_get(answer, "count")),
                strcmp(state, "not_succeeded") == 0 ? "do not build" : "the state", part_text(filter, "compiler"));
    if (cell_state_parse(state, &cell)) html_format(html, ", %s", build_state_of(cell)->word);
    if (*than) html_format(html, ", not the same with %s", than);
    html_end(html);
}

static void write_list(struct html *html, const json_t *answer) {
    const char *than = part_text(json_object_get(answer, "filter"), "than");
    char other[80];
    const char *const heads[] = {"Package", "#Dependants", part_text(json_object_get(answer, "filter"), "compiler"),
                                 *than ? other : "Since", NULL};
    const json_t *next = json_object_get(answer, "next");
    size_t i;
    json_t *cell;
    snprintf(other, sizeof other, "%s", than);
    write_title(html, answer);
    begin_scrolled(html, "Versions");
    part_table_begin(html, heads);
    json_array_foreach(json_object_get(answer, "cells"), i, cell) write_cell(html, cell, *than);
    part_table_end(html);
    html_end(html);
    if (next) {
        struct text address = {0};
        append_address(&address, answer, json_integer_value(next));
        part_next(html, address.bytes, "More versions");
        text_release(&address);
    }
}

static void write_matrix(struct html *html, const json_t *answer) {
    page_begin(html, "Build matrix", "/matrix");
    html_element(html, "p", NULL,
                 "Every version of every package with every compiler: whether it builds. Builds are made by themselves, when a "
                 "package is published and when there is a new compiler.");
    write_form(html, answer);
    html_begin(html, "p");
    part_link(html, "What is in the way of those that do not build", "/matrix/causes?compiler=%s",
              part_text(json_object_get(answer, "filter"), "compiler"));
    html_end(html);
    write_legend(html);
    html_begin(html, "section");
    html_attribute(html, "id", "map");
    html_attribute(html, "aria-label", "Map");
    html_attribute(html, "hidden", "");
    html_attribute(html, "data-source", "/api/v1/matrix");
    html_end(html);
    html_begin(html, "section");
    html_attribute(html, "id", "list");
    write_list(html, answer);
    write_counts(html, answer);
    html_end(html);
    page_load_script(html, "matrix.js");
    page_end(html);
}

void get_matrix_page(struct call *call) {
    matrix_question_ask_cells(call, write_matrix);
}
