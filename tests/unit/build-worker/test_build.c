/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Builds with the stand-in compiler, of unpacked packages: files that the compiler cannot read, its reports, and troubles of
 * this machine. (Whole workers: tests/flow/matrix/.)
 */
#include "tests/unit/build-worker/build_scene.h"

/* ---- Files that the compiler cannot read ---- */

static void a_file_that_the_compiler_cannot_read_is_named_in_a_final_verdict(void **state) {
    (void)state;
    static const struct {
        struct source source;
        const char *sentence;
    } rows[] = {
        {{"foreign", {{"src/A.purs", "module A where\nforeign import a :: Int\n"}, {"src/A.js", "// caf\xE9\n"}}},
         "The foreign module src/A.js: The file is not UTF-8 text: line 1 has the byte 0xE9."},
        {{"module", {{"src/A.purs", "module A where\n-- \xE9\n"}}},
         "The file src/A.purs: The file is not UTF-8 text: line 2 has the byte 0xE9."},
        {{"folder", {{"src/A.purs", "module A where\n"}, {"src/deep/B.purs/note", "a note\n"}}},
         "The folder src/deep/B.purs has a name that ends in .purs: the compiler would read it as a module. Give it another "
         "name."},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        long long runs = atomic_load(&environment.runs);
        build(&rows[i].source, 1, 1);
        expect_verdict(0, VERDICT_FAILED_TO_COMPILE,
                       arena_format(&arena, "The package does not compile with compiler 0.15.15. %s", rows[i].sentence));
        assert_true(verdict_stands(outcomes[0].verdict));
        assert_int_equal(atomic_load(&environment.runs), runs); /* before the compiler does */

        const struct source both[] = {rows[i].source, {"user", {{"src/User.purs", "module User where\nimport A\n"}}}};
        build(both, 2, 1);
        expect_verdict(0, VERDICT_FAILED_TO_COMPILE,
                       arena_format(&arena, "%s-1.0.0, on which it depends, does not compile with compiler 0.15.15. %s",
                                    rows[i].source.name, rows[i].sentence));
    }
}

static void others_of_the_same_run_compile(void **state) {
    (void)state;
    static const struct source sources[] = {
        {"base", {{"src/Base.purs", "module Base where\n"}}},
        {"good", {{"src/Good.purs", "module Good where\nimport Base\n"}}},
        {"latin", {{"src/Latin.purs", "module Latin where\nforeign import a :: Int\n"}, {"src/Latin.js", "// caf\xE9\n"}}},
    };
    build(sources, 3, 2);
    expect_verdict(0, VERDICT_SUCCEEDED, NULL);
    expect_verdict(1, VERDICT_FAILED_TO_COMPILE,
                   "The package does not compile with compiler 0.15.15. The foreign module src/Latin.js");
}

static void files_that_the_compiler_does_not_read_may_be_anything(void **state) {
    (void)state;
    static const struct source source = {"odd",
                                         {{"src/A.purs", "module A where\n"},
                                          {"src/A.js", "// caf\xE9\n"}, /* no module imports from it */
                                          {"src/.hidden/B.purs", "no module \xFF\n"},
                                          {"src/.draft.purs/C.purs", "module A where\n"},
                                          {"src/deep/.hidden/D.purs", "module D where\n"}}}; /* a module to the compiler */
    build(&source, 1, 1);
    expect_verdict(0, VERDICT_SUCCEEDED, NULL);
    expect_line("INFO Compiled the package's 2 modules with compiler 0.15.15; ");
    assert_null(strstr(text_view(&log_lines), "not trusted"));
}

/* ---- Without a report ---- */

static void the_same_end_three_times_over_stands_with_the_compilers_words(void **state) {
    (void)state;
    static const struct source source = {
        "deadly", {{"src/A.purs", "module A where\n-- stand-in: die .registry/deadly-1.0.0/src/A.purs: This is odd.\n"}}};
    build(&source, 1, 1);
    expect_verdict(
        0, VERDICT_FAILED_TO_COMPILE,
        "The compiler 0.15.15 ended with exit status 1 and no report, 3 times over with the same words, so it cannot "
        "compile this. It says: purs: src/A.purs: This is odd.");
}

