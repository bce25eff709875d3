/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The round trip: every file of the real registry is read and printed to the same bytes. The data is the archive
 * `../shared/data/registry-*.tar.xz` beside the checkout; where it is absent, these tests are skipped.
 */
#include "tests/support/cmocka_all.h"

#include <ftw.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "lib/domain/identity/owners_check.h"
#include "lib/domain/package/license.h"
#include "lib/domain/registry/index_file.h"
#include "lib/domain/registry/metadata.h"
#include "lib/domain/registry/package_set.h"

static char folder[] = "/tmp/registry-data-XXXXXX"; /* where the archive is unpacked */
static bool is_unpacked;
static size_t file_count; /* files read by the running test */

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *place) {
    (void)info, (void)type, (void)place;
    return remove(path);
}

static int remove_folder(void **state) {
    (void)state;
    return is_unpacked ? nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS) : 0;
}

static int unpack_archive(void **state) {
    (void)state;
    glob_t found = {0};
    if (glob(SOURCE_DIR "/../shared/data/registry-*.tar.xz", 0, NULL, &found) != 0) {
        print_message("skipped: there is no archive " SOURCE_DIR "/../shared/data/registry-*.tar.xz\n");
        return 0;
    }
    struct text command = {0};
    is_unpacked = mkdtemp(folder);
    text_append_format(&command, "tar xf '%s' -C '%s'", found.gl_pathv[found.gl_pathc - 1], folder);
    int outcome = is_unpacked ? system(command.bytes) : -1;
    text_release(&command);
    globfree(&found);
    return outcome;
}

static void read_file(struct text *out, const char *path) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    text_clear(out);
    for (size_t got = 1; got > 0; out->length += got)
        got = fread(text_reserve(out, 65536), 1, 65536, file);
    text_append(out, "");
    assert_int_equal(ferror(file), 0);
    fclose(file);
}

/* Runs `check` on the path and the content of every file under a folder of the archive. */
static void (*check_file)(const char *path, const struct text *content);

static int visit(const char *path, const struct stat *info, int type, struct FTW *place) {
    (void)info, (void)place;
    if (type != FTW_F) return 0;
    struct text content = {0};
    read_file(&content, path);
    check_file(path, &content);
    file_count++;
    text_release(&content);
    return 0;
}

static void for_each_file(const char *subfolder, void (*check)(const char *path, const struct text *content)) {
    if (!is_unpacked) skip();
    char path[64];
    snprintf(path, sizeof path, "%s/%s", folder, subfolder);
    file_count = 0;
    check_file = check;
    assert_int_equal(nftw(path, visit, 16, FTW_PHYS), 0);
}

static void check_metadata(const char *path, const struct text *content) {
    struct arena arena = {0};
    struct metadata metadata;
    struct error err = {0};
    struct text printed = {0};
    if (metadata_parse(&metadata, content->bytes, content->length, &arena, &err)) fail_msg("%s: %s", path, err.message);
    metadata_append_file(&printed, &metadata);
    assert_string_equal(text_view(&printed), content->bytes);
    assert_null(metadata.unknown_fields);
    assert_int_equal(location_check_published(&metadata.location, NULL), STATUS_OK);
    assert_int_equal(owners_check(&metadata.owners, NULL), STATUS_OK);
    text_release(&printed);
    arena_release(&arena);
}

static void every_metadata_file_prints_as_it_was_read(void **state) {
    (void)state;
    for_each_file("registry/metadata", check_metadata);
    assert_true(file_count > 1000);
}

static void check_package_set(const char *path, const struct text *content) {
    struct arena arena = {0};
    struct package_set set;
    struct error err = {0};
    struct text printed = {0};
    if (package_set_parse(&set, content->bytes, content->length, &arena, &err)) fail_msg("%s: %s", path, err.message);
    package_set_append_file(&printed, &set);
    assert_string_equal(text_view(&printed), content->bytes);
    text_release(&printed);
    arena_release(&arena);
}

static void every_package_set_prints_as_it_was_read(void **state) {
    (void)state;
    for_each_file("registry/package-sets", check_package_set);
    assert_true(file_count > 0);
}

/* The entry's path below the index repository, NULL for a file that is no entry. */
static const char *entry_path(const char *path) {
    const char *inside = path + strlen(folder) + strlen("/registry-index/");
    return index_file_package(inside) ? inside : NULL;
}

static void check_index_file(const char *path, const struct text *content) {
    if (!entry_path(path)) return;
    const char *name = index_file_package(entry_path(path));
    struct arena arena = {0};
    struct manifest *manifests;
    size_t count;
    struct error err = {0};
    struct text printed = {0};
    if (index_file_parse(&manifests, &count, name, content->bytes, content->length, &arena, &err)) fail_msg("%s", err.message);
    for (size_t i = 0; i < count; i++) {
        const char *canonical;
        manifest_append_line(&printed, &manifests[i]);
        text_append_character(&printed, '\n');
        assert_int_equal(license_canonicalise(&canonical, manifests[i].license, &arena, NULL), STATUS_OK);
    }
    assert_string_equal(text_view(&printed), content->bytes);
    text_release(&printed);
    arena_release(&arena);
}

