/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/monitor/readiness.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/base/inside.h"
#include "lib/base/json_writer.h"
#include "lib/base/memory.h"
#include "lib/store/job/job_store.h"
#include "lib/store/tarball/tarball_store.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/monitor/service_poll.h"
#include "services/gateway/monitor/shared_answer.h"

enum { SERVICE_TIMEOUT_MS = 2000 }; /* longer than a service's time limit for its own checks */

struct readiness {
    struct gateway *gateway;
    struct shared_answer *answers;
    struct text full, open;        /* the latest answers, used by the thread of `answers` only, like the next */
    bool is_ready;                 /* according to them */
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

/* Writes a check as an object, without its end. */
static void begin_finding(struct json_writer *writer, const char *check, bool is_fine, const char *message) {
    json_writer_item(writer);
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "check", check);
    json_writer_boolean_field(writer, "ok", is_fine);
    json_writer_text_field(writer, "message", message);
}

/* Writes a service's own checks. */
static void write_reasons(struct json_writer *writer, struct record_check_list reasons, bool is_open) {
    json_writer_key(writer, "reasons");
    json_writer_open(writer, '[');
    for (size_t i = 0; i < reasons.count; i++) {
        const struct record_check *reason = &reasons.items[i];
        bool has_other = is_open && reason->public_message;
        begin_finding(writer, reason->name, reason->is_fine, has_other ? reason->public_message : reason->message);
        json_writer_close(writer, '}');
    }
    json_writer_close(writer, ']');
}

static void write_finding(struct json_writer *writer, const char *check, bool is_fine, const char *message,
                          struct record_check_list reasons, bool is_open) {
    begin_finding(writer, check, is_fine, message);
    if (reasons.count > 0) write_reasons(writer, reasons, is_open);
    json_writer_close(writer, '}');
}

/* `reasons` are a service's own checks. */
static void add_service_finding(struct findings *findings, const char *check, bool is_fine, const char *message,
                                struct record_check_list reasons) {
    findings->is_ready = findings->is_ready && is_fine;
    write_finding(&findings->full_writer, check, is_fine, message, reasons, false);
    write_finding(&findings->open_writer, check, is_fine, message, reasons, true);
}

static void add_finding(struct findings *findings, const char *check, bool is_fine, const char *message) {
    add_service_finding(findings, check, is_fine, message, (struct record_check_list){0});
}

static void check_gateway(struct readiness *readiness, struct findings *findings) {
    bool is_stopping = atomic_load(&readiness->gateway->is_draining);
    add_finding(findings, "gateway", !is_stopping, is_stopping ? "The gateway is stopping." : NULL);
}

static void check_redis(struct readiness *readiness, struct findings *findings) {
    struct error err;
    enum status status = job_store_check(readiness->store, &err);
    add_finding(findings, "redis", !status, status ? err.message : NULL);
}

/* Adds the new alarms of a service, whose counter starts at 0 when it is restarted. */
static void note_alarms(struct readiness *readiness, size_t service, int64_t alarms) {
    int64_t before = readiness->alarms[service] <= alarms ? readiness->alarms[service] : 0;
    readiness->new_alarms += alarms - before;
    readiness->alarms[service] = alarms;
}

static void check_service(struct readiness *readiness, size_t service, const struct service_reply *reply,
                          struct findings *findings) {
    const struct message_readiness *ready = &reply->answer.readiness;
    const char *name = service_name(service);
    if (reply->status) {
        add_finding(findings, name, false, reply->err.message);
        return;
    }
    const char *message = ready->is_ready ? NULL : "The service cannot work.";
    add_service_finding(findings, name, ready->is_ready, message, ready->checks);
    note_alarms(readiness, service, ready->alarms);
}

/* Checks the storage folder. S3 is checked by the services that use it. */
static void check_storage(struct readiness *readiness, struct findings *findings) {
    const struct settings *settings = readiness->gateway->settings;
    struct error err;
    enum status status = tarball_store_is_folder(settings) ? tarball_store_check_folder(settings, &err) : STATUS_OK;
    add_finding(findings, "storage", !status, status ? err.message : NULL);
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
    struct service_poll poll;
    pthread_mutex_lock(&readiness->check_mutex);
    service_poll_begin(&poll, readiness->gateway, MESSAGE_ready_query, MESSAGE_readiness, SERVICE_TIMEOUT_MS);
    check_gateway(readiness, &findings);
    check_redis(readiness, &findings);
    service_poll_wait(&poll);
    for (size_t i = 0; i < SERVICE_COUNT; i++)
        check_service(readiness, i, &poll.replies[i], &findings);
    service_poll_release(&poll);
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

bool readiness_check_public(struct readiness *readiness, struct text *findings) {
    return check_all(readiness, NULL, findings);
}

int64_t readiness_take_alarms(struct readiness *readiness) {
    pthread_mutex_lock(&readiness->check_mutex);
    int64_t alarms = readiness->new_alarms;
    readiness->new_alarms = 0;
    pthread_mutex_unlock(&readiness->check_mutex);
    return alarms;
}

static void make_answers(void *context) {
    struct readiness *readiness = context;
    text_clear(&readiness->full);
    text_clear(&readiness->open);
    readiness->is_ready = check_all(readiness, &readiness->full, &readiness->open);
}

static void fill_answer(void *context, struct call *call) {
    const struct readiness *readiness = context;
    text_append(&call->answer.body, text_view(call->is_public ? &readiness->open : &readiness->full));
    call->answer.content_type = "application/json";
    call->answer.http_status = readiness->is_ready ? 200 : 503;
    if (!readiness->is_ready) answer_header(&call->answer, "retry-after", "5");
}

enum status readiness_create(struct readiness **out, struct gateway *gateway, struct error *err) {
    struct readiness *readiness = memory_alloc(sizeof *readiness);
    *out = readiness;
    readiness->gateway = gateway;
    pthread_mutex_init(&readiness->check_mutex, NULL);
    enum status status = job_store_create(&readiness->store, gateway->settings->redis_url, STORE_TIMEOUT_MS, err);
    if (status) return status;
    const struct shared_answer_maker maker = {"readiness", make_answers, fill_answer, readiness};
    return shared_answer_create(&readiness->answers, &maker, err);
}

void readiness_answer(struct readiness *readiness, struct call *call) {
    shared_answer_give(readiness->answers, call);
}

void readiness_free(struct readiness *readiness) {
    if (!readiness) return;
    shared_answer_free(readiness->answers);
    job_store_free(readiness->store);
    pthread_mutex_destroy(&readiness->check_mutex);
    text_release(&readiness->full);
    text_release(&readiness->open);
    free(readiness);
}
