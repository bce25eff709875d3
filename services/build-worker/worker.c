/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/build-worker/worker.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/condition.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/thread.h"
#include "lib/service/message/message_metrics.h"
#include "lib/service/message/message_work.h"
#include "services/build-worker/sender.h"

enum {
    ASK_WAIT_MS = 2000, /* long poll for work; a stop may have to wait for it */
    ASK_MARGIN_MS = 8000,
    TIMEOUT_MS = 5000,
    GOODBYE_TIMEOUT_MS = 2000,
    SPARE_REQUESTS = 8, /* in addition to one per slot: renewals, lines, results */
    PAUSE_MS = 500,     /* after a failed call */
    PAUSE_AFTER_GIVING_BACK_MS = 2000,
    RENEWALS_PER_LEASE = 3,
    RENEW_EVERY_MAX_MS = 10000,
    LEASE_UNTIL_KNOWN_MS = 10000,
    OVERTIME_MS = 60000, /* beyond the build's time limit, before its leases are no longer renewed */
    SEND_AT_END_MS = 5000,
};

struct worker {
    const struct settings *settings;
    struct build_environment *environment;
    struct worker_identity identity;
    char host[WORKER_HOST_MAX];
    char *compilers; /* versions, separated by spaces */
    struct message_client *client;
    struct held_jobs held;
    struct sender sender;
    int slot_count;
    struct thread sending;

    struct thread renewing; /* its mutex guards the next two */
    int64_t lease_ms;
    bool has_new_leases; /* makes the renewer run at once */

    struct thread slots; /* one for each; they stop first; their mutex guards the next two */
    int busy_slots;
    bool has_given_up;
};

static int count_busy_slots(struct worker *worker) {
    thread_lock(&worker->slots);
    int busy_slots = worker->busy_slots;
    thread_unlock(&worker->slots);
    return busy_slots;
}

/* ---- Joining and leaving ---- */

static enum status say_hello(struct worker *worker, struct error *err) {
    const struct settings *settings = worker->settings;
    struct arena arena = {0};
    struct message answer, hello = {.tag = MESSAGE_worker_join,
                                    .worker_join = {.worker = worker->identity.name,
                                                    .secret = worker->identity.secret,
                                                    .host = worker->host,
                                                    .program = REGISTRY_VERSION,
                                                    .compilers = worker->compilers,
                                                    .slots = worker->slot_count,
                                                    .memory_bytes = settings->build_memory_bytes,
                                                    .disk_bytes = settings->build_disk_bytes}};
    enum status status = message_client_ask(worker->client, &hello, MESSAGE_worker_welcome, TIMEOUT_MS, &arena, &answer, err);
    if (!status) {
        thread_lock(&worker->renewing);
        worker->lease_ms = answer.worker_welcome.lease_ms;
        thread_unlock(&worker->renewing);
        log_line(LOG_INFO, "worker_registered", log_field("worker", worker->identity.name));
    }
    arena_release(&arena);
    return status;
}

/* Tells the service that this worker takes no more work and still runs `busy_slots` builds. If the message is lost, the
 * service forgets the worker later. */
static void say_goodbye(struct worker *worker, int busy_slots) {
    if (!worker->client) return; /* creating it failed */
    struct arena arena = {0};
    struct error err;
    struct message answer,
        goodbye = {
            .tag = MESSAGE_worker_leave,
            .worker_leave = {.worker = worker->identity.name, .secret = worker->identity.secret, .busy_slots = busy_slots}};
    if (message_client_call(worker->client, &goodbye, GOODBYE_TIMEOUT_MS, &arena, &answer, &err))
        log_line(LOG_WARN, "worker_leave_failed", log_field("error", err.message));
    arena_release(&arena);
}

/* ---- Renewing ---- */

static struct record_metric_list list_metrics(struct worker *worker, struct arena *arena) {
    struct metrics *metrics = metrics_create();
    build_environment_measure(worker->environment, metrics);
    metrics_add_process(metrics);
    struct record_metric_list list = message_list_metrics(metrics, arena);
    metrics_free(metrics);
    return list;
}

static void renew(struct worker *worker) {
    struct arena arena = {0};
    struct error err;
    struct message answer, request = {.tag = MESSAGE_leases_renew,
                                      .leases_renew = {.worker = worker->identity.name,
                                                       .secret = worker->identity.secret,
                                                       .leases = held_jobs_list_leases(&worker->held, &arena),
                                                       .busy_slots = count_busy_slots(worker),
                                                       .metrics = list_metrics(worker, &arena)}};
    enum status status = message_client_call(worker->client, &request, TIMEOUT_MS, &arena, &answer, &err);
    if (status == STATUS_NOT_FOUND) /* expected after worker_leave: the leases were renewed nevertheless */
        status = thread_goes_on(&worker->slots) ? say_hello(worker, &err) : STATUS_OK;
    else if (!status && answer.tag == MESSAGE_leases_renewed)
        held_jobs_lose_all(&worker->held, answer.leases_renewed.lost);
    if (status) log_line(LOG_WARN, "lease_renewal_failed", log_field("error", err.message));
    arena_release(&arena);
}

