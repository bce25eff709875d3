/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A batch is kept as the bytes that go over the wire, so that it can be resent as it is. Replies are built in an arena instead
 * of hiredis' own objects: an array's items are contiguous, and the whole tree is freed at once.
 */
#include "lib/store/redis/redis.h"

#include <assert.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/arena.h"
#include "lib/base/fault.h"
#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/number.h"
#include "lib/base/percent.h"
#include "lib/base/text.h"
#include "lib/base/url.h"

#define TOO_MANY_CLIENTS "ERR max number of clients reached"

enum { REDIS_PORT = 6379, READ_BUFFER_BYTES = 256 * 1024 };

struct redis {
    char *path;     /* of the unix socket, or NULL */
    char *host;     /* for TCP, like the members down to `database` */
    char *user;     /* NULL or empty: Redis's `default` */
    char *password; /* NULL: none */
    int port;
    int database;
    int timeout_ms;

    redisContext *context; /* NULL: not connected */
    int patience_ms;       /* the timeout that is set on it */
    struct text batch;
    size_t batch_count;
    struct arena replies;
};

/* ---- Address ---- */

static enum status bad_address(struct error *err) {
    return error_set_at(err, STATUS_INVALID, "REDIS_URL",
                        "A Redis address is redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]; in user and password, a "
                        "character may be written as %% and two hexadecimal digits, and %% itself is %%25.");
}

/* A copy, with %XX decoded; NULL if an escape is malformed or stands for a NUL. */
static char *copy_decoded(const char *bytes, size_t length) {
    char *copy = memory_alloc(length + 1);
    memcpy(copy, bytes, length);
    if (percent_decode(copy, PERCENT_IN_URL)) return copy;
    free(copy);
    return NULL;
}

/* `[USER]:PASSWORD`, or a password alone; an empty user is Redis's `default`. */
static bool parse_account(struct redis *redis, const struct url_part *account) {
    const char *colon = memchr(account->bytes, ':', account->length);
    size_t user_length = colon ? (size_t)(colon - account->bytes) : 0, rest = colon ? user_length + 1 : 0;
    redis->user = copy_decoded(account->bytes, user_length);
    redis->password = copy_decoded(account->bytes + rest, account->length - rest);
    return redis->user && redis->password;
}

/* A name, an IPv4 address, or an IPv6 one in brackets. */
static bool parse_host(struct redis *redis, const struct url *url) {
    if (url->host.length == 0 || (!url->has_brackets && memchr(url->host.bytes, ':', url->host.length))) return false;
    redis->host = copy_decoded(url->host.bytes, url->host.length);
    return redis->host != NULL;
}

static bool parse_port(struct redis *redis, const struct url_part *port) {
    redis->port = REDIS_PORT;
    return !port->bytes || url_port_parse(&redis->port, port);
}

/* "", or `/DATABASE`. */
static bool parse_database(struct redis *redis, const char *path) {
    enum { DATABASE_MAX = 999999 };
    int64_t number = 0;
    if (*path && path[1] && !number_parse_within(&number, path + 1, 0, DATABASE_MAX)) return false;
    redis->database = (int)number;
    return true;
}

static enum status parse_url(struct redis *redis, const char *text, struct error *err) {
    struct url url;
    bool has_scheme = url_split(&url, text);
    if (has_scheme && url_part_is(&url.scheme, "redis")) {
        bool is_good = (!url.account.bytes || parse_account(redis, &url.account)) && parse_host(redis, &url) &&
                       parse_port(redis, &url.port) && parse_database(redis, url.path);
        return is_good ? STATUS_OK : bad_address(err);
    }
    if (has_scheme && url_part_is(&url.scheme, "unix") && url.authority.length == 0 && *url.path) {
        redis->path = memory_copy_text(url.path);
        return STATUS_OK;
    }
    return error_set_at(err, STATUS_INVALID, "REDIS_URL",
                        "A Redis address must begin with unix:/// (then the path of a socket) or redis://.");
}

enum status redis_create(struct redis **out, const char *url, int timeout_ms, struct error *err) {
    assert(timeout_ms > 0);
    struct redis *redis = memory_alloc(sizeof *redis);
    redis->timeout_ms = timeout_ms;
    enum status status = parse_url(redis, url, err);
    if (status == STATUS_OK)
        *out = redis;
    else
        redis_free(redis);
    return status;
}

static void disconnect(struct redis *redis) {
    if (redis->context) redisFree(redis->context);
    redis->context = NULL;
}

void redis_free(struct redis *redis) {
    if (!redis) return;
    disconnect(redis);
    text_release(&redis->batch);
    arena_release(&redis->replies);
    free(redis->path);
    free(redis->host);
    free(redis->user);
    free(redis->password);
    free(redis);
}

