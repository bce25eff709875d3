/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a job is (lib/store/README.md): one request being carried out.
 *
 *            claim                     finish
 *   pending ───────► running ──────────────────────► succeeded | failed     (finished once, for good)
 *      ▲                │
 *      └────────────────┘  release (a drain, a wait for another job), or the lease ran out
 *
 * Kinds (job_kinds.def) and states are tables. Every move is a step of lib/store/jobs/, which checks where the job is and then
 * moves it.
 */
#ifndef LIB_DOMAIN_JOB_H
#define LIB_DOMAIN_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"

enum job_kind {
#define JOB_KIND(name, text, service, shown, lane, is_change) JOB_KIND_##name,
#include "lib/domain/job_kinds.def"
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

/* Why a matrix job was made. */
enum matrix_purpose {
    MATRIX_PURPOSE_NONE, /* of other jobs */
#define MATRIX_PURPOSE(name, text, priority, is_trial) MATRIX_PURPOSE_##name,
#include "lib/domain/job_kinds.def"
    MATRIX_PURPOSE_COUNT
};

enum { MATRIX_PRIORITIES = 3 }; /* 0 comes first */

/* The gateway has seen a trustee's token when it made the job: `actor` needs no other proof. */
#define JOB_AUTHORITY_TRUSTEE "trustee"

/* How a publication ended, by the names that clients know (services/gateway/README.md). */
#define JOB_ENDING_PUBLISHED "published"
#define JOB_ENDING_ALREADY_PUBLISHED "already-published" /* what was missing of a published version was finished */
#define JOB_ENDING_FAILED "job-failed"
#define JOB_ENDING_TIMEOUT "job-timeout"

/* Texts are NULL where unknown and belong to the arena that the job was read into; times are 0 until known. */
struct job {
    char id[UUID_TEXT_MAX];
    enum job_kind kind;
    enum job_state state;
    int64_t created_ms;
    int64_t started_ms; /* the last start */
    int64_t finished_ms;
    int64_t waiting_ms;        /* the start of the first run that was put back for something of the registry's own */
    int attempts;              /* how often it was taken up, less the leases that were handed back */
    const char *payload;       /* the request as it was received: JSON */
    const char *package;       /* all kinds but package sets */
    const char *version;       /* publish, unpublish, matrix, revision */
    const char *compiler;      /* matrix */
    const char *actor;         /* "anonymous", the signer's (lib/domain/signer.h) once proved, or the trustee's account */
    const char *issue;         /* trustee actions */
    const char *reason;        /* trustee actions */
    const char *credential;    /* what proved the actor: a key's type and fingerprint, or whose token it was; NULL: nothing */
    const char *retry_of;      /* the failed job that this one tries again, at a trustee's request */
    const char *commits;       /* what it changed: `registry=COMMIT` and `index=COMMIT`, by blanks, as they were pushed */
    const char *authority;     /* JOB_AUTHORITY_TRUSTEE, or NULL: what needs proof brings a signature */
    const char *error;         /* a failed job's last sentence */
    const char *documentation; /* publish: "published", "failed" or "skipped" */
    const char *ending;        /* publish: JOB_ENDING_…; NULL: as its state says */
    bool is_readonly;          /* finished under READONLY: nothing was written outside */
    const char *commit;        /* publish: what its ref resolved to in the first run; every later run uses it */
    const char *record; /* JSON of what the run writes outside, kept before its first such write (lib/store/README.md, Once) */
    enum matrix_purpose purpose; /* matrix */
    const char *verdict;         /* matrix, once finished: lib/domain/verdict.h */
    const char *result;          /* matrix, once finished: JSON of struct build_result; NULL: none came */
    const char *runner;          /* while it runs: who holds it */
};

static inline bool job_is_by_trustee(const struct job *job) {
    return text_equal(job->authority, JOB_AUTHORITY_TRUSTEE);
}

/* The message of a commit that this job makes (lib/store/README.md, Repositories): the subject, the job's id, and for a
 * trustee's action who asked for it and why. In the arena. */
const char *job_commit_message(const struct job *job, struct arena *arena, const char *subject);

const char *job_kind_text(enum job_kind kind);
bool job_kind_parse(const char *text, enum job_kind *kind);
const char *job_kind_service(enum job_kind kind);
bool job_kind_is_known_to_old_clients(enum job_kind kind);

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
