/* SPDX-License-Identifier: BSD-3-Clause
 *
 * `registryctl workers` and `registryctl matrix` (except --verify: matrix_verify.c): queries to the build-matrix service by
 * messages (service_line.h).
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "ops/registryctl/command.h"
#include "ops/registryctl/gateway.h"
#include "ops/registryctl/matrix.h"
#include "ops/registryctl/service_line.h"

enum {
    LINE_EVERY_POLLS = 10, /* if the output is no terminal */
    BAR_WIDTH = 30,
};

static long long number_of(const json_t *object, const char *key) {
    return (long long)json_integer_value(json_object_get(object, key));
}

/* ---- Workers ---- */

static void print_workers(const json_t *workers) {
    const json_t *worker;
    size_t i;
    if (json_array_size(workers) == 0) {
        puts("No build worker is registered.");
        return;
    }
    printf("%-40s %7s %-24s %s\n", "worker", "busy", "heard of", "compilers");
    json_array_foreach((json_t *)workers, i, worker)
        printf("%-40s %3lld/%-3lld %-24s %s\n", gateway_text(worker, "worker"), number_of(worker, "busySlots"),
               number_of(worker, "slots"), gateway_text(worker, "seen"), gateway_text(worker, "compilers"));
}

enum status command_workers(struct invocation *call, struct error *err) {
    struct service_line line = {0};
    json_t *workers = NULL;
    (void)call;
    enum status status = service_line_open(&line, SERVICE_BUILD_MATRIX, err);
    if (!status) status = service_line_ask(&line, &(struct message){.tag = MESSAGE_workers_query}, &workers, err);
    if (!status) print_workers(workers);
    json_decref(workers);
    service_line_close(&line);
    return status;
}

/* ---- One version ---- */

static void print_cells(const json_t *version) {
    const json_t *cell;
    size_t i;
    printf("%s@%s, published %s; versions that depend on it: %lld\n\n", gateway_text(version, "name"),
           gateway_text(version, "version"), gateway_text(json_object_get(version, "metadata"), "publishedTime"),
           number_of(version, "dependants"));
    printf("%-12s %-10s %-20s %-24s %s\n", "compiler", "state", "verdict", "time", "job");
    json_array_foreach(json_object_get(version, "matrix"), i, cell)
        printf("%-12s %-10s %-20s %-24s %s\n", gateway_text(cell, "compiler"), gateway_text(cell, "state"),
               gateway_text(cell, "verdict"), gateway_text(cell, "time"), gateway_text(cell, "jobId"));
}

static enum status show_version(struct service_line *line, struct invocation *call, struct error *err) {
    char *name = arena_copy(&call->arena, call->arguments[0]), *at = strchr(name, '@');
    json_t *version = NULL;
    if (!at || at == name || !at[1])
        return wrong_call(call, err, "\"%s\" is not of the form NAME@VERSION.", call->arguments[0]);
    *at = '\0';
    const struct message request = {.tag = MESSAGE_package_query, .package_query = {.name = name, .version = at + 1}};
    enum status status = service_line_ask(line, &request, &version, err);
    if (!status) print_cells(version);
    json_decref(version);
    return status;
}

/* ---- One compiler ---- */

/* Formats like "2 h 5 min" or "12 s". */
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

/* Prints a line, with `is_redrawn` over the previous one. */
static void print_progress(const json_t *progress, bool is_redrawn) {
    long long ended = 0, left = number_of(progress, "pending") + number_of(progress, "running");
    const char *verdict;
    const json_t *count;
    char took[32];
    json_object_foreach(json_object_get(progress, "ended"), verdict, count) ended += (long long)json_integer_value(count);
    if (is_redrawn) printf("\r\033[K");
    print_bar(ended, ended + left);
    printf("%s: %lld of %lld versions have it; %lld pending, %lld running", gateway_text(progress, "compiler"),
           number_of(progress, "succeeded"), number_of(progress, "published"), number_of(progress, "pending"),
           number_of(progress, "running"));
    json_object_foreach(json_object_get(progress, "ended"), verdict, count)
        printf(", %lld %s", (long long)json_integer_value(count), verdict);
    if (json_object_get(progress, "estimateMs")) printf("; about %s left", duration(number_of(progress, "estimateMs"), took));
    if (!is_redrawn) putchar('\n');
    fflush(stdout);
}

/* After all jobs have ended, more may follow while the service is planning. */
static bool has_more(const json_t *progress) {
    return number_of(progress, "pending") + number_of(progress, "running") > 0 ||
           json_is_true(json_object_get(progress, "isBeingPlanned"));
}

static enum status show_compiler(struct service_line *line, const char *compiler, bool follows, struct error *err) {
    const struct message request = {.tag = MESSAGE_matrix_query, .matrix_query = {.compiler = compiler}};
    bool is_terminal = isatty(STDOUT_FILENO), is_over = false;
    for (int polls = 0; !is_over; polls++) {
        json_t *progress = NULL;
        enum status status = service_line_ask(line, &request, &progress, err);
        if (status) return status;
        is_over = !follows || !has_more(progress);
        if (is_over || is_terminal || polls % LINE_EVERY_POLLS == 0) print_progress(progress, follows && is_terminal);
        json_decref(progress);
        if (!is_over) clock_sleep_ms(MATRIX_POLL_MS);
    }
    if (follows && is_terminal) putchar('\n');
    return STATUS_OK;
}

enum status command_matrix(struct invocation *call, struct error *err) {
    struct service_line line = {0};
    const char *compiler = take_option(call, "compiler"), *count = take_option(call, "verify");
    bool follows = take_flag(call, "follow");
    if (!compiler && !count && call->count == 0)
        return wrong_call(call, err, "One of NAME@VERSION, --compiler and --verify is required.");
    if ((call->count > 0 && (compiler || count)) || (follows && (count || !compiler)))
        return wrong_call(call, err, "NAME@VERSION takes no options, and --follow needs --compiler.");
    enum status status = service_line_open(&line, SERVICE_BUILD_MATRIX, err);
    if (!status && call->count > 0)
        status = show_version(&line, call, err);
    else if (!status && count)
        status = matrix_verify(&line, call, count, compiler, err);
    else if (!status)
        status = show_compiler(&line, compiler, follows, err);
    service_line_close(&line);
    return status;
}
