/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The texts are recognised by the real licensee if it is installed; tests/unit/tools/test_licensee.c tests how it is run.
 */
#include "tests/support/cmocka_all.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/deadline.h"
#include "lib/base/folder.h"
#include "lib/base/text.h"
#include "lib/source/license_check.h"
#include "lib/source/package_files.h"
#include "lib/tools/licensee.h"
#include "lib/tools/sandbox/sandbox.h"
#include "tests/support/temporary_folder.h"

enum { DETECTOR_MS = 20000 };

static struct sandbox sandbox;
static struct licensee *installed, *missing;
static struct deadline deadline;
static struct arena arena;
static int64_t limit_ms = DETECTOR_MS;

static int set_up(void **state) {
    (void)state;
    struct error err;
    deadline_start(&deadline, 100000);
    assert_int_equal(sandbox_init(&sandbox, "nobody", &deadline, &err), STATUS_OK);
    installed = licensee_create(getenv("PATH"), &sandbox);
    missing = licensee_create("/nowhere", &sandbox);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    licensee_free(installed);
    licensee_free(missing);
    arena_release(&arena);
    return 0;
}

struct file {
    const char *name, *content;
    size_t length; /* 0: up to the NUL */
};

/* The check's result for a manifest's license and these files; warnings in `warnings`. */
static enum status check_files(struct licensee *licensee, const struct file *files, size_t count, const char *expression,
                               struct license_warnings *warnings, struct error *err) {
    struct temporary_folder folder;
    const char *paths[8];
    temporary_folder_make(&folder);
    for (size_t i = 0; i < count; i++) {
        size_t length = files[i].length ? files[i].length : strlen(files[i].content);
        temporary_folder_write(&folder, files[i].name, "");
        paths[i] = files[i].name;
        assert_int_equal(file_write(arena_format(&arena, "%s/%s", folder.path, paths[i]), files[i].content, length, err),
                         STATUS_OK);
    }
    struct package_files package = {.paths = paths, .count = count};
    const struct license_check check = {.folder = folder.path,
                                        .files = &package,
                                        .expression = expression,
                                        .licensee = licensee,
                                        .work_folder = arena_format(&arena, "%s/license", folder.path),
                                        .limit_ms = limit_ms};
    *warnings = (struct license_warnings){0};
    enum status status = license_check_fields(&check, &arena, err);
    if (!status) status = license_check_texts(&check, warnings, &arena, &deadline, err);
    temporary_folder_remove(&folder);
    return status;
}

static enum status check_with(struct licensee *licensee, const char *name, const char *content, const char *expression,
                              const char **warning, struct error *err) {
    struct license_warnings warnings;
    enum status status = check_files(licensee, &(struct file){name, content, 0}, name ? 1 : 0, expression, &warnings, err);
    *warning = warnings.items[0];
    return status;
}

/* The same with the installed detector, which must not leave out any file. */
static enum status check(const char *file, const char *content, const char *expression, struct error *err) {
    const char *warning = NULL;
    enum status status = check_with(installed, file, content, expression, &warning, err);
    assert_null(warning);
    return status;
}

/* ---- Fields ---- */

static void agreeing_and_unreadable_licenses_pass(void **state) {
    (void)state;
    struct error err;
    static const char *const fine[] = {
        "{\"license\":\"MIT\"}",
        "{\"license\":\"mit\"}",
        "{\"license\":[\"MIT\"]}",
        "{\"license\":{\"type\":\"MIT\"}}",
        "{\"licenses\":[{\"type\":\"MIT\"}]}",
        "{\"license\":\"SEE LICENSE IN LICENSE.txt\"}",
        "{\"license\":7}",
        "{}",
        "no json",
        "\xEF\xBB\xBF{\"license\":\"MIT\"}",
        "{\"license\":\"MIT And MIT\"}",
    };
    assert_int_equal(check(NULL, NULL, "MIT", &err), STATUS_OK);
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++) {
        assert_int_equal(check("package.json", fine[i], "MIT OR Apache-2.0", &err), STATUS_OK);
        assert_int_equal(check("bower.json", fine[i], "MIT", &err), STATUS_OK);
    }
    assert_int_equal(check("package.json", "{\"license\":\"GPL-3.0\"}", "GPL-3.0-or-later", &err), STATUS_OK);
}

