/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/build-matrix/plan/planner_events.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/domain/job/job_event.h"
#include "lib/store/redis/events.h"

enum {
    READ_MAX = 512,     /* events per read */
    TAKEN_MAX = 4096,   /* with this many events taken there are no further reads */
    COMMITS_MS = 30000, /* maximum wait for an event's commits */
    LOOK_AGAIN_MS = 100,
};

/* All instances share one consumer name, so that any of them takes over the events that another did not acknowledge. */
static const char consumer[] = "planner";

struct planner_event {
    struct planner_event *next;
    struct arena memory; /* of the strings below */
    const char *id;
    const char *job_id;
    bool is_ours; /* builds may follow from it: `change` is set */
    struct matrix_change change;
    const char *registry_commit, *index_commit; /* that the view must contain; NULL: none */
};

/* ---- Reading ---- */

/* The purpose of the builds that follow: that of the build which the event reports if it is not urgent, else PUBLICATION. */
static enum matrix_purpose choose_purpose(const struct job_event *event) {
    bool is_urgent = event->purpose == MATRIX_PURPOSE_NONE || matrix_purpose_priority(event->purpose) == 0;
    return is_urgent ? MATRIX_PURPOSE_PUBLICATION : event->purpose;
}

/* Reads the event; events of other kinds are ignored (`is_ours` stays false). */
static enum status read_event(struct planner_event *out, const char *payload, struct error *err) {
    struct job_event event;
    bool is_known;
    enum status status = job_event_read(&event, &is_known, payload, &out->memory, err);
    if (status || !is_known) return status;
    out->is_ours = true;
    out->change = (struct matrix_change){.kind = event.kind,
                                         .package = event.package,
                                         .version = event.version,
                                         .compiler = event.compiler,
                                         .purpose = choose_purpose(&event)};
    out->registry_commit = event.registry_commit;
    out->index_commit = event.index_commit;
    return STATUS_OK;
}

/* In unspecified order: all events of a list are planned for together. */
static void push_event(struct planner_event **list, struct planner_event *event) {
    event->next = *list;
    *list = event;
}

static void take_event(struct planner_events *events, const struct event *read) {
    struct planner_event *event = memory_alloc(sizeof *event);
    struct error err;
    event->id = arena_copy(&event->memory, read->id);
    event->job_id = arena_copy(&event->memory, read->job_id);
    if (read_event(event, read->payload, &err))
        log_line(LOG_WARN, "event_malformed", log_field("id", read->id), log_field("job", read->job_id),
                 log_field("field", err.path), log_field("error", err.message));
    bool is_urgent =
        event->is_ours && (event->change.kind != JOB_EVENT_BUILT || matrix_purpose_priority(event->change.purpose) == 0);
    push_event(is_urgent ? &events->urgent : &events->others, event);
    events->count++;
}

enum status planner_events_take(struct planner_events *events, int wait_ms, struct error *err) {
    struct planning *planning = events->planning;
    const struct event_consumer reader = {PLANNER_EVENTS_GROUP, consumer, planning->place.settings->lease_ms};
    size_t count = READ_MAX;
    while (count == READ_MAX && events->count < TAKEN_MAX) {
        struct arena arena = {0};
        struct event *read;
        enum status status = events_read(planning->store, &reader, wait_ms, READ_MAX, &arena, &read, &count, err);
        for (size_t i = 0; !status && i < count; i++)
            take_event(events, &read[i]);
        arena_release(&arena);
        if (status) return status;
        wait_ms = 0;
    }
    return STATUS_OK;
}

/* ---- Commits of events ---- */

/* True if the view shows the change; never for JOB_EVENT_REVISED, which only its commits can show. */
static bool shows(const struct manifest_index *index, const struct matrix_change *change) {
    const struct indexed_version *version = manifest_index_find(index, change->package, change->version);
    if (!version || !version->is_published) return false;
    return change->kind == JOB_EVENT_PUBLISHED ||
           (change->kind == JOB_EVENT_BUILT &&
            metadata_has_compiler(manifest_index_find_metadata(index, change->package), change->version, change->compiler));
}

static enum status see_nothing(const char *path, const struct registry_file *file, void *context, struct error *err) {
    (void)path, (void)file, (void)context, (void)err;
    return STATUS_OK;
}

static bool has_commit(struct registry_repo *repo, const char *commit) {
    return !commit || !registry_repo_compare(repo, commit, commit, NULL, see_nothing, NULL, NULL);
}

/* The first event that is newer than the view, or NULL. An event whose change was reverted since is not: its commits exist. */
static const struct planner_event *find_too_new(const struct planning *planning, const struct planner_event *list,
                                                bool *are_shown) {
    const struct registry_access *repositories = planning->place.repositories;
    *are_shown = true;
    for (const struct planner_event *event = list; event; event = event->next) {
        if (!event->is_ours) continue;
        bool is_shown = shows(registry_view_lock(repositories->view), &event->change);
        registry_view_unlock(repositories->view);
        if (is_shown) continue;
        *are_shown = false;
        if (!has_commit(repositories->registry, event->registry_commit) ||
            !has_commit(repositories->index, event->index_commit))
            return event;
    }
    return NULL;
}

/* Refreshes the view until it contains the events' commits, which a git host may show only seconds after the push. After
 * COMMITS_MS (the history may have been rewritten) the registry counts as it is. False: the planner was stopped. */
