/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Gets a package's source from a git repository, within this process: finds the ref among the remote's advertised ones, fetches
 * it, and writes its files (lib/source/README.md, Sources). Services do not call this, because sources are untrusted: a process
 * of its own fetches each (lib/source/source_fetch.h), and its main calls this.
 */
#ifndef LIB_TOOLS_GIT_GIT_SOURCE_H
#define LIB_TOOLS_GIT_GIT_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/deadline.h"
#include "lib/base/error.h"

enum { GIT_COMMIT_MAX = 41 }; /* 40 hex digits and the NUL */

struct git_source {
    const char *url;
    const char *ref;          /* name of a tag or branch: first refs/tags/REF, then refs/heads/REF */
    const char *subdir;       /* the package's folder in the repository; NULL: its root */
    const char *known_commit; /* resolved by an earlier attempt, to be used again; NULL: none */
    const char *authorities;  /* setting GIT_CA_FILE; NULL: those of this machine */
    bool allow_private;       /* setting SOURCE_ALLOW_PRIVATE */
    int64_t limit_bytes;      /* limit on the bytes received, and on those in the work tree */
    int64_t limit_files;
    int64_t silence_ms; /* setting SOURCE_SILENCE_MS; 0: no limit */
};

/* Checks the registry's rule (lib/domain/package/ref.h) and git's own. STATUS_INVALID with path `ref`. */
CHECK_RESULT enum status git_source_check_ref(const char *ref, struct error *err);

/* Writes the package's files to `work_folder`/tree; `work_folder`/clone is a temporary bare repository. `work_folder` must
 * exist and be empty. `commit` gets the id in hex, *committed_ms the committer's time (clamped to the years 1970 to 9999).
 * Errors about the ref have the path `ref`. */
CHECK_RESULT enum status git_source_fetch(const struct git_source *source, const char *work_folder, struct deadline *deadline,
                                          char commit[GIT_COMMIT_MAX], int64_t *committed_ms, struct error *err);

#endif
