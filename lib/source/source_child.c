/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/source/source_child.h"

#include <string.h>
#include <unistd.h>

#include "lib/base/json.h"
#include "lib/base/json_writer.h"

/* ---- The order ---- */

static void append_integer(struct json_writer *writer, const char *key, int64_t value) {
    json_writer_key(writer, key);
    json_writer_integer(writer, value);
}

void source_order_append(struct text *out, const struct source_order *order) {
    const struct git_source *source = &order->source;
    struct json_writer writer = {.out = out};
    json_writer_open(&writer, '{');
    json_writer_text_field(&writer, "url", source->url);
    json_writer_text_field(&writer, "ref", source->ref);
    json_writer_text_field(&writer, "subdir", source->subdir);
    json_writer_text_field(&writer, "knownCommit", source->known_commit);
    json_writer_text_field(&writer, "workFolder", order->work_folder);
    json_writer_text_field(&writer, "authorities", source->authorities);
    json_writer_boolean_field(&writer, "allowPrivate", source->allow_private);
    append_integer(&writer, "limitBytes", source->limit_bytes);
    append_integer(&writer, "limitFiles", source->limit_files);
    append_integer(&writer, "silenceMs", source->silence_ms);
    append_integer(&writer, "timeoutMs", order->timeout_ms);
    json_writer_close(&writer, '}');
}

static enum status read_order(struct source_order *out, const json_t *json, struct error *err) {
    struct git_source *source = &out->source;
    enum status status = json_need_text(json, "url", &source->url, err);
    if (!status) status = json_need_text(json, "ref", &source->ref, err);
    if (!status) status = json_want_text(json, "subdir", &source->subdir, err);
    if (!status) status = json_want_text(json, "knownCommit", &source->known_commit, err);
    if (!status) status = json_need_text(json, "workFolder", &out->work_folder, err);
    if (!status) status = json_want_text(json, "authorities", &source->authorities, err);
    if (!status) status = json_need_integer(json, "limitBytes", &source->limit_bytes, err);
    if (!status) status = json_need_integer(json, "limitFiles", &source->limit_files, err);
    if (!status) status = json_need_integer(json, "silenceMs", &source->silence_ms, err);
    if (!status) status = json_need_integer(json, "timeoutMs", &out->timeout_ms, err);
    source->allow_private = json_is_true(json_object_get(json, "allowPrivate"));
    return status;
}

/* ---- The answer ---- */

static void append_failure(struct text *out, const struct error *failure) {
    struct json_writer writer = {.out = out};
    json_writer_open(&writer, '{');
    json_writer_text_field(&writer, "status", status_code(failure->status));
    json_writer_text_field(&writer, "path", failure->path);
    json_writer_text_field(&writer, "message", failure->message);
    json_writer_close(&writer, '}');
}

static void append_commit(struct text *out, const char *commit, int64_t committed_ms) {
    struct json_writer writer = {.out = out};
    json_writer_open(&writer, '{');
    json_writer_text_field(&writer, "commit", commit);
    append_integer(&writer, "committedMs", committed_ms);
    json_writer_close(&writer, '}');
}

void source_order_carry_out(struct text *out, const char *input, size_t length) {
    struct source_order order = {0};
    struct deadline deadline;
    struct error err = {0};
    char commit[GIT_COMMIT_MAX];
    int64_t committed_ms = 0;
    json_t *json = NULL;
    enum status status = json_read(&json, input, length, "The order", &err);
    if (!status) status = read_order(&order, json, &err);
    if (!status) {
        deadline_start(&deadline, order.timeout_ms);
        alarm((unsigned)(order.timeout_ms / 1000) + 2); /* ends waits that check no deadline, as in git:// */
        status = git_source_fetch(&order.source, order.work_folder, &deadline, commit, &committed_ms, &err);
    }
    if (status)
        append_failure(out, &err);
    else
        append_commit(out, commit, committed_ms);
    json_decref(json);
}

/* The status with this code (the first if several have it); STATUS_INTERNAL for any other text. */
static enum status find_status(const char *code) {
    for (enum status status = STATUS_INVALID; status < STATUS_INTERNAL; status++)
        if (strcmp(status_code(status), code) == 0) return status;
    return STATUS_INTERNAL;
}

static bool is_commit_id(const char *text) {
    return strlen(text) == GIT_COMMIT_MAX - 1 && strspn(text, "0123456789abcdef") == GIT_COMMIT_MAX - 1;
}

enum status source_answer_read(char commit[GIT_COMMIT_MAX], int64_t *committed_ms, const char *bytes, size_t length,
                               struct error *err) {
    json_t *json = NULL;
    const char *id = NULL, *code = NULL, *path = NULL, *message = NULL;
    enum status status = json_read(&json, bytes, length, "The answer of registry-fetch-source", err);
    if (!status) status = json_want_text(json, "commit", &id, err);
    if (!status && id && is_commit_id(id) && !json_need_integer(json, "committedMs", committed_ms, err)) {
        memcpy(commit, id, GIT_COMMIT_MAX);
        json_decref(json);
        return STATUS_OK;
    }
    if (!status) status = json_need_text(json, "status", &code, err);
    if (!status) status = json_want_text(json, "path", &path, err);
    if (!status) status = json_need_text(json, "message", &message, err);
    if (status)
        error_set(err, STATUS_INTERNAL, "The answer of registry-fetch-source is malformed.");
    else
        error_set_at(err, find_status(code), path ? path : "", "%s", message);
    json_decref(json);
    return err->status;
}
