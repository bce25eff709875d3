/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/revise_scene.h"

#include "tests/support/cmocka_all.h"

#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "tests/support/matrix_scene.h"
#include "tests/support/registry_check.h"
#include "tests/support/trustee_call.h"

enum { WORKERS = 1 };

struct server *revise_scene_start(const char *const *settings) {
    char digest[SHA256_HEX_MAX], setting[sizeof "PACCHETTIBOTTI_TOKEN_SHA256=" + SHA256_HEX_MAX];
    hash_sha256_hex(REVISE_TOKEN, strlen(REVISE_TOKEN), digest);
    snprintf(setting, sizeof setting, "PACCHETTIBOTTI_TOKEN_SHA256=%s", digest);
    const char *const gateway[] = {setting, NULL};
    return server_start(&(struct server_options){.workers = WORKERS, .settings = settings, .gateway_settings = gateway});
}

void revise_scene_publish(struct server *server, const struct package *package) {
    server_expect_published(server, package);
    matrix_expect_compilers(server, package->name, package->version, "0.15.14 0.15.15");
}

const char *revise_ask(struct server *server, const char *name, const char *version, const char *ranges) {
    const char *payload =
        arena_format(&server->arena, "{\"name\":\"%s\",\"version\":\"%s\",\"dependencies\":{%s}}", name, version, ranges);
    return trustee_expect_job(server, REVISE_TOKEN, trustee_body(server, "revise", payload, REVISE_ACTOR, NULL));
}

const char *revise_expect_done(struct server *server, const char *name, const char *version, const char *ranges) {
    const char *id = revise_ask(server, name, version, ranges);
    server_expect_success(server, id);
    return id;
}

void revise_expect_indexed(struct server *server, const struct package *package) {
    char path[64];
    snprintf(path, sizeof path, "%.2s/%.2s/%s", package->name, package->name + 2, package->name);
    const char *file = registry_file(server, INDEX_REPO, path), *line = package_index_line(&server->arena, package);
    if (!file || !strstr(file, line)) fail_msg("%s\nhas no line\n%s", file ? file : "(no file)", line);
}

int revise_number(struct server *server, const char *name, const char *version) {
    json_t *published = registry_published(server, name, version);
    int number = (int)json_integer_value(json_object_get(published, "revision"));
    json_decref(published);
    return number;
}

json_t *revise_builds(struct server *server, const char *name) {
    json_t *jobs = matrix_jobs(server, name);
    json_t *builds = json_array(), *job;
    size_t i;
    json_array_foreach(jobs, i, job) {
        if (strcmp(server_job_text(job, "purpose"), "revision") == 0) json_array_append(builds, job);
    }
    json_decref(jobs);
    return builds;
}

void revise_wait_for_line(struct server *server, const char *id, const char *words) {
    int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    bool is_there = false;
    const char *log = "";
    while (!is_there && clock_monotonic_ms() < until_ms) {
        json_t *job = server_get(server, arena_format(&server->arena, "/api/v1/jobs/%s?level=DEBUG", id));
        log = server_log_text(server, job);
        is_there = strstr(log, words) != NULL;
        json_decref(job);
        if (!is_there) usleep(20000);
    }
    if (!is_there) fail_msg("\"%s\" is not in\n%s", words, log);
}
