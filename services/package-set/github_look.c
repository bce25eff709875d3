/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/package-set/github_look.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/deadline.h"
#include "lib/base/fault.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/base/thread.h"
#include "lib/store/redis/github_store.h"
#include "services/package-set/package_set_service.h"

enum {
    STORE_TIMEOUT_MS = 5000,
    PASSES = 3,                   /* a package that cannot be asked about is tried so often */
    AWAY_FAILURES = 8,            /* in a row: GitHub is away, so all pause */
    GIVE_UP_MS = 3 * 3600 * 1000, /* after the round's beginning: the rest is left to the next day */
    REPORT_LINES_MAX = 100,
    JOBS_MAX = 100, /* unfinished ones of a package that are compared */
};

/* Positions in `packages`: those from `at` on have not been taken yet. */
struct queue {
    size_t *items;
    size_t at, count;
};

struct github_look {
    struct package_set_service *service;
    struct github_repos *repos;
    const struct github_look_kind *kind;
    int64_t time_ms;
    struct arena arena;
    const char **packages; /* in the arena */
    size_t package_count;
    struct deadline deadline;
    struct thread thread;      /* its mutex guards the fields below */
    struct queue queue, again; /* of this pass, and of the next */
    int pass;
    size_t under_way;  /* packages that a thread looks at */
    size_t ended;      /* threads that have ended */
    int64_t resume_ms; /* monotonic: no package is taken before */
    size_t failures_in_row;
    size_t looked, skipped, failed, jobs; /* skipped: STATUS_NOT_FOUND */
    struct text lines;
    size_t line_count;
};

/* ---- The report ---- */

/* With the mutex held. */
static void add_line(struct github_look *look, const char *line) {
    if (look->line_count++ < REPORT_LINES_MAX) text_append_format(&look->lines, "%s\n", line);
}

void github_worker_report(struct github_worker *worker, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *line = arena_format_list(&worker->arena, format, arguments);
    va_end(arguments);
    thread_lock(&worker->look->thread);
    add_line(worker->look, line);
    thread_unlock(&worker->look->thread);
}

bool github_look_report(struct github_look *look, struct text *sentence, struct text *lines) {
    thread_lock(&look->thread);
    bool is_success = look->failed == 0;
    text_append_format(sentence, "Repositories looked at: %zu, passed over: %zu, without an answer: %zu. Jobs made: %zu.",
                       look->looked, look->skipped, look->failed, look->jobs);
    text_append(lines, text_view(&look->lines));
    if (look->line_count > REPORT_LINES_MAX)
        text_append_format(lines, "… and %zu more.\n", look->line_count - REPORT_LINES_MAX);
    thread_unlock(&look->thread);
    return is_success;
}

/* ---- Jobs ---- */

/* Sets `other` to the unfinished job of this kind for the same version of the package, or NULL. */
static enum status find_unfinished(struct github_worker *worker, const struct job_request *request, const char **other,
                                   struct error *err) {
    const struct job_filter filter = {.package = request->package, .has_kind = true, .kind = request->kind, .limit = JOBS_MAX};
    struct job_list list;
    *other = NULL;
    enum status status = job_store_list(worker->store, &filter, &worker->arena, &list, err);
    for (size_t i = 0; !status && i < list.count; i++)
        if (text_equal(list.jobs[i].version, request->version)) *other = list.jobs[i].id;
    return status;
}

static void note_job(struct github_worker *worker, const struct job_request *request, const char *id) {
    const char *version = request->version ? request->version : "";
    log_line(LOG_INFO, "daily_job_made", log_field("work", worker->look->kind->name), log_field("job", id),
             log_field("package", request->package), log_field("version", version));
    github_worker_report(worker, "%s%s%s: the job %s.", request->package, *version ? "@" : "", version, id);
    thread_lock(&worker->look->thread);
    worker->look->jobs++;
    thread_unlock(&worker->look->thread);
}

enum status github_worker_make_job(struct github_worker *worker, const struct job_request *request, struct error *err) {
    struct job earlier;
    struct job_accepted accepted;
    const char *other = NULL;
    enum status status = job_store_get(worker->store, request->id, &worker->arena, &earlier, err);
    if (status != STATUS_NOT_FOUND) return status; /* it was made before */
    status = find_unfinished(worker, request, &other, err);
    if (status || other) return status;
    status = job_store_check_keeping(worker->store, err);
    if (!status) status = job_store_accept(worker->store, request, NULL, &accepted, err);
    if (!status && accepted.created) note_job(worker, request, accepted.id);
    return status;
}

