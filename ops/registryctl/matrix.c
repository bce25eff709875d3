/* SPDX-License-Identifier: BSD-3-Clause
 *
 * `registryctl workers` and `registryctl matrix`: asked of the build-matrix service by its own messages, so on a machine that
 * reaches BUILD_MATRIX_ADDRESS, with SERVICE_KEY where that needs one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/json.h"
#include "lib/base/settings.h"
#include "lib/base/text.h"
#include "lib/domain/job.h"
#include "lib/service/message_client.h"
#include "lib/store/job_store.h"
#include "ops/registryctl/command.h"

enum {
    TIMEOUT_MS = 10000,
    POLL_MS = 500,
    LINE_EVERY_POLLS = 10, /* where the output is no terminal */
    BAR_WIDTH = 30,
    VERIFY_PATIENCE_POLLS = 7200,
};

/* The service, and what is asked of it. */
struct matrix_line {
    struct settings settings;
    struct message_client *client;
};

static enum status open_line(struct matrix_line *line, struct error *err) {
    enum status status = settings_load(&line->settings, PROGRAM_BUILD_MATRIX, err);
    if (status) return status;
    const struct message_client_options options = {.address = line->settings.build_matrix_address,
                                                   .service_key = line->settings.service_key};
    return message_client_create(&line->client, &options, err);
}

static void close_line(struct matrix_line *line) {
    message_client_free(line->client);
    settings_release(&line->settings);
}

/* The answer's JSON; the caller owns it. */
static enum status ask(struct matrix_line *line, const struct message *request, json_t **out, struct error *err) {
    struct arena arena = {0};
    struct message answer;
    enum status status = message_client_call(line->client, request, TIMEOUT_MS, &arena, &answer, err);
    if (!status && (answer.tag != MESSAGE_json_answer || !answer.json_answer.json))
        status = error_set(err, STATUS_INTERNAL, "The service answers something else than was asked.");
    if (!status) status = json_read(out, answer.json_answer.json, strlen(answer.json_answer.json), "The answer", err);
    if (status == STATUS_UNAVAILABLE)
        status = error_set(err, status, "The build-matrix service at %s cannot be asked: %s",
                           line->settings.build_matrix_address, err->message);
    arena_release(&arena);
    return status;
}

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static long long number_of(const json_t *object, const char *key) {
    return (long long)json_integer_value(json_object_get(object, key));
}

static void wait_a_little(void) {
    nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000}, NULL);
}

/* ---- Workers ---- */

static void print_workers(const json_t *workers) {
    const json_t *worker;
    size_t i;
    if (json_array_size(workers) == 0) {
        puts("There is no build worker now.");
        return;
    }
    printf("%-40s %7s %-24s %s\n", "worker", "busy", "heard of", "compilers");
    json_array_foreach((json_t *)workers, i, worker)
        printf("%-40s %3lld/%-3lld %-24s %s\n", text_of(worker, "worker"), number_of(worker, "busySlots"),
               number_of(worker, "slots"), text_of(worker, "seen"), text_of(worker, "compilers"));
}

enum status command_workers(struct invocation *call, struct error *err) {
    struct matrix_line line = {0};
    json_t *workers = NULL;
    enum status status = finish_arguments(call, err);
    if (status) return status;
    status = open_line(&line, err);
    if (!status) status = ask(&line, &(struct message){.tag = MESSAGE_workers_query}, &workers, err);
    if (!status) print_workers(workers);
    json_decref(workers);
    close_line(&line);
    return status;
}

/* ---- One version ---- */

static void print_cells(const json_t *package) {
    const json_t *cell;
    size_t i;
    printf("%-12s %-10s %-20s %-24s %s\n", "compiler", "state", "verdict", "time", "job");
    json_array_foreach(json_object_get(package, "matrix"), i, cell)
        printf("%-12s %-10s %-20s %-24s %s\n", text_of(cell, "compiler"), text_of(cell, "state"), text_of(cell, "verdict"),
               text_of(cell, "time"), text_of(cell, "jobId"));
}

static enum status show_version(struct matrix_line *line, struct invocation *call, struct error *err) {
    char *name = arena_copy(&call->arena, call->arguments[0]), *at = strchr(name, '@');
    json_t *package = NULL;
    if (!at || at == name || !at[1])
        return wrong_call(call, err, "\"%s\" is not of the form NAME@VERSION.", call->arguments[0]);
    *at = '\0';
    enum status status =
        ask(line, &(struct message){.tag = MESSAGE_package_query, .package_query = {.name = name, .version = at + 1}}, &package,
            err);
    if (!status) print_cells(package);
    json_decref(package);
    return status;
}

/* ---- One compiler ---- */

/* "2 h 5 min", "12 s" */
static const char *duration(long long ms, char out[32]) {
    long long seconds = ms / 1000;
    if (seconds >= 3600)
        snprintf(out, 32, "%lld h %lld min", seconds / 3600, seconds / 60 % 60);
    else if (seconds >= 60)
        snprintf(out, 32, "%lld min %lld s", seconds / 60, seconds % 60);
    else
        snprintf(out, 32, "%lld s", seconds);
    return out;
}

