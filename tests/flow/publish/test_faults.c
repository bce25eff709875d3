/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A publication killed after each of its steps, and within its writes, at the points of lib/base/fault.h: the state it left,
 * and the result of the next run (lib/store/README.md, Once).
 *
 *   killed twice        the service dies at the point, is restarted, dies there again, and is restarted once more
 *   and Redis lost      it dies at the point, all of Redis is lost with the job, and the same request is sent again; with another
 *                       package, on the server that published the first one
 *
 * Each time the final state must be that of an undisturbed publication: every file of both repositories (but for publishedTime,
 * the time at which the first run stored its record), their commits (but for ids, times and job ids), every byte of the
 * storage, the job (but for its id, times and log), and the one event, with the commits' ids. The table of all this is listed
 * in services/publish/README.md, and is compared with what happened.
 *
 *   test_flow_publish_faults [local | remote]    repositories on this disk and a storage folder, or git over http and S3
 */
#include "tests/support/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/folder.h"
#include "lib/store/redis/events.h"
#include "tests/support/registry_check.h"
#include "tests/support/s3/s3_server.h"
#include "tests/support/shell.h"

enum { EVENTS_MAX = 10, TARBALL_BYTES_MAX = 1 << 20 };

/* In the order in which a publication passes the points; the test fails if one is missing. */
static const struct fault {
    const char *point;
    const char *again; /* where the second run dies; NULL: at the same point, "": it has nothing left to do */
    const char *place; /* text in the table */
} faults[] = {
    {"metadata", NULL, "metadata"},
    {"fetch", NULL, "fetch"},
    {"manifest", NULL, "manifest"},
    {"license", NULL, "license"},
    {"check", NULL, "check"},
    {"solve", NULL, "solve"},
    {"modules", NULL, "modules"},
    {"pack", NULL, "pack"},
    {"install", NULL, "install"},
    {"graph", NULL, "graph"},
    {"compile", NULL, "compile"},
    {"detector", NULL, "detector"},
    {"record", "resume", "record"},
    {"tarball", NULL, "… the tarball stored"},
    {"unpushed", NULL, "… the metadata's commit made, not pushed"},
    {"repository:registry", NULL, "… the metadata pushed"},
    {"unpushed#2", "unpushed", "… the manifest's commit made, not pushed"},
    {"repository:registry-index", NULL, "… the manifest pushed"},
    {"commit", NULL, "commit"},
    {"documentation", NULL, "documentation"},
    {"end", "", "the job's end in Redis"},
};
enum { FAULT_COUNT = sizeof faults / sizeof faults[0] };

static const struct package base = {"base", "1.0.0", .pragma = NULL};
static const struct package subject = {"subject", "1.0.0", .dependencies = {{"base", ">=1.0.0 <2.0.0"}}};
static const struct package second = {"second", "1.0.0", .dependencies = {{"base", ">=1.0.0 <2.0.0"}}};

static struct {
    bool is_remote;
    char folder[64]; /* `template`: repositories and storage with `base`; `copy`: puts them into another folder */
    /* Of undisturbed publications: of `subject`, then of `second`. */
    struct undisturbed {
        char *outside, *job;
    } first, both;
    char *points;              /* that the first one passed */
    struct s3_server *storage; /* of the server that runs; NULL: its folder */
    struct arena arena;
} suite;

/* ---- A server with `base`, whose publish service dies at a point ---- */

/* The storage has `base` in it, if that was published. */
static void start_storage(void) {
    struct text tarball = {0};
    struct error err;
    suite.storage = s3_server_start();
    if (!file_read(arena_format(&suite.arena, "%s/template/storage/base/1.0.0.tar.gz", suite.folder), TARBALL_BYTES_MAX,
                   &tarball, &err))
        s3_server_write_object(suite.storage, "base/1.0.0.tar.gz", tarball.bytes, tarball.length);
    text_release(&tarball);
}

