/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as a job's hash from Redis (its lines are field names and values in turn), and also as the job's log. Any
 * text stored there is shown as valid JSON. (A payload is already JSON, checked when it was accepted.)
 */
#include <stdlib.h>

#include "lib/base/arena.h"
#include "lib/base/json.h"
#include "lib/store/job/job_steps.h"
#include "services/gateway/routes/job_json.h"
#include "tests/fuzz/fuzz.h"

enum { LINES_MAX = 64 };

static void must_be_json(const struct text *text) {
    json_t *json = NULL;
    enum status status = json_read(&json, text->bytes, text->length, "It", NULL);
    assert(status == STATUS_OK);
    json_decref(json);
}

static bool is_json(const char *text) {
    json_t *json = NULL;
    enum status status = json_read(&json, text, strlen(text), "It", NULL);
    json_decref(json);
    return status == STATUS_OK;
}

static void show(struct job *job, const struct log_lines *lines) {
    struct text text = {0};
    if (job->payload && !is_json(job->payload)) job->payload = NULL;
    job_append_json(&text, job, lines, true);
    must_be_json(&text);
    text_clear(&text);
    job_append_status_json(&text, job);
    must_be_json(&text);
    text_clear(&text);
    log_lines_append_json(&text, job->id, lines, true);
    must_be_json(&text);
    text_clear(&text);
    job_append_status_text(&text, job);
    log_lines_append_text(&text, lines);
    assert(text_is_utf8(text.bytes, text.length));
    text_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct arena arena = {0};
    struct redis_reply items[LINES_MAX], fields = {.type = REDIS_ARRAY, .items = items};
    struct log_line log[LINES_MAX];
    struct log_lines lines = {.lines = log};
    char *texts[LINES_MAX];
    struct job job;
    bool is_text = text_is_utf8((const char *)bytes, length);
    while (length > 0 && fields.count < LINES_MAX) {
        char *text = texts[fields.count] = fuzz_take_line(&bytes, &length);
        log[lines.count++] = (struct log_line){.level = LOG_INFO, .message = text, .time_ms = strtoll(text, NULL, 10)};
        items[fields.count++] = (struct redis_reply){.type = REDIS_TEXT, .text = text, .length = strlen(text)};
    }
    if (job_from_reply(&fields, "3f2c0d4e-0000-4000-8000-000000000000", &arena, &job) && is_text) show(&job, &lines);
    for (size_t i = 0; i < fields.count; i++)
        free(texts[i]);
    arena_release(&arena);
    return 0;
}
