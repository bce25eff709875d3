/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A build store with a limit, and one that several threads and processes use at once, also while some are killed.
 */
#include "tests/unit/tools/build_store_scene.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"

enum { KILLS = 60, KEYS = 12, THREADS = 4, ROUNDS = 60, WAIT_MS = 120000 };

/* ---- The limit ---- */

/* Sets its last use to that many minutes ago. */
static void age(const char *key, int minutes) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = now.tv_sec - 60 * minutes}};
    assert_int_equal(utimensat(AT_FDCWD, scene_path(key, "used"), times, 0), 0);
}

/* The size of one of the scene's entries. To be called while the store is empty. */
static int64_t size_of_entry(void) {
    struct build_store *store = scene_open(SCENE_ROOMY);
    scene_add(store, scene_key(1000), &scene_entry);
    int64_t bytes = build_store_counts(store).bytes;
    build_store_remove(store, scene_key(1000));
    build_store_free(store);
    return bytes;
}

static void the_least_recently_used_goes_first(void **state) {
    (void)state;
    static const int minutes[] = {50, 10, 40, 20, 30};
    int64_t size = size_of_entry();
    struct build_store *store = scene_open(5 * size);
    for (int i = 0; i < 5; i++) {
        scene_add(store, scene_key(i), &scene_entry);
        age(scene_key(i), minutes[i]);
    }
    assert_int_equal(build_store_counts(store).evicted, 0);
    assert_true(scene_has(store, scene_key(0))); /* now it is the newest */
    scene_add(store, scene_key(5), &scene_entry);
    assert_int_equal(build_store_counts(store).evicted, 2); /* to a sixteenth below the limit */
    static const bool stays[] = {true, true, false, true, false, true};
    for (int i = 0; i < 6; i++)
        assert_int_equal(access(scene_path(scene_key(i), "entry.json"), F_OK) == 0, stays[i]);
    assert_int_equal(build_store_counts(store).bytes, 4 * size);
    assert_int_equal(scene_count_leftovers(), 0);
    build_store_free(store);
}

static void the_time_of_use_moves_once_a_minute(void **state) {
    (void)state;
    struct build_store *store = scene_open(SCENE_ROOMY);
    struct stat before, after;
    scene_add(store, scene_key(1), &scene_entry);
    age(scene_key(1), 5);
    assert_true(scene_has(store, scene_key(1)));
    assert_int_equal(stat(scene_path(scene_key(1), "used"), &before), 0);
    assert_in_range(time(NULL) - before.st_mtim.tv_sec, 0, 60);
    assert_true(scene_has(store, scene_key(1)));
    assert_int_equal(stat(scene_path(scene_key(1), "used"), &after), 0);
    assert_int_equal(after.st_mtim.tv_sec, before.st_mtim.tv_sec);
    assert_int_equal(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
    assert_int_equal(build_store_counts(store).damaged, 0);
    build_store_free(store);
}

static void held_entries_are_not_evicted(void **state) {
    (void)state;
    struct arena arena = {0};
    struct build_store_hold hold = {0};
    struct build_entry found;
    struct build_store *store = scene_open(2 * size_of_entry());
    scene_add(store, scene_key(0), &scene_entry);
    assert_true(build_store_find(store, scene_key(0), &arena, &hold, &found));
    age(scene_key(0), 100);
    for (int i = 1; i < 8; i++)
        scene_add(store, scene_key(i), &scene_entry);
    assert_int_equal(access(scene_path(scene_key(0), "output/Zebra/index.js"), F_OK), 0);
    assert_true(scene_has(store, scene_key(7)));
    age(scene_key(0), 100);
    build_store_let_go(store, &hold);
    scene_add(store, scene_key(8), &scene_entry);
    assert_false(scene_has(store, scene_key(0)));
    arena_release(&arena);
    build_store_free(store);
}

static void a_new_package_stays_even_without_room(void **state) {
    (void)state;
    struct build_store *store = scene_open(0);
    scene_add(store, scene_key(1), &scene_entry);
    assert_true(scene_has(store, scene_key(1)));
    scene_add(store, scene_key(2), &scene_entry);
    assert_false(scene_has(store, scene_key(1)));
    assert_true(scene_has(store, scene_key(2)));
    build_store_free(store);
}

/* Each learns of the other's additions only when it measures the folder, which it does from time to time. */
static void two_stores_keep_to_one_limit_together(void **state) {
    (void)state;
    enum { ADDITIONS = 200, ROOM = 40, SLACK = 64 };
    int64_t size = size_of_entry();
    struct build_store *stores[] = {scene_open(ROOM * size), scene_open(ROOM * size)};
    for (int i = 0; i < ADDITIONS; i++)
        scene_add(stores[i % 2], scene_key(i), &scene_entry);
    struct build_store *seen = scene_open(SCENE_ROOMY);
    assert_true(build_store_counts(seen).bytes > 0);
    assert_true(build_store_counts(seen).bytes <= (ROOM + SLACK) * size);
    int64_t evicted = build_store_counts(stores[0]).evicted + build_store_counts(stores[1]).evicted;
    assert_int_equal(build_store_counts(seen).bytes, (ADDITIONS - evicted) * size);
    build_store_free(seen);
    build_store_free(stores[0]);
    build_store_free(stores[1]);
}

/* ---- Threads ---- */

static struct build_store *shared;

static void *use_it(void *argument) {
    struct arena arena = {0};
    struct build_store_hold hold = {0};
    struct build_entry found;
    unsigned seed = *(unsigned *)argument;
    for (int i = 0; i < ROUNDS; i++) {
        char key[SHA256_HEX_MAX];
        int number = rand_r(&seed) % KEYS;
        hash_sha256_hex(&number, sizeof number, key);
        if (build_store_find(shared, key, &arena, &hold, &found)) {
            if (found.module_count != SCENE_MODULES) abort();
        } else if (build_store_add(shared, key, &scene_entry, NULL)) {
            abort();
        }
        if (rand_r(&seed) % 20 == 0) build_store_remove(shared, key);
        if (hold.count > 2) build_store_let_go(shared, &hold);
    }
    build_store_let_go(shared, &hold);
    arena_release(&arena);
    return NULL;
}

static void threads_do_not_disturb_each_other(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    unsigned seeds[THREADS] = {1, 2, 3, 4};
    shared = scene_open(KEYS / 2 * size_of_entry());
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_it, &seeds[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(build_store_counts(shared).damaged, 0);
    assert_true(build_store_counts(shared).evicted > 0);
    assert_int_equal(scene_count_leftovers(), 0);
    build_store_free(shared);
}

/* ---- Processes ---- */

/* A child that dies with the test, and whose status is what `run` returns. */
static pid_t start(int (*run)(void *context), void *context) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child > 0) return child;
    alarm(WAIT_MS / 1000);
    _exit(run(context));
}