static void print_bar(long long done, long long all) {
    int filled = all > 0 ? (int)(done * BAR_WIDTH / all) : BAR_WIDTH;
    putchar('[');
    for (int i = 0; i < BAR_WIDTH; i++)
        putchar(i < filled ? '#' : '.');
    printf("] ");
}

/* A line; `is_redrawn` over the one before. */
static void print_progress(const json_t *progress, bool is_redrawn) {
    long long ended = 0, left = number_of(progress, "pending") + number_of(progress, "running");
    const char *verdict;
    const json_t *count;
    char took[32];
    json_object_foreach(json_object_get(progress, "ended"), verdict, count) ended += (long long)json_integer_value(count);
    if (is_redrawn) printf("\r\033[K");
    print_bar(ended, ended + left);
    printf("%s: %lld of %lld versions have it; %lld pending, %lld running", text_of(progress, "compiler"),
           number_of(progress, "succeeded"), number_of(progress, "published"), number_of(progress, "pending"),
           number_of(progress, "running"));
    json_object_foreach(json_object_get(progress, "ended"), verdict, count)
        printf(", %lld %s", (long long)json_integer_value(count), verdict);
    if (json_object_get(progress, "estimateMs")) printf("; about %s left", duration(number_of(progress, "estimateMs"), took));
    if (!is_redrawn) putchar('\n');
    fflush(stdout);
}

static enum status show_compiler(struct matrix_line *line, const char *compiler, bool follows, struct error *err) {
    const struct message request = {.tag = MESSAGE_matrix_query, .matrix_query = {.compiler = compiler}};
    bool is_terminal = isatty(STDOUT_FILENO), is_over = false;
    for (int polls = 0; !is_over; polls++) {
        json_t *progress = NULL;
        enum status status = ask(line, &request, &progress, err);
        if (status) return status;
        is_over = !follows || number_of(progress, "pending") + number_of(progress, "running") == 0;
        if (is_over || is_terminal || polls % LINE_EVERY_POLLS == 0) print_progress(progress, follows && is_terminal);
        json_decref(progress);
        if (!is_over) wait_a_little();
    }
    if (follows && is_terminal) putchar('\n');
    return STATUS_OK;
}

/* ---- Builds both ways ---- */

/* Waits for one job's end, and says what came of it. */
static enum status await_job(struct job_store *store, const char *id, size_t *agreed, size_t *differing, struct error *err) {
    for (int polls = 0; polls < VERIFY_PATIENCE_POLLS; polls++) {
        struct arena arena = {0};
        struct job job;
        enum status status = job_store_get(store, id, &arena, &job, err);
        bool is_over = !status && job_state_is_finished(job.state);
        if (is_over) {
            bool differs = text_equal(job.verdict, "differs");
            *agreed += job.verdict && !differs;
            *differing += differs;
            printf("%-10s %s@%s with %s: %s%s%s\n",
                   differs       ? "DIFFERS"
                   : job.verdict ? "agree"
                                 : "not told",
                   job.package, job.version, job.compiler, job.verdict ? job.verdict : "-", job.error ? ": " : "",
                   job.error ? job.error : "");
        }
        arena_release(&arena);
        if (status || is_over) return status;
        wait_a_little();
    }
    return error_set(err, STATUS_TIMEOUT, "The job %s does not end.", id);
}

static enum status verify(struct matrix_line *line, struct invocation *call, const char *count, const char *compiler,
                          struct error *err) {
    char *rest = NULL;
    long long number = strtoll(count, &rest, 10);
    json_t *jobs = NULL, *id;
    size_t i, agreed = 0, differing = 0;
    struct job_store *store = NULL;
    if (*rest || number < 1) return wrong_call(call, err, "--verify needs a number, how many builds.");
    const struct message request = {.tag = MESSAGE_matrix_verify, .matrix_verify = {.count = number, .compiler = compiler}};
    enum status status = job_store_create(&store, line->settings.redis_url, TIMEOUT_MS, err);
    if (!status) status = ask(line, &request, &jobs, err);
    json_array_foreach(jobs, i, id) {
        if (!status) status = await_job(store, json_string_value(id), &agreed, &differing, err);
    }
    if (!status)
        printf("%zu builds: %zu came out the same from the build store and from nothing, %zu differ.\n", json_array_size(jobs),
               agreed, differing);
    if (!status && (differing > 0 || agreed < json_array_size(jobs))) call->exit_status = 1;
    json_decref(jobs);
    job_store_free(store);
    return status;
}

enum status command_matrix(struct invocation *call, struct error *err) {
    struct matrix_line line = {0};
    const char *compiler = take_option(call, "--compiler"), *count = take_option(call, "--verify");
    bool follows = take_flag(call, "--follow", "-f");
    enum status status = finish_arguments(call, err);
    if (status) return status;
    if (!compiler && !count && call->count == 0) return wrong_call(call, err, "Something is missing.");
    status = open_line(&line, err);
    if (!status && call->count > 0)
        status = show_version(&line, call, err);
    else if (!status && count)
        status = verify(&line, call, count, compiler, err);
    else if (!status)
        status = show_compiler(&line, compiler, follows, err);
    close_line(&line);
    return status;
}
