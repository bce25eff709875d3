/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/job/operation.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/domain/package/json_fields.h"
#include "lib/domain/package/package_name.h"

enum { SIGNATURE_MAX = 4096 }; /* hex digits, enough for an RSA key of 16,384 bits (SSH_RSA_BITS_MAX) */

/* ---- publish ---- */

static enum status read_checked_location(struct location *out, const json_t *object, struct arena *arena, struct error *err) {
    enum status status = location_read(out, object, arena, err);
    return status ? status : location_check_published(out, err);
}

static enum status read_optional_location(struct publish_request *out, const json_t *body, struct arena *arena,
                                          struct error *err) {
    const json_t *location;
    enum status status = json_want_object(body, "location", &location, err);
    out->has_location = !status && location;
    if (!out->has_location) return status;
    return within_field("location", read_checked_location(&out->location, location, arena, err), err);
}

static enum status read_resolutions(struct publish_request *out, const json_t *body, struct arena *arena, struct error *err) {
    const json_t *resolutions;
    enum status status = json_want_object(body, "resolutions", &resolutions, err);
    out->has_resolutions = !status && resolutions;
    if (!out->has_resolutions) return status;
    return within_field("resolutions", package_versions_read(&out->resolutions, resolutions, arena, err), err);
}

enum status publish_request_read(struct publish_request *out, const json_t *body, struct arena *arena, struct error *err) {
    *out = (struct publish_request){0};
    enum status status = json_must_be_object(body, "The request", err);
    if (!status) status = json_need_package_name(body, "name", &out->name, arena, err);
    if (!status) status = read_optional_location(out, body, arena, err);
    if (!status) status = json_need_copy(body, "ref", &out->ref, arena, err);
    if (!status) status = within_field("ref", ref_check(out->ref, err), err);
    if (!status) status = json_need_version(body, "version", &out->version, err);
    if (!status) status = json_want_version(body, "compiler", &out->has_compiler, &out->compiler, err);
    if (!status) status = read_resolutions(out, body, arena, err);
    return status;
}

static void write_version_field(struct json_writer *writer, const char *key, struct version version) {
    char text[VERSION_TEXT_MAX];
    version_print(version, text);
    json_writer_text_field(writer, key, text);
}

/* Writes the fields that identify a publication, for duplicates. */
static void write_publish_identity(struct json_writer *writer, const struct publish_request *request) {
    json_writer_text_field(writer, "name", request->name);
    if (request->has_location) {
        json_writer_key(writer, "location");
        location_write(writer, &request->location);
    }
    json_writer_text_field(writer, "ref", request->ref);
    write_version_field(writer, "version", request->version);
}

void publish_request_append_json(struct text *out, const struct publish_request *request) {
    struct json_writer writer = {.out = out};
    json_writer_open(&writer, '{');
    write_publish_identity(&writer, request);
    if (request->has_compiler) write_version_field(&writer, "compiler", request->compiler);
    if (request->has_resolutions) {
        json_writer_key(&writer, "resolutions");
        package_versions_write(&writer, &request->resolutions);
    }
    json_writer_close(&writer, '}');
}

void publish_request_duplicate_key(const struct publish_request *request, char out[SHA256_HEX_MAX]) {
    struct text identity = {0};
    struct json_writer writer = {.out = &identity};
    text_append_format(&identity, "%s\n", job_kind_text(JOB_KIND_PUBLISH));
    json_writer_open(&writer, '{');
    write_publish_identity(&writer, request);
    json_writer_close(&writer, '}');
    hash_sha256_hex(identity.bytes, identity.length, out);
    text_release(&identity);
}

/* ---- signed requests ---- */

static bool is_signature(const char *text) {
    size_t length = strlen(text);
    return length > 0 && length <= SIGNATURE_MAX && length % 2 == 0 && strspn(text, "0123456789abcdef") == length;
}

enum status signed_request_read(struct signed_request *out, const json_t *body, bool signature_is_required, struct arena *arena,
                                struct error *err) {
    static const char key[] = "signature";
    *out = (struct signed_request){0};
    enum status status = json_must_be_object(body, "The request", err);
    if (!status) status = json_need_copy(body, "payload", &out->payload, arena, err);
    if (!status && signature_is_required) status = json_need_copy(body, key, &out->signature, arena, err);
    if (!status && !signature_is_required) status = json_want_copy(body, key, &out->signature, arena, err);
    if (status) return status;
    if (!signature_is_required && text_equal(out->signature, "")) out->signature = NULL;
    if (!out->signature || is_signature(out->signature)) return STATUS_OK;
    return error_set_at(err, STATUS_INVALID, key,
                        "The signature must be an SSH key's signature of the payload in lower-case hexadecimal digits.");
}

void signed_request_append_json(struct text *out, const struct signed_request *request) {
    struct json_writer writer = {.out = out};
    json_writer_open(&writer, '{');
    json_writer_text_field(&writer, "payload", request->payload);
    json_writer_text_field(&writer, "signature", request->signature);
    json_writer_close(&writer, '}');
}

