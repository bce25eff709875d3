/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/package-set/query/excuse_query.h"

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/domain/set/set_obstacles.h"
#include "lib/service/message/message_json.h"
#include "services/package-set/package_set_service.h"
#include "services/package-set/query/excuse_inputs.h"
#include "services/package-set/query/set_json.h"

/* While the view is locked. */
struct excusing {
    const struct excuse_inputs *inputs;
    struct set_members members;
    struct set_knowledge knowledge;
    struct set_excuses excuses;
    struct arena *arena;
};

/* ---- The set, and how recent all this is ---- */

static void write_head(struct json_writer *writer, const struct excusing *excusing) {
    const struct excuse_inputs *inputs = excusing->inputs;
    set_json_set(writer, "packageSet", &inputs->set);
    if (inputs->update.checked_ms) {
        json_writer_key(writer, "checked");
        json_writer_open(writer, '{');
        json_writer_text_field(writer, "jobId", inputs->update.checked_job_id);
        json_writer_time_field(writer, "time", inputs->update.checked_ms);
        json_writer_close(writer, '}');
    }
    json_writer_time_field(writer, "nextUpdate", excusing->knowledge.next_ms);
}

/* ---- Excuses ---- */

static void write_excuse(struct json_writer *writer, const struct excusing *excusing, const struct set_excuse *excuse) {
    const struct set_members *members = &excusing->members;
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "name", set_members_name(members, excuse->package));
    json_writer_text_field(writer, "verdict", set_verdict_text(excuse->verdict));
    json_writer_text_field(writer, "sentence", excuse->sentence);
    set_json_indexed(writer, "version", excuse->version);
    set_json_indexed(writer, "setVersion", excuse->member);
    json_writer_text_field(writer, "jobId", excuse->job);
    json_writer_time_field(writer, "since", excuse->since_ms);
    json_writer_text_field(writer, "whoCanAct", set_party_text(set_verdict_party(excuse->verdict)));
    set_json_names(writer, "blockedBy", members, excuse->blockers, excuse->blocker_count);
    set_json_names(writer, "roots", members, excuse->roots, excuse->root_count);
    json_writer_close(writer, '}');
}

static void write_counts(struct json_writer *writer, const struct set_excuses *excuses) {
    int64_t counts[SET_VERDICT_COUNT] = {0};
    for (size_t i = 0; i < excuses->count; i++)
        counts[excuses->items[i].verdict]++;
    json_writer_key(writer, "counts");
    json_writer_open(writer, '{');
    for (size_t i = 0; i < SET_VERDICT_COUNT; i++)
        json_writer_integer_field(writer, set_verdict_text((enum set_verdict)i), counts[i]);
    json_writer_close(writer, '}');
}

static void write_all(struct json_writer *writer, const struct excusing *excusing) {
    write_counts(writer, &excusing->excuses);
    json_writer_key(writer, "excuses");
    json_writer_open(writer, '[');
    for (size_t i = 0; i < excusing->excuses.count; i++) {
        json_writer_item(writer);
        write_excuse(writer, excusing, &excusing->excuses.items[i]);
    }
    json_writer_close(writer, ']');
}

static const struct set_excuse *find_excuse(const struct excusing *excusing, const char *name) {
    for (size_t i = 0; i < excusing->excuses.count; i++)
        if (text_equal(set_members_name(&excusing->members, excusing->excuses.items[i].package), name))
            return &excusing->excuses.items[i];
    return NULL;
}

/* ---- The next compilers ---- */

static void write_obstacle(struct json_writer *writer, const struct set_members *members, const struct set_obstacle *obstacle) {
    json_writer_item(writer);
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "name", set_members_name(members, obstacle->package));
    set_json_indexed(writer, "version", members->chosen[obstacle->package]);
    set_json_indexed(writer, "newer", obstacle->newer);
    set_json_indexed(writer, "lower", obstacle->lower);
    set_json_names(writer, "through", members, obstacle->through, obstacle->through_count);
    json_writer_close(writer, '}');
}

