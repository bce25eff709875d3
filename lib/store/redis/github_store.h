/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the daily look at GitHub keeps in Redis (lib/store/README.md, Daily look at GitHub), so that any instance goes on where
 * another has stopped, an outage loses nothing, and unchanged answers cost no request of the rate limit.
 *
 *   github:looks:WORK   hash: package → "ROUND TIME" of the last successful look at its repository
 *   github:etag:HASH    "NEXT ETAG": of the last answer to a question, for KEPT_DAYS since it was last looked up; NEXT is 1 if
 *                       more pages followed
 *   github:commit:SHA   a commit's time, for as long
 */
#ifndef LIB_STORE_REDIS_GITHUB_STORE_H
#define LIB_STORE_REDIS_GITHUB_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/store/job/job_store.h"
#include "lib/tools/http/github_repos.h"

/* A successful look at a package's repository. Times are in milliseconds since 1970; 0: none is kept. */
struct look_note {
    int64_t round_ms; /* the time that its round was for */
    int64_t begun_ms; /* when it began */
};

/* `work`: "new-tags". */
CHECK_RESULT enum status look_note_read(struct job_store *store, const char *work, const char *package, struct look_note *out,
                                        struct error *err);
CHECK_RESULT enum status look_note_write(struct job_store *store, const char *work, const char *package,
                                         const struct look_note *note, struct error *err);

struct kept_etag {
    char etag[GITHUB_ETAG_MAX]; /* "": none is kept */
    bool has_next;
};

/* `question`: any text that is the same for the same question. */
CHECK_RESULT enum status kept_etag_read(struct job_store *store, const char *question, struct kept_etag *out,
                                        struct error *err);
CHECK_RESULT enum status kept_etag_write(struct job_store *store, const char *question, const struct kept_etag *etag,
                                         struct error *err);

CHECK_RESULT enum status kept_commit_time_read(struct job_store *store, const char *commit, int64_t *time_ms,
                                               struct error *err);
CHECK_RESULT enum status kept_commit_time_write(struct job_store *store, const char *commit, int64_t time_ms,
                                                struct error *err);

#endif
