/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Runs jobs: `slots` worker threads, each of which claims one job at a time, runs its handler and ends it; and a lease
 * thread that renews the leases, writes the log lines, looks for jobs that no message announced, and takes back expired leases.
 * If STORAGE_DIR is set, a retention thread moves finished jobs there when their time in Redis is over, and trims the events.
 *
 * The handler's status decides the job's outcome:
 *   STATUS_OK          succeeded, with the results in job_run.end
 *   STATUS_STALE       the lease is lost: nothing more is written, its new holder continues
 *   STATUS_CANCELLED   the drain's time is over: handed back, to be run again by the next process
 *   STATUS_BUSY        with job_run.awaited: handed back, to be run again when those jobs have ended
 *   temporary (status_is_temporary) or STATUS_INTERNAL, after job_run_record(): retried with backoff, operators are alerted
 *   any with err->trouble (lib/base/error.h), before that: put back and retried with backoff up to the job's time limit; no
 *                      attempt is counted, and operators are alerted
 *   anything else      failed; err->message becomes the last line of its log, at ERROR
 * If the deadline was cancelled, its reason counts instead of the failure that it led to.
 *
 * Redis may be unreachable at any time: handlers continue, their lines are buffered, and an end is retried until Redis has it.
 * A lease counts as lost when Redis has not answered for the length of the lease.
 */
#ifndef LIB_SERVICE_JOB_JOB_RUNNER_H
#define LIB_SERVICE_JOB_JOB_RUNNER_H

#include "lib/base/arena.h"
#include "lib/base/deadline.h"
#include "lib/base/error.h"
#include "lib/base/settings.h"
#include "lib/store/job/job_store.h"

struct earlier_publication;
struct job_runner;
struct registry_change;
struct registry_repo;
struct job_log;

/* One run of one job; belongs to the slot's thread. */
struct job_run {
    struct job job; /* as claimed; job.record is set if an earlier run stored one */
    struct lease lease;
    struct job_store *store;  /* this slot's connection */
    struct arena arena;       /* freed when the run ends */
    struct deadline deadline; /* the time limit of the job's kind; cancelled at a drain's end and when the lease is lost */
    int64_t lease_ms;         /* length of the lease after a renewal */
    struct job_log *log;
    const char *work_folder;    /* set by the handler: removed after the job's end is written, so that no client waits for it */
    struct job_end end;         /* filled by the handler: documentation, event; its texts in `arena` */
    const char *const *awaited; /* set by a handler that returns STATUS_BUSY: the jobs whose end this one must wait for; it has
                                   no record yet (lib/store/job/job_waiting.h) */
    size_t awaited_count;
    bool has_record;  /* outside writes have begun, in this run or an earlier one */
    bool is_readonly; /* READONLY: nothing may be written outside */
};

struct job_handler {
    enum job_kind kind;
    enum status (*run)(void *context, struct job_run *run, struct error *err);
};

/* `handlers` ends with a row whose `run` is NULL; borrowed, like `context` and `settings`, until job_runner_free(). The settings
 * have the time limit of each handler's kind (lib/domain/job/job_kinds.def). */
CHECK_RESULT enum status job_runner_create(struct job_runner **out, const struct settings *settings, const char *name,
                                           int slots, const struct job_handler *handlers, void *context, struct error *err);

/* For a job_accepted message: the job is claimed as soon as a slot is free. Any thread; never blocks. */
void job_runner_announce(struct job_runner *runner, const char *job_id);

/* The number of alarms so far (lib/store/README.md): a job whose runners were lost three times, a retry of a job that has begun
 * to write, a job that waits for a part of the registry. Each is in the program's log at ERROR. Any thread. */
int64_t job_runner_alarms(const struct job_runner *runner);

/* How many jobs can run at once, and how many run now. Any thread. */
int job_runner_slots(const struct job_runner *runner);
int job_runner_busy_slots(struct job_runner *runner);

/* Takes no more jobs, lets running ones continue for up to `drain_ms`, hands the rest back, writes all lines, and frees. */
void job_runner_free(struct job_runner *runner, int64_t drain_ms);

/* Adds a line to the job's log (written within some milliseconds, in order, before the job's end); line breaks at the end are
 * removed. Any thread of the run. */
void job_run_log(struct job_run *run, enum log_level level, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Must be called right before each outside write that may take `needed_ms`. STATUS_STALE: the lease does not last that long,
 * even if renewed; STATUS_CANCELLED: a drain's end. Retries while Redis is unreachable and the lease may still hold. */
CHECK_RESULT enum status job_run_guard(struct job_run *run, int64_t needed_ms, struct error *err);

/* Stores in the job the commit that its ref resolved to: run->job.commit of every later run. */
CHECK_RESULT enum status job_run_keep_commit(struct job_run *run, const char *commit, struct error *err);

/* Stores the requester's proven identity in the job, as job_store_identify() says; run->job.actor from here on (the text is
 * borrowed). */
CHECK_RESULT enum status job_run_identify(struct job_run *run, const struct job_identity *identity, char done_by[UUID_TEXT_MAX],
                                          struct error *err);

/* Stores in the job, for its readers, the commit that this change, which succeeded, made in the repository `name` ("registry",
 * "index"), now or in an earlier run whose record this run continues. */
CHECK_RESULT enum status job_run_add_commit(struct job_run *run, const char *name, struct registry_repo *repo,
                                            const struct registry_change *change, struct error *err);

/* The publications of these packages that were accepted before this job and are unfinished or have failed since
 * (lib/store/job/job_waiting.h), and any job, in the run's arena. Both retry while Redis is unreachable and the lease may hold.
 * */
CHECK_RESULT enum status job_run_list_earlier(struct job_run *run, const char *const *packages, size_t package_count,
                                              struct earlier_publication **out, size_t *count, struct error *err);
CHECK_RESULT enum status job_run_get_job(struct job_run *run, const char *id, struct job *out, struct error *err);

/* Stores in the job what will be written outside; from here on the job never fails by time or attempts. STATUS_CONFLICT: an
 * earlier run has stored another record. Retries while Redis is unreachable and the lease may still hold. */
CHECK_RESULT enum status job_run_record(struct job_run *run, const char *record, struct error *err);

#endif
