/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One process with a build store: entries that were added are found again unchanged, and no others. (Damage:
 * test_build_store_damage.c; several at once, and limits: test_build_store_shared.c.)
 */
#include "tests/unit/tools/build_store_scene.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

static void expect_same_file(const char *folder, const char *path, const char *content) {
    char full[SCENE_PATH_MAX * 2];
    struct text text = {0};
    struct stat about;
    snprintf(full, sizeof full, "%s/output/%s", folder, path);
    assert_int_equal(file_read(full, 1000, &text, NULL), STATUS_OK);
    assert_string_equal(text_view(&text), content);
    text_release(&text);
    assert_int_equal(lstat(full, &about), 0);
    assert_int_equal(about.st_mode, S_IFREG | 0444);
    assert_int_equal(about.st_mtim.tv_sec, 0);
    assert_int_equal(about.st_mtim.tv_nsec, 0);
}

static void added_entries_are_found_unchanged(void **state) {
    (void)state;
    struct build_store *store = scene_open(SCENE_ROOMY);
    struct arena arena = {0};
    struct build_store_hold hold = {0};
    struct build_entry found;
    assert_false(build_store_find(store, scene_key(1), &arena, &hold, &found));
    struct build_entry entry = scene_entry;
    entry.warnings = "[{\"errorCode\":\"UnusedName\"}]";
    scene_add(store, scene_key(1), &entry);
    for (int round = 0; round < 2; round++) { /* the second time the entry is known to be sound */
        assert_true(build_store_find(store, scene_key(1), &arena, &hold, &found));
        assert_true(found.succeeded);
        assert_null(found.errors);
        assert_string_equal(found.warnings, entry.warnings);
        assert_int_equal(found.module_count, SCENE_MODULES);
        assert_string_equal(found.modules[0].name, "Apple.Tree");
        assert_null(found.modules[0].imports[0]);
        assert_string_equal(found.modules[1].name, "Data.Middle");
        assert_string_equal(found.modules[1].cache_entry, scene_modules[2].cache_entry);
        assert_string_equal(found.modules[2].name, "Zebra");
        assert_string_equal(found.modules[2].imports[1], "Data.Maybe");
        assert_null(found.modules[2].imports[2]);
        expect_same_file(found.folder, "Zebra/externs.cbor", "Zebra");
        expect_same_file(found.folder, "Data.Middle/index.js", "export {};\n");
        expect_same_file(found.folder, "Data.Middle/docs.json", "");
    }
    assert_false(scene_has(store, scene_key(2)));
    struct build_store_counts counts = build_store_counts(store);
    assert_int_equal(counts.found, 2);
    assert_int_equal(counts.missed, 2);
    assert_int_equal(counts.added, 1);
    assert_int_equal(counts.damaged, 0);
    build_store_let_go(store, &hold);
    arena_release(&arena);
    build_store_free(store);
}

static void folders_cannot_be_written_and_have_the_time_stamp_0(void **state) {
    (void)state;
    struct build_store *store = scene_open(SCENE_ROOMY);
    struct stat about;
    scene_add(store, scene_key(1), &scene_entry);
    static const char *const folders[] = {"output", "output/Zebra", "output/Apple.Tree"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        assert_int_equal(lstat(scene_path(scene_key(1), folders[i]), &about), 0);
        assert_int_equal(about.st_mode, S_IFDIR | 0555);
        assert_int_equal(about.st_mtim.tv_sec, 0);
    }
    assert_int_equal(lstat(scene_path(scene_key(1), "."), &about), 0);
    assert_int_equal(about.st_mode, S_IFDIR | 0755); /* its owner must be able to move it */
    build_store_free(store);
}

static void a_failure_is_kept_too(void **state) {
    (void)state;
    struct build_store *store = scene_open(SCENE_ROOMY);
    struct arena arena = {0};
    struct build_store_hold hold = {0};
    struct build_entry found;
    scene_add(store, scene_key(1), &scene_failure);
    assert_true(build_store_find(store, scene_key(1), &arena, &hold, &found));
    assert_false(found.succeeded);
    assert_null(found.folder);
    assert_int_equal(found.module_count, 0);
    assert_string_equal(found.errors, scene_failure.errors);
    build_store_let_go(store, &hold);
    arena_release(&arena);
    build_store_free(store);
}

