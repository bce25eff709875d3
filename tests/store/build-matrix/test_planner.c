/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How jobs are made: events are read, planned for and acknowledged; a new compiler; the sweep; and the planner's thread. The
 * pairs that follow from an event: tests/unit/domain/test_matrix_plan.c.
 */
#include "lib/store/redis/events.h"
#include "services/build-matrix/plan/planner.h"
#include "services/build-matrix/plan/planner_events.h"
#include "services/build-matrix/plan/sweep.h"
#include "tests/store/build-matrix/matrix_fixture.h"

/* The planner without its thread. */
static struct planning planning;
static struct planner_events events;
static int wakes;

static void count_wake(void *context) {
    (void)context;
    wakes++;
}

static void begin_planning(struct matrix_fixture *m) {
    struct fixture *f = &m->f;
    const struct planning_place place = {
        .settings = &m->service.settings, .repositories = &m->service.repositories, .wake = count_wake};
    assert_ok(planning_init(&planning, &place, &f->err));
    planner_events_init(&events, &planning);
    wakes = 0;
}

static void end_planning(void) {
    planner_events_release(&events);
    planning_release(&planning);
}

static int open_planning(void **state) {
    open_service(state);
    begin_planning(*state);
    assert_true(planning_read_compilers(&planning));
    return 0;
}

static int close_planning(void **state) {
    end_planning();
    return close_service(state);
}

#define planning_test(name) cmocka_unit_test_setup_teardown(name, open_planning, close_planning)

/* Runs a job that ends with this event. */
static void emit(struct matrix_fixture *m, const char *event) {
    const struct job_request request = publish_of("emitter");
    run_job(&m->f, &request, &(struct job_end){.success = true, .event = event});
}

static void take(struct matrix_fixture *m) {
    struct fixture *f = &m->f;
    assert_ok(planner_events_take(&events, 0, &f->err));
}

static void handle(struct matrix_fixture *m) {
    take(m);
    planner_events_handle(&events);
    assert_int_equal(events.count, 0);
}

/* The builds that wait, in the order in which they were made. */
static const char *list_builds(struct matrix_fixture *m) {
    struct fixture *f = &m->f;
    const struct job_filter filter = {.has_kind = true, .kind = JOB_KIND_MATRIX, .limit = 100};
    struct job_list list;
    struct text text = {0};
    assert_ok(job_store_list(f->store, &filter, &f->arena, &list, &f->err));
    for (size_t i = 0; i < list.count; i++)
        text_append_format(&text, "%s%s@%s %s %s", i ? ", " : "", list.jobs[i].package, list.jobs[i].version,
                           list.jobs[i].compiler, matrix_purpose_text(list.jobs[i].purpose));
    const char *copy = arena_copy(&f->arena, text_view(&text));
    text_release(&text);
    return copy;
}

/* The number of events that were read and not acknowledged. */
static size_t count_unacknowledged(struct matrix_fixture *m) {
    struct fixture *f = &m->f;
    struct event *read;
    size_t count;
    wait_ms(5);
    assert_ok(events_read(f->store, &(struct event_consumer){PLANNER_EVENTS_GROUP, "another", 1}, 0, 100, &f->arena, &read,
                          &count, &f->err));
    return count;
}

#define PUBLISHED(name) "{\"event\":\"published\",\"name\":\"" name "\",\"version\":\"1.0.0\"}"
#define BUILT_PRELUDE(purpose)                                                                                                 \
    "{\"event\":\"built\",\"name\":\"prelude\",\"version\":\"6.0.0\",\"compiler\":\"" NEW "\"" purpose "}"

/* ---- Events ---- */

