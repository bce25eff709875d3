/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The result of a function that can fail, and the reason of a failure.
 *
 * A function that can fail returns `enum status` and takes a `struct error *` last. The function that knows the cause writes
 * the message once, with error_set(); its callers pass it on. A user's mistake, a lost network or a full disk is a status; a
 * bug in this code is an assert.
 */
#ifndef LIB_BASE_ERROR_H
#define LIB_BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* STATUS(name, HTTP status, code in `{"error": CODE}`) */
#define STATUS_TABLE(STATUS)                                                                                                   \
    STATUS(OK, 200, "ok")                                                                                                      \
    STATUS(INVALID, 400, "invalid_request")   /* malformed input; `path` names the field */                                    \
    STATUS(UNAUTHORIZED, 401, "unauthorized") /* missing or wrong credentials */                                               \
    STATUS(FORBIDDEN, 403, "forbidden")       /* authenticated, but not allowed */                                             \
    STATUS(NOT_FOUND, 404, "not_found")       /* the thing asked for does not exist */                                         \
    STATUS(METHOD_NOT_ALLOWED, 405, "method_not_allowed")                                                                      \
    STATUS(TOO_LARGE, 413, "too_large")                /* over a configured limit */                                           \
    STATUS(TOO_MANY, 429, "too_many_requests")         /* over a rate limit */                                                 \
    STATUS(REFUSED, 400, "refused")                    /* well-formed, but against a rule of the registry */                   \
    STATUS(CONFLICT, 409, "conflict")                  /* changed concurrently: read again and retry */                        \
    STATUS(BUSY, 503, "busy")                          /* locked or held elsewhere for now */                                  \
    STATUS(STALE, 409, "stale")                        /* the lease or fencing number is no longer ours: stop writing */       \
    STATUS(CANCELLED, 503, "cancelled")                /* the work was cancelled, for instance by a shutdown */                \
    STATUS(UNAVAILABLE, 503, "unavailable")            /* a service or network cannot be reached: try later */                 \
    STATUS(TIMEOUT, 504, "timeout")                    /* a deadline passed */                                                 \
    STATUS(INTERNAL, 500, "internal_error")            /* a fault of this machine: disk, corrupted data */                     \
    STATUS(UNSUPPORTED, 415, "unsupported_media_type") /* a body in an encoding that is not decoded */

enum status {
#define STATUS(name, http, code) STATUS_##name,
    STATUS_TABLE(STATUS)
#undef STATUS
};

/* TROUBLE(name, text): an outage of the registry's own infrastructure, which neither a requester nor an author can fix. A job
 * that fails for one is put back in the queue and resumes afterwards (lib/service/job/job_runner.h). An unreachable third-party
 * host or a faulty request is not a trouble. The text names the part that is waited for; it is public, so it has no path and
 * no address. */
#define TROUBLE_TABLE(TROUBLE)                                                                                                 \
    TROUBLE(MACHINE, "this server's disk or memory") /* of every STATUS_INTERNAL, set by error_set() */                        \
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
    enum trouble trouble;            /* set by error_set(), or by error_mark() */
    char path[ERROR_PATH_MAX];       /* the offending field, as in `payload.dependencies.prelude`; empty if none */
    char message[ERROR_MESSAGE_MAX]; /* one sentence, possibly of several lines; truncated at a character boundary */
};

#define CHECK_RESULT __attribute__((warn_unused_result))

/* Fills `err`, which may be NULL, and returns `status`: a failure is `return error_set(err, STATUS_…, "…")`. */
enum status error_set(struct error *err, enum status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same, naming the offending field. */
enum status error_set_at(struct error *err, enum status status, const char *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Puts "PREFIX: " before the message, for a caller that knows the context. Returns err's status; `err` must not be NULL. */
enum status error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts `parent.` before the path (or sets it to `parent` if it is empty), for a caller that knows the enclosing field. Returns
 * err's status; `err` must not be NULL. */
enum status error_under(struct error *err, const char *parent);

/* Attributes a temporary failure (status_is_temporary()) that has no trouble yet to `trouble`, for a caller that knows which
 * part of the registry's infrastructure failed. Returns `status`; `err` may be NULL. */
enum status error_mark(struct error *err, enum status status, enum trouble trouble);

const char *trouble_text(enum trouble trouble); /* the text of TROUBLE_TABLE; not for TROUBLE_NONE */

int status_http(enum status status);
const char *status_code(enum status status);

/* True for failures that may pass by themselves (network, lock, time): the caller may retry later. */
bool status_is_temporary(enum status status);

#endif
