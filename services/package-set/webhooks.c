/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/package-set/webhooks.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/settings.h"
#include "lib/base/thread.h"
#include "lib/store/redis/lock.h"
#include "lib/store/registry/registry_view.h"
#include "lib/store/takedown/takedown_store.h"
#include "lib/store/webhook/webhook_store.h"
#include "lib/tools/http/webhook.h"
#include "services/package-set/webhook_events.h"

enum {
    SENDERS = 4,
    ROUND_MS = 500,
    STORE_TIMEOUT_MS = 5000,
    LOCK_HOLD_MS = 20000,
    LOCK_KEEP_MS = 17000,                   /* renewed when less is left */
    SENDING_MS = WEBHOOK_TIMEOUT_MS + 2000, /* how long the lock must still hold before something is sent */
    FIRST_WAIT_MS = 1000,                   /* after a failure; doubled each time */
    LONGEST_WAIT_MS = 3600 * 1000,
    FAILING_MAX_MS = 24 * 3600 * 1000,
    BATCH = 500, /* events that are asked about at once */
};

struct webhooks;

struct sender {
    struct webhooks *webhooks;
    struct job_store *store;
    uint32_t share;
};

struct webhooks {
    struct webhook_sources sources;
    const struct settings *settings;
    struct thread thread; /* the finder and the senders */
    struct deadline no_longer;
    atomic_int_fast64_t held_until_ms; /* of the lock, monotonic; 0: it is not ours */
    atomic_int_fast64_t sent, failed, alarms, paused;
    struct sender senders[SENDERS];

    /* The finder's. */
    struct job_store *store;
    struct lock lock;
    bool has_begun;
    char commit[REGISTRY_COMMIT_MAX]; /* of which all events were found */
    size_t closed_cases;
};

/* ---- The lock ---- */

static bool hold_lock(struct webhooks *webhooks) {
    struct error err;
    int64_t now_ms = clock_monotonic_ms();
    bool is_ours = atomic_load(&webhooks->held_until_ms) > 0;
    enum status status = is_ours ? lock_keep(webhooks->store, &webhooks->lock, LOCK_KEEP_MS, LOCK_HOLD_MS, &err)
                                 : lock_take(webhooks->store, "webhooks", LOCK_HOLD_MS, 0, &webhooks->lock, &err);
    if (!status) {
        atomic_store(&webhooks->held_until_ms, now_ms + LOCK_KEEP_MS);
        return true;
    }
    if (status == STATUS_STALE || atomic_load(&webhooks->held_until_ms) < now_ms) atomic_store(&webhooks->held_until_ms, 0);
    if (!is_ours) webhooks->commit[0] = '\0'; /* another instance finds events meanwhile */
    return false;
}

static bool may_send(struct webhooks *webhooks) {
    return atomic_load(&webhooks->held_until_ms) > clock_monotonic_ms() + SENDING_MS && thread_goes_on(&webhooks->thread);
}

/* ---- The finder ---- */

/* Adds those of the events that are new. */
static enum status add_new(struct webhooks *webhooks, const struct webhook_event *events, size_t count, struct arena *arena,
                           struct error *err) {
    const char *ids[BATCH];
    bool is_known[BATCH];
    struct webhook_event *fresh = arena_alloc(arena, BATCH * sizeof *fresh);
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        ids[i] = events[i].id;
    enum status status = webhook_events_know(webhooks->store, ids, count, is_known, err);
    for (size_t i = 0; i < count && !status; i++)
        if (!is_known[i]) fresh[found++] = events[i];
    return status ? status : webhook_events_add(webhooks->store, fresh, found, webhooks->has_begun, err);
}

static enum status find_all(struct webhooks *webhooks, struct arena *arena, struct error *err) {
    struct webhook_event *events = NULL;
    size_t count = 0;
    enum status status = webhook_events_begun(webhooks->store, &webhooks->has_begun, err);
    if (!status) status = webhook_events_list(&webhooks->sources, webhooks->store, arena, &events, &count, err);
    for (size_t i = 0; i < count && !status; i += BATCH)
        status = add_new(webhooks, events + i, count - i < BATCH ? count - i : BATCH, arena, err);
    if (!status && !webhooks->has_begun) status = webhook_events_begin(webhooks->store, err);
    return status;
}

