/* SPDX-License-Identifier: BSD-3-Clause
 *
 *   nng's threads ──ask──► queue ──► the thread: looks for work for each ask, first come first served; answers
 *                             ▲
 *   dispatcher_wake() ────────┘   and every PENDING_SCAN_MS, for jobs that another instance has made
 *
 * Builds that nobody waits for are held back while a job that somebody waits for runs, since the services of one machine share
 * its processors with its workers: each BACKGROUND_HOLD_MS, every free slot gets one of them all the same.
 */
#include "services/build-matrix/dispatch/dispatcher.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/base/queue.h"
#include "lib/base/text.h"
#include "lib/base/thread.h"
#include "lib/service/message/message_server.h"
#include "lib/service/message/worker_identity.h"
#include "lib/store/job/connection_pool.h"
#include "lib/store/redis/matrix_store.h"
#include "services/build-matrix/dispatch/hand_out.h"
#include "services/build-matrix/dispatch/worker_messages.h"
#include "services/build-matrix/matrix_service.h"

enum {
    REQUESTS = 1024,         /* in flight: each free slot of each worker has one waiting */
    WAIT_MAX_MS = 60 * 1000, /* upper limit of an ask's waiting time */
    ANSWER_MARGIN_MS = 500,  /* an ask is answered this long before the asking side times out */
    WORKERS_READ_MS = 1000,  /* maximum age of the number of slots */
    SCAN_MAX_MS = 60 * 1000,
    PAUSE_MS = 500,       /* before the next look after Redis or a repository failed */
    HOLD_LOOK_MS = 25,    /* interval of looks for the end of urgent jobs */
    HOLD_LINGER_MS = 250, /* the hold lasts so long after them: a publication is followed by its builds, and often by another */
};

/* A free slot of a worker, waiting for work. */
struct ask {
    struct message_pending *pending;
    char *worker;
    char *compilers; /* as the worker sent them: separated by spaces */
    int64_t until_ms;
    struct queue_link link;
};

/* A worker that left. */
struct left {
    char *worker;
    struct queue_link link;
};

/* Why builds that nobody waits for are held back. */
struct hold {
    int64_t since_ms; /* 0: they are not */
    int64_t until_ms; /* unless an urgent job is seen again */
};

struct dispatcher {
    struct matrix_service *service;
    struct message_server *server;
    struct job_store *store; /* used by the thread only */
    size_t slots;            /* of all workers, when last read; used by the thread only, like slots_read_ms */
    int64_t slots_read_ms;
    struct hold hold; /* used by the thread only */

    struct thread thread; /* whose mutex guards the fields below */
    struct queue asks;    /* struct ask */
    struct queue left;    /* struct left: since the thread took the asks that it is handling; used meanwhile */
    bool is_looking;
    bool is_awake; /* there may be jobs to hand out */
    bool slots_are_old;
    bool is_held;          /* at the last look, only urgent jobs were handed out */
    int64_t batches, jobs; /* handed out since the start */
};

/* ---- Asks ---- */

static void free_ask(struct ask *ask) {
    free(ask->worker);
    free(ask->compilers);
    free(ask);
}

static struct ask *take_ask(struct queue *asks) {
    return QUEUE_ITEM(queue_take(asks), struct ask, link);
}

static void answer_nothing(struct ask *ask) {
    message_pending_answer(ask->pending, &(struct message){.tag = MESSAGE_done});
    free_ask(ask);
}

static void answer_nothing_to_all(struct queue *asks) {
    for (struct ask *ask; (ask = take_ask(asks));)
        answer_nothing(ask);
}

/* Queues the ask; if the dispatcher is stopping, answers it at once. */
static void add_ask(struct dispatcher *dispatcher, struct ask *ask) {
    thread_lock(&dispatcher->thread);
    bool is_taken = !dispatcher->thread.is_stopping;
    if (is_taken) {
        queue_add(&dispatcher->asks, &ask->link);
        dispatcher->is_awake = true;
        thread_wake(&dispatcher->thread);
    }
    thread_unlock(&dispatcher->thread);
    if (!is_taken) answer_nothing(ask);
}

