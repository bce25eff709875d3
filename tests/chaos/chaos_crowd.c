/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Many packages at once: all posted before the first is done, published by eight slots, to git over http and S3, while another
 * author also pushes to both repositories. At the end each is published once: one commit in each repository, one object, one
 * event, and metadata, index and storage agree; no commit of anybody is lost; each job's log has fewer than 40 lines at INFO;
 * and no secret is in anything that was written, shown or started meanwhile (tests/support/secret_search.h).
 *
 *   tests/chaos/crowd [--packages N] [--bin DIR]
 */
#include "tests/support/cmocka_all.h"

#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "tests/support/event_check.h"
#include "tests/support/registry_check.h"
#include "tests/support/s3/s3_server.h"
#include "tests/support/secret_search.h"
#include "tests/support/shell.h"

#define STORAGE_SECRET "CrowdTestStorageSecret/of+nobody012345"
#define MESSAGE_KEY "CrowdTestKeyBetweenOurPrograms01234567"
#define TOKEN "ghp_CrowdTestToken4NobodyElse012345678"

enum { PACKAGES_MAX = 2000, SLOTS = 8, LINES_MAX = 40, RIVAL_PAUSE_MS = 300, END_MS = 600000 };

static const struct secret secrets[] = {
    {"SPACES_SECRET", STORAGE_SECRET}, {"SERVICE_KEY", MESSAGE_KEY}, {"PACCHETTIBOTTI_TOKEN", TOKEN}, {NULL, NULL}};

/* Lines that a job's log must have, in this order. */
static const char *const story[] = {
    "Fetched v1.0.0, which is commit ", "Building with compiler 0.15.15",        " bytes, sha256-", "Stored the tarball",
    "Committed the metadata: ",         "Committed the manifest to the index: ", "Published crowd-"};

struct crowd {
    struct server *server;
    struct s3_server *storage;
    struct secret_search *search;
    int package_count;
    const char *requests[PACKAGES_MAX], *jobs[PACKAGES_MAX];
    int next; /* the first one not seen to have ended */
    int most_lines;
    pthread_t rival;
    atomic_bool is_over;
    int rival_pushes; /* to each repository */
};

/* ---- Before ---- */

static void start(struct crowd *crowd, const char *programs) {
    static struct arena arena;
    crowd->storage = s3_server_start();
    s3_server_set_secret(crowd->storage, STORAGE_SECRET);
    const char *const settings[] = {
        "SPACES_KEY=" S3_SERVER_KEY,
        "SPACES_SECRET=" STORAGE_SECRET,
        "S3_BUCKET=" S3_SERVER_BUCKET,
        "S3_REGION=" S3_SERVER_REGION,
        arena_format(&arena, "S3_BUCKET_URL=%s", s3_server_url(crowd->storage)),
        arena_format(&arena, "PUBLISH_SLOTS=%d", SLOTS),
        "SERVICE_KEY=" MESSAGE_KEY,
        "PACCHETTIBOTTI_TOKEN=" TOKEN,
        "PURSUIT_API_URL=http://127.0.0.1:9", /* no server there: documentation is not uploaded */
        "LOG_LEVEL=DEBUG",
        NULL,
    };
    crowd->search = secret_search_create(secrets);
    secret_search_watch_processes(crowd->search);
    crowd->server = server_start(&(struct server_options){.programs = programs, .settings = settings, .has_git_server = true});
    arena_release(&arena);
}

static void prepare(struct crowd *crowd) {
    struct arena *arena = &crowd->server->arena;
    for (int i = 0; i < crowd->package_count; i++) {
        const struct package package = {.name = arena_format(arena, "crowd-%d", i), .version = "1.0.0"};
        package_push(arena_format(arena, "%s/sources", crowd->server->folder), &package);
        crowd->requests[i] = package_request(arena, &package);
    }
    shell_run("cd '%s' && mkdir rival && cd rival && git clone -q ../" REGISTRY_REPO " && git clone -q ../" INDEX_REPO,
              crowd->server->folder);
}

/* ---- The other author ---- */

static void push_as_rival(struct crowd *crowd, const char *repo) {
    shell_run("cd '%s/rival/%.*s' && git pull -q --rebase && date +%%N >>README.md && "
              "git -c user.name=rival -c user.email=rival@example.org commit -qam 'By somebody else' && "
              "until git push -q origin HEAD 2>/dev/null; do "
              "git -c user.name=rival -c user.email=rival@example.org pull -q --rebase; done",
              crowd->server->folder, (int)(strlen(repo) - strlen(".git")), repo);
}

static void *run_rival(void *context) {
    struct crowd *crowd = context;
    while (!atomic_load(&crowd->is_over)) {
        push_as_rival(crowd, REGISTRY_REPO);
        push_as_rival(crowd, INDEX_REPO);
        crowd->rival_pushes++;
        nanosleep(&(struct timespec){.tv_nsec = RIVAL_PAUSE_MS * 1000000}, NULL);
    }
    return NULL;
}

/* ---- The crowd ---- */

static bool all_have_ended(void *context) {
    struct crowd *crowd = context;
    while (crowd->next < crowd->package_count) {
        json_t *job = server_get(crowd->server, arena_format(&crowd->server->arena, "/status/%s", crowd->jobs[crowd->next]));
        bool has_ended = json_object_get(job, "finishedAt") != NULL;
        json_decref(job);
        if (!has_ended) return false;
        crowd->next++;
    }
    return true;
}

