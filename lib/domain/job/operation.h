/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The payloads of the requests that become jobs (services/gateway/README.md). The functions check the form of a payload, for
 * the gateway, and make the keys by which a repeated request is recognised (lib/store/README.md, Duplicates). The registry's
 * rules are checked later, by the job, so that a refusal has a log: for instance, a reserved name is well-formed.
 */
#ifndef LIB_DOMAIN_JOB_OPERATION_H
#define LIB_DOMAIN_JOB_OPERATION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/hash.h"
#include "lib/domain/job/job.h"
#include "lib/domain/package/location.h"
#include "lib/domain/package/manifest.h"
#include "lib/domain/package/ref.h"
#include "lib/domain/package/version.h"
#include "lib/domain/registry/package_versions.h"

struct arena;
struct text;

enum { UNPUBLISH_REASON_CHARACTERS_MAX = 300 };

/* All pointers are owned by the arena that the request was read into. */
struct publish_request {
    const char *name;
    bool has_location;
    struct location location;
    const char *ref;
    struct version version;
    bool has_compiler;
    struct version compiler;
    bool has_resolutions;
    struct package_versions resolutions;
};

struct unpublish_request {
    const char *name;
    struct version version;
    const char *reason;
};

struct transfer_request {
    const char *name;
    struct location new_location;
};

struct package_set_change {
    const char *name;
    bool is_removal; /* `null` in the request */
    struct version version;
};

struct package_set_request {
    bool has_compiler;
    struct version compiler;
    struct package_set_change *changes; /* sorted by name */
    size_t change_count;
    bool is_restricted; /* has a compiler or a removal: needs pacchettibotti's signature */
};

/* A change of a published version's bounds (lib/domain/README.md, Revise bounds). */
struct revise_request {
    const char *name;
    struct version version;
    struct dependency *dependencies; /* the new ranges, none of them empty; sorted by name, at least one */
    size_t dependency_count;
};

/* A request that is signed as a whole: `{"payload": STRING, "signature": HEX}`. */
struct signed_request {
    const char *payload;   /* the exact bytes that are signed */
    const char *signature; /* lower-case hex; NULL if missing or empty, which only package sets allow */
};

/* Common to all: STATUS_INVALID with the field as path (`payload.version` for one inside the signed string). Unknown fields are
 * ignored; but a signed payload must not have the field that marks one of another kind, so that one signature never serves
 * two kinds. Locations must be publishable. publish_request_read() accepts a null in place of an absent field, since a job
 * shows the request as printed by publish_request_append_json(); payloads that are shown as they were sent must not have a null
 * in any field. */
CHECK_RESULT enum status publish_request_read(struct publish_request *out, const json_t *body, struct arena *arena,
                                              struct error *err);
CHECK_RESULT enum status signed_request_read(struct signed_request *out, const json_t *body, bool signature_is_required,
                                             struct arena *arena, struct error *err);
CHECK_RESULT enum status unpublish_request_parse(struct unpublish_request *out, const char *payload, struct arena *arena,
                                                 struct error *err);
CHECK_RESULT enum status transfer_request_parse(struct transfer_request *out, const char *payload, struct arena *arena,
                                                struct error *err);
CHECK_RESULT enum status package_set_request_parse(struct package_set_request *out, const char *payload, struct arena *arena,
                                                   struct error *err);
/* STATUS_INVALID for a request without a package and without a compiler, which changes nothing. (In a job that the service makes
 * for itself this stands for an update by all candidates; nobody can ask for that.) */
CHECK_RESULT enum status package_set_request_check_change(const struct package_set_request *request, struct error *err);
CHECK_RESULT enum status revise_request_parse(struct revise_request *out, const char *payload, struct arena *arena,
                                              struct error *err);

/* Append the request as a job stores and shows it: the known fields, in the order of the specification. Reading it again gives
 * the same request. */
void publish_request_append_json(struct text *out, const struct publish_request *request);
void signed_request_append_json(struct text *out, const struct signed_request *request);
void package_set_request_append_json(struct text *out, const struct package_set_request *request);
void revise_request_append_json(struct text *out, const struct revise_request *request);

/* A job that the package-set service makes for itself, to show that a changed set compiles, and that releases nothing: its payload
 * is a request with `"trial": true` besides. The gateway knows no such field, so nobody can request one. */
void package_set_trial_append_json(struct text *out, const struct package_set_request *request);
bool package_set_payload_is_trial(const char *payload);

/* Keys for the detection of duplicates, hex of a SHA-256. For a publication all fields except compiler and resolutions count,
 * for a package set the changes but not the signature. */
void publish_request_duplicate_key(const struct publish_request *request, char out[SHA256_HEX_MAX]);
void package_set_request_duplicate_key(const struct package_set_request *request, char out[SHA256_HEX_MAX]);

/* The key of a signed request, from the exact bytes of payload and signature: detects duplicates of pending unpublish and
 * transfer jobs, and replays of succeeded ones. */
void signed_request_key(const struct signed_request *request, enum job_kind kind, char out[SHA256_HEX_MAX]);

#endif