static void take_build_ask(void *context, const struct message *request, struct message_pending *pending) {
    struct matrix_service *service = context;
    const char *worker = request->build_ask.worker, *compilers = request->build_ask.compilers;
    struct error err = {0};
    enum status status = worker_identity_check(worker, request->build_ask.secret, &err);
    if (!status) {
        struct job_store *store = connection_pool_take(service->stores);
        status = worker_list_see(store, worker, -1, NULL, worker_keep_ms(service), &err);
        connection_pool_give_back(service->stores, store);
    }
    if (status) {
        message_pending_fail(pending, status, &err);
        return;
    }
    int64_t wait_ms = request->build_ask.wait_ms, most_ms = message_pending_left_ms(pending) - ANSWER_MARGIN_MS;
    if (wait_ms > most_ms) wait_ms = most_ms;
    if (wait_ms > WAIT_MAX_MS) wait_ms = WAIT_MAX_MS;
    struct ask *ask = memory_alloc(sizeof *ask);
    *ask = (struct ask){.pending = pending,
                        .worker = memory_copy_text(worker),
                        .compilers = memory_copy_text(compilers ? compilers : ""),
                        .until_ms = clock_monotonic_ms() + (wait_ms > 0 ? wait_ms : 0)};
    add_ask(service->dispatcher, ask);
}

/* ---- Handing out ---- */

/* Splits `compilers` at spaces, into the arena. Returns their number. */
static size_t split_compilers(const char ***out, const char *compilers, struct arena *arena) {
    char *copy = arena_copy(arena, compilers), *rest = NULL;
    size_t count = 0, most = strlen(copy) / 2 + 1;
    *out = arena_alloc(arena, most * sizeof **out);
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        (*out)[count++] = word;
    return count;
}

static void read_slots(struct dispatcher *dispatcher) {
    int64_t now_ms = clock_monotonic_ms();
    struct arena arena = {0};
    struct worker_entry *workers = NULL;
    size_t count = 0;
    if (dispatcher->slots_read_ms && now_ms - dispatcher->slots_read_ms < WORKERS_READ_MS) return;
    if (worker_list_read(dispatcher->store, &arena, &workers, &count, NULL) == STATUS_OK) {
        dispatcher->slots = 0;
        for (size_t i = 0; i < count; i++)
            dispatcher->slots += workers[i].slots > 0 ? (size_t)workers[i].slots : 0;
        dispatcher->slots_read_ms = now_ms;
    }
    arena_release(&arena);
}

/* True: only urgent jobs are handed out at this look. */
static bool must_hold(struct dispatcher *dispatcher) {
    struct hold *hold = &dispatcher->hold;
    int64_t now_ms = clock_monotonic_ms(), most_ms = dispatcher->service->settings.background_hold_ms;
    struct error err;
    size_t urgent = 0;
    if (now_ms >= hold->until_ms) hold->since_ms = 0;
    if (most_ms > 0 && job_store_count_urgent(dispatcher->store, &urgent, &err) == STATUS_OK && urgent > 0)
        hold->until_ms = now_ms + HOLD_LINGER_MS;
    if (now_ms >= hold->until_ms) return false;
    if (hold->since_ms == 0) hold->since_ms = now_ms;
    if (now_ms - hold->since_ms < most_ms) return true;
    hold->since_ms = now_ms;
    return false;
}

/* True: the ask was answered with work, and freed. */
static bool serve(struct dispatcher *dispatcher, struct ask *ask, bool is_urgent, bool *has_failed) {
    struct arena arena = {0};
    struct message work;
    struct error err = {0};
    struct hand_out_request request = {.worker = ask->worker, .is_urgent = is_urgent, .slots = dispatcher->slots};
    const char **compilers = NULL;
    request.compiler_count = split_compilers(&compilers, ask->compilers, &arena);
    request.compilers = compilers;
    enum status status = hand_out(&work, dispatcher->service, dispatcher->store, &request, &arena, &err);
    if (status) {
        log_line(LOG_WARN, "dispatch_failed", log_field("worker", ask->worker), log_field("error", err.message));
        *has_failed = true;
    }
    bool is_served = work.tag == MESSAGE_work_order;
    if (is_served) {
        message_pending_answer(ask->pending, &work);
        free_ask(ask);
        thread_lock(&dispatcher->thread);
        dispatcher->batches++;
        dispatcher->jobs += (int64_t)work.work_order.jobs.count;
        thread_unlock(&dispatcher->thread);
    }
    arena_release(&arena);
    return is_served;
}

/* Takes all queued asks. The mutex must be held. */
static struct queue take_asks(struct dispatcher *dispatcher) {
    struct queue asks = dispatcher->asks;
    dispatcher->asks = (struct queue){0};
    return asks;
}

static void free_all_left(struct queue *left) {
    for (struct left *worker; (worker = QUEUE_ITEM(queue_take(left), struct left, link));) {
        free(worker->worker);
        free(worker);
    }
}

/* Moves the asks of workers that left to `gone`. */
static void take_left(struct queue *asks, const struct queue *left, struct queue *gone) {
    for (struct queue_link *worker = left->first; worker; worker = worker->next)
        for (struct queue_link *at = asks->first, *next; at; at = next) {
            next = at->next;
            if (!text_equal(QUEUE_ITEM(at, struct ask, link)->worker, QUEUE_ITEM(worker, struct left, link)->worker)) continue;
            queue_remove(asks, at);
            queue_add(gone, at);
        }
}