static struct server *start(const char *point) {
    const char *settings[12] = {arena_format(&suite.arena, "REGISTRY_FAULT=%s", point), "LOG_LEVEL=DEBUG", "LEASE_MS=3000",
                                "PENDING_SCAN_MS=100"};
    if (suite.is_remote) {
        start_storage();
        settings[4] = "SPACES_KEY=" S3_SERVER_KEY;
        settings[5] = "SPACES_SECRET=" S3_SERVER_SECRET;
        settings[6] = arena_format(&suite.arena, "S3_BUCKET_URL=%s", s3_server_url(suite.storage));
        settings[7] = arena_format(&suite.arena, "S3_API_URL=%s", s3_server_public_url(suite.storage));
        settings[8] = "S3_BUCKET=" S3_SERVER_BUCKET;
        settings[9] = "S3_REGION=" S3_SERVER_REGION;
    }
    char *copy = arena_format(&suite.arena, "%s/copy", suite.folder);
    return server_start(&(struct server_options){
        .settings = settings, .has_git_server = suite.is_remote, .make_repositories = access(copy, X_OK) == 0 ? copy : NULL});
}

static void stop(struct server *server) {
    server_stop(server);
    s3_server_stop(suite.storage);
    suite.storage = NULL;
}

static void start_publish_again(struct server *server, const char *point) {
    const char **setting = server->environments[SERVER_PUBLISH];
    while (strncmp(*setting, "REGISTRY_FAULT=", strlen("REGISTRY_FAULT=")) != 0)
        setting++;
    *setting = arena_format(&server->arena, "REGISTRY_FAULT=%s", point);
    server_start_program(server, SERVER_PUBLISH);
}

static bool has_died(void *context) {
    struct server *server = context;
    return !child_is_running(&server->children[SERVER_PUBLISH]);
}

/* `times`: the number of deaths so far, each at its fault point. */
static void wait_for_death(struct server *server, const char *point, int times) {
    if (!wait_until(has_died, server, PATIENCE_MS)) fail_msg("it does not die at %s", point);
    char *deaths = shell_output(&server->arena, "grep -c 'event=fault_point_fired ' '%s/publish.log' || true", server->folder);
    if (atoi(deaths) != times) fail_msg("it died before %s", point);
}

static const char *post(struct server *server, const struct package *package) {
    return server_publish(server, package_request(&server->arena, package)).id;
}

/* All of Redis, with the job that the server may have begun. */
static void lose_redis(struct server *server) {
    shell_run("redis-cli -s '%s' FLUSHALL >/dev/null", redis_server_url(server->redis) + strlen("unix://"));
}

/* ---- The state outside ---- */

/* If the storage is not a folder, writes its objects into the folder that the checks read. */
static void show_storage(struct server *server) {
    if (suite.storage == NULL) return;
    shell_run("rm -rf '%s/storage' && mkdir '%s/storage'", server->folder, server->folder);
    s3_server_save(suite.storage, arena_format(&server->arena, "%s/storage", server->folder));
}

static char *picture_of_outside(struct server *server) {
    show_storage(server);
    return shell_output(&suite.arena,
                        "cd '%s' && git -C " REGISTRY_REPO
                        " ls-tree -r --name-only HEAD | sed 's/.*/HEAD:& &/' | git -C " REGISTRY_REPO
                        " cat-file --batch='== %%(rest)' | sed -E 's/(\"publishedTime\": \")[^\"]*/\\1TIME/' && "
                        "git -C " INDEX_REPO " ls-tree -r HEAD && for repo in " REGISTRY_REPO " " INDEX_REPO "; do "
                        "git -C $repo log --format='%%an <%%ae> %%cn <%%ce>%%n%%B' | sed 's/^Job ID: .*/Job ID: ID/'; done && "
                        "cd storage && find . -type f | sort | xargs sha256sum",
                        server->folder);
}

