/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The stand-in compiler is used; its limits are in the head of tests/support/purs/purs.c. */
#include "tests/support/cmocka_all.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/deadline.h"
#include "lib/base/folder.h"
#include "lib/base/text.h"
#include "lib/tools/purs/compiler.h"
#include "lib/tools/purs/compiler_report.h"
#include "lib/tools/sandbox/sandbox.h"
#include "tests/support/temporary_folder.h"

static struct sandbox sandbox;
static struct deadline deadline;
static struct compilers compilers;
static struct temporary_folder folder; /* bin/ with compilers, and a work folder for each test */
static struct arena arena;
static int work_number;
static const char *const globs[] = {"src/**/*.purs", NULL};

static void install(const char *name, const char *content, size_t length) {
    char path[100], full[PATH_MAX];
    snprintf(path, sizeof path, "bin/%s", name);
    temporary_folder_write_bytes(&folder, path, content, length);
    snprintf(full, sizeof full, "%s/%s", folder.path, path);
    assert_int_equal(chmod(full, 0755), 0);
}

static int set_up(void **state) {
    (void)state;
    struct error err = {0};
    struct text stand_in = {0};
    static const char *const names[] = {"purs-0_13_8", "purs-0_14_0", "purs-0_15_9", "purs-0_15_15", "purs"};
    deadline_start(&deadline, 100000);
    temporary_folder_make(&folder);
    assert_int_equal(file_read(BUILD_DIR "/bin/purs-stand-in", 100000000, &stand_in, &err), STATUS_OK);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        install(names[i], stand_in.bytes, stand_in.length);
    temporary_folder_write(&folder, "bin/purs-0_15_3", "not executable");
    install("purs-0_15", "", 0);
    install("purs-0_15_x", "", 0);
    install("purs-0.15.4", "", 0);
    install("other", "", 0);
    text_release(&stand_in);
    assert_int_equal(sandbox_init(&sandbox, "nobody", &deadline, &err), STATUS_OK);
    char bin[PATH_MAX];
    snprintf(bin, sizeof bin, "%s/bin", folder.path);
    assert_int_equal(compilers_find(&compilers, bin, NULL, &sandbox, &deadline, &err), STATUS_OK);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    compilers_release(&compilers);
    temporary_folder_remove(&folder);
    arena_release(&arena);
    return 0;
}

/* A new work folder, relative to `folder`. */
static const char *make_work_folder(void) {
    struct error err = {0};
    char path[PATH_MAX];
    const char *name = arena_format(&arena, "work-%d", ++work_number);
    snprintf(path, sizeof path, "%s/%s", folder.path, name);
    assert_int_equal(sandbox_make_folder(&sandbox, path, &err), STATUS_OK);
    return name;
}

static void write_module(const char *work, const char *path, const char *content) {
    temporary_folder_write(&folder, arena_format(&arena, "%s/%s", work, path), content);
}

static struct compiler_request request_for(const char *work, struct version version) {
    return (struct compiler_request){.compiler = compilers_get(&compilers, version),
                                     .sandbox = &sandbox,
                                     .folder = arena_format(&arena, "%s/%s", folder.path, work),
                                     .globs = globs,
                                     .deadline = &deadline};
}

static enum status compile(struct compiler_report *report, const char *work, struct version version, struct error *err) {
    const struct compiler_request request = request_for(work, version);
    assert_non_null(request.compiler);
    return compiler_compile(report, &arena, &request, err);
}

static const struct version current = {0, 15, 15};

static void compilers_are_found_and_sorted(void **state) {
    (void)state;
    static const char *const expected[] = {"0.13.8", "0.14.0", "0.15.9", "0.15.15", "0.15.16"};
    assert_int_equal(compilers.count, 5);
    for (size_t i = 0; i < compilers.count; i++) {
        char version[VERSION_TEXT_MAX];
        version_print(compilers.items[i].version, version);
        assert_string_equal(version, expected[i]);
        assert_int_equal(compilers.items[i].path[0], '/');
    }
    assert_true(text_ends_with(compilers.items[4].path, "/bin/purs")); /* version from its output */
    assert_null(compilers_get(&compilers, (struct version){0, 15, 3}));
}

