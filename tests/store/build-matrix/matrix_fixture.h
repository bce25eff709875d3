/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Common setup of the tests of services/build-matrix: the job store's fixture, two repositories with a small registry, and the
 * service's state in this process; tests about its threads start them. The test itself acts as the build worker.
 */
#ifndef TESTS_STORE_BUILD_MATRIX_MATRIX_FIXTURE_H
#define TESTS_STORE_BUILD_MATRIX_MATRIX_FIXTURE_H

#include "tests/store/fixture.h"

#include <jansson.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/domain/matrix/verdict.h"
#include "lib/domain/matrix/work_order.h"
#include "lib/domain/registry/index_file.h"
#include "lib/service/message/message_work.h"
#include "lib/service/message/worker_identity.h"
#include "lib/store/redis/matrix_store.h"
#include "services/build-matrix/commit/committer.h"
#include "services/build-matrix/dispatch/dispatcher.h"
#include "services/build-matrix/dispatch/hand_out.h"
#include "services/build-matrix/matrix_service.h"
#include "tests/support/git/git_fixture.h"
#include "tests/support/small_registry.h"
#include "tests/support/temporary_folder.h"

#define OLD "0.15.14"
#define NEW "0.15.15"
#define PRELUDE "{\"prelude\":\"6.0.0\"}"

enum { PATIENCE_MS = 60000 };

struct matrix_fixture {
    struct fixture f; /* first: tests/store/fixture.h casts */
    struct git_fixture git;
    struct matrix_service service;
    struct worker_identity worker;
};

/* All versions in the registry at first; the compilers are OLD and NEW. */
static const char *const first_rows[] = {
    "arrays 1.0.0 [0.15.14] prelude >=6.0.0 <7.0.0",
    "effect 1.0.0 [0.15.14] prelude >=6.0.0 <7.0.0",
    "maybe 1.0.0 [0.15.14] prelude >=6.0.0 <7.0.0",
    "prelude 6.0.0 [0.15.14 0.15.15]",
};

/* ---- The registry ---- */

static inline void write_package(const struct matrix_fixture *m, const struct indexed_package *package) {
    struct temporary_folder folder = {0};
    struct text text = {0};
    char path[INDEX_PATH_MAX + 40];
    snprintf(folder.path, sizeof folder.path, "%s", m->git.folder);
    if (package->metadata) {
        metadata_append_file(&text, package->metadata);
        snprintf(path, sizeof path, "registry/metadata/%s.json", package->name);
        temporary_folder_write(&folder, path, text_view(&text));
    }
    text_clear(&text);
    for (size_t i = 0; i < package->version_count; i++) {
        manifest_append_line(&text, package->versions[i].manifest);
        text_append_character(&text, '\n');
    }
    char index_path[INDEX_PATH_MAX];
    index_file_path(package->name, index_path);
    snprintf(path, sizeof path, "registry-index/%s", index_path);
    if (package->version_count > 0) temporary_folder_write(&folder, path, text_view(&text));
    text_release(&text);
}

/* Replaces the content of both repositories by these rows (tests/support/small_registry.h); the service has not seen the
 * change yet. */
static inline void write_registry(struct matrix_fixture *m, const char *const *rows, size_t count) {
    struct manifest_index *index = small_registry_create(rows, count);
    git_script(&m->git, "for repo in registry registry-index; do mkdir -p $repo; if [ -d $repo.git ]; then"
                        " git -C $repo fetch -q ../$repo.git HEAD; git -C $repo reset -q --hard FETCH_HEAD; fi;"
                        " find $repo -mindepth 1 -maxdepth 1 ! -name .git -exec rm -r {} +; done");
    for (uint32_t id = 0; id < manifest_index_package_count(index); id++)
        write_package(m, manifest_index_package(index, id));
    git_script(&m->git, "push_files registry.git; push_files registry-index.git");
    manifest_index_free(index);
}

static inline void refresh(struct matrix_fixture *m) {
    struct fixture *f = &m->f;
    struct deadline deadline;
    deadline_start(&deadline, PATIENCE_MS);
    assert_ok(registry_view_refresh(m->service.repositories.view, &deadline, &f->err));
}

/* The compilers of version 1.0.0 of the package at the head of the registry, separated by blanks. */
static inline const char *compilers_of(struct matrix_fixture *m, const char *package) {
    struct fixture *f = &m->f;
    const char *file = git_output(&m->git, "git -C registry.git cat-file blob HEAD:metadata/%s.json", package);
    struct metadata metadata;
    struct text text = {0};
    assert_ok(metadata_parse(&metadata, file, strlen(file), &f->arena, &f->err));
    const struct published_version *published = metadata_find_published(&metadata, (struct version){.major = 1});
    for (size_t i = 0; i < published->compiler_count; i++) {
        char compiler[VERSION_TEXT_MAX];
        version_print(published->compilers[i], compiler);
        text_append_format(&text, "%s%s", i ? " " : "", compiler);
    }
    const char *copy = arena_copy(&f->arena, text_view(&text));
    text_release(&text);
    return copy;
}

static inline int count_commits(struct matrix_fixture *m, const char *repository) {
    return atoi(git_output(&m->git, "git -C %s.git rev-list --count HEAD", repository));
}

/* ---- The service ---- */