/* The job as the API shows it, and its event; the commits in both must be the repositories' heads. */
static char *picture_of_job(struct server *server, const char *id) {
    struct job_store *store = NULL;
    struct event *events = NULL;
    size_t count = 0;
    struct error err;
    json_t *job = server_wait_for_job(server, id);
    const char *const differing[] = {"jobId", "createdAt", "startedAt", "finishedAt", "attempts", "logs"};
    for (size_t i = 0; i < sizeof differing / sizeof differing[0]; i++)
        json_object_del(job, differing[i]);
    char *fields = json_dumps(job, JSON_SORT_KEYS);
    if (job_store_create(&store, redis_server_url(server->redis), PATIENCE_MS, &err) ||
        events_read(store, &(struct event_consumer){"test", "test", 0}, 0, EVENTS_MAX, &server->arena, &events, &count, &err))
        fail_msg("%s", err.message);
    assert_int_equal(count, 1);
    assert_string_equal(events[0].job_id, id);
    char *picture = shell_output(&suite.arena,
                                 "cd '%s' && printf '%%s\n%%s\n' '%s' '%s' | sed \"s/$(git -C " REGISTRY_REPO
                                 " rev-parse HEAD)/COMMIT/; s/$(git -C " INDEX_REPO " rev-parse HEAD)/COMMIT/\"",
                                 server->folder, fields, events[0].payload);
    job_store_free(store);
    free(fields);
    json_decref(job);
    return picture;
}

static void expect_as_undisturbed(struct server *server, const struct undisturbed *undisturbed) {
    assert_string_equal(picture_of_outside(server), undisturbed->outside);
    server_wait_until_ready(server);
    registry_expect_consistency(server);
}

static void expect_empty_folder(struct server *server, const char *folder) {
    assert_string_equal(shell_output(&server->arena, "find '%s/work/%s' -mindepth 1", server->folder, folder), "");
}

/* ---- The table ---- */

struct row {
    const char *left, *done, *repeated;
};

/* Rows that differ only in their places are merged. */
static char *print_table(const struct row *rows) {
    struct text table = {0};
    text_append(&table, "| killed after | left by then | the next run | the same request after Redis was lost |\n"
                        "| --- | --- | --- | --- |\n");
    for (int i = 0; i < FAULT_COUNT; i++) {
        const struct row *row = &rows[i], *next = i + 1 < FAULT_COUNT ? row + 1 : NULL;
        bool is_same = next && strcmp(row->left, next->left) == 0 && strcmp(row->done, next->done) == 0 &&
                       strcmp(row->repeated, next->repeated) == 0;
        text_append_format(&table, "%s%s", text_ends_with(text_view(&table), "\n") ? "| " : ", ", faults[i].place);
        if (!is_same) text_append_format(&table, " | %s | %s | %s |\n", row->left, row->done, row->repeated);
    }
    char *copy = arena_copy(&suite.arena, text_view(&table));
    text_release(&table);
    return copy;
}

static const char *what_was_left(struct server *server, const char *id) {
    struct job_store *store = NULL;
    struct job job = {0};
    struct error err;
    show_storage(server);
    if (job_store_create(&store, redis_server_url(server->redis), PATIENCE_MS, &err) ||
        job_store_get(store, id, &server->arena, &job, &err))
        fail_msg("%s", err.message);
    const struct {
        bool is_there;
        const char *what;
    } parts[] = {
        {job.commit != NULL, "commit id"},
        {job.record != NULL, "record"},
        {access(arena_format(&server->arena, "%s/storage/subject/1.0.0.tar.gz", server->folder), F_OK) == 0, "tarball"},
        {registry_file(server, REGISTRY_REPO, "metadata/subject.json") != NULL, "metadata"},
        {registry_file(server, INDEX_REPO, "su/bj/subject") != NULL, "manifest"},
        {job.state == JOB_STATE_SUCCEEDED, "end"},
    };
    job_store_free(store);
    struct text left = {0};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (parts[i].is_there) text_append_format(&left, "%s%s", left.length > 0 ? ", " : "", parts[i].what);
    const char *copy = arena_copy(&suite.arena, left.length > 0 ? left.bytes : "nothing");
    text_release(&left);
    return copy;
}

