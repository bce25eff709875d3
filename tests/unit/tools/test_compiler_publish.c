/* SPDX-License-Identifier: BSD-3-Clause
 *
 * `purs publish`, with the stand-in compiler, which asks the git program the same questions as the real one; and with scripts
 * in its place.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/deadline.h"
#include "lib/base/folder.h"
#include "lib/base/json.h"
#include "lib/base/text.h"
#include "lib/tools/git/git_snapshot.h"
#include "lib/tools/purs/compiler.h"
#include "lib/tools/sandbox/sandbox.h"
#include "tests/support/temporary_folder.h"

#define PURS_JSON                                                                                                              \
    "{\"name\": \"leaf\", \"version\": \"1.0.0\", \"license\": \"MIT\", \"ref\": \"v1.0.0\", \"location\": "                   \
    "{\"githubOwner\": \"me\", \"githubRepo\": \"leaf\"}, \"dependencies\": {\"root\": \">=1.0.0 <2.0.0\"}}"
#define RESOLUTIONS "{\"purescript-root\": {\"version\": \"1.0.0\", \"path\": \".registry/root-1.0.0\"}}"

static struct sandbox sandbox;
static struct deadline deadline;
static struct temporary_folder folder; /* bin/ with compilers, and a checkout for each test */
static struct arena arena;
static int checkouts;

static struct compiler install(const char *name, struct version version, const char *content, size_t length) {
    const char *path = arena_format(&arena, "bin/%s", name);
    temporary_folder_write_bytes(&folder, path, content, length);
    struct compiler compiler = {version, arena_format(&arena, "%s/%s", folder.path, path)};
    assert_int_equal(chmod(compiler.path, 0755), 0);
    return compiler;
}

static struct compiler install_stand_in(const char *name, struct version version) {
    struct text stand_in = {0};
    struct error err;
    assert_int_equal(file_read(BUILD_DIR "/bin/purs-stand-in", 100000000, &stand_in, &err), STATUS_OK);
    struct compiler compiler = install(name, version, stand_in.bytes, stand_in.length);
    text_release(&stand_in);
    return compiler;
}

static int set_up(void **state) {
    (void)state;
    struct error err;
    deadline_start(&deadline, 100000);
    temporary_folder_make(&folder);
    assert_int_equal(sandbox_init(&sandbox, "nobody", &deadline, &err), STATUS_OK);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    temporary_folder_remove(&folder);
    arena_release(&arena);
    return 0;
}

/* A checkout of `leaf`, with its dependency and other files beside it; relative to `folder`. */
static const char *make_checkout(const char *tag) {
    static const char *const excluded[] = {"/.registry/", "/output/", NULL};
    struct error err;
    const char *checkout = arena_format(&arena, "checkout-%d", ++checkouts);
    const char *path = arena_format(&arena, "%s/%s", folder.path, checkout);
    temporary_folder_write(&folder, arena_format(&arena, "%s/purs.json", checkout), PURS_JSON);
    temporary_folder_write(&folder, arena_format(&arena, "%s/src/Leaf.purs", checkout), "module Leaf where\nimport Root\n");
    assert_int_equal(git_snapshot_make(path, tag, 0, excluded, &err), STATUS_OK);
    temporary_folder_write(&folder, arena_format(&arena, "%s/.registry/resolutions.json", checkout), RESOLUTIONS);
    temporary_folder_write(&folder, arena_format(&arena, "%s/.registry/root-1.0.0/src/Root.purs", checkout),
                           "module Root where\n");
    assert_int_equal(sandbox_make_folder(&sandbox, arena_format(&arena, "%s/output", path), &err), STATUS_OK);
    return checkout;
}

static enum status publish(struct text *out, const struct compiler *compiler, const struct sandbox *walls, const char *checkout,
                           struct error *err) {
    const struct compiler_request request = {.compiler = compiler,
                                             .sandbox = walls,
                                             .folder = arena_format(&arena, "%s/%s", folder.path, checkout),
                                             .deadline = &deadline};
    return compiler_publish(out, &arena, &request, ".registry/resolutions.json", err);
}

static const char *span_of(const json_t *declaration) {
    return json_string_value(json_object_get(json_object_get(declaration, "sourceSpan"), "name"));
}

