/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/folder.h"
#include "lib/base/text.h"

static void folders_are_made_and_removed_without_following_links(void **state) {
    (void)state;
    struct arena arena = {0};
    struct error err;
    struct text content = {0};
    char base[] = "/tmp/registry-folder-XXXXXX";
    assert_non_null(mkdtemp(base));
    const char *deep = arena_format(&arena, "%s/a/b/c", base);
    const char *kept = arena_format(&arena, "%s/kept", base), *file = arena_format(&arena, "%s/file", kept);
    assert_int_equal(folder_make(deep, &err), STATUS_OK);
    assert_int_equal(folder_make(deep, &err), STATUS_OK);
    assert_int_equal(folder_make(kept, &err), STATUS_OK);
    assert_int_equal(file_write(file, "first", 5, &err), STATUS_OK);
    assert_int_equal(file_write(file, "second", 6, &err), STATUS_OK);
    assert_int_equal(symlink(kept, arena_format(&arena, "%s/link", deep)), 0);

    folder_remove(arena_format(&arena, "%s/a", base));
    assert_int_not_equal(access(deep, F_OK), 0);
    assert_int_equal(file_read(file, 6, &content, &err), STATUS_OK);
    assert_string_equal(text_view(&content), "second");
    assert_int_equal(file_read(file, 5, &content, &err), STATUS_TOO_LARGE);
    assert_int_equal(file_read(deep, 5, &content, &err), STATUS_NOT_FOUND);
    assert_int_equal(folder_make(arena_format(&arena, "%s/below", file), &err), STATUS_INTERNAL);
    assert_non_null(strstr(err.message, file));

    folder_remove(base);
    folder_remove(base);
    assert_int_not_equal(access(base, F_OK), 0);
    text_release(&content);
    arena_release(&arena);
}

/* As a user might leave a folder to protect it. */
static void deep_and_closed_folders_are_removed_too(void **state) {
    (void)state;
    enum { DEPTH = 3000 }; /* as a path it would be several times PATH_MAX */
    char base[] = "/tmp/registry-folder-XXXXXX";
    assert_non_null(mkdtemp(base));
    int folder = open(base, O_RDONLY | O_DIRECTORY);
    assert_int_equal(mkdirat(folder, "to-be-removed-0", 0755), 0);
    for (int depth = 0; depth < DEPTH; depth++) {
        assert_int_equal(mkdirat(folder, "deeper", 0755), 0);
        assert_int_equal(symlinkat("/etc", folder, "link"), 0);
        int inner = openat(folder, "deeper", O_RDONLY | O_DIRECTORY);
        if (depth % 10 == 0) assert_int_equal(fchmod(folder, 0), 0);
        close(folder);
        folder = inner;
    }
    close(folder);
    folder_remove(base);
    assert_int_not_equal(access(base, F_OK), 0);
    assert_int_equal(access("/etc/passwd", F_OK), 0);
}

static void nothing_is_read_through_links_or_from_what_is_no_file(void **state) {
    (void)state;
    struct arena arena = {0};
    char base[] = "/tmp/registry-folder-XXXXXX";
    assert_non_null(mkdtemp(base));
    struct error err;
    const char *work = arena_format(&arena, "%s/work", base), *in = arena_format(&arena, "%s/in", work);
    assert_int_equal(folder_make(in, &err), STATUS_OK);
    assert_int_equal(file_write(arena_format(&arena, "%s/secret", base), "secret", 6, &err), STATUS_OK);
    assert_int_equal(file_write(arena_format(&arena, "%s/file", in), "content", 7, &err), STATUS_OK);
    assert_int_equal(file_write(arena_format(&arena, "%s/other", in), "other", 5, &err), STATUS_OK);
    assert_int_equal(symlink("../../secret", arena_format(&arena, "%s/link", in)), 0);
    assert_int_equal(symlink("..", arena_format(&arena, "%s/up", work)), 0);
    assert_int_equal(link(arena_format(&arena, "%s/other", in), arena_format(&arena, "%s/hard", in)), 0);
    assert_int_equal(mkfifo(arena_format(&arena, "%s/pipe", in), 0600), 0);
    static const struct {
        const char *path;
        enum status status;
    } cases[] = {
        {"in/file", STATUS_OK},          {"in/link", STATUS_REFUSED},     {"up/secret", STATUS_REFUSED},
        {"../secret", STATUS_REFUSED},   {"/etc/passwd", STATUS_REFUSED}, {"in/hard", STATUS_REFUSED},
        {"in/pipe", STATUS_REFUSED},     {"in", STATUS_REFUSED},          {"in/none", STATUS_NOT_FOUND},
        {"in/file/x", STATUS_NOT_FOUND},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct text content = {0};
        assert_int_equal(file_read_below(work, cases[i].path, 7, &content, &err), cases[i].status);
        assert_string_equal(text_view(&content), cases[i].status ? "" : "content");
        text_release(&content);
    }
    struct text content = {0};
    assert_int_equal(file_read_below(work, "in/file", 6, &content, &err), STATUS_TOO_LARGE);
    text_release(&content);
    folder_remove(base);
    arena_release(&arena);
}

