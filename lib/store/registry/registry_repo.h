/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One of the two git repositories that the server writes: the registry (metadata, package sets) or the index (manifests).
 * lib/store/README.md, Repositories.
 *
 * Others push to the same branch. So a change is a function from a file's current content to its new one, which can be applied
 * again on a newer base: fetch, apply each change as its own commit, push once, fast-forward only; a refused push starts over.
 * A commit that is not pushed is an unreferenced object: after a crash no later push can include it.
 *
 *   a repository on this disk (path, file://)     is opened itself; fetching reads its branch, pushing moves the branch if it
 *                                                 has not moved since it was read
 *   any other (https://)                          has a bare clone in `clone_folder`, made if missing, and made again if
 *                                                 damaged; no work tree
 *
 * Calls from several threads are serialised. A repository has several writers (services, machines): a writer must hold the
 * repository's lock in Redis (lib/store/redis/lock.h). Taking it, and obeying READONLY, is up to the caller.
 */
#ifndef LIB_STORE_REGISTRY_REGISTRY_REPO_H
#define LIB_STORE_REGISTRY_REGISTRY_REPO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/deadline.h"
#include "lib/base/error.h"

enum { REGISTRY_COMMIT_MAX = 41 }; /* 40 hex digits and the NUL */

struct registry_repo;

struct registry_repo_options {
    const char *url;          /* settings REGISTRY_REPO, REGISTRY_INDEX_REPO: a path, file://, https:// or http:// */
    const char *clone_folder; /* for a repository that is not on this disk; its parent is made. Each process has its own */
    const char *token;        /* PACCHETTIBOTTI_TOKEN, sent over https; NULL: none */
    const char *authorities;  /* GIT_CA_FILE; NULL: this machine's */
    int64_t silence_ms;       /* how long the remote may send nothing; 0: as long as the deadline allows */
};

/* Opens the repository, cloning it if need be, and reads where its default branch is. The texts are copied.
 * STATUS_NOT_FOUND: there is no such repository. */
CHECK_RESULT enum status registry_repo_open(struct registry_repo **out, const struct registry_repo_options *options,
                                            struct deadline *deadline, struct error *err);
void registry_repo_free(struct registry_repo *repo);

/* Sets the token, from the next connection on. NULL: none. Any thread; never blocks. */
void registry_repo_set_token(struct registry_repo *repo, const char *token);

/* Asks where the remote's branch is now, and fetches new commits. `head` (may be NULL) gets the commit, "" if the branch has
 * none yet. */
CHECK_RESULT enum status registry_repo_fetch(struct registry_repo *repo, struct deadline *deadline,
                                             char head[REGISTRY_COMMIT_MAX], struct error *err);

/* A refusal by the host of our own repositories (expired token, moved repository, hook) is for operators to fix, so it becomes
 * STATUS_UNAVAILABLE; other statuses stay. Marks a temporary failure as trouble with the repository, and returns the status. */
enum status registry_repo_as_trouble(enum status status, struct error *err);

/* Checks the disk that the repository or its clone is on (lib/base/disk.h). */
CHECK_RESULT enum status registry_repo_check_disk(const struct registry_repo *repo, struct error *err);

/* ---- Reading ---- */

struct registry_file {
    const char *bytes; /* NUL-terminated; NULL: there is no such file */
    size_t length;
};

/* Reads the file's content at the last fetched head, into the arena. A file that does not exist is no failure. */
CHECK_RESULT enum status registry_repo_read(struct registry_repo *repo, const char *path, struct arena *arena,
                                            struct registry_file *out, struct error *err);

/* Called for each file that differs; path and content are borrowed for the call. A status other than STATUS_OK ends the walk
 * and is passed on. */
typedef enum status registry_visit(const char *path, const struct registry_file *file, void *context, struct error *err);

/* Finds the newest commit with that message (as in struct registry_change) among the last thousands up to the last fetched
 * head: for example one of an earlier run of a job. STATUS_NOT_FOUND: there is none. */
CHECK_RESULT enum status registry_repo_find_commit(struct registry_repo *repo, const char *message,
                                                   char commit[REGISTRY_COMMIT_MAX], struct error *err);

/* Visits, in path order, every file that differs between two commits, with its content in `to` (bytes NULL: removed). `from`
 * "": every file of `to`. Only regular files under `folder` ("metadata"; NULL: all) are visited. The repository's other users
 * do not wait. STATUS_NOT_FOUND: `from` is no commit of this repository (its history was rewritten): read everything again.
 * STATUS_INTERNAL: an object cannot be read; the next fetch makes a damaged clone again. */
CHECK_RESULT enum status registry_repo_compare(struct registry_repo *repo, const char *from, const char *to, const char *folder,
                                               registry_visit *visit, void *context, struct error *err);

/* The same on all cores if there are many files: `visit` is called by several threads at once, in unspecified order. */
CHECK_RESULT enum status registry_repo_compare_in_threads(struct registry_repo *repo, const char *from, const char *to,
                                                          const char *folder, registry_visit *visit, void *context,
                                                          struct error *err);

/* ---- Writing ---- */

enum registry_edit_kind {
    REGISTRY_KEEP,  /* the file is already as it should be: no commit */
    REGISTRY_WRITE, /* `content` is the new content */
    REGISTRY_REMOVE,
};

struct registry_edit {
    enum registry_edit_kind kind;
    struct registry_file content; /* in the arena that the function was given, or living as long as the change */
};

/* Decides the change to the file whose content is `current`. May be called again, on another base: so it must change nothing
 * but `out`, and must not call the repository. Another status than STATUS_OK: this change is left out (the others are made),
 * with that status and error. */
typedef enum status registry_edit_function(struct registry_edit *out, const struct registry_file *current, void *context,
                                           struct arena *arena, struct error *err);

/* One more file of a change's commit. */
struct registry_file_edit {
    const char *path;
    registry_edit_function *edit; /* with the change's context; if it fails, the whole change is left out */
};

enum { REGISTRY_TAGS_MAX = 4 }; /* of all changes in one call */

struct registry_change {
    const char *path;    /* `metadata/prelude.json`, `pr/el/prelude` */
    const char *message; /* the commit's whole message, including its paragraph `Job ID: ID` */
    registry_edit_function *edit;
    void *context;
    const struct registry_file_edit *more; /* further files; NULL: none */
    size_t more_count;
    /* Names of tags that are pushed with the commit, together or not at all, where the remote is not on this disk. The first
     * stands for the change, the others are added where they are missing.
     *   the first is at a commit whose message has this change's first line: the change is already made
     *   it is at another commit: the change is left out, and `is_tag_taken`
     *   there is no such tag, but a commit with that first line, of an interrupted run: that commit gets the tags
     *   else there is a new commit, also if all files are already so */
    const char *const *tags;
    size_t tag_count;
    /* The head for which the change was decided, where its rule is about more than its own file; NULL: any. On another head it
     * is left out, with STATUS_CONFLICT. */
    const char *base;

    /* The outcome, set by registry_repo_apply(): */
    enum status status;               /* of `edit`, as last called */
    struct error *err;                /* the caller's place for that status's message; NULL: not wanted */
    bool written;                     /* false: it was already so, or `is_tag_taken` */
    bool is_tag_taken;                /* the first tag stands at `commit`, which is of another change */
    char commit[REGISTRY_COMMIT_MAX]; /* its commit, or, if it was already so, the head it was seen at */
};

/* Applies the changes in their order, each as one commit by pacchettibotti, and pushes once. A refused push starts over, at
 * most `tries` times in all. STATUS_OK: each change has its outcome. Anything else: nothing is known to be pushed
 * (STATUS_CONFLICT: the remote had moved each time); after another try, changes that did get through are "already so". */
CHECK_RESULT enum status registry_repo_apply(struct registry_repo *repo, struct registry_change *changes, size_t count,
                                             int tries, struct deadline *deadline, struct error *err);

/* For a writer that was refused several times, because others push all the time: waits up to `wait_ms` until the next of them
 * has pushed, and fetches that; the next registry_repo_apply() then pushes without another fetch, and has the time until their
 * next push. Other calls can run between the polls. Returns at once for a repository on this disk. */
CHECK_RESULT enum status registry_repo_await_move(struct registry_repo *repo, int wait_ms, struct deadline *deadline,
                                                  struct error *err);

/* Removes the `*.lock` files and unfinished packs that a killed writer left in the repository on disk (or the clone) and that
 * are older than `older_than_ms`. For the holder of the repository's lock in Redis, before it writes. `removed` (may be NULL)
 * counts them. */
CHECK_RESULT enum status registry_repo_remove_stale_locks(struct registry_repo *repo, int64_t older_than_ms, size_t *removed,
                                                          struct error *err);

#endif