static int wait_for(pid_t child) {
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

/* In a child: adds all keys, and finds each. */
static int add_all(void *context) {
    (void)context;
    struct build_store *store = NULL;
    if (build_store_open(&store, scene_store, SCENE_ROOMY, NULL)) return 1;
    for (int i = 0; i < KEYS; i++) {
        struct arena arena = {0};
        struct build_store_hold hold = {0};
        struct build_entry found;
        if (build_store_add(store, scene_key(i), &scene_entry, NULL)) return 2;
        if (!build_store_find(store, scene_key(i), &arena, &hold, &found)) return 3;
        build_store_let_go(store, &hold);
        arena_release(&arena);
    }
    build_store_free(store);
    return 0;
}

static void processes_that_add_the_same_keys_get_along(void **state) {
    (void)state;
    for (int round = 0; round < 10; round++) {
        pid_t children[3];
        if (access(scene_store, F_OK) == 0) scene_remove(scene_store);
        for (int i = 0; i < 3; i++)
            children[i] = start(add_all, NULL);
        for (int i = 0; i < 3; i++)
            assert_int_equal(wait_for(children[i]), 0);
        assert_int_equal(scene_count_leftovers(), 0);
    }
}

struct pipes {
    int to_parent[2], to_child[2];
};

static int hold_one(void *context) {
    struct pipes *pipes = context;
    struct arena arena = {0};
    struct build_store_hold hold = {0};
    struct build_entry found;
    struct build_store *store = NULL;
    char byte;
    if (build_store_open(&store, scene_store, SCENE_ROOMY, NULL)) return 1;
    if (!build_store_find(store, scene_key(0), &arena, &hold, &found)) return 2;
    if (write(pipes->to_parent[1], "h", 1) != 1 || read(pipes->to_child[0], &byte, 1) != 1) return 3;
    int result = access(scene_path(scene_key(0), "output/Zebra/index.js"), F_OK) == 0 ? 0 : 4;
    build_store_let_go(store, &hold);
    arena_release(&arena);
    build_store_free(store);
    return result;
}

static void entries_held_by_another_process_are_not_evicted(void **state) {
    (void)state;
    struct pipes pipes;
    char byte;
    struct build_store *store = scene_open(2 * size_of_entry());
    scene_add(store, scene_key(0), &scene_entry);
    assert_int_equal(pipe(pipes.to_parent), 0);
    assert_int_equal(pipe(pipes.to_child), 0);
    pid_t child = start(hold_one, &pipes);
    assert_int_equal(read(pipes.to_parent[0], &byte, 1), 1);
    age(scene_key(0), 100);
    for (int i = 1; i < 6; i++)
        scene_add(store, scene_key(i), &scene_entry);
    assert_int_equal(access(scene_path(scene_key(0), "output/Zebra/index.js"), F_OK), 0);
    assert_int_equal(write(pipes.to_child[1], "g", 1), 1);
    assert_int_equal(wait_for(child), 0);
    scene_add(store, scene_key(6), &scene_entry);
    assert_int_equal(access(scene_path(scene_key(0), "entry.json"), F_OK), -1);
    for (int i = 0; i < 2; i++) {
        close(pipes.to_parent[i]);
        close(pipes.to_child[i]);
    }
    build_store_free(store);
}

/* ---- Kills ---- */

/* Every entry found is as it was added, and nothing half-written is left after the store has been opened. */
static void expect_sound_store(int *found_count) {
    struct build_store *store = scene_open(SCENE_ROOMY);
    assert_int_equal(scene_count_leftovers(), 0);
    for (int i = 0; i < KEYS; i++) {
        struct arena arena = {0};
        struct build_store_hold hold = {0};
        struct build_entry found;
        if (build_store_find(store, scene_key(i), &arena, &hold, &found)) {
            (*found_count)++;
            assert_int_equal(found.module_count, SCENE_MODULES);
            char path[SCENE_PATH_MAX * 2];
            struct text text = {0};
            snprintf(path, sizeof path, "%s/output/Zebra/externs.cbor", found.folder);
            assert_int_equal(file_read(path, 1000, &text, NULL), STATUS_OK);
            assert_string_equal(text_view(&text), "Zebra");
            text_release(&text);
        }
        build_store_let_go(store, &hold);
        arena_release(&arena);
    }
    assert_int_equal(build_store_counts(store).damaged, 0); /* a killed process damages nothing */
    build_store_free(store);
}

/* Adds and evicts until it is killed. */
static int add_for_ever(void *context) {
    struct build_store *store = NULL;
    if (build_store_open(&store, scene_store, KEYS / 2 * *(int64_t *)context, NULL)) return 1;
    for (int i = 0;; i = (i + 1) % KEYS) {
        if (build_store_add(store, scene_key(i), &scene_entry, NULL)) return 2;
        if (i % 5 == 0) build_store_remove(store, scene_key(i));
    }
}

static void killed_at_any_moment_it_leaves_whole_entries(void **state) {
    (void)state;
    int found = 0;
    int64_t size = size_of_entry();
    for (int i = 0; i < KILLS || found <= KILLS; i++) { /* later each time, so that it makes progress on a busy machine, too */
        pid_t child = start(add_for_ever, &size);
        nanosleep(&(struct timespec){.tv_nsec = 500000L + i * 300000L}, NULL);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(wait_for(child), SIGKILL);
        expect_sound_store(&found);
    }
}

#ifdef FAULT_POINTS
static int run_to_fault(void *context) {
    struct build_store *store = NULL;
    log_configure("test", LOG_ERROR);
    setenv("REGISTRY_FAULT", context, 1);
    if (build_store_open(&store, scene_store, 0, NULL)) return 1;
    for (int i = 0; i < KEYS; i++)
        if (build_store_add(store, scene_key(i), &scene_entry, NULL)) return 2;
    return 0;
}

static void killed_at_each_step_it_leaves_whole_entries(void **state) {
    (void)state;
    static char points[][32] = {"build-store-begun#3", "build-store-copied#3", "build-store-written#3", "build-store-moved#3",
                                "build-store-taken#2"};
    static const int expected[] = {1, 1, 1, 2, 1};
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        int found = 0;
        if (access(scene_store, F_OK) == 0) scene_remove(scene_store);
        assert_int_equal(wait_for(start(run_to_fault, points[i])), SIGKILL);
        expect_sound_store(&found);
        assert_int_equal(found, expected[i]);
    }
}
#endif