static inline int start_matrix(void **state) {
    struct matrix_fixture *m = memory_alloc(sizeof *m);
    m->f.server = redis_server_start();
    connect_fixture(&m->f);
    *state = m;
    return 0;
}

static inline int stop_matrix(void **state) {
    return stop_fixture(state);
}

static inline void support_compilers(struct matrix_fixture *m) {
    struct fixture *f = &m->f;
    struct version compilers[2];
    assert_ok(version_parse(&compilers[0], OLD, &f->err));
    assert_ok(version_parse(&compilers[1], NEW, &f->err));
    assert_ok(compiler_list_write(f->store, compilers, 2, &f->err));
}

/* Before each test. */
static inline int open_service(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    empty_fixture(state);
    git_fixture_make(&m->git);
    write_registry(m, first_rows, sizeof first_rows / sizeof *first_rows);
    setenv("STATE_DIR", m->git.folder, true);
    setenv("REDIS_URL", redis_server_url(f->server), true);
    m->service = (struct matrix_service){0};
    assert_ok(settings_load(&m->service.settings, PROGRAM_BUILD_MATRIX, &f->err));
    assert_ok(matrix_service_init(&m->service, &f->err));
    support_compilers(m);
    worker_identity_make(&m->worker, "a-test");
    return 0;
}

/* After each test. */
static inline int close_service(void **state) {
    struct matrix_fixture *m = *state;
    matrix_service_stop(&m->service);
    matrix_service_release(&m->service);
    git_fixture_remove(&m->git);
    return 0;
}

#define matrix_test(name) cmocka_unit_test_setup_teardown(name, open_service, close_service)

/* ---- Jobs ---- */

/* Accepts a wave's build of 1.0.0 of the package with NEW; its plan is prelude unless another one is given. */
static inline const char *accept_build(struct matrix_fixture *m, const char *package, const char *plan,
                                       enum matrix_purpose purpose) {
    struct job_request request = matrix_of(package, NEW);
    if (plan) request.payload = plan;
    request.purpose = purpose;
    return arena_copy(&m->f.arena, accept_job(&m->f, &request).id);
}

static inline const char *accept_wave_build(struct matrix_fixture *m, const char *package) {
    return accept_build(m, package, NULL, MATRIX_PURPOSE_WAVE);
}

/* The work order in a message. */
static inline struct work_order read_work(struct matrix_fixture *m, const struct message *message) {
    struct fixture *f = &m->f;
    struct work_order work;
    assert_int_equal(message->tag, MESSAGE_work_order);
    assert_ok(message_read_work(&work, &message->work_order, &f->arena, &f->err));
    return work;
}

/* The work given to a worker when all workers together have `slots` slots; without jobs if there is none. */
static inline struct work_order take_work(struct matrix_fixture *m, size_t slots) {
    struct fixture *f = &m->f;
    const char *compilers[] = {NEW};
    const struct hand_out_request request = {
        .worker = m->worker.name, .compilers = compilers, .compiler_count = 1, .slots = slots};
    struct message message;
    assert_ok(hand_out(&message, &m->service, f->store, &request, &f->arena, &f->err));
    return message.tag == MESSAGE_done ? (struct work_order){0} : read_work(m, &message);
}

/* Takes the only ready job. */
static inline struct build_job take_build(struct matrix_fixture *m) {
    const struct work_order work = take_work(m, 1);
    assert_int_equal(work.job_count, 1);
    return work.jobs[0];
}

static inline struct lease lease_of(const struct build_job *build) {
    struct lease lease = {.fence = build->fence};
    memcpy(lease.job_id, build->job_id, sizeof lease.job_id);
    return lease;
}

static inline void expect_state(struct matrix_fixture *m, const char *id, enum job_state state) {
    const struct job job = get_job(&m->f, id);
    if (job.state != state) fail_msg("%s is %s: %s", job.package, job_state_text(job.state), job.error ? job.error : "");
}

static inline void expect_failed(struct matrix_fixture *m, const char *id, const char *verdict, const char *sentence) {
    expect_state(m, id, JOB_STATE_FAILED);
    const struct job job = get_job(&m->f, id);
    assert_string_equal(job.error, sentence);
    if (verdict) assert_string_equal(job.verdict, verdict);
    if (!verdict) assert_null(job.verdict);
}

/* The lines of the job's log, each on its own line. */
static inline const char *log_of(struct matrix_fixture *m, const char *id) {
    return print_log(&m->f, id, false);
}

static inline void start_committer(struct matrix_fixture *m) {
    struct fixture *f = &m->f;
    assert_ok(committer_create(&m->service.committer, &m->service, &f->err));
}

/* The value of one sample among the service's metrics; its threads are running. */
static inline double metric_of(struct matrix_fixture *m, const char *sample) {
    struct metrics *metrics = metrics_create();
    struct text text = {0};
    matrix_service_measure(&m->service, metrics);
    metrics_append_prometheus(&text, metrics);
    const char *at = text_view(&text);
    size_t length = strlen(sample);
    while (at && (strncmp(at, sample, length) != 0 || at[length] != ' '))
        if ((at = strchr(at, '\n'))) at++;
    if (!at) fail_msg("There is no %s in\n%s", sample, text_view(&text));
    double value = atof(at + length);
    text_release(&text);
    metrics_free(metrics);
    return value;
}

#endif