static void a_version_that_was_published_is_built_with_the_other_compilers(void **state) {
    struct matrix_fixture *m = *state;
    emit(m, PUBLISHED("arrays"));
    handle(m);
    assert_string_equal(list_builds(m), "arrays@1.0.0 " NEW " publication");
    assert_string_equal(get_job(&m->f, take_build(m).job_id).payload, PRELUDE);
    assert_int_equal(count_unacknowledged(m), 0);
    assert_int_equal(wakes, 1);
    assert_int_equal(atomic_load(&planning.counts.events), 1);
    assert_int_equal(atomic_load(&planning.counts.jobs), 1);
}

static void a_version_that_was_built_lets_its_dependants_be_built(void **state) {
    struct matrix_fixture *m = *state;
    emit(m, BUILT_PRELUDE(",\"purpose\":\"wave\""));
    handle(m);
    assert_string_equal(list_builds(m), "arrays@1.0.0 " NEW " wave, effect@1.0.0 " NEW " wave, maybe@1.0.0 " NEW " wave");
    assert_true(wakes > 0); /* once for each piece of the plan, limited by time */
}

static void a_version_that_was_revised_lets_its_dependants_be_built(void **state) {
    struct matrix_fixture *m = *state;
    emit(m, "{\"event\":\"revised\",\"name\":\"maybe\",\"version\":\"1.0.0\"}");
    handle(m);
    assert_string_equal(list_builds(m), "maybe@1.0.0 " NEW " publication");
}

