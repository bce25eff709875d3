/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a function answers, and why it failed.
 *
 * A function that can fail returns `enum status` and takes a `struct error *` last. The place that knows the cause writes the
 * sentence once, with error_set(); everybody above passes it on. A user's mistake, a lost network or a full disk is a status;
 * our own bug is an assert.
 */
#ifndef LIB_BASE_ERROR_H
#define LIB_BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* STATUS(name, HTTP status, code in `{"error": CODE}`) */
#define STATUS_TABLE(STATUS)                                                                                                   \
    STATUS(OK, 200, "ok")                                                                                                      \
    STATUS(INVALID, 400, "invalid_request")   /* what was given is malformed; `path` names the field */                        \
    STATUS(UNAUTHORIZED, 401, "unauthorized") /* no proof of who is asking, or a wrong one */                                  \
    STATUS(FORBIDDEN, 403, "forbidden")       /* known, and not allowed */                                                     \
    STATUS(NOT_FOUND, 404, "not_found")       /* the thing asked for does not exist */                                         \
    STATUS(METHOD_NOT_ALLOWED, 405, "method_not_allowed")                                                                      \
    STATUS(TOO_LARGE, 413, "too_large")                /* over a configured limit */                                           \
    STATUS(TOO_MANY, 429, "too_many_requests")         /* over a rate limit */                                                 \
    STATUS(REFUSED, 400, "refused")                    /* well-formed, but against a rule of the registry */                   \
    STATUS(CONFLICT, 409, "conflict")                  /* somebody else changed it first: read again and retry */              \
    STATUS(BUSY, 503, "busy")                          /* held by somebody else for now */                                     \
    STATUS(STALE, 409, "stale")                        /* the lease or fencing number is no longer ours: stop writing */       \
    STATUS(CANCELLED, 503, "cancelled")                /* we were told to stop */                                              \
    STATUS(UNAVAILABLE, 503, "unavailable")            /* a service or network is away: try later */                           \
    STATUS(TIMEOUT, 504, "timeout")                    /* a deadline passed */                                                 \
    STATUS(INTERNAL, 500, "internal_error")            /* this machine failed us: disk, corrupted data */                      \
    STATUS(UNSUPPORTED, 415, "unsupported_media_type") /* a body in an encoding that nobody decodes */

enum status {
#define STATUS(name, http, code) STATUS_##name,
    STATUS_TABLE(STATUS)
#undef STATUS
};

/* TROUBLE(name, what is waited for): what of the registry's own failed, which neither a requester nor an author can mend. A job
 * that fails for it is put back and goes on when it is over (lib/service/job_runner.h); somebody else's host that is away, and
 * what is wrong with a request, are none of these. The texts are for everybody: they name no path and no address. */
#define TROUBLE_TABLE(TROUBLE)                                                                                                 \
    TROUBLE(MACHINE, "this server's disk or memory") /* every STATUS_INTERNAL, by itself */                                    \
    TROUBLE(REDIS, "the server's job queue")                                                                                   \
    TROUBLE(REPOSITORY, "the registry's git repositories")                                                                     \
    TROUBLE(STORAGE, "the registry's tarball storage")

enum trouble {
    TROUBLE_NONE,
#define TROUBLE(name, text) TROUBLE_##name,
    TROUBLE_TABLE(TROUBLE)
#undef TROUBLE
};

enum {
    ERROR_PATH_MAX = 160,
    ERROR_MESSAGE_MAX = 8192,
};

struct error {
    enum status status;
    enum trouble trouble;      /* set by error_set(), and by error_mark() where the cause is known */
    char path[ERROR_PATH_MAX]; /* the offending field, as in `payload.dependencies.prelude`; empty where there is none */
    char
        message[ERROR_MESSAGE_MAX]; /* one sentence (a long one may have several lines); cut at a character's end when longer */
};

#define CHECK_RESULT __attribute__((warn_unused_result))

/* Fills `err` (which may be NULL) and returns `status`, so that a failure is one line: `return error_set(err, STATUS_…, "…")`.
 */
enum status error_set(struct error *err, enum status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same, naming the offending field. */
enum status error_set_at(struct error *err, enum status status, const char *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Puts "PREFIX: " before the message, for the caller that knows what was being done. Returns err's status; `err` must be there.
 */
enum status error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts `parent.` before the path (or makes it `parent` where there was none), for the caller that knows where the field stands.
 */
enum status error_under(struct error *err, const char *parent);

/* For the place that knows which part of the registry's own it called: a failure that may pass, and that nobody has marked
 * before, is that part's trouble. Returns err's status; `err` may be NULL, then `status` is passed on. */
enum status error_mark(struct error *err, enum status status, enum trouble trouble);

const char *trouble_text(enum trouble trouble); /* of any but TROUBLE_NONE: what is waited for */

int status_http(enum status status);
const char *status_code(enum status status);

/* True for the failures that pass by themselves (network, lock, time): the caller may try again later. */
bool status_is_temporary(enum status status);

#endif