/* Puts unanswered asks back at the head of the queue. The mutex must be held. */
static void put_back(struct dispatcher *dispatcher, struct queue *asks) {
    for (struct queue_link *late; (late = queue_take(&dispatcher->asks));)
        queue_add(asks, late);
    dispatcher->asks = *asks;
}

/* Goes through all queued asks: answers those whose time is over or whose worker's connection has ended (a worker that was killed
 * would else be given the jobs that it lost once more), and, if `is_awake`, looks for work for the others. An ask with
 * the same compilers as the unsuccessful one right before it is skipped. Returns true if a look failed. Called with the mutex
 * held; releases it meanwhile. */
static bool look(struct dispatcher *dispatcher, bool is_awake) {
    struct queue asks = take_asks(dispatcher), rest = {0}, gone = {0};
    const char *in_vain = NULL;
    bool has_failed = false, is_urgent = false;
    if (dispatcher->slots_are_old) dispatcher->slots_read_ms = 0;
    dispatcher->slots_are_old = false;
    dispatcher->is_looking = true;
    thread_unlock(&dispatcher->thread);
    if (is_awake && asks.first) {
        read_slots(dispatcher);
        is_urgent = must_hold(dispatcher);
    }
    for (struct ask *ask; (ask = take_ask(&asks));) {
        bool is_over = message_pending_left_ms(ask->pending) == 0 || clock_monotonic_ms() >= ask->until_ms;
        if (is_over || message_pending_is_gone(ask->pending)) {
            answer_nothing(ask);
            continue;
        }
        if (is_awake && !has_failed && !text_equal(in_vain, ask->compilers) && serve(dispatcher, ask, is_urgent, &has_failed))
            continue;
        in_vain = ask->compilers;
        queue_add(&rest, &ask->link);
    }
    thread_lock(&dispatcher->thread);
    dispatcher->is_looking = false;
    if (is_awake) dispatcher->is_held = is_urgent;
    take_left(&rest, &dispatcher->left, &gone);
    free_all_left(&dispatcher->left);
    put_back(dispatcher, &rest);
    answer_nothing_to_all(&gone);
    return has_failed;
}

/* The time between two looks that nothing announced. */
static int64_t look_interval_ms(const struct dispatcher *dispatcher, bool has_failed) {
    int64_t scan_ms = dispatcher->service->settings.pending_scan_ms;
    if (scan_ms == 0) scan_ms = SCAN_MAX_MS;
    if (has_failed) return scan_ms < PAUSE_MS ? scan_ms : PAUSE_MS;
    return dispatcher->is_held && scan_ms > HOLD_LOOK_MS ? HOLD_LOOK_MS : scan_ms;
}

static int64_t next_look_ms(const struct dispatcher *dispatcher, int64_t scan_ms) {
    int64_t at_ms = clock_monotonic_ms() + scan_ms;
    for (struct queue_link *at = dispatcher->asks.first; at; at = at->next) {
        int64_t until_ms = QUEUE_ITEM(at, struct ask, link)->until_ms;
        if (until_ms < at_ms) at_ms = until_ms;
    }
    return at_ms;
}

static void dispatch(void *context) {
    struct dispatcher *dispatcher = context;
    int64_t scanned_ms = 0;
    bool has_failed = false;
    thread_lock(&dispatcher->thread);
    while (!dispatcher->thread.is_stopping) {
        int64_t now_ms = clock_monotonic_ms();
        bool is_due = dispatcher->is_awake || now_ms - scanned_ms >= look_interval_ms(dispatcher, has_failed);
        if (is_due) scanned_ms = now_ms;
        dispatcher->is_awake = false;
        has_failed = look(dispatcher, is_due);
        if (!dispatcher->is_awake && !dispatcher->thread.is_stopping)
            thread_wait(&dispatcher->thread, next_look_ms(dispatcher, look_interval_ms(dispatcher, has_failed)));
    }
    struct queue asks = take_asks(dispatcher);
    thread_unlock(&dispatcher->thread);
    answer_nothing_to_all(&asks);
}

/* ---- Creating and freeing ---- */

static const struct message_handler handlers[] = {
    {MESSAGE_worker_join, .handle = take_worker_join},   {MESSAGE_worker_leave, .handle = take_worker_leave},
    {MESSAGE_build_ask, .handle_later = take_build_ask}, {MESSAGE_leases_renew, .handle = take_leases_renew},
    {MESSAGE_build_log, .handle = take_build_log},       {MESSAGE_build_outcome, .handle = take_build_outcome},
    {MESSAGE_build_return, .handle = take_build_return}, {0},
};

