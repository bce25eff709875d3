/* SPDX-License-Identifier: BSD-3-Clause
 *
 * POST /api/v1/trustee under attack: ten thousand requests with tokens that are wrong, empty, cut, longer, repeated, in other
 * places or other schemes, and smuggled in odd headers. None is accepted, the rate limit works, and the real token is accepted
 * all the time; and neither the token nor a part of it is found anywhere afterwards, not even in the gateway's memory.
 */
#include "tests/support/cmocka_all.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "tests/support/http/http_connection.h"
#include "tests/support/secret_search.h"
#include "tests/support/server/redis_server.h"
#include "tests/support/server/server_fixture.h"
#include "tests/support/shell.h"

#define TOKEN "ghp_AttackTestTokenThatNobodyMayHave01"
#define BODY                                                                                                                   \
    "{\"action\":\"transfer\",\"payload\":{\"name\":\"prey\",\"newLocation\":{\"githubOwner\":\"evil\",\"githubRepo\":"        \
    "\"prey\"}},"                                                                                                              \
    "\"actor\":\"evil\",\"issue\":1}"

enum { ATTEMPTS = 10000, HONEST_EVERY = 250, CONNECTION_TIMEOUT_MS = 60000 };

static const struct secret secrets[] = {{"the trustees' token", TOKEN}, {NULL, NULL}};

struct scene {
    struct server *server;
    struct secret_search *search;
    struct http_connection connection;
    struct arena arena;
};

static int start(void **state) {
    static struct scene scene;
    static char digest[128] = "PACCHETTIBOTTI_TOKEN_SHA256=";
    hash_sha256_hex(TOKEN, strlen(TOKEN), digest + strlen(digest));
    const char *const gateway[] = {digest, "LOG_LEVEL=DEBUG", NULL};
    scene.server = server_start(&(struct server_options){.gateway_settings = gateway});
    scene.search = secret_search_create(secrets);
    secret_search_watch_processes(scene.search);
    *state = &scene;
    return 0;
}

static int stop(void **state) {
    struct scene *scene = *state;
    http_connection_close(&scene->connection);
    secret_search_free(scene->search);
    server_stop(scene->server);
    arena_release(&scene->arena);
    return 0;
}

/* ---- Requests, byte by byte ---- */

