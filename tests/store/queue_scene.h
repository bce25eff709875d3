/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Common setup of the change queue's tests: the two repositories of repo_scene.h, a queue for each, a redis-server for their
 * locks, and threads that submit changes.
 */
#ifndef TESTS_STORE_QUEUE_SCENE_H
#define TESTS_STORE_QUEUE_SCENE_H

#include <pthread.h>
#include <stdatomic.h>

#include "lib/store/registry/change_queue.h"
#include "tests/store/fixture.h"
#include "tests/store/repo_scene.h"

enum { THREADS = 8, CHANGES_EACH = 10, DEADLINE_MS = 60000 };

struct scene {
    struct fixture f;
    struct repo_scene on;                        /* data.git stands for the registry */
    struct change_queue *registry_queue, *queue; /* the queue of the index, which pushes to the registry first */
    atomic_int begun;                            /* rounds of `queue` */
};

static inline enum status count_round(void *context, struct deadline *limit, struct error *err) {
    struct scene *scene = context;
    atomic_fetch_add(&scene->begun, 1);
    return deadline_check(limit, err);
}

static inline void create_queues(struct scene *scene, int64_t hold_ms, int64_t wait_ms) {
    change_queue_free(scene->queue);
    change_queue_free(scene->registry_queue);
    scene->registry_queue = change_queue_create(&(struct change_queue_options){
        .repo = scene->on.repo, .lock_name = CHANGE_QUEUE_REGISTRY, .hold_ms = hold_ms, .wait_ms = wait_ms});
    scene->queue = change_queue_create(&(struct change_queue_options){.repo = scene->on.index,
                                                                      .lock_name = CHANGE_QUEUE_INDEX,
                                                                      .hold_ms = hold_ms,
                                                                      .wait_ms = wait_ms,
                                                                      .first = scene->registry_queue,
                                                                      .begin = count_round,
                                                                      .context = scene});
}

static int set_up(void **state) {
    static struct scene scene;
    scene = (struct scene){0};
    struct fixture *f = &scene.f;
    f->server = redis_server_start();
    connect_fixture(f);
    repo_scene_start(&scene.on,
                     "mkdir -p data index/pr; echo old >data/file; echo old >index/pr/file; push_files data.git; "
                     "push_files index.git",
                     *state == NULL, DEADLINE_MS);
    scene.on.repo = repo_scene_open(&scene.on, "data");
    scene.on.index = repo_scene_open(&scene.on, "index");
    create_queues(&scene, LEASE_MS, DEADLINE_MS);
    *state = &scene;
    return 0;
}

static int tear_down(void **state) {
    struct scene *scene = *state;
    change_queue_free(scene->queue);
    change_queue_free(scene->registry_queue);
    repo_scene_stop(&scene->on);
    redis_free(scene->f.redis);
    job_store_free(scene->f.store);
    redis_server_stop(scene->f.server);
    arena_release(&scene->f.arena);
    return 0;
}

/* ---- Changes ---- */

static inline struct queued_change change_of(const char *path, char *line) {
    return (struct queued_change){.change = {.path = path, .message = line, .edit = add_line, .context = line}};
}

static inline void assert_content(struct scene *scene, const char *repo, const char *path, const char *content) {
    assert_string_equal(git_output(&scene->on.git, "git -C %s.git cat-file blob HEAD:%s", repo, path), content);
}

/* ---- Several callers ---- */

struct worker {
    pthread_t thread;
    struct scene *scene;
    struct change_queue *queue;
    int number;
    bool is_done;
    bool has_first, is_alone;
    enum status (*prepare)(void *context, struct deadline *limit, struct error *err);
};

static inline void *work(void *argument) {
    struct worker *worker = argument;
    struct scene *scene = worker->scene;
    struct job_store *store = NULL;
    struct error err;
    bool is_good = job_store_create(&store, redis_server_url(scene->f.server), TIMEOUT_MS, &err) == STATUS_OK;
    for (int i = 0; is_good && i < CHANGES_EACH; i++) {
        char path[40], line[40];
        snprintf(path, sizeof path, "pr/%d", worker->number);
        snprintf(line, sizeof line, "%d of %d", i, worker->number);
        struct queued_change first = change_of("shared", line), change = change_of(path, line);
        if (worker->has_first) change.first = &first;
        change.prepare = worker->prepare;
        change.context = worker;
        change.is_alone = worker->is_alone;
        is_good = change_queue_commit(worker->queue, store, &change, 1, &scene->on.deadline, &err) == STATUS_OK &&
                  change.change.written && (!worker->has_first || first.change.written);
        if (!is_good) fprintf(stderr, "%s\n", err.message);
    }
    job_store_free(store);
    worker->is_done = is_good;
    return NULL;
}

static inline void run_workers(struct scene *scene, struct worker workers[THREADS]) {
    for (int i = 0; i < THREADS; i++) {
        workers[i].scene = scene;
        workers[i].number = i;
        if (!workers[i].queue) workers[i].queue = scene->queue;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
    for (int i = 0; i < THREADS; i++)
        assert_true(workers[i].is_done);
}

/* One commit for each change, in its file and in the order in which its thread made them. */
static inline void assert_all_there(struct scene *scene) {
    git_script(&scene->on.git,
               "cd index.git; git fsck --strict --no-dangling; test $(git log --format=%%s | grep -c ' of ') = %d; "
               "for i in $(seq 0 %d); do for j in $(seq 0 %d); do echo \"$j of $i\"; done >../want; "
               "git cat-file blob HEAD:pr/$i | cmp - ../want; done",
               THREADS * CHANGES_EACH, THREADS - 1, CHANGES_EACH - 1);
}

#endif
