/* SPDX-License-Identifier: BSD-3-Clause
 * The connection: addresses, outages, and the required configuration of Redis. */
#include "lib/store/redis/redis.h"

#include "lib/base/folder.h"
#include "lib/base/text.h"
#include "lib/store/redis/known_tokens.h"
#include "tests/store/fixture.h"

#include <arpa/inet.h>
#include <glob.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static void addresses_are_checked(void **state) {
    struct fixture *f = *state;
    static const char *const good[] = {
        "unix:///run/redis.sock", "redis://localhost",         "redis://10.0.0.1:6380", "redis://:p@ss:word@host:6379/3",
        "redis://host/1",         "redis://me:p%40ss%25@host", "redis://me:@host",      "redis://[::1]:6379/1",
        "redis://[::1]",          "redis://h:6379/",           "redis://127.1",         "redis://@h"};
    static const char *const bad[] = {"",
                                      "redis",
                                      "unix://redis.sock",
                                      "redis://",
                                      "redis://:6379",
                                      "redis://h:0",
                                      "redis://h:x",
                                      "redis://h:70000",
                                      "redis://h:+80",
                                      "redis://h: 80",
                                      "redis://h:-80",
                                      "http://h",
                                      "redis://h:6379x",
                                      "redis://h/x",
                                      "redis://h/-1",
                                      "redis://h/+1",
                                      "redis://h/ 1",
                                      "redis://h/4294967296",
                                      "redis://:50%@h",
                                      "redis://:a%4@h",
                                      "redis://:a%zz@h",
                                      "redis://me%:a@h",
                                      "redis://:a%00b@h",
                                      "redis://[::1",
                                      "redis://[]:6379",
                                      "redis://[::1]x:80",
                                      "redis://::1:6379",
                                      "redis://h:80:90",
                                      "redis://h:",
                                      "redis://h:/1",
                                      "redis://h:6379/1/2",
                                      "redis://h:6379/1?a",
                                      "redis://h:80x/1",
                                      "redis://h%",
                                      "redis://h%00",
                                      "REDIS://h",
                                      "rediss://h",
                                      "redis:/h",
                                      "unix://",
                                      "unix:/run/redis.sock"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct redis *redis = NULL;
        assert_ok(redis_create(&redis, good[i], TIMEOUT_MS, &f->err));
        redis_free(redis);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct redis *redis = NULL;
        if (redis_create(&redis, bad[i], TIMEOUT_MS, &f->err) != STATUS_INVALID) fail_msg("%s was taken", bad[i]);
        assert_string_equal(f->err.path, "REDIS_URL");
    }
}

/* Shown by the error that nothing listens at the address. */
static void an_address_is_read_as_it_is_written(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *url, *place;
    } rows[] = {
        {"redis://127.0.0.1:1", "127.0.0.1:1"},
        {"redis://127.1:1/3", "127.1:1"},
        {"redis://[::1]:1", "::1:1"},
        {"redis://[0::1]:00001/0", "0::1:1"},
        {"redis://%31%32%37.0.0.1:1", "127.0.0.1:1"},
        {"redis://:a/b?c#d@127.0.0.1:1/2", "127.0.0.1:1"}, /* a password may contain any characters, not encoded */
        {"redis://me:a@b/c:2@127.0.0.1:1", "127.0.0.1:1"},
        {"redis://a://b@127.0.0.1:1", "127.0.0.1:1"},
        {"unix:///nowhere%20/redis.sock", "/nowhere%20/redis.sock"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct redis *redis = NULL;
        struct redis_reply *replies;
        assert_ok(redis_create(&redis, rows[i].url, TIMEOUT_MS, &f->err));
        redis_add(redis, "PING");
        assert_status(STATUS_UNAVAILABLE, redis_run(redis, 0, &replies, &f->err));
        const char *expected = arena_format(&f->arena, "Redis at %s is unreachable", rows[i].place);
        if (!text_starts_with(f->err.message, expected)) fail_msg("%s: %s", rows[i].url, f->err.message);
        redis_free(redis);
    }
}

