/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/monitor/readiness.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/inside.h"
#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/memory.h"
#include "lib/base/thread.h"
#include "lib/store/job/job_store.h"
#include "lib/store/tarball/tarball_store.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"

enum { SERVICE_TIMEOUT_MS = 2000 }; /* longer than a service's time limit for its own checks */

struct readiness {
    struct gateway *gateway;
    struct thread thread;
    struct queue arrived;          /* calls; guarded by the thread's mutex */
    pthread_mutex_t check_mutex;   /* one check at a time */
    struct job_store *store;       /* guarded by check_mutex, like the next two */
    int64_t alarms[SERVICE_COUNT]; /* as last reported by each service */
    int64_t new_alarms;            /* since readiness_take_alarms() */
};

/* The results of a check, an array in JSON: for operators (`full`) and for the public (`open`). */
struct findings {
    struct text full, open;
    struct json_writer full_writer, open_writer;
    bool is_ready;
};

/* A query to one service, on a thread of its own. */
struct service_state {
    struct message_client *client;
    struct arena arena;
    enum status status;
    struct error err;
    struct message answer;
};

/* Writes a service's own checks. In the public version, `publicMessage` (lib/service/job/job_service.c) replaces `message`. */
static void write_reasons(struct json_writer *writer, const char *reasons, bool is_open) {
    json_t *checks = NULL, *check;
    size_t i;
    if (json_read(&checks, reasons, strlen(reasons), "The reasons", NULL)) return;
    json_array_foreach(checks, i, check) {
        json_t *open = json_object_get(check, "publicMessage");
        if (is_open && open) json_object_set(check, "message", open);
        json_object_del(check, "publicMessage");
    }
    json_writer_value_field(writer, "reasons", checks);
    json_decref(checks);
}

static void write_finding(struct json_writer *writer, const char *check, bool is_fine, const char *message, const char *reasons,
                          bool is_open) {
    json_writer_item(writer);
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "check", check);
    json_writer_boolean_field(writer, "ok", is_fine);
    json_writer_text_field(writer, "message", message);
    if (reasons) write_reasons(writer, reasons, is_open);
    json_writer_close(writer, '}');
}

/* `reasons` is the JSON of a service's own checks; NULL: none. */
static void add_finding(struct findings *findings, const char *check, bool is_fine, const char *message, const char *reasons) {
    findings->is_ready = findings->is_ready && is_fine;
    write_finding(&findings->full_writer, check, is_fine, message, reasons, false);
    write_finding(&findings->open_writer, check, is_fine, message, reasons, true);
}

static void check_gateway(struct readiness *readiness, struct findings *findings) {
    bool is_stopping = atomic_load(&readiness->gateway->is_draining);
    add_finding(findings, "gateway", !is_stopping, is_stopping ? "The gateway is stopping." : NULL, NULL);
}

static void check_redis(struct readiness *readiness, struct findings *findings) {
    struct error err;
    enum status status = job_store_check(readiness->store, &err);
    add_finding(findings, "redis", !status, status ? err.message : NULL, NULL);
}

/* Adds the new alarms of a service, whose counter starts at 0 when it is restarted. */
static void note_alarms(struct readiness *readiness, size_t service, int64_t alarms) {
    int64_t before = readiness->alarms[service] <= alarms ? readiness->alarms[service] : 0;
    readiness->new_alarms += alarms - before;
    readiness->alarms[service] = alarms;
}

static void ask_service(void *context) {
    struct service_state *state = context;
    const struct message request = {.tag = MESSAGE_ready_query};
    state->status =
        message_client_call(state->client, &request, SERVICE_TIMEOUT_MS, &state->arena, &state->answer, &state->err);
    if (!state->status && state->answer.tag != MESSAGE_ready)
        state->status = error_set(&state->err, STATUS_INTERNAL, "The service answers something else than was asked.");
}

/* Queries all services concurrently, so that several unreachable ones take no longer than one. */
static void begin_services(struct thread *asking, struct readiness *readiness, struct service_state states[SERVICE_COUNT]) {
    thread_init(asking);
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        states[i] = (struct service_state){.client = readiness->gateway->services[i]};
        if (thread_start(asking, "asks-a-service", ask_service, &states[i], NULL)) ask_service(&states[i]);
    }
}

static void end_service(struct readiness *readiness, size_t service, struct service_state *state, struct findings *findings) {
    const struct message_ready *ready = &state->answer.ready;
    const char *name = service_name(service);
    if (state->status) {
        add_finding(findings, name, false, state->err.message, NULL);
    } else {
        add_finding(findings, name, ready->is_ready, ready->is_ready ? NULL : "The service cannot work.", ready->reasons);
        note_alarms(readiness, service, ready->alarms);
    }
    arena_release(&state->arena);
}