static void publish_all(struct crowd *crowd) {
    for (int i = 0; i < crowd->package_count; i++) {
        struct server_accepted accepted = server_publish(crowd->server, crowd->requests[i]);
        assert_true(accepted.created);
        crowd->jobs[i] = accepted.id;
    }
    if (pthread_create(&crowd->rival, NULL, run_rival, crowd) != 0) abort();
    if (!wait_until(all_have_ended, crowd, END_MS)) fail_msg("the job %s does not end", crowd->jobs[crowd->next]);
    atomic_store(&crowd->is_over, true);
    pthread_join(crowd->rival, NULL);
}

/* ---- After ---- */

/* Counts the log's lines as displayed: a line with line breaks counts as several. */
static void check_log(struct crowd *crowd, const char *id) {
    struct server *server = crowd->server;
    json_t *job = server_get(server, arena_format(&server->arena, "/api/v1/jobs/%s?level=INFO", id));
    if (!json_is_true(json_object_get(job, "success"))) fail_msg("job %s failed:\n%s", id, server_log_text(server, job));
    const char *log = server_log_text(server, job), *at = log;
    int lines = 0;
    for (const char *end = log; (end = strchr(end, '\n')) != NULL; end++)
        lines++;
    if (lines >= LINES_MAX) fail_msg("%d lines:\n%s", lines, log);
    if (lines > crowd->most_lines) crowd->most_lines = lines;
    for (size_t i = 0; i < sizeof story / sizeof story[0]; i++) {
        at = strstr(at, story[i]);
        if (at == NULL) fail_msg("\"%s\" is missing, or not in its place:\n%s", story[i], log);
    }
    json_decref(job);
    struct http_response response = {0};
    server_call(server, "GET", arena_format(&server->arena, "/api/v1/jobs/%s?level=DEBUG", id), NULL, &response);
    secret_search_bytes(crowd->search, id, text_view(&response.body), response.body.length);
    http_response_release(&response);
}

/* Checks the number of commits with this subject (a pattern), and of different subjects. */
static void expect_commits(struct crowd *crowd, const char *repo, const char *subject, int expected, int expected_different) {
    const char *counts =
        shell_output(&crowd->server->arena,
                     "git -C '%s/%s' log --format=%%s | grep -x '%s' >'%s/subjects'; wc -l <'%s/subjects'; "
                     "sort -u '%s/subjects' | wc -l",
                     crowd->server->folder, repo, subject, crowd->server->folder, crowd->server->folder, crowd->server->folder);
    assert_string_equal(counts, arena_format(&crowd->server->arena, "%d\n%d\n", expected, expected_different));
}

static void check_secrets(struct crowd *crowd) {
    secret_search_stop_watching(crowd->search);
    secret_search_folder(crowd->search, crowd->server->folder);
    secret_search_folder(crowd->search, redis_server_folder(crowd->server->redis));
    const char *findings = secret_search_findings(crowd->search);
    if (findings[0] != '\0') fail_msg("secrets were found:\n%s", findings);
    assert_true(secret_search_seen(crowd->search, "bwrap") > 0);
}

static void check_everything(struct crowd *crowd) {
    int count = crowd->package_count;
    for (int i = 0; i < count; i++)
        check_log(crowd, crowd->jobs[i]);
    assert_int_equal(s3_server_object_count(crowd->storage), count);
    assert_int_equal(s3_server_count(crowd->storage, S3_PUT), count);
    shell_run("mkdir -p '%s/storage'", crowd->server->folder);
    s3_server_save(crowd->storage, arena_format(&crowd->server->arena, "%s/storage", crowd->server->folder));
    registry_expect_consistency(crowd->server);
    expect_commits(crowd, REGISTRY_REPO, "Update metadata for crowd-[0-9]*", count, count);
    expect_commits(crowd, INDEX_REPO, "Update manifest for crowd-[0-9]*@1.0.0", count, count);
    expect_commits(crowd, REGISTRY_REPO, "By somebody else", crowd->rival_pushes, 1);
    expect_commits(crowd, INDEX_REPO, "By somebody else", crowd->rival_pushes, 1);
    event_check_expect_one_each(crowd->server, crowd->jobs, (size_t)count);
    check_secrets(crowd);
}

static int usage(void) {
    fprintf(stderr, "usage: tests/chaos/crowd [--packages N] [--bin DIR]\n");
    return 2;
}

int main(int argument_count, char **arguments) {
    static const struct option options[] = {
        {"packages", required_argument, NULL, 'p'}, {"bin", required_argument, NULL, 'b'}, {0}};
    static struct crowd crowd = {.package_count = 200};
    const char *programs = NULL;
    for (int option; (option = getopt_long(argument_count, arguments, "", options, NULL)) != -1;) {
        switch (option) {
        case 'p': crowd.package_count = atoi(optarg); break;
        case 'b': programs = optarg; break;
        default: return usage();
        }
    }
    if (optind < argument_count || crowd.package_count < 1 || crowd.package_count > PACKAGES_MAX) return usage();
    setvbuf(stdout, NULL, _IOLBF, 0);
    setenv("CMOCKA_TEST_ABORT", "1", 1); /* makes cmocka report failures outside of a test */
    start(&crowd, programs);
    event_check_begin(crowd.server);
    prepare(&crowd);
    int64_t start_ms = clock_monotonic_ms();
    publish_all(&crowd);
    int64_t took_ms = clock_monotonic_ms() - start_ms;
    check_everything(&crowd);
    printf("%d packages, %d slots: %.1f s, %.1f a second; somebody else pushed %d times to each repository\n"
           "each published once, none lost; at most %d lines a log at INFO; no secret in %zu files, in any answer or process\n",
           crowd.package_count, SLOTS, (double)took_ms / 1000, crowd.package_count * 1000.0 / (double)took_ms,
           crowd.rival_pushes, crowd.most_lines, secret_search_files(crowd.search));
    secret_search_free(crowd.search);
    server_stop(crowd.server);
    s3_server_stop(crowd.storage);
    return 0;
}
