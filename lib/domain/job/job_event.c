/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/job/job_event.h"

#include <string.h>

#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/domain/package/json_fields.h"

static const char *const kinds[JOB_EVENT_COUNT] = {
#define JOB_EVENT(name, text) [JOB_EVENT_##name] = text,
    JOB_EVENT_TABLE(JOB_EVENT)
#undef JOB_EVENT
};

const char *job_event_print(const struct job_event *event, struct arena *arena) {
    char version[VERSION_TEXT_MAX], compiler[VERSION_TEXT_MAX];
    version_print(event->version, version);
    version_print(event->compiler, compiler);
    struct text text = {0};
    struct json_writer writer = {.out = &text};
    json_writer_open(&writer, '{');
    json_writer_text_field(&writer, "event", kinds[event->kind]);
    json_writer_text_field(&writer, "name", event->package);
    json_writer_text_field(&writer, "version", version);
    json_writer_text_field(&writer, "compiler", event->kind == JOB_EVENT_REVISED ? NULL : compiler);
    json_writer_text_field(&writer, "purpose", matrix_purpose_text(event->purpose));
    json_writer_text_field(&writer, "registryCommit", event->registry_commit);
    json_writer_text_field(&writer, "indexCommit", event->index_commit);
    json_writer_close(&writer, '}');
    const char *copy = arena_copy(arena, text_view(&text));
    text_release(&text);
    return copy;
}

/* Sets *out to a copy, or to NULL if there is no such field. */
static enum status read_text(const char **out, const json_t *object, const char *field, struct arena *arena,
                             struct error *err) {
    const char *text;
    enum status status = json_want_text(object, field, &text, err);
    *out = !status && text ? arena_copy(arena, text) : NULL;
    return status;
}

static enum status read_fields(struct job_event *out, const json_t *object, struct arena *arena, struct error *err) {
    const char *purpose;
    enum status status = json_need_package_name(object, "name", &out->package, arena, err);
    if (!status) status = json_need_version(object, "version", &out->version, err);
    if (!status && out->kind == JOB_EVENT_BUILT) status = json_need_version(object, "compiler", &out->compiler, err);
    if (!status) status = read_text(&out->registry_commit, object, "registryCommit", arena, err);
    if (!status) status = read_text(&out->index_commit, object, "indexCommit", arena, err);
    if (status) return status;
    if (json_want_text(object, "purpose", &purpose, NULL) || !purpose || !matrix_purpose_parse(purpose, &out->purpose))
        out->purpose = MATRIX_PURPOSE_NONE;
    return STATUS_OK;
}

enum status job_event_read(struct job_event *out, bool *is_known, const char *json, struct arena *arena, struct error *err) {
    json_t *object = NULL;
    const char *name;
    *out = (struct job_event){0};
    *is_known = false;
    enum status status = json_read(&object, json, strlen(json), "The event", err);
    if (!status) status = json_need_text(object, "event", &name, err);
    for (int i = 0; !status && !*is_known && i < JOB_EVENT_COUNT; i++) {
        *is_known = strcmp(name, kinds[i]) == 0;
        out->kind = (enum job_event_kind)i;
    }
    if (!status && *is_known) status = read_fields(out, object, arena, err);
    json_decref(object);
    return status;
}
