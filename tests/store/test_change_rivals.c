/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Somebody else pushes to the repository of a change queue, or its host refuses us: nothing is lost, and nobody is kept out.
 */
#include "lib/base/clock.h"
#include "tests/store/queue_scene.h"

enum { RIVAL_PAUSE_MS = 100, RIVAL_EVERY_MS = 125, OURS = 12 };

struct rival {
    pthread_t thread;
    struct scene *scene;
    atomic_bool is_over;
    atomic_int pushed;
    bool is_good;
    int64_t every_ms;
};

/* Somebody else, who takes no lock: pushes ten times a second, each time on what is there by then. */
static void *push_as_rival(void *argument) {
    struct rival *rival = argument;
    struct git_fixture git = {0}; /* an arena of this thread's own */
    memcpy(git.folder, rival->scene->on.git.folder, sizeof git.folder);
    git_script(&git, "git clone -q index.git rival");
    while (!atomic_load(&rival->is_over)) {
        git_script(&git,
                   "cd rival; echo %d >>pr/file; git commit -qam 'Rival %d'; "
                   "until git push -q 2>/dev/null; do git pull -q --rebase; done",
                   rival->pushed, rival->pushed);
        rival->pushed++;
        wait_ms(RIVAL_PAUSE_MS);
    }
    arena_release(&git.arena);
    return NULL;
}

static void a_rival_who_pushes_all_the_time_and_we_lose_nothing(void **state) {
    struct scene *scene = *state;
    struct worker workers[THREADS] = {0};
    struct rival rival = {.scene = scene};
    assert_int_equal(pthread_create(&rival.thread, NULL, push_as_rival, &rival), 0);
    run_workers(scene, workers);
    atomic_store(&rival.is_over, true);
    pthread_join(rival.thread, NULL);
    assert_all_there(scene);
    git_script(&scene->on.git, "(echo old; seq 0 %d) >want; git -C index.git cat-file blob HEAD:pr/file | cmp - want",
               rival.pushed - 1);
}

/* The same eight times a second (RIVAL_EVERY_MS), whatever we do: what it pushes is on the branch at once, since it is at the
 * repository itself.
 */
static void *push_without_pause(void *argument) {
    struct rival *rival = argument;
    struct git_fixture git = {0};
    memcpy(git.folder, rival->scene->on.git.folder, sizeof git.folder);
    struct deadline deadline;
    struct error err;
    struct registry_repo *repo = NULL;
    const struct registry_repo_options options = {.url = arena_format(&git.arena, "%s/index.git", git.folder)};
    deadline_start(&deadline, 10 * DEADLINE_MS);
    rival->is_good = registry_repo_open(&repo, &options, &deadline, &err) == STATUS_OK;
    int64_t next_ms = clock_monotonic_ms();
    while (rival->is_good && !atomic_load(&rival->is_over)) {
        char line[] = "rival";
        struct registry_change change = change_of("pr/file", line).change;
        rival->is_good = registry_repo_apply(repo, &change, 1, 100, &deadline, &err) == STATUS_OK;
        atomic_fetch_add(&rival->pushed, 1);
        next_ms += rival->every_ms;
        if (next_ms > clock_monotonic_ms()) wait_ms((int)(next_ms - clock_monotonic_ms()));
    }
    registry_repo_free(repo);
    arena_release(&git.arena);
    return NULL;
}

static void push_once_as_rival(void *context) {
    struct scene *scene = context;
    git_script(&scene->on.git, "rm -rf rival; git clone -q index.git rival; echo rival >>rival/pr/file; "
                               "git -C rival commit -qam Change; git -C rival push -q");
}

/* How long a change takes, at most of three, which somebody else was faster than: on a busy machine the rival is slower, too.
 */
static int64_t time_of_a_change(struct scene *scene) {
    struct fixture *f = &scene->f;
    int64_t longest_ms = 0;
    for (int i = 0; i < 3; i++) {
        struct queued_change change = change_of("pr/before", "line");
        push_once_as_rival(scene);
        int64_t begun_ms = clock_monotonic_ms();
        assert_ok(change_queue_commit(scene->queue, f->store, &change, 1, &scene->on.deadline, &f->err));
        if (clock_monotonic_ms() - begun_ms > longest_ms) longest_ms = clock_monotonic_ms() - begun_ms;
    }
    return longest_ms;
}

