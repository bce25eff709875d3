/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Threads that submit changes together, to a repository on this disk and to one behind http; with lost locks, and with failing
 * changes among good ones. In test_change_rivals.c others push meanwhile.
 */
#include "lib/store/redis/lock.h"
#include "tests/store/queue_scene.h"

static char *log_of(struct scene *scene, const char *repo) {
    return git_output(&scene->on.git, "git -C %s.git log --reverse --format=%%s HEAD~%s..HEAD", repo,
                      git_output(&scene->on.git, "git -C %s.git log --format=%%s | grep -vc Change || true", repo));
}

/* ---- One caller ---- */

static enum status refuse_to_prepare(void *context, struct deadline *limit, struct error *err) {
    (void)context, (void)limit;
    return error_set(err, STATUS_REFUSED, "A dependency is gone.");
}

static enum status refuse_to_write(void *context, int64_t needed_ms, struct error *err) {
    (void)context, (void)needed_ms;
    return error_set(err, STATUS_STALE, "The lease is lost.");
}

static void a_change_that_fails_takes_no_other_with_it(void **state) {
    struct scene *scene = *state;
    struct fixture *f = &scene->f;
    struct error errors[4] = {0};
    struct queued_change first = change_of("file", "metadata of nobody");
    struct queued_change changes[] = {change_of("pr/file", "good"), change_of("pr/file", "refused edit"),
                                      change_of("pr/file", "refused rule"), change_of("pr/file", "lost lease"),
                                      change_of("pr/other", "good too")};
    for (int i = 0; i < 3; i++)
        changes[i + 1].change.err = &errors[i];
    changes[1].change.edit = refuse_edit;
    changes[2].prepare = refuse_to_prepare;
    changes[2].first = &first;
    changes[3].guard = refuse_to_write;
    assert_status(STATUS_REFUSED, change_queue_commit(scene->queue, f->store, changes, 5, &scene->on.deadline, &f->err));
    assert_int_equal(changes[0].change.status, STATUS_OK);
    assert_string_equal(errors[0].message, "It cannot be.");
    assert_string_equal(errors[1].message, "A dependency is gone.");
    assert_int_equal(changes[3].change.status, STATUS_STALE);
    assert_string_equal(errors[2].message, "The lease is lost.");
    assert_string_equal(log_of(scene, "index"), "good\ngood too");
    assert_string_equal(changes[4].change.commit, git_output(&scene->on.git, "git -C index.git rev-parse HEAD"));
    assert_content(scene, "index", "pr/file", "old\ngood");
    assert_content(scene, "data", "file", "old"); /* its second half must fail, so the first was not written either */
}

static void the_first_repository_is_pushed_before_the_second(void **state) {
    struct scene *scene = *state;
    struct fixture *f = &scene->f;
    struct queued_change firsts[] = {change_of("file", "one"), change_of("file", "two")};
    struct queued_change changes[] = {change_of("pr/one", "one"), change_of("pr/two", "two")};
    struct error error = {0};
    firsts[1].change.edit = refuse_edit;
    changes[0].first = &firsts[0];
    changes[1].first = &firsts[1];
    changes[1].change.err = &error;
    assert_status(STATUS_REFUSED, change_queue_commit(scene->queue, f->store, changes, 2, &scene->on.deadline, &f->err));
    assert_string_equal(error.message, "It cannot be.");
    assert_string_equal(log_of(scene, "data"), "one");
    assert_string_equal(log_of(scene, "index"), "one");
    assert_string_equal(firsts[0].change.commit, git_output(&scene->on.git, "git -C data.git rev-parse HEAD"));

    firsts[0] = change_of("file", "three");
    changes[0].change.edit = refuse_edit;
    assert_status(STATUS_REFUSED, change_queue_commit(scene->queue, f->store, changes, 1, &scene->on.deadline, &f->err));
    assert_true(firsts[0].change.written);
    assert_false(changes[0].change.written);
    assert_content(scene, "data", "file", "old\none\nthree");
}

/* ---- The lock ---- */

/* A `prepare` that takes so long that the lock expires meanwhile, and another holder gets it. */
static enum status lose_lock(void *context, struct deadline *limit, struct error *err) {
    struct scene *scene = context;
    struct fixture *f = &scene->f;
    struct lock lock;
    (void)limit, (void)err;
    assert_ok(lock_take(f->store, CHANGE_QUEUE_INDEX, LEASE_MS, TIMEOUT_MS, &lock, &f->err));
    return STATUS_OK;
}

