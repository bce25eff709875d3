/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/matrix_scene.h"

#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "tests/support/shell.h"

enum { POLL_US = 20000 };

json_t *matrix_jobs(struct server *server, const char *package) {
    return server_get(server,
                      arena_format(&server->arena, "/api/v1/jobs?include_completed=true&kinds=matrix&package=%s", package));
}

static const char *find_job(struct server *server, const char *package, const char *version, const char *compiler) {
    json_t *jobs = matrix_jobs(server, package), *job;
    size_t i;
    const char *id = NULL;
    json_array_foreach(jobs, i, job) {
        if (strcmp(server_job_text(job, "packageVersion"), version) == 0 &&
            strcmp(server_job_text(job, "compilerVersion"), compiler) == 0)
            id = arena_copy(&server->arena, server_job_text(job, "jobId"));
    }
    json_decref(jobs);
    return id;
}

const char *matrix_wait_for_job(struct server *server, const char *package, const char *version, const char *compiler) {
    int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    const char *id = NULL;
    while (!id && clock_monotonic_ms() < until_ms) {
        id = find_job(server, package, version, compiler);
        if (!id) usleep(POLL_US);
    }
    if (!id) fail_msg("no build of %s@%s with %s was made", package, version, compiler);
    return id;
}

json_t *matrix_wait_for_build(struct server *server, const char *package, const char *version, const char *compiler) {
    return server_wait_for_job(server, matrix_wait_for_job(server, package, version, compiler));
}

void matrix_expect_verdict(struct server *server, const char *package, const char *version, const char *compiler,
                           const char *verdict) {
    json_t *job = matrix_wait_for_build(server, package, version, compiler);
    if (strcmp(server_job_text(job, "verdict"), verdict) != 0)
        fail_msg("%s\n%s", server_job_text(job, "verdict"), server_log_text(server, job));
    json_decref(job);
}

void matrix_publish_with(struct server *server, const struct package *package, const char *compiler) {
    const char *request = package_request(&server->arena, package);
    package_push(arena_format(&server->arena, "%s/sources", server->folder), package);
    const char *asked = shell_output(&server->arena, "printf %%s '%s' | jq -c '.compiler = \"%s\"'", request, compiler);
    server_expect_success(server, server_publish(server, asked).id);
}

const char *matrix_compilers_of(struct server *server, const char *package, const char *version) {
    return shell_output(
        &server->arena,
        "git -C '%s/registry.git' show HEAD:metadata/%s.json | jq -r '.published.\"%s\".compilers | join(\" \")' | "
        "tr -d '\\n'",
        server->folder, package, version);
}

void matrix_expect_compilers(struct server *server, const char *package, const char *version, const char *compilers) {
    int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    while (strcmp(matrix_compilers_of(server, package, version), compilers) != 0 && clock_monotonic_ms() < until_ms)
        usleep(POLL_US);
    assert_string_equal(matrix_compilers_of(server, package, version), compilers);
}

int matrix_count_commits(struct server *server, const char *subject) {
    return atoi(shell_output(&server->arena, "git -C '%s/registry.git' log --format=%%s | grep -cxF '%s' || true",
                             server->folder, subject));
}

void matrix_wait_for_worker_log(struct server *server, int worker, const char *text, int times) {
    int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    while (matrix_count_in(server_worker_log(server, worker), text) < times) {
        if (clock_monotonic_ms() > until_ms)
            fail_msg("no \"%s\" in the log of the worker: %s", text, server_worker_log(server, worker));
        usleep(POLL_US);
    }
}

int matrix_count_in(const char *log, const char *text) {
    int count = 0;
    for (const char *at = strstr(log, text); at; at = strstr(at + 1, text))
        count++;
    return count;
}
