/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "lib/base/text.h"
#include "lib/tools/archive/archive.h"
#include "tests/support/temporary_folder.h"

static const struct archive_limits plenty = {.bytes = 1000000, .entries = 1000};

/* Longer than ustar's fields hold. */
#define LONG_NAME                                                                                                              \
    "src/A-folder-with-a-name-that-is-rather-long/And-another-one-with-a-name-that-is-even-longer/"                            \
    "A-file-that-has-a-name-which-by-itself-is-more-than-a-hundred-bytes-long-so-that-no-field-of-the-old-format-can-hold-it." \
    "purs"

static const struct archive_item items[] = {
    {"src/B.purs", NULL, 0}, {"src/A.purs", NULL, 0},        {"purs.json", "{}\n", 3},
    {LONG_NAME, NULL, 0},    {"src/\xC3\x84.purs", NULL, 0}, {"src.txt", NULL, 0},
};
enum { ITEM_COUNT = sizeof items / sizeof items[0] };

static void write_tree(struct temporary_folder *folder) {
    temporary_folder_make(folder);
    for (size_t i = 0; i < ITEM_COUNT; i++)
        if (!items[i].bytes) temporary_folder_write(folder, items[i].path, items[i].path);
}

static void pack(struct text *out, const struct temporary_folder *folder, const struct archive_item *list, size_t count) {
    struct error err = {0};
    if (archive_pack(out, folder->path, "demo-1.0.0", list, count, 1000000, &err)) fail_msg("%s", err.message);
}

static void equal_trees_give_equal_bytes(void **state) {
    (void)state;
    struct temporary_folder first, second;
    struct text one = {0}, two = {0};
    write_tree(&first);
    pack(&one, &first, items, ITEM_COUNT);

    struct archive_item reversed[ITEM_COUNT];
    char path[200];
    mode_t before = umask(077);
    write_tree(&second);
    for (size_t i = 0; i < ITEM_COUNT; i++)
        reversed[i] = items[ITEM_COUNT - 1 - i];
    snprintf(path, sizeof path, "%s/src/A.purs", second.path);
    assert_int_equal(utimensat(-1, path, (struct timespec[2]){{1, 0}, {1, 0}}, 0), 0);
    assert_int_equal(chmod(path, 0777), 0);
    if (geteuid() == 0) assert_int_equal(chown(path, 12345, 12345), 0);
    setlocale(LC_ALL, "C.UTF-8");
    pack(&two, &second, reversed, ITEM_COUNT);
    setlocale(LC_ALL, "C");
    umask(before);

    assert_int_equal(one.length, two.length);
    assert_memory_equal(one.bytes, two.bytes, one.length);
    text_release(&one);
    text_release(&two);
    temporary_folder_remove(&first);
    temporary_folder_remove(&second);
}

static void the_bytes_are_what_they_always_were(void **state) {
    (void)state;
    struct temporary_folder folder;
    struct text packed = {0};
    static const char header[] = {0x1f, (char)0x8b, 8, 0, 0, 0, 0, 0}; /* no name, no time */
    temporary_folder_make(&folder);
    pack(&packed, &folder, items + 2, 1);
    assert_memory_equal(packed.bytes, header, sizeof header);
    unsigned char plain[10240];
    z_stream stream = {.next_in = (unsigned char *)packed.bytes,
                       .avail_in = (unsigned)packed.length,
                       .next_out = plain,
                       .avail_out = sizeof plain};
    assert_int_equal(inflateInit2(&stream, 31), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.total_out, 2560); /* two headers, one block of content, two of the end */
    inflateEnd(&stream);
    assert_string_equal((char *)plain, "demo-1.0.0/");
    assert_string_equal((char *)plain + 100, "000755 ");
    assert_string_equal((char *)plain + 512, "demo-1.0.0/purs.json");
    assert_string_equal((char *)plain + 512 + 100, "000644 ");
    assert_string_equal((char *)plain + 512 + 108, "000000 "); /* owner, group, time */
    assert_string_equal((char *)plain + 512 + 116, "000000 ");
    assert_memory_equal((char *)plain + 512 + 136, "00000000000", 11);
    assert_memory_equal((char *)plain + 512 + 257, "ustar\00000", 8);
    assert_string_equal((char *)plain + 512 + 265, "");
    assert_string_equal((char *)plain + 1024, "{}\n");
    text_release(&packed);
    temporary_folder_remove(&folder);
}

