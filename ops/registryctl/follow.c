/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Prints a job's log. A finished job has all its lines, so the state is queried before the lines; the gateway holds the query
 * for lines until there is one. Times increase strictly within a job, so the next query starts one millisecond after the last
 * line, and no line is lost or printed twice, even if the connection breaks in between.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/base/url.h"
#include "ops/registryctl/command.h"
#include "ops/registryctl/gateway.h"

/* Ctrl-C ends registryctl, not the job: the farewell says how to resume. A signal handler can only reach static storage. */
static char farewell[512];

static void leave(int signal_number) {
    ssize_t ignored = write(STDERR_FILENO, farewell, strlen(farewell));
    (void)ignored;
    raise(signal_number); /* again, now with the default action */
}

static void say_farewell_on_interrupt(const struct invocation *call, const char *id) {
    struct sigaction action = {.sa_handler = leave, .sa_flags = (int)SA_RESETHAND};
    snprintf(farewell, sizeof farewell, "\nThe job continues: registryctl --gateway %s logs --follow %s\n", call->gateway, id);
    sigaction(SIGINT, &action, NULL);
}

/* Prints the lines and moves *since_ms past the last one. */
static void print_lines(const json_t *lines, int64_t *since_ms) {
    size_t index;
    json_t *line;
    json_array_foreach(lines, index, line) {
        int64_t time_ms;
        const char *time = gateway_text(line, "timestamp");
        printf("%s %-6s %s\n", time, gateway_text(line, "level"), gateway_text(line, "message"));
        if (time_parse(time, &time_ms)) *since_ms = time_ms + 1;
    }
    fflush(stdout);
}

static enum status end_of(const json_t *job, struct error *err) {
    if (strcmp(gateway_text(job, "state"), "failed") != 0) return STATUS_OK;
    const char *why = gateway_text(job, "error");
    return error_set(err, STATUS_REFUSED, "%s", *why ? why : "The job failed.");
}

/* The log's lines from `since_ms` on; `waits` for the next one if there is none. */
static const char *lines_path(struct arena *arena, const char *id, const char *level, int64_t since_ms, bool waits) {
    char since[TIME_TEXT_MAX];
    struct text path = {0};
    time_print(since_ms, since);
    text_append(&path, gateway_job_path(arena, "logs", id));
    url_append_parameter(&path, "level", level);
    url_append_parameter(&path, "since", since);
    url_append_parameter(&path, "wait", arena_format(arena, "%d", waits ? GATEWAY_WAIT_SECONDS : 0));
    const char *copy = arena_copy(arena, text_view(&path));
    text_release(&path);
    return copy;
}

enum status job_print_log(struct invocation *call, const char *id, const char *level, bool follow, struct error *err) {
    int64_t since_ms = 0, patience_ms = follow ? GATEWAY_PATIENCE_MS : 0;
    if (follow) say_farewell_on_interrupt(call, id);
    for (;;) {
        struct arena *arena = &call->arena;
        json_t *job = NULL, *lines = NULL;
        enum status status = gateway_ask(call, gateway_job_path(arena, "status", id), NULL, patience_ms, &job, err);
        bool is_finished = json_object_get(job, "finishedAt") != NULL, goes_on = follow && !is_finished;
        if (!status)
            status = gateway_ask(call, lines_path(arena, id, level, since_ms, goes_on), NULL, patience_ms, &lines, err);
        print_lines(lines, &since_ms);
        bool is_end = status || (json_array_size(lines) == 0 && !goes_on);
        if (!status && is_end) status = end_of(job, err);
        json_decref(lines);
        json_decref(job);
        if (is_end) return status;
    }
}
