/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: checks of the server's repositories and storage folder, done with the git program and code of their own (nothing
 * of lib/domain), so that a fault of lib/domain cannot hide itself.
 */
#ifndef TESTS_SUPPORT_REGISTRY_CHECK_H
#define TESTS_SUPPORT_REGISTRY_CHECK_H

#include <jansson.h>

#include "tests/support/server/server_fixture.h"

/* Paths for shell_output() and git -C. */
#define REGISTRY_REPO "registry.git"
#define INDEX_REPO "registry-index.git"

/* The heads of both repositories and every file in storage with its hash: equal texts mean that nothing was written. */
char *registry_snapshot(struct server *server);

/* A file at the head of a repository, in the server's arena; NULL if there is none. */
char *registry_file(struct server *server, const char *repo, const char *path);

/* The metadata's entry of a version, which must be published; the caller owns it. */
json_t *registry_published(struct server *server, const char *name, const char *version);

/* Changes a repository behind the server's back: `content` NULL removes the file. */
void registry_write(struct server *server, const char *repo, const char *path, const char *content);

/* Both repositories pass git fsck; every published version has its manifest in the index and its tarball in storage, of the
 * size and hash in the metadata, and there is nothing else; no stale locks, nothing half-written. */
void registry_expect_consistency(struct server *server);

/* Every commit since the first was made by pacchettibotti, with its message (lib/store/README.md, Repositories); every version
 * has exactly one commit in each repository, both with the same job id, which no other version has. */
void registry_expect_one_commit_each(struct server *server);

#endif