static void every_index_file_prints_as_it_was_read(void **state) {
    (void)state;
    for_each_file("registry-index", check_index_file);
    assert_true(file_count > 1000);
}

/* Removes each manifest and adds it again. */
static void check_changes(const char *path, const struct text *content) {
    if (!entry_path(path)) return;
    const char *name = index_file_package(entry_path(path));
    struct arena arena = {0};
    struct manifest *manifests;
    size_t count;
    struct text without = {0}, again = {0};
    assert_int_equal(index_file_parse(&manifests, &count, name, content->bytes, content->length, &arena, NULL), STATUS_OK);
    for (size_t i = 0; i < count; i += count / 2 + 1) {
        text_clear(&without);
        text_clear(&again);
        assert_int_equal(index_file_remove(&without, name, content->bytes, content->length, manifests[i].version, NULL),
                         STATUS_OK);
        assert_int_equal(without.length == 0, count == 1);
        assert_int_equal(index_file_put(&again, text_view(&without), without.length, &manifests[i], NULL), STATUS_OK);
        assert_string_equal(text_view(&again), content->bytes);
    }
    text_release(&without);
    text_release(&again);
    arena_release(&arena);
}

static void a_manifest_taken_out_and_put_in_leaves_the_same_file(void **state) {
    (void)state;
    for_each_file("registry-index", check_changes);
}

/* Changes a few bytes, mostly to characters with a meaning in these files. */
static void damage(struct text *content) {
    static const char bytes[] = "{}[]\",:.0129-<>= \\anpr\xC3\x80";
    for (int i = rand() % 3; i >= 0; i--)
        content->bytes[(size_t)rand() % content->length] = bytes[(size_t)rand() % (sizeof bytes - 1)];
}

/* If damaged metadata is accepted, its printed form is read and printed the same. */
static void check_damaged_metadata(const char *path, const struct text *content) {
    (void)path;
    struct text damaged = {0}, printed = {0}, again = {0};
    for (int i = 0; i < 10; i++) {
        struct arena arena = {0};
        struct metadata metadata;
        struct error err = {0};
        text_clear(&damaged);
        text_append_bytes(&damaged, content->bytes, content->length);
        damage(&damaged);
        text_clear(&printed);
        text_clear(&again);
        if (metadata_parse(&metadata, damaged.bytes, damaged.length, &arena, &err) == STATUS_OK) {
            metadata_append_file(&printed, &metadata);
            assert_int_equal(metadata_parse(&metadata, printed.bytes, printed.length, &arena, &err), STATUS_OK);
            metadata_append_file(&again, &metadata);
            assert_string_equal(again.bytes, printed.bytes);
        } else {
            assert_true(err.message[0] != '\0');
        }
        arena_release(&arena);
    }
    text_release(&damaged);
    text_release(&printed);
    text_release(&again);
}

static void damaged_metadata_is_read_or_refused(void **state) {
    (void)state;
    srand(13);
    for_each_file("registry/metadata", check_damaged_metadata);
}

static void check_damaged_manifest(const char *path, const struct text *content) {
    if (!entry_path(path)) return;
    struct text damaged = {0}, printed = {0}, again = {0};
    for (int i = 0; i < 10; i++) {
        struct arena arena = {0};
        struct manifest manifest;
        struct error err = {0};
        text_clear(&damaged);
        text_append_bytes(&damaged, content->bytes, strcspn(content->bytes, "\n"));
        damage(&damaged);
        text_clear(&printed);
        text_clear(&again);
        if (manifest_parse(&manifest, damaged.bytes, damaged.length, "The test", &arena, &err) == STATUS_OK) {
            manifest_append_file(&printed, &manifest);
            bool is_good = manifest_check_new(&manifest, &err) == STATUS_OK;
            assert_int_equal(manifest_parse(&manifest, printed.bytes, printed.length, "The test", &arena, &err), STATUS_OK);
            manifest_append_file(&again, &manifest);
            assert_string_equal(again.bytes, printed.bytes);
            assert_int_equal(manifest_check_new(&manifest, &err) == STATUS_OK, is_good);
        } else {
            assert_true(err.message[0] != '\0');
        }
        arena_release(&arena);
    }
    text_release(&damaged);
    text_release(&printed);
    text_release(&again);
}

static void a_damaged_manifest_is_read_or_refused(void **state) {
    (void)state;
    srand(17);
    for_each_file("registry-index", check_damaged_manifest);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_metadata_file_prints_as_it_was_read),
        cmocka_unit_test(every_package_set_prints_as_it_was_read),
        cmocka_unit_test(every_index_file_prints_as_it_was_read),
        cmocka_unit_test(a_manifest_taken_out_and_put_in_leaves_the_same_file),
        cmocka_unit_test(damaged_metadata_is_read_or_refused),
        cmocka_unit_test(a_damaged_manifest_is_read_or_refused),
    };
    return cmocka_run_group_tests(tests, unpack_archive, remove_folder);
}
