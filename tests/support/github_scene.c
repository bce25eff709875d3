/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/github_scene.h"

#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/store/redis/redis.h"
#include "tests/support/shell.h"

#define TOKEN "ghp_ReadsRepositories0123456789abcdef"

enum { STORE_TIMEOUT_MS = 10000, HOUR_MS = 3600 * 1000, FIRST_HOUR = 23 };

void github_scene_start(struct github_scene *scene, const char *work, const char *variable) {
    struct arena arena = {0};
    *scene = (struct github_scene){.work = work, .variable = variable, .hour = FIRST_HOUR};
    scene->github = github_server_start();
    scene->health = http_stub_start("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK");
    github_server_set_token(scene->github, TOKEN, "reader", false);
    const char *const settings[] = {
        "PACKAGE_SET_TIME=never",
        "PACKAGE_SET_AFTER_MS=0",
        "NEW_TAGS_TIME=never",
        "MOVED_REPOSITORIES_TIME=never",
        "GITHUB_RETRY_MS=100",
        "PENDING_SCAN_MS=200",
        "HEALTHCHECKS_INTERVAL_MS=86400000",
        "REGISTRY_FAULT=none",
        "GITHUB_TOKEN=" TOKEN,
        arena_format(&arena, "GITHUB_API_URL=%s", github_server_url(scene->github)),
        arena_format(&arena, "HEALTHCHECKS_URL=http://127.0.0.1:%d/check", http_stub_port(scene->health)),
        NULL};
    owners_scene_start(&scene->owners, &(struct server_options){.settings = settings});
    scene->server = scene->owners.server;
    arena_release(&arena);
}

void github_scene_stop(struct github_scene *scene) {
    owners_scene_stop(&scene->owners);
    http_stub_stop(scene->health);
    github_server_stop(scene->github);
}

/* ---- Packages ---- */

const char *github_scene_repository(struct github_scene *scene, const char *name) {
    return arena_format(&scene->server->arena, PACKAGE_OWNER "/purescript-%s", name);
}

/* The stand-in's tag points to the commit of the real one. */
static void add_tag(struct github_scene *scene, const char *name, const char *version, int hours_ago) {
    const char *repository = github_scene_repository(scene, name);
    char *commit = shell_output(&scene->server->arena, "git -C '%s/sources/%s.git' rev-parse 'v%s^{commit}'",
                                scene->server->folder, repository, version);
    commit[strcspn(commit, "\n")] = '\0';
    github_server_tag(scene->github, repository, arena_format(&scene->server->arena, "v%s", version), commit,
                      clock_now_ms() - (int64_t)hours_ago * HOUR_MS);
}

void github_scene_publish(struct github_scene *scene, const char *name, const char *version) {
    const struct package package = {.name = name, .version = version};
    server_expect_published(scene->server, &package);
    github_server_add_repository(scene->github, github_scene_repository(scene, name));
    add_tag(scene, name, version, 0);
}

void github_scene_push(struct github_scene *scene, const char *name, const char *version, int hours_ago) {
    const struct package package = {.name = name, .version = version};
    package_push(arena_format(&scene->server->arena, "%s/sources", scene->server->folder), &package);
    add_tag(scene, name, version, hours_ago);
}

/* ---- Rounds ---- */

/* The time that was `hour` hours ago: a later one each time, so that the work is due once more. */
void github_scene_begin_round(struct github_scene *scene) {
    char text[TIME_TEXT_MAX];
    time_print(clock_now_ms() - (int64_t)scene->hour-- * HOUR_MS, text);
    assert_true(scene->hour > 0);
    if (scene->server->children[SERVER_PACKAGE_SET].pid) server_terminate(scene->server, SERVER_PACKAGE_SET);
    server_change_setting(scene->server, SERVER_PACKAGE_SET, scene->variable,
                          arena_format(&scene->server->arena, "%.5s", strchr(text, 'T') + 1));
    server_start_program(scene->server, SERVER_PACKAGE_SET);
}

size_t github_scene_count_lines(struct github_scene *scene, const char *words) {
    return (size_t)atoi(shell_output(&scene->server->arena,
                                     "cd '%s' && cat package-set.log second-package-set.log 2>/dev/null | grep -c '%s' || true",
                                     scene->server->folder, words));
}

struct lines {
    struct github_scene *scene;
    const char *words;
    size_t count;
};

static bool are_there(void *context) {
    const struct lines *lines = context;
    return github_scene_count_lines(lines->scene, lines->words) >= lines->count;
}

void github_scene_wait_for_lines(struct github_scene *scene, const char *words, size_t count) {
    struct lines lines = {scene, words, count};
    if (!wait_until(are_there, &lines, PATIENCE_MS)) fail_msg("the log has no %zu lines with %s", count, words);
}

void github_scene_end_round(struct github_scene *scene, const char *outcome) {
    struct arena *arena = &scene->server->arena;
    const char *ended = arena_format(arena, "event=daily_work_ended work=%s", scene->work);
    size_t rounds = (size_t)(FIRST_HOUR - scene->hour);
    github_scene_wait_for_lines(scene, ended, rounds);
    assert_int_equal(github_scene_count_lines(scene, ended), rounds);
    const char *last =
        shell_output(arena, "cd '%s' && cat package-set.log second-package-set.log 2>/dev/null | grep '%s' | sort | tail -1",
                     scene->server->folder, ended);
    if (!strstr(last, arena_format(arena, "outcome=%s", outcome))) fail_msg("the round has not %s: %s", outcome, last);
}

void github_scene_free_lock(struct github_scene *scene) {
    struct redis *redis;
    struct redis_reply *reply;
    struct error err = {0};
    if (redis_create(&redis, redis_server_url(scene->server->redis), STORE_TIMEOUT_MS, &err) ||
        redis_call(redis, &reply, &err, "HSET lock:daily:%s deadline 1", scene->work))
        fail_msg("%s", err.message);
    assert_int_equal(reply->integer, 0); /* it was held */
    redis_free(redis);
}

/* ---- Jobs ---- */

json_t *github_scene_jobs(struct github_scene *scene, const char *kind, const char *package) {
    return server_get(scene->server, arena_format(&scene->server->arena,
                                                  "/api/v1/jobs?include_completed=true&kinds=%s&package=%s", kind, package));
}

const char *github_scene_expect_job(struct github_scene *scene, const char *kind, const char *package, const char *version) {
    json_t *jobs = github_scene_jobs(scene, kind, package), *job;
    const char *id = NULL;
    size_t i;
    json_array_foreach(jobs, i, job) {
        if (version && strcmp(server_job_text(job, "packageVersion"), version) != 0) continue;
        if (id) fail_msg("there are two jobs for %s", package);
        id = arena_copy(&scene->server->arena, server_job_text(job, "jobId"));
    }
    json_decref(jobs);
    if (!id) fail_msg("there is no job for %s", package);
    server_expect_success(scene->server, id);
    return id;
}
