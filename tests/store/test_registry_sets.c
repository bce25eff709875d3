/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The package sets in memory, following a git repository. If the real registry's data is beside this checkout
 * (../shared/data/make-repos), its sets are loaded, too.
 */
#include "lib/store/registry/registry_sets.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/store/registry/registry_view.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/git/git_fixture.h"

enum { TEST_TIMEOUT_MS = 60000 };

struct scene {
    struct git_fixture git;
    struct registry_repo *registry, *index;
    struct registry_view *view;
    struct registry_sets *sets;
    struct deadline deadline;
    struct error err;
};

/* Writes the file package-sets/FILE: the set VERSION, with the members `"NAME":"VERSION",…`. */
static void write_set(struct scene *scene, const char *file, const char *version, const char *members) {
    git_script(
        &scene->git,
        "mkdir -p registry/package-sets; echo '{\"version\":\"%s\",\"compiler\":\"0.15.15\",\"published\":\"2026-01-02\","
        "\"packages\":{%s}}' >registry/package-sets/%s",
        version, members, file);
}

static void push(struct scene *scene) {
    git_script(&scene->git, "push_files registry.git");
}

static void open_repos(struct scene *scene) {
    struct registry_repo_options registry = {.url = git_fixture_file(&scene->git, "registry.git")};
    struct registry_repo_options index = {.url = git_fixture_file(&scene->git, "index.git")};
    if (registry_repo_open(&scene->registry, &registry, &scene->deadline, &scene->err) ||
        registry_repo_open(&scene->index, &index, &scene->deadline, &scene->err))
        fail_msg("%s", scene->err.message);
    scene->view = registry_view_create(scene->registry, scene->index);
    scene->sets = registry_sets_create(scene->registry, scene->view);
}

static int set_up(void **state) {
    static struct scene scene;
    scene = (struct scene){0};
    git_fixture_make(&scene.git);
    deadline_start(&scene.deadline, TEST_TIMEOUT_MS);
    *state = &scene;
    return 0;
}

/* The sets 1.0.0 and 1.1.0. */
static int set_up_small(void **state) {
    set_up(state);
    struct scene *scene = *state;
    git_script(&scene->git, "mkdir -p registry index; echo Read me >index/README.md; push_files index.git");
    write_set(scene, "1.0.0.json", "1.0.0", "\"a\":\"1.0.0\"");
    write_set(scene, "1.1.0.json", "1.1.0", "\"a\":\"1.0.0\",\"b\":\"1.0.0\"");
    push(scene);
    open_repos(scene);
    return 0;
}

static int tear_down(void **state) {
    struct scene *scene = *state;
    registry_sets_free(scene->sets);
    registry_view_free(scene->view);
    registry_repo_free(scene->index);
    registry_repo_free(scene->registry);
    git_fixture_remove(&scene->git);
    return 0;
}

static enum status try_to_follow(struct scene *scene) {
    if (registry_view_refresh(scene->view, &scene->deadline, &scene->err)) fail_msg("%s", scene->err.message);
    return registry_sets_follow(scene->sets, &scene->err);
}

static void follow(struct scene *scene) {
    if (try_to_follow(scene)) fail_msg("%s", scene->err.message);
}

/* All sets, newest first, as `VERSION NAME@VERSION …; VERSION …`. */
static void assert_sets(struct scene *scene, const char *expected) {
    struct text text = {0};
    const struct set_history *history = registry_sets_lock(scene->sets);
    for (size_t i = 0; i < set_history_count(history); i++) {
        struct arena arena = {0};
        struct package_set set;
        char version[VERSION_TEXT_MAX];
        assert_true(set_history_read(&set, history, set_history_at(history, i)->version, &arena));
        version_print(set.version, version);
        text_append_format(&text, "%s%s", i > 0 ? "; " : "", version);
        for (size_t j = 0; j < set.packages.count; j++) {
            version_print(set.packages.items[j].version, version);
            text_append_format(&text, " %s@%s", set.packages.items[j].name, version);
        }
        arena_release(&arena);
    }
    registry_sets_unlock(scene->sets);
    assert_string_equal(text_view(&text), expected);
    assert_int_equal(registry_sets_state(scene->sets).skipped_files == 0, true);
    text_release(&text);
}

static void assert_problem(struct scene *scene, struct version version, const char *expected) {
    struct arena arena = {0};
    const char *problem = registry_sets_problem(scene->sets, version, &arena);
    if (!expected) assert_null(problem);
    if (expected && !problem) fail_msg("There is no problem; expected: %s", expected);
    if (expected && !strstr(problem, expected)) fail_msg("The problem is: %s", problem);
    arena_release(&arena);
}