/* ---- Replies, as hiredis' reader hands them over ---- */

static struct redis_reply *place_reply(const redisReadTask *task, enum redis_type type) {
    struct redis_reply *reply;
    if (task->parent)
        reply = &((struct redis_reply *)task->parent->obj)->items[task->idx];
    else
        reply = arena_alloc(task->privdata, sizeof *reply);
    reply->type = type;
    reply->text = "";
    return reply;
}

static void *place_text(const redisReadTask *task, char *bytes, size_t length) {
    struct redis_reply *reply = place_reply(task, task->type == REDIS_REPLY_ERROR ? REDIS_FAILURE : REDIS_TEXT);
    reply->text = arena_copy_bytes(task->privdata, bytes, length);
    reply->length = length;
    return reply;
}

static void *place_array(const redisReadTask *task, int count) {
    struct redis_reply *reply = place_reply(task, REDIS_ARRAY);
    reply->count = (size_t)count;
    reply->items = arena_alloc(task->privdata, reply->count * sizeof *reply->items);
    return reply;
}

static void *place_integer(const redisReadTask *task, long long value) {
    struct redis_reply *reply = place_reply(task, REDIS_INTEGER);
    reply->integer = value;
    return reply;
}

static void *place_nil(const redisReadTask *task) {
    return place_reply(task, REDIS_NIL);
}

static void leave_to_arena(void *reply) {
    (void)reply;
}

static redisReplyObjectFunctions reply_functions = {
    .createString = place_text,
    .createArray = place_array,
    .createInteger = place_integer,
    .createNil = place_nil,
    .freeObject = leave_to_arena,
};

int64_t redis_reply_number(const struct redis_reply *reply, int64_t otherwise) {
    if (reply->type == REDIS_INTEGER) return reply->integer;
    if (reply->type != REDIS_TEXT || reply->length == 0) return otherwise;
    return strtoll(reply->text, NULL, 10);
}

enum status redis_check_reply(const struct redis_reply *reply, struct error *err) {
    if (reply->type != REDIS_FAILURE) return STATUS_OK;
    return error_set(err, STATUS_INTERNAL, "Redis refused a command (%s).", reply->text);
}

/* ---- Connecting ---- */

static struct timeval duration(int duration_ms) {
    return (struct timeval){.tv_sec = duration_ms / 1000, .tv_usec = duration_ms % 1000 * 1000};
}

/* Has Redis refused the connection? It says so before it closes the connection, possibly before our first command is written,
 * which fails then. */
static bool was_refused(const struct redis *redis) {
    char said[sizeof TOO_MANY_CLIENTS + 1] = "";
    ssize_t length = recv(redis->context->fd, said, sizeof said - 1, MSG_DONTWAIT);
    return length > 0 && text_starts_with(said, "-" TOO_MANY_CLIENTS);
}

static enum status connection_failed(struct redis *redis, struct error *err) {
    const char *why = !redis->context                                                         ? "out of memory"
                      : redis->context->err != REDIS_ERR_EOF && was_refused(redis)            ? TOO_MANY_CLIENTS
                      : redis->context->err == REDIS_ERR_IO && errno == EAGAIN                ? "it does not answer in time"
                      : redis->context->err == REDIS_ERR_IO && redis->context->errstr[0] == 0 ? strerror(errno)
                                                                                              : redis->context->errstr;
    enum status status =
        redis->path ? error_set(err, STATUS_UNAVAILABLE, "Redis at %s is unreachable: %s.", redis->path, why)
                    : error_set(err, STATUS_UNAVAILABLE, "Redis at %s:%d is unreachable: %s.", redis->host, redis->port, why);
    log_line(LOG_DEBUG, "redis_unreachable", log_field("reason", why));
    disconnect(redis);
    return error_mark(err, status, TROUBLE_REDIS);
}

static enum status set_patience(struct redis *redis, int patience_ms, struct error *err) {
    if (redis->patience_ms == patience_ms) return STATUS_OK;
    if (redisSetTimeout(redis->context, duration(patience_ms)) != REDIS_OK) return connection_failed(redis, err);
    redis->patience_ms = patience_ms;
    return STATUS_OK;
}

/* Sends one command on a new connection; an empty `first` is no argument. */
static enum status greet(struct redis *redis, struct error *err, const char *command, const char *first, const char *value) {
    struct redis_reply *reply = *first ? redisCommand(redis->context, "%s %s %s", command, first, value)
                                       : redisCommand(redis->context, "%s %s", command, value);
    if (!reply) return connection_failed(redis, err);
    if (reply->type != REDIS_FAILURE) return STATUS_OK;
    error_set(err, STATUS_UNAVAILABLE, "Redis refused %s (%s).", command, reply->text);
    disconnect(redis);
    return error_mark(err, STATUS_UNAVAILABLE, TROUBLE_REDIS);
}