static void nothing_is_pushed_after_the_lock_was_lost(void **state) {
    struct scene *scene = *state;
    struct fixture *f = &scene->f;
    struct queued_change first = change_of("file", "line"), change = change_of("pr/file", "line");
    create_queues(scene, SHORT_LEASE_MS, 0);
    change.prepare = lose_lock;
    change.context = scene;
    assert_status(STATUS_BUSY, change_queue_commit(scene->queue, f->store, &change, 1, &scene->on.deadline, &f->err));
    assert_content(scene, "index", "pr/file", "old");

    /* One lock protects both: without it the first repository is not written either. */
    struct redis_reply *reply;
    assert_ok(redis_call(f->redis, &reply, &f->err, "FLUSHALL"));
    change.first = &first;
    assert_status(STATUS_BUSY, change_queue_commit(scene->queue, f->store, &change, 1, &scene->on.deadline, &f->err));
    if (!strstr(f->err.message, "lost")) fail_msg("%s", f->err.message);
    assert_content(scene, "data", "file", "old");
}

static void a_lock_that_is_held_is_waited_for(void **state) {
    struct scene *scene = *state;
    struct fixture *f = &scene->f;
    struct queued_change change = change_of("pr/file", "line");
    struct lock lock;
    assert_ok(lock_take(f->store, CHANGE_QUEUE_INDEX, SHORT_LEASE_MS, 0, &lock, &f->err));
    assert_ok(change_queue_commit(scene->queue, f->store, &change, 1, &scene->on.deadline, &f->err));
    assert_ok(lock_take(f->store, CHANGE_QUEUE_INDEX, LEASE_MS, TIMEOUT_MS, &lock, &f->err));
    create_queues(scene, LEASE_MS, SHORT_LEASE_MS);
    assert_status(STATUS_BUSY, change_queue_commit(scene->queue, f->store, &change, 1, &scene->on.deadline, &f->err));
    assert_content(scene, "index", "pr/file", "old\nline");
}

static void the_lock_is_free_afterwards(void **state) {
    struct scene *scene = *state;
    struct fixture *f = &scene->f;
    struct queued_change change = change_of("pr/file", "line");
    struct lock lock;
    change.prepare = refuse_to_prepare;
    assert_status(STATUS_REFUSED, change_queue_commit(scene->queue, f->store, &change, 1, &scene->on.deadline, &f->err));
    assert_ok(lock_take(f->store, CHANGE_QUEUE_INDEX, LEASE_MS, 0, &lock, &f->err));
}

static void a_caller_whose_job_is_stopped_waits_no_longer(void **state) {
    struct scene *scene = *state;
    struct fixture *f = &scene->f;
    struct queued_change change = change_of("pr/file", "line");
    struct lock lock;
    assert_ok(lock_take(f->store, CHANGE_QUEUE_INDEX, LEASE_MS, 0, &lock, &f->err));
    deadline_cancel(&scene->on.deadline, STATUS_CANCELLED);
    assert_status(STATUS_CANCELLED, change_queue_commit(scene->queue, f->store, &change, 1, &scene->on.deadline, &f->err));
}

/* ---- Several callers ---- */

static void threads_that_wait_together_share_a_push(void **state) {
    struct scene *scene = *state;
    struct worker workers[THREADS] = {0};
    for (int i = 0; i < THREADS; i++)
        workers[i].has_first = true;
    run_workers(scene, workers);
    assert_all_there(scene);
    assert_string_equal(git_output(&scene->on.git, "git -C data.git log --format=%%s | grep -c ' of '"), "80");
    struct change_queue_counts counts = change_queue_counts(scene->queue), first = change_queue_counts(scene->registry_queue);
    if (counts.rounds > THREADS * CHANGES_EACH / 2) fail_msg("%lld rounds", (long long)counts.rounds);
    assert_int_equal(counts.pushes, counts.rounds);
    assert_int_equal(first.pushes, counts.rounds); /* one push for each round */
    assert_int_equal(atomic_load(&scene->begun), counts.rounds);
}

