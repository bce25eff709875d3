/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Several threads and processes that commit to one repository at once, and writers that are killed.
 */
#include "lib/store/registry/registry_repo.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/store/repo_scene.h"

enum { TEST_TIMEOUT_MS = 60000 };

static int set_up(void **state) {
    return repo_scene_set_up(state, "mkdir -p data/pr/el && echo old >data/pr/el/prelude && push_files data.git",
                             TEST_TIMEOUT_MS);
}

static int tear_down(void **state) {
    return repo_scene_tear_down(state);
}

struct worker {
    pthread_t thread;
    struct registry_repo *repo;
    struct deadline *deadline;
    char path[40];
    char line[40];
    bool is_done;
};

static void *work(void *argument) {
    struct worker *worker = argument;
    struct registry_change changes[] = {
        {.path = worker->path, .message = worker->line, .edit = ensure_line, .context = worker->line},
        {.path = "shared", .message = worker->line, .edit = ensure_line, .context = worker->line},
    };
    struct error err;
    worker->is_done = registry_repo_apply(worker->repo, changes, 2, 50, worker->deadline, &err) == STATUS_OK;
    return NULL;
}

static void threads_and_processes_lose_nothing(void **state) {
    struct repo_scene *scene = *state;
    struct registry_repo *second = NULL; /* like another process, with a separate handle and clone */
    struct registry_repo_options options = scene->options;
    options.clone_folder = arena_format(&scene->git.arena, "%s/clones/second.git", scene->git.folder);
    assert_int_equal(registry_repo_open(&second, &options, &scene->deadline, &scene->err), STATUS_OK);
    enum { WORKERS = 8 };
    struct worker workers[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){.repo = i % 2 ? second : scene->repo, .deadline = &scene->deadline};
        snprintf(workers[i].path, sizeof workers[i].path, "own/%d", i);
        snprintf(workers[i].line, sizeof workers[i].line, "line of %d", i);
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < WORKERS; i++)
        pthread_join(workers[i].thread, NULL);
    registry_repo_free(second);
    for (int i = 0; i < WORKERS; i++)
        assert_true(workers[i].is_done);
    assert_string_equal(git_output(&scene->git, "git -C data.git log --format=%%s HEAD | grep -c line"), "16");
    assert_string_equal(git_output(&scene->git, "git -C data.git cat-file blob HEAD:shared | sort -u | wc -l"), "8");
    git_script(&scene->git, "git -C data.git fsck --strict --no-dangling");
}

/* Commits and pushes until it is killed. */
static void write_on_and_on(struct repo_scene *scene) {
    struct registry_repo *repo = NULL;
    struct error err;
    if (registry_repo_open(&repo, &scene->options, &scene->deadline, &err)) _exit(1);
    for (int i = 0;; i++) {
        char line[40];
        snprintf(line, sizeof line, "%d of %d", i, getpid());
        struct registry_change change = {.path = "pr/el/prelude", .message = line, .edit = ensure_line, .context = line};
        if (registry_repo_apply(repo, &change, 1, 1, &scene->deadline, &err)) _exit(1);
    }
}

static void killed_writers_leave_nothing_broken(void **state) {
    struct repo_scene *scene = *state;
    struct registry_change change = {.path = "pr/el/prelude", .message = "After", .edit = ensure_line, .context = "after"};
    enum { KILLS = 25, STEP_US = 1700 };
    for (int i = 0; i < KILLS; i++) {
        pid_t writer = fork();
        if (writer == 0) write_on_and_on(scene);
        usleep((useconds_t)i * STEP_US); /* not a wait for an event: kills at another moment each time */
        kill(writer, SIGKILL);
        int ended = 0;
        assert_int_equal(waitpid(writer, &ended, 0), writer);
        assert_true(WIFSIGNALED(ended)); /* it was running until then */
        assert_int_equal(registry_repo_remove_stale_locks(scene->repo, 0, NULL, &scene->err), STATUS_OK);
    }
    if (registry_repo_apply(scene->repo, &change, 1, 1, &scene->deadline, &scene->err)) fail_msg("%s", scene->err.message);
    git_script(&scene->git, "git -C data.git fsck --strict --no-dangling; "
                            "test $(git -C data.git cat-file blob HEAD:pr/el/prelude | wc -l) = "
                            "$(git -C data.git rev-list --count HEAD)"); /* one line for each commit: none lost, none twice */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        BOTH(threads_and_processes_lose_nothing),
        LOCAL(killed_writers_leave_nothing_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
