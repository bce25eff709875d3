/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Repacking beside writers and readers: nothing is lost, nothing is thrown away, and everybody goes on.
 */
#include "lib/store/registry_repo_upkeep.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/store/registry_view.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/git_fixture.h"
#include "tests/support/git_server.h"

enum { TEST_TIMEOUT_MS = 100000, WRITERS = 3, COMMITS_EACH = 60, PACKS_MAX = 5 };

#define MANIFEST                                                                                                               \
    "{\"name\":\"a%d\",\"version\":\"1.0.%d\",\"license\":\"MIT\",\"location\":{\"githubOwner\":\"o\","                        \
    "\"githubRepo\":\"a%d\"},\"ref\":\"v1\",\"dependencies\":{}}"

struct scene {
    struct git_fixture git;
    struct git_server *server; /* NULL: the repositories are on this disk */
    struct registry_repo *registry, *index;
    struct deadline deadline;
    struct error err;
};

static struct registry_repo *open_repo(struct scene *scene, const char *name) {
    struct registry_repo *repo = NULL;
    struct arena *arena = &scene->git.arena;
    const char *base = scene->server ? git_server_url(scene->server) : scene->git.folder;
    struct registry_repo_options options = {.url = arena_format(arena, "%s/%s.git", base, name),
                                            .clone_folder = arena_format(arena, "%s/clones/%s.git", scene->git.folder, name)};
    if (registry_repo_open(&repo, &options, &scene->deadline, &scene->err)) fail_msg("%s", scene->err.message);
    return repo;
}

static int set_up(void **state, bool is_local) {
    static struct scene scene;
    scene = (struct scene){0};
    git_fixture_make(&scene.git);
    git_script(&scene.git, "mkdir -p registry index; echo one >registry/file; echo one >index/README.md; "
                           "push_files registry.git; push_files index.git");
    if (!is_local) scene.server = git_server_start(scene.git.folder);
    deadline_start(&scene.deadline, TEST_TIMEOUT_MS);
    scene.registry = open_repo(&scene, "registry");
    scene.index = open_repo(&scene, "index");
    *state = &scene;
    return 0;
}

static int set_up_local(void **state) {
    return set_up(state, true);
}

static int set_up_http(void **state) {
    return set_up(state, false);
}

static int tear_down(void **state) {
    struct scene *scene = *state;
    registry_repo_free(scene->index);
    registry_repo_free(scene->registry);
    git_server_stop(scene->server);
    git_fixture_remove(&scene->git);
    return 0;
}

/* A registry_edit_function: a line more. */
static enum status add_line(struct registry_edit *out, const struct registry_file *current, void *context, struct arena *arena,
                            struct error *err) {
    (void)err;
    const char *whole = arena_format(arena, "%s%s\n", current->bytes ? current->bytes : "", (const char *)context);
    *out = (struct registry_edit){.kind = REGISTRY_WRITE, .content = {whole, strlen(whole)}};
    return STATUS_OK;
}

static enum status commit_line(struct registry_repo *repo, const char *path, char *line, struct deadline *deadline,
                               struct error *err) {
    struct registry_change change = {.path = path, .message = "Change", .edit = add_line, .context = line};
    return registry_repo_apply(repo, &change, 1, 50, deadline, err);
}

static void commit_lines(struct scene *scene, struct registry_repo *repo, int count) {
    for (int i = 0; i < count; i++)
        if (commit_line(repo, "file", "line", &scene->deadline, &scene->err)) fail_msg("%s", scene->err.message);
}

static const char *count_packs(struct scene *scene, const char *folder) {
    return git_output(&scene->git, "ls %s/objects/pack/*.pack | wc -l", folder);
}

static bool tidy(struct scene *scene, struct registry_repo *repo, size_t packs_max) {
    bool packed = false;
    if (registry_repo_tidy(repo, packs_max, &packed, &scene->deadline, &scene->err)) fail_msg("%s", scene->err.message);
    return packed;
}

static void a_repository_with_many_packs_gets_few(void **state) {
    struct scene *scene = *state;
    const char *folder = scene->server ? "clones/registry.git" : "registry.git";
    commit_lines(scene, scene->registry, PACKS_MAX);
    assert_false(tidy(scene, scene->registry, 2 * PACKS_MAX));
    commit_lines(scene, scene->registry, 2 * PACKS_MAX);
    assert_true(tidy(scene, scene->registry, PACKS_MAX));
    assert_true(atoi(count_packs(scene, folder)) <= 2);
    commit_lines(scene, scene->registry, 1); /* on what is in the new pack */
    git_script(&scene->git,
               "git -C %s fsck --strict --no-dangling; test $(git -C registry.git cat-file blob HEAD:file | wc -l) = %d",
               folder, 3 * PACKS_MAX + 2);
}

static void what_no_branch_leads_to_is_kept(void **state) {
    struct scene *scene = *state;
    const char *loose = git_output(&scene->git, "echo loose | git -C registry.git hash-object -w --stdin");
    const char *packed =
        git_output(&scene->git, "cd registry.git; echo packed | git hash-object -w --stdin | tee ../id | "
                                "git pack-objects -q objects/pack/pack >/dev/null; git prune-packed; cat ../id");
    commit_lines(scene, scene->registry, 2 * PACKS_MAX);
    assert_true(tidy(scene, scene->registry, PACKS_MAX));
    assert_string_equal(git_output(&scene->git, "git -C registry.git cat-file blob %s", loose), "loose");
    assert_string_equal(git_output(&scene->git, "git -C registry.git cat-file blob %s", packed), "packed");
}