static void assert_newest(struct scene *scene, struct version version, const char *problem) {
    struct arena arena = {0};
    struct newest_set newest = registry_sets_newest(scene->sets, &arena);
    assert_true(newest.is_any);
    assert_true(version_equal(newest.version, version));
    if (problem)
        assert_string_equal(newest.problem, problem);
    else
        assert_null(newest.problem);
    arena_release(&arena);
}

static void they_are_those_of_the_views_commit(void **state) {
    struct scene *scene = *state;
    struct arena arena = {0};
    assert_int_equal(registry_sets_follow(scene->sets, &scene->err), STATUS_OK); /* the view is empty yet */
    assert_sets(scene, "");
    assert_string_equal(registry_sets_state(scene->sets).commit, "");
    assert_false(registry_sets_newest(scene->sets, &arena).is_any);

    follow(scene);
    assert_sets(scene, "1.1.0 a@1.0.0 b@1.0.0; 1.0.0 a@1.0.0");
    struct registry_sets_state sets = registry_sets_state(scene->sets);
    assert_int_equal(sets.sets, 2);
    assert_string_equal(sets.commit, git_output(&scene->git, "git -C registry.git rev-parse HEAD"));
    assert_newest(scene, (struct version){1, 1, 0}, NULL);

    write_set(scene, "1.2.0.json", "1.2.0", "\"a\":\"1.0.1\"");
    push(scene);
    assert_int_equal(registry_sets_follow(scene->sets, &scene->err), STATUS_OK); /* the view was not refreshed */
    assert_string_equal(registry_sets_state(scene->sets).commit, sets.commit);
    follow(scene);
    assert_sets(scene, "1.2.0 a@1.0.1; 1.1.0 a@1.0.0 b@1.0.0; 1.0.0 a@1.0.0");
}

/* The file of 1.0.0 is lost, so reading it again would fail. */
static void only_changed_files_are_read(void **state) {
    struct scene *scene = *state;
    follow(scene);
    write_set(scene, "1.1.0.json", "1.1.0", "\"a\":\"2.0.0\"");
    write_set(scene, "0.9.0.json", "0.9.0", "\"c\":\"1.0.0\"");
    git_script(&scene->git, "push_files registry.git; cd registry.git; if ls objects/pack/*.pack >/dev/null 2>&1; then "
                            "mv objects/pack ../pack; for p in ../pack/*.pack; do git unpack-objects -q <$p; done; fi; "
                            "id=$(git rev-parse HEAD:package-sets/1.0.0.json); "
                            "rm -f objects/$(echo $id | cut -c1-2)/$(echo $id | cut -c3-)");
    follow(scene);
    assert_sets(scene, "1.1.0 a@2.0.0; 1.0.0 a@1.0.0; 0.9.0 c@1.0.0");
    git_script(&scene->git, "rm registry/package-sets/1.1.0.json; push_files registry.git");
    follow(scene);
    assert_sets(scene, "1.0.0 a@1.0.0; 0.9.0 c@1.0.0");
}

static void a_failure_leaves_them_as_they_were(void **state) {
    struct scene *scene = *state;
    follow(scene);
    write_set(scene, "0.9.0.json", "0.9.0", "\"c\":\"1.0.0\"");
    write_set(scene, "1.2.0.json", "1.2.0", "\"c\":\"1.0.0\"");
    git_script(&scene->git, "push_files registry.git; cd registry.git; if ls objects/pack/*.pack >/dev/null 2>&1; then "
                            "mv objects/pack ../pack; for p in ../pack/*.pack; do git unpack-objects -q <$p; done; fi; "
                            "id=$(git rev-parse HEAD:package-sets/1.2.0.json); file=objects/$(echo $id | cut -c1-2)/"
                            "$(echo $id | cut -c3-); mv $file ../lost; echo $file >../lost.path");
    assert_int_equal(try_to_follow(scene), STATUS_INTERNAL);
    assert_sets(scene, "1.1.0 a@1.0.0 b@1.0.0; 1.0.0 a@1.0.0");
    git_script(&scene->git, "cd registry.git; mv ../lost $(cat ../lost.path)");
    follow(scene);
    assert_sets(scene, "1.2.0 c@1.0.0; 1.1.0 a@1.0.0 b@1.0.0; 1.0.0 a@1.0.0; 0.9.0 c@1.0.0");
}