void signed_request_key(const struct signed_request *request, enum job_kind kind, char out[SHA256_HEX_MAX]) {
    struct text identity = {0};
    text_append_format(&identity, "%s\n", job_kind_text(kind));
    signed_request_append_json(&identity, request);
    hash_sha256_hex(identity.bytes, identity.length, out);
    text_release(&identity);
}

/* Each kind of signed payload has a field that no other kind has. */
static const struct {
    enum job_kind kind;
    const char *key;
    const char *route;
} payload_kinds[] = {
    {JOB_KIND_UNPUBLISH, "version", "/api/v1/unpublish"},
    {JOB_KIND_TRANSFER, "newLocation", "/api/v1/transfer"},
    {JOB_KIND_PACKAGE_SET, "packages", "/api/v1/package-sets"},
};

/* Checks a payload of unpublish or transfer: an object without nulls, and without the field of another kind. */
static enum status check_signed_payload(const json_t *payload, enum job_kind wanted, struct error *err) {
    enum status status = json_must_be_object(payload, "The payload", err);
    if (!status) status = json_must_have_no_null(payload, err);
    for (size_t i = 0; i < sizeof payload_kinds / sizeof payload_kinds[0] && !status; i++)
        if (payload_kinds[i].kind != wanted && json_object_get(payload, payload_kinds[i].key))
            status = error_set_at(err, STATUS_INVALID, payload_kinds[i].key,
                                  "A payload with \"%s\" is for %s: it must be signed for that request and sent there.",
                                  payload_kinds[i].key, payload_kinds[i].route);
    return status;
}

static enum status read_unpublish(struct unpublish_request *out, const json_t *payload, struct arena *arena,
                                  struct error *err) {
    enum status status = check_signed_payload(payload, JOB_KIND_UNPUBLISH, err);
    if (!status) status = json_need_package_name(payload, "name", &out->name, arena, err);
    if (!status) status = json_need_version(payload, "version", &out->version, err);
    if (!status) status = json_need_copy(payload, "reason", &out->reason, arena, err);
    if (status || text_count_characters(out->reason) <= UNPUBLISH_REASON_CHARACTERS_MAX) return status;
    return error_set_at(err, STATUS_INVALID, "reason", "The reason must not be longer than %d characters.",
                        UNPUBLISH_REASON_CHARACTERS_MAX);
}

enum status unpublish_request_parse(struct unpublish_request *out, const char *payload, struct arena *arena,
                                    struct error *err) {
    *out = (struct unpublish_request){0};
    json_t *json = NULL;
    enum status status = json_read(&json, payload, strlen(payload), "The payload", err);
    if (!status) status = read_unpublish(out, json, arena, err);
    json_decref(json);
    return within_field("payload", status, err);
}

static enum status read_transfer(struct transfer_request *out, const json_t *payload, struct arena *arena, struct error *err) {
    static const char key[] = "newLocation";
    const json_t *location;
    enum status status = check_signed_payload(payload, JOB_KIND_TRANSFER, err);
    if (!status) status = json_need_package_name(payload, "name", &out->name, arena, err);
    if (!status) status = json_need_object(payload, key, &location, err);
    if (status) return status;
    return within_field(key, read_checked_location(&out->new_location, location, arena, err), err);
}

enum status transfer_request_parse(struct transfer_request *out, const char *payload, struct arena *arena, struct error *err) {
    *out = (struct transfer_request){0};
    json_t *json = NULL;
    enum status status = json_read(&json, payload, strlen(payload), "The payload", err);
    if (!status) status = read_transfer(out, json, arena, err);
    json_decref(json);
    return within_field("payload", status, err);
}

/* ---- package sets ---- */

static int compare_changes(const void *a, const void *b) {
    return strcmp(((const struct package_set_change *)a)->name, ((const struct package_set_change *)b)->name);
}

static enum status read_changes(struct package_set_request *out, const json_t *packages, struct arena *arena,
                                struct error *err) {
    out->changes = arena_alloc(arena, json_object_size(packages) * sizeof *out->changes);
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)packages, name, value) {
        struct package_set_change *change = &out->changes[out->change_count++];
        enum status status = package_name_check(name, err);
        if (!status && json_is_null(value))
            change->is_removal = out->is_restricted = true;
        else if (!status)
            status = json_need_version(packages, name, &change->version, err);
        if (status) return status;
        change->name = arena_copy(arena, name);
    }
    if (out->change_count > 1) qsort(out->changes, out->change_count, sizeof *out->changes, compare_changes);
    return STATUS_OK;
}

/* Refuses nulls outside of "packages", where a null means a removal. */
static enum status check_nulls_beside_packages(const json_t *payload, struct error *err) {
    json_t *rest = json_copy((json_t *)payload);
    json_object_del(rest, "packages");
    enum status status = json_must_have_no_null(rest, err);
    json_decref(rest);
    return status;
}

