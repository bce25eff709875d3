/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Repacking beside writers and readers: nothing is lost, nothing is thrown away, and everybody goes on.
 */
#include "lib/store/registry_repo_upkeep.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/store/registry_view.h"
#include "tests/store/repo_scene.h"

enum { TEST_TIMEOUT_MS = 100000, WRITERS = 3, COMMITS_EACH = 60, PACKS_MAX = 5 };

#define MANIFEST                                                                                                               \
    "{\"name\":\"a%d\",\"version\":\"1.0.%d\",\"license\":\"MIT\",\"location\":{\"githubOwner\":\"o\","                        \
    "\"githubRepo\":\"a%d\"},\"ref\":\"v1\",\"dependencies\":{}}"

static int set_up(void **state) {
    static struct repo_scene scene;
    repo_scene_start(&scene,
                     "mkdir -p data index; echo one >data/file; echo one >index/README.md; push_files data.git; "
                     "push_files index.git",
                     *state == NULL, TEST_TIMEOUT_MS);
    scene.repo = repo_scene_open(&scene, "data");
    scene.index = repo_scene_open(&scene, "index");
    *state = &scene;
    return 0;
}

static int tear_down(void **state) {
    repo_scene_stop(*state);
    return 0;
}

static enum status commit_line(struct registry_repo *repo, const char *path, char *line, struct deadline *deadline,
                               struct error *err) {
    struct registry_change change = {.path = path, .message = "Change", .edit = add_line, .context = line};
    return registry_repo_apply(repo, &change, 1, 50, deadline, err);
}

static void commit_lines(struct repo_scene *scene, struct registry_repo *repo, int count) {
    for (int i = 0; i < count; i++)
        if (commit_line(repo, "file", "line", &scene->deadline, &scene->err)) fail_msg("%s", scene->err.message);
}

static const char *count_packs(struct repo_scene *scene, const char *folder) {
    return git_output(&scene->git, "ls %s/objects/pack/*.pack | wc -l", folder);
}

static bool tidy(struct repo_scene *scene, struct registry_repo *repo, size_t packs_max) {
    bool packed = false;
    if (registry_repo_tidy(repo, packs_max, &packed, &scene->deadline, &scene->err)) fail_msg("%s", scene->err.message);
    return packed;
}

static void a_repository_with_many_packs_gets_few(void **state) {
    struct repo_scene *scene = *state;
    const char *folder = scene->server ? "clones/data.git" : "data.git";
    commit_lines(scene, scene->repo, PACKS_MAX);
    assert_false(tidy(scene, scene->repo, 2 * PACKS_MAX));
    commit_lines(scene, scene->repo, 2 * PACKS_MAX);
    assert_true(tidy(scene, scene->repo, PACKS_MAX));
    assert_true(atoi(count_packs(scene, folder)) <= 2);
    commit_lines(scene, scene->repo, 1); /* on what is in the new pack */
    git_script(&scene->git,
               "git -C %s fsck --strict --no-dangling; test $(git -C data.git cat-file blob HEAD:file | wc -l) = %d", folder,
               3 * PACKS_MAX + 2);
}

/* As git names them: a repack that was killed has left its pack and index, another one is under way. */
static void what_a_killed_repack_left_is_swept(void **state) {
    struct repo_scene *scene = *state;
    const char *folder = scene->server ? "clones/data.git" : "data.git";
    commit_lines(scene, scene->repo, 1);
    git_script(&scene->git,
               "cd %s/objects/pack; for name in tmp_pack_AbCdEf tmp_idx_AbCdEf .tmp-4711-pack-0123; do echo half >$name; "
               "touch -d '1 hour ago' $name; done; echo half >tmp_pack_GhIjKl; touch -d '1 hour ago' $(ls *.pack *.idx)",
               folder);
    char *before = git_output(&scene->git, "ls %s/objects/pack/*.pack", folder);
    assert_false(tidy(scene, scene->repo, PACKS_MAX));
    assert_string_equal(git_output(&scene->git, "cd %s/objects/pack; ls -A | grep -i tmp", folder), "tmp_pack_GhIjKl");
    assert_string_equal(git_output(&scene->git, "ls %s/objects/pack/*.pack", folder), before);
    commit_lines(scene, scene->repo, 1);
}

static void what_no_branch_leads_to_is_kept(void **state) {
    struct repo_scene *scene = *state;
    const char *loose = git_output(&scene->git, "echo loose | git -C data.git hash-object -w --stdin");
    const char *packed =
        git_output(&scene->git, "cd data.git; echo packed | git hash-object -w --stdin | tee ../id | "
                                "git pack-objects -q objects/pack/pack >/dev/null; git prune-packed; cat ../id");
    commit_lines(scene, scene->repo, 2 * PACKS_MAX);
    assert_true(tidy(scene, scene->repo, PACKS_MAX));
    assert_string_equal(git_output(&scene->git, "git -C data.git cat-file blob %s", loose), "loose");
    assert_string_equal(git_output(&scene->git, "git -C data.git cat-file blob %s", packed), "packed");
}

static void one_process_at_a_time_repacks(void **state) {
    struct repo_scene *scene = *state;
    commit_lines(scene, scene->repo, 2 * PACKS_MAX);
    int other = open(arena_format(&scene->git.arena, "%s/data.git/objects/pack", scene->git.folder), O_RDONLY | O_DIRECTORY);
    assert_int_equal(flock(other, LOCK_EX), 0);
    assert_int_equal(registry_repo_tidy(scene->repo, PACKS_MAX, NULL, &scene->deadline, &scene->err), STATUS_BUSY);
    close(other);
    assert_true(tidy(scene, scene->repo, PACKS_MAX));
}

static void a_repack_ends_with_the_process(void **state) {
    struct repo_scene *scene = *state;
    commit_lines(scene, scene->repo, 2 * PACKS_MAX);
    deadline_cancel(&scene->deadline, STATUS_CANCELLED);
    assert_int_equal(registry_repo_tidy(scene->repo, PACKS_MAX, NULL, &scene->deadline, &scene->err), STATUS_CANCELLED);
    registry_upkeep_stop(registry_upkeep_start(scene->repo, scene->index));
}

/* ---- Beside others ---- */

struct writer {
    pthread_t thread;
    struct repo_scene *scene;
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
    struct repo_scene *scene = *state;
    struct writer writers[WRITERS] = {0};
    struct registry_view *view = registry_view_create(scene->repo, scene->index);
    for (int i = 0; i < WRITERS; i++) {
        writers[i].scene = scene;
        writers[i].number = i;
        writers[i].repo = i == 0 || scene->server ? scene->index : repo_scene_open(scene, "index");
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

int main(void) {
    const struct CMUnitTest tests[] = {
        LOCAL(a_repository_with_many_packs_gets_few),
        HTTP(a_repository_with_many_packs_gets_few),
        BOTH(what_a_killed_repack_left_is_swept),
        LOCAL(what_no_branch_leads_to_is_kept),
        LOCAL(one_process_at_a_time_repacks),
        LOCAL(a_repack_ends_with_the_process),
        LOCAL(writers_and_readers_go_on_while_it_is_repacked),
        HTTP(writers_and_readers_go_on_while_it_is_repacked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
