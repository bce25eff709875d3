/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/registry/fresh_view.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/store/job/connection_pool.h"
#include "lib/store/registry/registry_access.h"

enum {
    LOOK_MS = 5000,   /* time limit for reading both repositories */
    AGAIN_MS = 1000,  /* pause after a failure, so that not every query contacts an unreachable host */
    SHOWN_MS = 30000, /* a commit still not visible by then never will be: the history was rewritten */
};

void fresh_view_init(struct fresh_view *out, const struct registry_access *repositories, struct connection_pool *stores) {
    *out = (struct fresh_view){.repositories = repositories, .stores = stores};
}

static enum status read_heads(struct fresh_view *view, struct job_heads *out, struct error *err) {
    struct job_store *store = connection_pool_take(view->stores);
    enum status status = job_store_heads(store, out, err);
    connection_pool_give_back(view->stores, store);
    return status;
}

static enum status see_nothing(const char *path, const struct registry_file *file, void *context, struct error *err) {
    (void)path, (void)file, (void)context, (void)err;
    return STATUS_OK;
}

static bool has_commit(struct registry_repo *repo, const char *commit) {
    return !*commit || registry_repo_compare(repo, commit, commit, NULL, see_nothing, NULL, NULL) == STATUS_OK;
}

/* True if the clones contain the last commits of this server's jobs: a git host may show a push only seconds later. */
static bool are_shown(const struct fresh_view *view, const struct job_heads *heads) {
    return clock_now_ms() - heads->at_ms > SHOWN_MS ||
           (has_commit(view->repositories->registry, heads->registry) && has_commit(view->repositories->index, heads->index));
}

static enum status look(struct fresh_view *view, const struct job_heads *heads, int64_t asked_us, struct error *err) {
    struct deadline deadline;
    deadline_start(&deadline, LOOK_MS);
    enum status status = registry_view_catch_up(view->repositories->view, asked_us, &deadline, err);
    if (status) return status;
    if (!are_shown(view, heads)) return error_set(err, STATUS_UNAVAILABLE, "The repositories do not yet show the last commit.");
    atomic_store(&view->followed, heads->count);
    return STATUS_OK;
}

void fresh_view_follow(struct fresh_view *view) {
    struct job_heads heads;
    struct error err;
    int64_t asked_us = clock_monotonic_us();
    enum status status = read_heads(view, &heads, &err);
    if (!status && heads.count != atomic_load(&view->followed) && asked_us >= atomic_load(&view->follow_again_us)) {
        status = look(view, &heads, asked_us, &err);
        if (status) atomic_store(&view->follow_again_us, clock_monotonic_us() + AGAIN_MS * 1000);
    }
    if (status) log_line(LOG_DEBUG, "registry_refresh_failed", log_field("error", err.message));
}

enum status fresh_view_look_again(struct fresh_view *view, int64_t asked_us, struct error *err) {
    struct job_heads heads;
    enum status status = read_heads(view, &heads, err);
    return status ? status : look(view, &heads, asked_us, err);
}