static enum status read_package_set(struct package_set_request *out, const json_t *payload, struct arena *arena,
                                    struct error *err) {
    const json_t *packages;
    enum status status = json_must_be_object(payload, "The payload", err);
    if (!status) status = check_nulls_beside_packages(payload, err);
    if (!status) status = json_want_version(payload, "compiler", &out->has_compiler, &out->compiler, err);
    if (!status) status = json_need_object(payload, "packages", &packages, err);
    if (status) return status;
    out->is_restricted = out->has_compiler;
    return within_field("packages", read_changes(out, packages, arena, err), err);
}

enum status package_set_request_parse(struct package_set_request *out, const char *payload, struct arena *arena,
                                      struct error *err) {
    *out = (struct package_set_request){0};
    json_t *json = NULL;
    enum status status = json_read(&json, payload, strlen(payload), "The payload", err);
    if (!status) status = read_package_set(out, json, arena, err);
    json_decref(json);
    return within_field("payload", status, err);
}

enum status package_set_request_check_change(const struct package_set_request *request, struct error *err) {
    if (request->change_count > 0 || request->has_compiler) return STATUS_OK;
    return error_set_at(err, STATUS_INVALID, "payload.packages",
                        "The request would change nothing: \"packages\" must name at least one package, unless there is a "
                        "\"compiler\".");
}

/* Writes the object but for its end. */
static void open_package_set(struct json_writer *writer, const struct package_set_request *request) {
    json_writer_open(writer, '{');
    if (request->has_compiler) write_version_field(writer, "compiler", request->compiler);
    json_writer_key(writer, "packages");
    json_writer_open(writer, '{');
    for (size_t i = 0; i < request->change_count; i++) {
        json_writer_key(writer, request->changes[i].name);
        char version[VERSION_TEXT_MAX];
        version_print(request->changes[i].version, version);
        if (request->changes[i].is_removal)
            json_writer_null(writer);
        else
            json_writer_text(writer, version);
    }
    json_writer_close(writer, '}');
}

void package_set_request_append_json(struct text *out, const struct package_set_request *request) {
    struct json_writer writer = {.out = out};
    open_package_set(&writer, request);
    json_writer_close(&writer, '}');
}

void package_set_trial_append_json(struct text *out, const struct package_set_request *request) {
    struct json_writer writer = {.out = out};
    open_package_set(&writer, request);
    json_writer_boolean_field(&writer, "trial", true);
    json_writer_close(&writer, '}');
}

bool package_set_payload_is_trial(const char *payload) {
    json_t *json = NULL;
    bool is_trial = json_read(&json, payload, strlen(payload), "The payload", NULL) == STATUS_OK &&
                    json_is_true(json_object_get(json, "trial"));
    json_decref(json);
    return is_trial;
}

void package_set_request_duplicate_key(const struct package_set_request *request, char out[SHA256_HEX_MAX]) {
    struct text identity = {0};
    text_append_format(&identity, "%s\n", job_kind_text(JOB_KIND_PACKAGE_SET));
    package_set_request_append_json(&identity, request);
    hash_sha256_hex(identity.bytes, identity.length, out);
    text_release(&identity);
}

/* ---- bounds ---- */

static enum status check_bounds(const struct revise_request *request, struct error *err) {
    if (request->dependency_count == 0)
        return error_set_at(err, STATUS_INVALID, "dependencies",
                            "The field \"dependencies\" must name each dependency whose range changes.");
    for (size_t i = 0; i < request->dependency_count; i++) {
        const char *name = request->dependencies[i].name;
        if (range_is_valid(request->dependencies[i].range)) continue;
        error_set_at(err, STATUS_INVALID, name, "The range of %s includes no version.", name);
        return within_field("dependencies", STATUS_INVALID, err);
    }
    return STATUS_OK;
}

static enum status read_revise(struct revise_request *out, const json_t *payload, struct arena *arena, struct error *err) {
    enum status status = json_must_be_object(payload, "The payload", err);
    if (!status) status = json_need_package_name(payload, "name", &out->name, arena, err);
    if (!status) status = json_need_version(payload, "version", &out->version, err);
    if (!status) status = dependencies_read(&out->dependencies, &out->dependency_count, payload, arena, err);
    return status ? status : check_bounds(out, err);
}

enum status revise_request_parse(struct revise_request *out, const char *payload, struct arena *arena, struct error *err) {
    *out = (struct revise_request){0};
    json_t *json = NULL;
    enum status status = json_read(&json, payload, strlen(payload), "The payload", err);
    if (!status) status = read_revise(out, json, arena, err);
    json_decref(json);
    return within_field("payload", status, err);
}

void revise_request_append_json(struct text *out, const struct revise_request *request) {
    struct json_writer writer = {.out = out};
    json_writer_open(&writer, '{');
    json_writer_text_field(&writer, "name", request->name);
    write_version_field(&writer, "version", request->version);
    dependencies_write(&writer, request->dependencies, request->dependency_count);
    json_writer_close(&writer, '}');
}
