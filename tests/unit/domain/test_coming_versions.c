/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The versions under publication that a plan must wait for.
 */
#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/registry/coming_versions.h"
#include "lib/domain/solver/solver.h"
#include "tests/support/small_registry.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
enum { COMING_MAX = 200 };

static const char *const rows[] = {
    "app 1.0.0 [0.15.0 0.15.4] core >=1.0.0 <2.0.0",
    "core 1.0.0 [0.15.0 0.15.4]",
    "list 1.0.0 [0.15.0 0.15.4] core >=1.0.0 <2.0.0",
    "old 1.0.0 [0.15.0]",
    "draft 1.0.0 []",
    "wide 1.0.0 [0.15.0 0.15.4] core >=1.0.0 <9.0.0, old >=1.0.0 <9.0.0",
};
static const struct version compilers[] = {{0, 15, 0}, {0, 15, 4}};

struct scene {
    struct manifest_index *index;
    struct arena arena;
    struct coming_version coming[COMING_MAX];
    bool is_needed[COMING_MAX];
    size_t count;
    struct dependency *wanted;
    size_t wanted_count;
    struct range acceptable;
    int solves;
};

static bool has_plan(void *context, const struct manifest_index *index) {
    struct scene *scene = context;
    struct build_plan plan;
    struct solver_request request = {.required = scene->wanted,
                                     .required_count = scene->wanted_count,
                                     .compilers = compilers,
                                     .compiler_count = COUNT(compilers),
                                     .acceptable_compilers = scene->acceptable,
                                     .is_quiet = true};
    scene->solves++;
    return solver_solve(&plan, index, &request, &scene->arena, NULL) == STATUS_OK;
}

static void add_coming(struct scene *scene, const char *text) {
    struct coming_version *item = &scene->coming[scene->count++];
    const char *at = strchr(text, '@');
    item->name = arena_copy_bytes(&scene->arena, text, (size_t)(at - text));
    assert_int_equal(version_parse(&item->version, at + 1, NULL), STATUS_OK);
}

/* Adds `NAME@VERSION NAME@VERSION …`. */
static void add_all(struct scene *scene, const char *text) {
    char *copy = arena_copy(&scene->arena, text), *rest;
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        add_coming(scene, word);
}

static bool choose(struct scene *scene) {
    const struct coming_versions coming = {.items = scene->coming,
                                           .count = scene->count,
                                           .index = scene->index,
                                           .wanted = scene->wanted,
                                           .wanted_count = scene->wanted_count,
                                           .compilers = compilers,
                                           .compiler_count = COUNT(compilers),
                                           .has_plan = has_plan,
                                           .context = scene};
    bool can_help = coming_versions_choose(&coming, scene->is_needed);
    assert_in_range(scene->solves, 0, 99);
    scene->solves = 0;
    return can_help;
}

static const char *needed_text(struct scene *scene) {
    struct text text = {0};
    char version[VERSION_TEXT_MAX];
    for (size_t i = 0; i < scene->count; i++) {
        if (!scene->is_needed[i]) continue;
        version_print(scene->coming[i].version, version);
        text_append_format(&text, "%s%s@%s", text.length ? " " : "", scene->coming[i].name, version);
    }
    const char *copy = arena_copy(&scene->arena, text_view(&text));
    text_release(&text);
    return copy;
}