/* Its flags, where the file system has any. */
static bool read_flags(const char *path, int *flags) {
    int file = open(path, O_RDONLY | O_DIRECTORY);
    bool has_any = file >= 0 && ioctl(file, FS_IOC_GETFLAGS, flags) == 0;
    if (file >= 0) close(file);
    return has_any;
}

static void the_content_of_a_folder_is_spread_if_the_file_system_can(void **state) {
    (void)state;
    char folder[] = "/tmp/registry-folder-XXXXXX";
    assert_non_null(mkdtemp(folder));
    int before = 0, after = 0;
    bool has_flags = read_flags(folder, &before);
    folder_spread(folder);
    assert_true(read_flags(folder, &after) == has_flags);
    struct statfs about;
    assert_int_equal(statfs(folder, &about), 0);
    assert_int_equal(after & ~FS_TOPDIR_FL, before & ~FS_TOPDIR_FL);
    if (about.f_type == EXT4_SUPER_MAGIC) assert_true(after & FS_TOPDIR_FL);
    folder_spread("/tmp/registry-folder-that-is-not-there"); /* only a hint, so it does not fail */
    folder_remove(folder);
}

enum { WRITERS = 4, WRITES = 20, WRITTEN_BYTES = 200000 };

struct writer {
    const char *path;
    char *bytes; /* all the same */
    int failures;
};

static void *write_again_and_again(void *context) {
    struct writer *writer = context;
    for (int i = 0; i < WRITES; i++)
        writer->failures += file_write(writer->path, writer->bytes, WRITTEN_BYTES, NULL) != STATUS_OK;
    return NULL;
}

static void writers_of_one_file_do_not_mix_their_bytes(void **state) {
    (void)state;
    struct arena arena = {0};
    struct text content = {0};
    struct error err;
    struct writer writers[WRITERS];
    pthread_t threads[WRITERS];
    char base[] = "/tmp/registry-folder-XXXXXX";
    assert_non_null(mkdtemp(base));
    const char *path = arena_format(&arena, "%s/file", base);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.path = path, .bytes = arena_alloc(&arena, WRITTEN_BYTES)};
        memset(writers[i].bytes, 'a' + i, WRITTEN_BYTES);
        assert_int_equal(pthread_create(&threads[i], NULL, write_again_and_again, &writers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(writers[i].failures, 0);
    }
    assert_int_equal(file_read(path, WRITTEN_BYTES, &content, &err), STATUS_OK);
    assert_int_equal(content.length, WRITTEN_BYTES);
    assert_memory_equal(content.bytes, writers[content.bytes[0] - 'a'].bytes, WRITTEN_BYTES);
    assert_int_not_equal(access(arena_format(&arena, "%s.new", path), F_OK), 0);
    text_release(&content);
    arena_release(&arena);
    folder_remove(base);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_content_of_a_folder_is_spread_if_the_file_system_can),
        cmocka_unit_test(folders_are_made_and_removed_without_following_links),
        cmocka_unit_test(deep_and_closed_folders_are_removed_too),
        cmocka_unit_test(writers_of_one_file_do_not_mix_their_bytes),
        cmocka_unit_test(nothing_is_read_through_links_or_from_what_is_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
