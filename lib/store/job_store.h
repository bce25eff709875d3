/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Jobs in Redis: what exists here exists, whatever happens to any process (lib/store/README.md). Every change is one script, so
 * it happens whole or not at all, and every change may be repeated after a lost reply.
 *
 * A `struct job_store` is one connection and belongs to one thread. It reconnects by itself: a call made while Redis is away
 * answers STATUS_UNAVAILABLE, and the next one tries again.
 */
#ifndef LIB_STORE_JOB_STORE_H
#define LIB_STORE_JOB_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/domain/job.h"

struct job_store;

/* Makes the object; does not connect yet. `redis_url` as the setting REDIS_URL; `timeout_ms` bounds each call. */
CHECK_RESULT enum status job_store_create(struct job_store **out, const char *redis_url, int timeout_ms, struct error *err);
void job_store_free(struct job_store *store);

/* Is Redis there and set up so that accepted means kept: append-only, fsync always, noeviction, maxmemory set? The sentence in
 * `err` says which is not. To be asked before a job is accepted. */
CHECK_RESULT enum status job_store_check_keeping(struct job_store *store, struct error *err);

/* The same, and whether there is room: memory for new jobs, and connections (for /readyz). */
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
    const char *retry_of;        /* refused (STATUS_REFUSED) where a later unpublish, transfer or revision of the package */
    int64_t retry_of_created_ms; /* has succeeded, or may yet: later than this, which is when that job was created */
    const char *address;         /* the client's, for the bound on its pending jobs; NULL: none */
    /* Equal for requests that are the same (lib/store/README.md, Duplicates); NULL: never a duplicate. A matrix job needs none:
     * it is
     * known by package, version, compiler and plan (the payload, whose keys must always be in the same order). */
    const char *duplicate_key;
    /* Signed requests: hash of payload and signature, kept for ever once the job succeeded; else NULL. (What is the same
     * request in other bytes, job_store_identify() finds out.) */
    const char *replay_key;
    bool again; /* matrix: whatever was found before, since an operator or trustee asks for it */
    /* matrix: trials are never duplicates. If the same job is already pending with a lower priority, it is raised to this
     * purpose. */
    enum matrix_purpose purpose;
};

struct job_limits {
    int64_t pending;             /* in all: STATUS_UNAVAILABLE above */
    int64_t pending_per_address; /* STATUS_TOO_MANY above */
};

struct job_accepted {
    char id[UUID_TEXT_MAX];
    bool created;       /* false: the id is that of the job that the same request already has */
    bool has_succeeded; /* that job */
    /* A transfer whose very bytes were carried out by that job: the last transfer of the package since, or "" where there was
     * none (what the former did holds, then; otherwise the two must be compared). */
    char superseded_by[UUID_TEXT_MAX];
};

/* Duplicate check and creation in one step. When it answers STATUS_OK the job is on disk. `limits` NULL: none (jobs that the
 * services make themselves). STATUS_UNAVAILABLE also when Redis is near its memory limit. */
CHECK_RESULT enum status job_store_accept(struct job_store *store, const struct job_request *request,
                                          const struct job_limits *limits, struct job_accepted *out, struct error *err);

/* One of several requests, and what came of it. */
struct job_acceptance {
    const struct job_request *request;
    struct job_accepted accepted;
    enum status status;
    struct error err;
};

enum { JOB_ACCEPT_MAX = 64 };

/* The same without limits for up to JOB_ACCEPT_MAX at once, in their order. */
void job_store_accept_some(struct job_store *store, struct job_acceptance *acceptances, size_t count);

/* ---- Reading: what is in Redis (older jobs: job_keeping.h) ---- */

CHECK_RESULT enum status job_store_get(struct job_store *store, const char *id, struct arena *arena, struct job *out,
                                       struct error *err); /* STATUS_NOT_FOUND for any text that is no job's id */

