/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Threads that hand in changes together, to a repository on this disk and to one behind http; with rivals, lost locks and
 * changes that fail among good ones.
 */
#include "lib/store/change_queue.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "lib/store/lock.h"
#include "tests/store/fixture.h"
#include "tests/store/repo_scene.h"

enum { THREADS = 8, CHANGES_EACH = 10, DEADLINE_MS = 60000, RIVAL_PAUSE_MS = 100, RIVAL_EVERY_MS = 125, OURS = 12 };

struct scene {
    struct fixture f;
    struct repo_scene on;                        /* data.git stands for the registry */
    struct change_queue *registry_queue, *queue; /* the index's, which pushes to the registry first */
    atomic_int begun;                            /* rounds of `queue` */
};

static enum status count_round(void *context, struct deadline *limit, struct error *err) {
    struct scene *scene = context;
    atomic_fetch_add(&scene->begun, 1);
    return deadline_check(limit, err);
}

static void create_queues(struct scene *scene, int64_t hold_ms, int64_t wait_ms) {
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

static struct queued_change change_of(const char *path, char *line) {
    return (struct queued_change){.change = {.path = path, .message = line, .edit = add_line, .context = line}};
}

static char *log_of(struct scene *scene, const char *repo) {
    return git_output(&scene->on.git, "git -C %s.git log --reverse --format=%%s HEAD~%s..HEAD", repo,
                      git_output(&scene->on.git, "git -C %s.git log --format=%%s | grep -vc Change || true", repo));
}

static void assert_content(struct scene *scene, const char *repo, const char *path, const char *content) {
    assert_string_equal(git_output(&scene->on.git, "git -C %s.git cat-file blob HEAD:%s", repo, path), content);
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
    assert_content(scene, "data", "file", "old"); /* its second half must not come, so the first did not either */
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

/* A `prepare` that takes so long that the lock runs out meanwhile, and somebody else gets it. */
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

    /* The lock around both: without it the first repository is not written either. */
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

struct worker {
    pthread_t thread;
    struct scene *scene;
    struct change_queue *queue;
    int number;
    bool is_done;
    bool has_first, is_alone;
    enum status (*prepare)(void *context, struct deadline *limit, struct error *err);
};

static void *work(void *argument) {
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

static void run_workers(struct scene *scene, struct worker workers[THREADS]) {
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

/* A commit a change, each in its file and in the order in which its thread made them. */
static void assert_all_there(struct scene *scene) {
    git_script(&scene->on.git,
               "cd index.git; git fsck --strict --no-dangling; test $(git log --format=%%s | grep -c ' of ') = %d; "
               "for i in $(seq 0 %d); do for j in $(seq 0 %d); do echo \"$j of $i\"; done >../want; "
               "git cat-file blob HEAD:pr/$i | cmp - ../want; done",
               THREADS * CHANGES_EACH, THREADS - 1, CHANGES_EACH - 1);
}

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
    assert_int_equal(first.pushes, counts.rounds); /* one for all of a round */
    assert_int_equal(atomic_load(&scene->begun), counts.rounds);
}

static void two_processes_take_turns(void **state) {
    struct scene *scene = *state;
    struct worker workers[THREADS] = {0};
    struct scene other = *scene; /* as another process has it: repositories and queues of its own */
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

/* Hands in one change after the other until it is over. */
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
    struct registry_repo *index = repo_scene_open(&scene->on, "index"); /* as another process has it */
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

/* A `prepare` that would be broken by another change of the same round. */
static atomic_int preparing;

static enum status be_alone(void *context, struct deadline *limit, struct error *err) {
    const struct worker *worker = context;
    (void)limit;
    /* Prepared and not yet done, as the counts of pushes say, is at most one. */
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
        BOTH(a_change_that_fails_takes_no_other_with_it),
        BOTH(the_first_repository_is_pushed_before_the_second),
        LOCAL(nothing_is_pushed_after_the_lock_was_lost),
        LOCAL(a_lock_that_is_held_is_waited_for),
        LOCAL(the_lock_is_free_afterwards),
        LOCAL(a_caller_whose_job_is_stopped_waits_no_longer),
        BOTH(threads_that_wait_together_share_a_push),
        LOCAL(two_processes_take_turns),
        LOCAL(a_process_that_is_always_busy_lets_others_have_a_turn),
        BOTH(a_rival_who_pushes_all_the_time_and_we_lose_nothing),
        HTTP(for_ten_pushes_of_a_rival_without_pause_there_is_one_of_ours),
        BOTH(a_refused_push_is_made_again_on_what_came),
        LOCAL(a_change_that_must_be_alone_shares_no_round),
        HTTP(what_the_host_has_against_us_is_no_refusal_of_the_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
