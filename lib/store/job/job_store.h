/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Jobs in Redis: a job that is stored here survives the crash of any process (lib/store/README.md). Every change is one script,
 * so it happens whole or not at all, and every change may be repeated after a lost reply.
 *
 * A `struct job_store` is one connection and belongs to one thread. It reconnects by itself: a call while Redis is unreachable
 * returns STATUS_UNAVAILABLE, and the next one tries again.
 */
#ifndef LIB_STORE_JOB_JOB_STORE_H
#define LIB_STORE_JOB_JOB_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/domain/job/job.h"

struct job_store;

/* Makes the object; does not connect yet. `redis_url` as the setting REDIS_URL; `timeout_ms` bounds each call. */
CHECK_RESULT enum status job_store_create(struct job_store **out, const char *redis_url, int timeout_ms, struct error *err);
void job_store_free(struct job_store *store);

/* Is Redis reachable, and set up to keep accepted jobs: append-only, fsync always, noeviction, maxmemory set? The message says
 * what is wrong. Must be called before a job is accepted. */
CHECK_RESULT enum status job_store_check_keeping(struct job_store *store, struct error *err);

/* The same, and is there room: memory for new jobs, and connections? For /readyz. */
CHECK_RESULT enum status job_store_check(struct job_store *store, struct error *err);

/* ---- Accepting ---- */

struct job_request {
    char id[UUID_TEXT_MAX]; /* made by the caller (hash_random_uuid), so that a repeat after a lost reply is the same job */
    enum job_kind kind;
    const char *payload;
    const char *package; /* these as in struct job */
    const char *version;
    const char *compiler;
    const char *actor;
    const char *issue;
    const char *reason;
    const char *authority;
    const char *credential;
    /* The failed job that this one retries, and when that was created. STATUS_REFUSED if an unpublish, transfer or revision of
     * the package that was accepted later has succeeded, or still may. */
    const char *retry_of;
    int64_t retry_of_created_ms;
    const char *address; /* the client's, for the limit on its pending jobs; NULL: no limit */
    /* The same for equal requests (lib/store/README.md, Duplicates); NULL: never a duplicate. A matrix job needs none: it is
     * identified by package, version, compiler and plan (the payload, whose keys must always be in the same order). */
    const char *duplicate_key;
    /* Signed requests: hash of payload and signature, kept for ever once the job has succeeded; else NULL.
     * (job_store_identify() detects the same request in other bytes.) */
    const char *replay_key;
    bool again; /* matrix: at the request of an operator or trustee, whatever earlier builds found */
    /* matrix: trials are never duplicates. If the same job is already pending with a lower priority, it is raised to this
     * purpose. */
    enum matrix_purpose purpose;
};

struct job_limits {
    int64_t pending;             /* limit of all pending jobs: STATUS_BUSY above */
    int64_t pending_per_address; /* limit for a client address: STATUS_TOO_MANY above */
};

struct job_accepted {
    char id[UUID_TEXT_MAX];
    bool created;       /* false: `id` is the job of the same earlier request */
    bool has_succeeded; /* that job has succeeded */
    /* For a transfer of which that job has carried out the very same bytes: the last transfer of the package since, or "" if
     * there was none (then the result still holds; otherwise the two must be compared). */
    char superseded_by[UUID_TEXT_MAX];
};

/* Checks for duplicates and creates the job, in one step. On STATUS_OK the job is on disk. `limits` NULL: none (jobs that the
 * services make themselves). STATUS_UNAVAILABLE also when Redis is near its memory limit. */
CHECK_RESULT enum status job_store_accept(struct job_store *store, const struct job_request *request,
                                          const struct job_limits *limits, struct job_accepted *out, struct error *err);

/* One of several requests, and its outcome. */
struct job_acceptance {
    const struct job_request *request;
    struct job_accepted accepted;
    enum status status;
    struct error err;
};

enum { JOB_ACCEPT_MAX = 64 };

/* The same without limits for up to JOB_ACCEPT_MAX at once, in their order. */
void job_store_accept_some(struct job_store *store, struct job_acceptance *acceptances, size_t count);

/* ---- Reading: jobs in Redis (older jobs: job_retention.h) ---- */

CHECK_RESULT enum status job_store_get(struct job_store *store, const char *id, struct arena *arena, struct job *out,
                                       struct error *err); /* STATUS_NOT_FOUND for any text that is no job's id */

