/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A package's source out of a git repository, in this process: finds the ref among those that the remote advertises, fetches
 * it, writes its files (lib/source/README.md, Sources). The services do not call this: a source is a stranger's, and is fetched
 * by a process of its own (lib/source/source_fetch.h), whose main is what calls it.
 */
#ifndef LIB_TOOLS_GIT_SOURCE_H
#define LIB_TOOLS_GIT_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/deadline.h"
#include "lib/base/error.h"

enum { GIT_COMMIT_MAX = 41 }; /* 40 hex digits and the NUL */

struct git_source {
    const char *url;
    const char *ref;          /* name of a tag or branch: refs/tags/REF, then refs/heads/REF */
    const char *subdir;       /* the package's folder in the repository; NULL: its root */
    const char *known_commit; /* what `ref` was resolved to by an earlier attempt, to be used again; NULL: none */
    const char *authorities;  /* setting GIT_CA_FILE; NULL: this machine's */
    bool allow_private;       /* setting SOURCE_ALLOW_PRIVATE */
    int64_t limit_bytes;      /* received, and in the work tree */
    int64_t limit_files;
    int64_t silence_ms; /* setting SOURCE_SILENCE_MS; 0: none */
};

/* The registry's rule (lib/domain/ref.h), and git's own on top of it. STATUS_INVALID with path `ref`. */
CHECK_RESULT enum status git_source_check_ref(const char *ref, struct error *err);

/* Makes `work_folder`/tree, the package's files; `work_folder`/clone is a bare repository on the way, removed again.
 * `work_folder` exists and is empty. `commit` gets the id in hex, *committed_ms the committer's time (whatever lies outside of
 * the years 1970 to 9999 becomes the nearest that does not). What is wrong with the ref has the path `ref`. */
CHECK_RESULT enum status git_source_fetch(const struct git_source *source, const char *work_folder, struct deadline *deadline,
                                          char commit[GIT_COMMIT_MAX], int64_t *committed_ms, struct error *err);

#endif