struct job_filter {
    int64_t since_ms; /* on createdAt, included; 0: none */
    int64_t until_ms; /* not included; 0: none */
    bool descending;
    bool include_finished;               /* without effect where a state is asked for */
    bool include_unknown_to_old_clients; /* kinds=all */
    const char *package;                 /* NULL: any */
    const char *actor;
    bool has_state;
    enum job_state state;
    bool has_kind;
    enum job_kind kind;
    const char *after_id; /* for the next page: begin after this job (its createdAt is `since_ms` or `until_ms`); NULL: none */
    size_t limit;         /* 1 at least; there may be more, since jobs of one millisecond stay together */
};

struct job_list {
    struct job *jobs;
    size_t count;
    bool more;
};

CHECK_RESULT enum status job_store_list(struct job_store *store, const struct job_filter *filter, struct arena *arena,
                                        struct job_list *out, struct error *err);

/* Redis is away or does not answer: the same call may succeed later. */
static inline bool job_store_is_away(enum status status) {
    return status == STATUS_UNAVAILABLE || status == STATUS_TIMEOUT;
}

/* ---- Running: a lease ---- */

/* Is it shaped like a job's id? (Anything else must not become part of a key.) */
bool job_id_is_well_formed(const char *text);

enum { LEASE_WORKER_MAX = 129 };

/* What a runner holds. `fence` only grows, over all claims; a call with a stale one answers STATUS_STALE and changes nothing.
 */
struct lease {
    char job_id[UUID_TEXT_MAX];
    int64_t fence;
    /* Empty: a service's own. Else what follows was said by that build worker: job_store_renew_some(), job_store_release(),
     * job_store_take_result() and log_stream_append() then reach nothing but a matrix job that it holds. */
    char worker[LEASE_WORKER_MAX];
};

/* Claims the job `id`, and its package's lock with it. Where Redis did not answer, the same call made again gets what that one
 * claimed, with what is left of its lease: the same for job_store_claim_next(). STATUS_BUSY: not pending, not the first of its
 * package, or the lock is held (it will be found by job_store_claim_next once it can run). STATUS_NOT_FOUND: no such job. */
CHECK_RESULT enum status job_store_claim(struct job_store *store, const char *id, const char *runner, int64_t lease_ms,
                                         struct arena *arena, struct lease *lease, struct job *job, struct error *err);

/* Claims the oldest job of one of `kinds` (a set of 1 << enum job_kind, without matrix jobs) that can run now.
 * STATUS_NOT_FOUND: there is none. STATUS_BUSY: likewise, but there is one that only waits for a lock which no job holds
 * (lock.h), and nobody will say when it is free: ask again soon. */
CHECK_RESULT enum status job_store_claim_next(struct job_store *store, unsigned kinds, const char *runner, int64_t lease_ms,
                                              struct arena *arena, struct lease *lease, struct job *job, struct error *err);

/* Matrix jobs are handed out by build-matrix, not by a job runner, several at once: which ones, it decides from these. */

/* The matrix jobs for one of `compilers` (texts) that can be claimed now, in the order in which they are to be: by priority,
 * then as they were accepted. At most `limit`. */
CHECK_RESULT enum status job_store_list_ready(struct job_store *store, const char *const *compilers, size_t compiler_count,
                                              size_t limit, struct arena *arena, struct job **jobs, size_t *count,
                                              struct error *err);

/* Claims those of the matrix jobs `ids` (each there once) that are still ready, in one step, all for one runner; sets `leases`
 * and `jobs` (both with room for `count`) and how many there are. `line` (NULL: none) begins the log of each, at INFO. */
CHECK_RESULT enum status job_store_claim_some(struct job_store *store, const char *const *ids, size_t count, const char *runner,
                                              int64_t lease_ms, const char *line, struct arena *arena, struct lease *leases,
                                              struct job *jobs, size_t *claimed, struct error *err);

CHECK_RESULT enum status job_store_renew(struct job_store *store, const struct lease *lease, int64_t lease_ms,
                                         struct error *err);

/* The same for many of one holder in one step: is_held[i] says whether leases[i] is still its, and then it was renewed. */
CHECK_RESULT enum status job_store_renew_some(struct job_store *store, const struct lease *leases, size_t count,
                                              int64_t lease_ms, bool *is_held, struct error *err);

/* How long the lease still holds, by Redis's clock: to be asked right before each outside write. STATUS_STALE: not ours. */
CHECK_RESULT enum status job_store_lease_left(struct job_store *store, const struct lease *lease, int64_t *left_ms,
                                              struct error *err);

