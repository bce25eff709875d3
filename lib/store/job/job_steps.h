/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Shared by the files of this folder that store data in Redis: the connection in `struct job_store`, and the steps of
 * jobs/. Private to lib/store.
 */
#ifndef LIB_STORE_JOB_JOB_STEPS_H
#define LIB_STORE_JOB_JOB_STEPS_H

#include "lib/base/text.h"
#include "lib/store/job/job_store.h"
#include "lib/store/redis/redis.h"

enum {
    JOB_PLACES_PER_MS = 1024, /* a job's place is its createdAt times this, and a count within the millisecond */
    JOB_MEMORY_PERCENT = 90,  /* of maxmemory: above it no new jobs are accepted */
};

struct log_line;

struct job_store {
    struct redis *redis;
    struct redis_script script;        /* job_script.h */
    struct redis_script matrix_script; /* lib/store/redis/matrix.lua */
    char claim_token[UUID_TEXT_MAX];   /* of a claim that Redis did not answer; "": none */
    char reap_token[UUID_TEXT_MAX];    /* the same for a reap */
};

/* Runs one step of jobs/; the format begins with its name ("renew %s …"). A refusal by the step becomes a status with the
 * step's message. */
CHECK_RESULT enum status job_step(struct job_store *store, struct redis_reply **reply, struct error *err, const char *format,
                                  ...) __attribute__((format(printf, 4, 5)));
CHECK_RESULT enum status job_step_list(struct job_store *store, struct redis_reply **reply, struct error *err,
                                       const char *const *arguments, size_t count);

/* The same for the lease's holder: for a build worker's lease, the step reaches only builds that this worker holds. */
CHECK_RESULT enum status job_step_under(struct job_store *store, struct redis_reply **reply, struct error *err,
                                        const struct lease *lease, const char *const *arguments, size_t count);

/* Several steps in one round trip: each is added, then all are run, in their order; job_step_check() converts each reply to a
 * status. They must be repeatable (lib/store/redis/redis.h). */
void job_step_add(struct job_store *store, const char *format, ...) __attribute__((format(printf, 2, 3)));
void job_step_add_list(struct job_store *store, const char *const *arguments, size_t count);
CHECK_RESULT enum status job_steps_run(struct job_store *store, struct redis_reply **replies, struct error *err);
CHECK_RESULT enum status job_step_check(const struct redis_reply *reply, struct error *err);

/* One step of lib/store/redis/matrix.lua. */
CHECK_RESULT enum status matrix_step(struct job_store *store, struct redis_reply **reply, struct error *err, const char *format,
                                     ...) __attribute__((format(printf, 4, 5)));
CHECK_RESULT enum status matrix_step_list(struct job_store *store, struct redis_reply **reply, struct error *err,
                                          const char *const *arguments, size_t count);

/* In arguments of steps, the empty text is "none". */
static inline const char *job_step_text(const char *text) {
    return text ? text : "";
}

/* Converts lines to arguments of a step: number, time and text of each, in `out`, which has room for LOG_LINE_ARGUMENTS of
 * each; the texts are in the arena. Returns the number of arguments. (log_stream.c) */
enum { LOG_LINE_ARGUMENTS = 3 };
size_t log_lines_to_arguments(const char **out, const struct log_line *lines, size_t count, struct arena *arena);

/* Passes an entry of a log's stream to the selection, with its line if that is selected. (log_stream.c) */
struct log_selection;
void log_entry_take(struct log_selection *selection, const struct redis_reply *entry);

/* Prepares a text of people or programs for storage: blanks secrets and this machine's paths and private addresses, and
 * replaces bytes that are not UTF-8. */
void job_step_clean(struct text *text);

/* Fills `out` from the reply to HGETALL; its texts are copied to the arena. False: there is no such job, or its kind, state or
 * purpose is unknown. */
bool job_from_reply(const struct redis_reply *fields, const char *id, struct arena *arena, struct job *out);

#endif
