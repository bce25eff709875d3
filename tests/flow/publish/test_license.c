/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The license files of a package and its manifest, through the whole server: with the installed licensee, without it, and with
 * a broken one (lib/domain/README.md, Publish, step 4).
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/refusal.h"
#include "tests/support/registry_check.h"
#include "tests/support/shell.h"

#define LICENSE_FILES "/usr/share/common-licenses"
/* The warning's beginning. (Without a sandbox each job has another warning, too.) */
#define NOT_COMPARED "WARN The text of the file LICENSE was not compared with the manifest's \"license\": "

static void expect_in(const char *text, const char *words) {
    if (strstr(text, words) == NULL) fail_msg("no \"%s\" in:\n%s", words, text);
}

static const char *publish_and_read_log(struct server *server, const struct package *package) {
    json_t *job = server_wait_for_job(server, server_post_package(server, package));
    const char *log = server_log_text(server, job);
    if (!json_is_true(json_object_get(job, "success"))) fail_msg("%s", log);
    json_decref(job);
    return log;
}

/* The message of /readyz about licenses: the check must be fine in any case. */
static const char *readiness(struct server *server) {
    struct http_response response = {0};
    server_call(server, "GET", "/readyz", NULL, &response);
    assert_int_equal(response.status, 200);
    const char *at = strstr(text_view(&response.body), "{\"check\":\"licenses\",\"ok\":true");
    if (at == NULL) fail_msg("%s", text_view(&response.body));
    const char *check = arena_copy_bytes(&server->arena, at, strcspn(at, "}"));
    http_response_release(&response);
    return check;
}

static void a_text_of_another_license_is_refused(void **state) {
    (void)state;
    if (system("command -v licensee >/dev/null") != 0) skip();
    struct server *server = server_start(NULL);
    char *ours = read_file(&server->arena, SOURCE_DIR "/LICENSE"), *gpl = read_file(&server->arena, LICENSE_FILES "/GPL-3");
    const struct package good = {"licensed", "1.0.0",
                                 .files = {{"LICENSE", ours}, {"package.json", "{\"license\": \"BSD-3-Clause\"}"}}};
    const char *log = publish_and_read_log(server, &good);
    assert_null(strstr(log, NOT_COMPARED));
    const struct refusal refusals[] = {
        {.package = {"relicensed", "1.0.0", .files = {{"LICENSE", gpl}}},
         .sentence = "The text in the file LICENSE is the license GPL-3.0, but the manifest's \"license\" is \"BSD-3-Clause\", "
                     "which does not include GPL-3.0-only. Make the two agree."},
        {.package = {"twice-licensed", "1.0.0", .files = {{"LICENSE", ours}, {"LICENCE-GPL.txt", gpl}}},
         .words = {"LICENCE-GPL.txt", "GPL-3.0-only"}},
        {.package = {"miswritten", "1.0.0",
                     .files = {{"LICENSE", ours}, {"bower.json", "{\"license\": [\"BSD-3-Clause\", \"MIT\"]}"}}},
         .words = {"bower.json", "MIT"}},
    };
    if (gpl == NULL) print_message("there is no text of the GPL here: only one refusal is tested\n");
    for (size_t i = gpl == NULL ? 2 : 0; i < sizeof refusals / sizeof refusals[0]; i++)
        refusal_expect(server, &refusals[i]);
    assert_null(strstr(readiness(server), "message"));
    registry_expect_consistency(server);
    server_stop(server);
}

static void without_licensee_there_is_a_warning(void **state) {
    (void)state;
    const char *const settings[] = {"PATH=/nowhere", NULL};
    struct server *server = server_start(&(struct server_options){.settings = settings});
    const struct package package = {"unread", "1.0.0", .pragma = NULL};
    const struct package no_text = {"textless", "1.0.0", .files = {{"LICENSE", NULL}}};
    expect_in(publish_and_read_log(server, &package), NOT_COMPARED "Licensee is not installed.");
    assert_null(strstr(publish_and_read_log(server, &no_text), NOT_COMPARED));
    expect_in(readiness(server), "install ruby-licensee");
    registry_expect_consistency(server);
    server_stop(server);
}

