/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The steps of a job, run by a job runner: their order, and the runs that follow one that was interrupted. The job here commits
 * a file to each of two repositories; each test chooses the step at which the first run stops, and how it stops.
 */
#include "lib/base/text.h"
#include "lib/service/job/job_change.h"
#include "lib/service/job/job_steps.h"
#include "tests/support/git/git_fixture.h"
#include "tests/unit/service/job_fixture.h"

struct scene;
struct work;

struct scene {
    struct job_fixture j; /* first: job_fixture.h casts */
    struct git_fixture git;
    struct registry_access repositories; /* without a view of the registry in memory */
    struct text steps;                   /* steps run so far: " begin check-1 check-2"; read when the runner has stopped */
    const char *stops_at;                /* stops at this step, once */
    enum status (*stop)(struct work *w, struct error *err);
    atomic_int stopped;
    bool leaves_check_out;
};

/* One run. */
struct work {
    struct scene *scene;
    struct job_run *run;
};

static struct scene scene;

/* ---- Where a run stops ---- */

static enum status refuse(struct work *w, struct error *err) {
    (void)w;
    return error_set(err, STATUS_REFUSED, "There is no license.");
}

static enum status find_storage_away(struct work *w, struct error *err) {
    (void)w;
    return error_set(err, STATUS_UNAVAILABLE, "The storage is away.");
}

static enum status wait(struct work *w, struct error *err) {
    return wait_at_gate(&w->scene->j, w->run, err);
}

/* ---- The steps ---- */

static enum status pass(struct work *w, const char *step, struct error *err) {
    struct scene *s = w->scene;
    text_append_format(&s->steps, " %s", step);
    if (!s->stops_at || strcmp(s->stops_at, step) != 0 || atomic_load(&s->stopped) > 0) return STATUS_OK;
    atomic_fetch_add(&s->stopped, 1);
    return s->stop(w, err);
}

static enum status check_first(void *context, struct error *err) {
    return pass(context, "check-1", err);
}

static enum status check_second(void *context, struct error *err) {
    return pass(context, "check-2", err);
}

static bool is_check_needed(const void *context) {
    const struct work *w = context;
    return !w->scene->leaves_check_out;
}

static enum status record(void *context, struct error *err) {
    struct work *w = context;
    struct text json = {0};
    text_append(&json, "{\"number\":1}");
    enum status status = job_steps_keep_record(w->run, &json, err);
    return status ? status : pass(w, "record", err);
}

static enum status resume(void *context, struct error *err) {
    struct work *w = context;
    job_steps_say_resumed(w->run, "record %s", w->run->job.record);
    return pass(w, "resume", err);
}

/* registry_edit_function */
static enum status edit(struct registry_edit *out, const struct registry_file *current, void *context, struct arena *arena,
                        struct error *err) {
    (void)context, (void)arena, (void)err;
    bool is_there = current->bytes && strcmp(current->bytes, "new\n") == 0;
    out->kind = is_there ? REGISTRY_KEEP : REGISTRY_WRITE;
    if (!is_there) out->content = (struct registry_file){"new\n", 4};
    return STATUS_OK;
}

/* An own commit, in two halves: a run may stop between them. */
static enum status write_first(void *context, struct error *err) {
    struct work *w = context;
    enum status status = pass(w, "write-1", err);
    struct job_change change = job_change_of_metadata(w->run, "prelude", edit, w);
    if (!status) status = job_change_push(&change, w->run, &w->scene->repositories, err);
    if (!status) status = pass(w, "pushed", err);
    return status ? status : job_change_keep(&change, w->run, &w->scene->repositories, err);
}

/* The index, after another file of the registry. */
static enum status write_second(void *context, struct error *err) {
    struct work *w = context;
    struct job_change first = job_change_of_metadata(w->run, "arrays", edit, w);
    struct job_change change = job_change_of_index(w->run, "arrays", "Update manifest for arrays@1.0.0", edit, w);
    change.first = &first;
    enum status status = pass(w, "write-2", err);
    return status ? status : job_change_commit(&change, w->run, &w->scene->repositories, err);
}

static const struct job_step table[] = {
    {"check-1", .begin = check_first},
    {"check-2", .begin = check_second, .is_needed = is_check_needed},
    {"record", .begin = record},
    {"resume", .resume = resume},
    {"write-1", .write = write_first, .left_out = {"the metadata is not committed"}},
    {"write-2", .write = write_second, .left_out = {"more metadata is not committed", "the manifest is not committed"}},
    {0},
};