/* Files that a living process is writing are not removed as remains of a dead one. */
static void files_being_written_are_not_cleaned_up(void **state) {
    (void)state;
    int64_t size = size_of_entry();
    pid_t child = start(add_for_ever, &size);
    int64_t end_ms = clock_monotonic_ms() + 300;
    while (clock_monotonic_ms() < end_ms)
        build_store_free(scene_open(SCENE_ROOMY));
    int status;
    assert_int_equal(waitpid(child, &status, WNOHANG), 0); /* none of its additions failed */
    assert_int_equal(kill(child, SIGKILL), 0);
    wait_for(child);
}

#define SCENE_TEST(test) cmocka_unit_test_setup_teardown(test, scene_begin, scene_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        SCENE_TEST(the_least_recently_used_goes_first),
        SCENE_TEST(the_time_of_use_moves_once_a_minute),
        SCENE_TEST(held_entries_are_not_evicted),
        SCENE_TEST(a_new_package_stays_even_without_room),
        SCENE_TEST(two_stores_keep_to_one_limit_together),
        SCENE_TEST(processes_that_add_the_same_keys_get_along),
        SCENE_TEST(entries_held_by_another_process_are_not_evicted),
        SCENE_TEST(killed_at_any_moment_it_leaves_whole_entries),
#ifdef FAULT_POINTS
        SCENE_TEST(killed_at_each_step_it_leaves_whole_entries),
#endif
        SCENE_TEST(files_being_written_are_not_cleaned_up),
        SCENE_TEST(threads_do_not_disturb_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