static void an_existing_entry_stays_when_it_is_added_again(void **state) {
    (void)state;
    struct build_store *store = scene_open(SCENE_ROOMY);
    scene_add(store, scene_key(1), &scene_entry);
    int64_t bytes = build_store_counts(store).bytes;
    scene_write_module("Zebra", "another");
    scene_add(store, scene_key(1), &scene_entry);
    assert_int_equal(build_store_counts(store).added, 1);
    assert_int_equal(build_store_counts(store).bytes, bytes);
    char *kept = temporary_folder_read(&scene, scene_path(scene_key(1), "output/Zebra/externs.cbor") + strlen(scene.path) + 1);
    assert_string_equal(kept, "Zebra");
    free(kept);
    assert_int_equal(scene_count_leftovers(), 0);
    build_store_free(store);
}

static void removed_items_are_not_found(void **state) {
    (void)state;
    struct build_store *store = scene_open(SCENE_ROOMY);
    struct arena arena = {0};
    struct build_store_hold hold = {0};
    struct build_entry found;
    scene_add(store, scene_key(1), &scene_entry);
    assert_true(build_store_find(store, scene_key(1), &arena, &hold, &found));
    build_store_remove(store, scene_key(1)); /* held or not */
    build_store_remove(store, scene_key(2));
    build_store_let_go(store, &hold);
    assert_false(scene_has(store, scene_key(1)));
    assert_int_equal(build_store_counts(store).bytes, 0);
    assert_int_equal(build_store_counts(store).damaged, 0);
    assert_int_equal(scene_count_leftovers(), 0);
    arena_release(&arena);
    build_store_free(store);
}

static void entries_outlive_the_store_that_made_them(void **state) {
    (void)state;
    struct build_store *store = scene_open(SCENE_ROOMY);
    scene_add(store, scene_key(1), &scene_entry);
    scene_add(store, scene_key(2), &scene_failure);
    int64_t bytes = build_store_counts(store).bytes;
    build_store_free(store);
    store = scene_open(SCENE_ROOMY);
    assert_true(bytes > 0);
    assert_int_equal(build_store_counts(store).bytes, bytes);
    assert_true(scene_has(store, scene_key(1)));
    assert_true(scene_has(store, scene_key(2)));
    build_store_free(store);
}

/* The reported size is the one on the disk. A folder counts as 4 KiB, which is right on ext4 but not in tmpfs. */
static void the_count_is_what_the_disk_says(void **state) {
    (void)state;
    struct build_store *store = scene_open(SCENE_ROOMY);
    char *large = memory_alloc(100001);
    memset(large, 'x', 100000);
    scene_write_module("Zebra", large);
    scene_add(store, scene_key(1), &scene_entry);
    char command[SCENE_PATH_MAX + 128];
    long long kib = 0;
    snprintf(command, sizeof command, "find %s -type d -printf '4\\n' -o -printf '%%k\\n' | awk '{sum += $1} END {print sum}'",
             scene_path(scene_key(1), "."));
    sync(); /* blocks are allocated only then */
    FILE *disk = popen(command, "r");
    assert_int_equal(fscanf(disk, "%lld", &kib), 1);
    pclose(disk);
    int64_t counted = build_store_counts(store).bytes;
    assert_true(llabs(counted - kib * 1024) <= 8192);
    free(large);
    build_store_free(store);
}

/* ---- Refusals ---- */

static void expect_refused(enum status wanted, const char *part) {
    struct build_store *store = scene_open(SCENE_ROOMY);
    struct error err = {0};
    assert_int_equal(build_store_add(store, scene_key(1), &scene_entry, &err), wanted);
    if (!strstr(err.message, part)) fail_msg("\"%s\" is not in: %s", part, err.message);
    assert_false(scene_has(store, scene_key(1)));
    assert_int_equal(scene_count_leftovers(), 0);
    assert_int_equal(build_store_counts(store).bytes, 0);
    build_store_free(store);
}

static void links_are_refused(void **state) {
    (void)state;
    temporary_folder_link(&scene, "job/output/Zebra/foreign.js", "/etc/hostname");
    expect_refused(STATUS_REFUSED, "foreign.js");
}

static void a_second_name_of_another_file_is_refused(void **state) {
    (void)state;
    char target[SCENE_PATH_MAX + 32], secret[SCENE_PATH_MAX + 32];
    temporary_folder_write(&scene, "secret", "secret");
    snprintf(secret, sizeof secret, "%s/secret", scene.path);
    snprintf(target, sizeof target, "%s/output/Zebra/foreign.js", scene_job);
    assert_int_equal(link(secret, target), 0);
    expect_refused(STATUS_REFUSED, "foreign.js");
}

