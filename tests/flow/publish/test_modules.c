/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Steps 7 to 9 of lib/domain/README.md, Publish: module headers, imports and dependencies, and the compiler, including old
 * ones, for which fewer checks are made.
 */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "tests/support/refusal.h"
#include "tests/support/registry_check.h"
#include "tests/support/shell.h"

static struct server *server;

#define GROUND                                                                                                                 \
    { "ground", ">=1.0.0 <2.0.0" }
#define MODULE(content) .files = {{"src/Main.purs", content}}
#define WITH_COMPILER(name, compiler)                                                                                          \
    REFUSAL_REQUEST(name, "1.0.0", "v1.0.0", REFUSAL_LOCATION("purescript-" name) ", \"compiler\": \"" compiler "\"")
#define INCLUDING(name, glob)                                                                                                  \
    { "purs.json", REFUSAL_PURS_JSON(name, "1.0.0", "BSD-3-Clause", "purescript-" name, "\"includeFiles\": [\"" glob "\"], ") }

static const struct refusal refusals[] = {
    /* Step 7: modules */
    {.holds = "a_module_header_must_parse",
     .package = {"headless", "1.0.0", MODULE("-- no module\nthis is none\n")},
     .sentence =
         "The file src/Main.purs: The module header does not parse: at line 2, column 1 `module` was expected, not `this`."},
    {.holds = "a_file_without_a_module_is_refused",
     .package = {"empty", "1.0.0", MODULE("")},
     .sentence = "The file src/Main.purs: The module header does not parse: at line 1, column 1 `module` was expected, but the "
                 "file ends."},
    {.holds = "a_modules_name_has_capital_letters",
     .package = {"small", "1.0.0", MODULE("module small where\n")},
     .sentence = "The file src/Main.purs: The module header does not parse: at line 1, column 8 a module's name was expected, "
                 "not `small`."},
    {.holds = "exports_must_be_closed",
     .package = {"unclosed", "1.0.0", MODULE("module Unclosed\n  ( one\n  , two\nwhere\n")},
     .sentence =
         "The file src/Main.purs: The module header does not parse: at line 4, column 1 `,` or `)` was expected, not `where`."},
    {.holds = "constructors_are_names_with_capital_letters",
     .package = {"constructing", "1.0.0", MODULE("module Constructing (Type(one)) where\n")},
     .sentence = "The file src/Main.purs: The module header does not parse: at line 1, column 27 a constructor's name was "
                 "expected, not `one`."},
    {.holds = "hidden_items_are_a_list",
     .package = {"hiding", "1.0.0", MODULE("module Hiding where\nimport Flow.Ground hiding one\n")},
     .sentence = "The file src/Main.purs: The module header does not parse: at line 2, column 27 `(` was expected, not `one`."},
    {.holds = "a_comment_must_end_before_the_header",
     .package = {"commented", "1.0.0", MODULE("{- module Commented where\n")},
     .sentence = "The file src/Main.purs: The module header does not parse: at line 2, column 1 `module` was expected, but the "
                 "file ends."},
    {.holds = "a_module_is_text",
     .package = {"binary", "1.0.0", MODULE("module Binary\xFF where\n")},
     .sentence = "The file src/Main.purs: The file is not UTF-8 text: line 1 has the byte 0xFF."},
    {.holds = "a_byte_order_mark_is_named",
     .package = {"marked", "1.0.0", MODULE("\xEF\xBB\xBFmodule Marked where\n")},
     .sentence =
         "The file src/Main.purs: The file begins with a byte order mark, which the compiler rejects: save it without one."},
    {.holds = "a_module_is_text_for_an_old_compiler_too",
     .package = {"old-binary", "1.0.0", MODULE("module Old.Binary where\n-- caf\xE9\n")},
     .request = WITH_COMPILER("old-binary", "0.14.9"),
     .sentence = "The file src/Main.purs: The file is not UTF-8 text: line 2 has the byte 0xE9."},
    {.holds = "a_foreign_module_is_text",
     .package = {"latin", "1.0.0",
                 .files = {{"src/Main.purs", "module Latin where\n\nforeign import one :: Int\n"},
                           {"src/Main.js", "// caf\xE9\nexport const one = 1;\n"}}},
     .sentence = "The foreign module src/Main.js: The file is not UTF-8 text: line 1 has the byte 0xE9."},
    {.holds = "no_folder_is_called_like_a_module",
     .package = {"folded", "1.0.0", .files = {{"src/Data.purs/Notes.txt", "notes\n"}}},
     .sentence = "The folder src/Data.purs has a name that ends in .purs: the compiler would read it as a module. Give it "
                 "another name."},
    {.holds = "a_module_called_main_is_refused",
     .package = {"mainly", "1.0.0", MODULE("-- | module Good where\nmodule {- Good -} Main (main) where\n")},
     .sentence = "The file src/Main.purs has a module called Main: a package may not have modules called Main or Test.Main, "
                 "because they would clash with those of projects that use it."},
    {.holds = "a_module_called_test_main_is_refused",
     .package = {"testing", "1.0.0", .files = {{"src/Test.purs", "module Test.Main where\n"}}},
     .sentence = "The file src/Test.purs has a module called Test.Main: a package may not have modules called Main or "
                 "Test.Main, because they would clash with those of projects that use it."},
    {.holds = "included_modules_are_looked_at_too",
     .package = {"includes", "1.0.0",
                 .files = {INCLUDING("includes", "bench/*.purs"), {"bench/Bench.purs", "module Main where\n"}}},
     .sentence = "The file bench/Bench.purs has a module called Main: a package may not have modules called Main or Test.Main, "
                 "because they would clash with those of projects that use it."},
    {.holds = "the_header_of_an_included_module_must_parse",
     .package = {"headers", "1.0.0",
                 .files = {INCLUDING("headers", "bench/*.purs"), {"bench/Old.purs", "module Old.Syntax (..)\n"}}},
     .sentence =
         "The file bench/Old.purs: The module header does not parse: at line 1, column 19 `where` was expected, not `(..)`."},
    {.holds = "a_module_is_in_one_file",
     .package = {"twice-there", "1.0.0",
                 .files = {{"src/A.purs", "module Same where\n"}, {"src/B.purs", "module Same where\n"}}},
     .sentence = "The module Same is in two files: src/A.purs and src/B.purs."},
    {.holds = "even_an_old_compiler_takes_no_module_called_main",
     .package = {"old-main", "1.0.0", MODULE("module Main where\n")},
     .request = WITH_COMPILER("old-main", "0.14.9"),
     .sentence = "The file src/Main.purs has a module called Main: a package may not have modules called Main or Test.Main, "
                 "because they would clash with those of projects that use it."},

    /* Step 8: dependencies */
    {.holds = "an_unused_dependency_is_refused_by_name",
     .package = {"hoarding", "1.0.0", .dependencies = {GROUND}, MODULE("module Flow.Hoarding where\n")},
     .sentence = "The manifest declares dependencies that no module imports from (unused): ground. Leave them out."},
    {.holds = "a_missing_dependency_is_refused_by_name",
     .package = {"borrowing", "1.0.0", .dependencies = {{"above", ">=1.0.0 <2.0.0"}},
                 MODULE("module Flow.Borrowing where\n\nimport Flow.Above\nimport Flow.Ground\n")},
     .sentence = "The modules import from packages that the manifest does not declare (missing): ground. Add them to its "
                 "dependencies."},
    {.holds = "unused_and_missing_dependencies_are_told_together",
     .package = {"confused", "1.0.0", .dependencies = {{"above", ">=1.0.0 <2.0.0"}, {"aside", ">=1.0.0 <2.0.0"}},
                 MODULE("module Flow.Confused where\n\nimport Flow.Ground\n")},
     .sentence =
         "The manifest declares dependencies that no module imports from (unused): above and aside. Leave them out. The "
         "modules import from packages that the manifest does not declare (missing): ground. Add them to its dependencies."},

    {.holds = "a_module_with_the_name_of_a_dependencys_is_refused_naming_both",
     .package = {"repeating", "1.0.0", .dependencies = {GROUND}, MODULE("module Flow.Ground where\n")},
     .sentence =
         "The module Flow.Ground is in src/Main.purs, and also in its dependency ground@1.0.0, in src/Main.purs. Two modules "
         "with the same name cannot be compiled together: rename yours, or remove it and depend on that package."},
    {.holds = "so_is_one_with_the_name_of_an_indirect_dependencys",
     .package = {"repeating-below", "1.0.0", .dependencies = {{"above", ">=1.0.0 <2.0.0"}},
                 .files = {{"src/Main.purs", "module Flow.RepeatingBelow where\n\nimport Flow.Above\n"},
                           {"src/Ground.purs", "module Flow.Ground where\n"}}},
     .words = {"The module Flow.Ground is in src/Ground.purs, and also in its dependency ground@1.0.0, "}},

    /* Step 9: compile */
    {.holds = "packages_that_do_not_compile_are_refused_with_the_compilers_words",
     .package = {"broken", "1.0.0", .pragma = "fail The types do not fit."},
     .sentence = "broken@1.0.0 does not compile with compiler 0.15.15: 1 error, shown above.",
     .words_above = {"TypesDoNotUnify in src/Main.purs:1:1 - 1:40 (module Flow.Broken):\n  The types do not fit."}},
    {.holds = "packages_that_end_the_compiler_without_a_report_are_refused_with_its_words",
     .package = {"deadly", "1.0.0", .pragma = "die .registry/deadly-1.0.0/src/Main.purs: This is odd."},
     .sentence = "The compiler 0.15.15 ended with exit status 1 and no report, 3 times over with the same words, so it cannot "
                 "compile this. It says: purs: src/Main.purs: This is odd."},
    {.holds = "an_import_of_nothing_is_left_to_the_compiler",
     .package = {"importing", "1.0.0", MODULE("module Flow.Importing where\n\nimport Flow.Nothing\nimport Flow.Nowhere\n")},
     .sentence = "importing@1.0.0 does not compile with compiler 0.15.15: 2 errors, shown above.",
     .words_above =
         {"WARN The imports could not be read, so the dependencies are left as declared; the compiler will report the cause.",
          "ERROR ModuleNotFound in src/Main.purs:3:1 - 3:20 (module Flow.Importing):\n  Module Flow.Nothing was not "
          "found."}},
    {.holds = "only_what_is_in_the_tarball_is_compiled",
     .package = {"apart", "1.0.0",
                 .files = {{"src/Main.purs", "module Flow.Apart where\nimport Bench\n"},
                           {"bench/Bench.purs", "module Bench where\n"}}},
     .sentence = "apart@1.0.0 does not compile with compiler 0.15.15: 1 error, shown above.",
     .words_above = {"Module Bench was not found."}},
    {.holds = "a_compiler_that_never_answers_in_json_is_not_the_authors_fault",
     .package = {"garbled", "1.0.0", .pragma = "garble 100"},
     .sentence =
         "The compiler 0.15.15 ended with exit status 1 and no report, 3 times. Its last words: Unexpected end of JSON input"},
};

