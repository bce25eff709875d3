/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Damaged entries of a build store: each kind of damage is noticed when the entry is looked up, and the entry is removed.
 */
#include "tests/unit/tools/build_store_scene.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "lib/base/clock.h"

static void write_over(const char *path, const char *content) {
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fputs(content, file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
}

static void restore_time(const char *path) {
    assert_int_equal(utimensat(AT_FDCWD, path, (const struct timespec[2]){{0}, {0}}, AT_SYMLINK_NOFOLLOW), 0);
}

static void flip_content_and_restore_the_time(const char *key) {
    const char *path = scene_path(key, "output/Zebra/externs.cbor");
    assert_int_equal(chmod(path, 0644), 0);
    write_over(path, "Zebrb");
    assert_int_equal(chmod(path, 0444), 0);
    restore_time(path);
}

static void cut_a_file(const char *key) {
    const char *path = scene_path(key, "output/Apple.Tree/index.js");
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(truncate(path, 3), 0);
    assert_int_equal(chmod(path, 0444), 0);
    restore_time(path);
}

static void add_a_file(const char *key) {
    const char *folder = scene_path(key, "output/Zebra"), *path = scene_path(key, "output/Zebra/foreign.js");
    assert_int_equal(chmod(folder, 0755), 0);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(chmod(path, 0444), 0);
    assert_int_equal(chmod(folder, 0555), 0);
    restore_time(path);
    restore_time(folder);
}

static void add_a_file_to_the_entry(const char *key) {
    FILE *file = fopen(scene_path(key, "more"), "w");
    assert_non_null(file);
    fclose(file);
}

static void remove_a_file(const char *key) {
    const char *folder = scene_path(key, "output/Zebra");
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(unlink(scene_path(key, "output/Zebra/docs.json")), 0);
    assert_int_equal(chmod(folder, 0555), 0);
    restore_time(folder);
}

static void remove_a_module(const char *key) {
    const char *output = scene_path(key, "output");
    assert_int_equal(chmod(output, 0755), 0);
    scene_remove(scene_path(key, "output/Data.Middle"));
    assert_int_equal(chmod(output, 0555), 0);
    restore_time(output);
}

static void add_a_module(const char *key) {
    const char *output = scene_path(key, "output");
    assert_int_equal(chmod(output, 0755), 0);
    assert_int_equal(mkdir(scene_path(key, "output/Main"), 0555), 0);
    assert_int_equal(chmod(output, 0555), 0);
    restore_time(scene_path(key, "output/Main"));
    restore_time(output);
}

static void edit_the_record(const char *key) {
    const char *path = scene_path(key, "entry.json");
    struct text text = {0};
    assert_int_equal(file_read(path, 100000, &text, NULL), STATUS_OK);
    char *name = strstr(text.bytes, "Data.Maybe");
    assert_non_null(name);
    name[5] = 'B';
    assert_int_equal(chmod(path, 0644), 0);
    write_over(path, text.bytes);
    assert_int_equal(chmod(path, 0444), 0);
    restore_time(path);
    text_release(&text);
}

static void empty_the_record(const char *key) {
    const char *path = scene_path(key, "entry.json");
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(chmod(path, 0444), 0);
}

static void remove_the_record(const char *key) {
    assert_int_equal(unlink(scene_path(key, "entry.json")), 0);
}

/* The link's target has the right content. */
static void plant_a_link(const char *key) {
    const char *folder = scene_path(key, "output/Zebra"), *path = scene_path(key, "output/Zebra/index.js");
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("../Apple.Tree/index.js", path), 0);
    assert_int_equal(chmod(folder, 0555), 0);
    restore_time(path);
    restore_time(folder);
}

static void plant_a_linked_module(const char *key) {
    const char *output = scene_path(key, "output"), *path = scene_path(key, "output/Zebra"), *aside = scene_path(key, "aside");
    assert_int_equal(chmod(output, 0755), 0);
    assert_int_equal(chmod(path, 0755), 0);
    assert_int_equal(rename(path, aside), 0);
    assert_int_equal(symlink("../aside", path), 0);
    assert_int_equal(chmod(aside, 0555), 0);
    assert_int_equal(chmod(output, 0555), 0);
}

static void let_others_write(const char *key) {
    assert_int_equal(chmod(scene_path(key, "output/Zebra/index.js"), 0666), 0);
}

static void let_others_add(const char *key) {
    assert_int_equal(chmod(scene_path(key, "output/Zebra"), 0777), 0);
}

static void move_a_time_stamp(const char *key) {
    const struct timespec times[2] = {{0}, {.tv_nsec = 1}};
    assert_int_equal(utimensat(AT_FDCWD, scene_path(key, "output/Zebra/externs.cbor"), times, 0), 0);
}

static void empty_the_size(const char *key) {
    const char *path = scene_path(key, "used");
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(chmod(path, 0444), 0);
    add_a_file_to_the_entry(key);
    assert_int_equal(unlink(scene_path(key, "more")), 0); /* only so that the entry is checked again */
}

static void swap_with_another_entry(const char *key) {
    char other[SHA256_HEX_MAX], path[SCENE_PATH_MAX];
    snprintf(other, sizeof other, "%s", scene_key(77));
    struct build_store *store = scene_open(SCENE_ROOMY);
    scene_add(store, other, &scene_entry);
    build_store_free(store);
    snprintf(path, sizeof path, "%s/%.2s/%s", scene_store, key, key);
    char *from = strdup(scene_path(other, "")), *slash = strrchr(from, '/');
    *slash = '\0';
    scene_remove(path);
    assert_int_equal(rename(from, path), 0);
    free(from);
}

