/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Common setup of the tests of builds: the environment of a worker with the stand-in compiler, and packages that are unpacked
 * already.
 */
#ifndef TESTS_UNIT_BUILD_WORKER_BUILD_SCENE_H
#define TESTS_UNIT_BUILD_WORKER_BUILD_SCENE_H

#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/folder.h"
#include "lib/base/text.h"
#include "lib/tools/archive/archive.h"
#include "services/build-worker/build.h"
#include "tests/support/temporary_folder.h"

enum { FILES_MAX = 5, PACKAGES_MAX = 5, TARBALL_BYTES_MAX = 1 << 20, LONG_MS = 100000 };

/* A package. */
struct source {
    const char *name;
    struct {
        const char *path, *content;
    } files[FILES_MAX];
};

static struct temporary_folder folder;
static struct settings settings;
static struct build_environment environment;
static struct arena arena;
static struct package_cache_hold hold;
static struct text log_lines; /* `JOB LEVEL message` of all jobs */
static struct build_outcome outcomes[PACKAGES_MAX];
static enum build_how how; /* of the next jobs */

static inline int set_up(void **state) {
    (void)state;
    struct error err;
    how = BUILD_HOW_REUSE;
    temporary_folder_make(&folder);
    temporary_folder_write(&folder, "compilers/readme", "");
    const char *compiler = arena_format(&arena, "%s/compilers/purs-0_15_15", folder.path);
    struct text stand_in = {0};
    assert_int_equal(file_read(BUILD_DIR "/bin/purs-stand-in", 100000000, &stand_in, &err), STATUS_OK);
    assert_int_equal(file_write(compiler, stand_in.bytes, stand_in.length, &err), STATUS_OK);
    assert_int_equal(chmod(compiler, 0755), 0);
    text_release(&stand_in);
    settings = (struct settings){
        .build_dir = arena_format(&arena, "%s/build", folder.path),
        .build_store_dir = arena_format(&arena, "%s/store", folder.path),
        .compilers = arena_format(&arena, "%s/compilers", folder.path),
        .compiler_user = "nobody",
        .build_store_bytes = 1 << 30,
        .package_cache_bytes = 1 << 30,
        .build_memory_bytes = INT64_C(6) << 30,
        .build_disk_bytes = INT64_C(2) << 30,
        .build_processes = 256,
    };
    if (build_environment_init(&environment, &settings, true, &err)) fail_msg("%s", err.message);
    return 0;
}

static inline int tear_down(void **state) {
    (void)state;
    package_cache_let_go(environment.packages, &hold);
    build_environment_release(&environment);
    text_release(&log_lines);
    arena_release(&arena);
    temporary_folder_remove(&folder);
    return 0;
}

/* Unpacks it, as one that depends on the first `count_needed` packages of the work. */
static inline void add_package(struct build_package *out, const struct source *source, size_t count_needed) {
    struct archive_item items[FILES_MAX];
    struct text tarball = {0};
    struct error err;
    size_t count = 0, *dependencies = arena_alloc(&arena, (count_needed + 1) * sizeof *dependencies);
    char *hash = arena_alloc(&arena, SHA256_SRI_MAX);
    const char *unpacked, *top = arena_format(&arena, "%s-1.0.0", source->name);
    for (; count < FILES_MAX && source->files[count].path; count++)
        items[count] = (struct archive_item){source->files[count].path, source->files[count].content,
                                             strlen(source->files[count].content)};
    for (size_t i = 0; i < count_needed; i++)
        dependencies[i] = i;
    assert_int_equal(archive_pack(&tarball, folder.path, top, items, count, TARBALL_BYTES_MAX, &err), STATUS_OK);
    hash_sha256_sri(tarball.bytes, tarball.length, hash);
    if (package_cache_add(environment.packages, hash, top, tarball.bytes, tarball.length, &hold, &unpacked, &err))
        fail_msg("%s", err.message);
    *out = (struct build_package){source->name, {1, 0, 0}, hash, (int64_t)tarball.length, dependencies, count_needed};
    text_release(&tarball);
}

static inline void say(void *context, size_t job, enum log_level level, const char *message) {
    (void)context;
    text_append_format(&log_lines, "%zu %s %s\n", job, log_level_name(level), message);
}

static inline void end(void *context, size_t job, const struct build_outcome *outcome) {
    (void)context;
    outcomes[job] = *outcome;
}

/* Builds the last `jobs` of the packages. */
static inline void run_work(const struct build_package *packages, size_t count, size_t jobs) {
    struct build_job asked[2] = {0};
    struct deadline deadline;
    for (size_t i = 0; i < jobs; i++)
        asked[i] = (struct build_job){.job_id = "11111111-1111-4111-8111-111111111111",
                                      .fence = 1,
                                      .attempt = 1,
                                      .package = count - jobs + i,
                                      .how = how};
    const struct work_order work = {.compiler = {0, 15, 15},
                                    .time_limit_ms = LONG_MS,
                                    .lease_ms = LONG_MS,
                                    .downloads = "http://127.0.0.1:9",
                                    .packages = packages,
                                    .package_count = count,
                                    .jobs = asked,
                                    .job_count = jobs};
    const struct build_listener listener = {.say = say, .end = end};
    text_clear(&log_lines);
    deadline_start(&deadline, LONG_MS);
    build_run(&environment, &work, &listener, &deadline, &arena);
}

/* Builds the last of the packages, or the last two as jobs that do not depend on each other. */
static inline void build(const struct source *sources, size_t count, size_t jobs) {
    struct build_package packages[PACKAGES_MAX];
    for (size_t i = 0; i < count; i++)
        add_package(&packages[i], &sources[i], jobs == 2 && i == count - 1 ? i - 1 : i);
    run_work(packages, count, jobs);
}

static inline void expect_verdict(size_t job, enum verdict verdict, const char *reason) {
    const struct build_outcome *outcome = &outcomes[job];
    if (outcome->is_given_back || outcome->verdict != verdict)
        fail_msg("%s: %s\n%s", verdict_text(outcome->verdict), outcome->reason, text_view(&log_lines));
    if (!reason)
        assert_null(outcome->reason);
    else if (!text_starts_with(outcome->reason, reason))
        fail_msg("%s", outcome->reason);
}

static inline void expect_line(const char *words) {
    if (!strstr(text_view(&log_lines), words)) fail_msg("no \"%s\" in:\n%s", words, text_view(&log_lines));
}

#endif