/* `headers` are whole lines. Returns the status; 0 if the gateway closed the connection without an answer. */
static int send_raw(struct scene *scene, const char *path, const char *headers, size_t headers_length, const char *body) {
    struct text request = {0};
    text_append_format(&request, "POST %s HTTP/1.1\r\nHost: localhost\r\n", path);
    text_append_bytes(&request, headers, headers_length);
    text_append_format(&request, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
    bool is_answered = false;
    for (int tries = 0; tries < 2 && !is_answered; tries++) {
        if (scene->connection.socket <= 0 || tries > 0) {
            http_connection_close(&scene->connection);
            assert_true(http_connection_open(&scene->connection, scene->server->port, CONNECTION_TIMEOUT_MS));
        }
        is_answered = http_connection_send_bytes(&scene->connection, request.bytes, request.length) &&
                      http_connection_receive(&scene->connection);
    }
    text_release(&request);
    if (!is_answered) {
        http_connection_close(&scene->connection);
        return 0;
    }
    secret_search_bytes(scene->search, "an answer", text_view(&scene->connection.answer), scene->connection.answer.length);
    return scene->connection.status;
}

static int send_headers(struct scene *scene, const char *headers) {
    return send_raw(scene, "/api/v1/trustee", headers, strlen(headers), BODY);
}

static int send_honestly(struct scene *scene) {
    static const char headers[] = "Authorization: Bearer " TOKEN "\r\n";
    return send_raw(scene, "/api/v1/trustee", headers, strlen(headers), "{}");
}

/* ---- The attempts ---- */

/* Wrong in one way each. %s is the token. */
static const char *const odd_headers[] = {
    "",
    "Authorization:\r\n",
    "Authorization: \r\n",
    "Authorization: Bearer\r\n",
    "Authorization: Bearer \r\n",
    "Authorization: Bearer  \t\r\n",
    "Authorization: %s\r\n",
    "Authorization: Basic %s\r\n",
    "Authorization: token %s\r\n",
    "Authorization: BearerX %s\r\n",
    "Authorization: Bearer%s\r\n",
    "Authorization: Bearer\t%s\r\n",
    "Authorization: Bearer \"%s\"\r\n",
    "Authorization: Bearer '%s'\r\n",
    "Authorization: Bearer %s,\r\n",
    "Authorization: Bearer %s;\r\n",
    "Authorization: Bearer %s %s\r\n",
    "Authorization: Bearer %s%s\r\n",
    "Authorization: Bearer wrong, Bearer %s\r\n",
    "Authorization: Bearer %s, Bearer wrong\r\n",
    "Authorization: Bearer %s\r\nAuthorization: Bearer %s\r\n",
    "Authorization: Bearer wrong\r\nAuthorization: Bearer %s\r\n",
    "Authorization: Bearer %s\r\nAuthorization: Bearer wrong\r\n",
    "Authorization:\r\nAuthorization: Bearer %s\r\n",
    "Authorization: Bearer %s\r\nauthorization:\r\n",
    "Authorization : Bearer %s\r\n",
    "Authorization\t: Bearer %s\r\n",
    " Authorization: Bearer %s\r\n",
    "X-Filler: a\r\n Authorization: Bearer %s\r\n",
    "Authorization: Bearer\r\n %s\r\n",
    "X-Authorization: Bearer %s\r\n",
    "X-Forwarded-Authorization: Bearer %s\r\n",
    "Proxy-Authorization: Bearer %s\r\n",
    "Authorization-: Bearer %s\r\n",
    "Authorization: Bearer %s\x01\r\n",
    "Authorization: Bearer \xc2\xa0%s\r\n",
    "Cookie: Authorization=Bearer %s; token=%s\r\n",
    "X-Token: %s\r\nPrivate-Token: %s\r\n",
    "Authorization: Bearer *\r\n",
    "Authorization: Bearer null\r\n",
    "Authorization: Bearer undefined\r\n",
};
enum { ODD_HEADERS = sizeof odd_headers / sizeof odd_headers[0] };

static const char *fill_in(struct arena *arena, const char *pattern) {
    struct text text = {0};
    for (; *pattern; pattern++) {
        bool is_mark = pattern[0] == '%' && pattern[1] == 's';
        if (is_mark)
            text_append(&text, TOKEN);
        else
            text_append_character(&text, *pattern);
        pattern += is_mark;
    }
    const char *copy = arena_copy(arena, text_view(&text));
    text_release(&text);
    return copy;
}

static const char *bearer(struct arena *arena, const char *token) {
    return arena_format(arena, "Authorization: Bearer %s\r\n", token);
}

/* The token, changed in one place or another, but never itself. */
static const char *wrong_token(struct arena *arena, unsigned number) {
    size_t length = strlen(TOKEN), at = number % length;
    char *token = arena_format(arena, "%s%c", TOKEN, 'a' + (int)(number % 26));
    switch (number / 7 % 7) {
    case 0: token[at] = '\0'; break;                                 /* cut */
    case 1: break;                                                   /* longer */
    case 2: token[length] = '\0', token[at] ^= 1; break;             /* one bit */
    case 3: token[length] = '\0', token[at] ^= 0x20; break;          /* another case */
    case 4: return token + 1 + at;                                   /* without its beginning */
    case 5: memmove(token + at, token + at + 1, length - at); break; /* a character less, and one more */
    default: hash_random_uuid(token);                                /* a completely different one */
    }
    for (char *c = token; *c; c++)
        if (*c < '!' || *c > '~') *c = '!';
    return strcmp(token, TOKEN) == 0 ? "x" : token;
}

static const char *attempt(struct arena *arena, unsigned number) {
    return number % 4 == 0 ? fill_in(arena, odd_headers[number / 4 % ODD_HEADERS]) : bearer(arena, wrong_token(arena, number));
}

static void ten_thousand_attempts_and_none_passes(void **state) {
    struct scene *scene = *state;
    size_t counts[600] = {0};
    int64_t started_ms = clock_monotonic_ms();
    for (unsigned i = 0; i < ATTEMPTS; i++) {
        struct arena arena = {0};
        const char *headers = attempt(&arena, i);
        int status = send_headers(scene, headers);
        if (status != 0 && status != 400 && status != 401 && status != 429) fail_msg("%d for %s", status, headers);
        /* A request that is not HTTP is refused with 400 before routing. */
        if (status == 400 && strstr(text_view(&scene->connection.answer), "\"path\"")) fail_msg("read for %s", headers);
        counts[status]++;
        arena_release(&arena);
        if (i % HONEST_EVERY == 0) assert_int_equal(send_honestly(scene), 400);
        if (i % HONEST_EVERY == 0) assert_non_null(strstr(text_view(&scene->connection.answer), "\"path\":\"action\""));
    }
    int64_t minutes = (clock_monotonic_ms() - started_ms) / 60000 + 1;
    print_message("%d attempts in %lld ms: %zu x 401, %zu x 429, %zu x 400, %zu without an answer\n", ATTEMPTS,
                  (long long)(clock_monotonic_ms() - started_ms), counts[401], counts[429], counts[400], counts[0]);
    assert_true(counts[401] >= 5 && counts[401] <= (size_t)(5 + 5 * minutes));
    assert_true(counts[429] > ATTEMPTS * 9 / 10);
    json_t *jobs = server_get(scene->server, "/api/v1/jobs?include_completed=true&kinds=all");
    assert_int_equal(json_array_size(jobs), 0);
    json_decref(jobs);
}

/* The token does not count in any other place of the request. */
static void a_token_in_another_place_counts_for_nothing(void **state) {
    struct scene *scene = *state;
    static const char *const paths[] = {"/api/v1/trustee?access_token=" TOKEN, "/api/v1/trustee?Authorization=Bearer%20" TOKEN,
                                        "/api/v1/trustee/" TOKEN, "//" TOKEN "@/api/v1/trustee"};
    static const char body[] = "{\"token\":\"" TOKEN "\",\"authorization\":\"Bearer " TOKEN "\"}";
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        int status = send_raw(scene, paths[i], "", 0, BODY);
        assert_true(status == 401 || status == 429 || status == 404);
    }
    int status = send_raw(scene, "/api/v1/trustee", "", 0, body);
    assert_true(status == 401 || status == 429);
    static const char with_nul[] = "Authorization: Bearer " TOKEN "\0x\r\n";
    status = send_raw(scene, "/api/v1/trustee", with_nul, sizeof with_nul - 1, BODY);
    assert_true(status == 0 || status == 400 || status == 401 || status == 429);
    /* A second request hidden behind the first one's body needs its own token. */
    static const char first[] = "Authorization: Bearer " TOKEN "\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n";
    status = send_raw(scene, "/api/v1/trustee", first, strlen(first), "{}");
    assert_true(status == 0 || status == 400);
    http_connection_close(&scene->connection);
}

