/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Repacking beside writers and readers: nothing is lost or discarded, and all of them can continue.
 */
#include "lib/store/registry/registry_repo_upkeep.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/store/registry/registry_view.h"
#include "tests/store/repo_scene.h"
#include "tests/support/shell.h"

enum {
    TEST_TIMEOUT_MS = 100000,
    WRITERS = 3,
    COMMITS_EACH = 60,
    PACKS_MAX = 5,
    LARGE_BYTES = 4 << 20,   /* size of a file that cannot be compressed, */
    KILL_AT_BYTES = 1 << 20, /* and the position at which its writer is killed */
    HOUR_MS = 3600000,
};

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
    return repo_scene_tear_down(state);
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
    commit_lines(scene, scene->repo, 1); /* on top of commits in the new pack */
    git_script(&scene->git,
               "git -C %s fsck --strict --no-dangling; test $(git -C data.git cat-file blob HEAD:file | wc -l) = %d", folder,
               3 * PACKS_MAX + 2);
}

/* Files as git names them: a killed repack has left its pack and index, and another one is under way. */
static void remains_of_a_killed_repack_are_removed(void **state) {
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

/* ---- Killed writers ---- */

/* From now on a process that writes a file beyond `bytes` is killed at that byte (SIGXFSZ); so are children started from now
 * on. */
static void kill_writers_at(rlim_t bytes) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static enum status commit_large_file(struct repo_scene *scene) {
    struct registry_change change = {.path = "large", .message = "Large", .edit = set_content};
    change.context = git_output(&scene->git, "head -c %d /dev/urandom | base64 -w 0", LARGE_BYTES);
    return registry_repo_apply(scene->repo, &change, 1, 50, &scene->deadline, &scene->err);
}

/* The files of unfinished packs, in order. */
static char *unfinished(struct repo_scene *scene, const char *folder) {
    return git_output(&scene->git, "cd %s/objects/pack; ls -A | grep -v '^pack-' || true", folder);
}

static void age(struct repo_scene *scene, const char *folder, const char *file) {
    git_script(&scene->git, "touch -d '1 hour ago' %s/objects/pack/%s", folder, file);
}

static void expect_sound(struct repo_scene *scene, const char *folder) {
    git_script(&scene->git, "git -C %s fsck --strict --no-dangling", folder);
    commit_lines(scene, scene->repo, 1);
}

static void a_repack_that_was_killed_leaves_a_file_that_is_swept_once_it_is_old(void **state) {
    struct repo_scene *scene = *state;
    const char *folder = scene->server ? "clones/data.git" : "data.git";
    assert_int_equal(commit_large_file(scene), STATUS_OK);
    commit_lines(scene, scene->repo, 2 * PACKS_MAX);
    kill_writers_at(KILL_AT_BYTES);
    enum status status = registry_repo_tidy(scene->repo, PACKS_MAX, NULL, &scene->deadline, &scene->err);
    kill_writers_at(RLIM_INFINITY);
    assert_int_equal(status, STATUS_INTERNAL);

    char *left = unfinished(scene, folder);
    assert_true(strncmp(left, "tmp_pack_", strlen("tmp_pack_")) == 0 && !strchr(left, '\n'));
    assert_true(tidy(scene, scene->repo, PACKS_MAX)); /* so young that a process may be writing it */
    assert_string_equal(unfinished(scene, folder), left);
    age(scene, folder, left);
    assert_false(tidy(scene, scene->repo, PACKS_MAX));
    assert_string_equal(unfinished(scene, folder), "");
    expect_sound(scene, folder);
}

static void a_writer_that_was_killed_within_a_pack_leaves_a_file_that_is_swept(void **state) {
    struct repo_scene *scene = *state;
    const char *head = git_output(&scene->git, "git -C data.git rev-parse HEAD");
    size_t removed = 0;
    int ended = 0;
    pid_t child = fork();
    if (child == 0) {
        kill_writers_at(KILL_AT_BYTES);
        _exit(commit_large_file(scene) != STATUS_OK);
    }
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_true(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGXFSZ);

    char *left = unfinished(scene, "data.git");
    assert_true(*left && !strchr(left, '\n'));
    assert_int_equal(registry_repo_remove_stale_locks(scene->repo, HOUR_MS, &removed, &scene->err), STATUS_OK);
    assert_int_equal(removed, 0);
    age(scene, "data.git", left);
    assert_int_equal(registry_repo_remove_stale_locks(scene->repo, HOUR_MS, &removed, &scene->err), STATUS_OK);
    assert_int_equal(removed, 1);
    assert_string_equal(unfinished(scene, "data.git"), "");
    assert_string_equal(git_output(&scene->git, "git -C data.git rev-parse HEAD"), head);
    expect_sound(scene, "data.git");
}

/* A git process that receives a pack, as during a push to the repository; it has got the first half of the scene's `bytes`. */
struct taker {
    FILE *input;
    pid_t pid;
    char *rest;
    size_t rest_length;
    char *file; /* the file that it writes */
};

struct wanted_file {
    struct repo_scene *scene;
    const char *but; /* except this file of another one */
    char *found;
};

static bool has_file(void *context) {
    struct wanted_file *wanted = context;
    wanted->found = git_output(&wanted->scene->git,
                               "cd data.git/objects/pack; find -name 'tmp_pack_*' -not -name '%s' -size +0", wanted->but);
    return *wanted->found != '\0';
}

static struct taker begin_to_take(struct repo_scene *scene, const char *other) {
    struct taker taker = {0};
    struct wanted_file wanted = {scene, other, NULL};
    size_t length = strtoul(git_output(&scene->git, "stat -c %%s bytes"), NULL, 10), half = length / 2;
    char *bytes = read_file(&scene->git.arena, git_fixture_file(&scene->git, "bytes"));
    taker.input = popen(arena_format(&scene->git.arena,
                                     "cd '%s' && echo $$ >pid && exec git -c safe.directory='*' --git-dir=data.git "
                                     "index-pack --stdin >/dev/null 2>&1",
                                     scene->git.folder),
                        "w");
    assert_non_null(taker.input);
    assert_int_equal(fwrite(bytes, 1, half, taker.input), half);
    assert_int_equal(fflush(taker.input), 0);
    if (!wait_until(has_file, &wanted, TEST_TIMEOUT_MS)) fail_msg("git begins no pack");
    taker.pid = (pid_t)strtol(git_output(&scene->git, "cat pid"), NULL, 10);
    taker.rest = bytes + half;
    taker.rest_length = length - half;
    taker.file = wanted.found + strlen("./");
    return taker;
}

static void the_file_of_a_running_git_is_kept_and_that_of_a_killed_one_is_not(void **state) {
    struct repo_scene *scene = *state;
    git_script(&scene->git,
               "mkdir other; head -c %d /dev/urandom >other/file; push_files other.git; "
               "git -C other.git pack-objects -q --all --stdout </dev/null >bytes",
               LARGE_BYTES);
    struct taker killed = begin_to_take(scene, ""), running = begin_to_take(scene, killed.file);
    assert_int_equal(kill(killed.pid, SIGKILL), 0);
    pclose(killed.input);
    git_script(&scene->git, "cd data.git/objects/pack; test -s %s; test -s %s", killed.file, running.file);
    age(scene, "data.git", killed.file);
    assert_false(tidy(scene, scene->repo, PACKS_MAX));
    assert_string_equal(unfinished(scene, "data.git"), running.file);

    assert_int_equal(fwrite(running.rest, 1, running.rest_length, running.input), running.rest_length);
    assert_int_equal(pclose(running.input), 0);
    assert_string_equal(unfinished(scene, "data.git"), "");
    git_script(&scene->git, "git -C data.git cat-file -e $(git -C other.git rev-parse HEAD:file)");
    expect_sound(scene, "data.git");
}

/* ---- Objects and repacks of other processes ---- */

static void unreachable_objects_are_kept(void **state) {
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

/* ---- Concurrent readers and writers ---- */

struct writer {
    pthread_t thread;
    struct repo_scene *scene;
    struct registry_repo *repo; /* a separate handle, as another process has */
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
        BOTH(remains_of_a_killed_repack_are_removed),
        BOTH(a_repack_that_was_killed_leaves_a_file_that_is_swept_once_it_is_old),
        LOCAL(a_writer_that_was_killed_within_a_pack_leaves_a_file_that_is_swept),
        LOCAL(the_file_of_a_running_git_is_kept_and_that_of_a_killed_one_is_not),
        LOCAL(unreachable_objects_are_kept),
        LOCAL(one_process_at_a_time_repacks),
        LOCAL(a_repack_ends_with_the_process),
        LOCAL(writers_and_readers_go_on_while_it_is_repacked),
        HTTP(writers_and_readers_go_on_while_it_is_repacked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
