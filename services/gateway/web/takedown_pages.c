/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET and POST /dmca, GET /dmca/REFERENCE: the policy about copyright, a form that makes a case, and what became of a case.
 *
 *   POST ── form is faulty ──────────────► 400, the form again
 *        ── build-matrix: no such package ► 400, the form again
 *        ── build-matrix is away ─┐
 *        ── the package is known ─┴─ the case is kept ──► 303 to /dmca/REFERENCE
 */
#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <strings.h>

#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/store/takedown/takedown_store.h"
#include "services/gateway/backend/service_asker.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/http/origin.h"
#include "services/gateway/web/page.h"
#include "services/gateway/web/parts.h"
#include "services/gateway/web/takedown_form.h"

#define FORM_TYPE "application/x-www-form-urlencoded"

/* ---- The page ---- */

static void write_list(struct html *html, const char *element, const char *const *sentences) {
    html_begin(html, element);
    for (; *sentences; sentences++)
        html_element(html, "li", NULL, *sentences);
    html_end(html);
}

static void write_policy(struct html *html, const char *contact) {
    static const char *const course[] = {
        "You get a reference number at once. Its page shows whether the case is open, and later what was decided.",
        "An operator reads what you wrote, and asks you by e-mail if something is missing.",
        "If your request is justified, the named versions are unpublished: nobody can download them here any more. Name and "
        "number "
        "stay taken, so that nothing else can appear in their place.",
        "The decision is published with the reference and the package, without your name, address or words.", NULL};
    html_element(html, "p", NULL,
                 "Packages here are other people's work, published by their authors under a license that must allow it. If a "
                 "package has work of yours that it may not have, ask for it to be taken down with the form below.");
    html_element(
        html, "p", NULL,
        "Where the license of a package is only stated wrongly, or your name is missing in it, write to its authors first: "
        "its repository is on the package's page, and a corrected version helps more than one that is gone.");
    html_element(html, "h2", NULL, "What happens then");
    write_list(html, "ol", course);
    html_begin(html, "p");
    html_text(html, "All decisions are in ");
    html_link(html, "/feeds/takedowns.atom", "a feed of takedowns");
    html_text(html, ".");
    html_end(html);
    html_element(html, "h2", NULL, "If your package was taken down");
    html_element(
        html, "p", NULL,
        "The operators tell you when they act, with the reference of the case. If you think that the request was a mistake, "
        "answer them with the reference, and say why you may publish the work: the case is looked at again.");
    if (!contact) return;
    html_element(html, "h2", NULL, "By post or e-mail");
    html_begin(html, "p");
    html_format(html, "Requests reach the registry's agent without the form, too: %s", contact);
    html_end(html);
}

static void write_page(struct html *html, struct call *call, const struct takedown_form *form) {
    page_begin_with_feed(html, "Copyright and takedowns", NULL, "/feeds/takedowns.atom");
    write_policy(html, call->gateway->settings->dmca_contact);
    html_begin(html, "h2");
    html_attribute(html, "id", "form");
    html_text(html, "Ask for a takedown");
    html_end(html);
    html_element(
        html, "p", NULL,
        "Your name, address and words are read by the registry's operators alone, and by the package's owners where they "
        "object.");
    takedown_form_write(html, form);
    page_end(html);
}

void get_takedown_page(struct call *call) {
    static const struct takedown_form empty;
    struct text page = {0};
    struct html html = {.out = &page};
    write_page(&html, call, &empty);
    page_send(call, &page);
    text_release(&page);
}

/* ---- The form ---- */

struct submission {
    struct takedown_form form;
    struct takedown takedown;
    struct service_question question;
};

static void show_again(struct call *call, const struct takedown_form *form) {
    struct text page = {0};
    struct html html = {.out = &page};
    write_page(&html, call, form);
    page_send_once(call, &page, 400);
    text_release(&page);
}

/* call.work: on a thread of the store pool */
static enum status keep_case(struct call *call, struct job_store *store, struct error *err) {
    struct submission *submission = call->work_data;
    struct takedown *takedown = &submission->takedown;
    enum status status = takedown_store_keep(store, call->gateway->settings->dmca_dir, takedown, err);
    if (status) return status;
    log_line(LOG_NOTICE, "takedown_received", log_field("request", call->number), log_field("reference", takedown->reference),
             log_field("package", takedown->package), log_field("version", takedown->version ? takedown->version : "-"));
    call->answer.http_status = 303;
    answer_header(&call->answer, "location", arena_format(&call->arena, "/dmca/%s", takedown->reference));
    return STATUS_OK;
}

static bool has_version(const struct service_question *question, const char *version) {
    json_t *package = NULL;
    const char *json = question->answer.json_answer.json;
    if (json_read(&package, json, strlen(json), "The answer", NULL)) return false;
    const json_t *metadata = json_object_get(package, "metadata");
    bool is_there = json_object_get(json_object_get(metadata, "published"), version) ||
                    json_object_get(json_object_get(metadata, "unpublished"), version);
    json_decref(package);
    return is_there;
}

