/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/git/bare_repository.h"

#include "tests/support/cmocka_all.h"

#include <git2.h>
#include <git2/sys/index.h>
#include <git2/sys/repository.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/base/error.h"
#include "lib/tools/git/git_transport.h"

static void check(int result, const char *path) {
    if (result < 0) fail_msg("%s: %s", path, git_error_last() ? git_error_last()->message : "libgit2 does not say why");
}

static void start(void) {
    struct error err;
    if (git_transport_start(&err)) fail_msg("%s", err.message);
}

static git_repository *open_bare(const char *path) {
    git_repository *repository = NULL;
    start();
    check(git_repository_open_bare(&repository, path), path);
    return repository;
}

static git_repository *make_bare(const char *path) {
    git_repository *repository = NULL;
    git_repository_init_options options = {
        .version = GIT_REPOSITORY_INIT_OPTIONS_VERSION,
        .flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKDIR | GIT_REPOSITORY_INIT_MKPATH,
        .initial_head = "main",
    };
    start();
    check(git_repository_init_ext(&repository, path, &options), path);
    return repository;
}

/* The last commit of main; false if there is none yet. */
static bool find_main(git_commit **out, git_repository *repository) {
    git_oid id;
    if (git_reference_name_to_id(&id, repository, "refs/heads/main") < 0) return false;
    check(git_commit_lookup(out, repository, &id), git_repository_path(repository));
    return true;
}

/* The author of a commit, at the time in GIT_COMMITTER_DATE, which git observes and libgit2 does not, else now. */
static git_signature *sign(const char *author, const char *path) {
    char address[64];
    git_signature *signature = NULL;
    struct tm date = {0};
    const char *given = getenv("GIT_COMMITTER_DATE");
    snprintf(address, sizeof address, "%s@%s", author,
             strcmp(author, "pacchettibotti") == 0 ? "purescript.org" : "example.org");
    check(git_signature_now(&signature, author, address), path);
    if (given && !strptime(given, "%Y-%m-%dT%H:%M:%SZ", &date)) fail_msg("GIT_COMMITTER_DATE is %s", given);
    if (given) signature->when = (git_time){.time = timegm(&date), .sign = '+'};
    return signature;
}

static void commit(git_oid *out, git_repository *repository, const git_oid *tree_id, const char *author, const char *message) {
    const char *path = git_repository_path(repository);
    git_signature *signature = sign(author, path);
    git_tree *tree = NULL;
    git_commit *parent = NULL;
    check(git_tree_lookup(&tree, repository, tree_id), path);
    const git_commit *parents[] = {find_main(&parent, repository) ? parent : NULL};
    check(git_commit_create(out, repository, "refs/heads/main", signature, signature, NULL, message, tree, parent != NULL,
                            parents),
          path);
    git_commit_free(parent);
    git_tree_free(tree);
    git_signature_free(signature);
}

void bare_repository_make_first(const char *path) {
    git_oid id, tree_id;
    git_config *config = NULL;
    git_treebuilder *builder = NULL;
    git_repository *repository = make_bare(path);
    check(git_blob_create_from_buffer(&id, repository, "Nothing yet.\n", strlen("Nothing yet.\n")), path);
    check(git_treebuilder_new(&builder, repository, NULL), path);
    check(git_treebuilder_insert(NULL, builder, "README.md", &id, GIT_FILEMODE_BLOB), path);
    check(git_treebuilder_write(&tree_id, builder), path);
    commit(&id, repository, &tree_id, "pacchettibotti", "Begin\n");
    check(git_repository_config(&config, repository), path);
    check(git_config_set_bool(config, "http.receivepack", true), path);
    git_config_free(config);
    git_treebuilder_free(builder);
    git_repository_free(repository);
}

/* The index is in memory: nothing of it stays in the repository. */
static void write_tree(git_oid *out, git_repository *repository, const char *folder) {
    git_index *index = NULL;
    check(git_repository_set_workdir(repository, folder, 0), folder);
    check(git_index_new(&index), folder);
    check(git_repository_set_index(repository, index), folder);
    check(git_index_add_all(index, NULL, GIT_INDEX_ADD_DEFAULT, NULL, NULL), folder);
    check(git_index_write_tree_to(out, index, repository), folder);
    git_index_free(index);
}