struct job_filter {
    int64_t since_ms; /* lower bound of createdAt, inclusive; 0: none */
    int64_t until_ms; /* upper bound, exclusive; 0: none */
    bool descending;
    bool include_finished;               /* ignored if a state is asked for */
    bool include_unknown_to_old_clients; /* kinds=all */
    const char *package;                 /* NULL: any */
    const char *actor;
    bool has_state;
    enum job_state state;
    bool has_kind;
    enum job_kind kind;
    const char *after_id; /* for the next page: begin after this job (its createdAt is `since_ms` or `until_ms`); NULL: none */
    size_t limit;         /* 1 at least; a page can be larger, since jobs of one millisecond stay together */
};

struct job_list {
    struct job *jobs;
    size_t count;
    bool more;
};

CHECK_RESULT enum status job_store_list(struct job_store *store, const struct job_filter *filter, struct arena *arena,
                                        struct job_list *out, struct error *err);

/* Redis is unreachable or does not answer: the same call may succeed later. */
static inline bool job_store_is_away(enum status status) {
    return status == STATUS_UNAVAILABLE || status == STATUS_TIMEOUT;
}

/* ---- Running: a lease ---- */

/* Does it have the form of a job's id? (Any other text must not become part of a key.) */
bool job_id_is_well_formed(const char *text);

enum { LEASE_WORKER_MAX = 129 };

/* A runner's lease on a job. `fence` grows over all claims; a call with a stale one changes nothing and is STATUS_STALE. */
struct lease {
    char job_id[UUID_TEXT_MAX];
    int64_t fence;
    /* Empty: of a service itself. Else the build worker that sent the request: job_store_renew_some(), job_store_release(),
     * job_store_take_result() and log_stream_append() then reach nothing but a matrix job that this worker holds. */
    char worker[LEASE_WORKER_MAX];
};

/* Claims the job `id`, and its package's lock with it. If Redis did not answer, the repeated call gets the job that the first
 * one claimed, with the rest of its lease; so does job_store_claim_next(). STATUS_BUSY: not pending, not the first of its
 * package, waiting, or the lock is held (job_store_claim_next() finds it once it can run). STATUS_NOT_FOUND: no such job. */
CHECK_RESULT enum status job_store_claim(struct job_store *store, const char *id, const char *runner, int64_t lease_ms,
                                         struct arena *arena, struct lease *lease, struct job *job, struct error *err);

/* Claims the oldest job of one of `kinds` (a set of 1 << enum job_kind, without matrix jobs) that can run now.
 * STATUS_NOT_FOUND: no job can run. STATUS_BUSY: none can run, but one waits only for a lock that no job holds
 * (lib/store/redis/lock.h), whose release is not announced: ask again soon. */
CHECK_RESULT enum status job_store_claim_next(struct job_store *store, unsigned kinds, const char *runner, int64_t lease_ms,
                                              struct arena *arena, struct lease *lease, struct job *job, struct error *err);

/* Matrix jobs are dispatched by build-matrix, not by a job runner, several at once; it chooses from this list. */

/* Which matrix jobs are looked for. */
struct job_ready_filter {
    const char *const *compilers; /* for one of these */
    size_t compiler_count;
    bool is_urgent; /* only those that somebody waits for: of the first priority */
    size_t limit;   /* at most so many, 1 at least */
};

/* The matrix jobs that can be claimed now, in the order in which they should be: by priority, then by acceptance. */
CHECK_RESULT enum status job_store_list_ready(struct job_store *store, const struct job_ready_filter *filter,
                                              struct arena *arena, struct job **jobs, size_t *count, struct error *err);

/* The number of running jobs that somebody waits for: those that change a package, and builds of the first priority. */
CHECK_RESULT enum status job_store_count_urgent(struct job_store *store, size_t *count, struct error *err);

/* Matrix jobs that one runner is to have. */
struct job_claim {
    const char *const *ids; /* without duplicates */
    size_t count;
    const char *runner;
    int64_t lease_ms;
    const char *line; /* added to the log of each, at INFO; NULL: none */
};

/* Claims those of the jobs that are still ready, in one step; sets `leases` and `jobs` (both with room for all) and their
 * number. */
CHECK_RESULT enum status job_store_claim_some(struct job_store *store, const struct job_claim *claim, struct arena *arena,
                                              struct lease *leases, struct job *jobs, size_t *claimed, struct error *err);