static void start(void) {
    const struct package packages[] = {
        {"ground", "1.0.0", .pragma = NULL},
        {"aside", "1.0.0", .pragma = NULL},
        {"above", "1.0.0", .dependencies = {GROUND}},
    };
    server = server_start(&(struct server_options){.has_git_server = true, .compilers = "0_13_8 0_14_9 0_15_15"});
    for (size_t i = 0; i < sizeof packages / sizeof packages[0]; i++)
        server_expect_published(server, &packages[i]);
}

/* ---- Accepted modules ---- */

/* Publishes the package and returns the log; `request` NULL: the default one. */
static const char *publish(const struct package *package, const char *request) {
    package_push(arena_format(&server->arena, "%s/sources", server->folder), package);
    const char *id = server_publish(server, request != NULL ? request : package_request(&server->arena, package)).id;
    json_t *job = server_wait_for_job(server, id);
    const char *log = server_log_text(server, job);
    if (!json_is_true(json_object_get(job, "success"))) fail_msg("%s failed:\n%s", package->name, log);
    json_decref(job);
    return log;
}

static void expect_in(const char *log, const char *words) {
    if (strstr(log, words) == NULL) fail_msg("\"%s\" is not in:\n%s", words, log);
}

static void headers_are_read_as_the_compiler_reads_them(void **state) {
    (void)state;
    const struct package package = {
        "readable", "1.0.0",
        .files = {
            {"src/Main.purs",
             "-- | module Main where\n{- {- no nesting -}\nmodule\n  Flow.Readable\n  ( one -- why\n"
             "  , class Two, (<>), type (~>), Three(..), Four(Five, Six), Seven()\n  , module Flow.Ünicode\n  )\n  where\n\n"
             "import Flow.\xC3\x9Cnicode\n\none = \"module Test.Main where\"\n"},
            {"src/Unicode.purs", "#!/usr/bin/env purs\r\nmodule Flow.\xC3\x9Cnicode where\r\nπ = 3\r\n"},
            {"src/Maine.purs", "module Maine where\n"},
            {"src/Main/Test.purs", "module Main.Test where\n"},
            {"test/Main.purs", "module Test.Main where\n"}}};
    expect_in(publish(&package, NULL), "INFO Checked the headers of 4 modules.");
}

