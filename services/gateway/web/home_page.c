/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /: what the registry is, how to publish, what is going on, and the newest publications.
 */
#include "lib/base/text.h"
#include "lib/store/job/job_store.h"
#include "services/gateway/http/call.h"
#include "services/gateway/web/job_parts.h"
#include "services/gateway/web/page.h"
#include "services/gateway/web/parts.h"

enum { JOBS_SHOWN = 8 };

static void write_introduction(struct html *html) {
    html_element(
        html, "p", NULL,
        "Libraries of the PureScript language are published here, and spago finds them here. A published version never "
        "changes; each is built with every compiler that it allows.");
    part_package_search(html, NULL, "");
    page_load_script(html, "package_search.js");
    html_begin(html, "p");
    html_link(html, "/packages", "All packages");
    html_end(html);
}

static void write_publishing(struct html *html) {
    html_element(html, "h2", NULL, "Publish a package");
    html_element(html, "p", NULL,
                 "Push a tag with the version to the repository, then run spago in it. It prints the log until the package is "
                 "published, or why it was not.");
    part_command(html, "git tag v1.0.0\ngit push origin v1.0.0\nspago publish");
    html_element(html, "p", NULL,
                 "The same without spago. The answer has the job's id: /logs/ID has its log, and /status/ID its state.");
    part_command(
        html,
        "curl --json '{\"name\": \"my-package\", \"version\": \"1.0.0\", \"ref\": \"v1.0.0\", \"compiler\": \"0.15.15\",\n"
        "  \"location\": {\"githubOwner\": \"me\", \"githubRepo\": \"purescript-my-package\"}}' \\\n"
        "  https://HOST/api/v1/publish");
}

/* ---- Jobs ---- */

struct home_page {
    struct page_request headers;
    struct job_list running, published;
    bool is_away; /* Redis, so the jobs are not known */
};

static enum status read_jobs(struct job_store *store, struct home_page *page, struct arena *arena, struct error *err) {
    const struct job_filter running = {.descending = true,
                                       .has_state = true,
                                       .state = JOB_STATE_RUNNING,
                                       .include_unknown_to_old_clients = true,
                                       .limit = JOBS_SHOWN},
                            published = {.descending = true,
                                         .has_state = true,
                                         .state = JOB_STATE_SUCCEEDED,
                                         .has_kind = true,
                                         .kind = JOB_KIND_PUBLISH,
                                         .limit = JOBS_SHOWN};
    enum status status = job_store_list(store, &running, arena, &page->running, err);
    return status ? status : job_store_list(store, &published, arena, &page->published, err);
}

static void write_jobs(struct html *html, const char *id, const char *heading, const struct job_list *list, const char *none,
                       struct arena *arena) {
    html_begin(html, "section");
    html_attribute(html, "id", id);
    html_attribute(html, "data-live", "");
    html_element(html, "h2", NULL, heading);
    if (list->count)
        job_part_table(html, list->jobs, list->count, arena);
    else
        html_element(html, "p", NULL, none);
    html_end(html);
}

static enum status make_page(struct call *call, struct job_store *store, struct error *err) {
    struct home_page *page = call->work_data;
    struct text text = {0};
    struct html html = {.out = &text};
    page->is_away = read_jobs(store, page, &call->arena, err) != STATUS_OK;
    page_begin(&html, "The PureScript registry", NULL);
    write_introduction(&html);
    if (page->is_away) {
        html_element(&html, "p", NULL, "Jobs cannot be read at the moment: Redis does not answer. Nothing is lost.");
    } else {
        write_jobs(&html, "published", "Newest publications", &page->published, "Nothing was published lately.", &call->arena);
        write_jobs(&html, "running", "Going on now", &page->running, "Nothing at this moment.", &call->arena);
    }
    html_begin(&html, "p");
    html_link(&html, "/jobs", "All jobs, and why those that failed did");
    html_end(&html);
    write_publishing(&html);
    page_load_script(&html, "jobs.js");
    page_end(&html);
    page_answer(call, &text, &page->headers);
    text_release(&text);
    return STATUS_OK;
}

void get_home_page(struct call *call) {
    struct home_page *page = arena_alloc(&call->arena, sizeof *page);
    *page = (struct home_page){.headers = page_request_of(call)};
    call->work_data = page;
    call_work(call, make_page);
}