/* Looks for events if the registry has changed, or a case was closed. */
static enum status find(struct webhooks *webhooks, struct error *err) {
    const struct webhook_sources *sources = &webhooks->sources;
    struct arena arena = {0};
    size_t closed = 0;
    sources->follow(sources->context);
    const struct registry_view_state state = registry_view_state(sources->view);
    enum status status = takedown_store_count_closed(webhooks->store, &closed, err);
    if (!status && (strcmp(state.registry_commit, webhooks->commit) != 0 || closed != webhooks->closed_cases)) {
        status = find_all(webhooks, &arena, err);
        if (!status) memcpy(webhooks->commit, state.registry_commit, sizeof webhooks->commit);
        if (!status) webhooks->closed_cases = closed;
    }
    arena_release(&arena);
    return status;
}

/* thread.run */
static void run_finder(void *context) {
    struct webhooks *webhooks = context;
    do {
        struct error err;
        if (hold_lock(webhooks) && find(webhooks, &err))
            log_line(LOG_WARN, "webhook_events_delayed", log_field("error", err.message));
    } while (thread_pause(&webhooks->thread, ROUND_MS));
}

/* ---- A sender ---- */

static void note_success(struct webhook *hook, const char *place) {
    hook->cursor = place;
    hook->failures = hook->since_ms = hook->next_ms = 0;
    hook->problem = "";
}

static void note_failure(struct webhooks *webhooks, struct webhook *hook, const char *problem) {
    int64_t now_ms = clock_now_ms(), wait_ms = FIRST_WAIT_MS;
    for (int64_t i = 0; i < hook->failures && wait_ms < LONGEST_WAIT_MS; i++)
        wait_ms *= 2;
    hook->failures++;
    if (!hook->since_ms) hook->since_ms = now_ms;
    hook->next_ms = now_ms + (wait_ms < LONGEST_WAIT_MS ? wait_ms : LONGEST_WAIT_MS);
    hook->problem = problem;
    hook->is_paused = now_ms - hook->since_ms >= webhooks->settings->webhook_retry_ms;
    atomic_fetch_add(&webhooks->failed, 1);
    if (hook->is_paused) atomic_fetch_add(&webhooks->alarms, 1);
    if (hook->is_paused)
        log_line(LOG_ERROR, "webhook_paused", log_field("webhook", hook->id), log_field("error", problem));
    else
        log_line(LOG_WARN, "webhook_failed", log_field("webhook", hook->id), log_field("failures", hook->failures),
                 log_field("error", problem));
}

/* Sends one event, or passes over one that the hook does not want. False: no more now. */
static bool send_event(struct sender *sender, struct webhook *hook, const struct webhook_event *event) {
    struct webhooks *webhooks = sender->webhooks;
    struct error err;
    const struct webhook_message message = {.url = hook->url, .secret = hook->secret, .id = event->id, .body = event->body};
    bool is_wanted = webhook_wants(hook, event->event, event->package);
    enum status status = STATUS_OK;
    if (is_wanted) status = webhook_send(&message, webhooks->settings->webhook_allow_private, &webhooks->no_longer, &err);
    if (status == STATUS_CANCELLED) return false;
    if (status)
        note_failure(webhooks, hook, err.message);
    else
        note_success(hook, event->place);
    if (!status && is_wanted) atomic_fetch_add(&webhooks->sent, 1);
    struct error problem;
    enum status noted = webhook_store_note(sender->store, hook, &problem);
    if (noted) log_line(LOG_WARN, "webhook_not_noted", log_field("webhook", hook->id), log_field("error", problem.message));
    return !status && !noted;
}

/* Sends what there is for the hook, until it fails. */
static void serve(struct sender *sender, struct webhook *hook, struct arena *arena) {
    struct webhook_event *events = NULL;
    size_t count = 0;
    struct error err;
    if (webhook_events_read(sender->store, hook->cursor, BATCH, arena, &events, &count, &err)) return;
    for (size_t i = 0; i < count && may_send(sender->webhooks); i++)
        if (!send_event(sender, hook, &events[i])) return;
}