CHECK_RESULT enum status job_store_renew(struct job_store *store, const struct lease *lease, int64_t lease_ms,
                                         struct error *err);

/* The same for many leases of one holder in one step: is_held[i] is true if leases[i] still held, and was renewed. */
CHECK_RESULT enum status job_store_renew_some(struct job_store *store, const struct lease *leases, size_t count,
                                              int64_t lease_ms, bool *is_held, struct error *err);

/* How long the lease still holds, by Redis's clock: must be asked right before each outside write. STATUS_STALE: it is lost. */
CHECK_RESULT enum status job_store_lease_left(struct job_store *store, const struct lease *lease, int64_t *left_ms,
                                              struct error *err);

/* Hands the job back at a drain: pending again, at its old place, and the attempt is not counted. */
CHECK_RESULT enum status job_store_release(struct job_store *store, const struct lease *lease, struct error *err);

/* Hands the job back for a retry not before `delay_ms` have passed (outside writes had begun; the attempt is not counted). The
 * package's order is kept: no other job of the package runs before it. */
CHECK_RESULT enum status job_store_retry_later(struct job_store *store, const struct lease *lease, int64_t delay_ms,
                                               struct error *err);

/* The same for a job that has not begun to write and waits for a part of the registry (enum trouble): job.waiting_ms of every
 * later run is the start of the first run that was put back. */
CHECK_RESULT enum status job_store_put_back(struct job_store *store, const struct lease *lease, int64_t delay_ms,
                                            struct error *err);

/* Stores in the job what the run will write outside (lib/store/README.md, Once). From here on the job never fails by time or
 * attempts. Repeatable; another record is STATUS_CONFLICT. */
CHECK_RESULT enum status job_store_record(struct job_store *store, const struct lease *lease, const char *record,
                                          struct error *err);

/* Stores in the job the commit that its ref resolved to, for every later run (lib/source/README.md, Sources). Repeatable;
 * another commit is STATUS_CONFLICT. */
CHECK_RESULT enum status job_store_keep_commit(struct job_store *store, const struct lease *lease, const char *commit,
                                               struct error *err);

/* Adds a commit to the job's changes: `registry=COMMIT` or `index=COMMIT`. Repeatable. */
CHECK_RESULT enum status job_store_add_commit(struct job_store *store, const struct lease *lease, const char *commit,
                                              struct error *err);

/* The commits of this server's own jobs so far, by which a process detects that its view of the registry is stale. */
enum { JOB_COMMIT_MAX = 65 };

struct job_heads {
    int64_t count;                                        /* of commits; grows with each */
    char registry[JOB_COMMIT_MAX], index[JOB_COMMIT_MAX]; /* the last commit in each repository; "": none yet */
    int64_t at_ms;                                        /* the time of the last one, by Redis's clock */
};

CHECK_RESULT enum status job_store_heads(struct job_store *store, struct job_heads *out, struct error *err);

/* A requester's proven identity. */
struct job_identity {
    const char *actor;      /* job.actor from here on, also in lists (a job that a trustee retries stays the trustee's) */
    const char *credential; /* job.credential from here on */
    /* Hash of payload and key: kept for ever once the job has succeeded, since one payload can have several good signatures by
     * one key (lib/domain/identity/signature.h). */
    const char *replay_key;
};

/* Stores the identity in the job. STATUS_OK with an id in `done_by`: that job has succeeded with the same replay key, and
 * nothing was stored; with "": no other job has. Repeatable. */
CHECK_RESULT enum status job_store_identify(struct job_store *store, const struct lease *lease,
                                            const struct job_identity *identity, char done_by[UUID_TEXT_MAX],
                                            struct error *err);

/* A build's result, stored in one step. */
struct job_result {
    const char *record;           /* stored as by job_store_record(); NULL: none, as for trials */
    int64_t lease_ms;             /* length of the lease, which is renewed */
    const struct log_line *lines; /* as log_stream_append() takes them */
    size_t line_count;
    int64_t limit_lines, limit_bytes;
};

/* `out`: the job, with the record. STATUS_NOT_FOUND; STATUS_REFUSED: not a matrix job. Repeatable. */
CHECK_RESULT enum status job_store_take_result(struct job_store *store, const struct lease *lease,
                                               const struct job_result *result, struct arena *arena, struct job *out,
                                               struct error *err);