static void the_race_is_spurious_and_tried_again(void **state) {
    (void)state;
    static const struct source source = {"racing", {{"src/A.purs", "module A where\n-- stand-in: garble 100\n"}}};
    build(&source, 1, 1);
    expect_verdict(0, VERDICT_SPURIOUS,
                   "The compiler 0.15.15 ended with exit status 1 and no report, 3 times. Its last words: ");
    assert_false(verdict_stands(outcomes[0].verdict));
}

static void troubles_of_this_machine_give_the_job_back(void **state) {
    (void)state;
    static const struct source source = {
        "unlucky", {{"src/A.purs", "module A where\n-- stand-in: die output: No space left on device\n"}}};
    build(&source, 1, 1);
    assert_true(outcomes[0].is_given_back);
    assert_string_equal(outcomes[0].reason,
                        "The compiler 0.15.15 cannot run on this machine now. It says: purs: output: No space "
                        "left on device");
}

/* ---- Reports ---- */

static void a_module_of_two_packages_is_shown_at_both_places(void **state) {
    (void)state;
    static const struct source sources[] = {{"a-first", {{"src/A.purs", "module A where\n"}}},
                                            {"own", {{"src/A.purs", "module A where\n"}}}};
    build(sources, 2, 1);
    expect_verdict(0, VERDICT_FAILED_TO_COMPILE, "The package does not compile with compiler 0.15.15: 1 error.");
    expect_line("0 ERROR DuplicateModule in a-first-1.0.0/src/A.purs:1:8 - 1:9:\n");
    expect_line("\n  also in src/A.purs:1:8 - 1:9\n");
    assert_string_equal(outcomes[0].result.errors[0].filename, "a-first-1.0.0/src/A.purs");
    assert_string_equal(outcomes[0].result.errors[0].message,
                        "  Module A has been defined multiple times\n  also in src/A.purs:1:8 - 1:9\n");
}

static void errors_that_an_earlier_build_found_are_in_the_log_again(void **state) {
    (void)state;
    static const struct source sources[] = {{"wrong", {{"src/A.purs", "module A where\n-- stand-in: fail It does not fit.\n"}}},
                                            {"user", {{"src/User.purs", "module User where\nimport A\n"}}}};
    static const char error[] = "0 ERROR TypesDoNotUnify in src/A.purs:2:1 - 2:35 (module A):\n  It does not fit.\n";
    build(sources, 1, 1);
    expect_line(error);
    long long runs = atomic_load(&environment.runs);
    build(sources, 1, 1);
    assert_int_equal(atomic_load(&environment.runs), runs);
    expect_verdict(0, VERDICT_FAILED_TO_COMPILE,
                   "The package does not compile with compiler 0.15.15, as an earlier build found.");
    expect_line(error);
    build(sources, 2, 1);
    expect_verdict(0, VERDICT_FAILED_TO_COMPILE, "wrong-1.0.0, on which it depends, does not compile with compiler 0.15.15.");
    expect_line(error);
}

static void warnings_are_counted_by_package_and_shown_at_debug(void **state) {
    (void)state;
    static const struct source sources[] = {
        {"base", {{"src/Base.purs", "module Base where\n-- stand-in: warn Base is loud.\n"}}},
        {"one", {{"src/One.purs", "module One where\n-- stand-in: warn One is loud.\n"}}},
        {"two", {{"src/Two.purs", "module Two where\n-- stand-in: fail Two does not fit.\n"}}},
    };
    build(sources, 3, 2);
    expect_verdict(0, VERDICT_SUCCEEDED, NULL);
    expect_line("0 INFO Compiled the package's 1 module with compiler 0.15.15, with 1 warning; ");
    expect_line("0 DEBUG The compiler warns:\nUserDefinedWarning in src/One.purs:2:1 - 2:");
    assert_null(strstr(text_view(&log_lines), "Base is loud"));
    expect_verdict(1, VERDICT_FAILED_TO_COMPILE, "The package does not compile with compiler 0.15.15: 1 error.");
}

static void the_time_of_each_step_is_in_the_log(void **state) {
    (void)state;
    static const struct source source = {"timed", {{"src/A.purs", "module A where\n"}}};
    build(&source, 1, 1);
    expect_line("0 INFO Timings: unpack=");
    expect_line("ms link=");
    expect_line("ms compile=");
    expect_line("ms keep=");
}

