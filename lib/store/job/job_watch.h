/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Changes of jobs, for a process that follows many of them at once with one connection: first it learns which jobs have changed,
 * then it reads the changes of those that it follows, all in one round trip.
 *
 *   job_watch_begin() ──► job_watch_wait() ──► which of them do I follow? ──► job_watch_read() ──┐
 *                                ▲                                                                │
 *                                └────────────────────────────────────────────────────────────────┘
 *
 * Redis keeps the last announcements only (script/changes.lua). So whoever was away for longer than a moment, in an outage of
 * Redis, or behind many announcements (`may_lack_some`), reads all jobs that it follows.
 */
#ifndef LIB_STORE_JOB_JOB_WATCH_H
#define LIB_STORE_JOB_JOB_WATCH_H

#include "lib/store/job/job_store.h"
#include "lib/store/job/log_stream.h"

enum { JOB_WATCH_POSITION_MAX = 44 };

/* The last announcements that were read. */
struct job_watch {
    char logs[JOB_WATCH_POSITION_MAX];
    char states[JOB_WATCH_POSITION_MAX];
};

struct job_change {
    const char *job_id;
    bool is_of_state;                      /* else of the log */
    char position[JOB_WATCH_POSITION_MAX]; /* of a state: for job_watch_list() */
};

struct job_changes {
    struct job_change *items; /* in the arena; of states in the order in which they changed; a job may occur several times */
    size_t count;
    bool may_lack_some; /* there were so many that Redis may have dropped others before them */
};

/* Begins with the changes from now on. */
CHECK_RESULT enum status job_watch_begin(struct job_store *store, struct job_watch *out, struct error *err);

/* Waits up to `wait_ms`, at least 1, for changes after `watch`, and moves it past them. */
CHECK_RESULT enum status job_watch_wait(struct job_store *store, struct job_watch *watch, int wait_ms, struct arena *arena,
                                        struct job_changes *out, struct error *err);

/* Announces a change of the job's log though there is none, so that all its readers look at it. */
CHECK_RESULT enum status job_watch_announce(struct job_store *store, const char *job_id, struct error *err);

/* The changes of states after `position`, up to `limit`. STATUS_STALE: some of them are no longer kept. */
CHECK_RESULT enum status job_watch_list(struct job_store *store, const char *position, size_t limit, struct arena *arena,
                                        struct job_changes *out, struct error *err);

/* What is new of one job. */
struct job_news {
    const char *job_id;      /* set by the caller, like the next three */
    bool from_end;           /* the newest lines, in place of those after the cursor */
    struct log_cursor after; /* of the last line that is known */
    bool wants_job;          /* reads the job itself, too */

    struct log_lines log; /* in the arena, ascending, with lines that say where others are left out */
    bool has_more;        /* there may be more lines than these: later ones, or with `from_end` earlier ones */
    int64_t ended_ms;     /* the job has ended, and the log is complete: when; 0: not yet, or after lines that were not read */
    int64_t before_ms;    /* with `from_end`: the time of the last line before these, as far as it is known; 0: there is none */
    bool has_job;         /* `job` is set; false: not asked for, or no such job */
    struct job job;       /* its texts are in the arena */
};

enum { JOB_NEWS_LINES_MAX = 200 };

/* Reads up to JOB_NEWS_LINES_MAX stored lines of each. */
CHECK_RESULT enum status job_watch_read(struct job_store *store, struct job_news *news, size_t count, struct arena *arena,
                                        struct error *err);

/* Reads the jobs of the changes as they are now, in one round trip, into `jobs`, which has room for all; texts are in the arena.
 * A job that is not in Redis (any more) has an empty id. */
CHECK_RESULT enum status job_watch_read_jobs(struct job_store *store, const struct job_change *changes, size_t count,
                                             struct arena *arena, struct job *jobs, struct error *err);

/* The place of a pending job. */
struct job_queue_place {
    int64_t ahead;         /* jobs of its kind that were accepted earlier and are pending */
    const char *waits_for; /* the ids of other jobs, separated by blanks, in the arena; NULL: none */
    int64_t not_before_ms; /* a retry waits until then; 0: it does not */
    int64_t usual_ms;      /* how long the last jobs of its kind ran, the median; 0: not known */
    int64_t starts_in_ms;  /* estimated from that; -1: not known */
};

/* STATUS_NOT_FOUND: it is not pending any more. */
CHECK_RESULT enum status job_watch_queue_place(struct job_store *store, const struct job *job, struct arena *arena,
                                               struct job_queue_place *out, struct error *err);

#endif