static void append_more(void *context, struct text *line) {
    (void)context;
    text_append(line, "; and more");
}

static enum status run_job_steps(void *context, struct job_run *run, struct error *err) {
    struct work w = {context, run};
    text_append(&w.scene->steps, " begin");
    return job_steps_carry_out(&(struct job_steps){.table = table, .context = &w, .append_timings = append_more}, run, err);
}

/* ---- The scene ---- */

static struct registry_repo *open_repo(const char *name) {
    struct fixture *f = &scene.j.f;
    struct registry_repo *repo = NULL;
    struct deadline deadline;
    deadline_start(&deadline, PATIENCE_MS);
    const struct registry_repo_options options = {.url = git_fixture_file(&scene.git, name)};
    assert_ok(registry_repo_open(&repo, &options, &deadline, &f->err));
    return repo;
}

static int open_scene(void **state) {
    empty_job_fixture(state);
    scene.j.settings.pending_scan_ms = 20;
    git_fixture_make(&scene.git);
    git_script(&scene.git, "mkdir -p registry index; echo old >registry/old; echo old >index/old; "
                           "push_files registry.git; push_files index.git");
    struct registry_access *repositories = &scene.repositories;
    *repositories = (struct registry_access){.registry = open_repo("registry.git"), .index = open_repo("index.git")};
    struct change_queue_options options = {
        .repo = repositories->registry, .lock_name = CHANGE_QUEUE_REGISTRY, .hold_ms = LEASE_MS, .wait_ms = PATIENCE_MS};
    repositories->registry_queue = change_queue_create(&options);
    options.repo = repositories->index;
    options.lock_name = CHANGE_QUEUE_INDEX;
    options.first = repositories->registry_queue;
    repositories->index_queue = change_queue_create(&options);
    text_clear(&scene.steps);
    scene.stops_at = NULL;
    scene.leaves_check_out = false;
    atomic_store(&scene.stopped, 0);
    return 0;
}

static int close_scene(void **state) {
    (void)state;
    registry_access_close(&scene.repositories);
    text_release(&scene.steps);
    git_fixture_remove(&scene.git);
    return 0;
}

static int start_scene(void **state) {
    struct fixture *f = &scene.j.f;
    f->server = redis_server_start();
    connect_fixture(f);
    *state = &scene;
    return 0;
}

static int stop_scene(void **state) {
    (void)state;
    redis_free(scene.j.f.redis);
    job_store_free(scene.j.f.store);
    redis_server_stop(scene.j.f.server);
    arena_release(&scene.j.f.arena);
    return 0;
}

#define steps_test(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)

static void start(void) {
    static const struct job_handler handlers[] = {{JOB_KIND_PUBLISH, run_job_steps}, {0}};
    start_runner_with(&scene.j, 1, handlers);
}

/* Accepts a job and returns its id; the first run stops at this step (NULL: nowhere). */
static const char *begin(const char *stops_at, enum status (*stop)(struct work *w, struct error *err)) {
    scene.stops_at = stops_at;
    scene.stop = stop;
    return arena_copy(&scene.j.f.arena, accept_order(&scene.j, "prelude", "{}").id);
}

/* Waits for the job to end in this state, and for the runner to stop. */
static struct job end(const char *id, enum job_state state) {
    struct job_fixture *j = &scene.j;
    await(job_state_is_finished(state_of(j, id)));
    stop_runner(j);
    struct job job = get_job(&j->f, id);
    if (job.state != state) fail_msg("%s: %s", job_state_text(job.state), job.error ? job.error : "");
    return job;
}

static const char *log_of(const char *id) {
    struct log_lines lines = read_log(&scene.j, id);
    struct text text = {0};
    for (size_t i = 0; i < lines.count; i++)
        text_append_format(&text, "%s\n", lines.lines[i].message);
    const char *copy = arena_copy(&scene.j.f.arena, text_view(&text));
    text_release(&text);
    return copy;
}

static void expect_line(const char *id, const char *words) {
    const char *log = log_of(id);
    if (!strstr(log, words)) fail_msg("There is no \"%s\" in\n%s", words, log);
}

static void expect_no_line(const char *id, const char *words) {
    const char *log = log_of(id);
    if (strstr(log, words)) fail_msg("There is \"%s\" in\n%s", words, log);
}

