/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/git/git_snapshot.h"

#include <git2.h>
#include <string.h>

#include "lib/base/folder.h"
#include "lib/base/text.h"
#include "lib/tools/git/git_transport.h"

/* Attributes in the folder must not change a byte, neither here nor when the git program compares. */
static const char attributes[] = "* -text -eol -ident -filter -working-tree-encoding\n";

static enum status write_information(git_repository *repository, const char *name, const char *content, struct error *err) {
    struct text path = {0};
    text_append_format(&path, "%sinfo", git_repository_path(repository));
    enum status status = folder_make(text_view(&path), err);
    text_append_format(&path, "/%s", name);
    if (!status) status = file_write(text_view(&path), content, strlen(content), err);
    text_release(&path);
    return status;
}

static enum status write_excluded(git_repository *repository, const char *const *excluded, struct error *err) {
    struct text lines = {0};
    for (; *excluded; excluded++)
        text_append_format(&lines, "%s\n", *excluded);
    enum status status = write_information(repository, "exclude", text_view(&lines), err);
    text_release(&lines);
    return status;
}

/* Returns libgit2's code. */
static int commit_all(git_repository *repository, const char *tag, int64_t time_ms) {
    git_index *index = NULL;
    git_tree *tree = NULL;
    git_signature *who = NULL;
    git_object *commit = NULL;
    git_oid tree_id, commit_id, tag_id;
    int code = git_repository_index(&index, repository);
    if (code == 0) code = git_index_add_all(index, NULL, GIT_INDEX_ADD_FORCE, NULL, NULL);
    if (code == 0) code = git_index_write(index);
    if (code == 0) code = git_index_write_tree(&tree_id, index);
    if (code == 0) code = git_tree_lookup(&tree, repository, &tree_id);
    if (code == 0) code = git_signature_new(&who, "pacchettibotti", "pacchettibotti@purescript.org", time_ms / 1000, 0);
    if (code == 0) code = git_commit_create_v(&commit_id, repository, "HEAD", who, who, NULL, tag, tree, 0);
    if (code == 0) code = git_object_lookup(&commit, repository, &commit_id, GIT_OBJECT_COMMIT);
    if (code == 0) code = git_tag_create_lightweight(&tag_id, repository, tag, commit, 0);
    git_object_free(commit);
    git_signature_free(who);
    git_tree_free(tree);
    git_index_free(index);
    return code;
}

enum status git_snapshot_make(const char *folder, const char *tag, int64_t time_ms, const char *const *excluded,
                              struct error *err) {
    static const char failure[] = "A git repository for the documentation could not be made";
    git_repository *repository = NULL;
    enum status status = git_transport_start(err);
    if (status) return status;
    int code = git_repository_init(&repository, folder, false);
    if (code < 0) return git_transport_failure(code, failure, err);
    status = write_information(repository, "attributes", attributes, err);
    if (!status) status = write_excluded(repository, excluded, err);
    if (!status && (code = commit_all(repository, tag, time_ms)) < 0) status = git_transport_failure(code, failure, err);
    git_repository_free(repository);
    return status;
}
