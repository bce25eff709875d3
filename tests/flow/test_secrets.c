/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Secrets stay where they are needed (lib/store/README.md, Log): when every secret is set, used, and refused by its receiver,
 * none is in any log, job, key or stream of Redis, answer, file, command line, crash dump, or in the environment of a program
 * that ours start.
 */
#include "tests/support/cmocka_all.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/hash.h"
#include "lib/store/redis/redis.h"
#include "tests/support/git/git_fixture.h"
#include "tests/support/git/git_server.h"
#include "tests/support/s3/s3_server.h"
#include "tests/support/secret_search.h"
#include "tests/support/server/pursuit_server.h"
#include "tests/support/server/server_fixture.h"
#include "tests/support/shell.h"

#define BOT "pacchettibotti"
#define TOKEN "ghp_SecretsTestToken4NobodyElse0123456"
#define OTHER_TOKEN "ghp_SecretsTestTokenOfAnotherDay987654"
#define STORAGE_SECRET "SecretsTestStorageSecret/of+nobody0123"
#define MESSAGE_KEY "SecretsTestKeyBetweenOurPrograms012345"
#define REDIS_PASSWORD "SecretsTestRedisPassword0123456789abc"

static const struct secret secrets[] = {
    {"PACCHETTIBOTTI_TOKEN", TOKEN},
    {"SPACES_SECRET", STORAGE_SECRET},
    {"SERVICE_KEY", MESSAGE_KEY},
    {"REDIS_URL's password", REDIS_PASSWORD},
    {NULL, NULL},
};

struct scene {
    struct git_fixture git; /* has the repositories, and the certificates */
    struct git_server *host;
    struct s3_server *storage;
    struct pursuit_server *pursuit;
    struct redis_server *redis; /* with a password; the fixture's own is not used */
    struct server *server;
    struct secret_search *search;
    size_t asked_before; /* requests to storage */
};

/* ---- Everything that has a secret ---- */

static int free_port(void) {
    int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    assert_int_equal(bind(file, (struct sockaddr *)&address, length), 0);
    assert_int_equal(getsockname(file, (struct sockaddr *)&address, &length), 0);
    close(file);
    return ntohs(address.sin_port);
}

/* Returns its address, with the password. */
static const char *start_redis(struct scene *scene) {
    struct redis *redis = NULL;
    struct redis_reply *reply = NULL;
    struct error err;
    int port = free_port();
    scene->redis = redis_server_start();
    if (redis_create(&redis, redis_server_url(scene->redis), PATIENCE_MS, &err) ||
        redis_call(redis, &reply, &err, "CONFIG SET port %d", port) ||
        redis_call(redis, &reply, &err, "CONFIG SET requirepass %s", REDIS_PASSWORD))
        fail_msg("%s", err.message);
    redis_free(redis);
    return arena_format(&scene->git.arena, "redis://:%s@127.0.0.1:%d", REDIS_PASSWORD, port);
}

static void start_git_host(struct scene *scene) {
    git_fixture_make(&scene->git);
    git_fixture_make_authority(&scene->git);
    git_script(&scene->git, "for name in registry registry-index; do mkdir $name; echo 'Nothing yet.' >$name/README.md; "
                            "push_files $name.git; done");
    scene->host = git_server_start_tls(scene->git.folder, arena_format(&scene->git.arena, "%s/host.pem", scene->git.folder),
                                       arena_format(&scene->git.arena, "%s/host.key", scene->git.folder));
    git_server_need_login(scene->host, BOT, TOKEN);
}

static int set_up(void **state) {
    static struct scene scene;
    scene = (struct scene){.search = secret_search_create(secrets)};
    start_git_host(&scene);
    scene.storage = s3_server_start();
    s3_server_set_secret(scene.storage, STORAGE_SECRET);
    scene.pursuit = pursuit_server_start(TOKEN);
    struct arena *arena = &scene.git.arena;
    const char *host = git_server_url(scene.host);
    const char *const settings[] = {
        arena_format(arena, "REDIS_URL=%s", start_redis(&scene)),
        arena_format(arena, "REGISTRY_REPO=%s/registry.git", host),
        arena_format(arena, "REGISTRY_INDEX_REPO=%s/registry-index.git", host),
        arena_format(arena, "GIT_CA_FILE=%s/authority.pem", scene.git.folder),
        arena_format(arena, "S3_BUCKET_URL=%s", s3_server_url(scene.storage)),
        arena_format(arena, "PURSUIT_API_URL=%s", pursuit_server_url(scene.pursuit)),
        "SPACES_KEY=" S3_SERVER_KEY,
        "SPACES_SECRET=" STORAGE_SECRET,
        "S3_BUCKET=" S3_SERVER_BUCKET,
        "S3_REGION=" S3_SERVER_REGION,
        "PACCHETTIBOTTI_TOKEN=" TOKEN,
        "SERVICE_KEY=" MESSAGE_KEY,
        "LOG_LEVEL=DEBUG",
        NULL,
    };
    secret_search_watch_processes(scene.search);
    scene.server = server_start(&(struct server_options){.settings = settings, .workers = 1});
    *state = &scene;
    return 0;
}