/* The commits on top of the first, the oldest first, each with its file and a semicolon. */
static void expect_commits(const char *repo, const char *subjects) {
    assert_string_equal(git_output(&scene.git, "git -C %s log --reverse --format='%%s;' HEAD | tail -n +2 | tr -d '\\n'", repo),
                        subjects);
}

/* ---- One run ---- */

static void steps_are_run_in_order(void **state) {
    (void)state;
    start();
    const char *id = begin(NULL, NULL);
    const struct job job = end(id, JOB_STATE_SUCCEEDED);
    assert_string_equal(text_view(&scene.steps), " begin check-1 check-2 record write-1 pushed write-2");
    assert_string_equal(job.record, "{\"number\":1}");
    expect_commits("registry.git", "Update metadata for prelude;Update metadata for arrays;");
    expect_commits("index.git", "Update manifest for arrays@1.0.0;");
    const char *log = log_of(id);
    static const char *const names[] = {"Timings: check-1=", " check-2=", " record=", " write-1=", " write-2=", "; and more."};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *at = strstr(log, names[i]);
        if (!at) fail_msg("There is no \"%s\" behind the one before in\n%s", names[i], log);
        log = at;
    }
    expect_no_line(id, "resume=");
}

static void the_job_names_its_commits(void **state) {
    (void)state;
    start();
    const char *id = begin(NULL, NULL);
    const struct job job = end(id, JOB_STATE_SUCCEEDED);
    const char *first = git_output(&scene.git, "git -C registry.git rev-parse HEAD^"),
               *second = git_output(&scene.git, "git -C registry.git rev-parse HEAD"),
               *third = git_output(&scene.git, "git -C index.git rev-parse HEAD");
    struct arena *arena = &scene.j.f.arena;
    expect_line(id, arena_format(arena,
                                 "Committed the metadata: %s.\nCommitted the metadata: %s.\n"
                                 "Committed the manifest to the index: %s.\n",
                                 first, second, third));
    assert_string_equal(job.commits, arena_format(arena, "registry=%s registry=%s index=%s", first, second, third));
    assert_string_equal(git_output(&scene.git, "git -C registry.git log -1 --format=%%B HEAD^"),
                        arena_format(arena, "Update metadata for prelude\n\nJob ID: %s\n", id));
}

static void a_step_that_is_not_needed_is_skipped(void **state) {
    (void)state;
    scene.leaves_check_out = true;
    start();
    const char *id = begin(NULL, NULL);
    end(id, JOB_STATE_SUCCEEDED);
    assert_string_equal(text_view(&scene.steps), " begin check-1 record write-1 pushed write-2");
    expect_no_line(id, "check-2");
}

static void a_step_that_fails_is_the_last(void **state) {
    (void)state;
    start();
    const char *id = begin("check-2", refuse);
    const struct job job = end(id, JOB_STATE_FAILED);
    assert_string_equal(text_view(&scene.steps), " begin check-1 check-2");
    assert_string_equal(job.error, "There is no license.");
    assert_null(job.record);
    expect_commits("registry.git", "");
    expect_line(id, " check-2=");
    expect_no_line(id, " record=");
}

static void a_read_only_server_checks_and_writes_nothing(void **state) {
    (void)state;
    scene.j.settings.readonly = true;
    start();
    const char *id = begin(NULL, NULL);
    const struct job job = end(id, JOB_STATE_SUCCEEDED);
    assert_string_equal(text_view(&scene.steps), " begin check-1 check-2 record");
    assert_true(job.is_readonly);
    assert_null(job.record);
    expect_commits("registry.git", "");
    expect_commits("index.git", "");
    expect_line(id, "Read-only: the metadata is not committed.\nRead-only: more metadata is not committed.\n"
                    "Read-only: the manifest is not committed.\n");
}

/* ---- Several runs ---- */

static void a_drain_before_the_record_starts_over(void **state) {
    struct job_fixture *j = *state;
    start();
    const char *id = begin("check-1", wait);
    await(atomic_load(&scene.stopped) == 1);
    job_runner_free(j->runner, 0);
    assert_string_equal(text_view(&scene.steps), " begin check-1");
    assert_int_equal(state_of(j, id), JOB_STATE_PENDING);
    start();
    end(id, JOB_STATE_SUCCEEDED);
    assert_string_equal(text_view(&scene.steps), " begin check-1 begin check-1 check-2 record write-1 pushed write-2");
}

