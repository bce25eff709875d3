/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What is asked of the registry: the payloads of the requests that become jobs (services/gateway/README.md). Here a payload's
 * form is checked, which is the gateway's part, and the key is made by which the same request is recognised
 * (lib/store/README.md, Duplicates). Whether the registry's rules allow it is the job's to find out, so that the refusal has a
 * log: a reserved name is well-formed.
 */
#ifndef LIB_DOMAIN_OPERATION_H
#define LIB_DOMAIN_OPERATION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/hash.h"
#include "lib/domain/job.h"
#include "lib/domain/location.h"
#include "lib/domain/manifest.h"
#include "lib/domain/package_versions.h"
#include "lib/domain/ref.h"
#include "lib/domain/version.h"

struct arena;
struct text;

enum { UNPUBLISH_REASON_CHARACTERS_MAX = 300 };

/* Whatever these point to belongs to the arena that they were read into. */
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
    struct dependency *dependencies; /* the new ranges, each of which includes some version; sorted by name, one at least */
    size_t dependency_count;
};

/* A request that is signed as a whole: `{"payload": STRING, "signature": HEX}`. */
struct signed_request {
    const char *payload;   /* the exact bytes that are signed */
    const char *signature; /* lower-case hex; NULL where there is none (or an empty one), which only package sets may lack */
};

/* All of these: unknown fields are ignored (but a payload to be signed must not have what makes it one of another kind, so that
 * one signature never serves two), STATUS_INVALID with the field as path (`payload.version` for one inside the string
 * that is signed). Locations must be such as may be published. A null in place of an absent field: publish_request_read() takes
 * it, since what a job shows is printed anew; the payloads that are shown as they were sent must have none, known field or not.
 */
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
CHECK_RESULT enum status revise_request_parse(struct revise_request *out, const char *payload, struct arena *arena,
                                              struct error *err);

/* The request as a job keeps and shows it: the fields that are known, in the order of the specification. publish_request_read()
 * of it gives the same request. */
void publish_request_append_json(struct text *out, const struct publish_request *request);
void signed_request_append_json(struct text *out, const struct signed_request *request);
void package_set_request_append_json(struct text *out, const struct package_set_request *request);
void revise_request_append_json(struct text *out, const struct revise_request *request);

/* Keys of "the same request", hex of a SHA-256. Of a publish everything but compiler and resolutions counts, of a package set
 * what is asked for and not who signed it. */
void publish_request_duplicate_key(const struct publish_request *request, char out[SHA256_HEX_MAX]);
void package_set_request_duplicate_key(const struct package_set_request *request, char out[SHA256_HEX_MAX]);

/* Of what is signed the exact bytes of payload and signature: for duplicates of unpublish and transfer, and for replays of all
 * signed jobs that succeeded. */
void signed_request_key(const struct signed_request *request, enum job_kind kind, char out[SHA256_HEX_MAX]);

#endif