static void included_modules_may_share_a_name(void **state) {
    (void)state;
    const struct package package = {"examples", "1.0.0",
                                    .files = {INCLUDING("examples", "examples/**"),
                                              {"examples/a/Example.purs", "module Example where\n"},
                                              {"examples/b/Example.purs", "module Example where\n"}}};
    expect_in(publish(&package, NULL), "INFO Checked the headers of 3 modules.");
}

static void below_0_15_a_header_that_does_not_parse_is_only_logged(void **state) {
    (void)state;
    const struct package package = {
        "old-syntax", "1.0.0", .files = {INCLUDING("old-syntax", "old/*.purs"), {"old/Old.purs", "module Old.Syntax (..)\n"}}};
    const char *log = publish(&package, WITH_COMPILER("old-syntax", "0.14.9"));
    expect_in(log, "WARN The file old/Old.purs: The module header does not parse: at line 1, column 19 ");
    expect_in(log, "INFO Compiled 1 module with compiler 0.14.9.");
}

static void below_0_14_the_imports_are_read_by_a_newer_compiler(void **state) {
    (void)state;
    const struct package package = {"very-old", "1.0.0", .pragma = NULL};
    expect_in(publish(&package, WITH_COMPILER("very-old", "0.13.8")), "INFO Compiled 1 module with compiler 0.13.8.");
    const struct refusal refusal = {
        .package = {"lonely", "1.0.0", MODULE("module Flow.Lonely where\nimport Flow.Ground\n")},
        .request = WITH_COMPILER("lonely", "0.13.8"),
        .words = {"does not compile with compiler 0.13.8"}, /* packages outside the plan are not present at all */
        .words_above = {"ModuleNotFound"},
    };
    refusal_expect(server, &refusal);
}

