/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The stand-in compiler has the real one's three rules for modules that are up to date; each is tested. The reuse of builds
 * depends on them, so a stand-in that is more or less strict would hide faults there.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "tests/support/shell.h"
#include "tests/support/temporary_folder.h"

/* Three modules: Top imports Middle, Middle imports Base; and one that is not imported. */
static struct temporary_folder folder;
static struct arena arena;

static void write_sources(void) {
    temporary_folder_write(&folder, "src/Base.purs", "module Base where\n");
    temporary_folder_write(&folder, "src/Middle.purs", "module Middle where\nimport Base\n");
    temporary_folder_write(&folder, "src/Top.purs", "module Top where\nimport Middle\n");
    temporary_folder_write(&folder, "src/Other.purs", "module Other where\n");
}

/* The names of the modules that a run with that compiler compiled, in order, a blank between two. */
static const char *compile_with(const char *compiler) {
    return shell_output(&arena,
                        "cd '%s' && ln -sf '%s' %s && (./%s compile 'src/**/*.purs' --json-errors >report 2>lines; "
                        "echo $? >status); sed -n 's/.*Compiling //p' lines | tr '\\n' ' ' | sed 's/ $//'",
                        folder.path, BUILD_DIR "/bin/purs-stand-in", compiler, compiler);
}

static const char *compile(void) {
    return compile_with("purs-0_15_15");
}

static const char *report(void) {
    return shell_output(&arena, "cat '%s/report'", folder.path);
}

static int begin(void **state) {
    (void)state;
    temporary_folder_make(&folder);
    write_sources();
    assert_string_equal(compile(), "Base Middle Other Top");
    return 0;
}

static int end(void **state) {
    (void)state;
    temporary_folder_remove(&folder);
    arena_release(&arena);
    return 0;
}

static void unchanged_modules_are_up_to_date(void **state) {
    (void)state;
    assert_string_equal(compile(), "");
}

static void another_time_with_the_same_content_is_up_to_date(void **state) {
    (void)state;
    shell_run("touch -d '2001-02-03' '%s/src/Base.purs'", folder.path);
    assert_string_equal(compile(), "");
}

static void an_equal_time_is_believed_whatever_the_content(void **state) {
    (void)state;
    shell_run("cd '%s' && touch -r src/Base.purs time && echo '-- changed' >>src/Base.purs && touch -r time src/Base.purs",
              folder.path);
    assert_string_equal(compile(), "");
}

static void a_change_compiles_the_module_and_its_dependants(void **state) {
    (void)state;
    shell_run("cd '%s' && echo '-- changed' >>src/Middle.purs && touch -d '2001-02-03' src/Middle.purs", folder.path);
    assert_string_equal(compile(), "Middle Top");
    assert_string_equal(compile(), "");
}

static void one_file_more_is_a_change(void **state) {
    (void)state;
    shell_run("echo 'export {};' >'%s/src/Middle.js'", folder.path);
    assert_string_equal(compile(), "Middle Top");
}

static void another_path_is_a_change(void **state) {
    (void)state;
    shell_run("cd '%s/src' && mkdir more && mv Other.purs more/", folder.path);
    assert_string_equal(compile(), "Other");
}

static void missing_output_is_compiled(void **state) {
    (void)state;
    shell_run("rm '%s/output/Middle/externs.cbor'", folder.path);
    assert_string_equal(compile(), "Middle Top");
    shell_run("rm '%s/output/Top/index.js'", folder.path);
    assert_string_equal(compile(), "Top");
}

static void code_that_is_older_than_the_externs_is_compiled(void **state) {
    (void)state;
    shell_run("touch -d '2001-02-03' '%s/output/Other/index.js'", folder.path);
    assert_string_equal(compile(), "Other");
}

static void another_compiler_compiles_everything(void **state) {
    (void)state;
    assert_string_equal(compile_with("purs-0_15_14"), "Base Middle Other Top");
}

