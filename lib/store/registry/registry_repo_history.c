/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Commits that a repository has already: found by their message, or by a tag.
 */
#include <string.h>

#include "lib/base/text.h"
#include "lib/store/registry/registry_repo_parts.h"

#define TAG_PREFIX "refs/tags/"

enum { HISTORY_MAX = 10000 }; /* commits searched for one of ours */

/* ---- Messages ---- */

typedef bool fits_function(const char *found, const char *message);

/* git adds a final line break, which `message` need not have. */
static bool is_same_message(const char *found, const char *message) {
    size_t length = strlen(message);
    return strncmp(found, message, length) == 0 && (found[length] == '\0' || text_equal(found + length, "\n"));
}

static bool is_same_subject(const char *found, const char *message) {
    size_t length = strcspn(message, "\n");
    return strncmp(found, message, length) == 0 && (found[length] == '\0' || found[length] == '\n');
}

static bool commit_fits(git_repository *git, const git_oid *id, fits_function *fits, const char *message) {
    git_commit *commit = NULL;
    if (git_commit_lookup(&commit, git, id) < 0) return false;
    bool is_it = fits(git_commit_message(commit), message);
    git_commit_free(commit);
    return is_it;
}

bool registry_repo_has_subject(git_repository *git, const git_oid *id, const char *message) {
    return commit_fits(git, id, is_same_subject, message);
}

static enum status search(struct registry_repo *repo, fits_function *fits, const char *message, git_oid *out,
                          struct error *err) {
    git_revwalk *walk = NULL;
    enum status status = STATUS_NOT_FOUND;
    int code = git_revwalk_new(&walk, repo->git);
    if (code == 0 && !git_oid_is_zero(&repo->head)) code = git_revwalk_push(walk, &repo->head);
    for (int i = 0; code == 0 && status == STATUS_NOT_FOUND && i < HISTORY_MAX; i++) {
        code = git_revwalk_next(out, walk);
        if (code == 0 && commit_fits(repo->git, out, fits, message)) status = STATUS_OK;
    }
    git_revwalk_free(walk);
    if (status == STATUS_OK) return STATUS_OK;
    if (code < 0 && code != GIT_ITEROVER) return registry_repo_cannot_read("The history", err);
    return error_set(err, status, "No commit has the message \"%s\".", message);
}

enum status registry_repo_find_subject(struct registry_repo *repo, const char *message, git_oid *out, struct error *err) {
    return search(repo, is_same_subject, message, out, err);
}

enum status registry_repo_find_commit(struct registry_repo *repo, const char *message, char commit[REGISTRY_COMMIT_MAX],
                                      struct error *err) {
    git_oid id;
    pthread_mutex_lock(&repo->mutex);
    enum status status = search(repo, is_same_message, message, &id, err);
    if (!status) git_oid_tostr(commit, REGISTRY_COMMIT_MAX, &id);
    pthread_mutex_unlock(&repo->mutex);
    return status;
}

/* ---- Tags ---- */

const struct registry_tag *registry_repo_tag(const struct registry_repo *repo, const char *name) {
    for (size_t i = 0; i < repo->tag_count; i++)
        if (text_equal(repo->tags[i].name, name)) return &repo->tags[i];
    return NULL;
}

static enum status find_local(struct registry_repo *repo, struct registry_tag *tag, const char *name, struct error *err) {
    git_reference *ref = NULL;
    git_object *commit = NULL;
    int code = git_reference_lookup(&ref, repo->git, name);
    if (code == GIT_ENOTFOUND) return STATUS_OK;
    if (code == 0) code = git_reference_peel(&commit, ref, GIT_OBJECT_COMMIT);
    if (code == 0) git_oid_cpy(&tag->commit, git_object_id(commit));
    git_object_free(commit);
    git_reference_free(ref);
    return code < 0 ? git_transport_failure(code, "A tag of the repository could not be read", err) : STATUS_OK;
}

/* The remote names the commit of an annotated tag behind `^{}`. */
static enum status find_remote(struct registry_repo *repo, struct registry_tag *tag, const char *name,
                               struct git_connection *connection, struct error *err) {
    git_commit *commit = NULL;
    struct text peeled = {0};
    text_append_format(&peeled, "%s^{}", name);
    bool is_there =
        git_connection_find(connection, peeled.bytes, &tag->commit) || git_connection_find(connection, name, &tag->commit);
    text_release(&peeled);
    if (!is_there) return STATUS_OK;
    bool is_here = git_commit_lookup(&commit, repo->git, &tag->commit) == 0;
    git_commit_free(commit);
    return is_here ? STATUS_OK : git_connection_fetch(connection, name, err);
}

enum status registry_repo_find_tags(struct registry_repo *repo, struct git_connection *connection, struct error *err) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < repo->tag_count && !status; i++) {
        struct registry_tag *tag = &repo->tags[i];
        struct text name = {0};
        memset(&tag->commit, 0, sizeof tag->commit);
        text_append_format(&name, TAG_PREFIX "%s", tag->name);
        status = connection ? find_remote(repo, tag, name.bytes, connection, err) : find_local(repo, tag, name.bytes, err);
        text_release(&name);
    }
    return status;
}