static bool wait_for_commits(struct planning *planning, const struct planner_event *list) {
    int64_t until_ms = clock_monotonic_ms() + COMMITS_MS;
    while (planning_refresh(planning)) {
        bool are_shown;
        const struct planner_event *too_new = find_too_new(planning, list, &are_shown);
        if (!too_new) return are_shown || planning_refresh(planning); /* a commit may have come since the view was refreshed */
        if (clock_monotonic_ms() >= until_ms) {
            log_line(LOG_WARN, "event_commits_missing", log_field("id", too_new->id), log_field("job", too_new->job_id));
            return true;
        }
        if (!thread_pause(&planning->thread, LOOK_AGAIN_MS)) return false;
    }
    return false;
}

/* ---- Planning ---- */

static bool is_there(const struct manifest_index *index, const struct matrix_change *change) {
    const struct indexed_version *version = manifest_index_find(index, change->package, change->version);
    return version && version->is_published;
}

static void warn_of_gone(const struct planner_event *event) {
    char version[VERSION_TEXT_MAX];
    version_print(event->change.version, version);
    log_line(LOG_WARN, "event_version_missing", log_field("id", event->id), log_field("job", event->job_id),
             log_field("package", event->change.package), log_field("version", version));
}

static void find_pairs(struct planning *planning, const struct planner_event *list, struct matrix_pairs *out) {
    size_t count = 0;
    for (const struct planner_event *event = list; event; event = event->next)
        count += event->is_ours;
    struct matrix_change *changes = memory_alloc(count * sizeof changes[0]);
    const struct manifest_index *index = registry_view_lock(planning->place.repositories->view);
    count = 0;
    for (const struct planner_event *event = list; event; event = event->next) {
        if (!event->is_ours) continue;
        if (!is_there(index, &event->change)) warn_of_gone(event);
        changes[count++] = event->change;
    }
    matrix_plan_follow(out, index, changes, count, planning->compilers, planning->compiler_count);
    registry_view_unlock(planning->place.repositories->view);
    free(changes);
}

/* False: the planner was stopped before all jobs were made. */
static bool plan_for(struct planning *planning, const struct planner_event *list) {
    bool is_any_ours = false;
    for (const struct planner_event *event = list; event; event = event->next)
        is_any_ours = is_any_ours || event->is_ours;
    if (!is_any_ours) return true;
    if (!wait_for_commits(planning, list)) return false;
    struct matrix_pairs pairs = {0};
    struct planning_result result = {0};
    find_pairs(planning, list, &pairs);
    bool is_whole = planning_make(planning, &pairs, SIZE_MAX, &result);
    matrix_pairs_release(&pairs);
    if (result.made > 0)
        log_line(LOG_INFO, "jobs_planned", log_field("jobs", result.made), log_field("example", result.example));
    return is_whole;
}

static void free_event(struct planner_events *events, struct planner_event *event) {
    arena_release(&event->memory);
    free(event);
    events->count--;
}

/* Acknowledges all events of the list; retries until the planner is stopped. */
static void acknowledge(struct planning *planning, const struct planner_event *list) {
    struct arena arena = {0};
    struct error err;
    size_t count = 0;
    for (const struct planner_event *event = list; event; event = event->next)
        count++;
    const char **ids = arena_alloc(&arena, (count + 1) * sizeof *ids);
    count = 0;
    for (const struct planner_event *event = list; event; event = event->next)
        ids[count++] = event->id;
    enum status status;
    while ((status = events_acknowledge(planning->store, PLANNER_EVENTS_GROUP, ids, count, &err)) &&
           planning_pause(planning, "Events cannot be acknowledged.", &err)) {
    }
    if (!status) {
        planning_goes_on(planning);
        atomic_fetch_add(&planning->counts.events, (long long)count);
    }
    arena_release(&arena);
}

static void handle_list(struct planner_events *events, struct planner_event **taken) {
    struct planner_event *list = *taken;
    *taken = NULL;
    if (plan_for(events->planning, list)) acknowledge(events->planning, list);
    while (list) {
        struct planner_event *event = list;
        list = event->next;
        free_event(events, event);
    }
}

/* planning.attend: handles urgent events between two chunks of planning that is not urgent. */
static void attend(void *context) {
    struct planner_events *events = context;
    struct error err;
    if (events->is_attending || planner_events_take(events, 0, &err)) return; /* the next regular read reports the error */
    events->is_attending = true;
    if (events->urgent) handle_list(events, &events->urgent);
    events->is_attending = false;
}

void planner_events_init(struct planner_events *out, struct planning *planning) {
    *out = (struct planner_events){.planning = planning};
    planning->attend = attend;
    planning->attend_context = out;
}

void planner_events_release(struct planner_events *events) {
    struct planner_event **lists[] = {&events->urgent, &events->others};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        while (*lists[i]) {
            struct planner_event *event = *lists[i];
            *lists[i] = event->next;
            free_event(events, event);
        }
}

void planner_events_handle(struct planner_events *events) {
    events->is_attending = true; /* urgent events do not interrupt each other */
    if (events->urgent) handle_list(events, &events->urgent);
    events->is_attending = false;
    if (events->others) handle_list(events, &events->others);
}