static void packed_files_are_unpacked_unchanged(void **state) {
    (void)state;
    struct error err = {0};
    struct temporary_folder source, target;
    struct text packed = {0}, listed = {0}, read = {0};
    write_tree(&source);
    temporary_folder_make(&target);
    pack(&packed, &source, items, ITEM_COUNT);
    assert_int_equal(archive_list(&listed, packed.bytes, packed.length, "demo-1.0.0", &plenty, &err), STATUS_OK);
    assert_string_equal(listed.bytes, "demo-1.0.0/\ndemo-1.0.0/purs.json\ndemo-1.0.0/src.txt\ndemo-1.0.0/src/\n"
                                      "demo-1.0.0/src/A-folder-with-a-name-that-is-rather-long/\n"
                                      "demo-1.0.0/src/A-folder-with-a-name-that-is-rather-long/"
                                      "And-another-one-with-a-name-that-is-even-longer/\n"
                                      "demo-1.0.0/" LONG_NAME "\ndemo-1.0.0/src/A.purs\ndemo-1.0.0/src/B.purs\n"
                                      "demo-1.0.0/src/\xC3\x84.purs\n");
    assert_int_equal(archive_read_file(&read, packed.bytes, packed.length, "demo-1.0.0", "purs.json", &plenty, &err),
                     STATUS_OK);
    assert_string_equal(read.bytes, "{}\n");
    assert_int_equal(archive_read_file(&read, packed.bytes, packed.length, "demo-1.0.0", "other", &plenty, &err),
                     STATUS_NOT_FOUND);
    assert_int_equal(archive_unpack(packed.bytes, packed.length, target.path, "demo-1.0.0", &plenty, &err), STATUS_OK);
    for (size_t i = 0; i < ITEM_COUNT; i++) {
        char path[600], full[700];
        struct stat information;
        snprintf(path, sizeof path, "demo-1.0.0/%s", items[i].path);
        snprintf(full, sizeof full, "%s/%s", target.path, path);
        char *content = temporary_folder_read(&target, path);
        assert_string_equal(content, items[i].bytes ? items[i].bytes : items[i].path);
        free(content);
        assert_int_equal(stat(full, &information), 0);
        assert_int_equal(information.st_mtime, 0);
        assert_int_equal(information.st_mode & 07777, 0644);
    }
    text_release(&packed);
    text_release(&listed);
    text_release(&read);
    temporary_folder_remove(&source);
    temporary_folder_remove(&target);
}

static void a_link_to_the_outside_is_not_packed(void **state) {
    (void)state;
    struct error err = {0};
    struct temporary_folder folder;
    struct text packed = {0};
    static const char *const targets[] = {"/etc/passwd", "../../../../etc/passwd", "/tmp", "link"};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        temporary_folder_make(&folder);
        temporary_folder_link(&folder, "link", targets[i]);
        struct archive_item link = {.path = "link"};
        assert_int_equal(archive_pack(&packed, folder.path, "demo-1.0.0", &link, 1, 1000000, &err), STATUS_REFUSED);
        temporary_folder_remove(&folder);
    }
    temporary_folder_make(&folder);
    temporary_folder_write(&folder, "docs/README", "read me");
    temporary_folder_link(&folder, "README", "docs/README");
    text_clear(&packed);
    pack(&packed, &folder, (const struct archive_item[]){{.path = "README"}}, 1);
    struct text content = {0};
    assert_int_equal(archive_read_file(&content, packed.bytes, packed.length, "demo-1.0.0", "README", &plenty, &err),
                     STATUS_OK);
    assert_string_equal(content.bytes, "read me");
    text_release(&content);
    text_release(&packed);
    temporary_folder_remove(&folder);
}

