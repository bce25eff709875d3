/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Prints a job's log: the lines that there are, or with `follow` the stream of its events until its end
 * (services/gateway/README.md, Live logs). A stream that breaks is taken up again after the last line that was printed. At a
 * terminal, a line on stderr shows meanwhile what the job does.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/text.h"
#include "lib/base/url.h"
#include "lib/tools/http/http_client.h"
#include "ops/registryctl/command.h"
#include "ops/registryctl/event_lines.h"
#include "ops/registryctl/gateway.h"

enum {
    IDLE_MS = 45000, /* three heartbeats */
    RETRY_MS = 1000, /* after a stream that broke */
    PROGRESS_MAX = 400,
};

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

static void print_line(const json_t *line) {
    printf("%s %-6s %s\n", gateway_text(line, "timestamp"), gateway_text(line, "level"), gateway_text(line, "message"));
}

static enum status end_of(const json_t *job, struct error *err) {
    if (strcmp(gateway_text(job, "state"), "failed") != 0) return STATUS_OK;
    const char *why = gateway_text(job, "error");
    return error_set(err, STATUS_REFUSED, "%s", *why ? why : "The job failed.");
}

/* ---- Without following ---- */

/* Prints all lines that there are, in as many answers as that takes: times increase strictly within a job, so the next answer
 * begins a millisecond after the last line. */
static enum status print_lines(struct invocation *call, const char *id, const char *level, struct error *err) {
    int64_t since_ms = 0;
    for (size_t count = 1; count > 0;) {
        char since[TIME_TEXT_MAX];
        json_t *lines = NULL, *line;
        struct text path = {0};
        time_print(since_ms, since);
        text_append(&path, gateway_job_path(&call->arena, "logs", id));
        url_append_parameter(&path, "level", level);
        url_append_parameter(&path, "since", since);
        enum status status = gateway_ask(call, path.bytes, NULL, 0, &lines, err);
        text_release(&path);
        if (status) return status;
        json_array_foreach(lines, count, line) {
            print_line(line);
            if (time_parse(gateway_text(line, "timestamp"), &since_ms)) since_ms++;
        }
        json_decref(lines);
    }
    fflush(stdout);
    return STATUS_OK;
}

/* A finished job has all its lines, so the state is queried before the lines. */
static enum status print_log(struct invocation *call, const char *id, const char *level, struct error *err) {
    json_t *job = NULL;
    enum status status = gateway_ask(call, gateway_job_path(&call->arena, "status", id), NULL, 0, &job, err);
    if (!status) status = print_lines(call, id, level, err);
    if (!status) status = end_of(job, err);
    json_decref(job);
    return status;
}

/* ---- Following ---- */

struct follower {
    struct event_lines events;
    char cursor[80];             /* of the last line that was printed; "": none */
    json_t *end;                 /* the data of the event `end`; NULL: it has not come */
    bool has_progress;           /* stderr is a terminal */
    char progress[PROGRESS_MAX]; /* what the job does, without the time */
    int64_t since_ms;            /* monotonic: since when it does so */
};

static void clear_progress(const struct follower *follower) {
    if (follower->has_progress) fputs("\r\033[K", stderr);
}

/* http_stream.tick */
static void show_progress(void *context) {
    const struct follower *follower = context;
    if (!follower->has_progress || !*follower->progress) return;
    fprintf(stderr, "\r\033[K%.70s, %lld s", follower->progress,
            (long long)((clock_monotonic_ms() - follower->since_ms) / 1000));
    fflush(stderr);
}

/* "pending: 3 ahead, starts in about 12 s" */
static void note_state(struct follower *follower, const json_t *job) {
    const json_t *queue = json_object_get(job, "queue");
    const json_t *starts = json_object_get(queue, "startsInMs");
    struct text text = {0};
    text_append(&text, gateway_text(job, "state"));
    if (queue) text_append_format(&text, ": %lld ahead", (long long)json_integer_value(json_object_get(queue, "ahead")));
    size_t awaited = json_array_size(json_object_get(queue, "waitsFor"));
    if (awaited) text_append_format(&text, ", waits for %zu other job%s", awaited, awaited == 1 ? "" : "s");
    if (starts) text_append_format(&text, ", starts in about %lld s", (long long)json_integer_value(starts) / 1000);
    if (strcmp(text.bytes, follower->progress) != 0) follower->since_ms = clock_monotonic_ms();
    snprintf(follower->progress, sizeof follower->progress, "%s", text.bytes);
    text_release(&text);
}

static void take_event(void *context, const struct event_line *event) {
    struct follower *follower = context;
    json_t *data = NULL;
    if (json_read(&data, event->data, strlen(event->data), "The event", NULL)) return;
    gateway_clean(data);
    if (strcmp(event->name, "log") == 0) {
        print_line(data);
        snprintf(follower->cursor, sizeof follower->cursor, "%s", event->id);
    } else if (strcmp(event->name, "job") == 0) {
        note_state(follower, data);
    } else if (strcmp(event->name, "end") == 0) {
        json_decref(follower->end);
        follower->end = json_incref(data);
    }
    json_decref(data);
}

/* http_stream.take */
static bool take_part(void *context, const char *bytes, size_t length) {
    struct follower *follower = context;
    clear_progress(follower);
    event_lines_add(&follower->events, bytes, length, take_event, follower);
    fflush(stdout);
    show_progress(follower);
    return true;
}

/* Reads the stream once, from the last line on. */
static enum status read_stream(struct invocation *call, struct follower *follower, const char *id, const char *level,
                               bool *is_over, struct error *err) {
    const struct http_stream stream = {.take = take_part, .tick = show_progress, .context = follower, .idle_ms = IDLE_MS};
    struct text path = {0};
    event_lines_release(&follower->events);
    text_append_format(&path, "/api/v1%s/events", gateway_job_path(&call->arena, "jobs", id));
    url_append_parameter(&path, "level", level);
    if (*follower->cursor) url_append_parameter(&path, "after", follower->cursor);
    enum status status = gateway_stream(call, path.bytes, &stream, is_over, err);
    text_release(&path);
    clear_progress(follower);
    return status;
}

/* Takes the stream up again until the job's end; gives up if there was no line for GATEWAY_PATIENCE_MS of failures. */
static enum status follow_log(struct invocation *call, struct follower *follower, const char *id, const char *level,
                              struct error *err) {
    int64_t failing_since_ms = 0;
    bool is_over = false;
    while (!follower->end && !is_over) {
        enum status status = read_stream(call, follower, id, level, &is_over, err);
        bool may_pass = status == STATUS_UNAVAILABLE || status == STATUS_TIMEOUT;
        if (status && !may_pass) return status;
        int64_t now_ms = clock_monotonic_ms();
        if (!status) failing_since_ms = 0;
        if (status && failing_since_ms == 0) {
            failing_since_ms = now_ms;
            fprintf(stderr, "registryctl: %s\nregistryctl: retrying\n", err->message);
        }
        if (status && now_ms - failing_since_ms > GATEWAY_PATIENCE_MS) return status;
        if (!follower->end && !is_over) clock_sleep_ms(RETRY_MS);
    }
    return follower->end ? end_of(follower->end, err) : STATUS_OK;
}

enum status job_print_log(struct invocation *call, const char *id, const char *level, bool follow, struct error *err) {
    if (!follow) return print_log(call, id, level, err);
    struct follower follower = {.has_progress = isatty(STDERR_FILENO) == 1};
    say_farewell_on_interrupt(call, id);
    enum status status = follow_log(call, &follower, id, level, err);
    json_decref(follower.end);
    event_lines_release(&follower.events);
    return status;
}
