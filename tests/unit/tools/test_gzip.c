/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/tools/archive/gzip.h"

enum { LONG_BYTES = 300000 /* several times the window of gzip */ };

/* Bytes that hardly compress, the same in each run. */
static void append_noise(struct text *out, size_t count) {
    unsigned number = 1;
    for (size_t i = 0; i < count; i++)
        text_append_character(out, (char)((number = number * 1103515245 + 12345) >> 16));
}

static enum status unpack(const struct text *packed, size_t length, size_t limit_bytes, struct text *out) {
    struct error err;
    text_clear(out);
    return gzip_unpack(out, text_view(packed), length, limit_bytes, &err);
}

static void packed_bytes_are_unpacked_unchanged(void **state) {
    (void)state;
    static const size_t lengths[] = {0, 1, 100, 65536, 65537, LONG_BYTES};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct text bytes = {0}, packed = {0}, again = {0}, unpacked = {0};
        append_noise(&bytes, lengths[i]);
        gzip_pack(&packed, text_view(&bytes), bytes.length);
        gzip_pack(&again, text_view(&bytes), bytes.length);
        assert_int_equal(packed.length, again.length);
        assert_memory_equal(packed.bytes, again.bytes, packed.length);
        assert_int_equal(unpack(&packed, packed.length, bytes.length, &unpacked), STATUS_OK);
        assert_int_equal(unpacked.length, bytes.length);
        assert_memory_equal(text_view(&unpacked), text_view(&bytes), bytes.length);
        text_release(&bytes), text_release(&packed), text_release(&again), text_release(&unpacked);
    }
}

static void a_file_cut_anywhere_is_refused(void **state) {
    (void)state;
    struct text packed = {0}, unpacked = {0};
    gzip_pack(&packed, "what is kept must be whole", 26);
    for (size_t length = 0; length < packed.length; length++)
        assert_int_equal(unpack(&packed, length, 1000, &unpacked), STATUS_INVALID);
    text_release(&packed), text_release(&unpacked);
}

static void damage_and_what_follows_the_end_are_refused(void **state) {
    (void)state;
    struct text packed = {0}, unpacked = {0};
    gzip_pack(&packed, "what is kept must be whole", 26);
    packed.bytes[packed.length - 6] ^= 1; /* in the checksum */
    assert_int_equal(unpack(&packed, packed.length, 1000, &unpacked), STATUS_INVALID);
    packed.bytes[packed.length - 6] ^= 1;
    text_append(&packed, "more");
    assert_int_equal(unpack(&packed, packed.length, 1000, &unpacked), STATUS_INVALID);
    text_clear(&packed);
    text_append(&packed, "this is no gzip at all");
    assert_int_equal(unpack(&packed, packed.length, 1000, &unpacked), STATUS_INVALID);
    text_release(&packed), text_release(&unpacked);
}

static void unpacking_ends_at_the_limit(void **state) {
    (void)state;
    struct text bytes = {0}, packed = {0}, unpacked = {0};
    memset(text_reserve(&bytes, LONG_BYTES), 'x', LONG_BYTES);
    bytes.length = LONG_BYTES;
    gzip_pack(&packed, bytes.bytes, bytes.length);
    assert_true(packed.length < 1000);
    assert_int_equal(unpack(&packed, packed.length, LONG_BYTES - 1, &unpacked), STATUS_TOO_LARGE);
    assert_int_equal(unpack(&packed, packed.length, 1000, &unpacked), STATUS_TOO_LARGE);
    assert_true(unpacked.length < LONG_BYTES); /* it did not unpack all of it first */
    text_release(&bytes), text_release(&packed), text_release(&unpacked);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packed_bytes_are_unpacked_unchanged),
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(damage_and_what_follows_the_end_are_refused),
        cmocka_unit_test(unpacking_ends_at_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