/* Hooks are shared out by their ids, which are hexadecimal numbers. */
static bool is_mine(const struct sender *sender, const struct webhook *hook) {
    return strtoul(hook->id, NULL, 16) % SENDERS == sender->share;
}

static void go_round(struct sender *sender) {
    struct arena arena = {0};
    struct webhook_list hooks;
    struct error err;
    int64_t paused = 0;
    if (!webhook_store_list(sender->store, &arena, &hooks, &err)) {
        for (size_t i = 0; i < hooks.count; i++) {
            struct webhook *hook = &hooks.items[i];
            paused += hook->is_paused;
            if (is_mine(sender, hook) && !hook->is_paused && hook->next_ms <= clock_now_ms()) serve(sender, hook, &arena);
        }
        atomic_store(&sender->webhooks->paused, paused);
    }
    arena_release(&arena);
}

/* thread.run */
static void run_sender(void *context) {
    struct sender *sender = context;
    do
        if (may_send(sender->webhooks)) go_round(sender);
    while (thread_pause(&sender->webhooks->thread, ROUND_MS));
}

/* ---- All ---- */

static enum status start_senders(struct webhooks *webhooks, const char *redis_url, struct error *err) {
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < SENDERS && !status; i++) {
        struct sender *sender = &webhooks->senders[i];
        *sender = (struct sender){.webhooks = webhooks, .share = i};
        status = job_store_create(&sender->store, redis_url, STORE_TIMEOUT_MS, err);
        if (!status) status = thread_start(&webhooks->thread, "webhook-sender", run_sender, sender, err);
    }
    return status;
}

enum status webhooks_create(struct webhooks **out, const struct webhook_sources *sources, const struct settings *settings,
                            struct error *err) {
    struct webhooks *webhooks = memory_alloc(sizeof *webhooks);
    *out = NULL;
    webhooks->sources = *sources;
    webhooks->settings = settings;
    deadline_start(&webhooks->no_longer, INT64_MAX);
    thread_init(&webhooks->thread);
    enum status status = job_store_create(&webhooks->store, settings->redis_url, STORE_TIMEOUT_MS, err);
    if (!status) status = thread_start(&webhooks->thread, "webhook-finder", run_finder, webhooks, err);
    if (!status) status = start_senders(webhooks, settings->redis_url, err);
    if (status)
        webhooks_free(webhooks);
    else
        *out = webhooks;
    return status;
}

void webhooks_free(struct webhooks *webhooks) {
    struct error err;
    if (!webhooks) return;
    thread_request_stop(&webhooks->thread);
    deadline_cancel(&webhooks->no_longer, STATUS_CANCELLED);
    thread_release(&webhooks->thread);
    if (atomic_load(&webhooks->held_until_ms) > 0 && lock_release(webhooks->store, &webhooks->lock, &err))
        log_line(LOG_DEBUG, "webhooks_not_released", log_field("error", err.message));
    for (size_t i = 0; i < SENDERS; i++)
        job_store_free(webhooks->senders[i].store);
    job_store_free(webhooks->store);
    free(webhooks);
}

void webhooks_measure(struct webhooks *webhooks, struct metrics *metrics) {
    static const char *const sent[] = {"outcome", "sent", NULL}, *const failed[] = {"outcome", "failed", NULL};
    static const char name[] = "registry_webhook_deliveries_total", help[] = "Events that were sent to webhooks.";
    if (!webhooks) return;
    metrics_add(metrics, METRIC_COUNTER, name, help, sent, (double)atomic_load(&webhooks->sent));
    metrics_add(metrics, METRIC_COUNTER, name, help, failed, (double)atomic_load(&webhooks->failed));
    metrics_add(metrics, METRIC_GAUGE, "registry_webhooks_paused", "Webhooks that failed for a day and get no events.", NULL,
                (double)atomic_load(&webhooks->paused));
}

int64_t webhooks_alarms(struct webhooks *webhooks) {
    return webhooks ? atomic_load(&webhooks->alarms) : 0;
}
