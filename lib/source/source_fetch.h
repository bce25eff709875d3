/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Fetches a package's source (lib/source/README.md, Sources) in a child process. Sources are untrusted, so the program
 * `registry-fetch-source` runs with a deadline, limits on memory and file sizes, an empty environment without secrets and, if
 * the service is root, as another user. If it hangs, gets a hostile pack or crashes, the job fails with a sentence.
 *
 * lib/source/source_child.h describes its input and output.
 */
#ifndef LIB_SOURCE_SOURCE_FETCH_H
#define LIB_SOURCE_SOURCE_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/deadline.h"
#include "lib/base/error.h"
#include "lib/tools/git/git_source.h"

struct source_request {
    const char *url;          /* for a GitHub location source_github_url(); else the location's gitUrl */
    const char *ref;          /* the name of a tag or a branch */
    const char *subdir;       /* the location's; NULL: none */
    const char *known_commit; /* from an earlier attempt of the job: used again, whatever the ref names now; NULL: none */

    /* Must not exist; it is created here, and the caller removes it, also after a failure. If source_limits.user is set, its
     * parents must be searchable by that user, and a file:// source readable. */
    const char *work_folder;
};

struct source_limits {
    const char *program;     /* path of registry-fetch-source; NULL: in the folder of the running program */
    const char *authorities; /* GIT_CA_FILE; NULL: those of this machine */
    bool allow_private;      /* SOURCE_ALLOW_PRIVATE */
    int64_t timeout_ms;      /* rest of SOURCE_TIMEOUT_MS */
    int64_t silence_ms;      /* SOURCE_SILENCE_MS; 0: no limit */
    int64_t bytes;           /* SOURCE_LIMIT_BYTES: received, and in the work tree; temporary files may have twice that */
    int64_t files;           /* SOURCE_LIMIT_FILES */
    int64_t memory_bytes;    /* SOURCE_LIMIT_MEMORY_BYTES: address space of the child */
    const char *user;        /* the account to run as if this process is root; NULL: unchanged */
};

struct source_fetched {
    char commit[GIT_COMMIT_MAX]; /* the commit that `ref` names, to be kept in the job */
    int64_t committed_ms;        /* the committer's time */
    const char *folder;          /* the package's folder (work_folder/tree), in the arena */
};

/* STATUS_INVALID (path `ref`, `location` or `location.subdir`): a malformed request, or no such ref or folder.
 * STATUS_NOT_FOUND: the repository does not exist or is private. STATUS_REFUSED, STATUS_TOO_LARGE: its content.
 * STATUS_TIMEOUT, STATUS_UNAVAILABLE: retry later. */
CHECK_RESULT enum status source_fetch(struct source_fetched *out, const struct source_request *request,
                                      const struct source_limits *limits, struct deadline *deadline, struct arena *arena,
                                      struct error *err);

/* BASE/OWNER/REPO.git; `base` is the setting GITHUB_GIT_URL. */
const char *source_github_url(struct arena *arena, const char *base, const char *owner, const char *repo);

#endif