/* After a build at a requester's request, its dependants are built as after a publication; the purpose may also be missing. */
static void a_build_has_the_purpose_of_the_build_that_it_follows(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    static const struct {
        const char *event, *purpose;
    } rows[] = {{BUILT_PRELUDE(""), "publication"},
                {BUILT_PRELUDE(",\"purpose\":\"request\""), "publication"},
                {BUILT_PRELUDE(",\"purpose\":\"revision\""), "publication"},
                {BUILT_PRELUDE(",\"purpose\":\"fun\""), "publication"},
                {BUILT_PRELUDE(",\"purpose\":7"), "publication"},
                {BUILT_PRELUDE(",\"purpose\":\"wave\""), "wave"},
                {BUILT_PRELUDE(",\"purpose\":\"sweep\""), "sweep"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct redis_reply *reply;
        assert_ok(redis_call(f->redis, &reply, &f->err, "FLUSHALL"));
        emit(m, rows[i].event);
        handle(m);
        const char *first = arena_format(&f->arena, "arrays@1.0.0 " NEW " %s, ", rows[i].purpose);
        assert_memory_equal(list_builds(m), first, strlen(first));
    }
}

static void foreign_events_are_ignored(void **state) {
    struct matrix_fixture *m = *state;
    static const char *const rows[] = {
        "{",
        "{}",
        "{\"event\":7}",
        "{\"event\":\"unpublished\",\"name\":\"arrays\",\"version\":\"1.0.0\"}",
        "{\"event\":\"published\",\"version\":\"1.0.0\"}",
        "{\"event\":\"published\",\"name\":\"Arrays!\",\"version\":\"1.0.0\"}",
        "{\"event\":\"published\",\"name\":\"arrays\"}",
        "{\"event\":\"published\",\"name\":\"arrays\",\"version\":\"one\"}",
        "{\"event\":\"published\",\"name\":\"arrays\",\"version\":\"1.0.0\",\"registryCommit\":7}",
        "{\"event\":\"published\",\"name\":\"arrays\",\"version\":\"1.0.0\",\"indexCommit\":7}",
        "{\"event\":\"built\",\"name\":\"prelude\",\"version\":\"6.0.0\"}",
        "{\"event\":\"built\",\"name\":\"prelude\",\"version\":\"6.0.0\",\"compiler\":\"new\"}",
    };
    enum { COUNT = sizeof rows / sizeof *rows };
    for (size_t i = 0; i < COUNT; i++)
        emit(m, rows[i]);
    handle(m);
    assert_string_equal(list_builds(m), "");
    assert_int_equal(atomic_load(&planning.counts.events), COUNT);
    assert_int_equal(count_unacknowledged(m), 0);
}

static void an_event_that_comes_twice_makes_no_job_twice(void **state) {
    struct matrix_fixture *m = *state;
    emit(m, PUBLISHED("arrays"));
    handle(m);
    emit(m, PUBLISHED("arrays"));
    handle(m);
    assert_string_equal(list_builds(m), "arrays@1.0.0 " NEW " publication");
    assert_int_equal(atomic_load(&planning.counts.jobs), 1);
    assert_int_equal(wakes, 1);
}

static void an_event_about_a_version_that_is_gone_leads_to_nothing(void **state) {
    struct matrix_fixture *m = *state;
    emit(m, PUBLISHED("gone"));
    handle(m);
    assert_string_equal(list_builds(m), "");
    assert_int_equal(count_unacknowledged(m), 0);
}

static void events_that_requesters_wait_for_are_planned_first(void **state) {
    struct matrix_fixture *m = *state;
    emit(m, BUILT_PRELUDE(",\"purpose\":\"sweep\""));
    emit(m, PUBLISHED("maybe"));
    take(m);
    assert_int_equal(events.count, 2);
    assert_non_null(events.urgent);
    assert_non_null(events.others);
    planner_events_handle(&events);
    assert_string_equal(list_builds(m),
                        "maybe@1.0.0 " NEW " publication, arrays@1.0.0 " NEW " sweep, effect@1.0.0 " NEW " sweep");
}

/* Urgent events that arrive during planning are handled between two pieces of a plan. */
static void urgent_events_are_handled_during_other_planning(void **state) {
    struct matrix_fixture *m = *state;
    emit(m, BUILT_PRELUDE(",\"purpose\":\"sweep\""));
    emit(m, PUBLISHED("maybe"));
    planning.attend(planning.attend_context);
    assert_string_equal(list_builds(m), "maybe@1.0.0 " NEW " publication");
    assert_int_equal(events.count, 1);
    events.is_attending = true; /* not recursively */
    emit(m, PUBLISHED("arrays"));
    planning.attend(planning.attend_context);
    assert_string_equal(list_builds(m), "maybe@1.0.0 " NEW " publication");
    events.is_attending = false;
}

static void an_event_is_acknowledged_after_its_jobs_alone(void **state) {
    struct matrix_fixture *m = *state;
    emit(m, PUBLISHED("arrays"));
    take(m);
    planning_stop(&planning);
    planner_events_handle(&events);
    assert_string_equal(list_builds(m), "");
    assert_int_equal(count_unacknowledged(m), 1);
    end_planning();
    begin_planning(m);
    assert_true(planning_read_compilers(&planning));
    m->service.settings.lease_ms = 1; /* until then it belonged to another consumer */
    wait_ms(5);
    handle(m);
    assert_string_equal(list_builds(m), "arrays@1.0.0 " NEW " publication");
}

static void *handle_all(void *context) {
    (void)context;
    planner_events_handle(&events);
    return NULL;
}

/* Replaces the repository by the prepared new one at once, because a push also adds its objects before it moves the branch. */
static void show_new(struct matrix_fixture *m, const char *repository) {
    git_script(&m->git, "mv %s.git old-%s.git; mv new-%s.git %s.git", repository, repository, repository, repository);
}

/* A git host may accept a commit and show it later. */
static void expect_wait(struct matrix_fixture *m, const char *first, const char *second) {
    static const char *const rows[] = {"late 1.0.0 [0.15.14] prelude >=6.0.0 <7.0.0", "prelude 6.0.0 [0.15.14 0.15.15]"};
    git_script(&m->git, "cp -r registry.git old-registry.git; cp -r registry-index.git old-registry-index.git");
    write_registry(m, rows, 2);
    const char *registry = git_output(&m->git, "git -C registry.git rev-parse HEAD"),
               *index = git_output(&m->git, "git -C registry-index.git rev-parse HEAD");
    git_script(&m->git, "mv registry.git new-registry.git; mv old-registry.git registry.git;"
                        "mv registry-index.git new-registry-index.git; mv old-registry-index.git registry-index.git");
    emit(m, arena_format(&m->f.arena,
                         "{\"event\":\"published\",\"name\":\"late\",\"version\":\"1.0.0\",\"registryCommit\":\"%s\","
                         "\"indexCommit\":\"%s\"}",
                         registry, index));
    take(m);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, handle_all, NULL), 0);
    wait_ms(300); /* a planner that does not wait would have acknowledged it */
    show_new(m, first);
    wait_ms(300);
    show_new(m, second);
    pthread_join(thread, NULL);
    assert_string_equal(list_builds(m), "late@1.0.0 " NEW " publication");
}

