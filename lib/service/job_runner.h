/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Carries jobs out: `slots` threads that each claim one job, run its handler and end it, and one more that renews the leases,
 * writes the log lines, looks for jobs that no message announced, and takes back what other runners lost. Where STORAGE_DIR is
 * set, a third moves finished jobs there when their time in Redis is over.
 *
 * What a handler's status means for its job:
 *   STATUS_OK          succeeded, with what it left in job_run.end
 *   STATUS_STALE       the lease is lost: nothing more is written, whoever holds it now goes on
 *   STATUS_CANCELLED   a drain: handed back, to be run again by the next process
 *   STATUS_BUSY        with job_run.awaited: handed back, to be run again when those jobs have ended
 *   temporary (status_is_temporary) or STATUS_INTERNAL, after job_run_record(): tried again with backoff, operators are told
 *   any with err->trouble (lib/base/error.h), before that: put back, and tried again with backoff for as long as the job may
 *                      take; no attempt is counted, and operators are told
 *   anything else      failed; err->message becomes the last line of its log, at ERROR
 * Where the deadline was raised, its reason counts instead of the failure that it led to.
 *
 * Redis may go away at any time: handlers go on, their lines wait in memory, and an end is tried again until Redis has it. A
 * lease counts as lost when Redis has not answered for its length.
 */
#ifndef LIB_SERVICE_JOB_RUNNER_H
#define LIB_SERVICE_JOB_RUNNER_H

#include "lib/base/arena.h"
#include "lib/base/deadline.h"
#include "lib/base/error.h"
#include "lib/base/settings.h"
#include "lib/store/job_store.h"

struct earlier_publication;
struct job_runner;
struct registry_change;
struct registry_repo;
struct job_log;

/* One run of one job; belongs to the slot's thread. */
struct job_run {
    struct job job; /* as it was claimed; job.record is set where an earlier run got that far */
    struct lease lease;
    struct job_store *store;  /* this slot's connection */
    struct arena arena;       /* freed when the run ends */
    struct deadline deadline; /* of the job's kind; raised at a drain's end and when the lease is lost */
    int64_t lease_ms;         /* how long the lease holds once it is renewed */
    struct job_log *log;
    const char *work_folder; /* for the handler to set: removed once the job's end is written, so that nobody waits for that */
    struct job_end end;      /* for the handler to fill: documentation, event; its texts in `arena` */
    const char *const *awaited; /* for a handler that answers STATUS_BUSY: the jobs whose end this one is to wait for; it has
                                   no record yet (lib/store/job_waiting.h) */
    size_t awaited_count;
    bool has_record; /* outside writes have begun, in this run or an earlier one */
};

struct job_handler {
    enum job_kind kind;
    int64_t timeout_ms;
    enum status (*run)(void *context, struct job_run *run, struct error *err);
};

/* `handlers` ends with a row whose `run` is NULL; borrowed, like `context` and `settings`, until job_runner_free(). */
CHECK_RESULT enum status job_runner_create(struct job_runner **out, const struct settings *settings, const char *name,
                                           int slots, const struct job_handler *handlers, void *context, struct error *err);

/* The message for a job came: try it now, or as soon as a slot is free. Any thread; never blocks. */
void job_runner_announce(struct job_runner *runner, const char *job_id);

/* How often so far operators had to be told (lib/store/README.md: a job that runners lost three times, one that cannot be
 * brought to its end). Each is in the program's log at ERROR. Any thread. */
int64_t job_runner_alarms(const struct job_runner *runner);

/* How many jobs it can carry out at once, and how many it does now. Any thread. */
int job_runner_slots(const struct job_runner *runner);
int job_runner_busy_slots(struct job_runner *runner);

/* Takes no more jobs, lets those that run go on for up to `drain_ms`, hands the rest back, writes all lines, and frees. */
void job_runner_free(struct job_runner *runner, int64_t drain_ms);

/* Adds a line to the job's log (written within some milliseconds, in order, before the job's end); a line break at the end of a
 * text is left out. Any thread of the run. */
void job_run_log(struct job_run *run, enum log_level level, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* To be called right before each outside write that may take `needed_ms`: STATUS_STALE when the lease does not last that long,
 * renewed or not; STATUS_CANCELLED at a drain's end. Waits for Redis while the lease may still hold. */
CHECK_RESULT enum status job_run_guard(struct job_run *run, int64_t needed_ms, struct error *err);

/* Keeps in the job the commit that its ref resolved to: run->job.commit of every later run. */
CHECK_RESULT enum status job_run_keep_commit(struct job_run *run, const char *commit, struct error *err);

/* Keeps in the job who was proved to have asked for it, as job_store_identify() says; run->job.actor from here on (the text is
 * borrowed). */
CHECK_RESULT enum status job_run_identify(struct job_run *run, const struct job_identity *identity, char done_by[UUID_TEXT_MAX],
                                          struct error *err);

/* Keeps in the job, for whoever asks what it has done, the commit that this change, which succeeded, made in that repository
 * ("registry", "index"): now, or in an earlier run, from whose record this one goes on. */
CHECK_RESULT enum status job_run_add_commit(struct job_run *run, const char *name, struct registry_repo *repo,
                                            const struct registry_change *change, struct error *err);

/* The unfinished publications of these packages that were accepted before this job (lib/store/job_waiting.h), and any job, in
 * the run's arena. Both wait for Redis while the lease may still hold. */
CHECK_RESULT enum status job_run_list_earlier(struct job_run *run, const char *const *packages, size_t package_count,
                                              struct earlier_publication **out, size_t *count, struct error *err);
CHECK_RESULT enum status job_run_get_job(struct job_run *run, const char *id, struct job *out, struct error *err);

/* Keeps in the job what is going to be written outside; from here on it is never failed by time or attempts. STATUS_CONFLICT:
 * an earlier run has kept another record. Waits for Redis while the lease may still hold. */
CHECK_RESULT enum status job_run_record(struct job_run *run, const char *record, struct error *err);

#endif