/* The step itself does not check the deadline; the next one is not begun. */
static enum status wait_without_end(struct work *w, struct error *err) {
    (void)wait(w, err);
    return STATUS_OK;
}

static void a_drain_is_noticed_between_steps(void **state) {
    struct job_fixture *j = *state;
    start();
    const char *id = begin("record", wait_without_end);
    await(atomic_load(&scene.stopped) == 1);
    job_runner_free(j->runner, 0);
    assert_string_equal(text_view(&scene.steps), " begin check-1 check-2 record");
    assert_int_equal(state_of(j, id), JOB_STATE_PENDING);
    expect_commits("registry.git", "");
    start();
    end(id, JOB_STATE_SUCCEEDED);
    assert_string_equal(text_view(&scene.steps), " begin check-1 check-2 record begin resume write-1 pushed write-2");
    expect_line(id, "Resuming after an interruption: record {\"number\":1}.");
}

static void a_run_after_a_failed_write_resumes(void **state) {
    (void)state;
    start();
    const char *id = begin("write-1", find_storage_away);
    end(id, JOB_STATE_SUCCEEDED);
    assert_string_equal(text_view(&scene.steps), " begin check-1 check-2 record write-1 begin resume write-1 pushed write-2");
    expect_line(id, "The storage is away.");
    expect_commits("registry.git", "Update metadata for prelude;Update metadata for arrays;");
}

/* Another runner may have the job by then. */
static void a_run_whose_lease_is_lost_writes_nothing(void **state) {
    struct job_fixture *j = *state;
    start();
    const char *id = begin("write-1", wait);
    await(atomic_load(&scene.stopped) == 1);
    expire_lease(j, id);
    atomic_store(&j->gate_is_open, true);
    end(id, JOB_STATE_SUCCEEDED);
    assert_string_equal(text_view(&scene.steps), " begin check-1 check-2 record write-1 begin resume write-1 pushed write-2");
    expect_no_line(id, "already up to date"); /* the second run wrote it */
    expect_commits("registry.git", "Update metadata for prelude;Update metadata for arrays;");
}

static void the_commit_of_an_earlier_run_is_kept_and_not_made_again(void **state) {
    (void)state;
    start();
    const char *id = begin("pushed", find_storage_away);
    const struct job job = end(id, JOB_STATE_SUCCEEDED);
    assert_string_equal(text_view(&scene.steps),
                        " begin check-1 check-2 record write-1 pushed begin resume write-1 pushed write-2");
    expect_line(id, "The metadata was already up to date: ");
    expect_commits("registry.git", "Update metadata for prelude;Update metadata for arrays;");
    const char *first = git_output(&scene.git, "git -C registry.git rev-parse HEAD^");
    assert_non_null(strstr(job.commits, arena_format(&scene.j.f.arena, "registry=%s registry=", first)));
}

/* Others have committed the same content: the job makes no commit. */
static void a_commit_of_somebody_else_is_not_the_jobs(void **state) {
    (void)state;
    git_script(&scene.git, "mkdir -p registry/metadata; echo new >registry/metadata/prelude.json; push_files registry.git");
    start();
    const char *id = begin("pushed", find_storage_away);
    const struct job job = end(id, JOB_STATE_SUCCEEDED);
    const char *theirs = git_output(&scene.git, "git -C registry.git rev-parse HEAD^");
    assert_null(strstr(job.commits, theirs));
    expect_line(id, arena_format(&scene.j.f.arena, "The metadata was already up to date: %s.", theirs));
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        steps_test(steps_are_run_in_order),
        steps_test(the_job_names_its_commits),
        steps_test(a_step_that_is_not_needed_is_skipped),
        steps_test(a_step_that_fails_is_the_last),
        steps_test(a_read_only_server_checks_and_writes_nothing),
        steps_test(a_drain_before_the_record_starts_over),
        steps_test(a_drain_is_noticed_between_steps),
        steps_test(a_run_after_a_failed_write_resumes),
        steps_test(a_run_whose_lease_is_lost_writes_nothing),
        steps_test(the_commit_of_an_earlier_run_is_kept_and_not_made_again),
        steps_test(a_commit_of_somebody_else_is_not_the_jobs),
    };
    return cmocka_run_group_tests(tests, start_scene, stop_scene);
}