/* `package`: the only one to write; PACKAGE_NONE: all. */
static void write_next_compiler(struct json_writer *writer, const struct excusing *excusing, struct version compiler,
                                uint32_t package) {
    struct set_obstacles obstacles;
    set_obstacles_find(&obstacles, &excusing->members, compiler, excusing->arena);
    json_writer_item(writer);
    json_writer_open(writer, '{');
    set_json_version(writer, "compiler", compiler);
    json_writer_key(writer, "inTheWay");
    json_writer_open(writer, '[');
    for (size_t i = 0; i < obstacles.count; i++)
        if (package == PACKAGE_NONE || obstacles.items[i].package == package)
            write_obstacle(writer, &excusing->members, &obstacles.items[i]);
    json_writer_close(writer, ']');
    json_writer_close(writer, '}');
}

static void write_next_compilers(struct json_writer *writer, const struct excusing *excusing, uint32_t package) {
    const struct excuse_inputs *inputs = excusing->inputs;
    json_writer_key(writer, "nextCompilers");
    json_writer_open(writer, '[');
    for (size_t i = 0; i < inputs->compiler_count; i++)
        if (version_compare(inputs->compilers[i], inputs->set.compiler) > 0)
            write_next_compiler(writer, excusing, inputs->compilers[i], package);
    json_writer_close(writer, ']');
}

/* ---- Answers ---- */

/* `name`: NULL: all. */
static enum status write_excuses(struct json_writer *writer, const struct excusing *excusing, const char *name,
                                 struct error *err) {
    const struct set_excuse *only = name ? find_excuse(excusing, name) : NULL;
    if (name && !only) return error_set(err, STATUS_NOT_FOUND, "There is no package %s in the registry.", name);
    json_writer_open(writer, '{');
    write_head(writer, excusing);
    if (only) {
        json_writer_key(writer, "excuse");
        write_excuse(writer, excusing, only);
    } else {
        write_all(writer, excusing);
    }
    write_next_compilers(writer, excusing, only ? only->package : PACKAGE_NONE);
    json_writer_close(writer, '}');
    return STATUS_OK;
}

/* The registry may have changed since the inputs were read: what is known of a version counts for this version alone. */
static enum status print_excuses(struct text *out, struct package_set_service *service, const char *name, struct arena *arena,
                                 struct error *err) {
    struct excuse_inputs inputs;
    struct set_changes candidates;
    enum status status = excuse_inputs_read(&inputs, service, arena, err);
    if (status) return status;
    struct excusing excusing = {.inputs = &inputs, .arena = arena};
    const struct manifest_index *index = registry_view_lock(service->repositories.view);
    set_members_read(&excusing.members, index, &inputs.set, arena);
    set_changes_find_candidates(&candidates, &excusing.members, arena);
    excusing.knowledge = excuse_inputs_knowledge(&inputs, &excusing.members, &candidates, arena);
    set_excuses_find(&excusing.excuses, &excusing.members, &inputs.set, &candidates, &excusing.knowledge, arena);
    status = write_excuses(&(struct json_writer){.out = out}, &excusing, name, err);
    registry_view_unlock(service->repositories.view);
    return status;
}

enum status answer_set_excuses_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                     struct error *err) {
    struct package_set_service *service = context;
    const struct message_set_excuses_query *query = &request->set_excuses_query;
    struct text json = {0};
    int64_t asked_us = clock_monotonic_us();
    package_set_service_follow(service);
    enum status status = print_excuses(&json, service, query->name, arena, err);
    if (status == STATUS_NOT_FOUND && query->looks_again) {
        status = package_set_service_look_again(service, asked_us, err);
        if (!status) status = print_excuses(&json, service, query->name, arena, err);
    }
    if (status)
        text_release(&json);
    else
        message_take_json(answer, &json, arena);
    return status;
}