/* Pursuit makes links into the package's repository from these paths. */
static void expect_paths_within_packages(const json_t *module) {
    const json_t *whole = json_array_get(json_object_get(module, "declarations"), 0);
    const json_t *again = json_array_get(json_object_get(module, "reExports"), 0);
    assert_string_equal(span_of(whole), "src/Leaf.purs");
    assert_string_equal(span_of(json_array_get(json_object_get(whole, "children"), 0)), "src/Leaf.purs");
    assert_string_equal(span_of(json_array_get(json_object_get(again, "declarations"), 0)), "src/Root.purs");
}

static void expect_documentation(const struct sandbox *walls) {
    struct compiler compiler = install_stand_in("purs-0_15_15", (struct version){0, 15, 15});
    struct text json = {0};
    struct error err;
    json_t *documentation = NULL;
    if (publish(&json, &compiler, walls, make_checkout("v1.0.0"), &err)) fail_msg("%s", err.message);
    assert_null(strchr(json.bytes, '\n'));
    assert_int_equal(json_read(&documentation, json.bytes, json.length, "It", &err), STATUS_OK);
    assert_string_equal(json_string_value(json_object_get(documentation, "versionTag")), "v1.0.0");
    assert_int_equal(json_array_size(json_object_get(documentation, "modules")), 1);
    expect_paths_within_packages(json_array_get(json_object_get(documentation, "modules"), 0));
    json_decref(documentation);
    text_release(&json);
}

static void the_documentation_is_the_last_line(void **state) {
    (void)state;
    expect_documentation(&sandbox);
}

static void it_works_without_isolation(void **state) {
    (void)state;
    struct sandbox open = sandbox;
    open.is_isolating = false;
    expect_documentation(&open);
}

static void refused_modules_are_reported_in_the_compilers_words(void **state) {
    (void)state;
    struct compiler compiler = install_stand_in("purs-0_15_15", (struct version){0, 15, 15});
    struct text json = {0};
    struct error err;
    assert_int_equal(publish(&json, &compiler, &sandbox, make_checkout("v1.0.1"), &err), STATUS_REFUSED);
    assert_non_null(strstr(err.message, "There is no tag for this version"));

    const char *checkout = make_checkout("v1.0.0");
    temporary_folder_write(&folder, arena_format(&arena, "%s/new.txt", checkout), "a change\n");
    assert_int_equal(publish(&json, &compiler, &sandbox, checkout, &err), STATUS_REFUSED);
    assert_non_null(strstr(err.message, "working tree is dirty"));

    checkout = make_checkout("v1.0.0");
    temporary_folder_write(&folder, arena_format(&arena, "%s/.registry/resolutions.json", checkout), "{}");
    assert_int_equal(publish(&json, &compiler, &sandbox, checkout, &err), STATUS_REFUSED);
    assert_non_null(strstr(err.message, "root"));
    assert_int_equal(json.length, 0);
    text_release(&json);
}

static void an_old_compiler_cannot(void **state) {
    (void)state;
    assert_false(compiler_can_publish((struct version){0, 13, 8}));
    assert_false(compiler_can_publish((struct version){0, 14, 6}));
    assert_true(compiler_can_publish((struct version){0, 14, 7}));
    assert_true(compiler_can_publish((struct version){0, 15, 0}));
    struct compiler compiler = install_stand_in("purs-0_14_6", (struct version){0, 14, 6});
    struct text json = {0};
    struct error err;
    assert_int_equal(publish(&json, &compiler, &sandbox, make_checkout("v1.0.0"), &err), STATUS_REFUSED);
    text_release(&json);
}

static void malformed_documentation_is_our_trouble(void **state) {
    (void)state;
    static const char *const scripts[] = {"exit 0", "echo '{\"a\":1}'; echo 'Done.'", "echo '[]'", "echo '{} {}'",
                                          "kill -SEGV $$"};
    struct text json = {0};
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        struct error err;
        const char *script = arena_format(&arena, "#!/bin/sh\n%s\n", scripts[i]);
        struct compiler compiler = install("purs-odd", (struct version){0, 15, 15}, script, strlen(script));
        assert_int_equal(publish(&json, &compiler, &sandbox, make_checkout("v1.0.0"), &err), STATUS_INTERNAL);
        assert_int_equal(json.length, 0);
    }
    text_release(&json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documentation_is_the_last_line),
        cmocka_unit_test(it_works_without_isolation),
        cmocka_unit_test(refused_modules_are_reported_in_the_compilers_words),
        cmocka_unit_test(an_old_compiler_cannot),
        cmocka_unit_test(malformed_documentation_is_our_trouble),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