/* ---- One package ---- */

static enum status find_repository(struct github_worker *worker, bool *is_ours, struct error *err) {
    struct github_look *look = worker->look;
    const struct manifest_index *index = registry_view_lock(look->service->repositories.view);
    enum status status = manifest_index_copy_metadata(&worker->metadata, index, worker->package, &worker->arena, err);
    registry_view_unlock(look->service->repositories.view);
    *is_ours = !status && look->kind->is_about(&worker->metadata.location) &&
               location_find_github(&worker->question.repository, &worker->metadata.location, &worker->arena);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status look_at(struct github_worker *worker, const char *package, struct error *err) {
    struct github_look *look = worker->look;
    struct look_note last;
    bool is_ours;
    arena_release(&worker->arena);
    worker->package = package;
    worker->begun_ms = clock_now_ms();
    worker->question = (struct github_question){.token = look->service->settings.github_token, .deadline = &look->deadline};
    enum status status = look_note_read(worker->store, look->kind->name, package, &last, err);
    if (status || last.round_ms == look->time_ms) return status; /* by another instance */
    worker->last_ms = last.begun_ms;
    package_set_service_follow(look->service);
    status = find_repository(worker, &is_ours, err);
    if (!status && is_ours) status = look->kind->look(worker, err);
    if (status) return status;
    fault_point("github-looked");
    const struct look_note note = {.round_ms = look->time_ms, .begun_ms = worker->begun_ms};
    return look_note_write(worker->store, look->kind->name, package, &note, err);
}

/* ---- The queue; all of this with the mutex held ---- */

static void pause_until(struct github_look *look, int64_t wait_ms) {
    int64_t resume_ms = clock_monotonic_ms() + wait_ms;
    if (resume_ms > look->resume_ms) look->resume_ms = resume_ms;
}

/* A rate limit: the package is taken again when it has passed. */
static void put_back(struct github_look *look, size_t package) {
    int64_t wait_ms = github_repos_limited_until_ms(look->repos) - clock_now_ms();
    look->queue.items[--look->queue.at] = package;
    if (wait_ms > 0 && clock_monotonic_ms() >= look->resume_ms)
        log_line(LOG_WARN, "github_limited", log_field("work", look->kind->name), log_field("wait_ms", wait_ms));
    pause_until(look, wait_ms);
}

static void fail(struct github_look *look, size_t package, const char *reason) {
    struct text line = {0};
    look->failed++;
    log_line(LOG_WARN, "github_look_failed", log_field("work", look->kind->name), log_field("package", look->packages[package]),
             log_field("error", reason));
    text_append_format(&line, "%s: %s", look->packages[package], reason);
    add_line(look, line.bytes);
    text_release(&line);
}

/* Ends the round early: nothing more can be asked. */
static void abandon(struct github_look *look, const char *reason) {
    struct text line = {0};
    size_t left = look->queue.count - look->queue.at + look->again.count;
    if (left == 0) return;
    look->queue.at = look->queue.count;
    look->again.count = 0;
    look->failed += left;
    log_line(LOG_WARN, "github_look_abandoned", log_field("work", look->kind->name), log_field("packages", left),
             log_field("error", reason));
    text_append_format(&line, "%zu more packages: %s", left, reason);
    add_line(look, line.bytes);
    text_release(&line);
}

static void try_again(struct github_look *look, size_t package, const struct error *err) {
    if (++look->failures_in_row % AWAY_FAILURES == 0) {
        log_line(LOG_WARN, "github_away", log_field("work", look->kind->name), log_field("error", err->message));
        pause_until(look, look->service->settings.github_retry_ms);
    }
    if (look->pass + 1 < PASSES)
        look->again.items[look->again.count++] = package;
    else
        fail(look, package, err->message);
}

static void settle(struct github_look *look, size_t package, enum status status, const struct error *err) {
    struct text line = {0};
    thread_lock(&look->thread);
    look->under_way--;
    if (!status || status == STATUS_NOT_FOUND || status == STATUS_REFUSED) look->failures_in_row = 0;
    if (!status) {
        look->looked++;
    } else if (status == STATUS_NOT_FOUND) {
        look->skipped++;
        text_append_format(&line, "%s: %s", look->packages[package], err->message);
        add_line(look, line.bytes);
    } else if (status == STATUS_REFUSED || status == STATUS_UNAUTHORIZED) {
        fail(look, package, err->message);
        if (status == STATUS_UNAUTHORIZED) abandon(look, err->message);
    } else if (status == STATUS_BUSY) {
        put_back(look, package);
    } else if (status != STATUS_CANCELLED) {
        try_again(look, package, err);
    }
    thread_wake(&look->thread);
    thread_unlock(&look->thread);
    text_release(&line);
}

/* Begins the next pass, over what could not be answered, after a pause. */
static void begin_pass(struct github_look *look) {
    struct queue done = look->queue;
    look->queue = (struct queue){.items = look->again.items, .count = look->again.count};
    look->again = (struct queue){.items = done.items};
    look->pass++;
    if (look->queue.count > 0) pause_until(look, look->service->settings.github_retry_ms);
}

/* Takes the next package. False: there is none any more, or the round must stop. */
static bool take(struct github_look *look, size_t *package) {
    bool is_there = false, is_over = false;
    thread_lock(&look->thread);
    while (!is_there && !is_over && !look->thread.is_stopping) {
        if (deadline_check(&look->deadline, NULL) == STATUS_TIMEOUT) abandon(look, "There was no time left to ask GitHub.");
        if (look->queue.at == look->queue.count && look->under_way == 0) begin_pass(look);
        bool is_empty = look->queue.at == look->queue.count;
        is_over = is_empty && look->under_way == 0;
        is_there = !is_empty && clock_monotonic_ms() >= look->resume_ms;
        if (!is_there && !is_over) thread_wait(&look->thread, is_empty ? THREAD_NO_LIMIT : look->resume_ms);
    }
    if (is_there) {
        *package = look->queue.items[look->queue.at++];
        look->under_way++;
    }
    thread_unlock(&look->thread);
    return is_there;
}

/* ---- The round ---- */

static void run(void *context) {
    struct github_look *look = context;
    struct github_worker worker = {.look = look, .service = look->service, .repos = look->repos, .round_ms = look->time_ms};
    struct error err = {0};
    size_t package;
    enum status status = job_store_create(&worker.store, look->service->settings.redis_url, STORE_TIMEOUT_MS, &err);
    while (take(look, &package)) {
        if (worker.store) status = look_at(&worker, look->packages[package], &err);
        settle(look, package, status, &err);
    }
    job_store_free(worker.store);
    arena_release(&worker.arena);
    thread_lock(&look->thread);
    look->ended++;
    thread_wake(&look->thread);
    thread_unlock(&look->thread);
}

static void list_packages(struct github_look *look) {
    const struct manifest_index *index = registry_view_lock(look->service->repositories.view);
    size_t count = manifest_index_package_count(index);
    look->packages = arena_alloc(&look->arena, (count + 1) * sizeof *look->packages);
    for (size_t i = 0; i < count; i++) {
        const struct indexed_package *package = manifest_index_package(index, manifest_index_by_name(index, i));
        if (package->metadata && look->kind->is_about(&package->metadata->location))
            look->packages[look->package_count++] = arena_copy(&look->arena, package->name);
    }
    registry_view_unlock(look->service->repositories.view);
    look->queue.items = arena_alloc(&look->arena, (count + 1) * sizeof *look->queue.items);
    look->again.items = arena_alloc(&look->arena, (count + 1) * sizeof *look->again.items);
    while (look->queue.count < look->package_count) {
        look->queue.items[look->queue.count] = look->queue.count;
        look->queue.count++;
    }
}

enum status github_look_start(struct github_look **out, struct package_set_service *service, struct github_repos *repos,
                              const struct github_look_kind *kind, int64_t time_ms, struct error *err) {
    struct github_look *look = memory_alloc(sizeof *look);
    enum status status = STATUS_OK;
    *out = NULL;
    look->service = service;
    look->repos = repos;
    look->kind = kind;
    look->time_ms = time_ms;
    deadline_start(&look->deadline, GIVE_UP_MS);
    thread_init(&look->thread);
    package_set_service_follow(service);
    list_packages(look);
    for (int i = 0; i < GITHUB_WORKERS && !status; i++)
        status = thread_start(&look->thread, "github", run, look, err);
    if (status)
        github_look_free(look);
    else
        *out = look;
    return status;
}

void github_look_free(struct github_look *look) {
    if (!look) return;
    deadline_cancel(&look->deadline, STATUS_CANCELLED);
    thread_release(&look->thread);
    text_release(&look->lines);
    arena_release(&look->arena);
    free(look);
}

bool github_look_has_ended(struct github_look *look) {
    thread_lock(&look->thread);
    bool has_ended = look->ended == GITHUB_WORKERS;
    thread_unlock(&look->thread);
    return has_ended;
}