static void replies_come_back_in_order_and_shape(void **state) {
    struct fixture *f = *state;
    struct redis_reply *replies;
    redis_add(f->redis, "RPUSH list %s %s %d", "a  b\n", "", 7);
    redis_add(f->redis, "LRANGE list 0 -1");
    redis_add(f->redis, "GET nothing");
    redis_add(f->redis, "INCR list");
    redis_add(f->redis, "EVAL %s 0", "return {1, {2, {'three', {}}}}");
    assert_ok(redis_run(f->redis, 0, &replies, &f->err));
    assert_int_equal(replies[0].integer, 3);
    assert_int_equal(replies[1].count, 3);
    assert_string_equal(replies[1].items[0].text, "a  b\n");
    assert_int_equal(replies[1].items[1].length, 0);
    assert_int_equal(redis_reply_number(&replies[1].items[2], -1), 7);
    assert_int_equal(replies[2].type, REDIS_NIL);
    assert_int_equal(replies[3].type, REDIS_FAILURE);
    assert_status(STATUS_INTERNAL, redis_check_reply(&replies[3], &f->err));
    assert_string_equal(replies[4].items[1].items[1].items[0].text, "three");
    assert_int_equal(replies[4].items[1].items[1].items[1].count, 0);
}

static void a_restart_of_redis_goes_unnoticed_once_it_is_back(void **state) {
    struct fixture *f = *state;
    struct job_request request = publish_of("a");
    accept_job(f, &request);
    redis_server_kill(f->server);
    struct job job;
    struct job_accepted accepted;
    struct job_request refused = publish_of("b");
    assert_status(STATUS_UNAVAILABLE, job_store_get(f->store, request.id, &f->arena, &job, &f->err));
    assert_int_equal(f->err.trouble, TROUBLE_REDIS); /* a job that cannot wait is requeued */
    assert_status(STATUS_UNAVAILABLE, job_store_accept(f->store, &refused, NULL, &accepted, &f->err));
    assert_status(STATUS_UNAVAILABLE, job_store_check(f->store, &f->err));
    redis_server_restart(f->server);
    assert_string_equal(get_job(f, request.id).id, request.id);
    redis_server_restart(f->server); /* between two calls; the script is gone, too */
    assert_true(accept_job(f, &request).created);
    assert_ok(job_store_check(f->store, &f->err));
}

static void silence_is_not_waited_for_longer_than_the_timeout(void **state) {
    enum { PATIENCE_MS = 1500 };
    struct fixture *f = *state;
    struct redis *redis = NULL;
    struct redis_reply *reply;
    assert_ok(redis_create(&redis, redis_server_url(f->server), PATIENCE_MS, &f->err));
    assert_ok(redis_call(redis, &reply, &f->err, "SET a 1"));
    redis_server_pause(f->server);
    int64_t begun_ms = clock_monotonic_ms();
    enum status status = redis_call(redis, &reply, &f->err, "GET a"); /* it returns although Redis is silent */
    int64_t took_ms = clock_monotonic_ms() - begun_ms;
    redis_server_resume(f->server);
    assert_int_equal(status, STATUS_UNAVAILABLE);
    assert_true(took_ms >= PATIENCE_MS - 10);
    assert_ok(redis_call(redis, &reply, &f->err, "GET a")); /* not the reply to the previous call */
    assert_string_equal(reply->text, "1");
    assert_ok(redis_call(redis, &reply, &f->err, "PING"));
    assert_string_equal(reply->text, "PONG");
    redis_free(redis);
}

/* A port that was free just now. */
static int free_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int probe = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(probe, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(probe, (struct sockaddr *)&address, &length), 0);
    close(probe);
    return ntohs(address.sin_port);
}

/* Makes Redis listen on a free port of this address only, because the port may be taken at another. Another program may take it
 * first. */
static int listen_by_tcp(struct fixture *f) {
    struct redis_reply *reply;
    int port = free_port();
    for (int tries = 1; redis_call(f->redis, &reply, &f->err, "CONFIG SET bind 127.0.0.1 port %d", port); port = free_port())
        if (tries++ == 20) fail_msg("%s", f->err.message);
    return port;
}

static void tcp_with_a_password_and_a_database_works(void **state) {
    struct fixture *f = *state;
    char url[100];
    struct redis_reply *reply;
    int port = listen_by_tcp(f);
    assert_ok(redis_call(f->redis, &reply, &f->err, "CONFIG SET requirepass %s", "p@ss:word"));
    struct redis *redis = NULL, *stranger = NULL;
    snprintf(url, sizeof url, "redis://:p@ss:word@127.0.0.1:%d/2", port);
    assert_ok(redis_create(&redis, url, TIMEOUT_MS, &f->err));
    assert_ok(redis_call(redis, &reply, &f->err, "SET a 1"));
    snprintf(url, sizeof url, "redis://:wrong@127.0.0.1:%d", port);
    assert_ok(redis_create(&stranger, url, TIMEOUT_MS, &f->err));
    assert_status(STATUS_UNAVAILABLE, redis_call(stranger, &reply, &f->err, "GET a"));
    assert_null(strstr(f->err.message, "wrong@"));
    redis_free(stranger);
    snprintf(url, sizeof url, "redis://127.0.0.1:%d", port);
    assert_ok(redis_create(&stranger, url, TIMEOUT_MS, &f->err));
    assert_status(STATUS_UNAVAILABLE, redis_call(stranger, &reply, &f->err, "GET a"));
    redis_free(stranger);
    assert_ok(redis_call(f->redis, &reply, &f->err, "CONFIG SET requirepass %s", ""));
    assert_ok(redis_call(f->redis, &reply, &f->err, "GET a")); /* database 0 */
    assert_int_equal(reply->type, REDIS_NIL);
    redis_free(redis);
}

