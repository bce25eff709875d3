/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Where a package's source is (lib/domain/README.md, Location): a repository at GitHub or any git URL, each with an optional
 * folder inside. Reading and judging are apart: data that is already in the registry is read as it stands, and what is to be
 * added to it, or fetched, is checked by one of the two functions below.
 */
#ifndef LIB_DOMAIN_LOCATION_H
#define LIB_DOMAIN_LOCATION_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/error.h"

struct arena;
struct json_writer;
struct text;

enum location_kind {
    LOCATION_GITHUB,
    LOCATION_GIT,
};

/* Texts belong to the arena that it was read into. */
struct location {
    enum location_kind kind;
    const char *github_owner; /* LOCATION_GITHUB, else NULL */
    const char *github_repo;  /* LOCATION_GITHUB, else NULL */
    const char *git_url;      /* LOCATION_GIT, else NULL */
    const char *subdir;       /* NULL: the repository's root */
};

/* Reads the shape alone: one kind or the other, and texts. STATUS_INVALID with the field as path. */
CHECK_RESULT enum status location_read(struct location *out, const json_t *object, struct arena *arena, struct error *err);

/* What may be written into the registry. Every client ever shipped must be able to read it, or it loses the package's whole
 * metadata file, so this rule has no exceptions. STATUS_INVALID with the field as path. */
CHECK_RESULT enum status location_check_published(const struct location *location, struct error *err);

/* What may be fetched (lib/source/README.md, Sources): GitHub, and git URLs by https. `allow_private` is the setting
 * SOURCE_ALLOW_PRIVATE, which adds `http://`, `git://`, ports, and `file://` with an absolute path. Says nothing about what may
 * be published; and where a host name leads is the fetcher's to check. */
CHECK_RESULT enum status location_check_source(const struct location *location, bool allow_private, struct error *err);

/* The object `{"githubOwner", "githubRepo", "subdir"?}` or `{"gitUrl", "subdir"?}`. */
void location_write(struct json_writer *writer, const struct location *location);

/* Whether both are one place (lib/domain/README.md, Location): repositories at GitHub are compared without case, `gitUrl`s that
 * lead there included; `subdir` exactly, so two folders of one repository are two places. */
bool location_equal(const struct location *a, const struct location *b);

/* For messages: `github.com/OWNER/REPO` or the URL, with ` (folder SUBDIR)` behind it where there is one. */
void location_append_text(struct text *out, const struct location *location);

#endif
