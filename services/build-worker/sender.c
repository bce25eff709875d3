/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/build-worker/sender.h"

#include "lib/base/clock.h"
#include "lib/base/condition.h"
#include "lib/base/fault.h"
#include "lib/base/log.h"

enum {
    LINES_EVERY_MS = 150,
    TIMEOUT_MS = 10000,
    PAUSE_MIN_MS = 100,
    PAUSE_MAX_MS = 2000,
    LINES_BYTES_MAX = 1500000,     /* per message */
    LAST_LINES_BYTES_MAX = 200000, /* in the message with the result */
};

/* The pending output of a job, moved out of it for sending. */
struct output {
    struct held_job *held;
    struct held_lines lines;
    bool is_end, is_lost;
    bool is_loss_unlogged; /* no log line has said yet that the job is lost */
};

/* ---- Pending output ---- */

static bool has_something(const struct held_job *held, bool lines_too) {
    return held->is_lost ? held->is_ended : held->is_ended || (lines_too && held->lines.count > 0);
}

static bool is_there_anything(const struct held_jobs *list, bool lines_too) {
    for (const struct held_job *held = list->first; held; held = held->next)
        if (has_something(held, lines_too)) return true;
    return false;
}

/* Takes the first job with pending output, and moves its lines to `out`. Call with the mutex held. */
static bool take(struct held_jobs *list, bool lines_too, struct output *out) {
    for (struct held_job *held = list->first; held; held = held->next) {
        if (!has_something(held, lines_too)) continue;
        *out = (struct output){.held = held,
                               .lines = held->lines,
                               .is_end = held->is_ended,
                               .is_lost = held->is_lost,
                               .is_loss_unlogged = held->is_loss_unlogged};
        held->lines = (struct held_lines){0};
        held->is_being_sent = true;
        return true;
    }
    return false;
}

/* ---- Sending ---- */

static bool is_to_be_repeated(enum status status) {
    return status == STATUS_UNAVAILABLE || status == STATUS_TIMEOUT || status == STATUS_BUSY || status == STATUS_INTERNAL;
}

/* True: accepted, or refused for good; false: retry. */
static bool send(struct sender *sender, const struct message *message, const struct held_job *held, enum status *status) {
    struct arena arena = {0};
    struct message answer;
    struct error err;
    *status = message_client_call(sender->client, message, TIMEOUT_MS, &arena, &answer, &err);
    if (*status == STATUS_STALE || *status == STATUS_NOT_FOUND)
        log_line(LOG_WARN, "job_lost", log_field("job", held->job_id), log_field("fence", held->fence),
                 log_field("reason", err.message));
    else if (*status)
        log_line(is_to_be_repeated(*status) ? LOG_DEBUG : LOG_ERROR, "report_rejected", log_field("job", held->job_id),
                 log_field("error", err.message));
    arena_release(&arena);
    return !is_to_be_repeated(*status);
}

/* Sends the lines except those that fit into the result's message. False: retry. */
static bool send_lines(struct sender *sender, struct output *output, enum status *status) {
    bool has_result = output->is_end && !output->held->is_given_back;
    struct held_lines *lines = &output->lines;
    *status = STATUS_OK;
    while (lines->bytes > (has_result ? LAST_LINES_BYTES_MAX : 0)) {
        size_t count = held_lines_fit(lines, LINES_BYTES_MAX);
        const struct message message = {.tag = MESSAGE_build_log,
                                        .build_log = {.worker = sender->identity->name,
                                                      .secret = sender->identity->secret,
                                                      .job_id = output->held->job_id,
                                                      .fence = output->held->fence,
                                                      .lines = {lines->items, count}}};
        if (!send(sender, &message, output->held, status)) return false;
        if (*status == STATUS_STALE || *status == STATUS_NOT_FOUND) return true;
        held_lines_drop(lines, count);
    }
    return true;
}