static void an_event_waits_for_its_commit_to_the_registry(void **state) {
    expect_wait(*state, "registry-index", "registry");
}

static void an_event_waits_for_its_commit_to_the_index(void **state) {
    expect_wait(*state, "registry", "registry-index");
}

/* ---- Planning ---- */

static void no_more_jobs_are_made_than_may_be(void **state) {
    struct matrix_fixture *m = *state;
    const struct version new = planning.compilers[1];
    struct matrix_pair items[] = {{"arrays", {1, 0, 0}, new, MATRIX_PURPOSE_SWEEP},
                                  {"prelude", {6, 0, 0}, new, MATRIX_PURPOSE_SWEEP}, /* already built */
                                  {"effect", {1, 0, 0}, new, MATRIX_PURPOSE_SWEEP},
                                  {"maybe", {1, 0, 0}, new, MATRIX_PURPOSE_SWEEP}};
    const struct matrix_pairs pairs = {.items = items, .count = 4, .rejected = 5};
    struct planning_result result = {0};
    assert_false(planning_make(&planning, &pairs, 2, &result));
    assert_int_equal(result.made, 2);
    assert_string_equal(result.example, "arrays@1.0.0 with " NEW);
    assert_string_equal(list_builds(m), "arrays@1.0.0 " NEW " sweep, effect@1.0.0 " NEW " sweep");
    result = (struct planning_result){0};
    assert_true(planning_make(&planning, &pairs, 2, &result));
    assert_int_equal(result.found, 3);
    assert_int_equal(result.made, 1);
    assert_string_equal(result.example, "maybe@1.0.0 with " NEW);
    assert_int_equal(atomic_load(&planning.counts.rejected), 10);
    assert_int_equal(atomic_load(&planning.counts.solved), 8);
}

static void a_stopped_planner_neither_waits_nor_plans(void **state) {
    (void)state;
    const struct error err = {.message = "It is away."};
    planning_stop(&planning);
    assert_false(thread_pause(&planning.thread, PATIENCE_MS));
    assert_false(planning_pause(&planning, "It is away", &err));
    assert_false(planning_refresh(&planning));
}

static void each_pause_is_twice_as_long_until_all_is_well(void **state) {
    (void)state;
    const struct error err = {.message = "It is away."};
    assert_true(planning_pause(&planning, "It is away", &err));
    int64_t first_ms = planning.pause_ms;
    assert_true(planning_pause(&planning, "It is away", &err));
    assert_int_equal(planning.pause_ms, 2 * first_ms);
    planning_goes_on(&planning);
    assert_int_equal(planning.pause_ms, 0);
}

static void without_compilers_nothing_is_planned(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    assert_ok(compiler_list_write(f->store, NULL, 0, &f->err));
    assert_false(planning_read_compilers(&planning));
    assert_int_equal(planning.compiler_count, 0);
}

/* ---- Waves and sweeps ---- */