static void too_much_is_not_packed(void **state) {
    (void)state;
    struct error err = {0};
    struct temporary_folder folder;
    struct text packed = {0};
    write_tree(&folder);
    assert_int_equal(archive_pack(&packed, folder.path, "demo-1.0.0", items, ITEM_COUNT, 200, &err), STATUS_TOO_LARGE);
    text_release(&packed);
    temporary_folder_remove(&folder);
}

/* Builds a header of the old format by hand, for tarballs that no archiver writes. */
static void append_header(struct text *out, const char *name, char kind, const char *link, size_t size) {
    char block[512] = "";
    unsigned sum = 0;
    snprintf(block, 100, "%s", name);
    snprintf(block + 100, 8, "0000644");
    snprintf(block + 108, 8, "0000000");
    snprintf(block + 116, 8, "0000000");
    snprintf(block + 124, 12, "%011zo", size);
    snprintf(block + 136, 12, "00000000000");
    memset(block + 148, ' ', 8);
    block[156] = kind;
    snprintf(block + 157, 100, "%s", link);
    memcpy(block + 257, "ustar\00000", 8);
    for (size_t i = 0; i < sizeof block; i++)
        sum += (unsigned char)block[i];
    snprintf(block + 148, 8, "%06o", sum);
    text_append_bytes(out, block, sizeof block);
}

static void append_file(struct text *out, const char *name, size_t size) {
    char block[512] = "";
    append_header(out, name, '0', "", size);
    for (size_t done = 0; done < size; done += sizeof block)
        text_append_bytes(out, block, sizeof block);
}

static void compress_into(struct text *out, const struct text *plain) {
    z_stream stream = {.next_in = (unsigned char *)plain->bytes, .avail_in = (unsigned)plain->length};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY), Z_OK);
    stream.avail_out = (unsigned)deflateBound(&stream, plain->length) + 100;
    stream.next_out = (unsigned char *)text_reserve(out, stream.avail_out);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out->length += stream.total_out;
    deflateEnd(&stream);
}

/* Expects that the tarball is refused with that word, and that nothing is written outside the top folder. Releases `plain`. */
static void expect_refusal(struct text *plain, const char *word) {
    struct error err = {0};
    struct temporary_folder target;
    struct text packed = {0};
    char end[1024] = "";
    text_append_bytes(plain, end, sizeof end);
    compress_into(&packed, plain);
    temporary_folder_make(&target);
    static const struct archive_limits few = {.bytes = 100000, .entries = 10};
    assert_int_equal(archive_unpack(packed.bytes, packed.length, target.path, "demo-1.0.0", &few, &err), STATUS_REFUSED);
    if (!strstr(err.message, word)) fail_msg("\"%s\" says nothing of \"%s\"", err.message, word);
    char outside[200];
    snprintf(outside, sizeof outside, "%s/evil", target.path);
    assert_int_equal(access(outside, F_OK), -1);
    text_release(plain);
    text_release(&packed);
    temporary_folder_remove(&target);
}

