/* SPDX-License-Identifier: BSD-3-Clause
 *
 * When the schedule makes an update after publications, on the git repositories of a small registry, without its thread.
 */
#include "services/package-set/schedule_parts.h"
#include "tests/store/package-set/set_service_scene.h"

#include "lib/base/metrics.h"

static struct schedule schedule;

/* `b` and the newer `a` are candidates, published long ago. */
static void open_schedule(struct set_service_scene *s) {
    setenv("PACKAGE_SET_AFTER_MS", "1000", true);
    OPEN_SMALL_REGISTRY(s, "a 1.0.0", "a 1.0.0 [0.15.15]", "a 1.0.1 [0.15.15]", "b 1.0.0 [0.15.15]");
    git_script(&s->git, "git clone -q registry.git registry");
    schedule = (struct schedule){.service = &s->service, .store = s->f.store};
    thread_init(&schedule.thread);
    s->service.schedule = &schedule;
}

static void close_schedule(struct set_service_scene *s) {
    s->service.schedule = NULL;
    thread_release(&schedule.thread);
}

static void push(struct set_service_scene *s, const char *change) {
    git_script(&s->git, "cd registry && %s && cd .. && push_files registry.git", change);
    schedule.looked_ms = 0; /* the repositories are read again */
}

static void expect_updates(struct set_service_scene *s, size_t count) {
    struct fixture *f = &s->f;
    struct job_list list;
    const struct job_filter all = {.include_finished = true, .has_kind = true, .kind = JOB_KIND_PACKAGE_SET, .limit = 10};
    assert_ok(schedule_follow(&schedule, &f->err));
    assert_ok(job_store_list(f->store, &all, &f->arena, &list, &f->err));
    assert_int_equal(list.count, count);
}

static void expect_malformed(struct set_service_scene *s, int count) {
    struct metrics *metrics = metrics_create();
    struct text printed = {0};
    package_set_service_measure(&s->service, metrics);
    metrics_append_prometheus(&printed, metrics);
    const char *line = arena_format(&s->f.arena, "\nregistry_package_set_files_malformed %d\n", count);
    if (!strstr(text_view(&printed), line)) fail_msg("not%sbut\n%s", line, text_view(&printed));
    text_release(&printed);
    metrics_free(metrics);
}

/* Such an update would fail, and the next one again. */
static void none_is_made_while_the_latest_set_cannot_be_read(void **state) {
    struct set_service_scene *s = *state;
    open_schedule(s);
    push(s, "echo '{' >package-sets/7.0.0.json");
    expect_updates(s, 0);
    expect_malformed(s, 1);
    push(s, "rm package-sets/7.0.0.json");
    expect_updates(s, 1);
    expect_malformed(s, 0);
    close_schedule(s);
}

/* A malformed file of an older set is no obstacle. */
static void an_older_set_that_cannot_be_read_does_not_matter(void **state) {
    struct set_service_scene *s = *state;
    open_schedule(s);
    push(s, "echo '{' >package-sets/0.9.0.json");
    expect_updates(s, 1);
    expect_malformed(s, 1);
    close_schedule(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        set_scene_test(none_is_made_while_the_latest_set_cannot_be_read),
        set_scene_test(an_older_set_that_cannot_be_read_does_not_matter),
    };
    return cmocka_run_group_tests(tests, start_set_scene, stop_fixture);
}
