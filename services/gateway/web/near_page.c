/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/web/near_page.h"

#include <jansson.h>
#include <string.h>

#include "lib/base/json.h"
#include "lib/base/text.h"
#include "lib/domain/package/package_name.h"
#include "lib/domain/package/version.h"
#include "lib/domain/search/package_search.h"
#include "services/gateway/backend/service_asker.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/web/page.h"
#include "services/gateway/web/parts.h"

enum { NEAR_MAX = 5 };

/* In the call's arena. */
struct near {
    const char *sentence, *name, *version; /* `version` may be NULL */
};

/* ---- The page ---- */

static void write_version_link(struct html *html, const char *name, const char *version, const char *what) {
    if (!version) return;
    html_begin(html, "li");
    part_link(html, version, "/packages/%s/%s", name, version);
    html_text(html, what);
    html_end(html);
}

/* The published versions next to the wanted one, and the latest. */
static void write_versions(struct html *html, const json_t *package, const struct near *near) {
    const char *latest = json_string_value(json_object_get(package, "latest")), *text, *below = NULL, *above = NULL;
    const json_t *published = json_object_get(json_object_get(package, "metadata"), "published"), *value;
    struct version wanted, version, low = {0}, high = {0};
    bool is_version = version_parse(&wanted, near->version, NULL) == STATUS_OK;
    json_object_foreach((json_t *)published, text, value) {
        if (!is_version || version_parse(&version, text, NULL)) continue;
        int order = version_compare(version, wanted);
        if (order < 0 && (!below || version_compare(version, low) > 0)) below = text, low = version;
        if (order > 0 && (!above || version_compare(version, high) < 0)) above = text, high = version;
    }
    html_begin(html, "ul");
    write_version_link(html, near->name, latest, ", the latest version");
    if (!text_equal(below, latest)) write_version_link(html, near->name, below, ", the one below");
    if (!text_equal(above, latest)) write_version_link(html, near->name, above, ", the one above");
    html_begin(html, "li");
    part_link(html, "All versions", "/packages/%s", near->name);
    html_end(html);
    html_end(html);
}

static void write_names(struct html *html, const json_t *list) {
    const json_t *packages = json_object_get(list, "packages");
    size_t i;
    json_t *package;
    if (json_array_size(packages) == 0) return;
    html_element(html, "h2", NULL, "Similar packages");
    html_begin(html, "ul");
    json_array_foreach(packages, i, package) {
        const char *name = part_text(package, "name");
        html_begin(html, "li");
        part_link(html, name, "/packages/%s", name);
        html_end(html);
    }
    html_end(html);
}

/* service_question.prepare: the answer is a package, or a list of packages. */
static void make_page(struct call *call) {
    const struct service_question *question = call->work_data;
    const struct near *near = question->context;
    const char *json = question->answer.json_answer.json;
    struct text page = {0};
    struct html html = {.out = &page};
    json_t *answer = NULL;
    if (json_read(&answer, json, strlen(json), "The answer", NULL)) answer = NULL;
    page_begin(&html, "Not found", NULL);
    html_element(&html, "p", NULL, near->sentence);
    if (question->request.tag == MESSAGE_known_package_query)
        write_versions(&html, answer, near);
    else
        write_names(&html, answer);
    part_package_search(&html, near->name, "");
    page_load_script(&html, "package_search.js");
    page_end(&html);
    page_make_once(call, &page, 404);
    json_decref(answer);
    text_release(&page);
}

/* ---- Asking ---- */

static void ask(struct call *call, const struct near *near, const struct message *request, void (*then)(struct call *call)) {
    struct service_question *question = arena_alloc(&call->arena, sizeof *question);
    *question = (struct service_question){
        .request = *request, .expected = MESSAGE_json_answer, .prepare = make_page, .go_on = then, .context = (void *)near};
    call->work_data = question;
    service_asker_ask(call->gateway->matrix_asker, call, question);
}

static void send_names(struct call *call) {
    const struct service_question *question = call->work_data;
    const struct near *near = question->context;
    if (question->status)
        call_fail(call, STATUS_NOT_FOUND, NULL, near->sentence);
    else
        call_send_made(call);
}

static void ask_names(struct call *call, const struct near *near) {
    char *search = arena_copy_bytes(&call->arena, near->name, strnlen(near->name, SEARCH_BYTES_MAX));
    text_mend_utf8(search, strlen(search));
    const struct message request = {.tag = MESSAGE_package_list_query,
                                    .package_list_query = {.search = search, .limit = NEAR_MAX}};
    ask(call, near, &request, send_names);
}

static void send_versions(struct call *call) {
    const struct service_question *question = call->work_data;
    if (question->status == STATUS_NOT_FOUND)
        ask_names(call, question->context);
    else
        send_names(call);
}

void near_page_answer(struct call *call, const char *sentence) {
    struct near *near = arena_alloc(&call->arena, sizeof *near);
    *near = (struct near){arena_copy(&call->arena, sentence), call->parameters[0], call->parameters[1]};
    const struct message package = {.tag = MESSAGE_known_package_query, .known_package_query.name = near->name};
    if (near->version && package_name_check(near->name, NULL) == STATUS_OK)
        ask(call, near, &package, send_versions);
    else
        ask_names(call, near);
}