static void a_license_that_the_manifest_lacks_is_refused_by_name(void **state) {
    (void)state;
    struct error err;
    static const char *const bad[] = {
        "{\"license\":\"BSD-3-Clause\"}",         "{\"license\":[\"MIT\",\"BSD-3-Clause\"]}",
        "{\"license\":\"MIT AND BSD-3-Clause\"}", "{\"licenses\":[{\"type\":\"BSD-3-Clause\"}]}",
        "{\"license\":\"MIT And BSD-3-Clause\"}", "\xEF\xBB\xBF{\"license\":\"BSD-3-Clause\"}", /* despite the mark */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(check("package.json", bad[i], "MIT", &err), STATUS_REFUSED);
        assert_string_equal(err.path, "license");
        assert_non_null(strstr(err.message, "package.json"));
        assert_non_null(strstr(err.message, "BSD-3-Clause"));
    }
}

static void files_below_the_root_are_not_checked(void **state) {
    (void)state;
    struct error err;
    assert_int_equal(check("src/package.json", "{\"license\":\"BSD-3-Clause\"}", "MIT", &err), STATUS_OK);
    const char *warning = NULL; /* no warning about a missing licensee */
    assert_int_equal(check_with(missing, "src/LICENSE", "MIT License\n", "MIT", &warning, &err), STATUS_OK);
    assert_null(warning);
}

/* ---- Texts ---- */

static char *read_text(const char *path) {
    struct text bytes = {0};
    struct error err;
    if (file_read(path, 1 << 20, &bytes, &err)) fail_msg("%s", err.message);
    char *copy = arena_copy(&arena, text_view(&bytes));
    text_release(&bytes);
    return copy;
}

static void a_recognised_text_must_be_the_manifests_license(void **state) {
    (void)state;
    struct error err;
    if (!licensee_is_installed(installed)) skip();
    const char *bsd = read_text(SOURCE_DIR "/LICENSE");
    static const char *const names[] = {"LICENSE", "LICENCE", "license.md", "License.txt", "LICENSE-BSD"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(check(names[i], bsd, "BSD-3-Clause", &err), STATUS_OK);
        assert_int_equal(check(names[i], bsd, "MIT OR bsd-3-clause", &err), STATUS_OK); /* it is ignored */
        assert_int_equal(check(names[i], bsd, "MIT", &err), STATUS_REFUSED);
        assert_string_equal(err.path, "license");
        assert_non_null(strstr(err.message, names[i]));
        assert_non_null(strstr(err.message, "BSD-3-Clause"));
        assert_non_null(strstr(err.message, "\"MIT\""));
    }
    assert_int_equal(check("COPYING", bsd, "MIT", &err), STATUS_OK);
    assert_int_equal(check("LICENSE", "Do as you please.\n", "MIT", &err), STATUS_OK);
    assert_int_equal(check("LICENSE", "", "MIT", &err), STATUS_OK);
}

static void a_text_of_the_gpl_agrees_with_only_and_or_later(void **state) {
    (void)state;
    struct error err;
    static const char gpl[] = "/usr/share/common-licenses/GPL-3";
    struct text bytes = {0};
    bool is_there = !file_read(gpl, 1 << 20, &bytes, &err);
    text_release(&bytes);
    if (!licensee_is_installed(installed) || !is_there) skip();
    assert_int_equal(check("LICENSE", read_text(gpl), "GPL-3.0-only", &err), STATUS_OK);
    assert_int_equal(check("LICENSE", read_text(gpl), "GPL-3.0-or-later", &err), STATUS_OK);
    assert_int_equal(check("LICENSE", read_text(gpl), "GPL-3.0-or-later WITH Classpath-exception-2.0", &err), STATUS_OK);
    assert_int_equal(check("LICENSE", read_text(gpl), "GPL-2.0-or-later", &err), STATUS_REFUSED);
    assert_non_null(strstr(err.message, "GPL-3.0-only"));
}

/* ---- Encodings ---- */

/* The text as UTF-16, with a byte order mark. */
static struct file as_utf_16(const char *name, const char *text, bool is_big, bool has_mark) {
    size_t length = strlen(text), used = 0;
    char *bytes = arena_alloc(&arena, 2 * length + 2);
    if (has_mark) used = 2, memcpy(bytes, is_big ? "\xFE\xFF" : "\xFF\xFE", 2);
    for (size_t i = 0; i < length; i++, used += 2)
        bytes[used + is_big] = text[i];
    return (struct file){name, bytes, used};
}