/* %-encoded text used to be sent without decoding, and without the user's name. */
static void an_account_of_redis_is_decoded_and_used(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *account;
        bool is_right;
    } rows[] = {
        {"the%40registry:p%40ss%2Fw%3Ard%25", true},
        {"the@registry:p@ss/w:rd%25", true},
        {"the%40registry:p%40ss", false},
        {":p%40ss%2Fw%3Ard%25", false}, /* the default user has another password */
        {"default:of-default", true},
        {":of-default", true},
        {"of-default", true},
        {"stranger:of-default", false},
    };
    char url[200];
    struct redis_reply *reply;
    int port = listen_by_tcp(f);
    assert_ok(redis_call(f->redis, &reply, &f->err, "ACL SETUSER %s on >%s ~* +@all", "the@registry", "p@ss/w:rd%"));
    assert_ok(redis_call(f->redis, &reply, &f->err, "ACL SETUSER default on resetpass >of-default"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct redis *redis = NULL;
        snprintf(url, sizeof url, "redis://%s@127.0.0.1:%d/1", rows[i].account, port);
        assert_ok(redis_create(&redis, url, TIMEOUT_MS, &f->err));
        enum status status = redis_call(redis, &reply, &f->err, "ACL WHOAMI");
        if (status != (rows[i].is_right ? STATUS_OK : STATUS_UNAVAILABLE)) fail_msg("%s: %s", rows[i].account, f->err.message);
        if (!status) assert_string_equal(reply->text, rows[i].account[0] == 't' ? "the@registry" : "default");
        redis_free(redis);
    }
    assert_ok(redis_call(f->redis, &reply, &f->err, "ACL SETUSER default on nopass"));
    assert_ok(redis_call(f->redis, &reply, &f->err, "ACL DELUSER %s", "the@registry"));
}

/* Memory and connections: if either is used up, Redis is not ready, with the reason. */
static void a_redis_without_room_is_reported(void **state) {
    struct fixture *f = *state;
    struct redis_reply *reply;
    struct redis *others[4] = {NULL};
    assert_ok(redis_call(f->redis, &reply, &f->err, "CONFIG SET maxmemory 1"));
    assert_status(STATUS_UNAVAILABLE, job_store_check(f->store, &f->err));
    assert_non_null(strstr(f->err.message, "(maxmemory)"));
    assert_ok(job_store_check_keeping(f->store, &f->err)); /* existing data is kept */
    struct job_request request = publish_of("a");
    struct job_accepted accepted;
    assert_status(STATUS_UNAVAILABLE, job_store_accept(f->store, &request, NULL, &accepted, &f->err));
    assert_ok(redis_call(f->redis, &reply, &f->err, "CONFIG SET maxmemory 268435456"));

    assert_ok(job_store_check(f->store, &f->err));
    assert_ok(redis_call(f->redis, &reply, &f->err, "CONFIG SET maxclients 2"));
    assert_status(STATUS_UNAVAILABLE, job_store_check(f->store, &f->err));
    assert_non_null(strstr(f->err.message, "(maxclients)"));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_ok(redis_create(&others[i], redis_server_url(f->server), TIMEOUT_MS, &f->err));
        assert_status(STATUS_UNAVAILABLE, redis_call(others[i], &reply, &f->err, "GET a"));
        if (!strstr(f->err.message, "max number of clients")) fail_msg("%s", f->err.message);
        redis_free(others[i]);
    }
    assert_ok(redis_call(f->redis, &reply, &f->err, "CONFIG SET maxclients 10000"));
    assert_ok(job_store_check(f->store, &f->err));
}