static void a_file_that_is_no_set_is_counted_until_it_is_one(void **state) {
    struct scene *scene = *state;
    static const char not_json[] = "The package set";
    write_set(scene, "0.9.0.json", "0.9.1", "\"a\":\"1.0.0\"");
    write_set(scene, "0.8.0.json", "0.8.0", "\"a\":\"one\"");
    git_script(&scene->git, "echo '{' >registry/package-sets/1.1.0.json; push_files registry.git");
    follow(scene);
    assert_int_equal(registry_sets_state(scene->sets).skipped_files, 3);
    assert_int_equal(registry_sets_state(scene->sets).sets, 1);
    assert_problem(scene, (struct version){1, 1, 0}, not_json);
    assert_problem(scene, (struct version){0, 9, 0}, "The file holds the package set 0.9.1.");
    assert_problem(scene, (struct version){0, 8, 0}, "packages.a: ");
    assert_problem(scene, (struct version){1, 0, 0}, NULL);
    assert_problem(scene, (struct version){9, 0, 0}, NULL);

    write_set(scene, "1.1.0.json", "1.1.0", "\"a\":\"1.0.0\"");
    git_script(&scene->git, "rm registry/package-sets/0.8.0.json; push_files registry.git");
    follow(scene);
    assert_int_equal(registry_sets_state(scene->sets).skipped_files, 1);
    assert_problem(scene, (struct version){1, 1, 0}, NULL);
    write_set(scene, "0.9.0.json", "0.9.0", "\"a\":\"1.0.0\"");
    push(scene);
    follow(scene);
    assert_sets(scene, "1.1.0 a@1.0.0; 1.0.0 a@1.0.0; 0.9.0 a@1.0.0");
}

/* A process that starts now cannot have the earlier content either. */
static void a_set_whose_file_is_spoiled_is_gone(void **state) {
    struct scene *scene = *state;
    follow(scene);
    git_script(&scene->git, "echo '{' >registry/package-sets/1.0.0.json; push_files registry.git");
    follow(scene);
    const struct set_history *history = registry_sets_lock(scene->sets);
    assert_int_equal(set_history_count(history), 1);
    assert_null(set_history_find(history, (struct version){1, 0, 0}));
    registry_sets_unlock(scene->sets);
    assert_int_equal(registry_sets_state(scene->sets).skipped_files, 1);
    git_script(&scene->git, "echo '[' >registry/package-sets/1.0.0.json; push_files registry.git");
    follow(scene);
    assert_int_equal(registry_sets_state(scene->sets).skipped_files, 1);
}

static void the_newest_is_also_one_that_cannot_be_read(void **state) {
    struct scene *scene = *state;
    write_set(scene, "2.0.0.json", "2.0.1", "\"a\":\"1.0.0\"");
    write_set(scene, "0.1.0.json", "0.2.0", "\"a\":\"1.0.0\"");
    push(scene);
    follow(scene);
    assert_newest(scene, (struct version){2, 0, 0}, "The file holds the package set 2.0.1.");
    write_set(scene, "2.0.1.json", "2.0.1", "\"a\":\"1.0.0\"");
    push(scene);
    follow(scene);
    assert_newest(scene, (struct version){2, 0, 1}, NULL);
}

static void files_of_other_names_are_no_sets(void **state) {
    struct scene *scene = *state;
    write_set(scene, "latest.json", "3.0.0", "\"a\":\"1.0.0\"");
    write_set(scene, "03.0.0.json", "3.0.0", "\"a\":\"1.0.0\"");
    write_set(scene, "3.0.0.txt", "3.0.0", "\"a\":\"1.0.0\"");
    write_set(scene, "3000000000000000000000000000000000000000000000000.0.0.json", "3.0.0", "\"a\":\"1.0.0\"");
    git_script(&scene->git,
               "mkdir -p registry/package-sets/old registry/sets; cp registry/package-sets/1.0.0.json "
               "registry/package-sets/old/3.0.0.json; cp registry/package-sets/1.0.0.json registry/sets/3.0.0.json; "
               "push_files registry.git");
    follow(scene);
    assert_sets(scene, "1.1.0 a@1.0.0 b@1.0.0; 1.0.0 a@1.0.0");
}

static void a_rewritten_history_is_read_from_its_beginning(void **state) {
    struct scene *scene = *state;
    write_set(scene, "2.0.0.json", "2.0.0", "\"a\":\"1.0.0\"");
    write_set(scene, "0.1.0.json", "0.2.0", "\"a\":\"1.0.0\"");
    push(scene);
    follow(scene);
    assert_int_equal(registry_sets_state(scene->sets).skipped_files, 1);
    git_script(&scene->git, "git -C registry reset -q --hard HEAD~1; git -C registry push -q -f ../registry.git HEAD; "
                            "git -C registry.git reflog expire --expire=now --all; git -C registry.git prune --expire=now");
    follow(scene);
    assert_sets(scene, "1.1.0 a@1.0.0 b@1.0.0; 1.0.0 a@1.0.0");
}

