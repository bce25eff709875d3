/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A job (lib/store/README.md): one request and its execution.
 *
 *            claim                     finish
 *   pending ───────► running ──────────────────────► succeeded | failed     (finished once, for good)
 *      ▲                │
 *      └────────────────┘  release (a drain, a wait for another job), or the lease expired
 *
 * Kinds (job_kinds.def) and states are tables. The transitions are made by the scripts of lib/store/job/script/, each of which
 * checks the current state first.
 */
#ifndef LIB_DOMAIN_JOB_JOB_H
#define LIB_DOMAIN_JOB_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"

struct settings;

enum job_kind {
#define JOB_KIND(name, text, service, shown, lane, is_change, timeout) JOB_KIND_##name,
#include "lib/domain/job/job_kinds.def"
    JOB_KIND_COUNT
};

#define JOB_STATE_TABLE(JOB_STATE)                                                                                             \
    JOB_STATE(PENDING, "pending")                                                                                              \
    JOB_STATE(RUNNING, "running")                                                                                              \
    JOB_STATE(SUCCEEDED, "succeeded")                                                                                          \
    JOB_STATE(FAILED, "failed")

enum job_state {
#define JOB_STATE(name, text) JOB_STATE_##name,
    JOB_STATE_TABLE(JOB_STATE)
#undef JOB_STATE
        JOB_STATE_COUNT
};

/* The reason why a matrix job was created. */
enum matrix_purpose {
    MATRIX_PURPOSE_NONE, /* not a matrix job */
#define MATRIX_PURPOSE(name, text, priority, is_trial) MATRIX_PURPOSE_##name,
#include "lib/domain/job/job_kinds.def"
    MATRIX_PURPOSE_COUNT
};

enum { MATRIX_PRIORITIES = 4 }; /* 0 is the most urgent */

/* The gateway verified a trustee's token when it created the job: `actor` needs no further proof. */
#define JOB_AUTHORITY_TRUSTEE "trustee"

/* The outcome of a publication, by the names that clients know (services/gateway/README.md). */
#define JOB_ENDING_PUBLISHED "published"
#define JOB_ENDING_ALREADY_PUBLISHED "already-published" /* completed an earlier, interrupted publication */
#define JOB_ENDING_FAILED "job-failed"
#define JOB_ENDING_TIMEOUT "job-timeout"

/* Texts are NULL if unknown, and owned by the arena that the job was read into; times are 0 until known. */
struct job {
    char id[UUID_TEXT_MAX];
    enum job_kind kind;
    enum job_state state;
    int64_t created_ms;
    int64_t started_ms; /* of the latest run */
    int64_t finished_ms;
    int64_t waiting_ms;   /* start of the first run that was put back for an outage (enum trouble); 0: none */
    int log_lines;        /* that its log has had; 0: none, or not known (older releases) */
    int attempts;         /* number of claims, without those that were handed back */
    int delays;           /* number of runs that were put back with a delay, since the job last waited for others */
    const char *payload;  /* the request as stored: JSON */
    const char *package;  /* all kinds but package sets */
    const char *version;  /* publish, unpublish, matrix, revision */
    const char *compiler; /* matrix */
    const char *actor;    /* "anonymous", the signer's once verified (lib/domain/identity/signer.h), or the trustee's account */
    const char *issue;    /* trustee actions */
    const char *reason;   /* trustee actions */
    const char *credential; /* proof of the actor: a key's type and fingerprint, or the token's owner; NULL: none */
    const char *retry_of;   /* the failed job that this one repeats, at a trustee's request */
    const char *commits;    /* its pushed commits, separated by blanks: `registry=COMMIT`, `index=COMMIT` */
    const char *authority;  /* JOB_AUTHORITY_TRUSTEE, or NULL: protected actions need a signature */
    const char *replay_key; /* signed requests: what the same request is recognised by for ever, once the job has succeeded */
    const char *error;      /* of a failed job: the reason */
    const char *documentation; /* publish: "published", "failed" or "skipped" */
    const char *ending;        /* publish: JOB_ENDING_…; NULL: follows from the state */
    bool is_readonly;          /* ran under READONLY: wrote nothing to repositories and storage */
    bool has_lost_log;         /* its log was removed when memory was short */
    bool is_archived;          /* it was read from storage, which it does not leave */
    const char *commit;        /* publish: the commit of its ref in the first run; later runs use it */
    const char *record; /* JSON: the decisions of the run, stored before its first outside write (lib/store/README.md, Once) */
    enum matrix_purpose purpose; /* matrix */
    const char *verdict;         /* matrix, once finished: lib/domain/matrix/verdict.h */
    const char *result;          /* matrix, once finished: JSON of struct build_result; NULL: no result */
    const char *runner;          /* while running: the id of its runner */
};

static inline bool job_is_by_trustee(const struct job *job) {
    return text_equal(job->authority, JOB_AUTHORITY_TRUSTEE);
}

/* The message of a commit by this job (lib/store/README.md, Repositories): the subject, the job's id, and for a trustee's
 * action the trustee, the issue and the reason. In the arena. */
const char *job_commit_message(const struct job *job, struct arena *arena, const char *subject);

const char *job_kind_text(enum job_kind kind);
bool job_kind_parse(const char *text, enum job_kind *kind);
const char *job_kind_service(enum job_kind kind);
bool job_kind_is_known_to_old_clients(enum job_kind kind);

/* The kind's time limit by these settings, in milliseconds; 0 if they are those of a program that does not run the kind. */
int64_t job_kind_timeout_ms(enum job_kind kind, const struct settings *settings);

const char *matrix_purpose_text(enum matrix_purpose purpose); /* NULL: MATRIX_PURPOSE_NONE */
bool matrix_purpose_parse(const char *text, enum matrix_purpose *purpose);
int matrix_purpose_priority(enum matrix_purpose purpose);
bool matrix_purpose_is_trial(enum matrix_purpose purpose);

const char *job_state_text(enum job_state state);
bool job_state_parse(const char *text, enum job_state *state);
static inline bool job_state_is_finished(enum job_state state) {
    return state == JOB_STATE_SUCCEEDED || state == JOB_STATE_FAILED;
}

#endif
