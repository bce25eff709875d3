/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Common setup of the tests of whole build workers: a worker with the stand-in compiler, a stub of build-matrix that records
 * the messages it gets, and a storage with tarballs.
 */
#ifndef TESTS_UNIT_BUILD_WORKER_WORKER_SCENE_H
#define TESTS_UNIT_BUILD_WORKER_WORKER_SCENE_H

#include "services/build-worker/worker.h"

#include "tests/support/cmocka_all.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/clock.h"
#include "lib/base/folder.h"
#include "lib/base/text.h"
#include "lib/domain/matrix/work_order.h"
#include "lib/service/message/message_server.h"
#include "lib/service/message/message_work.h"
#include "lib/service/message/worker_identity.h"
#include "lib/tools/archive/archive.h"
#include "tests/support/s3/s3_server.h"
#include "tests/support/temporary_folder.h"

#define JOB "11111111-1111-4111-8111-111111111111"
#define OTHER_JOB "22222222-2222-4222-8222-222222222222"

enum {
    PATIENCE_MS = 60000,
    LONG_MS = 900000,
    TARBALL_BYTES_MAX = 1 << 20,
    SLOTS = 2,
    ASK_MS = 20, /* delay of the answer "there is no work", without which a worker would ask again at once */
};

/* The messages that the service got, and its answers. */
static struct matrix {
    pthread_mutex_t mutex; /* guards the fields below */
    struct text events;    /* a line each: `join 0.15.15 slots=2`, `end JOB succeeded REASON`, `return JOB`, `leave busy=1` */
    struct text lines;     /* `LEVEL text` of all jobs, in order of arrival */
    struct text work;      /* answer to the next request for work: a packed work_order; empty: none */
    const char *lost;      /* the job whose leases are lost; NULL: none */
    int64_t lease_ms;
    bool is_joined;                /* if false, requests for work are answered NOT_FOUND */
    enum status end_status;        /* answer to the next message, once */
    size_t asks, renewals, leases; /* leases: those in the last renewal */
} matrix;

static struct temporary_folder folder;
static struct arena arena;
static struct settings settings;
static struct build_environment environment;
static struct message_server *server;
static struct s3_server *storage;
static struct worker *worker;

/* ---- The service ---- */

static inline void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

static inline void note(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    text_append_format_list(&matrix.events, format, arguments);
    va_end(arguments);
    text_append_character(&matrix.events, '\n');
}

static inline enum status hear_join(void *context, const struct message *request, struct arena *memory, struct message *answer,
                                    struct error *err) {
    const struct message_worker_join *join = &request->worker_join;
    (void)context, (void)memory;
    enum status status = worker_identity_check(join->worker, join->secret, err);
    pthread_mutex_lock(&matrix.mutex);
    note("join %s slots=%d program=%s", join->compilers, (int)join->slots, join->program);
    matrix.is_joined = true;
    *answer = (struct message){.tag = MESSAGE_worker_welcome, .worker_welcome.lease_ms = matrix.lease_ms};
    pthread_mutex_unlock(&matrix.mutex);
    return status;
}

static inline enum status hear_leave(void *context, const struct message *request, struct arena *memory, struct message *answer,
                                     struct error *err) {
    (void)context, (void)memory, (void)answer, (void)err;
    pthread_mutex_lock(&matrix.mutex);
    note("leave busy=%d", (int)request->worker_leave.busy_slots);
    pthread_mutex_unlock(&matrix.mutex);
    return STATUS_OK;
}

static inline enum status hear_ask(void *context, const struct message *request, struct arena *memory, struct message *answer,
                                   struct error *err) {
    (void)context, (void)request;
    pthread_mutex_lock(&matrix.mutex);
    matrix.asks++;
    enum status status = matrix.is_joined ? STATUS_OK : error_set(err, STATUS_NOT_FOUND, "There is no such worker.");
    bool is_idle = !status && matrix.work.length == 0;
    if (!status && !is_idle) {
        status = message_unpack(MESSAGE_work_order, matrix.work.bytes, matrix.work.length, memory, answer, err);
        text_clear(&matrix.work);
    }
    pthread_mutex_unlock(&matrix.mutex);
    if (is_idle) poll(NULL, 0, ASK_MS);
    return status;
}

static inline enum status hear_renew(void *context, const struct message *request, struct arena *memory, struct message *answer,
                                     struct error *err) {
    (void)context, (void)err;
    const struct record_lease_list *leases = &request->leases_renew.leases;
    struct record_lease *lost = arena_alloc(memory, (leases->count + 1) * sizeof *lost);
    size_t count = 0;
    pthread_mutex_lock(&matrix.mutex);
    matrix.renewals++;
    matrix.leases = leases->count;
    for (size_t i = 0; i < leases->count; i++)
        if (text_equal(leases->items[i].job_id, matrix.lost)) lost[count++] = leases->items[i];
    pthread_mutex_unlock(&matrix.mutex);
    *answer = (struct message){.tag = MESSAGE_leases_renewed, .leases_renewed.lost = {lost, count}};
    return STATUS_OK;
}

