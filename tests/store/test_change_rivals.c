/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Others push to the repository of a change queue, or its host refuses our pushes: nothing is lost, and every writer makes
 * progress.
 */
#include "tests/store/queue_scene.h"
#include "tests/support/git/git_rival.h"

enum { RIVAL_PAUSE_MS = 100, OURS = 12, OURS_SLOW = 3, SLOW_GUARD_MS = 100, AWAIT_MS = 20000 };

struct rival {
    pthread_t thread;
    struct scene *scene;
    atomic_bool is_over;
    int pushed;
};

/* Another writer, which takes no lock: pushes ten times a second, each time on top of the current head. */
static void *push_as_rival(void *argument) {
    struct rival *rival = argument;
    struct git_fixture git = {0}; /* with an arena for this thread */
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

static void push_once_as_rival(void *context) {
    struct scene *scene = context;
    git_script(&scene->on.git, "rm -rf rival; git clone -q index.git rival; echo rival >>rival/pr/file; "
                               "git -C rival commit -qam Change; git -C rival push -q");
}

typedef enum status guard_function(void *context, int64_t time_ms, struct error *err);

/* Makes `count` pushes of `together` changes each, one after the other, against the rival: it may make at most ten for each of
 * ours. */
static void push_against_rival(struct scene *scene, int count, size_t together, guard_function *guard) {
    struct fixture *f = &scene->f;
    struct git_rival *rival = git_rival_start(scene->on.server, scene->on.git.folder);
    struct queued_change changes[OURS];
    enum status status = STATUS_OK;
    for (int i = 0; i < count && !status; i++) {
        for (size_t j = 0; j < together; j++) {
            changes[j] = change_of("pr/ours", "line");
            changes[j].guard = guard;
        }
        status = change_queue_commit(scene->queue, f->store, changes, together, &scene->on.deadline, &f->err);
    }
    git_rival_stop(rival);
    struct git_rival_counts counts = git_rival_counts(rival, "index.git");
    git_rival_free(rival);
    print_message("%d pushes of ours, %d of the rival's\n", counts.let_through, counts.of_rival);
    if (status) fail_msg("%s", f->err.message);
    assert_int_equal(counts.let_through, count);
    assert_true(counts.of_rival >= count);
    if (counts.of_rival > 10 * count) fail_msg("%d pushes of a rival to %d of ours", counts.of_rival, count);
    git_script(&scene->on.git, "test $(git -C index.git cat-file blob HEAD:pr/ours | wc -l) = %d", count * (int)together);
}

/* Eight pushes a second over http used to keep changes out for minutes. */
static void for_ten_pushes_of_a_rival_without_pause_there_is_one_of_ours(void **state) {
    push_against_rival(*state, OURS, 1, NULL);
}

static void a_push_that_gets_in_takes_along_all_that_wait(void **state) {
    push_against_rival(*state, 1, OURS, NULL);
}

/* Takes longer than a check stays valid while others push. */
static enum status pass_slowly(void *context, int64_t time_ms, struct error *err) {
    (void)context, (void)time_ms, (void)err;
    wait_ms(SLOW_GUARD_MS);
    return STATUS_OK;
}

static void a_push_on_an_awaited_move_needs_no_other_look_however_slow_its_guard(void **state) {
    push_against_rival(*state, OURS_SLOW, 1, pass_slowly);
}

/* ---- Beside a writer that waits ---- */

struct awaiter {
    struct repo_scene *on;
    atomic_bool is_over;
    enum status status;
};

static void *await_move(void *argument) {
    struct awaiter *awaiter = argument;
    struct error err;
    awaiter->status = registry_repo_await_move(awaiter->on->index, AWAIT_MS, &awaiter->on->deadline, &err);
    atomic_store(&awaiter->is_over, true);
    return NULL;
}

static void others_use_the_repository_while_a_writer_awaits_a_move(void **state) {
    struct scene *scene = *state;
    struct repo_scene *on = &scene->on;
    struct awaiter awaiter = {.on = on};
    pthread_t thread;
    size_t before = git_server_requests(on->server);
    assert_int_equal(pthread_create(&thread, NULL, await_move, &awaiter), 0);
    while (git_server_requests(on->server) < before + 2)
        wait_ms(1);
    enum status status = registry_repo_fetch(on->index, &on->deadline, NULL, &on->err);
    bool was_over = atomic_load(&awaiter.is_over);
    push_once_as_rival(scene);
    pthread_join(thread, NULL);
    assert_int_equal(status, STATUS_OK);
    assert_false(was_over);
    assert_int_equal(awaiter.status, STATUS_OK);
    struct registry_file file;
    assert_int_equal(STATUS_OK, registry_repo_read(on->index, "pr/file", &on->git.arena, &file, &on->err));
    assert_string_equal(file.bytes, "old\nrival\n");
}

/* A `prepare` whose check succeeds, after which the rival pushes. */
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

/* The host's refusals are FORBIDDEN, NOT_FOUND or REFUSED; a job must not end with that once it has begun to write. */
static void a_refusal_of_our_pushes_is_no_refusal_of_the_change(void **state) {
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
        HTTP(a_push_that_gets_in_takes_along_all_that_wait),
        HTTP(a_push_on_an_awaited_move_needs_no_other_look_however_slow_its_guard),
        HTTP(others_use_the_repository_while_a_writer_awaits_a_move),
        BOTH(a_refused_push_is_made_again_on_what_came),
        HTTP(a_refusal_of_our_pushes_is_no_refusal_of_the_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