static void put_a_link_at_its_place(const char *key) {
    char path[SCENE_PATH_MAX];
    snprintf(path, sizeof path, "%s/%.2s/%s", scene_store, key, key);
    scene_remove(path);
    assert_int_equal(symlink("/etc", path), 0);
}

static void put_a_file_at_its_place(const char *key) {
    char path[SCENE_PATH_MAX];
    snprintf(path, sizeof path, "%s/%.2s/%s", scene_store, key, key);
    scene_remove(path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
}

static const struct damage {
    const char *name;
    void (*make)(const char *key);
} damages[] = {
    {"a changed content with its old time", flip_content_and_restore_the_time},
    {"a file cut off", cut_a_file},
    {"one file more", add_a_file},
    {"one file more beside the record", add_a_file_to_the_entry},
    {"one file less", remove_a_file},
    {"one module less", remove_a_module},
    {"one module more", add_a_module},
    {"an edited record", edit_the_record},
    {"an empty record", empty_the_record},
    {"no record", remove_the_record},
    {"a link in place of a file", plant_a_link},
    {"a link in place of a module", plant_a_linked_module},
    {"a file that others may write", let_others_write},
    {"a folder that others may write", let_others_add},
    {"a time stamp that is not 0", move_a_time_stamp},
    {"no size", empty_the_size},
    {"another entry at its place", swap_with_another_entry},
    {"a link in place of the entry", put_a_link_at_its_place},
    {"a file in place of the entry", put_a_file_at_its_place},
};

enum { DAMAGES = sizeof damages / sizeof damages[0] };

static void expect_noticed(struct build_store *store, const struct damage *damage, const char *key) {
    damage->make(key);
    int64_t before = build_store_counts(store).damaged;
    if (scene_has(store, key)) fail_msg("not noticed: %s", damage->name);
    if (build_store_counts(store).damaged != before + 1) fail_msg("not counted: %s", damage->name);
    if (access(scene_path(key, ""), F_OK) == 0) fail_msg("still there: %s", damage->name);
    assert_int_equal(scene_count_leftovers(), 0);
    assert_false(scene_has(store, key)); /* once is enough */
    assert_int_equal(build_store_counts(store).damaged, before + 1);
    scene_add(store, key, &scene_entry); /* and it can be added again */
    assert_true(scene_has(store, key));
}

static void damage_is_noticed_at_first_sight(void **state) {
    (void)state;
    struct build_store *store = scene_open(SCENE_ROOMY);
    for (int i = 0; i < DAMAGES; i++) {
        char key[SHA256_HEX_MAX];
        snprintf(key, sizeof key, "%s", scene_key(i));
        scene_add(store, key, &scene_entry);
        expect_noticed(store, &damages[i], key);
    }
    build_store_free(store);
    assert_int_equal(access("/etc/passwd", F_OK), 0);
}

/* Waits until the added entries are old enough to be recognised by their times. */
static void let_times_settle(void) {
    enum { LONGER_THAN_THE_STORE_WAITS_MS = 250 };
    int64_t end_ms = clock_monotonic_ms() + LONGER_THAN_THE_STORE_WAITS_MS;
    while (clock_monotonic_ms() < end_ms)
        poll(NULL, 0, 10);
}

static void damage_is_noticed_where_it_was_whole_before(void **state) {
    (void)state;
    struct build_store *store = scene_open(SCENE_ROOMY);
    for (int i = 0; i < DAMAGES; i++)
        scene_add(store, scene_key(i), &scene_entry);
    let_times_settle();
    for (int i = 0; i < DAMAGES; i++)
        assert_true(scene_has(store, scene_key(i)));
    assert_int_equal(build_store_counts(store).hashed, DAMAGES);
    for (int i = 0; i < DAMAGES; i++)
        assert_true(scene_has(store, scene_key(i)));
    assert_int_equal(build_store_counts(store).hashed, DAMAGES);
    for (int i = 0; i < DAMAGES; i++) {
        char key[SHA256_HEX_MAX];
        snprintf(key, sizeof key, "%s", scene_key(i));
        expect_noticed(store, &damages[i], key);
    }
    build_store_free(store);
}

/* Another change within the same tick of the file system's clock would not change its times, so they are not trusted yet. */
static void a_file_touched_just_now_is_read_again(void **state) {
    (void)state;
    struct build_store *store = scene_open(SCENE_ROOMY);
    scene_add(store, scene_key(1), &scene_entry);
    assert_true(scene_has(store, scene_key(1)));
    flip_content_and_restore_the_time(scene_key(1));
    assert_false(scene_has(store, scene_key(1)));
    build_store_free(store);
}

static void a_touched_entry_that_is_whole_stays(void **state) {
    (void)state;
    struct build_store *store = scene_open(SCENE_ROOMY);
    scene_add(store, scene_key(1), &scene_entry);
    let_times_settle();
    assert_true(scene_has(store, scene_key(1)));
    restore_time(scene_path(scene_key(1), "output/Zebra/externs.cbor")); /* only its ctime differs */
    assert_true(scene_has(store, scene_key(1)));
    assert_int_equal(build_store_counts(store).hashed, 2);
    assert_int_equal(build_store_counts(store).damaged, 0);
    build_store_free(store);
}

#define SCENE_TEST(test) cmocka_unit_test_setup_teardown(test, scene_begin, scene_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        SCENE_TEST(damage_is_noticed_at_first_sight),
        SCENE_TEST(damage_is_noticed_where_it_was_whole_before),
        SCENE_TEST(a_file_touched_just_now_is_read_again),
        SCENE_TEST(a_touched_entry_that_is_whole_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