static enum status connect_to_redis(struct redis *redis, struct error *err) {
    struct timeval timeout = duration(redis->timeout_ms);
    redis->context = redis->path ? redisConnectUnixWithTimeout(redis->path, timeout)
                                 : redisConnectWithTimeout(redis->host, redis->port, timeout);
    if (!redis->context || redis->context->err) return connection_failed(redis, err);
    redis->context->reader->fn = &reply_functions;
    redis->context->reader->privdata = &redis->replies;
    redis->context->reader->maxbuf = READ_BUFFER_BYTES;
    redis->patience_ms = 0;
    enum status status = set_patience(redis, redis->timeout_ms, err);
    bool has_account = redis->password && (*redis->user || *redis->password);
    if (status == STATUS_OK && has_account) status = greet(redis, err, "AUTH", redis->user, redis->password);
    char number[16];
    snprintf(number, sizeof number, "%d", redis->database);
    if (status == STATUS_OK && redis->database) status = greet(redis, err, "SELECT", "", number);
    return status;
}

/* ---- Batches ---- */

static void add_bytes(struct redis *redis, char *bytes, int length) {
    assert(length > 0); /* anything else is a bad format */
    text_append_bytes(&redis->batch, bytes, (size_t)length);
    redis->batch_count++;
    redisFreeCommand(bytes);
}

static void add_formatted(struct redis *redis, const char *format, va_list values) __attribute__((format(printf, 2, 0)));
static void add_formatted(struct redis *redis, const char *format, va_list values) {
    char *bytes = NULL;
    int length = redisvFormatCommand(&bytes, format, values);
    add_bytes(redis, bytes, length);
}

void redis_add(struct redis *redis, const char *format, ...) {
    va_list values;
    va_start(values, format);
    add_formatted(redis, format, values);
    va_end(values);
}

void redis_add_list(struct redis *redis, const char *const *arguments, size_t count) {
    char *bytes = NULL;
    int length = redisFormatCommandArgv(&bytes, (int)count, (const char **)(uintptr_t)arguments, NULL);
    add_bytes(redis, bytes, length);
}

static void clear_batch(struct redis *redis) {
    text_clear(&redis->batch);
    redis->batch_count = 0;
}

/* Replies of a Redis that is there, but cannot work: it loads its data, is out of memory or disk, wants a password, … */
static const char *const not_now[] = {"LOADING ", "OOM ",    "MISCONF ",    "BUSY ",        "READONLY ", "MASTERDOWN ",
                                      "NOAUTH ",  "NOPERM ", "NOREPLICAS ", "CLUSTERDOWN ", "TRYAGAIN ", TOO_MANY_CLIENTS};

static enum status check_availability(const struct redis_reply *reply, struct error *err) {
    if (reply->type != REDIS_FAILURE) return STATUS_OK;
    for (size_t i = 0; i < sizeof not_now / sizeof not_now[0]; i++)
        if (text_starts_with(reply->text, not_now[i]))
            return error_mark(err, error_set(err, STATUS_UNAVAILABLE, "Redis cannot execute commands now (%s).", reply->text),
                              TROUBLE_REDIS);
    return STATUS_OK;
}

#ifdef FAULT_POINTS
/* For tests: passes the batch's first command on or, if that runs a script, the script's step. */
static void pass_fault_call(const struct redis *redis) {
    const char *at = redis->batch.bytes, *end = at + redis->batch.length, *word = NULL;
    size_t length = 0;
    bool is_script = false;
    for (int i = 0; i < 4 && (i == 0 || is_script); i++) { /* EVALSHA HASH 0 STEP */
        at = memchr(at, '$', (size_t)(end - at));
        if (!at) return;
        length = strtoul(at + 1, NULL, 10);
        word = strchr(at, '\n') + 1;
        at = word + length;
        if (i == 0) is_script = length == strlen("EVALSHA") && memcmp(word, "EVALSHA", length) == 0;
    }
    fault_call(word, length);
}
#else
static void pass_fault_call(const struct redis *redis) {
    (void)redis;
}
#endif

/* The only reply of a Redis that refuses a connection, before it closes it. */
static bool is_refusal(const struct redis_reply *reply) {
    return reply->type == REDIS_FAILURE && text_starts_with(reply->text, TOO_MANY_CLIENTS);
}

/* Sends the batch and reads its replies, once. A refusal of the connection is the reply to each command. False: the connection
 * failed; the reason is in the context and errno. */