static bool send_end(struct sender *sender, const struct output *output, enum status *status) {
    const struct held_job *held = output->held;
    const struct message returned = {.tag = MESSAGE_build_return,
                                     .build_return = {.worker = sender->identity->name,
                                                      .secret = sender->identity->secret,
                                                      .job_id = held->job_id,
                                                      .fence = held->fence}};
    const struct message outcome = {.tag = MESSAGE_build_outcome,
                                    .build_outcome = {.worker = sender->identity->name,
                                                      .secret = sender->identity->secret,
                                                      .job_id = held->job_id,
                                                      .fence = held->fence,
                                                      .verdict = held->verdict,
                                                      .reason = held->reason,
                                                      .result = held->result,
                                                      .lines = {output->lines.items, output->lines.count}}};
    fault_point("worker-result");
    return send(sender, held->is_given_back ? &returned : &outcome, held, status);
}

/* True: everything in the output was accepted, or refused for good. */
static bool send_parcel(struct sender *sender, struct output *output) {
    enum status status = STATUS_OK;
    if (output->is_lost) {
        if (output->is_loss_unlogged)
            log_line(LOG_WARN, "job_lost", log_field("job", output->held->job_id), log_field("fence", output->held->fence));
        return true;
    }
    if (!send_lines(sender, output, &status)) return false;
    bool is_lost = status == STATUS_STALE || status == STATUS_NOT_FOUND;
    if (is_lost) held_jobs_lose(sender->held, output->held->job_id, output->held->fence);
    return is_lost || !output->is_end || send_end(sender, output, &status);
}

/* Puts lines that were not accepted back, or removes and frees the job after its end was sent. Call with the mutex held. */
static void settle(struct held_jobs *list, struct output *output, bool is_sent) {
    struct held_job *held = output->held;
    held->is_being_sent = false;
    if (!is_sent) held_lines_put_before(&held->lines, &output->lines);
    held_lines_release(&output->lines);
    if (!is_sent || !output->is_end) return;
    struct held_job **link = &list->first;
    while (*link != held)
        link = &(*link)->next;
    *link = held->next;
    held_job_free(held);
    pthread_cond_broadcast(&list->changed);
}

/* ---- The thread ---- */

static void wait_ms(struct held_jobs *list, int64_t duration_ms) {
    condition_wait_until(&list->changed, &list->mutex, clock_monotonic_ms() + duration_ms);
}

void sender_main(void *context) {
    struct sender *sender = context;
    struct held_jobs *list = sender->held;
    int64_t lines_sent_ms = 0, pause_ms = 0;
    pthread_mutex_lock(&list->mutex);
    while (!atomic_load(&sender->has_given_up) && !(atomic_load(&sender->is_stopping) && !list->first)) {
        int64_t now_ms = clock_monotonic_ms();
        bool lines_too = now_ms - lines_sent_ms >= LINES_EVERY_MS;
        struct output output;
        if (pause_ms > 0 || !take(list, lines_too, &output)) {
            if (lines_too && pause_ms == 0) lines_sent_ms = now_ms;
            wait_ms(list, pause_ms > 0 ? pause_ms : is_there_anything(list, true) ? LINES_EVERY_MS : LINES_EVERY_MS * 2);
            if (pause_ms > 0) pause_ms = -pause_ms;
            continue;
        }
        int64_t last_pause_ms = pause_ms < 0 ? -pause_ms : 0;
        pthread_mutex_unlock(&list->mutex);
        bool is_sent = send_parcel(sender, &output);
        pthread_mutex_lock(&list->mutex);
        settle(list, &output, is_sent);
        int64_t next_ms = last_pause_ms ? last_pause_ms * 2 : PAUSE_MIN_MS;
        pause_ms = is_sent ? 0 : next_ms < PAUSE_MAX_MS ? next_ms : PAUSE_MAX_MS;
    }
    pthread_mutex_unlock(&list->mutex);
}