/* *has_ended: this lease has already ended the job with this outcome, so the message is repeated because its reply was lost. */
CHECK_RESULT enum status job_store_has_ended(struct job_store *store, const struct lease *lease, bool success, bool *has_ended,
                                             struct error *err);

struct job_end {
    bool success;
    bool readonly;             /* run under READONLY: never returned as a duplicate */
    const char *error;         /* of a failed job: its last message */
    const char *documentation; /* of a publish job; else NULL */
    const char *ending;        /* as struct job's */
    const char *payload;       /* job.payload from here on; NULL: as it was */
    const char *event;         /* JSON of the event that follows, added to the stream of events in the same step; NULL: none */
    /* Of a matrix job: a text of VERDICT_TABLE, stored for its version, compiler and plan for good. NULL if nothing was found
     * out about the plan (the version was unpublished meanwhile). Must not be "succeeded" for a job that fails. */
    const char *verdict;
    const char *result; /* of a matrix job: JSON of struct build_result, or NULL */
    const char *commit; /* as job_store_add_commit() takes it; NULL: none */
    const char *line;   /* the last line of the log, at this level; NULL: it is written already */
    enum log_level line_level;
};

enum { JOB_RESULT_MAX_BYTES = 256 * 1024 };

/* Ends the job, frees its package, stores its event: one step. The same end again with the same fence succeeds.
 * STATUS_TOO_LARGE: the result is above JOB_RESULT_MAX_BYTES, and the job still runs: the caller must leave out errors until
 * the result fits. */
CHECK_RESULT enum status job_store_finish(struct job_store *store, const struct lease *lease, const struct job_end *end,
                                          struct error *err);

/* One of several ends, and its outcome. */
struct job_finish {
    const struct lease *lease;
    const struct job_end *end;
    enum status status;
    struct error err;
};

enum { JOB_FINISH_MAX = 64 };

/* The same for up to JOB_FINISH_MAX jobs at once, which costs little more than one. */
void job_store_finish_some(struct job_store *store, struct job_finish *finishes, size_t count);

/* ---- Housekeeping, periodically by any service ---- */

enum { JOB_REAP_MAX = 64 }; /* limit of leases taken back by one call; the next call takes more */

struct job_reaped {
    size_t returned; /* leases that had expired: pending again */
    size_t failed;   /* … for the third time: ended as failed */
    size_t alarming; /* third time or more, but outside writes had begun: pending again with a backoff; alert operators */
    char failed_ids[JOB_REAP_MAX][UUID_TEXT_MAX];   /* the first `failed` are set */
    char alarming_ids[JOB_REAP_MAX][UUID_TEXT_MAX]; /* the first `alarming` */
    size_t logs_removed;                            /* of the oldest finished jobs, because Redis is near its memory limit */
};

/* Takes back the leases that have expired, by Redis's clock. An expiry counts as an attempt only if Redis was up for a full
 * lease before it; after a start of Redis, runners first have half a lease to renew theirs. */
CHECK_RESULT enum status job_store_reap(struct job_store *store, int64_t lease_ms, struct job_reaped *out, struct error *err);

/* How long finished jobs stay, in milliseconds since their end by Redis's clock (lib/store/README.md, Keeping). */
struct job_periods {
    int64_t matrix_ms;
    int64_t other_ms;
    int64_t least_ms; /* of any kind, while Redis is near its memory limit */
};

/* The ids of up to `limit` finished jobs whose time is over, in the arena; of each kind the oldest first. Never jobs of owners
 * or trustees. */
CHECK_RESULT enum status job_store_list_aged(struct job_store *store, const struct job_periods *periods, size_t limit,
                                             struct arena *arena, const char ***ids, size_t *count, struct error *err);

/* Removes the finished job, its log and its entries in all lists from Redis, in one step; it must be in storage by now
 * (job_retention.h). Facts that must outlive it stay. Repeatable. STATUS_CONFLICT: it is a job that stays. */
CHECK_RESULT enum status job_store_forget(struct job_store *store, const char *id, struct error *err);

struct job_counts {
    int64_t pending[JOB_KIND_COUNT];
    int64_t running[JOB_KIND_COUNT];
    int64_t oldest_pending_ms[JOB_KIND_COUNT]; /* createdAt of the oldest pending job, 0: none */
    int64_t ended_lately[JOB_KIND_COUNT];      /* within the last minute, without jobs of owners and trustees */
};

CHECK_RESULT enum status job_store_count(struct job_store *store, struct job_counts *out, struct error *err);

#endif
