/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /matrix/causes: the answer of GET /api/v1/matrix/causes as a page.
 */
#include <jansson.h>

#include "services/gateway/http/call.h"
#include "services/gateway/routes/matrix_question.h"
#include "services/gateway/web/build_state.h"
#include "services/gateway/web/page.h"
#include "services/gateway/web/parts.h"

static void write_stopped(struct html *html, const json_t *cause) {
    const json_t *names = json_object_get(cause, "stops");
    json_int_t more = json_integer_value(json_object_get(cause, "count")) - (json_int_t)json_array_size(names);
    size_t i;
    json_t *name;
    html_begin(html, "td");
    json_array_foreach(names, i, name) {
        if (i > 0) html_text(html, ", ");
        part_link(html, json_string_value(name), "/packages/%s", json_string_value(name));
    }
    if (more > 0) html_format(html, " and %" JSON_INTEGER_FORMAT " more", more);
    html_end(html);
}

static void write_cause(struct html *html, const json_t *cause) {
    const char *name = part_text(cause, "name"), *version = part_text(cause, "version");
    html_begin(html, "tr");
    html_begin(html, "td");
    part_link(html, name, "/packages/%s/%s", name, version);
    html_format(html, " %s", version);
    html_end(html);
    html_begin(html, "td");
    part_build_state(html, part_text(cause, "state"), part_text(cause, "jobId"));
    html_end(html);
    part_number_cell(html, json_integer_value(json_object_get(cause, "count")));
    write_stopped(html, cause);
    html_end(html);
}

static void write_causes(struct html *html, const json_t *answer) {
    static const char *const heads[] = {"In the way", "State", "#Stops", "Packages", NULL};
    const json_t *causes = json_object_get(answer, "causes");
    size_t i;
    json_t *cause;
    page_begin(html, "What does not build, and why", "/matrix");
    html_begin(html, "p");
    html_format(
        html,
        "A package whose dependencies do not build with %s has no plan. Here each package that does not build is under the "
        "version that stops it: one whose own build fails or is not made yet, or whose dependencies do not go together.",
        part_text(answer, "compiler"));
    html_end(html);
    html_begin(html, "p");
    part_link(html, "The whole matrix", "/matrix?compiler=%s", part_text(answer, "compiler"));
    html_end(html);
    html_begin(html, "h2");
    html_format(html, "%zu versions in the way of %s", json_array_size(causes), part_text(answer, "compiler"));
    html_end(html);
    html_begin(html, "div");
    html_attribute(html, "class", "stacked");
    part_table_begin(html, heads);
    json_array_foreach(causes, i, cause) write_cause(html, cause);
    part_table_end(html);
    html_end(html);
    page_end(html);
}

void get_matrix_causes_page(struct call *call) {
    matrix_question_ask_causes(call, write_causes);
}
