/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: bare repositories, made, changed and read in this process by libgit2. Fixtures do this many times, and a git
 * process for each step takes longer than the step. The results of the code under test are still checked by git itself
 * (tests/support/registry_check.h). Any failure fails the test.
 */
#ifndef TESTS_SUPPORT_GIT_BARE_REPOSITORY_H
#define TESTS_SUPPORT_GIT_BARE_REPOSITORY_H

#include "lib/base/arena.h"

/* Makes a repository at `path` whose only branch, main, has one commit with one file, README.md. It accepts pushes by http. */
void bare_repository_make_first(const char *path);

/* Commits the content of `folder`, as `git add -A` takes it (links, modes, without files that .gitignore excludes), to main, by
 * `author`, and moves the tag `tag` there; at the time in GIT_COMMITTER_DATE, if that is set. Makes the repository if there is
 * none. */
void bare_repository_commit_folder(const char *path, const char *folder, const char *author, const char *tag);

/* Commits one changed file to main, by `author`; `content` NULL removes the file, which must be there. Fails if main moves
 * meanwhile. */
void bare_repository_write(const char *path, const char *file, const char *content, const char *author);

/* The content of a file at HEAD, followed by a NUL; NULL if HEAD has none. In the arena. */
char *bare_repository_read(const char *path, const char *file, struct arena *arena);

/* The paths of all files at HEAD in the order of git ls-tree -r, with NULL at the end. In the arena. */
char **bare_repository_list(const char *path, struct arena *arena);

/* Of main: the id of its last commit and the first line of that commit's message, both in the arena; the number of its
 * commits. */
char *bare_repository_head(const char *path, struct arena *arena);
char *bare_repository_subject(const char *path, struct arena *arena);
size_t bare_repository_count(const char *path);

#endif
