/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Shared by registry_repo.c (opening, fetching, reading), registry_compare.c (differences), registry_repo_history.c (commits and
 * tags that are there), registry_repo_write.c (committing, pushing) and registry_repo_upkeep.c (repacking), and private to them.
 */
#ifndef LIB_STORE_REGISTRY_REGISTRY_REPO_PARTS_H
#define LIB_STORE_REGISTRY_REGISTRY_REPO_PARTS_H

#include <pthread.h>

#include "lib/store/registry/registry_repo.h"
#include "lib/store/registry/registry_repo_pack.h"
#include "lib/tools/git/git_push.h"
#include "lib/tools/git/git_transport.h"

#define REGISTRY_HEAD_REF "refs/registry/head" /* in a clone: the remote's branch as it was fetched or pushed last */
#define REGISTRY_COMMITTER_NAME "pacchettibotti"
#define REGISTRY_COMMITTER_EMAIL "pacchettibotti@purescript.org"

/* A commit, and its tree; zero: there is none. */
struct registry_tip {
    git_oid commit;
    git_oid tree;
};

/* A tag that the changes under way ask for. */
struct registry_tag {
    const char *name; /* the change's; without `refs/tags/` */
    git_oid commit;   /* as of the last fetch; zero: there is no such tag */
};

struct registry_repo {
    pthread_mutex_t mutex; /* guards all members below that change, but the token */
    char *url;
    const char *_Atomic token; /* kept for ever (lib/base/secret.h) */
    char *authorities;
    int64_t silence_ms;
    char *path; /* of `git`: the repository itself, or the clone */
    bool is_local;
    bool is_damaged; /* a clone whose objects could not be read: made again by the next fetch */
    bool is_worn;    /* a handle that may hold packs which are deleted: reopened by the next fetch */
    int64_t opened_ms;
    git_repository *git;
    struct git_pusher *pusher; /* NULL: is_local */
    int64_t seen_ms;           /* when the remote last reported its branch at `head`; 0: not known, or is_local */
    int64_t refused_ms;        /* when a push was last refused because the branch had moved; 0: never */
    bool is_after_move;        /* `head` is a push of another writer that was waited for; false after our next push */
    struct registry_pack pack; /* of the commits that are being made; zeroed before the first */
    char *branch;              /* the remote's default branch: refs/heads/main */
    git_oid head;              /* zero while the branch has no commit */
    struct registry_tip made;  /* the commit that was pushed last */
    struct registry_tag tags[REGISTRY_TAGS_MAX];
    size_t tag_count;
};

/* Names the repository or clone in a failure of this machine, whose disk may be the cause. `err` may be NULL. */
enum status registry_repo_name_place(const struct registry_repo *repo, enum status status, struct error *err);

/* registry_repo_fetch() with the mutex held. A clone is only a copy: if it fails, it is made again, once. */
CHECK_RESULT enum status registry_repo_fetch_locked(struct registry_repo *repo, struct deadline *deadline, struct error *err);

/* True: the head is so recent that the remote need not be asked again; it refuses a push if its branch has moved. */
bool registry_repo_is_fresh(const struct registry_repo *repo);

/* To be called after a repack: the handle must be reopened. Any thread. */
void registry_repo_wear(struct registry_repo *repo);

/* How the remote is accessed: the operator chooses it, so private addresses are allowed. */
struct git_access registry_repo_access(const struct registry_repo *repo, struct deadline *deadline);

/* ---- registry_repo_history.c; with the mutex held ---- */

/* Sets the commit of each of repo->tags. `connection`: to the remote, whose refs were read; NULL: the repository is on this
 * disk. The commits are fetched. */
CHECK_RESULT enum status registry_repo_find_tags(struct registry_repo *repo, struct git_connection *connection,
                                                 struct error *err);

/* NULL: it is none of repo->tags. */
const struct registry_tag *registry_repo_tag(const struct registry_repo *repo, const char *name);

/* True if the commit's message has the same first line as `message`. */
bool registry_repo_has_subject(git_repository *git, const git_oid *id, const char *message);

/* Finds the newest commit with the same first line. STATUS_NOT_FOUND: there is none. */
CHECK_RESULT enum status registry_repo_find_subject(struct registry_repo *repo, const char *message, git_oid *out,
                                                    struct error *err);

/* ---- registry_repo.c ---- */

CHECK_RESULT enum status registry_repo_point_ref(struct registry_repo *repo, const char *name, const git_oid *id,
                                                 struct error *err);

/* STATUS_INTERNAL with libgit2's reason: for objects that must exist. */
enum status registry_repo_cannot_read(const char *what, struct error *err);

/* The tree of a commit, the caller's to free; NULL for the zero id. */
CHECK_RESULT enum status registry_repo_read_tree(git_tree **out, git_repository *git, const git_oid *commit_id,
                                                 struct error *err);

bool registry_repo_is_regular(git_filemode_t mode); /* a file, not a link, folder or submodule */

/* Copies the blob's content into the arena; `path` is for the message if it cannot be read. */
CHECK_RESULT enum status registry_repo_copy_blob(git_repository *git, const git_oid *id, const char *path, struct arena *arena,
                                                 struct registry_file *out, struct error *err);

#endif