static void each_setting_that_keeps_jobs_is_checked(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *name;
        const char *bad;
        const char *good;
    } rows[] = {{"appendfsync", "everysec", "always"},
                {"maxmemory-policy", "allkeys-lru", "noeviction"},
                {"maxmemory", "0", "268435456"},
                {"appendonly", "no", "yes"}};
    struct redis_reply *reply;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_ok(job_store_check(f->store, &f->err));
        assert_ok(redis_call(f->redis, &reply, &f->err, "CONFIG SET %s %s", rows[i].name, rows[i].bad));
        assert_status(STATUS_UNAVAILABLE, job_store_check(f->store, &f->err));
        assert_non_null(strstr(f->err.message, rows[i].name));
        assert_ok(redis_call(f->redis, &reply, &f->err, "CONFIG SET %s %s", rows[i].name, rows[i].good));
    }
    assert_ok(job_store_check(f->store, &f->err));
}

/* ---- A user with few rights ---- */

#define RULE "ACL SETUSER registry on >PASSWORD "

static char *read_whole(struct fixture *f, const char *path) {
    struct text text = {0};
    assert_ok(file_read(path, 1 << 20, &text, &f->err));
    char *copy = arena_copy(&f->arena, text_view(&text));
    text_release(&text);
    return copy;
}

