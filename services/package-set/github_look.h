/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The daily look at the repositories of packages at GitHub (lib/domain/README.md, Daily look at GitHub): one round over all of
 * them, by a few threads of its own, so that the schedule goes on meanwhile.
 *
 *   queue of packages ──► GITHUB_WORKERS threads ──► jobs in Redis, and a note for each package that was looked at
 *        ▲                        │ what could not be answered
 *        └── the next pass ◄──────┘
 *
 * The notes are all that a round leaves: another instance that takes it over passes over the packages that have one, and a package
 * without one is asked about a longer time at the next round. So a round may be stopped at any moment, and repeating any part of
 * it makes nothing twice. A rate limit or a GitHub that is away only makes it pause.
 */
#ifndef SERVICES_PACKAGE_SET_GITHUB_LOOK_H
#define SERVICES_PACKAGE_SET_GITHUB_LOOK_H

#include "lib/domain/registry/metadata.h"
#include "lib/store/job/job_store.h"
#include "lib/tools/http/github_repos.h"

struct github_look;
struct package_set_service;
struct text;

enum { GITHUB_WORKERS = 4 }; /* requests at a time */

/* One thread of a round, with the package that it looks at. */
struct github_worker {
    struct github_look *look;
    const struct package_set_service *service;
    struct github_repos *repos;
    struct job_store *store;
    int64_t round_ms; /* the time that the round is for */

    /* Of the current package: */
    struct arena arena; /* owns the rest */
    const char *package;
    struct metadata metadata;
    struct github_question question; /* without an ETag */
    int64_t begun_ms, last_ms;       /* when this look began, and the last successful one; 0: there was none */
};

/* What a round looks for. */
struct github_look_kind {
    const char *name; /* in Redis and logs: "new-tags" */
    bool (*is_about)(const struct location *location);
    /* Looks at the worker's package. Repeatable. STATUS_OK: it is noted. STATUS_NOT_FOUND: it cannot be looked at, which is no
     * failure; the message is reported. STATUS_REFUSED: a failure that asking again does not mend. STATUS_BUSY: a rate limit.
     * Others: it is tried again. */
    enum status (*look)(struct github_worker *worker, struct error *err);
};

extern const struct github_look_kind github_look_for_tags;  /* github_tags.c */
extern const struct github_look_kind github_look_for_moves; /* github_moves.c */

/* Starts a round for this time. `service`, which holds the token, `repos` and `kind` are borrowed. */
CHECK_RESULT enum status github_look_start(struct github_look **out, struct package_set_service *service,
                                           struct github_repos *repos, const struct github_look_kind *kind, int64_t time_ms,
                                           struct error *err);
void github_look_free(struct github_look *look); /* stops it if it has not ended; NULL is allowed */

bool github_look_has_ended(struct github_look *look);

/* Of a round that has ended: true if all repositories could be asked. Appends the sentence that says so, and a line for everything
 * that an operator may want to know. */
bool github_look_report(struct github_look *look, struct text *sentence, struct text *lines);

/* ---- For kinds ---- */

/* Adds a line to the report. */
void github_worker_report(struct github_worker *worker, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Makes the job, unless it was made before, or another one of this kind for the package's version is unfinished. */
CHECK_RESULT enum status github_worker_make_job(struct github_worker *worker, const struct job_request *request,
                                                struct error *err);

#endif