/* Hands the job back at a drain: pending again, at its old place, and the attempt does not count. */
CHECK_RESULT enum status job_store_release(struct job_store *store, const struct lease *lease, struct error *err);

/* Hands the job back to be tried again not before `delay_ms` have passed (outside writes had begun; the attempt does not count
 * towards the third). The package's order is kept: nothing of that package runs before it. */
CHECK_RESULT enum status job_store_retry_later(struct job_store *store, const struct lease *lease, int64_t delay_ms,
                                               struct error *err);

/* The same for a job that has not begun to write and waits for something of the registry's own (enum trouble): job.waiting_ms
 * of every later run is when the first run that came to wait had started. */
CHECK_RESULT enum status job_store_put_back(struct job_store *store, const struct lease *lease, int64_t delay_ms,
                                            struct error *err);

/* Keeps in the job what the run is going to write outside (lib/store/README.md, Once). From here on the job is never failed by
 * time or attempts. The same again is fine; another record is STATUS_CONFLICT. */
CHECK_RESULT enum status job_store_record(struct job_store *store, const struct lease *lease, const char *record,
                                          struct error *err);

/* Keeps in the job the commit that its ref resolved to, for every later run (lib/source/README.md, Sources). The same again is
 * fine; another one is STATUS_CONFLICT. */
CHECK_RESULT enum status job_store_keep_commit(struct job_store *store, const struct lease *lease, const char *commit,
                                               struct error *err);

/* Adds to the job what it has changed: `registry=COMMIT` or `index=COMMIT`. The same again is fine. */
CHECK_RESULT enum status job_store_add_commit(struct job_store *store, const struct lease *lease, const char *commit,
                                              struct error *err);

/* What this server's own jobs have committed so far: whoever holds the registry in memory sees by it whether that is too old.
 */
enum { JOB_COMMIT_MAX = 65 };

struct job_heads {
    int64_t count;                                        /* of commits; grows with each */
    char registry[JOB_COMMIT_MAX], index[JOB_COMMIT_MAX]; /* the last one of each repository; "": none yet */
    int64_t at_ms;                                        /* when that was, by Redis's clock */
};

CHECK_RESULT enum status job_store_heads(struct job_store *store, struct job_heads *out, struct error *err);

/* Who was proved to have asked for the job. */
struct job_identity {
    const char *actor;      /* job.actor from here on, also in lists (a job that a trustee tries again stays the trustee's) */
    const char *credential; /* job.credential from here on */
    /* Of payload and key: kept for ever once the job succeeded, since one payload can have several good signatures by one key
     * (lib/domain/signature.h). */
    const char *replay_key;
};

/* Keeps it in the job. STATUS_OK with an id in `done_by`: that job has succeeded with the same replay key, and nothing was
 * kept;
 * "" there: none has. The same again is fine. */
CHECK_RESULT enum status job_store_identify(struct job_store *store, const struct lease *lease,
                                            const struct job_identity *identity, char done_by[UUID_TEXT_MAX],
                                            struct error *err);

/* What a build's result brings: all in one step. */
struct job_result {
    const char *record;           /* kept as job_store_record() does, but for MATRIX_PURPOSE_REVISION or _VERIFY; NULL: none */
    int64_t lease_ms;             /* it is renewed */
    const struct log_line *lines; /* as log_stream_append() takes them */
    size_t line_count;
    int64_t limit_lines, limit_bytes;
};

/* `out`: the job, with the record. STATUS_NOT_FOUND; STATUS_REFUSED: it is no build. The same again is fine. */
CHECK_RESULT enum status job_store_take_result(struct job_store *store, const struct lease *lease,
                                               const struct job_result *result, struct arena *arena, struct job *out,
                                               struct error *err);

/* Whether the job has ended so under this number: the same was said before, and only its answer was lost. */
CHECK_RESULT enum status job_store_has_ended(struct job_store *store, const struct lease *lease, bool success, bool *has_ended,
                                             struct error *err);

