/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/package-set/query/proposal_query.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/job/operation.h"
#include "lib/domain/matrix/supported_compilers.h"
#include "lib/domain/set/set_proposal.h"
#include "lib/service/message/message_json.h"
#include "lib/store/job/connection_pool.h"
#include "lib/store/redis/matrix_store.h"
#include "services/package-set/package_set_service.h"
#include "services/package-set/query/set_json.h"

struct proposing {
    struct package_set_service *service;
    struct arena *arena;
    struct package_set set;
    struct version compiler;
    const char *payload, *trial; /* of the request, and of a job that tries it */
};

/* ---- The compiler ---- */

static enum status check_supported(const struct proposing *p, struct error *err) {
    struct version *compilers;
    size_t count;
    struct job_store *store = connection_pool_take(p->service->stores);
    enum status status = compiler_list_read(store, p->arena, &compilers, &count, err);
    connection_pool_give_back(p->service->stores, store);
    return status ? status : supported_compilers_check(compilers, count, p->compiler, err);
}

static enum status check_higher(const struct proposing *p, struct error *err) {
    char set[VERSION_TEXT_MAX], current[VERSION_TEXT_MAX];
    version_print(p->set.version, set);
    version_print(p->set.compiler, current);
    if (version_compare(p->compiler, p->set.compiler) > 0) return STATUS_OK;
    return error_set_at(err, STATUS_REFUSED, "compiler",
                        "The package set %s is for compiler %s: only a higher one can be proposed.", set, current);
}

static enum status read_set(struct proposing *p, struct error *err) {
    struct newest_set newest = registry_sets_newest(p->service->sets, p->arena);
    enum status status = package_set_service_check_newest(&newest, err);
    if (!status && !package_set_service_latest(p->service, &p->set, p->arena))
        status = error_set(err, STATUS_NOT_FOUND, "There is no package set yet.");
    return status;
}

/* ---- The proposal ---- */

static void write_change(struct json_writer *writer, const struct set_members *members, const struct set_change *change,
                         const char *reason) {
    json_writer_item(writer);
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "name", set_members_name(members, change->package));
    set_json_indexed(writer, "from", change->replaced);
    set_json_indexed(writer, "to", change->version);
    json_writer_text_field(writer, "reason", reason);
    json_writer_close(writer, '}');
}

static void write_lost(struct json_writer *writer, const struct package_version *lost) {
    json_writer_item(writer);
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "name", lost->name);
    set_json_version(writer, "from", lost->version);
    json_writer_text_field(writer, "reason", "It is not published any more.");
    json_writer_close(writer, '}');
}

static bool is_listed(const struct set_proposal *proposal, const struct set_members *members, const char *name) {
    for (size_t i = 0; i < proposal->changes.count; i++)
        if (text_equal(set_members_name(members, proposal->changes.items[i].package), name)) return true;
    return false;
}

static void write_changes(struct json_writer *writer, const struct set_proposal *proposal, const struct set_members *members) {
    json_writer_key(writer, "changes");
    json_writer_open(writer, '[');
    for (size_t i = 0; i < proposal->changes.count; i++)
        write_change(writer, members, &proposal->changes.items[i], proposal->reasons[i]);
    for (size_t i = 0; i < members->lost_count; i++)
        if (!is_listed(proposal, members, members->lost[i]->name)) write_lost(writer, members->lost[i]);
    json_writer_close(writer, ']');
}

static void print_request(struct proposing *p, const struct set_proposal *proposal, const struct set_members *members) {
    struct package_set_request request;
    struct text payload = {0}, trial = {0};
    set_proposal_request(&request, proposal, members, p->arena);
    package_set_request_append_json(&payload, &request);
    package_set_trial_append_json(&trial, &request);
    p->payload = arena_copy(p->arena, text_view(&payload));
    p->trial = arena_copy(p->arena, text_view(&trial));
    text_release(&trial);
    text_release(&payload);
}

/* Writes the answer but for the job's id. */
static void write_proposal(struct json_writer *writer, struct proposing *p) {
    struct set_members members;
    struct set_proposal proposal;
    set_members_read(&members, registry_view_lock(p->service->repositories.view), &p->set, p->arena);
    set_proposal_find(&proposal, &members, p->compiler, p->arena);
    print_request(p, &proposal, &members);
    json_writer_open(writer, '{');
    set_json_set(writer, "packageSet", &p->set);
    set_json_version(writer, "compiler", p->compiler);
    write_changes(writer, &proposal, &members);
    set_json_names(writer, "unproven", &members, proposal.unproven, proposal.unproven_count);
    registry_view_unlock(p->service->repositories.view);
    json_writer_raw_field(writer, "request", p->payload);
}

/* ---- The trial ---- */

/* Makes the job, unless the same trial is pending or running, and writes its id. */
static enum status make_trial(struct json_writer *writer, const struct proposing *p, struct error *err) {
    struct job_accepted accepted;
    char key[SHA256_HEX_MAX];
    struct job_request request = {
        .kind = JOB_KIND_PACKAGE_SET, .payload = p->trial, .actor = "anonymous", .duplicate_key = key};
    hash_random_uuid(request.id);
    hash_sha256_hex(p->trial, strlen(p->trial), key);
    struct job_store *store = connection_pool_take(p->service->stores);
    enum status status = job_store_accept(store, &request, NULL, &accepted, err);
    connection_pool_give_back(p->service->stores, store);
    if (!status) json_writer_text_field(writer, "jobId", accepted.id);
    return status;
}

static enum status propose(struct json_writer *writer, struct proposing *p, bool builds, struct error *err) {
    enum status status = read_set(p, err);
    if (!status) status = check_supported(p, err);
    if (!status) status = check_higher(p, err);
    if (status) return status;
    write_proposal(writer, p);
    if (builds) status = make_trial(writer, p, err);
    json_writer_close(writer, '}');
    return status;
}

enum status answer_set_proposal_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                      struct error *err) {
    const struct message_set_proposal_query *query = &request->set_proposal_query;
    struct proposing p = {.service = context, .arena = arena};
    struct text json = {0};
    if (version_parse(&p.compiler, query->compiler ? query->compiler : "", err)) return error_under(err, "compiler");
    package_set_service_follow(p.service);
    enum status status = propose(&(struct json_writer){.out = &json}, &p, query->builds, err);
    if (status)
        text_release(&json);
    else
        message_take_json(answer, &json, arena);
    return status;
}
