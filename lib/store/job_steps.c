/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/job_steps.h"

#include <stdarg.h>
#include <string.h>

#include "lib/base/secret.h"
#include "lib/base/text.h"

/* The codes with which jobs.lua refuses. */
static const struct {
    const char *code;
    enum status status;
} refusals[] = {
    {"STALE ", STATUS_STALE},       {"HELD ", STATUS_BUSY},        {"NOTFOUND ", STATUS_NOT_FOUND},
    {"CONFLICT ", STATUS_CONFLICT}, {"TOOMANY ", STATUS_TOO_MANY}, {"UNAVAILABLE ", STATUS_UNAVAILABLE},
    {"REFUSED ", STATUS_REFUSED},
};

static enum status check_refusal(const struct redis_reply *reply, struct error *err) {
    if (reply->type != REDIS_FAILURE) return STATUS_OK;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        if (text_starts_with(reply->text, refusals[i].code))
            return error_set(err, refusals[i].status, "%s", reply->text + strlen(refusals[i].code));
    return redis_check_reply(reply, err);
}

enum status job_step(struct job_store *store, struct redis_reply **reply, struct error *err, const char *format, ...) {
    va_list values;
    va_start(values, format);
    enum status status = redis_call_script(store->redis, &store->script, reply, err, format, values);
    va_end(values);
    return status == STATUS_OK ? check_refusal(*reply, err) : status;
}

enum status job_step_list(struct job_store *store, struct redis_reply **reply, struct error *err, const char *const *arguments,
                          size_t count) {
    enum status status = redis_call_script_list(store->redis, &store->script, reply, err, arguments, count);
    return status == STATUS_OK ? check_refusal(*reply, err) : status;
}

enum status matrix_step(struct job_store *store, struct redis_reply **reply, struct error *err, const char *format, ...) {
    va_list values;
    va_start(values, format);
    enum status status = redis_call_script(store->redis, &store->matrix_script, reply, err, format, values);
    va_end(values);
    return status == STATUS_OK ? redis_check_reply(*reply, err) : status;
}

enum status matrix_step_list(struct job_store *store, struct redis_reply **reply, struct error *err,
                             const char *const *arguments, size_t count) {
    enum status status = redis_call_script_list(store->redis, &store->matrix_script, reply, err, arguments, count);
    return status == STATUS_OK ? redis_check_reply(*reply, err) : status;
}

void job_step_clean(struct text *text) {
    text_mend_utf8(text->bytes, text->length);
    secret_blank(text);
}

bool job_id_is_well_formed(const char *text) {
    return strlen(text) == UUID_TEXT_MAX - 1 && strspn(text, "0123456789abcdef-") == UUID_TEXT_MAX - 1;
}