/* The dependencies, the versions under publication, and those to wait for; NULL: none of them helps. */
static const struct {
    const char *holds, *wanted, *coming, *needed;
    const char *compiler; /* NULL: any */
} choices[] = {
    {"a new package", "new >=1.0.0 <2.0.0", "new@1.0.0", "new@1.0.0", NULL},
    {"a new version", "core >=2.0.0 <3.0.0", "core@2.0.0", "core@2.0.0", NULL},
    {"nothing is coming", "core >=2.0.0 <3.0.0", "", NULL, NULL},
    {"a version outside the range", "core >=2.0.0 <3.0.0", "core@3.0.0 core@1.5.0", NULL, NULL},
    {"another package", "core >=2.0.0 <3.0.0", "list@2.0.0", NULL, NULL},
    {"several", "core >=2.0.0 <3.0.0, new >=1.0.0 <2.0.0", "list@2.0.0 new@1.0.0 core@2.0.0", "new@1.0.0 core@2.0.0", NULL},
    {"one of two is not enough", "core >=2.0.0 <3.0.0, new >=1.0.0 <2.0.0", "core@2.0.0", NULL, NULL},
    {"the earliest of several, not the newest", "new >=1.0.0 <2.0.0", "new@1.0.0 new@1.2.0 new@1.1.0", "new@1.0.0", NULL},
    {"a fitting version is there, a newer one is coming", "core >=2.0.0 <3.0.0, old >=1.0.0 <2.0.0", "old@1.1.0 core@2.0.0",
     "core@2.0.0", NULL},
    {"a dependency's bound is in the way of the version that is there", "core >=2.0.0 <3.0.0, list >=1.0.0 <3.0.0",
     "core@2.0.0 list@2.0.0", "core@2.0.0 list@2.0.0", NULL},
    {"the dependency of a dependency", "wide >=1.0.0 <2.0.0", "core@2.0.0 old@2.0.0", "old@2.0.0", "0.15.4"},
    {"the dependency of a dependency, outside its bound", "wide >=1.0.0 <2.0.0", "old@9.0.0", NULL, "0.15.4"},
    {"twice the same version", "new >=1.0.0 <2.0.0", "new@1.0.0 new@1.0.0", "new@1.0.0", NULL},
    {"a version that is there is only finished", "core >=1.0.0 <2.0.0, old >=2.0.0 <3.0.0", "core@1.0.0 old@2.0.0", "old@2.0.0",
     NULL},
    {"a version that is there, and is no help", "old >=1.0.0 <2.0.0", "old@1.0.0", NULL, "0.15.4"},
    {"a version in the index without metadata", "draft >=1.0.0 <2.0.0", "draft@1.0.0", "draft@1.0.0", NULL},
    {"a compiler that is too new for what is there", "old >=1.0.0 <2.0.0", "old@1.0.1", "old@1.0.1", "0.15.4"},
};

static struct scene *begin(const char *wanted, const char *coming, const char *compiler) {
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->index = small_registry_create(rows, COUNT(rows));
    scene->wanted = small_registry_dependencies(wanted, &scene->wanted_count, &scene->arena);
    scene->acceptable = SOLVER_ANY_COMPILER;
    struct version version;
    if (compiler) {
        assert_int_equal(version_parse(&version, compiler, NULL), STATUS_OK);
        scene->acceptable = range_exact(version);
    }
    add_all(scene, coming);
    return scene;
}

static void end(struct scene *scene) {
    manifest_index_free(scene->index);
    arena_release(&scene->arena);
    free(scene);
}

static void only_versions_that_help_are_waited_for(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(choices); i++) {
        struct scene *scene = begin(choices[i].wanted, choices[i].coming, choices[i].compiler);
        if (has_plan(scene, scene->index)) fail_msg("%s: there is a plan", choices[i].holds);
        bool can_help = choose(scene);
        const char *needed = needed_text(scene), *expected = choices[i].needed ? choices[i].needed : "";
        if (can_help != (choices[i].needed != NULL) || strcmp(needed, expected) != 0)
            fail_msg("%s: waits for \"%s\"", choices[i].holds, needed);
        end(scene);
    }
}

static void an_unpublished_version_will_not_come(void **state) {
    (void)state;
    struct scene *scene = begin("gone >=1.0.0 <2.0.0", "gone@1.0.0", NULL);
    static const char metadata[] =
        "{\"location\":{\"githubOwner\":\"o\",\"githubRepo\":\"r\"},\"published\":{},\"unpublished\":{\"1.0.0\":"
        "{\"publishedTime\":\"2026-01-01T00:00:00.000Z\",\"reason\":\"no\",\"unpublishedTime\":\"2026-01-01T00:00:00.000Z\"}}}";
    assert_int_equal(manifest_index_set_metadata(scene->index, "gone", metadata, strlen(metadata), NULL), STATUS_OK);
    assert_false(choose(scene));
    add_all(scene, "gone@1.0.1");
    assert_true(choose(scene));
    assert_string_equal(needed_text(scene), "gone@1.0.1");
    end(scene);
}

/* However many others are under publication: those that no dependency needs are ignored, and the work is bounded. */
static void many_others_do_not_hide_it(void **state) {
    (void)state;
    struct scene *scene = begin("core >=2.0.0 <3.0.0", "", NULL);
    for (int i = 0; i < COMING_MAX - 1; i++)
        add_all(scene, arena_format(&scene->arena, "core@4.0.%d", i));
    add_all(scene, "core@2.0.0");
    assert_true(choose(scene));
    assert_string_equal(needed_text(scene), "core@2.0.0");
    end(scene);

    scene = begin("core >=2.0.0 <3.0.0, new >=1.0.0 <2.0.0", "new@1.0.0", NULL);
    for (int i = 0; i < COMING_MAX - 1; i++)
        add_all(scene, arena_format(&scene->arena, "core@2.0.%d", i));
    assert_true(choose(scene));
    assert_string_equal(needed_text(scene), "new@1.0.0 core@2.0.0");
    end(scene);
}