static void externs_that_are_newer_than_those_of_a_dependant_compile_it(void **state) {
    (void)state;
    shell_run("cd '%s/output/Base' && touch -d '2101-02-03' externs.cbor index.js", folder.path);
    assert_string_equal(compile(), "Middle Top");
}

/* As in a folder made from the build store. */
static void output_of_equal_times_behind_links_is_up_to_date(void **state) {
    (void)state;
    shell_run(
        "cd '%s' && mkdir stored && mv output/Base output/Middle stored/ && ln -s ../stored/Base ../stored/Middle output/ && "
        "find stored output/Top output/Other -exec touch -d @0 {} +",
        folder.path);
    assert_string_equal(compile(), "");
}

static void without_its_part_of_the_cache_a_module_is_compiled(void **state) {
    (void)state;
    shell_run("cd '%s/output' && sed -i 's/\"Middle\"/\"Muddle\"/' cache-db.json", folder.path);
    assert_string_equal(compile(), "Middle Top");
}

static void packages_compiled_beside_a_failure_are_kept(void **state) {
    (void)state;
    shell_run("cd '%s' && echo '-- stand-in: fail no' >>src/Middle.purs && echo '-- changed' >>src/Base.purs && touch -d "
              "'2001-02-03' src/*.purs",
              folder.path);
    assert_string_equal(compile(), "Base Middle");
    assert_non_null(strstr(report(), "\"errorCode\":\"TypesDoNotUnify\""));
    assert_string_equal(shell_output(&arena, "cat '%s/status'", folder.path), "1\n");
    write_sources();
    shell_run("cd '%s' && echo '-- changed' >>src/Base.purs", folder.path); /* so that only the time differs */
    assert_string_equal(compile(), "Middle Top");
    assert_string_equal(shell_output(&arena, "cat '%s/status'", folder.path), "0\n");
}

static void a_failure_can_wait_for_a_compiler(void **state) {
    (void)state;
    shell_run("cd '%s' && echo '-- stand-in: fail-from 0.15.16 no' >>src/Other.purs && touch -d '2001-02-03' src/Other.purs",
              folder.path);
    assert_string_equal(compile(), "Other");
    assert_string_equal(shell_output(&arena, "cat '%s/status'", folder.path), "0\n");
    compile_with("purs-0_15_16");
    assert_non_null(strstr(report(), "\"message\":\"  no\""));
    assert_string_equal(shell_output(&arena, "cat '%s/status'", folder.path), "1\n");
}

static void only_a_module_that_is_compiled_has_warnings(void **state) {
    (void)state;
    shell_run("cd '%s' && echo '-- stand-in: warn mind this' >>src/Other.purs && touch -d '2001-02-03' src/Other.purs",
              folder.path);
    assert_string_equal(compile(), "Other");
    assert_non_null(strstr(report(), "mind this"));
    assert_string_equal(compile(), "");
    assert_null(strstr(report(), "mind this"));
}

#define PURS_TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        PURS_TEST(unchanged_modules_are_up_to_date),
        PURS_TEST(another_time_with_the_same_content_is_up_to_date),
        PURS_TEST(an_equal_time_is_believed_whatever_the_content),
        PURS_TEST(a_change_compiles_the_module_and_its_dependants),
        PURS_TEST(one_file_more_is_a_change),
        PURS_TEST(another_path_is_a_change),
        PURS_TEST(missing_output_is_compiled),
        PURS_TEST(code_that_is_older_than_the_externs_is_compiled),
        PURS_TEST(another_compiler_compiles_everything),
        PURS_TEST(externs_that_are_newer_than_those_of_a_dependant_compile_it),
        PURS_TEST(output_of_equal_times_behind_links_is_up_to_date),
        PURS_TEST(without_its_part_of_the_cache_a_module_is_compiled),
        PURS_TEST(packages_compiled_beside_a_failure_are_kept),
        PURS_TEST(a_failure_can_wait_for_a_compiler),
        PURS_TEST(only_a_module_that_is_compiled_has_warnings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