static void renew_all(void *context) {
    struct worker *worker = context;
    thread_lock(&worker->renewing);
    while (!worker->renewing.is_stopping) {
        int64_t every_ms = worker->lease_ms / RENEWALS_PER_LEASE;
        if (every_ms > RENEW_EVERY_MAX_MS) every_ms = RENEW_EVERY_MAX_MS;
        int64_t at_ms = clock_monotonic_ms() + every_ms;
        worker->has_new_leases = false;
        thread_unlock(&worker->renewing);
        renew(worker);
        thread_lock(&worker->renewing);
        while (!worker->renewing.is_stopping && !worker->has_new_leases && clock_monotonic_ms() < at_ms)
            thread_wait(&worker->renewing, at_ms);
    }
    thread_unlock(&worker->renewing);
}

/* ---- Building ---- */

/* The listener's context while a slot builds a work order. */
struct building {
    struct worker *worker;
    const struct work_order *work;
    bool gave_back;
};

static void hear_line(void *context, size_t job, enum log_level level, const char *message) {
    struct building *building = context;
    held_jobs_say(&building->worker->held, &building->work->jobs[job], level, message);
}

/* Writes the reason to the job's log, which explains the delay to its readers. */
static void say_why_given_back(struct held_jobs *held, const struct build_job *job, const char *reason) {
    struct text line = {0};
    text_append_format(&line, "Handed back by the build worker without a build: %s",
                       reason ? reason : "The reason is unknown.");
    log_line(LOG_WARN, "job_handed_back", log_field("job", job->job_id), log_field("reason", reason));
    held_jobs_say(held, job, LOG_WARN, text_view(&line));
    text_release(&line);
}

static void hear_end(void *context, size_t job, const struct build_outcome *outcome) {
    struct building *building = context;
    struct held_jobs *held = &building->worker->held;
    building->gave_back = building->gave_back || outcome->is_given_back;
    if (outcome->is_given_back) say_why_given_back(held, &building->work->jobs[job], outcome->reason);
    held_jobs_end(held, &building->work->jobs[job], outcome);
}

static void count_busy(struct worker *worker, int change) {
    thread_lock(&worker->slots);
    worker->busy_slots += change;
    thread_wake(&worker->slots);
    thread_unlock(&worker->slots);
    thread_lock(&worker->renewing);
    worker->has_new_leases = true;
    thread_wake(&worker->renewing);
    thread_unlock(&worker->renewing);
}

/* Gives back work that arrived after the stop. */
static void refuse(struct worker *worker, const struct work_order *work) {
    const struct build_outcome outcome = {.is_given_back = true, .reason = "The worker is stopping."};
    for (size_t i = 0; i < work->job_count; i++) {
        say_why_given_back(&worker->held, &work->jobs[i], outcome.reason);
        held_jobs_end(&worker->held, &work->jobs[i], &outcome);
    }
}

/* True: some jobs were given back, so the next request must wait. */
static bool build(struct worker *worker, const struct work_order *work, struct arena *arena) {
    struct held_order order = {.renew_until_ms = clock_monotonic_ms() + work->time_limit_ms + OVERTIME_MS};
    struct building building = {.worker = worker, .work = work};
    const struct build_listener listener = {.say = hear_line, .end = hear_end, .context = &building};
    deadline_start(&order.deadline, work->time_limit_ms);
    held_jobs_add(&worker->held, work, &order);
    if (!thread_goes_on(&worker->slots)) {
        refuse(worker, work);
        return false;
    }
    count_busy(worker, 1);
    build_run(worker->environment, work, &listener, &order.deadline, arena);
    count_busy(worker, -1);
    return building.gave_back;
}

/* ---- Asking ---- */

static bool take_work(struct worker *worker, const struct message_work_order *order, struct arena *arena) {
    struct work_order work;
    struct error err;
    if (!message_read_work(&work, order, arena, &err)) return build(worker, &work, arena);
    log_line(LOG_ERROR, "work_order_malformed", log_field("field", err.path), log_field("error", err.message));
    return true;
}

/* Requests work once and builds it. Returns the pause before the next request, in ms. */
static int64_t ask(struct worker *worker) {
    struct arena arena = {0};
    struct error err;
    struct message answer, request = {.tag = MESSAGE_build_ask,
                                      .build_ask = {.worker = worker->identity.name,
                                                    .secret = worker->identity.secret,
                                                    .compilers = worker->compilers,
                                                    .wait_ms = ASK_WAIT_MS}};
    int64_t pause_ms = 0;
    enum status status = message_client_call(worker->client, &request, ASK_WAIT_MS + ASK_MARGIN_MS, &arena, &answer, &err);
    if (status == STATUS_NOT_FOUND)
        status = thread_goes_on(&worker->slots) ? say_hello(worker, &err) : STATUS_OK;
    else if (!status && answer.tag == MESSAGE_work_order && take_work(worker, &answer.work_order, &arena))
        pause_ms = PAUSE_AFTER_GIVING_BACK_MS;
    if (status) {
        log_line(LOG_WARN, "work_request_failed", log_field("error", err.message));
        pause_ms = PAUSE_MS;
    }
    arena_release(&arena);
    return pause_ms;
}