static void an_error_is_shown_once(void **state) {
    (void)state;
    const struct refusal refusal = {
        .package = {"importing-once", "1.0.0", MODULE("module Flow.Once where\n\nimport Flow.Nothing\n")}, .request = NULL};
    package_push(arena_format(&server->arena, "%s/sources", server->folder), &refusal.package);
    const char *log = NULL;
    refusal_sentence(server, package_request(&server->arena, &refusal.package), &log);
    const char *first = strstr(log, "Module Flow.Nothing was not found.");
    assert_non_null(first);
    assert_null(strstr(first + 1, "Module Flow.Nothing was not found."));
}

/* 60 modules with one error each; 50 errors are shown. */
static void as_many_errors_as_are_shown_are_said_to_be(void **state) {
    (void)state;
    const struct package package = {
        "erring", "1.0.0",
        .script = "for i in $(seq 60); do printf 'module E%s where\n-- stand-in: fail Error %s.\n' $i $i >src/E$i.purs; done"};
    const struct refusal refusal = {.package = package,
                                    .sentence = "erring@1.0.0 does not compile with compiler 0.15.15: 60 errors, the first 50 "
                                                "of which are shown above.",
                                    .words_above = {"and 10 more\n"}};
    refusal_expect(server, &refusal);
}

static void warnings_of_the_package_are_counted_and_shown_at_debug(void **state) {
    (void)state;
    const struct package loud = {"loud", "1.0.0", .pragma = "warn This is loud."};
    const struct package package = {"warned", "1.0.0", .dependencies = {{"loud", ">=1.0.0 <2.0.0"}},
                                    .pragma = "warn Mind this."};
    publish(&loud, NULL);
    const char *log = publish(&package, NULL);
    expect_in(log, "DEBUG The compiler warns:\nUserDefinedWarning in src/Main.purs:1:1 - 1:");
    expect_in(log, "INFO Compiled 2 modules with compiler 0.15.15, with 1 warning in the package's own.");
    assert_null(strstr(log, "This is loud."));
}