/* ---- Kinds of builds ---- */

static void a_build_again_takes_dependencies_from_the_store_and_compiles_its_own(void **state) {
    (void)state;
    static const struct source sources[] = {{"base", {{"src/Base.purs", "module Base where\n"}}},
                                            {"user", {{"src/User.purs", "module User where\nimport Base\n"}}}};
    build(sources, 2, 1);
    assert_int_equal(outcomes[0].result.compiled_modules, 2);
    build(sources, 2, 1);
    assert_int_equal(outcomes[0].result.compiled_modules, 0);
    how = BUILD_HOW_AGAIN;
    build(sources, 2, 1);
    expect_verdict(0, VERDICT_SUCCEEDED, NULL);
    assert_int_equal(outcomes[0].result.compiled_modules, 1);
}

static void a_build_again_believes_no_failure_of_earlier_builds(void **state) {
    (void)state;
    static const struct source sources[] = {{"wrong", {{"src/A.purs", "module A where\n-- stand-in: fail It does not fit.\n"}}},
                                            {"user", {{"src/User.purs", "module User where\nimport A\n"}}}};
    build(sources, 1, 1);
    how = BUILD_HOW_AGAIN;
    for (size_t count = 1; count <= 2; count++) {
        long long runs = atomic_load(&environment.runs);
        build(sources, count, 1);
        assert_true(atomic_load(&environment.runs) > runs);
        assert_int_equal(outcomes[0].verdict, VERDICT_FAILED_TO_COMPILE);
        assert_null(strstr(outcomes[0].reason, "earlier build"));
    }
}

static void a_verification_builds_it_twice_and_keeps_nothing(void **state) {
    (void)state;
    static const struct source sources[] = {{"base", {{"src/Base.purs", "module Base where\n"}}},
                                            {"user", {{"src/User.purs", "module User where\nimport Base\n"}}}},
                               wrong = {"wrong", {{"src/A.purs", "module A where\n-- stand-in: fail It does not fit.\n"}}};
    how = BUILD_HOW_VERIFY;
    for (int i = 0; i < 2; i++) { /* the second build reuses nothing of the first */
        long long runs = atomic_load(&environment.runs);
        build(sources, 2, 1);
        expect_verdict(0, VERDICT_SUCCEEDED, NULL);
        assert_int_equal(outcomes[0].result.compiled_modules, 2);
        assert_int_equal(atomic_load(&environment.runs), runs + 2);
    }
    build(&wrong, 1, 1);
    expect_verdict(0, VERDICT_FAILED_TO_COMPILE,
                   "The package does not compile with compiler 0.15.15: 1 error."); /* both times */
    how = BUILD_HOW_REUSE;
    build(sources, 2, 1);
    assert_int_equal(outcomes[0].result.compiled_modules, 2);
}

static void a_compiler_that_is_not_there_is_no_verdict_about_the_package(void **state) {
    (void)state;
    static const struct source source = {"plain", {{"src/A.purs", "module A where\n"}}};
    size_t count = environment.compilers.count;
    environment.compilers.count = 0;
    build(&source, 1, 1);
    environment.compilers.count = count;
    expect_verdict(0, VERDICT_COMPILER_MISSING, "The worker does not have the compiler.");
    assert_false(verdict_stands(outcomes[0].verdict));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_file_that_the_compiler_cannot_read_is_named_in_a_final_verdict),
        TEST(others_of_the_same_run_compile),
        TEST(files_that_the_compiler_does_not_read_may_be_anything),
        TEST(the_same_end_three_times_over_stands_with_the_compilers_words),
        TEST(the_race_is_spurious_and_tried_again),
        TEST(troubles_of_this_machine_give_the_job_back),
        TEST(a_module_of_two_packages_is_shown_at_both_places),
        TEST(errors_that_an_earlier_build_found_are_in_the_log_again),
        TEST(warnings_are_counted_by_package_and_shown_at_debug),
        TEST(the_time_of_each_step_is_in_the_log),
        TEST(a_build_again_takes_dependencies_from_the_store_and_compiles_its_own),
        TEST(a_build_again_believes_no_failure_of_earlier_builds),
        TEST(a_verification_builds_it_twice_and_keeps_nothing),
        TEST(a_compiler_that_is_not_there_is_no_verdict_about_the_package),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