/* ---- Where the token is not ---- */

/* Counts occurrences in all writable memory of the process. */
static size_t count_in_memory(pid_t pid, const char *needle) {
    enum { CHUNK = 1 << 20, LARGEST = 1 << 30 };
    char path[64], line[512];
    size_t found = 0, length = strlen(needle);
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    FILE *maps = fopen(path, "re");
    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    int memory = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(maps && memory >= 0);
    char *bytes = memory_alloc(CHUNK);
    while (fgets(line, sizeof line, maps)) {
        unsigned long long begin = 0, end = 0;
        char rights[5] = "";
        if (sscanf(line, "%llx-%llx %4s", &begin, &end, rights) != 3 || rights[0] != 'r' || rights[1] != 'w') continue;
        if (end - begin > LARGEST) continue; /* the sanitizers' own */
        for (unsigned long long at = begin; at < end; at += CHUNK - length) {
            size_t wanted = end - at < CHUNK ? (size_t)(end - at) : CHUNK;
            ssize_t got = pread(memory, bytes, wanted, (off_t)at);
            if (got <= 0) break;
            for (const char *hit = bytes; (hit = memmem(hit, (size_t)(bytes + got - hit), needle, length)); hit++)
                found++;
        }
    }
    free(bytes);
    fclose(maps);
    close(memory);
    return found;
}