static int tear_down(void **state) {
    struct scene *scene = *state;
    secret_search_free(scene->search);
    server_stop(scene->server);
    redis_server_stop(scene->redis);
    pursuit_server_stop(scene->pursuit);
    s3_server_stop(scene->storage);
    git_server_stop(scene->host);
    git_fixture_remove(&scene->git);
    return 0;
}

/* ---- Looking ---- */

static void search_answer(struct scene *scene, const char *method, const char *path, const char *body) {
    struct http_response response = {0};
    const char *const names[] = {"Server", "Location", "Set-Cookie", "WWW-Authenticate", "Retry-After"};
    server_call(scene->server, method, path, body, &response);
    secret_search_bytes(scene->search, path, text_view(&response.body), response.body.length);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct text value = {0};
        if (http_response_header(&response, names[i], &value))
            secret_search_bytes(scene->search, path, text_view(&value), value.length);
        text_release(&value);
    }
    http_response_release(&response);
}

/* The gateway's answers to valid and to invalid requests. */
static void search_answers(struct scene *scene) {
    struct arena *arena = &scene->server->arena;
    static const char *const paths[] = {"/readyz",
                                        "/healthz",
                                        "/api/v1/status",
                                        "/api/v1/openapi.json",
                                        "/metrics",
                                        "/none",
                                        "/api/v1/jobs?include_completed=true",
                                        "/api/v1/jobs/nonsense",
                                        "/logs/nonsense",
                                        "/leak/1.0.0.tar.gz",
                                        "/api/v1/jobs?since=nonsense"};
    static const char *const bodies[] = {"", "{", "[]", "{\"name\": 1}", "{\"name\": \"leak\", \"version\": \"1.0.0\"}"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        search_answer(scene, "GET", paths[i], NULL);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        search_answer(scene, "POST", "/api/v1/publish", bodies[i]);
    json_t *jobs = server_get(scene->server, "/api/v1/jobs?include_completed=true"), *job;
    size_t i;
    json_array_foreach(jobs, i, job) {
        const char *id = server_job_text(job, "jobId");
        search_answer(scene, "GET", arena_format(arena, "/api/v1/jobs/%s?level=DEBUG", id), NULL);
        search_answer(scene, "GET", arena_format(arena, "/logs/%s", id), NULL);
        search_answer(scene, "GET", arena_format(arena, "/status/%s", id), NULL);
    }
    assert_true(json_array_size(jobs) > 0);
    json_decref(jobs);
}

/* Redis writes every command into its append-only file before it answers, so the file has all values that a key ever had. */
static void search_all(struct scene *scene) {
    search_answers(scene);
    size_t before = secret_search_files(scene->search);
    secret_search_folder(scene->search, redis_server_folder(scene->redis));
    assert_true(secret_search_files(scene->search) > before);
    secret_search_folder(scene->search, scene->server->folder); /* logs, clones, work folders */
}

static void expect_nothing(struct scene *scene) {
    const char *findings = secret_search_findings(scene->search);
    if (findings[0] != '\0') fail_msg("found:\n%s", findings);
}

/* ---- The tests ---- */

static void the_search_finds_what_is_planted(void **state) {
    (void)state;
    static const struct secret planted[] = {{"planted", "Planted-Secret-0123456789"}, {NULL, NULL}};
    struct secret_search *search = secret_search_create(planted);
    struct arena arena = {0};
    struct text login = {0};
    const char *folder = shell_output(&arena, "mktemp -d | tr -d '\\n'");
    secret_search_folder(search, folder);
    assert_string_equal(secret_search_findings(search), "");
    shell_run("mkdir '%s/a' && echo 'x=%s;' >'%s/a/plain'", folder, planted[0].value, folder);
    secret_search_folder(search, folder);
    assert_non_null(strstr(secret_search_findings(search), "/a/plain\n"));
    for (const char *user = "abc"; *user != '\0'; user++) { /* begins at each place in a group of three */
        const char *plain = arena_format(&arena, "%s:%s", user, planted[0].value);
        text_append_format(&login, "Basic %s", hash_base64_encode(&arena, plain, strlen(plain)));
        secret_search_bytes(search, user, text_view(&login), login.length);
        assert_non_null(strstr(secret_search_findings(search), arena_format(&arena, "planted in %s\n", user)));
        text_clear(&login);
    }
    secret_search_watch_processes(search);
    shell_run("SECRET=%s sleep 0.5; sh -c 'sleep 0.5; true' %s", planted[0].value, planted[0].value);
    secret_search_stop_watching(search);
    assert_non_null(strstr(secret_search_findings(search), "planted in the environment of sleep\n"));
    assert_non_null(strstr(secret_search_findings(search), "planted in the command line of sh\n"));
    shell_run("rm -r '%s'", folder);
    text_release(&login);
    secret_search_free(search);
    arena_release(&arena);
}

static void a_publication_shows_no_secret(void **state) {
    struct scene *scene = *state;
    const struct package package = {"used", "1.0.0", .pragma = "sleep 300"};
    server_expect_published(scene->server, &package);
    assert_true(s3_server_object_count(scene->storage) == 1); /* so all of them were used */
    assert_int_equal(pursuit_server_uploads(scene->pursuit), 1);
    assert_true(git_server_logins(scene->host) > 0);
    assert_true(secret_search_seen(scene->search, "purs") > 0); /* and the programs were seen running */
    assert_true(secret_search_seen(scene->search, "bwrap") > 0);
    assert_true(secret_search_seen(scene->search, "registry-fetch-source") > 0);
    assert_true(secret_search_seen(scene->search, "registry-build-worker") > 0); /* this one has no secret at all */
    search_all(scene);
    expect_nothing(scene);
}

static bool storage_was_asked(void *context) {
    struct scene *scene = context;
    return s3_server_count(scene->storage, S3_ANY) > scene->asked_before;
}

struct waiting_job {
    struct server *server;
    const char *id;
};

static bool waits_for_repositories(void *context) {
    const struct waiting_job *waiting = context;
    json_t *job = server_get(waiting->server, arena_format(&waiting->server->arena, "/api/v1/jobs/%s", waiting->id));
    bool waits = strstr(server_log_text(waiting->server, job), "waiting for the registry's git repositories") != NULL;
    json_decref(job);
    return waits;
}

/* A server that refuses a secret may repeat it in its answer; our message must not contain it. */
static void refused_secrets_are_not_shown(void **state) {
    struct scene *scene = *state;
    const struct package package = {"refused", "1.0.0", .pragma = NULL};
    git_server_need_login(scene->host, BOT, OTHER_TOKEN);
    const char *id = server_post_package(scene->server, &package);
    struct waiting_job waiting = {scene->server, id};
    assert_true(wait_until(waits_for_repositories, &waiting, PATIENCE_MS));
    search_answer(scene, "GET", "/readyz", NULL);

    scene->asked_before = s3_server_count(scene->storage, S3_ANY);
    s3_server_set_secret(scene->storage, "another-secret-for-a-while-0123456789");
    pursuit_server_set_mode(scene->pursuit, PURSUIT_REFUSING);
    git_server_need_login(scene->host, BOT, TOKEN);
    assert_true(wait_until(storage_was_asked, scene, PATIENCE_MS));
    search_answer(scene, "GET", "/readyz", NULL);
    s3_server_set_secret(scene->storage, STORAGE_SECRET);
    server_expect_success(scene->server, id); /* without its documentation */
    pursuit_server_set_mode(scene->pursuit, PURSUIT_WELL);
    search_all(scene);
    expect_nothing(scene);
}

static void an_abort_leaves_no_dump(void **state) {
    struct scene *scene = *state;
    for (enum server_program program = SERVER_REDIS + 1; program <= SERVER_GATEWAY; program++) {
        int status = child_stop(&scene->server->children[program], SIGABRT, PATIENCE_MS);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && !WCOREDUMP(status));
    }
    for (enum server_program program = SERVER_REDIS + 1; program <= SERVER_GATEWAY; program++)
        server_start_program(scene->server, program);
    server_wait_until_ready(scene->server);
    const char *dumps = shell_output(&scene->server->arena, "find '%s' -name 'core*' -type f", scene->server->folder);
    assert_string_equal(dumps, "");
    search_all(scene);
    expect_nothing(scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_search_finds_what_is_planted),
        cmocka_unit_test(a_publication_shows_no_secret),
        cmocka_unit_test(refused_secrets_are_not_shown),
        cmocka_unit_test(an_abort_leaves_no_dump),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