static void the_folders_of_a_search_path_are_looked_through(void **state) {
    (void)state;
    struct error err = {0};
    struct compilers found;
    const char *path = arena_format(&arena, "/nowhere::relative:%s/bin:/usr/bin", folder.path);
    assert_int_equal(compilers_find(&found, NULL, path, &sandbox, &deadline, &err), STATUS_OK);
    assert_non_null(compilers_get(&found, current));
    compilers_release(&found);
    assert_int_equal(compilers_find(&found, "/nowhere", NULL, &sandbox, &deadline, &err), STATUS_NOT_FOUND);
    compilers_release(&found);
}

static void a_compiler_with_graph_is_chosen(void **state) {
    (void)state;
    assert_ptr_equal(compilers_choose_for_graph(&compilers, current), compilers_get(&compilers, current));
    assert_ptr_equal(compilers_choose_for_graph(&compilers, (struct version){0, 13, 8}), &compilers.items[1]);
    assert_null(compilers_choose_for_graph(&compilers, (struct version){0, 15, 99}));
}

static void up_to_date_modules_are_skipped(void **state) {
    (void)state;
    struct error err = {0};
    struct compiler_report report;
    const char *work = make_work_folder();
    write_module(work, "src/A.purs", "module A where\nimport B\n");
    write_module(work, "src/B.purs", "module B where\n");
    write_module(work, "src/C.purs", "module C where\n");
    assert_int_equal(compile(&report, work, current, &err), STATUS_OK);
    assert_true(report.succeeded);
    assert_int_equal(report.compiled_count, 3);
    assert_int_equal(compile(&report, work, current, &err), STATUS_OK);
    assert_int_equal(report.compiled_count, 0);
    write_module(work, "src/B.purs", "module B where\nchanged = 1\n");
    assert_int_equal(compile(&report, work, current, &err), STATUS_OK);
    assert_int_equal(report.compiled_count, 2);
    assert_int_equal(compile(&report, work, (struct version){0, 15, 9}, &err), STATUS_OK);
    assert_int_equal(report.compiled_count, 3); /* another compiler's output cannot be reused */
    char *cache = temporary_folder_read(&folder, arena_format(&arena, "%s/output/cache-db.json", work));
    assert_non_null(strstr(cache, "\"A\":{\"src/A.purs\":[\"20"));
    free(cache);
}

static void errors_come_with_their_places(void **state) {
    (void)state;
    struct error err = {0};
    struct text printed = {0};
    static const struct version versions[] = {{0, 13, 8}, {0, 15, 15}}; /* on stderr, on stdout */
    for (size_t i = 0; i < 2; i++) {
        struct compiler_report report;
        const char *work = make_work_folder();
        write_module(work, "src/A.purs", "module A where\n\nimport Missing.Module\n");
        assert_int_equal(compile(&report, work, versions[i], &err), STATUS_OK);
        assert_false(report.succeeded);
        assert_int_equal(report.error_count, 1);
        assert_string_equal(report.errors[0].code, "ModuleNotFound");
        assert_string_equal(report.errors[0].filename, "src/A.purs");
        assert_string_equal(report.errors[0].module, "A");
        assert_int_equal(report.errors[0].start_line, 3);
        assert_int_equal(report.compiled_count, 0);
        text_clear(&printed);
        compiler_report_print_errors(&printed, &report, 10);
        assert_string_equal(printed.bytes,
                            "ModuleNotFound in src/A.purs:3:1 - 3:22 (module A):\n"
                            "  Module Missing.Module was not found.\n"
                            "  Make sure the source file exists, and that it has been provided as an input to the compiler.\n"
                            "  See https://github.com/purescript/documentation/blob/master/errors/ModuleNotFound.md\n");
    }
    text_release(&printed);
}