/* Each such text is unreadable for the detector as it is, or breaks its answer for all files. */
static void a_text_in_another_encoding_is_read(void **state) {
    (void)state;
    struct error err;
    struct license_warnings warnings;
    if (!licensee_is_installed(installed)) skip();
    const char *bsd = read_text(SOURCE_DIR "/LICENSE");
    const char *terms = strchr(strstr(bsd, "Copyright"), '\n');
    const struct file files[] = {
        {"LICENSE", arena_format(&arena, "\xEF\xBB\xBF%s", bsd), 0},
        as_utf_16("LICENSE", bsd, false, true),
        as_utf_16("LICENSE", bsd, true, true),
        as_utf_16("LICENSE", bsd, false, false),
        as_utf_16("LICENSE", bsd, true, false),
        {"LICENSE", arena_format(&arena, "BSD 3-Clause License\n\nCopyright \xA9 2020, J\xFCrgen M\xFCller\n%s", terms),
         0}, /* ISO 8859-1 */
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        assert_int_equal(check_files(installed, &files[i], 1, "BSD-3-Clause", &warnings, &err), STATUS_OK);
        assert_int_equal(warnings.count, 0);
        if (!check_files(installed, &files[i], 1, "MIT", &warnings, &err)) fail_msg("text %zu was not recognised", i);
        assert_int_equal(err.status, STATUS_REFUSED);
    }
}

static void expect_warning(const struct license_warnings *warnings, size_t index, const char *file, const char *words) {
    assert_true(index < warnings->count);
    if (!strstr(warnings->items[index], file) || !strstr(warnings->items[index], words)) fail_msg("%s", warnings->items[index]);
}

static void a_file_that_is_no_text_is_left_out_by_name_and_the_others_are_compared(void **state) {
    (void)state;
    struct error err;
    struct license_warnings warnings;
    if (!licensee_is_installed(installed)) skip();
    char *large = arena_alloc(&arena, 300000);
    memset(large, 'x', 299999);
    const struct file files[] = {{"LICENSE", read_text(SOURCE_DIR "/LICENSE"), 0},
                                 {"LICENSE-BINARY", "\x01\x00\x00\x02\x00gzip\x00", 10},
                                 {"LICENSE-LARGE", large, 0}};
    assert_int_equal(check_files(installed, files, 3, "BSD-3-Clause", &warnings, &err), STATUS_OK);
    assert_int_equal(warnings.count, 2);
    expect_warning(&warnings, 0, "LICENSE-BINARY", "it is not text");
    expect_warning(&warnings, 1, "LICENSE-LARGE", "too large for a license");
    assert_int_equal(check_files(installed, files, 3, "MIT", &warnings, &err), STATUS_REFUSED);
}

/* A detector that breaks at one of the files. */
static void a_file_at_which_the_detector_fails_is_left_out_by_name_and_the_others_are_compared(void **state) {
    (void)state;
    struct error err;
    struct license_warnings warnings;
    struct temporary_folder folder;
    temporary_folder_make(&folder);
    temporary_folder_write(
        &folder, "licensee",
        "#!/bin/sh\nif grep -qs poison LICENSE*; then echo 'It broke.' >&2; exit 1; fi\n"
        "for file in LICENSE*; do list=\"$list${list:+,}{\\\"filename\\\":\\\"$file\\\",\\\"matched_license\\\":"
        "\\\"MIT\\\"}\"; done\necho \"{\\\"matched_files\\\":[$list]}\"\n");
    assert_int_equal(chmod(arena_format(&arena, "%s/licensee", folder.path), 0755), 0);
    struct licensee *breaking = licensee_create(folder.path, &sandbox);
    const struct file files[] = {{"LICENSE", "one", 0}, {"LICENSE-BAD", "poison", 0}, {"LICENSE-OTHER", "two", 0}};
    assert_int_equal(check_files(breaking, files, 3, "MIT", &warnings, &err), STATUS_OK);
    assert_int_equal(warnings.count, 1);
    expect_warning(&warnings, 0, "The text of the file LICENSE-BAD was not compared", "It broke.");
    assert_int_equal(check_files(breaking, files, 3, "ISC", &warnings, &err), STATUS_REFUSED);
    assert_int_equal(check_files(breaking, &files[1], 1, "ISC", &warnings, &err), STATUS_OK);
    expect_warning(&warnings, 0, "LICENSE-BAD", "It broke.");
    licensee_free(breaking);
    temporary_folder_remove(&folder);
}