void bare_repository_commit_folder(const char *path, const char *folder, const char *author, const char *tag) {
    git_oid tree_id, id;
    char name[128];
    git_reference *reference = NULL;
    start();
    git_repository *repository =
        git_repository_open_ext(NULL, path, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL) < 0 ? make_bare(path) : open_bare(path);
    write_tree(&tree_id, repository, folder);
    commit(&id, repository, &tree_id, author, tag);
    snprintf(name, sizeof name, "refs/tags/%s", tag);
    check(git_reference_create(&reference, repository, name, &id, true, NULL), path);
    git_reference_free(reference);
    git_repository_free(repository);
}

void bare_repository_write(const char *path, const char *file, const char *content, const char *author) {
    git_oid id;
    git_commit *parent = NULL;
    git_tree *tree = NULL;
    git_tree_update update = {.action = GIT_TREE_UPDATE_REMOVE, .path = file};
    git_repository *repository = open_bare(path);
    if (!find_main(&parent, repository)) fail_msg("%s has no branch main", path);
    check(git_commit_tree(&tree, parent), path);
    if (content) {
        update.action = GIT_TREE_UPDATE_UPSERT;
        update.filemode = GIT_FILEMODE_BLOB;
        check(git_blob_create_from_buffer(&update.id, repository, content, strlen(content)), path);
    }
    check(git_tree_create_updated(&id, repository, tree, 1, &update), file);
    commit(&id, repository, &id, author, "By hand\n");
    git_tree_free(tree);
    git_commit_free(parent);
    git_repository_free(repository);
}

char *bare_repository_read(const char *path, const char *file, struct arena *arena) {
    char *copy = NULL;
    git_object *object = NULL;
    git_repository *repository = open_bare(path);
    int result = git_revparse_single(&object, repository, arena_format(arena, "HEAD:%s", file));
    if (result < 0 && result != GIT_ENOTFOUND) check(result, path);
    if (result == 0) {
        const git_blob *blob = (const git_blob *)object;
        assert_int_equal(git_object_type(object), GIT_OBJECT_BLOB);
        copy = arena_copy_bytes(arena, git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob));
    }
    git_object_free(object);
    git_repository_free(repository);
    return copy;
}

struct list {
    char **paths; /* NULL: the files are only counted */
    size_t count;
    struct arena *arena;
};

static int add_file(const char *folder, const git_tree_entry *entry, void *context) {
    struct list *list = context;
    if (git_tree_entry_type(entry) == GIT_OBJECT_TREE) return 0;
    if (list->paths) list->paths[list->count] = arena_format(list->arena, "%s%s", folder, git_tree_entry_name(entry));
    list->count++;
    return 0;
}

char **bare_repository_list(const char *path, struct arena *arena) {
    struct list list = {.arena = arena};
    git_object *tree = NULL;
    git_repository *repository = open_bare(path);
    check(git_revparse_single(&tree, repository, "HEAD^{tree}"), path);
    check(git_tree_walk((git_tree *)tree, GIT_TREEWALK_PRE, add_file, &list), path);
    list.paths = arena_alloc(arena, (list.count + 1) * sizeof *list.paths);
    list.count = 0;
    check(git_tree_walk((git_tree *)tree, GIT_TREEWALK_PRE, add_file, &list), path);
    git_object_free(tree);
    git_repository_free(repository);
    return list.paths;
}

static git_commit *need_main(git_repository *repository) {
    git_commit *last = NULL;
    if (!find_main(&last, repository)) fail_msg("%s has no branch main", git_repository_path(repository));
    return last;
}

char *bare_repository_head(const char *path, struct arena *arena) {
    char text[GIT_OID_HEXSZ + 1];
    git_repository *repository = open_bare(path);
    git_commit *last = need_main(repository);
    git_oid_tostr(text, sizeof text, git_commit_id(last));
    git_commit_free(last);
    git_repository_free(repository);
    return arena_copy(arena, text);
}

char *bare_repository_subject(const char *path, struct arena *arena) {
    git_repository *repository = open_bare(path);
    git_commit *last = need_main(repository);
    char *subject = arena_copy(arena, git_commit_summary(last));
    git_commit_free(last);
    git_repository_free(repository);
    return subject;
}

size_t bare_repository_count(const char *path) {
    git_revwalk *walk = NULL;
    git_oid id;
    size_t count = 0;
    git_repository *repository = open_bare(path);
    check(git_revwalk_new(&walk, repository), path);
    check(git_revwalk_push_ref(walk, "refs/heads/main"), path);
    while (git_revwalk_next(&id, walk) == 0)
        count++;
    git_revwalk_free(walk);
    git_repository_free(repository);
    return count;
}
