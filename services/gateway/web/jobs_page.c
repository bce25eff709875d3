/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /jobs: the jobs in Redis, newest first.
 */
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/base/url.h"
#include "lib/store/job/job_store.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/web/job_parts.h"
#include "services/gateway/web/page.h"
#include "services/gateway/web/parts.h"

enum { JOBS_SHOWN = 50 };

struct jobs_page {
    struct page_request headers;
    struct job_filter filter;
    struct job_list list;
};

/* ---- The form ---- */

static void write_choice(struct html *html, struct call *call, const char *label, const char *name, const char *const *words) {
    const char *chosen = query_text(&call->query, name);
    part_choice_begin(html, name, label);
    part_option(html, "", "all", !chosen);
    for (; *words; words++)
        if (strcmp(*words, "all") != 0) part_option(html, *words, NULL, text_equal(chosen, *words));
    html_end(html);
}

static void write_form(struct html *html, struct call *call) {
    html_begin(html, "form");
    html_attribute(html, "class", "inline");
    write_choice(html, call, "Kind", "kind", query_kinds);
    write_choice(html, call, "State", "state", query_states);
    part_input(html, "package", "Package", query_text(&call->query, "package"));
    part_input(html, "actor", "Requested by", query_text(&call->query, "actor"));
    html_element(html, "button", NULL, "Show");
    html_end(html);
}

/* ---- The page ---- */

static void write_next(struct html *html, struct call *call, const struct job *last) {
    static const char *const names[] = {"kind", "state", "package", "actor"};
    struct text address = {0};
    char time[TIME_TEXT_MAX];
    time_print(last->created_ms, time);
    text_append(&address, "/jobs");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = query_text(&call->query, names[i]);
        if (value) url_append_parameter(&address, names[i], value);
    }
    url_append_parameter(&address, "until", time);
    url_append_parameter(&address, "after", last->id);
    part_next(html, address.bytes, "Earlier jobs");
    text_release(&address);
}

static enum status read_page(struct call *call, struct job_store *store, struct error *err) {
    struct jobs_page *page = call->work_data;
    struct text text = {0};
    struct html html = {.out = &text};
    const struct job_list *list = &page->list;
    enum status status = job_store_list(store, &page->filter, &call->arena, &page->list, err);
    if (status) return status;
    page_begin(&html, "Jobs", "/jobs");
    write_form(&html, call);
    html_begin(&html, "section");
    html_attribute(&html, "id", "jobs");
    html_attribute(&html, "data-live", page->filter.after_id ? NULL : "");
    if (list->count)
        job_part_table(&html, list->jobs, list->count, &call->arena);
    else
        html_element(&html, "p", NULL,
                     "There are no such jobs. Those that were finished long ago are read by their addresses alone.");
    if (list->more && list->count) write_next(&html, call, &list->jobs[list->count - 1]);
    html_end(&html);
    page_load_script(&html, "jobs.js");
    page_end(&html);
    page_answer(call, &text, &page->headers);
    text_release(&text);
    return STATUS_OK;
}

void get_jobs_page(struct call *call) {
    const struct query *query = &call->query;
    const char *kind = query_text(query, "kind"), *state = query_text(query, "state");
    struct jobs_page *page = arena_alloc(&call->arena, sizeof *page);
    *page = (struct jobs_page){.headers = page_request_of(call),
                               .filter = {.limit = JOBS_SHOWN,
                                          .package = query_text(query, "package"),
                                          .actor = query_text(query, "actor"),
                                          .after_id = query_text(query, "after"),
                                          .until_ms = query_time(query, "until"),
                                          .descending = true,
                                          .include_finished = true,
                                          .include_unknown_to_old_clients = true}};
    page->filter.has_kind = kind && job_kind_parse(kind, &page->filter.kind); /* `all` is not a kind */
    page->filter.has_state = state && job_state_parse(state, &page->filter.state);
    call->work_data = page;
    call_work(call, read_page);
}
