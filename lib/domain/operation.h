/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What is asked of the registry: the payloads of the requests that become jobs (spec/http-api.md). Here a payload's form is
 * checked, which is the gateway's part, and the key is made by which the same request is recognised (spec/jobs.md, Duplicates).
 * Whether the registry's rules allow it is the job's to find out, so that the refusal has a log: a reserved name is
 * well-formed.
 */
#ifndef LIB_DOMAIN_OPERATION_H
#define LIB_DOMAIN_OPERATION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/hash.h"
#include "lib/domain/location.h"
#include "lib/domain/package_versions.h"
#include "lib/domain/version.h"

struct arena;
struct text;

enum {
    REF_MAX = 255, /* bytes */
    UNPUBLISH_REASON_CHARACTERS_MAX = 300,
};

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

/* A request that is signed as a whole: `{"payload": STRING, "signature": HEX}`. */
struct signed_request {
    const char *payload;   /* the exact bytes that are signed */
    const char *signature; /* lower-case hex; NULL where there is none, which only package sets may lack */
};

/* All of these: unknown fields are ignored, STATUS_INVALID with the field as path. */
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

/* Whether `ref` can be the name of a tag or a branch, and is nothing else that git would take for a commit (spec/outside.md,
 * Sources). STATUS_INVALID with the reason. */
CHECK_RESULT enum status ref_check(const char *ref, struct error *err);

/* The request as a job keeps and shows it: the fields that are known, in the order of the specification. publish_request_read()
 * of it gives the same request. */
void publish_request_append_json(struct text *out, const struct publish_request *request);
void signed_request_append_json(struct text *out, const struct signed_request *request);
void package_set_request_append_json(struct text *out, const struct package_set_request *request);

/* Keys of "the same request", hex of a SHA-256. Of a publish everything but compiler and resolutions counts; of what is signed
 * the payload's exact bytes and the signature, under the job's kind ("unpublish"). The same key serves for the replays of
 * signed jobs that succeeded. */
void publish_request_duplicate_key(const struct publish_request *request, char out[SHA256_HEX_MAX]);
void signed_request_duplicate_key(const struct signed_request *request, const char *kind, char out[SHA256_HEX_MAX]);

#endif