static void the_time_of_every_step_is_in_the_log(void **state) {
    (void)state;
    static const char *const steps[] = {"metadata", "fetch",   "manifest", "license", "check",  "solve",  "modules",
                                        "pack",     "install", "graph",    "compile", "record", "commit", "documentation"};
    const struct package package = {"timed", "1.0.0", .pragma = NULL};
    const char *log = publish(&package, NULL), *line = strstr(log, "INFO Timings:");
    assert_non_null(line);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        expect_in(line, arena_format(&server->arena, " %s=", steps[i]));
    expect_in(line, "; the license detector ran for ");
    expect_in(line, " ms, the compiler ran for ");
}

static void hidden_files_are_no_modules_to_the_compiler(void **state) {
    (void)state;
    const struct package package = {"hiding-some", "1.0.0",
                                    .files = {{"src/.hidden/Same.purs", "module Flow.Same where\n"},
                                              {"src/.Draft.purs", "module Flow.Same where\n"},
                                              {"src/Same.purs", "module Flow.Same where\n"}}};
    expect_in(publish(&package, NULL), "INFO Compiled 2 modules with compiler 0.15.15.");
}

static void a_compiler_that_answers_at_the_third_time_will_do(void **state) {
    (void)state;
    const struct package package = {"stammering", "1.0.0", .pragma = "garble 2"};
    expect_in(publish(&package, NULL), "INFO Compiled ");
}

static void a_module_may_have_16_mib_and_no_more(void **state) {
    (void)state;
    enum { BYTES_MAX = 16 << 20 };
    static const char module[] = "module Flow.Wide where\n--";
    static char content[BYTES_MAX + 2];
    memset(content, '-', BYTES_MAX + 1);
    memcpy(content, module, strlen(module));
    const struct refusal refusal = {.package = {"wide", "1.0.0", MODULE(content)},
                                    .sentence = "The file src/Main.purs is larger than the 16777216 bytes that a module may "
                                                "have."};
    refusal_expect(server, &refusal);
    content[BYTES_MAX] = '\0';
    publish(&refusal.package, NULL);
}

/* ---- No compiler that can tell imports ---- */

static void without_a_graph_the_dependencies_stand_as_declared(void **state) {
    (void)state;
    struct server *usual = server;
    server = server_start(&(struct server_options){.compilers = "0_13_8"});
    const struct package ground = {"ground", "1.0.0", .pragma = NULL};
    const struct package package = {"trusted", "1.0.0", .dependencies = {GROUND}, MODULE("module Flow.Trusted where\n")};
    publish(&ground, WITH_COMPILER("ground", "0.13.8"));
    expect_in(publish(&package, WITH_COMPILER("trusted", "0.13.8")),
              "WARN No compiler that reads imports is installed: the dependencies are left as declared.");
    registry_expect_consistency(server);
    server_stop(server);
    server = usual;
}

int main(void) {
    const struct CMUnitTest others[] = {
        cmocka_unit_test(headers_are_read_as_the_compiler_reads_them),
        cmocka_unit_test(included_modules_may_share_a_name),
        cmocka_unit_test(below_0_15_a_header_that_does_not_parse_is_only_logged),
        cmocka_unit_test(below_0_14_the_imports_are_read_by_a_newer_compiler),
        cmocka_unit_test(an_error_is_shown_once),
        cmocka_unit_test(as_many_errors_as_are_shown_are_said_to_be),
        cmocka_unit_test(warnings_of_the_package_are_counted_and_shown_at_debug),
        cmocka_unit_test(the_time_of_every_step_is_in_the_log),
        cmocka_unit_test(hidden_files_are_no_modules_to_the_compiler),
        cmocka_unit_test(a_compiler_that_answers_at_the_third_time_will_do),
        cmocka_unit_test(a_module_may_have_16_mib_and_no_more),
        cmocka_unit_test(without_a_graph_the_dependencies_stand_as_declared),
    };
    return REFUSALS_RUN(server, start, refusals, others);
}
