/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/publish/publish_record.h"

#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"

static const char *const finishing_names[] = {
    [FINISHING_NOTHING] = "nothing", [FINISHING_INDEX] = "index", [FINISHING_DOCUMENTATION] = "documentation"};

static void write_plan(struct json_writer *writer, const struct build_plan *plan) {
    char compiler[VERSION_TEXT_MAX];
    version_print(plan->compiler, compiler);
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "compiler", compiler);
    json_writer_key(writer, "packages");
    package_versions_write(writer, &plan->packages);
    json_writer_close(writer, '}');
}

void publish_record_append_json(struct text *out, const struct publish_record *record) {
    char time[TIME_TEXT_MAX], commit_time[TIME_TEXT_MAX], compiler[VERSION_TEXT_MAX];
    time_print(record->published_ms, time);
    time_print(record->committed_ms, commit_time);
    version_print(record->compiler, compiler);

    struct json_writer writer = {.out = out};
    json_writer_open(&writer, '{');
    json_writer_text_field(&writer, "commit", record->commit);
    json_writer_text_field(&writer, "hash", record->hash);
    json_writer_key(&writer, "bytes");
    json_writer_integer(&writer, record->size_bytes);
    json_writer_text_field(&writer, "publishedTime", time);
    json_writer_text_field(&writer, "commitTime", record->committed_ms > 0 ? commit_time : NULL);
    json_writer_text_field(&writer, "compiler", compiler);
    json_writer_text_field(&writer, "finishing", finishing_names[record->finishing]);
    json_writer_key(&writer, "plan");
    write_plan(&writer, &record->plan);
    json_writer_key(&writer, "manifest");
    manifest_write(&writer, &record->manifest);
    json_writer_close(&writer, '}');
}

static enum status read_finishing(enum publish_finishing *out, const json_t *object, struct error *err) {
    const char *name = NULL;
    enum status status = json_need_text(object, "finishing", &name, err);
    for (size_t i = 0; !status && i < sizeof finishing_names / sizeof finishing_names[0]; i++) {
        *out = (enum publish_finishing)i;
        if (strcmp(name, finishing_names[i]) == 0) return STATUS_OK;
    }
    return status ? status
                  : error_set_at(err, STATUS_INVALID, "finishing",
                                 "The job's record has the unknown \"finishing\" value \"%s\".", name);
}

static enum status read_plan(struct build_plan *out, const json_t *object, struct arena *arena, struct error *err) {
    const json_t *plan = NULL, *packages = NULL;
    const char *compiler = NULL;
    enum status status = json_need_object(object, "plan", &plan, err);
    if (!status) status = json_need_text(plan, "compiler", &compiler, err);
    if (!status) status = json_need_object(plan, "packages", &packages, err);
    if (!status) status = version_parse(&out->compiler, compiler, err);
    return status ? status : package_versions_read(&out->packages, packages, arena, err);
}

enum status publish_record_parse(struct publish_record *out, const char *json, struct arena *arena, struct error *err) {
    json_t *object = NULL;
    const json_t *manifest = NULL;
    const char *commit = NULL, *hash = NULL, *time = NULL, *commit_time = NULL, *compiler = NULL;
    enum status status = json_read(&object, json, strlen(json), "The job's record", err);
    if (!status) status = json_need_text(object, "commit", &commit, err);
    if (!status) status = json_need_text(object, "hash", &hash, err);
    if (!status) status = json_need_integer(object, "bytes", &out->size_bytes, err);
    if (!status) status = json_need_text(object, "publishedTime", &time, err);
    if (!status) status = json_want_text(object, "commitTime", &commit_time, err);
    if (!status) status = json_need_text(object, "compiler", &compiler, err);
    if (!status) status = json_need_object(object, "manifest", &manifest, err);
    if (!status) status = version_parse(&out->compiler, compiler, err);
    if (!status) status = read_finishing(&out->finishing, object, err);
    if (!status) status = read_plan(&out->plan, object, arena, err);
    if (!status) status = manifest_read(&out->manifest, manifest, arena, err);
    if (!status && !time_parse(time, &out->published_ms))
        status = error_set_at(err, STATUS_INVALID, "publishedTime", "The job's record has no valid publishedTime.");
    if (!status && commit_time && !time_parse(commit_time, &out->committed_ms))
        status = error_set_at(err, STATUS_INVALID, "commitTime", "The job's record has no valid commitTime.");
    if (!status) {
        out->commit = arena_copy(arena, commit);
        out->hash = arena_copy(arena, hash);
    }
    json_decref(object);
    return status;
}
