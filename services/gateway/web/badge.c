/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /packages/NAME/badge.svg: an image for the README of a package, with its latest version, or with whether that builds with a
 * compiler. The words are squeezed into their boxes, whatever font the reader has.
 */
#include <jansson.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/json.h"
#include "lib/base/text.h"
#include "lib/domain/matrix/cell_state.h"
#include "lib/domain/package/package_name.h"
#include "services/gateway/backend/service_asker.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/http/header_lists.h"
#include "services/gateway/web/build_state.h"
#include "services/gateway/web/html.h"
#include "services/gateway/web/parts.h"

#define BLUE "#0a5c9e"
#define ORANGE "#a94600"
#define GREY "#5f6673"
#define DARK "#32394a"

enum { CHARACTER_WIDTH = 7, MARGIN = 8, HEIGHT = 20, LABEL_MAX = 60 };

/* In the call's arena. */
struct badge {
    const char *label, *compiler; /* `compiler` may be NULL */
    const char *if_none_match;
};

/* ---- The image ---- */

static void set_number(struct html *html, const char *name, size_t number) {
    char text[32];
    snprintf(text, sizeof text, "%zu", number);
    html_attribute(html, name, text);
}

static void write_box(struct html *html, size_t x, size_t width, const char *colour, const char *text) {
    html_begin(html, "rect");
    set_number(html, "x", x);
    set_number(html, "width", width);
    set_number(html, "height", HEIGHT);
    html_attribute(html, "fill", colour);
    html_end(html);
    html_begin(html, "text");
    set_number(html, "x", x + MARGIN);
    html_attribute(html, "y", "14");
    set_number(html, "textLength", width - (size_t)2 * MARGIN);
    html_attribute(html, "lengthAdjust", "spacingAndGlyphs");
    html_text(html, text);
    html_end(html);
}

static size_t width_of(const char *text) {
    return text_count_characters(text) * CHARACTER_WIDTH + (size_t)2 * MARGIN;
}

static void write_image(struct text *out, const char *label, const char *value, const char *colour) {
    struct html html = {.out = out};
    size_t left = width_of(label), right = width_of(value);
    html_begin(&html, "svg");
    html_attribute(&html, "xmlns", "http://www.w3.org/2000/svg");
    set_number(&html, "width", left + right);
    set_number(&html, "height", HEIGHT);
    html_attribute(&html, "role", "img");
    html_begin(&html, "title");
    html_format(&html, "%s: %s", label, value);
    html_end(&html);
    html_begin(&html, "g");
    html_attribute(&html, "fill", "#fff");
    html_attribute(&html, "font-family", "Verdana, DejaVu Sans, sans-serif");
    html_attribute(&html, "font-size", "11");
    write_box(&html, 0, left, DARK, label);
    write_box(&html, left, right, colour, value);
    html_end(&html);
    html_end(&html);
}

/* ---- The answer ---- */

static void answer_image(struct call *call, const struct badge *badge, const char *value, const char *colour, int http_status) {
    struct answer *answer = &call->answer;
    char hash[SHA256_SRI_MAX];
    write_image(&answer->body, badge->label, value, colour);
    hash_sha256_sri(answer->body.bytes, answer->body.length, hash);
    const char *tag = arena_format(&call->arena, "\"%s\"", hash);
    answer->content_type = "image/svg+xml";
    answer->http_status = http_status;
    answer_header(answer, "etag", tag);
    answer_header(answer, "cache-control", "public, max-age=300"); /* as long as READMEs show an earlier one */
    answer_header(answer, "content-security-policy", "default-src 'none'");
    if (http_status != 200 || !header_list_has_tag(badge->if_none_match, tag)) return;
    answer->http_status = 304;
    text_clear(&answer->body);
}

static void answer_state(struct call *call, const struct badge *badge, const json_t *version) {
    enum cell_state state;
    const char *text = NULL;
    size_t i;
    json_t *cell;
    json_array_foreach(json_object_get(version, "matrix"), i,
                       cell) if (text_equal(part_text(cell, "compiler"), badge->compiler)) text = part_text(cell, "state");
    const char *words = cell_state_parse(text, &state) ? build_state_of(state)->word : "unknown compiler";
    const char *colour = text_equal(text, "succeeded") ? BLUE : text_equal(text, "failed") ? ORANGE : GREY;
    answer_image(call, badge, arena_format(&call->arena, "%s: %s", badge->compiler, words), colour, 200);
}

/* service_question.prepare */
static void make_badge(struct call *call) {
    const struct service_question *question = call->work_data;
    const struct badge *badge = question->context;
    const char *json = question->answer.json_answer.json;
    json_t *version = NULL;
    if (json_read(&version, json, strlen(json), "The answer", NULL)) version = NULL;
    if (badge->compiler)
        answer_state(call, badge, version);
    else
        answer_image(call, badge, arena_format(&call->arena, "v%s", part_text(version, "version")), BLUE, 200);
    json_decref(version);
}

static void send_badge(struct call *call) {
    const struct service_question *question = call->work_data;
    if (question->status && question->status != STATUS_NOT_FOUND) {
        call_fail_with_question(call, question, "Packages cannot be looked up at the moment: try again in a few seconds.");
        return;
    }
    if (question->status) answer_image(call, question->context, "unknown package", GREY, 404);
    call_send_made(call);
}

/* An unknown package is looked for in memory alone: images are loaded often, and nobody waits for a new package's. */
void get_package_badge(struct call *call) {
    const char *name = call->parameters[0];
    struct badge *badge = arena_alloc(&call->arena, sizeof *badge);
    struct service_question *question = arena_alloc(&call->arena, sizeof *question);
    *badge = (struct badge){.label = arena_format(&call->arena, "%.*s", LABEL_MAX, name),
                            .compiler = query_text(&call->query, "compiler"),
                            .if_none_match = call_request_header(call, "if-none-match")};
    if (package_name_check(name, NULL)) {
        badge->label = "PureScript";
        answer_image(call, badge, "unknown package", GREY, 404);
        call_send_made(call);
        return;
    }
    *question = (struct service_question){
        .request = {.tag = MESSAGE_known_package_query, .known_package_query = {.name = name, .version = "latest"}},
        .expected = MESSAGE_json_answer,
        .prepare = make_badge,
        .go_on = send_badge,
        .context = badge};
    call->work_data = question;
    service_asker_ask(call->gateway->matrix_asker, call, question);
}