enum status dispatcher_create(struct dispatcher **out, struct matrix_service *service, struct error *err) {
    const struct settings *settings = &service->settings;
    struct dispatcher *dispatcher = memory_alloc(sizeof *dispatcher);
    dispatcher->service = service;
    thread_init(&dispatcher->thread);
    *out = dispatcher; /* set before the server starts: handlers use service->dispatcher */
    dispatcher->store = connection_pool_take(service->stores);
    enum status status = thread_start(&dispatcher->thread, "dispatcher", dispatch, dispatcher, err);
    if (status) return status;
    const struct message_server_options options = {.address = settings->build_worker_address,
                                                   .service_key = settings->build_worker_key,
                                                   .peers = PEERS_WORKERS,
                                                   .requests = REQUESTS,
                                                   .certificate = settings->build_worker_certificate,
                                                   .certificate_key = settings->build_worker_certificate_key};
    status = message_server_create(&dispatcher->server, &options, handlers, service, err);
    if (!status) log_line(LOG_INFO, "worker_listener_started", log_field("address", options.address));
    return status;
}

void dispatcher_free(struct dispatcher *dispatcher) {
    if (!dispatcher) return;
    thread_request_stop(&dispatcher->thread);
    thread_join(&dispatcher->thread);
    message_server_free(dispatcher->server); /* its threads may still ask */
    if (dispatcher->store) connection_pool_give_back(dispatcher->service->stores, dispatcher->store);
    thread_release(&dispatcher->thread);
    free(dispatcher);
}

void dispatcher_wake(struct dispatcher *dispatcher) {
    thread_lock(&dispatcher->thread);
    dispatcher->is_awake = true;
    thread_wake(&dispatcher->thread);
    thread_unlock(&dispatcher->thread);
}

void dispatcher_forget(struct dispatcher *dispatcher, const char *worker) {
    struct left *left = memory_alloc(sizeof *left);
    struct queue now = {0}, gone = {0};
    left->worker = memory_copy_text(worker);
    queue_add(&now, &left->link);
    thread_lock(&dispatcher->thread);
    take_left(&dispatcher->asks, &now, &gone);
    if (dispatcher->is_looking) queue_add(&dispatcher->left, queue_take(&now));
    dispatcher->slots_are_old = true;
    thread_unlock(&dispatcher->thread);
    free_all_left(&now);
    answer_nothing_to_all(&gone);
}

/* ---- Metrics ---- */

static void measure_workers(struct dispatcher *dispatcher, struct metrics *metrics) {
    struct arena arena = {0};
    struct worker_entry *workers = NULL;
    size_t count = 0;
    struct error err;
    struct job_store *store = connection_pool_take(dispatcher->service->stores);
    if (worker_list_read(store, &arena, &workers, &count, &err)) count = 0;
    connection_pool_give_back(dispatcher->service->stores, store);
    metrics_add(metrics, METRIC_GAUGE, "registry_build_workers", "Registered build workers.", NULL, (double)count);
    for (size_t i = 0; i < count; i++) {
        const char *const labels[] = {"worker", workers[i].id, NULL};
        metrics_add(metrics, METRIC_GAUGE, "registry_build_slots", "Builds that a worker can run at once.", labels,
                    (double)workers[i].slots);
        metrics_add(metrics, METRIC_GAUGE, "registry_build_slots_busy", "Builds that a worker is running.", labels,
                    (double)workers[i].busy_slots);
        if (workers[i].metrics && metrics_add_json(metrics, workers[i].metrics, "worker", workers[i].id, &err))
            log_line(LOG_WARN, "worker_metrics_rejected", log_field("worker", workers[i].id), log_field("error", err.message));
    }
    arena_release(&arena);
}

void dispatcher_measure(struct dispatcher *dispatcher, struct metrics *metrics) {
    thread_lock(&dispatcher->thread);
    double waiting = (double)dispatcher->asks.count, batches = (double)dispatcher->batches, jobs = (double)dispatcher->jobs;
    double is_held = dispatcher->is_held;
    thread_unlock(&dispatcher->thread);
    metrics_add(metrics, METRIC_GAUGE, "registry_matrix_asks_waiting", "Free slots of workers that wait for work.", NULL,
                waiting);
    metrics_add(metrics, METRIC_COUNTER, "registry_matrix_batches_total", "Work orders sent to workers.", NULL, batches);
    metrics_add(metrics, METRIC_COUNTER, "registry_matrix_handed_out_total", "Matrix jobs sent to workers.", NULL, jobs);
    metrics_add(metrics, METRIC_GAUGE, "registry_matrix_background_held",
                "1: builds of package sets, waves and sweeps wait for a publication or its builds.", NULL, is_held);
    measure_workers(dispatcher, metrics);
}
