/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Both repositories together: reading when they are opened, and the rules that hold across their two queues.
 */
#include "lib/store/registry/registry_access.h"

#include "lib/base/settings.h"
#include "lib/store/redis/lock.h"
#include "tests/store/service_scene.h"

struct access_scene {
    struct service_scene s; /* first: tests/store/service_scene.h casts */
    struct settings settings;
    struct registry_access access;
    struct deadline deadline;
    bool has_seen_lists; /* set by see_lists() */
};

static int start(void **state) {
    struct access_scene *a = memory_alloc(sizeof *a);
    scene_start(&a->s);
    *state = a;
    return 0;
}

static int stop(void **state) {
    struct access_scene *a = *state;
    scene_stop(&a->s);
    return stop_fixture(state);
}

static enum status open_access(struct access_scene *a) {
    const char *clones = arena_format(&a->s.f.arena, "%s/clones", a->s.folder.path);
    return registry_access_open(&a->access, &a->settings, clones, &a->deadline, &a->s.f.err);
}

/* There is one package. */
static int open_scene(void **state) {
    struct access_scene *a = *state;
    struct fixture *f = &a->s.f;
    scene_open(&a->s);
    deadline_start(&a->deadline, PATIENCE_MS);
    list_version(&a->s, &(struct listed_version){.name = "arrays", .version = "1.0.0"});
    assert_ok(settings_load(&a->settings, PROGRAM_TRANSFER, &f->err));
    assert_ok(open_access(a));
    return 0;
}

static int close_scene(void **state) {
    struct access_scene *a = *state;
    registry_access_close(&a->access);
    settings_release(&a->settings);
    scene_close(&a->s);
    return 0;
}

#define access_test(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)

static bool has_package(struct access_scene *a, const char *name) {
    const struct manifest_index *index = registry_view_lock(a->access.view);
    bool answer = manifest_index_find_metadata(index, name) && manifest_index_find(index, name, (struct version){.major = 1});
    registry_view_unlock(a->access.view);
    return answer;
}

/* ---- Opening ---- */

static void the_registry_is_read_when_it_is_opened(void **state) {
    struct access_scene *a = *state;
    const struct registry_view_state view = registry_view_state(a->access.view);
    assert_true(has_package(a, "arrays"));
    assert_string_equal(view.registry_commit, bare_repository_head(a->s.registry, &a->s.f.arena));
    assert_string_equal(view.index_commit, bare_repository_head(a->s.index, &a->s.f.arena));
}

static void a_missing_repository_is_named_and_can_be_closed(void **state) {
    struct access_scene *a = *state;
    struct fixture *f = &a->s.f;
    const char *const paths[] = {a->s.registry, a->s.index};
    for (size_t i = 0; i < 2; i++) {
        registry_access_close(&a->access);
        const char *away = arena_format(&f->arena, "%s.away", paths[i]);
        assert_int_equal(rename(paths[i], away), 0);
        assert_status(STATUS_NOT_FOUND, open_access(a));
        assert_non_null(strstr(f->err.message, paths[i]));
        registry_access_close(&a->access);
        assert_null(a->access.registry);
        assert_int_equal(rename(away, paths[i]), 0);
        assert_ok(open_access(a));
    }
}

/* ---- Writing ---- */

/* registry_edit_function: writes the text that is its context. */
static enum status write_text(struct registry_edit *out, const struct registry_file *current, void *context,
                              struct arena *arena, struct error *err) {
    (void)current, (void)arena, (void)err;
    *out = (struct registry_edit){REGISTRY_WRITE, {context, strlen(context)}};
    return STATUS_OK;
}

/* queued_change.prepare */
static enum status see_lists(void *context, struct deadline *limit, struct error *err) {
    struct access_scene *a = context;
    (void)limit, (void)err;
    a->has_seen_lists = has_package(a, "lists");
    return STATUS_OK;
}

static enum status refuse(void *context, struct deadline *limit, struct error *err) {
    (void)context, (void)limit;
    return error_set(err, STATUS_REFUSED, "It cannot be.");
}

static struct queued_change change_of(struct access_scene *a, const char *path) {
    static char text[] = "Some text.\n";
    return (struct queued_change){.change = {.path = path, .message = path, .edit = write_text, .context = text}, .context = a};
}

static enum status commit(struct access_scene *a, struct change_queue *queue, struct queued_change *change) {
    return change_queue_commit(queue, a->s.f.store, change, 1, &a->deadline, &a->s.f.err);
}

static void a_rule_of_the_index_is_checked_against_what_others_have_pushed(void **state) {
    struct access_scene *a = *state;
    struct fixture *f = &a->s.f;
    list_version(&a->s, &(struct listed_version){.name = "lists", .version = "1.0.0"});
    assert_false(has_package(a, "lists")); /* not requested yet */
    struct queued_change change = change_of(a, "a-file");
    change.prepare = see_lists;
    assert_ok(commit(a, a->access.index_queue, &change));
    assert_true(a->has_seen_lists);
    assert_string_equal(bare_repository_read(a->s.index, "a-file", &f->arena), "Some text.\n");
}

static void the_registry_comes_before_the_index(void **state) {
    struct access_scene *a = *state;
    struct fixture *f = &a->s.f;
    struct queued_change first = change_of(a, "metadata-file"), second = change_of(a, "index-file");
    second.first = &first;
    assert_ok(commit(a, a->access.index_queue, &second));
    assert_string_equal(first.change.commit, bare_repository_head(a->s.registry, &f->arena));
    assert_string_equal(second.change.commit, bare_repository_head(a->s.index, &f->arena));
}

static void refused_versions_do_not_get_into_the_index(void **state) {
    struct access_scene *a = *state;
    struct fixture *f = &a->s.f;
    const char *before = heads_of(&a->s);
    struct queued_change first = change_of(a, "metadata-file"), second = change_of(a, "index-file");
    first.prepare = refuse;
    second.first = &first;
    assert_status(STATUS_REFUSED, commit(a, a->access.index_queue, &second));
    assert_string_equal(f->err.message, "It cannot be.");
    assert_string_equal(heads_of(&a->s), before);
}

static void the_locks_are_those_that_other_processes_take(void **state) {
    struct access_scene *a = *state;
    struct fixture *f = &a->s.f;
    static const char *const names[] = {CHANGE_QUEUE_REGISTRY, CHANGE_QUEUE_INDEX};
    struct change_queue *const queues[] = {a->access.registry_queue, a->access.index_queue};
    for (size_t i = 0; i < 2; i++) {
        struct lock lock;
        struct queued_change change = change_of(a, "a-file");
        assert_ok(lock_take(f->store, names[i], LEASE_MS, PATIENCE_MS, &lock, &f->err));
        deadline_start(&a->deadline, 100); /* the limit of the wait */
        const char *before = heads_of(&a->s);
        assert_int_not_equal(commit(a, queues[i], &change), STATUS_OK);
        assert_string_equal(heads_of(&a->s), before);
        assert_ok(lock_release(f->store, &lock, &f->err));
        deadline_start(&a->deadline, PATIENCE_MS);
        assert_ok(commit(a, queues[i], &change));
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        access_test(the_registry_is_read_when_it_is_opened),
        access_test(a_missing_repository_is_named_and_can_be_closed),
        access_test(a_rule_of_the_index_is_checked_against_what_others_have_pushed),
        access_test(the_registry_comes_before_the_index),
        access_test(refused_versions_do_not_get_into_the_index),
        access_test(the_locks_are_those_that_other_processes_take),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