/* A program without core dumps has its folder in /proc closed to all but root. */
static void search_proc(struct scene *scene, const char *name) {
    if (geteuid() != 0) return;
    char path[64], bytes[65536];
    snprintf(path, sizeof path, "/proc/%d/%s", scene->server->children[SERVER_GATEWAY].pid, name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    size_t length = fread(bytes, 1, sizeof bytes, file);
    assert_true(length > 0);
    secret_search_bytes(scene->search, path, bytes, length);
    fclose(file);
}

static void the_token_is_found_nowhere(void **state) {
    struct scene *scene = *state;
    assert_int_equal(send_honestly(scene), 400);
    static const char job[] = "Authorization: Bearer " TOKEN "\r\n";
    assert_int_equal(send_raw(scene, "/api/v1/trustee", job, strlen(job), BODY), 200);
    json_t *accepted = json_loads(text_view(&scene->connection.answer), 0, NULL);
    const char *id = arena_copy(&scene->arena, server_job_text(accepted, "jobId"));
    json_decref(accepted);
    json_decref(server_wait_for_job(scene->server, id));
    const char *const paths[] = {arena_format(&scene->arena, "/api/v1/jobs/%s?level=DEBUG", id),
                                 arena_format(&scene->arena, "/logs/%s?level=DEBUG", id),
                                 arena_format(&scene->arena, "/status/%s", id), "/readyz"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct http_response response = {0};
        server_call(scene->server, "GET", paths[i], NULL, &response);
        secret_search_bytes(scene->search, paths[i], text_view(&response.body), response.body.length);
        http_response_release(&response);
    }
    search_proc(scene, "environ");
    search_proc(scene, "cmdline");
    secret_search_folder(scene->search, redis_server_folder(scene->server->redis)); /* has all former values */
    secret_search_folder(scene->search, scene->server->folder);
    const char *findings = secret_search_findings(scene->search);
    if (*findings != '\0') fail_msg("found:\n%s", findings);
}

/* The gateway got the token only in the right header, where it wipes it. */
static void the_token_does_not_stay_in_memory(void **state) {
    if (geteuid() != 0) skip(); /* only root can read its memory */
    struct scene *scene = *state;
    static const char planted[] = "X-Planted: AttackTestTokenThatIsNotWiped\r\nAuthorization: Bearer wrong\r\n";
    http_connection_close(&scene->connection);
    server_terminate(scene->server, SERVER_GATEWAY);
    server_start_program(scene->server, SERVER_GATEWAY);
    server_wait_until_ready(scene->server);
    for (int i = 0; i < 20; i++)
        assert_int_equal(send_honestly(scene), 400);
    pid_t pid = scene->server->children[SERVER_GATEWAY].pid;
    assert_int_equal(count_in_memory(pid, TOKEN), 0);
    assert_int_equal(send_raw(scene, "/api/v1/trustee", planted, strlen(planted), BODY), 401);
    assert_true(count_in_memory(pid, "AttackTestTokenThatIsNotWiped") > 0); /* so the search works */
}

static void an_abort_leaves_no_dump(void **state) {
    struct scene *scene = *state;
    http_connection_close(&scene->connection);
    assert_int_equal(send_honestly(scene), 400);
    int status = child_stop(&scene->server->children[SERVER_GATEWAY], SIGABRT, PATIENCE_MS);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && !WCOREDUMP(status));
    assert_string_equal(shell_output(&scene->arena, "find '%s' -name 'core*' -type f", scene->server->folder), "");
    server_start_program(scene->server, SERVER_GATEWAY);
    server_wait_until_ready(scene->server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_attempts_and_none_passes),
        cmocka_unit_test(a_token_in_another_place_counts_for_nothing),
        cmocka_unit_test(the_token_is_found_nowhere),
        cmocka_unit_test(the_token_does_not_stay_in_memory),
        cmocka_unit_test(an_abort_leaves_no_dump),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