/* ---- Readers beside the changes ---- */

struct reader {
    pthread_t thread;
    struct registry_sets *sets;
    atomic_bool stops;
    atomic_bool saw_something_else;
    atomic_int reads;
};

/* At any time each set 1.N.0 has a@N.0.0 and nothing else, from the newest down. */
static void *read_on_and_on(void *argument) {
    struct reader *reader = argument;
    while (!atomic_load(&reader->stops)) {
        struct arena arena = {0};
        const struct set_history *history = registry_sets_lock(reader->sets);
        size_t count = set_history_count(history);
        for (size_t i = 0; i < count; i++) {
            struct package_set set;
            uint32_t number = (uint32_t)(count - 1 - i);
            bool is_there = set_history_read(&set, history, (struct version){1, number, 0}, &arena);
            if (!is_there || set.packages.count != 1 || set.packages.items[0].version.major != number)
                atomic_store(&reader->saw_something_else, true);
        }
        registry_sets_unlock(reader->sets);
        arena_release(&arena);
        registry_sets_newest(reader->sets, &arena);
        arena_release(&arena);
        atomic_fetch_add(&reader->reads, 1);
    }
    return NULL;
}

static void readers_see_whole_changes(void **state) {
    struct scene *scene = *state;
    struct reader reader = {.sets = scene->sets};
    write_set(scene, "1.0.0.json", "1.0.0", "\"a\":\"0.0.0\"");
    write_set(scene, "1.1.0.json", "1.1.0", "\"a\":\"1.0.0\"");
    push(scene);
    follow(scene);
    assert_int_equal(pthread_create(&reader.thread, NULL, read_on_and_on, &reader), 0);
    for (int i = 2; i <= 12; i++) {
        write_set(scene, arena_format(&scene->git.arena, "1.%d.0.json", i), arena_format(&scene->git.arena, "1.%d.0", i),
                  arena_format(&scene->git.arena, "\"a\":\"%d.0.0\"", i));
        push(scene);
        follow(scene);
    }
    atomic_store(&reader.stops, true);
    pthread_join(reader.thread, NULL);
    assert_int_equal(registry_sets_state(scene->sets).sets, 13);
    assert_true(atomic_load(&reader.reads) > 0);
    assert_false(atomic_load(&reader.saw_something_else));
}

/* ---- The real registry ---- */

static void the_real_sets_are_loaded_as_they_are(void **state) {
    struct scene *scene = *state;
    static const char make_repos[] = SOURCE_DIR "/../shared/data/make-repos";
    if (access(make_repos, X_OK) != 0) {
        print_message("No registry data beside the checkout: not loaded.\n");
        skip();
    }
    git_script(&scene->git, "%s . && mv registry-index.git index.git", make_repos);
    open_repos(scene);
    follow(scene);
    struct registry_sets_state sets = registry_sets_state(scene->sets);
    assert_int_equal(sets.sets, 12);
    assert_int_equal(sets.skipped_files, 0);
    const struct set_history *history = registry_sets_lock(scene->sets);
    for (size_t i = 0; i < sets.sets; i++) {
        struct arena arena = {0};
        struct text text = {0};
        struct package_set set;
        char version[VERSION_TEXT_MAX];
        assert_true(set_history_read(&set, history, set_history_at(history, i)->version, &arena));
        version_print(set.version, version);
        package_set_append_file(&text, &set);
        text.bytes[text.length - 1] = '\0'; /* as of git_output() */
        assert_string_equal(text.bytes, git_output(&scene->git, "git -C registry.git show HEAD:package-sets/%s.json", version));
        text_release(&text);
        arena_release(&arena);
    }
    registry_sets_unlock(scene->sets);
}

#define SMALL(name) cmocka_unit_test_setup_teardown(name, set_up_small, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        SMALL(they_are_those_of_the_views_commit),
        SMALL(only_changed_files_are_read),
        SMALL(a_failure_leaves_them_as_they_were),
        SMALL(a_file_that_is_no_set_is_counted_until_it_is_one),
        SMALL(a_set_whose_file_is_spoiled_is_gone),
        SMALL(the_newest_is_also_one_that_cannot_be_read),
        SMALL(files_of_other_names_are_no_sets),
        SMALL(a_rewritten_history_is_read_from_its_beginning),
        SMALL(readers_see_whole_changes),
        cmocka_unit_test_setup_teardown(the_real_sets_are_loaded_as_they_are, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