static inline void note_lines(struct record_log_line_list lines) {
    for (size_t i = 0; i < lines.count; i++)
        text_append_format(&matrix.lines, "%s %s\n", lines.items[i].level, lines.items[i].text);
}

static inline enum status hear_log(void *context, const struct message *request, struct arena *memory, struct message *answer,
                                   struct error *err) {
    (void)context, (void)memory, (void)answer, (void)err;
    pthread_mutex_lock(&matrix.mutex);
    note_lines(request->build_log.lines);
    pthread_mutex_unlock(&matrix.mutex);
    return STATUS_OK;
}

static inline enum status hear_outcome(void *context, const struct message *request, struct arena *memory,
                                       struct message *answer, struct error *err) {
    const struct message_build_outcome *outcome = &request->build_outcome;
    (void)context, (void)memory, (void)answer;
    pthread_mutex_lock(&matrix.mutex);
    enum status status = matrix.end_status;
    matrix.end_status = STATUS_OK;
    if (!status) note_lines(outcome->lines);
    note("%s %s %s %s", status ? "refused" : "end", outcome->job_id, outcome->verdict, outcome->reason ? outcome->reason : "");
    pthread_mutex_unlock(&matrix.mutex);
    return status ? error_set(err, status, "Not now.") : STATUS_OK;
}

static inline enum status hear_return(void *context, const struct message *request, struct arena *memory,
                                      struct message *answer, struct error *err) {
    (void)context, (void)memory, (void)answer, (void)err;
    pthread_mutex_lock(&matrix.mutex);
    note("return %s", request->build_return.job_id);
    pthread_mutex_unlock(&matrix.mutex);
    return STATUS_OK;
}

static const struct message_handler matrix_handlers[] = {
    {MESSAGE_worker_join, .handle = hear_join},    {MESSAGE_worker_leave, .handle = hear_leave},
    {MESSAGE_build_ask, .handle = hear_ask},       {MESSAGE_leases_renew, .handle = hear_renew},
    {MESSAGE_build_log, .handle = hear_log},       {MESSAGE_build_outcome, .handle = hear_outcome},
    {MESSAGE_build_return, .handle = hear_return}, {0}};

/* ---- Checks ---- */

static inline bool has(const struct text *text, const char *words) {
    pthread_mutex_lock(&matrix.mutex);
    bool answer = strstr(text_view(text), words) != NULL;
    pthread_mutex_unlock(&matrix.mutex);
    return answer;
}

static inline size_t count_of(const size_t *number) {
    pthread_mutex_lock(&matrix.mutex);
    size_t count = *number;
    pthread_mutex_unlock(&matrix.mutex);
    return count;
}

static inline void await_event(const char *words) {
    for (int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS; !has(&matrix.events, words); poll(NULL, 0, 5))
        if (clock_monotonic_ms() > until_ms) fail_msg("There is no \"%s\" in\n%s", words, text_view(&matrix.events));
}

/* Waits until it has grown by `more`. */
static inline void await_more(const size_t *number, size_t more) {
    size_t wanted = count_of(number) + more;
    for (int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS; count_of(number) < wanted; poll(NULL, 0, 5))
        if (clock_monotonic_ms() > until_ms) fail_msg("only %zu of %zu came", count_of(number), wanted);
}

static inline void refuse_next_end(enum status status) {
    pthread_mutex_lock(&matrix.mutex);
    matrix.end_status = status;
    pthread_mutex_unlock(&matrix.mutex);
}

/* ---- Beginning and end ---- */

static inline void install_compiler(void) {
    struct text stand_in = {0};
    struct error err;
    temporary_folder_write(&folder, "compilers/readme", "");
    const char *path = arena_format(&arena, "%s/compilers/purs-0_15_15", folder.path);
    assert_int_equal(file_read(BUILD_DIR "/bin/purs-stand-in", 100000000, &stand_in, &err), STATUS_OK);
    assert_int_equal(file_write(path, stand_in.bytes, stand_in.length, &err), STATUS_OK);
    assert_int_equal(chmod(path, 0755), 0);
    text_release(&stand_in);
}

static inline void start_worker(void) {
    struct error err;
    if (worker_start(&worker, &settings, &environment, &err)) fail_msg("%s", err.message);
}

