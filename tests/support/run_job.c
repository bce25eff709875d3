/* SPDX-License-Identifier: BSD-3-Clause
 *
 * run-job REDIS_URL: runs jobs in place of a service, one at a time, as standard input says; for tests of the clients that read
 * their logs. Each line is a command. It is answered on standard output, when Redis has it, by the id of the job:
 *
 *   begin PACKAGE       accepts a job that publishes this package, and claims it
 *   write COUNT TEXT    adds this number of lines to its log: TEXT, a blank, and the line's number, which counts from 1
 *   end                 ends it: it has succeeded
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/store/job/job_store.h"
#include "lib/store/job/log_stream.h"

enum { LEASE_MS = 3600000, TIMEOUT_MS = 60000, LINES_LIMIT = 1000000, BYTES_LIMIT = 256 << 20, LINES_AT_ONCE = 200 };

/* The job. */
struct work {
    struct job_store *store;
    char id[UUID_TEXT_MAX];
    struct lease lease;
    int number; /* of its last line */
};

static void must(enum status status, const struct error *err) {
    if (!status) return;
    fprintf(stderr, "run-job: %s\n", err->message);
    exit(1);
}

static void begin(struct work *work, const char *package) {
    struct error err;
    struct arena arena = {0};
    struct job_accepted accepted;
    struct job job;
    struct job_request request = {
        .kind = JOB_KIND_PUBLISH, .payload = "{}", .package = package, .version = "1.0.0", .actor = "anonymous"};
    hash_random_uuid(request.id);
    must(job_store_accept(work->store, &request, NULL, &accepted, &err), &err);
    memcpy(work->id, accepted.id, sizeof work->id);
    must(job_store_claim(work->store, work->id, "test", LEASE_MS, &arena, &work->lease, &job, &err), &err);
    work->number = 0;
    arena_release(&arena);
}

static void write_lines(struct work *work, int count, const char *text) {
    struct log_line lines[LINES_AT_ONCE];
    struct error err;
    for (int last = work->number + count; work->number < last;) {
        struct arena arena = {0};
        size_t taken = 0;
        for (; taken < LINES_AT_ONCE && work->number < last; taken++) {
            const char *message = arena_format(&arena, "%s %d", text, ++work->number);
            lines[taken] = (struct log_line){
                .level = LOG_INFO, .message = message, .time_ms = clock_now_ms(), .attempt = 1, .number = work->number};
        }
        must(log_stream_append(work->store, &work->lease, lines, taken, LINES_LIMIT, BYTES_LIMIT, &err), &err);
        arena_release(&arena);
    }
}

static void end(struct work *work) {
    struct error err;
    must(job_store_finish(work->store, &work->lease, &(struct job_end){.success = true}, &err), &err);
}

static void carry_out(struct work *work, const char *command) {
    char *text;
    if (strncmp(command, "begin ", 6) == 0) {
        begin(work, command + 6);
    } else if (strncmp(command, "write ", 6) == 0) {
        long count = strtol(command + 6, &text, 10);
        write_lines(work, (int)count, text + strspn(text, " "));
    } else if (strcmp(command, "end") == 0) {
        end(work);
    } else {
        fprintf(stderr, "run-job: '%s' is no command.\n", command);
        exit(2);
    }
    puts(work->id);
    fflush(stdout);
}

int main(int argc, char **argv) {
    struct work work = {0};
    struct error err;
    char *line = NULL;
    size_t size = 0;
    if (argc != 2) {
        fputs("usage: run-job REDIS_URL\n", stderr);
        return 2;
    }
    log_configure("run-job", LOG_ERROR);
    must(job_store_create(&work.store, argv[1], TIMEOUT_MS, &err), &err);
    while (getline(&line, &size, stdin) > 0) {
        line[strcspn(line, "\n")] = '\0';
        carry_out(&work, line);
    }
    free(line);
    job_store_free(work.store);
    return 0;
}
