/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One connection to Redis, and the only module that uses hiredis. It knows nothing of jobs: commands are sent in a batch,
 * replies are returned as a tree. A connection belongs to one thread.
 *
 * It connects at the first command and again after any failure (a context of hiredis that timed out stays broken). A batch
 * whose connection turns out to be closed is resent once on a new one, since Redis may have been restarted while the connection
 * was idle: so every batch must be repeatable. After a timeout nothing is resent.
 */
#ifndef LIB_STORE_REDIS_REDIS_H
#define LIB_STORE_REDIS_REDIS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/hash.h"

struct redis;

enum redis_type { REDIS_NIL, REDIS_INTEGER, REDIS_TEXT, REDIS_ARRAY, REDIS_FAILURE };

/* Borrowed from the connection until the next redis_run() or redis_call(). */
struct redis_reply {
    enum redis_type type;
    int64_t integer;           /* REDIS_INTEGER */
    const char *text;          /* REDIS_TEXT, REDIS_FAILURE: NUL-terminated; "" otherwise */
    size_t length;             /* of text */
    struct redis_reply *items; /* REDIS_ARRAY */
    size_t count;
};

/* Does not connect. `url`: `unix://PATH` or `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]`, %XX decoded in user, password
 * and host; HOST may be an IPv6 address in brackets. `timeout_ms` bounds connecting, and each wait for Redis. STATUS_INVALID
 * for any other address. */
CHECK_RESULT enum status redis_create(struct redis **out, const char *url, int timeout_ms, struct error *err);
void redis_free(struct redis *redis);

/* Adds a command to the batch. The format is split at its spaces, then `%s`, `%d`, `%lld` and so on are substituted, so a value
 * may contain spaces and line breaks. (hiredis does not support `%zu`.) */
void redis_add(struct redis *redis, const char *format, ...) __attribute__((format(printf, 2, 3)));
void redis_add_list(struct redis *redis, const char *const *arguments, size_t count);

/* Sends the batch at once, waits for one reply to each command, and empties it. `block_ms`: how long its commands may block in
 * Redis. STATUS_UNAVAILABLE if Redis is unreachable, does not answer in time, or reports that it cannot work now. Any other
 * reply of REDIS_FAILURE is left to the caller. */
CHECK_RESULT enum status redis_run(struct redis *redis, int block_ms, struct redis_reply **replies, struct error *err);

/* One command; a reply of REDIS_FAILURE becomes STATUS_INTERNAL. */
CHECK_RESULT enum status redis_call(struct redis *redis, struct redis_reply **reply, struct error *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A reply of REDIS_FAILURE as a status: STATUS_INTERNAL with Redis's own text. Any other reply: STATUS_OK. */
CHECK_RESULT enum status redis_check_reply(const struct redis_reply *reply, struct error *err);

/* A Lua script, cached by Redis under its hash. */
struct redis_script {
    const char *source;
    char hash[SHA1_HEX_MAX]; /* empty until it is needed */
};

/* Adds a call of the script to the batch. Its arguments are as in redis_add(), or a list. */
void redis_add_script(struct redis *redis, struct redis_script *script, const char *format, va_list values)
    __attribute__((format(printf, 3, 0)));
void redis_add_script_list(struct redis *redis, struct redis_script *script, const char *const *arguments, size_t count);

/* redis_run() for calls of this script alone; if Redis does not have it (yet, or any more), it is loaded, and the batch resent.
 * A reply of REDIS_FAILURE is left to the caller: it may be the script's own. */
CHECK_RESULT enum status redis_run_scripts(struct redis *redis, const struct redis_script *script, struct redis_reply **replies,
                                           struct error *err);

/* The text's value as a number (replies have many numbers as texts); `otherwise` if there is none. */
int64_t redis_reply_number(const struct redis_reply *reply, int64_t otherwise);

#endif