static void ask_and_build(void *context) {
    struct worker *worker = context;
    int64_t pause_ms = 0;
    while (thread_pause(&worker->slots, pause_ms))
        pause_ms = ask(worker);
}

/* ---- Start and stop ---- */

static char *list_compilers(const struct compilers *compilers) {
    struct text text = {0};
    for (size_t i = 0; i < compilers->count; i++) {
        char version[VERSION_TEXT_MAX];
        version_print(compilers->items[i].version, version);
        text_append_format(&text, "%s%s", i ? " " : "", version);
    }
    char *copy = memory_copy_text(text_view(&text));
    text_release(&text);
    return copy;
}

static void choose_identity(struct worker *worker) {
    if (gethostname(worker->host, sizeof worker->host - 1)) *worker->host = '\0';
    worker_identity_make(&worker->identity, worker->host);
}

static enum status start_threads(struct worker *worker, struct error *err) {
    enum status status = thread_start(&worker->sending, "sender", sender_main, &worker->sender, err);
    if (!status) status = thread_start(&worker->renewing, "renewer", renew_all, worker, err);
    for (int i = 0; !status && i < worker->slot_count; i++)
        status = thread_start(&worker->slots, "slot", ask_and_build, worker, err);
    return status;
}

enum status worker_start(struct worker **out, const struct settings *settings, struct build_environment *environment,
                         struct error *err) {
    struct worker *worker = memory_alloc(sizeof *worker);
    *worker = (struct worker){.settings = settings,
                              .environment = environment,
                              .compilers = list_compilers(&environment->compilers),
                              .slot_count = (int)settings->build_slots,
                              .lease_ms = LEASE_UNTIL_KNOWN_MS};
    choose_identity(worker);
    held_jobs_init(&worker->held);
    thread_init(&worker->sending);
    thread_init(&worker->renewing);
    thread_init(&worker->slots);
    const struct message_client_options options = {.address = settings->build_worker_address,
                                                   .service_key = settings->build_worker_key,
                                                   .peers = PEERS_WORKERS,
                                                   .requests = worker->slot_count + SPARE_REQUESTS,
                                                   .authority = settings->build_worker_authority};
    enum status status = message_client_create(&worker->client, &options, err);
    worker->sender = (struct sender){.held = &worker->held, .client = worker->client, .identity = &worker->identity};
    if (!status) status = start_threads(worker, err);
    if (!status) {
        *out = worker;
        return STATUS_OK;
    }
    worker_drain(worker, 0);
    worker_free(worker);
    return status;
}

void worker_give_up(struct worker *worker) {
    thread_lock(&worker->slots);
    worker->has_given_up = true;
    thread_wake(&worker->slots);
    thread_unlock(&worker->slots);
}

static void wait_for_builds(struct worker *worker, int64_t drain_ms) {
    int64_t at_ms = clock_monotonic_ms() + drain_ms;
    thread_request_stop(&worker->slots);
    say_goodbye(worker, count_busy_slots(worker));
    thread_lock(&worker->slots);
    while (worker->busy_slots > 0 && !worker->has_given_up && clock_monotonic_ms() < at_ms)
        thread_wait(&worker->slots, at_ms);
    int left = worker->busy_slots;
    thread_unlock(&worker->slots);
    if (left > 0) log_line(LOG_WARN, "builds_handed_back", log_field("slots", left));
    held_jobs_cancel(&worker->held);
}

/* Lets the sender deliver pending output for up to SEND_AT_END_MS, then ends it. */
static void end_sending(struct worker *worker) {
    struct held_jobs *list = &worker->held;
    int64_t at_ms = clock_monotonic_ms() + SEND_AT_END_MS;
    atomic_store(&worker->sender.is_stopping, true);
    pthread_mutex_lock(&list->mutex);
    pthread_cond_broadcast(&list->changed);
    while (list->first && clock_monotonic_ms() < at_ms)
        condition_wait_until(&list->changed, &list->mutex, at_ms);
    atomic_store(&worker->sender.has_given_up, true);
    pthread_cond_broadcast(&list->changed);
    pthread_mutex_unlock(&list->mutex);
    thread_join(&worker->sending);
}

void worker_drain(struct worker *worker, int64_t drain_ms) {
    wait_for_builds(worker, drain_ms);
    thread_join(&worker->slots);
    end_sending(worker);
    thread_request_stop(&worker->renewing);
    thread_join(&worker->renewing);
    say_goodbye(worker, 0);
}

void worker_free(struct worker *worker) {
    message_client_free(worker->client);
    held_jobs_release(&worker->held);
    thread_release(&worker->slots);
    thread_release(&worker->renewing);
    thread_release(&worker->sending);
    free(worker->compilers);
    free(worker);
}