static void a_linked_module_is_refused(void **state) {
    (void)state;
    char path[SCENE_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/output/Zebra", scene_job);
    folder_remove(path);
    temporary_folder_link(&scene, "job/output/Zebra", "Apple.Tree");
    expect_refused(STATUS_REFUSED, "Zebra");
}

static void a_linked_output_is_refused(void **state) {
    (void)state;
    char path[SCENE_PATH_MAX + 32], other[SCENE_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/output", scene_job);
    snprintf(other, sizeof other, "%s/elsewhere", scene_job);
    assert_int_equal(rename(path, other), 0);
    temporary_folder_link(&scene, "job/output", "elsewhere");
    expect_refused(STATUS_REFUSED, "output");
}

static void pipes_and_folders_among_the_files_are_refused(void **state) {
    (void)state;
    char path[SCENE_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/output/Zebra/pipe", scene_job);
    assert_int_equal(mkfifo(path, 0666), 0);
    expect_refused(STATUS_REFUSED, "pipe");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0777), 0);
    expect_refused(STATUS_REFUSED, "pipe");
}

static void a_module_that_was_not_compiled_is_refused(void **state) {
    (void)state;
    char path[SCENE_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/output/Data.Middle", scene_job);
    folder_remove(path);
    expect_refused(STATUS_REFUSED, "Data.Middle");
}

static void a_module_name_that_leads_elsewhere_is_refused(void **state) {
    (void)state;
    static const char *const names[] = {"..", ".", "", "a/b", "/etc"};
    struct build_store *store = scene_open(SCENE_ROOMY);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct built_module module = {names[i], scene_imports, "{}"};
        const struct build_entry entry = {.succeeded = true, .folder = scene_job, .modules = &module, .module_count = 1};
        assert_int_equal(build_store_add(store, scene_key(1), &entry, NULL), STATUS_REFUSED);
    }
    build_store_free(store);
}

/* ---- Trouble ---- */

static void without_file_descriptors_nothing_is_thrown_away(void **state) {
    (void)state;
    enum { FILES_MAX = 100 };
    int files[FILES_MAX];
    struct rlimit before, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = (struct rlimit){FILES_MAX, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    struct build_store *store = scene_open(SCENE_ROOMY);
    scene_add(store, scene_key(1), &scene_entry);
    for (int spare = 0; spare < 4; spare++) {
        int count = 0;
        while (count < FILES_MAX && (files[count] = dup(0)) >= 0)
            count++;
        assert_true(count < FILES_MAX);
        for (int i = 0; i < spare; i++)
            close(files[--count]);
        assert_false(scene_has(store, scene_key(1)));
        while (count > 0)
            close(files[--count]);
    }
    assert_int_equal(build_store_counts(store).damaged, 0);
    assert_true(scene_has(store, scene_key(1)));
    build_store_free(store);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void a_folder_that_cannot_be_made_is_an_error(void **state) {
    (void)state;
    struct build_store *store = NULL;
    struct error err = {0};
    char path[SCENE_PATH_MAX + 16];
    temporary_folder_write(&scene, "file", "");
    snprintf(path, sizeof path, "%s/file/store", scene.path);
    assert_int_equal(build_store_open(&store, path, 1000, &err), STATUS_INTERNAL);
    assert_null(store);
    assert_non_null(strstr(err.message, path));
    build_store_free(NULL);
}

#define SCENE_TEST(test) cmocka_unit_test_setup_teardown(test, scene_begin, scene_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        SCENE_TEST(added_entries_are_found_unchanged),
        SCENE_TEST(folders_cannot_be_written_and_have_the_time_stamp_0),
        SCENE_TEST(a_failure_is_kept_too),
        SCENE_TEST(an_existing_entry_stays_when_it_is_added_again),
        SCENE_TEST(removed_items_are_not_found),
        SCENE_TEST(entries_outlive_the_store_that_made_them),
        SCENE_TEST(the_count_is_what_the_disk_says),
        SCENE_TEST(links_are_refused),
        SCENE_TEST(a_second_name_of_another_file_is_refused),
        SCENE_TEST(a_linked_module_is_refused),
        SCENE_TEST(a_linked_output_is_refused),
        SCENE_TEST(pipes_and_folders_among_the_files_are_refused),
        SCENE_TEST(a_module_that_was_not_compiled_is_refused),
        SCENE_TEST(a_module_name_that_leads_elsewhere_is_refused),
        SCENE_TEST(without_file_descriptors_nothing_is_thrown_away),
        SCENE_TEST(a_folder_that_cannot_be_made_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