/* A typing error would leave the operators with a case about nothing; but nobody must wait because build-matrix is away. */
static void go_on_with_package(struct call *call) {
    struct submission *submission = call->work_data;
    struct takedown *takedown = &submission->takedown;
    const struct service_question *question = &submission->question;
    int64_t retry_after_s = 0;
    takedown->is_known = question->status == STATUS_OK;
    if (question->status == STATUS_NOT_FOUND) {
        submission->form.faults[TAKEDOWN_PACKAGE] = "There is no such package in the registry; /packages lists all names.";
    } else if (takedown->is_known && takedown->version && !has_version(question, takedown->version)) {
        submission->form.faults[TAKEDOWN_VERSION] = "The package has no such version; its page lists all versions.";
    } else if (!rate_limit_take(call->gateway->takedowns, call->address, clock_monotonic_ms(), &retry_after_s)) {
        answer_header(&call->answer, "retry-after", arena_format(&call->arena, "%" PRId64, retry_after_s));
        call_fail(
            call, STATUS_TOO_MANY, NULL,
            arena_format(&call->arena,
                         "There were several takedown requests from your address within a minute: go back and send this one "
                         "again in %" PRId64 " s.",
                         retry_after_s));
        return;
    } else {
        call_work(call, keep_case);
        return;
    }
    show_again(call, &submission->form);
}

static bool is_form(struct call *call) {
    const char *type = call_request_header(call, "content-type");
    size_t length = strlen(FORM_TYPE);
    return type && strncasecmp(type, FORM_TYPE, length) == 0 && strchr("; ", type[length]);
}

/* Answers a request that is no form of this site, and returns false. */
static bool admit(struct call *call, struct query *sent) {
    static const struct query_parameter no_rows[] = {{.name = NULL}};
    struct error err;
    if (!origin_is_own(call)) {
        call_fail(call, STATUS_FORBIDDEN, NULL,
                  "This form was sent by a page of another site. Open /dmca here, and fill in its form.");
        return false;
    }
    if (!is_form(call)) {
        call_fail(call, STATUS_UNSUPPORTED, NULL, "A form must be sent as " FORM_TYPE ", as browsers do.");
        return false;
    }
    if (!query_parse(sent, no_rows, call->body, call->body_length, &call->arena, &err)) return true;
    call_fail_with(call, &err);
    return false;
}

void post_takedown(struct call *call) {
    struct query sent = {0};
    struct submission *submission = arena_alloc(&call->arena, sizeof *submission);
    if (!admit(call, &sent)) return;
    takedown_form_read(&submission->form, &sent, &call->arena);
    if (!takedown_form_check(&submission->form, &call->arena)) {
        show_again(call, &submission->form);
        return;
    }
    submission->takedown = takedown_form_case(&submission->form);
    submission->takedown.received_ms = clock_now_ms();
    takedown_reference_make(submission->takedown.reference);
    submission->question = (struct service_question){
        .request = {.tag = MESSAGE_known_package_query, .known_package_query = {.name = submission->takedown.package}},
        .expected = MESSAGE_json_answer,
        .go_on = go_on_with_package};
    call->work_data = submission;
    service_asker_ask(call->gateway->matrix_asker, call, &submission->question);
}

/* ---- A case ---- */

static void write_case(struct html *html, const struct takedown *takedown) {
    char received[TIME_TEXT_MAX], closed[TIME_TEXT_MAX];
    time_print(takedown->received_ms, received);
    time_print(takedown->closed_ms, closed);
    html_begin(html, "dl");
    part_fact(html, "Reference", takedown->reference);
    html_element(html, "dt", NULL, "Received");
    html_begin(html, "dd");
    part_time(html, received);
    html_end(html);
    part_fact(html, "State", takedown->decision ? "closed" : "open: the operators have it");
    if (takedown->decision) {
        html_element(html, "dt", NULL, "Closed");
        html_begin(html, "dd");
        part_time(html, closed);
        html_end(html);
        part_fact(html, "Package", takedown->package);
        part_fact(html, "Version", takedown->version ? takedown->version : "all");
        part_fact(html, "Decision", takedown->decision);
    }
    html_end(html);
    if (!takedown->decision)
        html_element(html, "p", NULL,
                     "Keep the reference: name it when you write to the operators. This page shows what they decide.");
}

static enum status show_case(struct call *call, struct job_store *store, struct error *err) {
    const struct page_request *request = call->work_data;
    struct takedown takedown;
    enum status status = takedown_store_find(store, call->parameters[0], &call->arena, &takedown, err);
    if (status) return status;
    struct text page = {0};
    struct html html = {.out = &page};
    page_begin(&html, arena_format(&call->arena, "Takedown case %s", takedown.reference), NULL);
    write_case(&html, &takedown);
    page_end(&html);
    page_answer(call, &page, request);
    text_release(&page);
    return STATUS_OK;
}

void get_takedown_case_page(struct call *call) {
    struct page_request *request = arena_alloc(&call->arena, sizeof *request);
    *request = page_request_of(call);
    call->work_data = request;
    call_work(call, show_case);
}