/* The job's log lines of the last run, which was completed. */
static const char *what_was_done(struct server *server, const char *id) {
    json_t *job = server_wait_for_job(server, id);
    const char *log = server_log_text(server, job), *resumed = NULL;
    json_decref(job);
    if (strstr(log, "Timings: resume=") == NULL) return "starts over";
    for (const char *at = log; (at = strstr(at, "Resuming after")) != NULL; at++)
        resumed = at;
    assert_non_null(resumed);
    return arena_format(&suite.arena, "resumes: tarball %s, metadata %s, manifest %s",
                        strstr(resumed, "Stored the tarball") != NULL ? "stored" : "there",
                        strstr(resumed, "Committed the metadata") != NULL ? "committed" : "there",
                        strstr(resumed, "Committed the manifest") != NULL ? "committed" : "there");
}

/* `killed twice`: fills in the state left, and the work of the run after that. Returns the number of deaths. */
static int kill_twice(struct server *server, const struct fault *fault, struct row *row) {
    const char *id = post(server, &subject);
    wait_for_death(server, fault->point, 1);
    const char *again = fault->again != NULL ? fault->again : fault->point;
    bool has_more_to_do = again[0] != '\0';
    if (has_more_to_do) {
        start_publish_again(server, again);
        wait_for_death(server, again, 2);
    }
    row->left = what_was_left(server, id);
    start_publish_again(server, "none");
    server_expect_success(server, id);
    row->done = has_more_to_do ? what_was_done(server, id) : "nothing left to do";
    assert_string_equal(picture_of_job(server, id), suite.first.job);
    expect_as_undisturbed(server, &suite.first);
    registry_expect_one_commit_each(server);
    expect_empty_folder(server, "runs");
    expect_empty_folder(server, "tarballs");
    return has_more_to_do ? 2 : 1;
}

/* `and Redis lost`: fills in the result of the repeated request. `deaths`: those before. */
static void lose_job(struct server *server, const struct fault *fault, int deaths, struct row *row) {
    assert_int_equal(child_stop(&server->children[SERVER_PUBLISH], SIGTERM, PATIENCE_MS), 0);
    start_publish_again(server, fault->point);
    post(server, &second);
    wait_for_death(server, fault->point, deaths + 1);
    lose_redis(server);
    start_publish_again(server, "none");
    const char *id = post(server, &second);
    json_t *job = server_wait_for_job(server, id);
    const char *log = server_log_text(server, job);
    if (json_is_true(json_object_get(job, "success"))) {
        bool is_finishing = strstr(log, "NOTICE second@1.0.0 is published, but") != NULL;
        row->repeated = is_finishing ? "completes what was begun" : "publishes";
        const char *picture = picture_of_job(server, id);
        if (is_finishing) /* the metadata's commit is another job's: compare the event only */
            assert_string_equal(strchr(picture, '\n'), strchr(suite.both.job, '\n'));
        else
            assert_string_equal(picture, suite.both.job);
    } else {
        if (strstr(server_last_error(server, job), "already published") == NULL) fail_msg("%s", log);
        row->repeated = "refused: already published";
    }
    json_decref(job);
    expect_as_undisturbed(server, &suite.both);
    expect_empty_folder(server, "runs");
}

/* ---- The tests ---- */

/* Every point that an undisturbed publication passes has its row, in the order of the table. */
static void every_point_has_its_row(void **state) {
    (void)state;
    struct text expected = {0};
    for (int i = 0; i < FAULT_COUNT; i++)
        if (strchr(faults[i].point, '#') == NULL) text_append_format(&expected, "name=%s\n", faults[i].point);
    assert_string_equal(suite.points, text_view(&expected));
    text_release(&expected);
}