/* A detector that never ends if one of the files contains "slow". */
static struct licensee *make_slow(struct temporary_folder *folder) {
    temporary_folder_make(folder);
    temporary_folder_write(folder, "licensee",
                           "#!/bin/sh\nif grep -qs slow LICENSE*; then exec sleep 600; fi\n"
                           "echo '{\"matched_files\":[{\"filename\":\"LICENSE\",\"matched_license\":\"MIT\"}]}'\n");
    assert_int_equal(chmod(arena_format(&arena, "%s/licensee", folder->path), 0755), 0);
    return licensee_create(folder->path, &sandbox);
}

/* Each run used to have the whole limit for itself. */
static void all_texts_together_have_one_limit_and_each_its_share(void **state) {
    (void)state;
    enum { LIMIT_MS = 12000 };
    struct error err;
    struct license_warnings warnings;
    struct temporary_folder folder;
    struct licensee *slow = make_slow(&folder);
    const struct file files[] = {{"LICENSE-1", "slow 1", 0}, {"LICENSE-2", "slow 2", 0}, {"LICENSE", "quick", 0}};
    int64_t began_ms = clock_monotonic_ms();
    limit_ms = LIMIT_MS;
    assert_int_equal(check_files(slow, files, 3, "ISC", &warnings, &err), STATUS_REFUSED);
    limit_ms = DETECTOR_MS;
    assert_true(clock_monotonic_ms() - began_ms >= LIMIT_MS / 2);
    assert_int_equal(warnings.count, 2);
    expect_warning(&warnings, 0, "LICENSE-1", "The license detector took too long");
    expect_warning(&warnings, 1, "LICENSE-2", "The license detector took too long");
    licensee_free(slow);
    temporary_folder_remove(&folder);
}

static void *raise_soon(void *flag) {
    usleep(300000);
    deadline_cancel(flag, STATUS_CANCELLED);
    return NULL;
}

/* The flag used to be checked only after the detector had ended by itself. */
static void a_raised_flag_ends_the_detector(void **state) {
    (void)state;
    enum { LIMIT_MS = 300000, PATIENCE_MS = 120000 };
    struct error err;
    struct license_warnings warnings;
    struct temporary_folder folder;
    struct licensee *slow = make_slow(&folder);
    pthread_t thread;
    limit_ms = LIMIT_MS;
    int64_t began_ms = clock_monotonic_ms();
    assert_int_equal(pthread_create(&thread, NULL, raise_soon, &deadline), 0);
    assert_int_equal(check_files(slow, &(struct file){"LICENSE", "slow", 0}, 1, "MIT", &warnings, &err), STATUS_CANCELLED);
    assert_in_range(clock_monotonic_ms() - began_ms, 0, PATIENCE_MS);
    limit_ms = DETECTOR_MS;
    assert_int_equal(pthread_join(thread, NULL), 0);
    deadline_start(&deadline, INT64_MAX);
    licensee_free(slow);
    temporary_folder_remove(&folder);
}

static void without_licensee_the_texts_are_passed_over_with_a_warning(void **state) {
    (void)state;
    struct error err;
    const char *warning = NULL;
    assert_int_equal(check_with(missing, "LICENSE", read_text(SOURCE_DIR "/LICENSE"), "MIT", &warning, &err), STATUS_OK);
    assert_non_null(warning);
    assert_non_null(strstr(warning, "Licensee is not installed"));
    assert_int_equal(check_with(missing, "package.json", "{\"license\":\"ISC\"}", "MIT", &warning, &err), STATUS_REFUSED);
    assert_null(warning);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agreeing_and_unreadable_licenses_pass),
        cmocka_unit_test(a_license_that_the_manifest_lacks_is_refused_by_name),
        cmocka_unit_test(files_below_the_root_are_not_checked),
        cmocka_unit_test(a_recognised_text_must_be_the_manifests_license),
        cmocka_unit_test(a_text_of_the_gpl_agrees_with_only_and_or_later),
        cmocka_unit_test(a_text_in_another_encoding_is_read),
        cmocka_unit_test(a_file_that_is_no_text_is_left_out_by_name_and_the_others_are_compared),
        cmocka_unit_test(a_file_at_which_the_detector_fails_is_left_out_by_name_and_the_others_are_compared),
        cmocka_unit_test(all_texts_together_have_one_limit_and_each_its_share),
        cmocka_unit_test(a_raised_flag_ends_the_detector),
        cmocka_unit_test(without_licensee_the_texts_are_passed_over_with_a_warning),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