static void one_process_at_a_time_repacks(void **state) {
    struct scene *scene = *state;
    commit_lines(scene, scene->registry, 2 * PACKS_MAX);
    int other =
        open(arena_format(&scene->git.arena, "%s/registry.git/objects/pack", scene->git.folder), O_RDONLY | O_DIRECTORY);
    assert_int_equal(flock(other, LOCK_EX), 0);
    assert_int_equal(registry_repo_tidy(scene->registry, PACKS_MAX, NULL, &scene->deadline, &scene->err), STATUS_BUSY);
    close(other);
    assert_true(tidy(scene, scene->registry, PACKS_MAX));
}

static void a_repack_ends_with_the_process(void **state) {
    struct scene *scene = *state;
    commit_lines(scene, scene->registry, 2 * PACKS_MAX);
    deadline_cancel(&scene->deadline, STATUS_CANCELLED);
    assert_int_equal(registry_repo_tidy(scene->registry, PACKS_MAX, NULL, &scene->deadline, &scene->err), STATUS_CANCELLED);
    registry_upkeep_stop(registry_upkeep_start(scene->registry, scene->index));
}

/* ---- Beside others ---- */

struct writer {
    pthread_t thread;
    struct scene *scene;
    struct registry_repo *repo; /* a handle of its own, as another process has it */
    int number;
    atomic_bool is_done;
    enum status status;
    struct error err;
};

static void *write_versions(void *argument) {
    struct writer *writer = argument;
    char path[40], line[300];
    snprintf(path, sizeof path, "2/a%d", writer->number);
    for (int i = 0; i < COMMITS_EACH && !writer->status; i++) {
        snprintf(line, sizeof line, MANIFEST, writer->number, i, writer->number);
        writer->status = commit_line(writer->repo, path, line, &writer->scene->deadline, &writer->err);
    }
    atomic_store(&writer->is_done, true);
    return NULL;
}

static size_t count_versions(struct registry_view *view) {
    size_t count = 0;
    const struct manifest_index *index = registry_view_lock(view);
    for (int i = 0; i < WRITERS; i++) {
        char name[20];
        snprintf(name, sizeof name, "a%d", i);
        uint32_t package = manifest_index_find_package(index, name);
        if (package != PACKAGE_NONE) count += manifest_index_package(index, package)->version_count;
    }
    registry_view_unlock(view);
    return count;
}

static void writers_and_readers_go_on_while_it_is_repacked(void **state) {
    struct scene *scene = *state;
    struct writer writers[WRITERS] = {0};
    struct registry_view *view = registry_view_create(scene->registry, scene->index);
    for (int i = 0; i < WRITERS; i++) {
        writers[i].scene = scene;
        writers[i].number = i;
        writers[i].repo = i == 0 || scene->server ? scene->index : open_repo(scene, "index");
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_versions, &writers[i]), 0);
    }
    int repacks = 0;
    size_t seen = 0;
    bool are_done;
    do {
        are_done = true;
        for (int i = 0; i < WRITERS; i++)
            are_done = atomic_load(&writers[i].is_done) && are_done;
        repacks += tidy(scene, scene->index, PACKS_MAX);
        if (registry_view_refresh(view, &scene->deadline, &scene->err)) fail_msg("%s", scene->err.message);
        size_t count = count_versions(view);
        assert_true(count >= seen);
        seen = count;
    } while (!are_done);
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(writers[i].thread, NULL);
        if (writers[i].status) fail_msg("%s", writers[i].err.message);
        if (writers[i].repo != scene->index) registry_repo_free(writers[i].repo);
    }
    assert_int_equal(seen, WRITERS * COMMITS_EACH);
    assert_true(repacks > 1);
    assert_int_equal(registry_view_state(view).skipped_files, 0);
    registry_view_free(view);
    git_script(&scene->git,
               "git -C %s fsck --strict --no-dangling; git -C index.git fsck --strict --no-dangling; "
               "test $(git -C index.git log --format=%%s | grep -c Change) = %d; "
               "test $(git -C index.git ls-tree -r HEAD:2 | wc -l) = %d",
               scene->server ? "clones/index.git" : "index.git", WRITERS * COMMITS_EACH + 1, WRITERS);
}

#define LOCAL(name)                                                                                                            \
    { #name "/on_this_disk", name, set_up_local, tear_down, NULL }
#define HTTP(name)                                                                                                             \
    { #name "/over_http", name, set_up_http, tear_down, NULL }

int main(void) {
    const struct CMUnitTest tests[] = {
        LOCAL(a_repository_with_many_packs_gets_few),
        HTTP(a_repository_with_many_packs_gets_few),
        LOCAL(what_no_branch_leads_to_is_kept),
        LOCAL(one_process_at_a_time_repacks),
        LOCAL(a_repack_ends_with_the_process),
        LOCAL(writers_and_readers_go_on_while_it_is_repacked),
        HTTP(writers_and_readers_go_on_while_it_is_repacked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