static void for_ten_pushes_of_a_rival_without_pause_there_is_one_of_ours(void **state) {
    struct scene *scene = *state;
    struct fixture *f = &scene->f;
    struct rival rival = {.scene = scene, .every_ms = time_of_a_change(scene)};
    if (rival.every_ms < RIVAL_EVERY_MS) rival.every_ms = RIVAL_EVERY_MS;
    assert_int_equal(pthread_create(&rival.thread, NULL, push_without_pause, &rival), 0);
    while (atomic_load(&rival.pushed) < 2)
        wait_ms(5);
    int before = atomic_load(&rival.pushed), failed = 0;
    for (int i = 0; i < OURS; i++) {
        struct queued_change change = change_of("pr/ours", "line");
        failed += change_queue_commit(scene->queue, f->store, &change, 1, &scene->on.deadline, &f->err) != STATUS_OK;
    }
    int pushed = atomic_load(&rival.pushed) - before;
    atomic_store(&rival.is_over, true);
    pthread_join(rival.thread, NULL);
    struct change_queue_counts counts = change_queue_counts(scene->queue);
    print_message("%d of ours, %d of the rival's, one in %lld ms; %lld pushes of ours refused, %d times given up\n", OURS,
                  pushed, (long long)rival.every_ms, (long long)counts.refused_pushes, failed);
    assert_true(rival.is_good);
    assert_int_equal(failed, 0);
    if (pushed > 10 * OURS) fail_msg("%d pushes of a rival to %d of ours", pushed, OURS);
}

/* A `prepare`: what it looked at is fine, and then somebody else pushes. */
static enum status let_rival_push(void *context, struct deadline *limit, struct error *err) {
    struct scene *scene = context;
    (void)limit, (void)err;
    if (scene->on.server)
        git_server_before_next_push(scene->on.server, push_once_as_rival, scene);
    else
        push_once_as_rival(scene);
    return STATUS_OK;
}

static void a_refused_push_is_made_again_on_what_came(void **state) {
    struct scene *scene = *state;
    struct fixture *f = &scene->f;
    struct queued_change changes[] = {change_of("pr/file", "one"), change_of("pr/file", "two"), change_of("pr/file", "three")};
    changes[0].prepare = let_rival_push;
    changes[0].context = scene;
    assert_ok(change_queue_commit(scene->queue, f->store, changes, 3, &scene->on.deadline, &f->err));
    assert_content(scene, "index", "pr/file", "old\nrival\none\ntwo\nthree");
    assert_int_equal(change_queue_counts(scene->queue).refused_pushes, scene->on.server ? 1 : 0);
    assert_int_equal(atomic_load(&scene->begun), 1); /* it is still the same round */
}

/* What the host says then is FORBIDDEN, NOT_FOUND or REFUSED; a job must not end with that once it has begun to write. */
static void what_the_host_has_against_us_is_no_refusal_of_the_change(void **state) {
    struct scene *scene = *state;
    struct fixture *f = &scene->f;
    static const int http_statuses[] = {403, 404, 451, 503};
    for (size_t i = 0; i < sizeof http_statuses / sizeof *http_statuses; i++) {
        struct queued_change change = change_of("pr/file", "late");
        git_server_behave(scene->on.server, GIT_SERVER_STATUS, http_statuses[i], NULL);
        assert_status(STATUS_UNAVAILABLE,
                      change_queue_commit(scene->queue, f->store, &change, 1, &scene->on.deadline, &f->err));
        assert_non_null(strstr(f->err.message, "index.git"));
    }
    struct queued_change change = change_of("pr/file", "late");
    git_server_behave(scene->on.server, GIT_SERVER_SERVE, 0, NULL);
    assert_ok(change_queue_commit(scene->queue, f->store, &change, 1, &scene->on.deadline, &f->err));
    assert_content(scene, "index", "pr/file", "old\nlate");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        BOTH(a_rival_who_pushes_all_the_time_and_we_lose_nothing),
        HTTP(for_ten_pushes_of_a_rival_without_pause_there_is_one_of_ours),
        BOTH(a_refused_push_is_made_again_on_what_came),
        HTTP(what_the_host_has_against_us_is_no_refusal_of_the_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