static void a_new_compilers_wave_begins_once(void **state) {
    struct matrix_fixture *m = *state;
    static const char *const rows[] = {"arrays 1.0.0 [0.15.14] prelude >=6.0.0 <7.0.0", "prelude 6.0.0 [0.15.14]"};
    sweep_begin_waves(&planning); /* prelude has both compilers, so neither is new */
    assert_string_equal(list_builds(m), "");
    write_registry(m, rows, 2);
    refresh(m);
    sweep_begin_waves(&planning);
    assert_string_equal(list_builds(m), "prelude@6.0.0 " NEW " wave");
    sweep_begin_waves(&planning);
    assert_int_equal(atomic_load(&planning.counts.jobs), 1);
}

static void a_sweep_finds_what_no_event_has_brought(void **state) {
    struct matrix_fixture *m = *state;
    m->service.settings.matrix_sweep_jobs = 0;
    sweep_if_due(&planning);
    assert_string_equal(list_builds(m), "");
    m->service.settings.matrix_sweep_jobs = 2;
    sweep_if_due(&planning);
    assert_string_equal(list_builds(m), "arrays@1.0.0 " NEW " sweep, effect@1.0.0 " NEW " sweep");
    assert_int_equal(atomic_load(&planning.counts.sweep_made), 2);
    m->service.settings.matrix_sweep_jobs = 1000;
    sweep_if_due(&planning); /* tomorrow */
    assert_int_equal(atomic_load(&planning.counts.sweeps), 1);
    assert_int_equal(atomic_load(&planning.counts.jobs), 2);
}

/* ---- The thread ---- */

static void start_planner(struct matrix_fixture *m) {
    struct fixture *f = &m->f;
    assert_ok(planner_create(&m->service.planner, &m->service, &f->err));
}

static void await_builds(struct matrix_fixture *m, const char *builds) {
    for (int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS; strcmp(list_builds(m), builds) != 0; wait_ms(5))
        if (clock_monotonic_ms() > until_ms) fail_msg("%s", list_builds(m));
}

static void the_thread_does_all_of_it(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    m->service.settings.matrix_sweep_jobs = 1;
    assert_ok(compiler_list_write(f->store, NULL, 0, &f->err));
    start_planner(m);
    emit(m, PUBLISHED("maybe"));
    support_compilers(m); /* until then the event is not acknowledged */
    await_builds(m, "maybe@1.0.0 " NEW " publication, arrays@1.0.0 " NEW " sweep");
    emit(m, PUBLISHED("effect"));
    await_builds(m, "maybe@1.0.0 " NEW " publication, arrays@1.0.0 " NEW " sweep, effect@1.0.0 " NEW " publication");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        planning_test(a_version_that_was_published_is_built_with_the_other_compilers),
        planning_test(a_version_that_was_built_lets_its_dependants_be_built),
        planning_test(a_version_that_was_revised_lets_its_dependants_be_built),
        planning_test(a_build_has_the_purpose_of_the_build_that_it_follows),
        planning_test(foreign_events_are_ignored),
        planning_test(an_event_that_comes_twice_makes_no_job_twice),
        planning_test(an_event_about_a_version_that_is_gone_leads_to_nothing),
        planning_test(events_that_requesters_wait_for_are_planned_first),
        planning_test(urgent_events_are_handled_during_other_planning),
        planning_test(an_event_is_acknowledged_after_its_jobs_alone),
        planning_test(an_event_waits_for_its_commit_to_the_registry),
        planning_test(an_event_waits_for_its_commit_to_the_index),
        planning_test(no_more_jobs_are_made_than_may_be),
        planning_test(a_stopped_planner_neither_waits_nor_plans),
        planning_test(each_pause_is_twice_as_long_until_all_is_well),
        planning_test(without_compilers_nothing_is_planned),
        planning_test(a_new_compilers_wave_begins_once),
        planning_test(a_sweep_finds_what_no_event_has_brought),
        matrix_test(the_thread_does_all_of_it),
    };
    return cmocka_run_group_tests(tests, start_matrix, stop_matrix);
}