static void two_processes_take_turns(void **state) {
    struct scene *scene = *state;
    struct worker workers[THREADS] = {0};
    struct scene other = *scene; /* like another process, with separate repositories and queues */
    other.on.git.arena = (struct arena){0};
    other.on.server = NULL;
    other.on.repo = repo_scene_open(&other.on, "data");
    other.on.index = repo_scene_open(&other.on, "index");
    other.queue = other.registry_queue = NULL;
    create_queues(&other, LEASE_MS, DEADLINE_MS);
    for (int i = 0; i < THREADS; i += 2)
        workers[i].queue = other.queue;
    run_workers(scene, workers);
    assert_all_there(scene);
    assert_int_equal(change_queue_counts(other.queue).refused_pushes + change_queue_counts(scene->queue).refused_pushes, 0);
    change_queue_free(other.queue);
    change_queue_free(other.registry_queue);
    registry_repo_free(other.on.repo);
    registry_repo_free(other.on.index);
    arena_release(&other.on.git.arena);
}

/* Submits one change after the other until it is stopped. */
struct busy_thread {
    pthread_t thread;
    struct scene *scene;
    atomic_bool *is_over;
    bool is_good;
};

static void *keep_busy(void *argument) {
    struct busy_thread *busy = argument;
    struct scene *scene = busy->scene;
    struct job_store *store = NULL;
    struct error err;
    busy->is_good = job_store_create(&store, redis_server_url(scene->f.server), TIMEOUT_MS, &err) == STATUS_OK;
    while (busy->is_good && !atomic_load(busy->is_over)) {
        struct queued_change change = change_of("pr/busy", "line");
        busy->is_good = change_queue_commit(scene->queue, store, &change, 1, &scene->on.deadline, &err) == STATUS_OK;
    }
    job_store_free(store);
    return NULL;
}

static void a_process_that_is_always_busy_lets_others_have_a_turn(void **state) {
    struct scene *scene = *state;
    struct fixture *f = &scene->f;
    struct busy_thread busy[THREADS];
    atomic_bool is_over = false;
    struct registry_repo *index = repo_scene_open(&scene->on, "index"); /* like another process */
    struct change_queue *other = change_queue_create(&(struct change_queue_options){
        .repo = index, .lock_name = CHANGE_QUEUE_INDEX, .hold_ms = LEASE_MS, .wait_ms = DEADLINE_MS / 4});
    for (int i = 0; i < THREADS; i++) {
        busy[i] = (struct busy_thread){.scene = scene, .is_over = &is_over};
        assert_int_equal(pthread_create(&busy[i].thread, NULL, keep_busy, &busy[i]), 0);
    }
    for (int i = 0; i < 3; i++) {
        struct queued_change change = change_of("pr/file", "line");
        assert_ok(change_queue_commit(other, f->store, &change, 1, &scene->on.deadline, &f->err));
    }
    atomic_store(&is_over, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(busy[i].thread, NULL);
    for (int i = 0; i < THREADS; i++)
        assert_true(busy[i].is_good);
    assert_content(scene, "index", "pr/file", "old\nline\nline\nline");
    change_queue_free(other);
    registry_repo_free(index);
}

/* A `prepare` that fails if another change is prepared in the same round. */
static atomic_int preparing;

static enum status be_alone(void *context, struct deadline *limit, struct error *err) {
    const struct worker *worker = context;
    (void)limit;
    /* At most one is prepared and not yet pushed, according to the counts of pushes. */
    int64_t before = change_queue_counts(worker->queue).pushes;
    return atomic_fetch_add(&preparing, 1) == before ? STATUS_OK : error_set(err, STATUS_INTERNAL, "It is not alone.");
}

static void a_change_that_must_be_alone_shares_no_round(void **state) {
    struct scene *scene = *state;
    struct worker workers[THREADS] = {0};
    atomic_store(&preparing, 0);
    for (int i = 0; i < THREADS; i++) {
        workers[i].is_alone = true;
        workers[i].prepare = be_alone;
    }
    run_workers(scene, workers);
    assert_all_there(scene);
    assert_int_equal(change_queue_counts(scene->queue).rounds, THREADS * CHANGES_EACH);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        BOTH(a_change_that_fails_takes_no_other_with_it),
        BOTH(the_first_repository_is_pushed_before_the_second),
        LOCAL(nothing_is_pushed_after_the_lock_was_lost),
        LOCAL(a_lock_that_is_held_is_waited_for),
        LOCAL(the_lock_is_free_afterwards),
        LOCAL(a_caller_whose_job_is_stopped_waits_no_longer),
        BOTH(threads_that_wait_together_share_a_push),
        LOCAL(two_processes_take_turns),
        LOCAL(a_process_that_is_always_busy_lets_others_have_a_turn),
        LOCAL(a_change_that_must_be_alone_shares_no_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