static void packages_are_those_that_a_plan_can_reach(void **state) {
    (void)state;
    struct scene *scene = begin("unknown >=1.0.0 <2.0.0, wide >=1.0.0 <2.0.0", "", NULL);
    const char **names;
    size_t count = coming_versions_packages(&names, scene->index, scene->wanted, scene->wanted_count, &scene->arena);
    assert_int_equal(count, 4);
    assert_string_equal(names[0], "unknown");
    assert_string_equal(names[1], "wide");
    assert_true(strcmp(names[2], "core") == 0 || strcmp(names[3], "core") == 0);
    assert_true(strcmp(names[2], "old") == 0 || strcmp(names[3], "old") == 0);
    end(scene);
}

/* Random registries: the chosen versions give a plan, and without any one of them there is none. */
static void a_choice_is_enough_and_no_more(void **state) {
    (void)state;
    enum { ROUNDS = 300, PACKAGES = 6 };
    int helped = 0;
    for (unsigned seed = 1; seed <= ROUNDS; seed++) {
        unsigned random = seed;
        struct arena arena = {0};
        const char *made[PACKAGES * 2];
        size_t made_count = 0;
        for (int package = 0; package < PACKAGES; package++)
            for (int version = 1; version <= 2; version++) {
                int on = rand_r(&random) % PACKAGES, low = 1 + rand_r(&random) % 3, only_old = rand_r(&random) % 3 == 0;
                made[made_count++] =
                    arena_format(&arena, "p%d %d.0.0 [%s] %s", package, version, only_old ? "0.15.0" : "0.15.0 0.15.4",
                                 on > package ? arena_format(&arena, "p%d >=%d.0.0 <%d.0.0", on, low, low + 1) : "");
            }
        struct scene *scene = begin("none >=1.0.0 <2.0.0", "", rand_r(&random) % 2 ? "0.15.4" : NULL);
        manifest_index_free(scene->index);
        scene->index = small_registry_create(made, made_count);
        scene->wanted = small_registry_dependencies(
            arena_format(&arena, "p0 >=%d.0.0 <9.0.0, p1 >=%d.0.0 <9.0.0", 1 + rand_r(&random) % 3, 1 + rand_r(&random) % 4),
            &scene->wanted_count, &scene->arena);
        for (int i = 0; i < 6; i++)
            add_all(scene, arena_format(&arena, "p%d@%d.0.0", rand_r(&random) % PACKAGES, 2 + rand_r(&random) % 3));
        bool can_help = !has_plan(scene, scene->index) && choose(scene);
        helped += can_help;
        size_t all = scene->count;
        for (size_t left_out = 0; can_help && left_out <= all; left_out++) { /* `all`: leaves out none */
            struct coming_version chosen[COMING_MAX];
            memcpy(chosen, scene->coming, sizeof chosen);
            bool needed[COMING_MAX], leaves_one_out = left_out < all && scene->is_needed[left_out];
            memcpy(needed, scene->is_needed, sizeof needed);
            if (left_out < all && !leaves_one_out) continue;
            scene->count = 0;
            for (size_t i = 0; i < all; i++)
                if (needed[i] && i != left_out) scene->coming[scene->count++] = chosen[i];
            size_t kept = scene->count;
            assert_int_equal(choose(scene), !leaves_one_out);
            for (size_t i = 0; !leaves_one_out && i < kept; i++)
                assert_true(scene->is_needed[i]);
            memcpy(scene->coming, chosen, sizeof chosen);
            memcpy(scene->is_needed, needed, sizeof needed);
            scene->count = all;
        }
        end(scene);
        arena_release(&arena);
    }
    assert_in_range(helped, ROUNDS / 20, ROUNDS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_versions_that_help_are_waited_for),
        cmocka_unit_test(an_unpublished_version_will_not_come),
        cmocka_unit_test(many_others_do_not_hide_it),
        cmocka_unit_test(packages_are_those_that_a_plan_can_reach),
        cmocka_unit_test(a_choice_is_enough_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
