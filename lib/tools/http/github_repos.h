/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the GitHub API says about repositories, for the daily look at them (lib/tools/README.md, GitHub API):
 *
 *   GET BASE/repos/OWNER/REPO/tags?per_page=100&page=N  →  [{"name", "commit": {"sha"}}, …], `Link: …; rel="next"`
 *   GET BASE/repos/OWNER/REPO/commits/SHA               →  {"commit": {"committer": {"date"}}}
 *   GET BASE/repos/OWNER/REPO                           →  {"name", "owner": {"login"}}; 301: a repository that has moved
 *
 * Requests are conditional: the caller keeps the ETag of each answer, and GitHub counts a 304 against no limit. What may pass is
 * asked three times in all. No request is sent before the time that a rate limit names. Any thread.
 */
#ifndef LIB_TOOLS_HTTP_GITHUB_REPOS_H
#define LIB_TOOLS_HTTP_GITHUB_REPOS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "lib/domain/package/location.h"
#include "lib/domain/registry/new_tags.h"

struct deadline;
struct github_repos;
struct metrics;

enum { GITHUB_ETAG_MAX = 256, GITHUB_TAGS_PER_PAGE = 100, GITHUB_TAG_PAGES_MAX = 50 };

/* `base_url` is borrowed. */
struct github_repos *github_repos_create(const char *base_url) __attribute__((returns_nonnull));
void github_repos_free(struct github_repos *repos);

/* Until when no request may be sent, in milliseconds since 1970; a time that has passed: one may be. */
int64_t github_repos_limited_until_ms(struct github_repos *repos);

void github_repos_measure(struct github_repos *repos, struct metrics *metrics); /* NULL is allowed */

enum github_found {
    GITHUB_FOUND,
    GITHUB_UNCHANGED, /* since the answer with the ETag */
    GITHUB_GONE,      /* there is no such repository, or nobody may see it */
    GITHUB_MOVED,     /* for good: it has another owner or name */
};

/* A question about one repository. All pointers are borrowed for the call. */
struct github_question {
    const char *token;
    struct github_repository repository;
    const char *etag; /* of the last answer; NULL: none */
    struct deadline *deadline;
};

/* Common to all: STATUS_BUSY: a rate limit is used up, ask again after github_repos_limited_until_ms(). STATUS_UNAUTHORIZED: GitHub
 * does not know the token. STATUS_UNAVAILABLE, STATUS_TIMEOUT: GitHub cannot be asked now, or its answer is malformed. The
 * deadline's own status. Results are in the arena. */

struct github_tags {
    enum github_found found; /* the other fields are set if it is GITHUB_FOUND */
    struct repository_tag *tags;
    size_t count;
    bool has_next;
    char etag[GITHUB_ETAG_MAX]; /* "": none */
};

/* One page, from 1. */
CHECK_RESULT enum status github_read_tags(struct github_repos *repos, const struct github_question *question, int page,
                                          struct arena *arena, struct github_tags *out, struct error *err);

/* The time of a commit, in milliseconds since 1970. `found`: GITHUB_GONE if it is not there (any more). */
CHECK_RESULT enum status github_read_commit_time(struct github_repos *repos, const struct github_question *question,
                                                 const char *commit, enum github_found *found, int64_t *time_ms,
                                                 struct error *err);

struct github_place {
    enum github_found found;
    struct github_repository repository; /* GITHUB_MOVED: where it is now */
    char etag[GITHUB_ETAG_MAX];          /* GITHUB_FOUND; "": none */
};

/* Where is the repository? A redirect that is not for good counts as no move. */
CHECK_RESULT enum status github_find_repository(struct github_repos *repos, const struct github_question *question,
                                                struct arena *arena, struct github_place *out, struct error *err);

#endif
