/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: what the server left behind in its repositories and its storage folder, read by the git program and by eyes of
 * their own (none of lib/domain), so that a fault there is not its own witness.
 */
#ifndef TESTS_SUPPORT_REGISTRY_CHECK_H
#define TESTS_SUPPORT_REGISTRY_CHECK_H

#include <jansson.h>

#include "tests/support/server/server_fixture.h"

/* Where things are, for shell_output() and git -C. */
#define REGISTRY_REPO "registry.git"
#define INDEX_REPO "registry-index.git"

/* The heads of both repositories and every file in storage with its hash: equal texts mean that nothing was written. */
char *registry_snapshot(struct server *server);

/* A file at the head of a repository, in the server's arena; NULL where there is none. */
char *registry_file(struct server *server, const char *repo, const char *path);

/* The metadata's entry of a version, which must be published; the caller owns it. */
json_t *registry_published(struct server *server, const char *name, const char *version);

/* Changes a repository behind the server's back: `content` NULL removes the file. */
void registry_write(struct server *server, const char *repo, const char *path, const char *content);

/* Both repositories pass git fsck; every published version has its manifest in the index and its tarball in storage, of the
 * size and hash in the metadata, and nothing else is there; no stale locks, nothing half-written. */
void registry_expect_consistency(struct server *server);

/* Every commit since the first is pacchettibotti's, with its message (lib/store/README.md, Repositories); every version has
 * exactly one commit in each repository, each with a job id of its own, the same in both. */
void registry_expect_one_commit_each(struct server *server);

#endif