static inline void stop_worker(int64_t drain_ms) {
    if (!worker) return;
    worker_drain(worker, drain_ms);
    worker_free(worker);
    worker = NULL;
}

static inline int set_up(void **state) {
    struct error err;
    (void)state;
    temporary_folder_make(&folder);
    install_compiler();
    storage = s3_server_start();
    settings = (struct settings){
        .build_worker_address = arena_format(&arena, "ipc://%s/worker.ipc", folder.path),
        .build_slots = SLOTS,
        .build_dir = arena_format(&arena, "%s/build", folder.path),
        .build_store_dir = arena_format(&arena, "%s/store", folder.path),
        .compilers = arena_format(&arena, "%s/compilers", folder.path),
        .compiler_user = arena_copy(&arena, "nobody"),
        .build_store_bytes = 1 << 30,
        .package_cache_bytes = 1 << 30,
        .build_memory_bytes = INT64_C(6) << 30,
        .build_disk_bytes = INT64_C(2) << 30,
        .build_processes = 256,
    };
    matrix = (struct matrix){.lease_ms = 3000};
    pthread_mutex_init(&matrix.mutex, NULL);
    const struct message_server_options options = {.address = settings.build_worker_address, .peers = PEERS_WORKERS};
    if (message_server_create(&server, &options, matrix_handlers, NULL, &err)) fail_msg("%s", err.message);
    if (build_environment_init(&environment, &settings, true, &err)) fail_msg("%s", err.message);
    return 0;
}

static inline int set_up_and_start(void **state) {
    set_up(state);
    start_worker();
    return 0;
}

static inline int tear_down(void **state) {
    (void)state;
    stop_worker(0);
    message_server_free(server);
    build_environment_release(&environment);
    s3_server_stop(storage);
    text_release(&matrix.events);
    text_release(&matrix.lines);
    text_release(&matrix.work);
    pthread_mutex_destroy(&matrix.mutex);
    temporary_folder_remove(&folder);
    arena_release(&arena);
    return 0;
}

#define worker_test(name) cmocka_unit_test_setup_teardown(name, set_up_and_start, tear_down)

/* ---- Work ---- */

/* A package of one module, stored in storage. */
static inline struct build_package store_package(const char *name, const char *module) {
    struct text tarball = {0};
    struct error err;
    char *hash = arena_alloc(&arena, SHA256_SRI_MAX);
    const struct archive_item item = {"src/A.purs", module, strlen(module)};
    const char *top = arena_format(&arena, "%s-1.0.0", name);
    assert_int_equal(archive_pack(&tarball, folder.path, top, &item, 1, TARBALL_BYTES_MAX, &err), STATUS_OK);
    hash_sha256_sri(tarball.bytes, tarball.length, hash);
    s3_server_write_object(storage, arena_format(&arena, "%s/1.0.0.tar.gz", name), tarball.bytes, tarball.length);
    const struct build_package package = {name, {1, 0, 0}, hash, (int64_t)tarball.length, NULL, 0};
    text_release(&tarball);
    return package;
}

/* Gives it to the next slot that asks. */
static inline void give_order(const struct work_order *work) {
    struct message message;
    struct error err;
    message_write_work(&message, work, &arena);
    pthread_mutex_lock(&matrix.mutex);
    enum status status = message_pack(&message, &matrix.work, &err);
    pthread_mutex_unlock(&matrix.mutex);
    if (status) fail_msg("%s", err.message);
}

/* Gives a job for the package to the next slot that asks. */
static inline void give(const char *job_id, const struct build_package *package, const struct build_package *other) {
    struct build_job job = {.fence = 7, .attempt = 1, .how = BUILD_HOW_REUSE};
    memcpy(job.job_id, job_id, sizeof job.job_id);
    const struct work_order work = {.compiler = {0, 15, 15},
                                    .time_limit_ms = LONG_MS,
                                    .lease_ms = LONG_MS,
                                    .downloads = s3_server_public_url(storage),
                                    .packages = package,
                                    .package_count = 1,
                                    .jobs = &job,
                                    .job_count = 1,
                                    .others = other,
                                    .other_count = other != NULL};
    give_order(&work);
}

static inline void give_package(const char *job_id, const char *name, const char *module) {
    const struct build_package package = store_package(name, module);
    give(job_id, &package, NULL);
}

static inline void await_leases(size_t count) {
    for (int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS; count_of(&matrix.leases) != count; poll(NULL, 0, 5))
        if (clock_monotonic_ms() > until_ms) fail_msg("%zu leases are renewed", count_of(&matrix.leases));
}

/* A job that is being built until its worker is told to stop. */
static inline void give_endless(void) {
    give_package(JOB, "slow", "-- stand-in: sleep 1000000\nmodule A where\n");
    await_leases(1);
}

#endif