static void each_kind_of_error_is_reported(void **state) {
    (void)state;
    static const struct {
        const char *first, *second, *code;
    } rows[] = {
        {"module A where\nimport B\n", "module B where\nimport A\n", "CycleInModules"},
        {"module A where\n", "module A where\n", "DuplicateModule"},
        {"module A where\n", "modul B where\n", "ErrorParsingModule"},
        {"module A where\n", "module B where\n-- stand-in: fail No such type\n", "TypesDoNotUnify"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error err = {0};
        struct compiler_report report;
        const char *work = make_work_folder();
        write_module(work, "src/1.purs", rows[i].first);
        write_module(work, "src/2.purs", rows[i].second);
        assert_int_equal(compile(&report, work, current, &err), STATUS_OK);
        assert_false(report.succeeded);
        assert_string_equal(report.errors[0].code, rows[i].code);
    }
}

static void more_errors_than_wanted_are_counted(void **state) {
    (void)state;
    struct text printed = {0};
    struct compiler_message messages[] = {
        {.code = "A", .message = "  one\n\n"}, {.code = "B", .message = "two"}, {.code = "C", .message = ""}};
    struct compiler_report report = {.errors = messages, .error_count = 3};
    compiler_report_print_errors(&printed, &report, 2);
    assert_string_equal(printed.bytes, "A:\n  one\n\nB:\n  two\n\nand 1 more\n");
    text_release(&printed);
}

/* As the compiler prints them: one error at two places, another one twice, and warnings of two packages. */
static const char crowded_report[] =
    "{\"warnings\":[{\"errorCode\":\"UnusedName\",\"message\":\"mine\",\"filename\":\".registry/a-1.0.0/src/A.purs\"},"
    "{\"errorCode\":\"UnusedName\",\"message\":\"theirs\",\"filename\":\".registry/a-1.0.01/src/B.purs\"},"
    "{\"errorCode\":\"UnusedName\",\"message\":\"mine\",\"filename\":\".registry/a-1.0.0/src/A.purs\"}],"
    "\"errors\":[{\"errorCode\":\"DuplicateModule\",\"message\":\"  Module "
    "A\\n\",\"errorLink\":\"https://link\",\"moduleName\":null,"
    "\"filename\":\".registry/b-2.0.0/src/A.purs\","
    "\"position\":{\"startLine\":1,\"startColumn\":1,\"endLine\":1,\"endColumn\":9},\"allSpans\":["
    "{\"name\":\".registry/b-2.0.0/src/A.purs\",\"start\":[1,1],\"end\":[1,9]},"
    "{\"name\":\".registry/a-1.0.0/src/A.purs\",\"start\":[2,1],\"end\":[3,4]}]},"
    "{\"errorCode\":\"X\",\"message\":\"see .registry/a-1.0.0/src/A.js and .registry/b-2.0.0/src/A.js\",\"filename\":null,"
    "\"position\":null,\"allSpans\":[]},"
    "{\"errorCode\":\"X\",\"message\":\"see .registry/a-1.0.0/src/A.js and .registry/b-2.0.0/src/A.js\",\"filename\":null,"
    "\"position\":null,\"allSpans\":[]}]}\n";

static void errors_are_shown_once_at_all_places_in_the_authors_paths(void **state) {
    (void)state;
    struct compiler_report report;
    struct text output = {0}, none = {0}, printed = {0};
    size_t warnings = 0;
    text_append(&output, crowded_report);
    assert_true(compiler_report_read(&report, &arena, &output, &none));
    assert_int_equal(report.error_count, 2);
    assert_int_equal(report.warning_count, 2);
    const struct compiler_message *own = compiler_report_own_warnings(&report, &arena, "a-1.0.0", &warnings);
    assert_int_equal(warnings, 1);
    assert_string_equal(own[0].message, "mine");
    assert_string_equal(own[0].filename, "src/A.purs");

    compiler_report_localize(&report, &arena, "a-1.0.0");
    compiler_report_print_errors(&printed, &report, 50);
    assert_string_equal(printed.bytes, "DuplicateModule in b-2.0.0/src/A.purs:1:1 - 1:9:\n"
                                       "  Module A\n"
                                       "  also in src/A.purs:2:1 - 3:4\n"
                                       "  See https://link\n"
                                       "\n"
                                       "X:\n"
                                       "  see src/A.js and b-2.0.0/src/A.js\n");
    text_release(&printed);
    text_release(&output);
}

static void as_many_errors_are_said_to_be_shown_as_are(void **state) {
    (void)state;
    struct compiler_report report = {.error_count = 1};
    assert_string_equal(compiler_report_count_errors(&report, &arena, 50), "1 error, shown above");
    report.error_count = 50;
    assert_string_equal(compiler_report_count_errors(&report, &arena, 50), "50 errors, shown above");
    report.error_count = 4000;
    assert_string_equal(compiler_report_count_errors(&report, &arena, 50),
                        "4000 errors, the first 50 of which are shown above");
}

/* There is no report; the words are those that the compiler prints for such files. */
static void a_file_that_the_compiler_cannot_read_is_a_final_failure(void **state) {
    (void)state;
    static const struct {
        const char *path, *content, *words;
    } rows[] = {
        {"src/A.js", "// caf\xE9\nexport const a = 1;\n", "Invalid UTF-8 stream"},
        {"src/Folder.purs/readme", "", "inappropriate type (is a directory)"},
        {"src/B.purs", "module B where\n-- caf\xE9\n", "Invalid UTF-8 stream"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error err = {0};
        struct compiler_report report;
        const char *work = make_work_folder();
        write_module(work, "src/A.purs", "module A where\nforeign import a :: Int\n");
        write_module(work, rows[i].path, rows[i].content);
        assert_int_equal(compile(&report, work, current, &err), STATUS_REFUSED);
        assert_int_equal(report.stop, COMPILER_STOP_SILENT);
        if (!strstr(err.message, rows[i].words)) fail_msg("%s: %s", rows[i].path, err.message);
    }
}

static void text_in_place_of_json_is_tried_three_times(void **state) {
    (void)state;
    struct error err = {0};
    struct compiler_report report;
    const char *work = make_work_folder();
    write_module(work, "src/A.purs", "module A where\n-- stand-in: garble 2\n");
    assert_int_equal(compile(&report, work, current, &err), STATUS_OK);
    assert_true(report.succeeded);
    assert_int_equal(report.compiled_count, 1);
    work = make_work_folder();
    write_module(work, "src/A.purs", "module A where\n-- stand-in: garble 3\n");
    assert_int_equal(compile(&report, work, current, &err), STATUS_INTERNAL);
    assert_non_null(strstr(err.message, "0.15.15"));
    assert_int_equal(report.stop, COMPILER_STOP_NO_ANSWER);
}

/* By its output, and by the signals that limits and a machine without memory send. (Limits of a whole run:
 * test_sandbox_attacks.c.) */
static void why_there_is_no_answer_is_told_apart(void **state) {
    (void)state;
    static const struct {
        const char *script;
        enum compiler_stop stop;
        enum status status;
        const char *words;
    } cases[] = {
        {"echo 'purs: Heap exhausted;' >&2; exit 251", COMPILER_STOP_MEMORY, STATUS_TIMEOUT, "more than 6144 MiB of memory"},
        {"echo 'purs: out of memory (requested 1 bytes)' >&2; exit 1", COMPILER_STOP_MEMORY, STATUS_TIMEOUT, "memory"},
        {"echo 'purs: mmap: Cannot allocate memory' >&2; exit 1", COMPILER_STOP_MEMORY, STATUS_TIMEOUT, "memory"},
        {"kill -KILL $$", COMPILER_STOP_MEMORY, STATUS_TIMEOUT, "memory"},
        {"kill -XCPU $$", COMPILER_STOP_CPU_TIME, STATUS_TIMEOUT, "used up its 1800 seconds of CPU time"},
        {"kill -XFSZ $$", COMPILER_STOP_DISK, STATUS_REFUSED, "to one file"},
        {"test -e once && exit 0; touch once; kill -SEGV $$", COMPILER_STOP_NO_ANSWER, STATUS_INTERNAL, "3 times"},
        {"exit 0", COMPILER_STOP_NO_ANSWER, STATUS_INTERNAL, "exit status 0 and no report, 3 times"},
        /* after the race: its output, and half a report */
        {"echo Unexpected end of JSON input; exit 1", COMPILER_STOP_NO_ANSWER, STATUS_INTERNAL, "no report, 3 times. Its last"},
        {"echo '{\"warnings\":[],\"err'; exit 1", COMPILER_STOP_NO_ANSWER, STATUS_INTERNAL,
         "exit status 1 and no report, 3 times"},
        /* the same result three times, in any state of `output` */
        {"echo panic >&2; exit 1", COMPILER_STOP_SILENT, STATUS_REFUSED,
         "exit status 1 and no report, 3 times over with the same words, so it cannot compile this. It says: panic"},
        {"kill -SEGV $$", COMPILER_STOP_SILENT, STATUS_REFUSED,
         "signal 11 (Segmentation fault) and no report, 3 times over with the same words, so it cannot compile this."},
        {"echo panic; exit 7", COMPILER_STOP_SILENT, STATUS_REFUSED, "exit status 7 and no report, 3 times over"},
        {"test -e compiled || echo '[1 of 2] Compiling A' >&2; touch compiled; echo panic >&2; exit 1", COMPILER_STOP_SILENT,
         STATUS_REFUSED, "It says: panic"},
        /* a different result each time */
        {"mktemp -u >&2; exit 1", COMPILER_STOP_NO_ANSWER, STATUS_INTERNAL, "no report, 3 times. Its last words: /tmp/"},
        {"test -e once && exit 2; touch once; echo panic >&2; exit 1", COMPILER_STOP_NO_ANSWER, STATUS_INTERNAL, "3 times"},
        /* troubles of the machine, with and without a report */
        {"echo 'purs: output: No space left on device' >&2; exit 1", COMPILER_STOP_NONE, STATUS_UNAVAILABLE,
         "0.15.15 cannot run on this machine now. It says: purs: output: No space left"},
        {"echo '{\"warnings\":[],\"errors\":[{\"errorCode\":\"FileIOError\",\"message\":\"resource exhausted (No space left on "
         "device)\"}]}'; exit 1",
         COMPILER_STOP_NONE, STATUS_UNAVAILABLE, "It says: resource exhausted (No space left on device)"},
        {"echo 'purs: error while loading shared libraries: libtinfo.so.5' >&2; exit 127", COMPILER_STOP_NONE,
         STATUS_UNAVAILABLE, "libtinfo.so.5"},
        {"echo nothing there >&2; exit 127", COMPILER_STOP_NONE, STATUS_UNAVAILABLE, "nothing there"},
        /* a path with such words comes from the author, and the report is valid */
        {"echo '{\"warnings\":[],\"errors\":[{\"errorCode\":\"FileIOError\",\"message\":\"src/Too many open files/A.js: "
         "openBinaryFile: inappropriate type (is a directory)\"}]}'; exit 1",
         COMPILER_STOP_NONE, STATUS_OK, ""},
    };
    struct sandbox open_sandbox = sandbox;
    open_sandbox.is_isolating = false;
    const struct compiler compiler = {current, arena_format(&arena, "%s/bin/odd", folder.path)};
    struct compiler_request request = request_for(make_work_folder(), current);
    request.compiler = &compiler;
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        struct error err = {0};
        struct compiler_report report;
        unlink(arena_format(&arena, "%s/once", request.folder));
        unlink(arena_format(&arena, "%s/compiled", request.folder));
        const char *script = arena_format(&arena, "#!/bin/sh\n%s\n", cases[i / 2].script);
        install("odd", script, strlen(script));
        request.sandbox = i % 2 ? &open_sandbox : &sandbox;
        enum status status = compiler_compile(&report, &arena, &request, &err);
        if (status != cases[i / 2].status || report.stop != cases[i / 2].stop || !strstr(err.message, cases[i / 2].words))
            fail_msg("%s: status %d, stop %d: %s", cases[i / 2].script, (int)status, (int)report.stop, err.message);
    }
}

static void a_compiler_that_takes_too_long_is_stopped(void **state) {
    (void)state;
    struct error err = {0};
    struct compiler_report report;
    struct deadline soon;
    const char *work = make_work_folder();
    write_module(work, "src/A.purs", "module A where\n-- stand-in: sleep 600000\n");
    struct compiler_request request = request_for(work, current);
    request.deadline = &soon;
    deadline_start(&soon, 300);
    assert_int_equal(compiler_compile(&report, &arena, &request, &err), STATUS_TIMEOUT);
    assert_int_equal(report.stop, COMPILER_STOP_TIME);
    deadline_cancel(&soon, STATUS_STALE);
    assert_int_equal(compiler_compile(&report, &arena, &request, &err), STATUS_STALE);
    assert_int_equal(report.stop, COMPILER_STOP_CANCELLED);
}

static void the_graph_names_paths_and_imports(void **state) {
    (void)state;
    struct error err = {0};
    struct compiler_report report;
    json_t *graph;
    const char *work = make_work_folder();
    write_module(work, "src/A.purs", "module A where\nimport Prim.Row\nimport B\nimport B as C\n");
    write_module(work, "src/B.purs", "module B where\n");
    const struct compiler_request request = request_for(work, current);
    assert_int_equal(compiler_graph(&graph, &report, &arena, &request, &err), STATUS_OK);
    char *printed = json_dumps(graph, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(printed,
                        "{\"A\":{\"depends\":[\"B\"],\"path\":\"src/A.purs\"},\"B\":{\"depends\":[],\"path\":\"src/B.purs\"}}");
    free(printed);
    json_decref(graph);
    write_module(work, "src/B.purs", "module where\n");
    assert_int_equal(compiler_graph(&graph, &report, &arena, &request, &err), STATUS_OK);
    assert_false(report.succeeded);
    assert_null(graph);
    assert_string_equal(report.errors[0].code, "ErrorParsingModule");
}

/* Dependencies are links to a store outside of the work folder, so the store must be readable in the sandbox. */
static void linked_sources_are_compiled(void **state) {
    (void)state;
    struct error err = {0};
    struct compiler_report report;
    const char *work = make_work_folder();
    const char *store = arena_format(&arena, "%s/store", folder.path);
    temporary_folder_write(&folder, "store/b-1.0.0/src/B.purs", "module B where\n");
    temporary_folder_link(&folder, arena_format(&arena, "%s/.registry/b-1.0.0", work),
                          arena_format(&arena, "%s/b-1.0.0", store));
    write_module(work, ".registry/a-1.0.0/src/A.purs", "module A where\nimport B\n");
    static const char *const installed[] = {".registry/*/src/**/*.purs", NULL};
    struct compiler_request request = request_for(work, current);
    request.globs = installed;
    request.readable = (const char *const[]){store, NULL};
    assert_int_equal(compiler_compile(&report, &arena, &request, &err), STATUS_OK);
    assert_true(report.succeeded);
    assert_int_equal(report.compiled_count, 2);
}

/* If bubblewrap does not work, the work folder keeps its own path. */
static void without_isolation_it_compiles_all_the_same(void **state) {
    (void)state;
    struct error err = {0};
    struct compiler_report report;
    struct sandbox open_sandbox = sandbox;
    const char *work = make_work_folder();
    struct compiler_request request = request_for(work, current);
    open_sandbox.is_isolating = false;
    request.sandbox = &open_sandbox;
    write_module(work, "src/A.purs", "module A where\n");
    assert_int_equal(compiler_compile(&report, &arena, &request, &err), STATUS_OK);
    assert_true(report.succeeded);
    struct stat information;
    assert_int_equal(stat(arena_format(&arena, "%s/output/A/externs.cbor", request.folder), &information), 0);
    assert_int_equal(information.st_uid, sandbox.user.user_id);
}

/* As a real compiler printed it: lines about progress, then the report, with fields that we do not use. */
static void a_report_among_other_lines_is_found(void **state) {
    (void)state;
    struct compiler_report report;
    struct text output = {0}, errors = {0};
    text_append(
        &output,
        "some words\n{\"not\":\"it\"}\n{\"warnings\":[{\"position\":null,\"message\":\"m\",\"errorCode\":\"UnusedImport\","
        "\"errorLink\":\"l\",\"filename\":null,\"moduleName\":null,\"suggestion\":null,\"allSpans\":[]}],\"errors\":[]}\n");
    text_append(&errors, "Compiling Data.Maybe\n[ 2 of 10] Compiling Data.Either\nnot Compiling\n");
    assert_true(compiler_report_read(&report, &arena, &output, &errors));
    assert_int_equal(report.compiled_count, 2);
    assert_int_equal(report.warning_count, 1);
    assert_null(report.warnings[0].filename);
    assert_false(report.warnings[0].has_position);
    text_clear(&output);
    assert_false(compiler_report_read(&report, &arena, &output, &errors));
    text_release(&output);
    text_release(&errors);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compilers_are_found_and_sorted),
        cmocka_unit_test(the_folders_of_a_search_path_are_looked_through),
        cmocka_unit_test(a_compiler_with_graph_is_chosen),
        cmocka_unit_test(up_to_date_modules_are_skipped),
        cmocka_unit_test(errors_come_with_their_places),
        cmocka_unit_test(each_kind_of_error_is_reported),
        cmocka_unit_test(more_errors_than_wanted_are_counted),
        cmocka_unit_test(errors_are_shown_once_at_all_places_in_the_authors_paths),
        cmocka_unit_test(as_many_errors_are_said_to_be_shown_as_are),
        cmocka_unit_test(a_file_that_the_compiler_cannot_read_is_a_final_failure),
        cmocka_unit_test(text_in_place_of_json_is_tried_three_times),
        cmocka_unit_test(why_there_is_no_answer_is_told_apart),
        cmocka_unit_test(a_compiler_that_takes_too_long_is_stopped),
        cmocka_unit_test(the_graph_names_paths_and_imports),
        cmocka_unit_test(linked_sources_are_compiled),
        cmocka_unit_test(without_isolation_it_compiles_all_the_same),
        cmocka_unit_test(a_report_among_other_lines_is_found),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