static bool exchange(struct redis *redis, struct redis_reply *replies) {
    redisAppendFormattedCommand(redis->context, redis->batch.bytes, redis->batch.length);
    for (size_t i = 0; i < redis->batch_count; i++) {
        void *reply = NULL;
        if (redisGetReply(redis->context, &reply) != REDIS_OK) return false;
        replies[i] = *(struct redis_reply *)reply;
        for (; is_refusal(&replies[i]) && i + 1 < redis->batch_count; i++)
            replies[i + 1] = replies[i];
    }
    return true;
}

/* Redis closed the connection: it was stopped, or restarted. (After a timeout, it may still be at work on the batch.) */
static bool connection_is_gone(const redisContext *context) {
    return context->err == REDIS_ERR_EOF || (context->err == REDIS_ERR_IO && (errno == EPIPE || errno == ECONNRESET));
}

/* As redis_run(), but the batch is kept. */
static enum status run_batch(struct redis *redis, int block_ms, struct redis_reply **out, struct error *err) {
    arena_release(&redis->replies);
    struct redis_reply *replies = arena_alloc(&redis->replies, redis->batch_count * sizeof *replies);
    pass_fault_call(redis);
    bool is_new = !redis->context;
    enum status status = is_new ? connect_to_redis(redis, err) : STATUS_OK;
    if (status == STATUS_OK) status = set_patience(redis, redis->timeout_ms + block_ms, err);
    if (status != STATUS_OK) return status;
    if (!exchange(redis, replies)) {
        if (is_new || !connection_is_gone(redis->context)) return connection_failed(redis, err);
        disconnect(redis);
        status = connect_to_redis(redis, err);
        if (status == STATUS_OK) status = set_patience(redis, redis->timeout_ms + block_ms, err);
        if (status != STATUS_OK) return status;
        if (!exchange(redis, replies)) return connection_failed(redis, err);
    }
    for (size_t i = 0; i < redis->batch_count && status == STATUS_OK; i++)
        status = check_availability(&replies[i], err);
    *out = replies;
    return status;
}

enum status redis_run(struct redis *redis, int block_ms, struct redis_reply **replies, struct error *err) {
    assert(redis->batch_count > 0);
    enum status status = run_batch(redis, block_ms, replies, err);
    clear_batch(redis);
    return status;
}

enum status redis_call(struct redis *redis, struct redis_reply **reply, struct error *err, const char *format, ...) {
    assert(redis->batch_count == 0);
    va_list values;
    va_start(values, format);
    add_formatted(redis, format, values);
    va_end(values);
    enum status status = redis_run(redis, 0, reply, err);
    return status == STATUS_OK ? redis_check_reply(*reply, err) : status;
}

/* ---- Scripts ---- */

static const char *script_hash(struct redis_script *script) {
    unsigned char digest[SHA1_BYTES];
    if (!script->hash[0]) {
        hash_sha1(script->source, strlen(script->source), digest);
        hash_hex(digest, sizeof digest, script->hash);
    }
    return script->hash;
}

void redis_add_script(struct redis *redis, struct redis_script *script, const char *format, va_list values) {
    struct text whole = {0};
    text_append_format(&whole, "EVALSHA %s 0 %s", script_hash(script), format);
    add_formatted(redis, whole.bytes, values);
    text_release(&whole);
}

void redis_add_script_list(struct redis *redis, struct redis_script *script, const char *const *arguments, size_t count) {
    const char **whole = memory_alloc((count + 3) * sizeof *whole);
    whole[0] = "EVALSHA", whole[1] = script_hash(script), whole[2] = "0";
    memcpy(whole + 3, arguments, count * sizeof *whole);
    redis_add_list(redis, whole, count + 3);
    free(whole);
}

static bool lacks_script(const struct redis_reply *replies, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (replies[i].type == REDIS_FAILURE && text_starts_with(replies[i].text, "NOSCRIPT")) return true;
    return false;
}

/* The current batch is set aside meanwhile. */
static enum status load_script(struct redis *redis, const struct redis_script *script, struct error *err) {
    struct text batch = redis->batch;
    size_t batch_count = redis->batch_count;
    struct redis_reply *reply;
    redis->batch = (struct text){0};
    clear_batch(redis);
    enum status status = redis_call(redis, &reply, err, "SCRIPT LOAD %s", script->source);
    text_release(&redis->batch);
    redis->batch = batch;
    redis->batch_count = batch_count;
    return status;
}

enum status redis_run_scripts(struct redis *redis, const struct redis_script *script, struct redis_reply **replies,
                              struct error *err) {
    assert(redis->batch_count > 0);
    enum status status = run_batch(redis, 0, replies, err);
    if (status == STATUS_OK && lacks_script(*replies, redis->batch_count)) {
        status = load_script(redis, script, err);
        if (status == STATUS_OK) status = run_batch(redis, 0, replies, err);
    }
    clear_batch(redis);
    return status;
}