/* Makes the user `registry` by the rule in ops/README.md. */
static void make_user_of_readme(struct fixture *f) {
    enum { WORDS_MAX = 32 };
    const char *words[WORDS_MAX] = {"ACL", "SETUSER", "registry", "reset", "on", ">PASSWORD"};
    size_t count = 6;
    struct redis_reply *reply;
    char *readme = read_whole(f, SOURCE_DIR "/ops/README.md"), *rule = strstr(readme, RULE), *rest = NULL;
    assert_non_null(rule);
    rule[strcspn(rule, "\n")] = '\0';
    for (char *word = strtok_r(rule + strlen(RULE), " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        assert_true(count < WORDS_MAX);
        words[count++] = word;
    }
    redis_add_list(f->redis, words, count);
    assert_ok(redis_run(f->redis, 0, &reply, &f->err));
    assert_ok(redis_check_reply(reply, &f->err));
}

/* The smallest number of arguments of `name` (of a subcommand: `NAME|PART`); -1: Redis has no such command. */
static int least_arguments(struct fixture *f, const char *name) {
    struct redis_reply *reply;
    assert_ok(redis_call(f->redis, &reply, &f->err, "COMMAND INFO %s", name));
    return reply->items[0].type == REDIS_ARRAY ? abs((int)reply->items[0].items[1].integer) - 1 : -1;
}

/* True if this is a command; `why` becomes Redis's answer to whether the user may call it. `part` may be empty. */
static bool is_command(struct fixture *f, const char *name, const char *part, char why[200]) {
    enum { ARGUMENTS_MAX = 16 };
    const char *words[ARGUMENTS_MAX] = {"ACL", "DRYRUN", "registry", name, part};
    struct redis_reply *reply;
    int least = *part ? least_arguments(f, arena_format(&f->arena, "%s|%s", name, part)) : -1;
    size_t count = least > 0 ? 5 : 4;
    if (least < 0) least = least_arguments(f, name);
    if (least < 0) return false;
    assert_true(4 + least < ARGUMENTS_MAX);
    while (count < 4 + (size_t)least)
        words[count++] = "1";
    redis_add_list(f->redis, words, count);
    assert_ok(redis_run(f->redis, 0, &reply, &f->err));
    snprintf(why, 200, "%s", reply->text);
    return true;
}

static size_t upper_length(const char *at) {
    return strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

/* Checks each text in `source` that begins with a word in capitals and may be a command: `"XGROUP CREATE …` in C,
 * `call('XINFO', 'GROUPS'` in Lua. Returns the number of commands. */
static int expect_allowed(struct fixture *f, const char *source) {
    int found = 0;
    for (const char *at = source + strcspn(source, "\"'"); *at; at++, at += strcspn(at, "\"'")) {
        size_t length = upper_length(at + 1), gap = strspn(at + 1 + length, "', ");
        if (length < 3) continue;
        const char *after = at + 1 + length + gap;
        const char *name = arena_copy_bytes(&f->arena, at + 1, length);
        const char *part = arena_copy_bytes(&f->arena, after, gap ? upper_length(after) : 0);
        char why[200];
        if (text_equal(name, "READONLY") || !is_command(f, name, part, why)) continue; /* also the name of an error of Redis */
        if (strcmp(why, "OK") != 0) fail_msg("%s %s: %s", name, part, why);
        found++;
    }
    return found;
}

/* All commands that lib/store sends; no other part talks to Redis. */
static void the_rule_of_the_readme_allows_every_command_that_is_used(void **state) {
    struct fixture *f = *state;
    enum { COMMANDS_LEAST = 150 };
    static const char *const forbidden[][2] = {{"FLUSHALL", ""}, {"CONFIG", "SET"}, {"KEYS", ""},    {"SHUTDOWN", ""},
                                               {"ACL", "LIST"},  {"EVAL", ""},      {"MONITOR", ""}, {"SCRIPT", "FLUSH"}};
    glob_t files;
    int found = 0;
    make_user_of_readme(f);
    assert_int_equal(glob(SOURCE_DIR "/lib/store/*/*.c", 0, NULL, &files), 0);
    assert_int_equal(glob(SOURCE_DIR "/lib/store/*/*.lua", GLOB_APPEND, NULL, &files), 0);
    assert_int_equal(glob(SOURCE_DIR "/lib/store/job/script/*.lua", GLOB_APPEND, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++)
        found += expect_allowed(f, read_whole(f, files.gl_pathv[i]));
    globfree(&files);
    if (found < COMMANDS_LEAST) fail_msg("only %d commands were found", found);
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++) {
        char why[200];
        assert_true(is_command(f, forbidden[i][0], forbidden[i][1], why));
        if (!strstr(why, "no permissions")) fail_msg("%s %s: %s", forbidden[i][0], forbidden[i][1], why);
    }
}

static void a_job_goes_from_beginning_to_end_by_that_user(void **state) {
    struct fixture *f = *state;
    struct redis_reply *reply;
    struct job_store *own = f->store;
    int port = listen_by_tcp(f);
    make_user_of_readme(f);
    assert_ok(redis_call(f->redis, &reply, &f->err, "SCRIPT FLUSH"));
    const char *url = arena_format(&f->arena, "redis://registry:PASSWORD@127.0.0.1:%d/1", port);
    assert_ok(job_store_create(&f->store, url, TIMEOUT_MS, &f->err));
    assert_ok(job_store_check(f->store, &f->err));
    struct job_request request = publish_of("a");
    struct job_end end = {.success = true, .event = "{}"};
    struct job_accepted accepted = run_job(f, &request, &end);
    assert_int_equal(get_job(f, accepted.id).state, JOB_STATE_SUCCEEDED);
    job_store_free(f->store);
    f->store = own;
    assert_ok(redis_call(f->redis, &reply, &f->err, "ACL DELUSER registry"));
}

#define A_TOKEN_SHA256 "e3316e2bafebb6103a3418e8778c0adc960d40213a03a7e7f4fcd3426ed807bf"

static void a_known_token_is_kept_by_its_digest_for_a_month(void **state) {
    struct fixture *f = *state;
    unsigned char digest[SHA256_BYTES], other[SHA256_BYTES];
    bool is_known = true;
    struct redis_reply *reply;
    hash_sha256("a token", 7, digest);
    hash_sha256("another", 7, other);
    assert_ok(known_token_find(f->store, digest, &is_known, &f->err));
    assert_false(is_known);
    assert_ok(known_token_keep(f->store, digest, &f->err));
    assert_ok(known_token_find(f->store, digest, &is_known, &f->err));
    assert_true(is_known);
    assert_ok(known_token_find(f->store, other, &is_known, &f->err));
    assert_false(is_known);
    assert_ok(redis_call(f->redis, &reply, &f->err, "KEYS *"));
    assert_int_equal(reply->count, 1);
    const char *key = arena_copy(&f->arena, reply->items[0].text);
    assert_string_equal(key, "trustee:" A_TOKEN_SHA256);
    assert_ok(redis_call(f->redis, &reply, &f->err, "PTTL %s", key));
    assert_in_range(reply->integer, KNOWN_TOKEN_MS - TIMEOUT_MS, KNOWN_TOKEN_MS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(addresses_are_checked),
        store_test(an_address_is_read_as_it_is_written),
        store_test(replies_come_back_in_order_and_shape),
        store_test(a_restart_of_redis_goes_unnoticed_once_it_is_back),
        store_test(silence_is_not_waited_for_longer_than_the_timeout),
        store_test(tcp_with_a_password_and_a_database_works),
        store_test(an_account_of_redis_is_decoded_and_used),
        store_test(the_rule_of_the_readme_allows_every_command_that_is_used),
        store_test(a_job_goes_from_beginning_to_end_by_that_user),
        store_test(a_known_token_is_kept_by_its_digest_for_a_month),
        store_test(a_redis_without_room_is_reported),
        store_test(each_setting_that_keeps_jobs_is_checked),
    };
    return cmocka_run_group_tests(tests, start_fixture, stop_fixture);
}