struct job_end {
    bool success;
    bool readonly;             /* run under READONLY: never returned as a duplicate */
    const char *error;         /* of a failed job: its last sentence */
    const char *documentation; /* of a publish job; else NULL */
    const char *ending;        /* as struct job's */
    const char *payload;       /* job.payload from here on; NULL: as it was */
    const char *event;         /* JSON of what follows, written to the stream of events in the same step; NULL: nothing does */
    /* Of a matrix job: a text of VERDICT_TABLE, which is kept for its version, compiler and plan for good. NULL where nothing
     * was found out about the plan (the version was unpublished meanwhile). A job that fails has not "succeeded". */
    const char *verdict;
    const char *result; /* of a matrix job: JSON of struct build_result, or NULL */
    const char *commit; /* as job_store_add_commit() takes it; NULL: none more */
    const char *line;   /* the last one of the log, at this level; NULL: it is written already */
    enum log_level line_level;
};

enum { JOB_RESULT_MAX_BYTES = 256 * 1024 };

/* Ends the job, frees its package, keeps its event: one step. The same end again with the same fence is fine. STATUS_TOO_LARGE:
 * the result is above JOB_RESULT_MAX_BYTES, and the job runs on; whoever makes a result leaves out errors until it fits. */
CHECK_RESULT enum status job_store_finish(struct job_store *store, const struct lease *lease, const struct job_end *end,
                                          struct error *err);

/* One of several ends, and what came of it. */
struct job_finish {
    const struct lease *lease;
    const struct job_end *end;
    enum status status;
    struct error err;
};

enum { JOB_FINISH_MAX = 64 };

/* The same for up to JOB_FINISH_MAX jobs at once, which costs little more than one. */
void job_store_finish_some(struct job_store *store, struct job_finish *finishes, size_t count);

/* ---- Housekeeping, by any service, every now and then ---- */

enum { JOB_REAP_MAX = 64 }; /* leases taken back by one call; the next call goes on */

struct job_reaped {
    size_t returned; /* leases that had run out: pending again */
    size_t failed;   /* … for the third time: ended as failed */
    size_t alarming; /* third time or more, but outside writes had begun: pending again with a backoff, operators are to know */
    char failed_ids[JOB_REAP_MAX][UUID_TEXT_MAX];   /* the first `failed` are set */
    char alarming_ids[JOB_REAP_MAX][UUID_TEXT_MAX]; /* the first `alarming` */
    size_t logs_removed;                            /* of the oldest finished jobs, because Redis is near its memory limit */
};

/* Takes back the leases that ran out, by Redis's clock. An expiry counts as an attempt only if Redis was up for a full lease
 * before it; after a start of Redis runners first have half a lease to renew theirs. */
CHECK_RESULT enum status job_store_reap(struct job_store *store, int64_t lease_ms, struct job_reaped *out, struct error *err);

/* How long finished jobs stay, in milliseconds since their end by Redis's clock (lib/store/README.md, Keeping). */
struct job_periods {
    int64_t matrix_ms;
    int64_t other_ms;
    int64_t least_ms; /* all of them, while Redis is near its memory limit */
};

/* The ids of up to `limit` finished jobs whose time is over, in the arena; of each kind the oldest first. What owners and
 * trustees did is never among them. */
CHECK_RESULT enum status job_store_list_aged(struct job_store *store, const struct job_periods *periods, size_t limit,
                                             struct arena *arena, const char ***ids, size_t *count, struct error *err);

/* Takes the finished job, its log, and its place in all lists out of Redis, in one step; it must be in storage by now
 * (job_keeping.h). What must outlive it stays. Fine where it is gone already. STATUS_CONFLICT: it is one that stays. */
CHECK_RESULT enum status job_store_forget(struct job_store *store, const char *id, struct error *err);

struct job_counts {
    int64_t pending[JOB_KIND_COUNT];
    int64_t running[JOB_KIND_COUNT];
    int64_t oldest_pending_ms[JOB_KIND_COUNT]; /* createdAt of the oldest pending job, 0: none */
    int64_t ended_lately[JOB_KIND_COUNT];      /* within the last minute, but for what owners and trustees did */
};

CHECK_RESULT enum status job_store_count(struct job_store *store, struct job_counts *out, struct error *err);

#endif