static void a_killed_publication_leaves_what_an_undisturbed_one_leaves(void **state) {
    (void)state;
    struct row rows[FAULT_COUNT] = {0};
    for (int i = 0; i < FAULT_COUNT; i++) {
        struct server *server = start(faults[i].point);
        int deaths = kill_twice(server, &faults[i], &rows[i]);
        lose_job(server, &faults[i], deaths, &rows[i]);
        stop(server);
    }
    char *table = print_table(rows), *readme = read_file(&suite.arena, SOURCE_DIR "/services/publish/README.md");
    printf("%s", table);
    if (strstr(readme, table) == NULL) fail_msg("services/publish/README.md does not have this table");
}

/* The third attempt that ends so is the last if nothing was written yet (lib/store/README.md, Leases). */
static void a_job_killed_for_the_third_time_fails_and_its_repeat_publishes(void **state) {
    (void)state;
    struct server *server = start("compile");
    const char *id = post(server, &subject);
    for (int times = 1; times <= 3; times++) {
        wait_for_death(server, "compile", times);
        start_publish_again(server, times < 3 ? "compile" : "none");
    }
    json_t *job = server_wait_for_job(server, id);
    assert_true(strlen(server_last_error(server, job)) > 20);
    json_decref(job);
    struct server_accepted again = server_publish(server, package_request(&server->arena, &subject));
    assert_true(again.created);
    server_expect_success(server, again.id);
    assert_string_equal(picture_of_job(server, again.id), suite.first.job);
    expect_as_undisturbed(server, &suite.first);
    stop(server);
}

/* ---- Setup ---- */

/* The template has `base`, and the sources of the others. */
static void make_template(void) {
    struct server *server = start("none");
    server_expect_published(server, &base);
    show_storage(server);
    package_push(arena_format(&server->arena, "%s/sources", server->folder), &subject);
    package_push(arena_format(&server->arena, "%s/sources", server->folder), &second);
    shell_run("cd '%s' && mkdir -p template && cp -a '%s/sources' '%s/" REGISTRY_REPO "' '%s/" INDEX_REPO
              "' '%s/storage' template && printf '#!/bin/sh\\ncp -a %s/template/. \"$1\"\\n' >copy && chmod +x copy",
              suite.folder, server->folder, server->folder, server->folder, server->folder, suite.folder);
    stop(server);
}

static struct undisturbed see_publication(struct server *server, const struct package *package) {
    const char *id = post(server, package);
    server_expect_success(server, id);
    return (struct undisturbed){picture_of_outside(server), picture_of_job(server, id)};
}

static int publish_undisturbed(void **state) {
    (void)state;
    snprintf(suite.folder, sizeof suite.folder, "/tmp/registry-faults-XXXXXX");
    assert_non_null(mkdtemp(suite.folder));
    make_template();
    struct server *server = start("none");
    suite.first = see_publication(server, &subject);
    suite.points = shell_output(&suite.arena, "sed -n 's/.*event=fault_point_reached //p' '%s/publish.log' | awk '!seen[$0]++'",
                                server->folder);
    lose_redis(server);
    suite.both = see_publication(server, &second);
    expect_as_undisturbed(server, &suite.both);
    stop(server);
    return 0;
}

static int clean_up(void **state) {
    (void)state;
    shell_run("rm -rf '%s'", suite.folder);
    arena_release(&suite.arena);
    return 0;
}

int main(int argument_count, char **arguments) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_point_has_its_row),
        cmocka_unit_test(a_killed_publication_leaves_what_an_undisturbed_one_leaves),
        cmocka_unit_test(a_job_killed_for_the_third_time_fails_and_its_repeat_publishes),
    };
    suite.is_remote = argument_count == 2 && strcmp(arguments[1], "remote") == 0;
    return run_fault_tests(tests, publish_undisturbed, clean_up);
}
