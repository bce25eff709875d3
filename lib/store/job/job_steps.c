/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/job/job_steps.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/inside.h"
#include "lib/base/memory.h"
#include "lib/base/secret.h"
#include "lib/base/text.h"

/* The codes with which the steps of jobs/ refuse. */
static const struct {
    const char *code;
    enum status status;
} refusals[] = {
    {"STALE ", STATUS_STALE},       {"HELD ", STATUS_BUSY},        {"NOTFOUND ", STATUS_NOT_FOUND},
    {"CONFLICT ", STATUS_CONFLICT}, {"TOOMANY ", STATUS_TOO_MANY}, {"UNAVAILABLE ", STATUS_UNAVAILABLE},
    {"REFUSED ", STATUS_REFUSED},   {"FULL ", STATUS_BUSY},
};

enum status job_step_check(const struct redis_reply *reply, struct error *err) {
    if (reply->type != REDIS_FAILURE) return STATUS_OK;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        if (text_starts_with(reply->text, refusals[i].code))
            return error_set(err, refusals[i].status, "%s", reply->text + strlen(refusals[i].code));
    return redis_check_reply(reply, err);
}

enum status job_step(struct job_store *store, struct redis_reply **reply, struct error *err, const char *format, ...) {
    va_list values;
    va_start(values, format);
    redis_add_script(store->redis, &store->script, format, values);
    va_end(values);
    enum status status = job_steps_run(store, reply, err);
    return status == STATUS_OK ? job_step_check(*reply, err) : status;
}

enum status job_step_list(struct job_store *store, struct redis_reply **reply, struct error *err, const char *const *arguments,
                          size_t count) {
    redis_add_script_list(store->redis, &store->script, arguments, count);
    enum status status = job_steps_run(store, reply, err);
    return status == STATUS_OK ? job_step_check(*reply, err) : status;
}

enum status job_step_under(struct job_store *store, struct redis_reply **reply, struct error *err, const struct lease *lease,
                           const char *const *arguments, size_t count) {
    if (!*lease->worker) return job_step_list(store, reply, err, arguments, count);
    const char **under = memory_alloc((count + 2) * sizeof *under);
    under[0] = "as_worker", under[1] = lease->worker;
    memcpy(under + 2, arguments, count * sizeof *under);
    enum status status = job_step_list(store, reply, err, under, count + 2);
    free(under);
    return status;
}

void job_step_add(struct job_store *store, const char *format, ...) {
    va_list values;
    va_start(values, format);
    redis_add_script(store->redis, &store->script, format, values);
    va_end(values);
}

void job_step_add_list(struct job_store *store, const char *const *arguments, size_t count) {
    redis_add_script_list(store->redis, &store->script, arguments, count);
}

enum status job_steps_run(struct job_store *store, struct redis_reply **replies, struct error *err) {
    return redis_run_scripts(store->redis, &store->script, replies, err);
}

static enum status run_matrix_step(struct job_store *store, struct redis_reply **reply, struct error *err) {
    enum status status = redis_run_scripts(store->redis, &store->matrix_script, reply, err);
    return status == STATUS_OK ? redis_check_reply(*reply, err) : status;
}

enum status matrix_step(struct job_store *store, struct redis_reply **reply, struct error *err, const char *format, ...) {
    va_list values;
    va_start(values, format);
    redis_add_script(store->redis, &store->matrix_script, format, values);
    va_end(values);
    return run_matrix_step(store, reply, err);
}

enum status matrix_step_list(struct job_store *store, struct redis_reply **reply, struct error *err,
                             const char *const *arguments, size_t count) {
    redis_add_script_list(store->redis, &store->matrix_script, arguments, count);
    return run_matrix_step(store, reply, err);
}

void job_step_clean(struct text *text) {
    text_mend_utf8(text->bytes, text->length);
    secret_blank(text);
    inside_blank(text);
}

bool job_id_is_well_formed(const char *text) {
    return strlen(text) == UUID_TEXT_MAX - 1 && strspn(text, "0123456789abcdef-") == UUID_TEXT_MAX - 1;
}
