/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The location of a package's source (lib/domain/README.md, Location): a repository at GitHub or any git URL, each with an
 * optional folder inside. Reading and checking are separate: data that is already in the registry is read as it is; a location
 * to be published or fetched is checked by location_check_published() or location_check_source().
 */
#ifndef LIB_DOMAIN_PACKAGE_LOCATION_H
#define LIB_DOMAIN_PACKAGE_LOCATION_H

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

/* Texts are owned by the arena that it was read into. */
struct location {
    enum location_kind kind;
    const char *github_owner; /* LOCATION_GITHUB, else NULL */
    const char *github_repo;  /* LOCATION_GITHUB, else NULL */
    const char *git_url;      /* LOCATION_GIT, else NULL */
    const char *subdir;       /* NULL: the repository's root */
};

/* Checks only the shape: the fields of exactly one kind, and that they are texts. STATUS_INVALID with the field as path. */
CHECK_RESULT enum status location_read(struct location *out, const json_t *object, struct arena *arena, struct error *err);

/* Checks that the location may be written to the registry. A client that cannot read it fails on the package's whole metadata
 * file, so this rule, which suits every released client, has no exceptions. STATUS_INVALID with the field as path. */
CHECK_RESULT enum status location_check_published(const struct location *location, struct error *err);

/* Checks that the location may be fetched (lib/source/README.md, Sources): GitHub, and git URLs by https. `allow_private` is
 * the setting SOURCE_ALLOW_PRIVATE, which adds `http://`, `git://`, ports, and `file://` with an absolute path. Such a location
 * may still not be publishable, and the fetcher must check the addresses of a host name. STATUS_INVALID with the field as
 * path. */
CHECK_RESULT enum status location_check_source(const struct location *location, bool allow_private, struct error *err);

/* The object `{"githubOwner", "githubRepo", "subdir"?}` or `{"gitUrl", "subdir"?}`. */
void location_write(struct json_writer *writer, const struct location *location);

/* True if both are the same place (lib/domain/README.md, Location): GitHub repositories, also as a `gitUrl`, are compared
 * without case; `subdir` exactly, so two folders of one repository are two places. */
bool location_equal(const struct location *a, const struct location *b);

/* A repository at GitHub. Texts are in the arena that it was found with. */
struct github_repository {
    const char *owner;
    const char *name; /* without a final `.git` */
};

/* True if the location is at GitHub, also as a `gitUrl`; `subdir` does not matter. */
bool location_find_github(struct github_repository *out, const struct location *location, struct arena *arena);

/* For messages: `github.com/OWNER/REPO` or the URL, followed by ` (folder SUBDIR)` if there is one. */
void location_append_text(struct text *out, const struct location *location);

#endif