static void a_licensee_that_fails_is_a_warning(void **state) {
    (void)state;
    char folder[] = "/tmp/registry-flow-licensee-XXXXXX";
    assert_non_null(mkdtemp(folder));
    struct arena arena = {0};
    write_file(arena_format(&arena, "%s/licensee", folder), "#!/bin/sh\necho 'It is broken.' >&2\nexit 1\n");
    shell_run("chmod -R 755 '%s'", folder);
    const char *const settings[] = {arena_format(&arena, "PATH=%s:/usr/bin:/bin", folder), NULL};
    struct server *server = server_start(&(struct server_options){.settings = settings});
    const struct package package = {"misread", "1.0.0", .pragma = NULL};
    expect_in(publish_and_read_log(server, &package), NOT_COMPARED "Licensee ended with exit status 1: It is broken.");
    refusal_expect_no_work(server);
    registry_expect_consistency(server);
    server_stop(server);
    shell_run("rm -r '%s'", folder);
    arena_release(&arena);
}

/* The duration of a step, from the timings in the job's log. */
static double step_ms(const char *log, const char *step) {
    const char *timings = strstr(log, "Timings:"), *at = timings ? strstr(timings, step) : NULL;
    if (!at) fail_msg("no \"%s\" in:\n%s", step, log);
    return strtod(at + strlen(step), NULL);
}

static bool has_compiled(void *context) {
    struct server *server = context;
    const char *log = read_file(&server->arena, arena_format(&server->arena, "%s/publish.log", server->folder));
    return strstr(log, "event=fault_point_held name=compile") != NULL;
}

/* The detector runs until the compiler has ended, so the test would hang if they ran one after the other. */
static void the_detector_runs_beside_the_compiler_and_its_time_is_in_the_log(void **state) {
    (void)state;
    char folder[] = "/tmp/registry-flow-licensee-XXXXXX";
    assert_non_null(mkdtemp(folder));
    struct arena arena = {0};
    const char *hold = arena_format(&arena, "%s/hold", folder);
    write_file(arena_format(&arena, "%s/licensee", folder), arena_format(&arena,
                                                                         "#!/bin/sh\nwhile [ -e '%s' ]; do sleep 0.05; done\n"
                                                                         "echo '{\"matched_files\": []}'\n",
                                                                         hold));
    write_file(hold, "");
    shell_run("chmod -R 755 '%s'", folder);
    const char *const settings[] = {arena_format(&arena, "PATH=%s:/usr/bin:/bin", folder),
                                    arena_format(&arena, "REGISTRY_HOLD=compile=%s", hold), NULL};
    struct server *server = server_start(&(struct server_options){.settings = settings});
    const struct package package = {"parallel", "1.0.0", .pragma = NULL};
    const char *id = server_post_package(server, &package);
    if (!wait_until(has_compiled, server, PATIENCE_MS)) fail_msg("the compiler does not end while the detector runs");
    assert_int_equal(unlink(hold), 0);
    json_t *job = server_wait_for_job(server, id);
    const char *log = server_log_text(server, job);
    if (!json_is_true(json_object_get(job, "success"))) fail_msg("%s", log);
    double steps_ms = step_ms(log, " pack=") + step_ms(log, " install=");
    long long detector_ms = 0;
    const char *words = strstr(log, "the license detector ran for ");
    assert_non_null(words);
    assert_int_equal(sscanf(words, "the license detector ran for %lld ms", &detector_ms), 1);
    assert_true((double)detector_ms + 1 >= steps_ms); /* it began before these, and ended after them */
    json_decref(job);

    /* A job that fails before the detector has ended does not wait for it, and does not log its time. */
    write_file(hold, "");
    const struct refusal broken = {.package = {"hasty", "1.0.0", .files = {{"src/Main.purs", "module Main where\n"}}},
                                   .words = {"a module called Main"},
                                   .words_above = {"ms; the compiler ran for 0 ms."}};
    refusal_expect(server, &broken);
    registry_expect_consistency(server);
    server_stop(server);
    shell_run("rm -r '%s'", folder);
    arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_of_another_license_is_refused),
        cmocka_unit_test(without_licensee_there_is_a_warning),
        cmocka_unit_test(a_licensee_that_fails_is_a_warning),
    };
    const struct CMUnitTest held[] = {
        cmocka_unit_test(the_detector_runs_beside_the_compiler_and_its_time_is_in_the_log),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + run_fault_tests(held, NULL, NULL);
}