/* Checks the storage folder. S3 is checked by the services that use it. */
static void check_storage(struct readiness *readiness, struct findings *findings) {
    const struct settings *settings = readiness->gateway->settings;
    struct error err;
    enum status status = tarball_store_is_folder(settings) ? tarball_store_check_folder(settings, &err) : STATUS_OK;
    add_finding(findings, "storage", !status, status ? err.message : NULL, NULL);
}

static void append_answer(struct text *out, const struct findings *findings, const struct text *checks) {
    struct json_writer writer = {.out = out};
    json_writer_open(&writer, '{');
    json_writer_boolean_field(&writer, "ready", findings->is_ready);
    json_writer_raw_field(&writer, "checks", text_view(checks));
    json_writer_close(&writer, '}');
}

/* Runs all checks and appends the answers; `full` or `open` may be NULL. True: all are fine. */
static bool check_all(struct readiness *readiness, struct text *full, struct text *open) {
    struct findings findings = {.is_ready = true};
    findings.full_writer.out = &findings.full;
    findings.open_writer.out = &findings.open;
    json_writer_open(&findings.full_writer, '[');
    json_writer_open(&findings.open_writer, '[');
    struct service_state states[SERVICE_COUNT];
    struct thread asking;
    pthread_mutex_lock(&readiness->check_mutex);
    begin_services(&asking, readiness, states);
    check_gateway(readiness, &findings);
    check_redis(readiness, &findings);
    thread_release(&asking);
    for (size_t i = 0; i < SERVICE_COUNT; i++)
        end_service(readiness, i, &states[i], &findings);
    check_storage(readiness, &findings);
    json_writer_close(&findings.full_writer, ']');
    json_writer_close(&findings.open_writer, ']');
    pthread_mutex_unlock(&readiness->check_mutex);
    inside_blank(&findings.open);
    if (full) append_answer(full, &findings, &findings.full);
    if (open) append_answer(open, &findings, &findings.open);
    text_release(&findings.full);
    text_release(&findings.open);
    return findings.is_ready;
}

bool readiness_check(struct readiness *readiness, struct text *findings) {
    return check_all(readiness, findings, NULL);
}

int64_t readiness_take_alarms(struct readiness *readiness) {
    pthread_mutex_lock(&readiness->check_mutex);
    int64_t alarms = readiness->new_alarms;
    readiness->new_alarms = 0;
    pthread_mutex_unlock(&readiness->check_mutex);
    return alarms;
}

/* Waits for calls, and takes all. None: the thread must stop. */
static struct queue take_arrivals(struct readiness *readiness) {
    thread_lock(&readiness->thread);
    while (!readiness->arrived.first && !readiness->thread.is_stopping)
        thread_wait(&readiness->thread, THREAD_NO_LIMIT);
    struct queue calls = readiness->arrived;
    readiness->arrived = (struct queue){0};
    thread_unlock(&readiness->thread);
    return calls;
}

static void run(void *context) {
    struct readiness *readiness = context;
    struct text full = {0}, open = {0};
    for (struct queue calls; (calls = take_arrivals(readiness)).first;) {
        text_clear(&full);
        text_clear(&open);
        bool is_ready = check_all(readiness, &full, &open);
        for (struct call *call; (call = QUEUE_ITEM(queue_take(&calls), struct call, tail.link));) {
            text_append(&call->answer.body, text_view(call->is_public ? &open : &full));
            call->answer.content_type = "application/json";
            call->answer.http_status = is_ready ? 200 : 503;
            if (!is_ready) answer_header(&call->answer, "retry-after", "5");
            call_return(call);
        }
    }
    text_release(&full);
    text_release(&open);
}

enum status readiness_create(struct readiness **out, struct gateway *gateway, struct error *err) {
    struct readiness *readiness = memory_alloc(sizeof *readiness);
    *out = readiness;
    readiness->gateway = gateway;
    thread_init(&readiness->thread);
    pthread_mutex_init(&readiness->check_mutex, NULL);
    enum status status = job_store_create(&readiness->store, gateway->settings->redis_url, STORE_TIMEOUT_MS, err);
    if (!status) status = thread_start(&readiness->thread, "readiness", run, readiness, err);
    return status;
}

void readiness_answer(struct readiness *readiness, struct call *call) {
    thread_lock(&readiness->thread);
    queue_add(&readiness->arrived, &call->tail.link);
    thread_wake(&readiness->thread);
    thread_unlock(&readiness->thread);
}

void readiness_free(struct readiness *readiness) {
    if (!readiness) return;
    thread_release(&readiness->thread);
    job_store_free(readiness->store);
    pthread_mutex_destroy(&readiness->check_mutex);
    free(readiness);
}