static void hostile_tarballs_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *name;
        char kind;
        const char *link;
        size_t size;
        const char *word;
    } rows[] = {
        {"demo-1.0.0/../evil", '0', "", 0, "\"..\""},
        {"../evil", '0', "", 0, "\"..\""},
        {"demo-1.0.0/a/../../evil", '0', "", 0, "\"..\""},
        {"/demo-1.0.0/evil", '0', "", 0, "absolute"},
        {"evil", '0', "", 0, "must be in the folder"},
        {"demo-1.0.0", '0', "", 0, "its name ends in a slash"},
        {"demo-1.0.0x/evil", '0', "", 0, "must be in the folder"},
        {"other-1.0.0/src/A.purs", '0', "", 0, "must be in the folder"},
        {"demo-1.0.0//a", '0', "", 0, "empty name"},
        {"demo-1.0.0/./a", '0', "", 0, "\".\""},
        {"demo-1.0.0/evil", '2', "/etc/passwd", 0, "is a link"},
        {"demo-1.0.0/evil", '2', "../../evil", 0, "is a link"},
        {"demo-1.0.0/evil", '1', "/etc/passwd", 0, "is a link"},
        {"demo-1.0.0/evil", '3', "", 0, "neither a regular file nor a folder"},
        {"demo-1.0.0/evil", '6', "", 0, "neither a regular file nor a folder"},
        {"demo-1.0.0/bomb", '0', "", 10000000, "exceeds the size"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct text plain = {0};
        append_file(&plain, "demo-1.0.0/src/A.purs", 10);
        if (rows[i].size)
            append_file(&plain, rows[i].name, rows[i].size);
        else
            append_header(&plain, rows[i].name, rows[i].kind, rows[i].link, 0);
        expect_refusal(&plain, rows[i].word);
    }
}

static void a_file_through_another_file_or_twice_is_refused(void **state) {
    (void)state;
    struct text plain = {0};
    append_file(&plain, "demo-1.0.0/a", 10);
    append_file(&plain, "demo-1.0.0/a/b", 10);
    expect_refusal(&plain, "twice");
    append_file(&plain, "demo-1.0.0/a", 10);
    append_file(&plain, "demo-1.0.0/a", 10);
    expect_refusal(&plain, "twice");
}

static void too_many_entries_are_refused(void **state) {
    (void)state;
    struct text plain = {0};
    for (int i = 0; i < 11; i++) {
        char name[40];
        snprintf(name, sizeof name, "demo-1.0.0/%d", i);
        append_file(&plain, name, 1);
    }
    expect_refusal(&plain, "more than 10");
}

static void a_cut_tarball_is_refused_wherever_it_is_cut(void **state) {
    (void)state;
    struct error err = {0};
    struct temporary_folder source;
    struct text packed = {0}, listed = {0};
    write_tree(&source);
    pack(&packed, &source, items, ITEM_COUNT);
    for (size_t length = 0; length + 30 < packed.length; length++) /* the very end is padding and checksum */
        assert_int_equal(archive_list(&listed, packed.bytes, length, "demo-1.0.0", &plenty, &err), STATUS_REFUSED);
    text_release(&packed);
    text_release(&listed);
    temporary_folder_remove(&source);
}

static void a_malformed_tarball_is_refused(void **state) {
    (void)state;
    struct error err = {0};
    struct text listed = {0}, plain = {0};
    append_file(&plain, "demo-1.0.0/a", 10);
    text_append_bytes(&plain, (char[1024]){0}, 1024);
    assert_int_equal(archive_list(&listed, "hello", 5, "demo-1.0.0", &plenty, &err), STATUS_REFUSED);
    assert_int_equal(archive_list(&listed, plain.bytes, plain.length, "demo-1.0.0", &plenty, &err), STATUS_REFUSED);
    assert_non_null(strstr(err.message, "not gzipped"));
    text_release(&plain);
    text_release(&listed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_trees_give_equal_bytes),
        cmocka_unit_test(the_bytes_are_what_they_always_were),
        cmocka_unit_test(packed_files_are_unpacked_unchanged),
        cmocka_unit_test(a_link_to_the_outside_is_not_packed),
        cmocka_unit_test(too_much_is_not_packed),
        cmocka_unit_test(hostile_tarballs_are_refused),
        cmocka_unit_test(a_file_through_another_file_or_twice_is_refused),
        cmocka_unit_test(too_many_entries_are_refused),
        cmocka_unit_test(a_cut_tarball_is_refused_wherever_it_is_cut),
        cmocka_unit_test(a_malformed_tarball_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
