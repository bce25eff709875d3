/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/git/git_source.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/disk.h"
#include "lib/base/folder.h"
#include "lib/base/text.h"
#include "lib/domain/package/ref.h"
#include "lib/tools/git/git_checkout.h"
#include "lib/tools/git/git_transport.h"

static const int64_t LAST_SECOND = 253402300799; /* of the year 9999 */

enum status git_source_check_ref(const char *ref, struct error *err) {
    enum status status = ref_check(ref, err);
    if (status) return error_under(err, "ref");
    struct text name = {0};
    int is_valid = 0;
    text_append_format(&name, "refs/tags/%s", ref);
    if (git_reference_name_is_valid(&is_valid, name.bytes) < 0 || !is_valid)
        status = error_set_at(err, STATUS_INVALID, "ref", "'%s' is not the name of a tag or a branch.", ref);
    text_release(&name);
    return status;
}

/* Finds refs/tags/REF, then refs/heads/REF, among the advertised refs. */
static enum status find_ref(struct git_connection *connection, const struct git_source *source, struct text *name, git_oid *id,
                            struct error *err) {
    static const char *const folders[] = {"refs/tags/", "refs/heads/"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        text_clear(name);
        text_append(name, folders[i]);
        text_append(name, source->ref);
        if (git_connection_find(connection, name->bytes, id)) return STATUS_OK;
    }
    return error_set_at(err, STATUS_INVALID, "ref", "There is no tag or branch named '%s' in %s.", source->ref, source->url);
}

/* Resolves the ref to a commit (an annotated tag is an object of its own), or to source->known_commit if that is set and the
 * ref still contains it. */
static enum status resolve_commit(git_repository *repository, const struct git_source *source, git_oid *id, struct error *err) {
    git_object *object = NULL;
    git_object *commit = NULL;
    int code = git_object_lookup(&object, repository, id, GIT_OBJECT_ANY);
    if (code == 0) code = git_object_peel(&commit, object, GIT_OBJECT_COMMIT);
    if (code == 0) git_oid_cpy(id, git_object_id(commit));
    git_object_free(commit);
    git_object_free(object);
    if (code < 0) return error_set_at(err, STATUS_INVALID, "ref", "'%s' does not name a commit.", source->ref);
    if (!source->known_commit) return STATUS_OK;

    git_oid known;
    if (git_oid_fromstr(&known, source->known_commit) < 0)
        return error_set(err, STATUS_INTERNAL, "'%.100s' is not a commit id.", source->known_commit);
    if (!git_oid_equal(&known, id) && git_graph_descendant_of(repository, id, &known) != 1)
        return error_set_at(err, STATUS_REFUSED, "ref", "'%s' no longer names commit %s, which this job publishes.",
                            source->ref, source->known_commit);
    git_oid_cpy(id, &known);
    return STATUS_OK;
}

/* Finds the cause of a failed fetch: STATUS_INTERNAL for our disk or system, STATUS_REFUSED for the host's data. */
static enum status judge_fetch(git_repository *repository, struct error *err) {
    const git_error *last = git_error_last();
    struct error full;
    if (disk_check(NULL, git_repository_path(repository), &full)) return error_set(err, STATUS_INTERNAL, "%s", full.message);
    if (last && last->klass == GIT_ERROR_OS) return STATUS_INTERNAL;
    return error_set(err, STATUS_REFUSED, "%s", err->message);
}

static enum status fetch_commit(git_repository *repository, const struct git_source *source, struct deadline *deadline,
                                git_oid *id, struct error *err) {
    struct git_access access = {.authorities = source->authorities,
                                .allow_private = source->allow_private,
                                .limit_bytes = source->limit_bytes,
                                .silence_ms = source->silence_ms,
                                .deadline = deadline};
    struct git_connection *connection = NULL;
    struct text ref = {0};
    enum status status = git_connection_open(&connection, repository, source->url, &access, err);
    if (!status) status = find_ref(connection, source, &ref, id, err);
    if (!status) status = git_connection_fetch(connection, ref.bytes, err);
    git_connection_free(connection);
    text_release(&ref);
    if (status == STATUS_INTERNAL) status = judge_fetch(repository, err);
    return status ? status : resolve_commit(repository, source, id, err);
}

static enum status read_time(git_repository *repository, const git_oid *id, int64_t *committed_ms, struct error *err) {
    git_commit *commit = NULL;
    int code = git_commit_lookup(&commit, repository, id);
    if (code < 0) return git_transport_failure(code, "The commit could not be read", err);
    int64_t time = git_commit_time(commit);
    *committed_ms = (time < 0 ? 0 : time > LAST_SECOND ? LAST_SECOND : time) * 1000;
    git_commit_free(commit);
    return STATUS_OK;
}

enum status git_source_fetch(const struct git_source *source, const char *work_folder, struct deadline *deadline,
                             char commit[GIT_COMMIT_MAX], int64_t *committed_ms, struct error *err) {
    struct text clone = {0}, tree = {0};
    git_repository *repository = NULL;
    git_oid id;
    struct git_checkout_limits limits = {.bytes = source->limit_bytes, .files = source->limit_files};
    enum status status = git_transport_start(err);
    if (!status) status = git_source_check_ref(source->ref, err);
    if (status) return status;

    text_append_format(&clone, "%s/clone", work_folder);
    text_append_format(&tree, "%s/tree", work_folder);
#ifdef HAVE_PACK_MAX_OBJECT_SIZE
    git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECT_SIZE, (size_t)source->limit_bytes);
#endif
    int code = git_repository_init(&repository, clone.bytes, 1);
    if (code < 0)
        status = git_transport_failure(code, "The clone could not be made", err);
    else if (mkdir(tree.bytes, 0755) != 0 || chmod(tree.bytes, 0755) != 0)
        status = error_set(err, STATUS_INTERNAL, "The folder '%s' could not be made: %s.", tree.bytes, strerror(errno));
    if (!status) status = fetch_commit(repository, source, deadline, &id, err);
    if (!status) status = git_checkout_write(repository, &id, source->subdir, tree.bytes, &limits, deadline, err);
    if (!status) status = read_time(repository, &id, committed_ms, err);
    if (!status) git_oid_tostr(commit, GIT_COMMIT_MAX, &id);
    git_repository_free(repository);
    folder_remove(clone.bytes);
    text_release(&clone);
    text_release(&tree);
    return status;
}
