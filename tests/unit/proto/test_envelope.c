/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/text.h"
#include "proto/envelope.h"

enum { NOW_MS = 1700000000 };
static const char key[] = "the key of this test";

static struct envelope sample(void) {
    struct envelope envelope = {.time_left_ms = 2000, .time_sent_ms = NOW_MS, .message = {.tag = MESSAGE_ready_query}};
    memset(envelope.id, 7, sizeof envelope.id);
    return envelope;
}

static enum status unpack(const struct text *bytes, const char *service_key, int64_t now_ms, struct envelope *out,
                          bool *is_from_peer) {
    struct arena arena = {0};
    enum status status = envelope_unpack(bytes->bytes, bytes->length, service_key, now_ms, &arena, out, is_from_peer, NULL);
    arena_release(&arena);
    return status;
}

static void an_envelope_comes_back_as_it_was(void **state) {
    (void)state;
    const char *const keys[] = {NULL, key};
    for (size_t i = 0; i < 2; i++) {
        struct envelope sent = sample(), got;
        sent.is_answer = i == 1;
        struct text bytes = {0};
        bool is_from_peer = false;
        assert_int_equal(envelope_pack(&sent, keys[i], &bytes, NULL), STATUS_OK);
        assert_int_equal(unpack(&bytes, keys[i], NOW_MS, &got, &is_from_peer), STATUS_OK);
        assert_true(is_from_peer);
        assert_int_equal(got.is_answer, sent.is_answer);
        assert_memory_equal(got.id, sent.id, sizeof got.id);
        assert_int_equal(got.time_left_ms, 2000);
        assert_int_equal(got.time_sent_ms, NOW_MS);
        assert_int_equal(got.message.tag, MESSAGE_ready_query);
        text_release(&bytes);
    }
}

static void another_key_or_none_is_refused(void **state) {
    (void)state;
    static const char *const pairs[][2] = {{key, "another key"}, {key, NULL}, {NULL, key}};
    for (size_t i = 0; i < 3; i++) {
        struct envelope sent = sample(), got;
        struct text bytes = {0};
        bool is_from_peer = true;
        assert_int_equal(envelope_pack(&sent, pairs[i][0], &bytes, NULL), STATUS_OK);
        assert_int_equal(unpack(&bytes, pairs[i][1], NOW_MS, &got, &is_from_peer), STATUS_UNAUTHORIZED);
        assert_false(is_from_peer);
        text_release(&bytes);
    }
}

static void every_changed_byte_is_noticed(void **state) {
    (void)state;
    struct envelope sent = sample(), got;
    struct text bytes = {0};
    bool is_from_peer = true;
    assert_int_equal(envelope_pack(&sent, key, &bytes, NULL), STATUS_OK);
    for (size_t i = 0; i < bytes.length; i++) {
        bytes.bytes[i] ^= 1;
        assert_int_equal(unpack(&bytes, key, NOW_MS, &got, &is_from_peer), i == 0 ? STATUS_INVALID : STATUS_UNAUTHORIZED);
        assert_false(is_from_peer);
        bytes.bytes[i] ^= 1;
    }
    text_release(&bytes);
}

static void every_cut_envelope_is_refused(void **state) {
    (void)state;
    struct envelope sent = sample(), got;
    struct text bytes = {0};
    bool is_from_peer = true;
    assert_int_equal(envelope_pack(&sent, NULL, &bytes, NULL), STATUS_OK);
    for (size_t length = 0; length < bytes.length; length++) {
        char *exact = malloc(length + 1);
        assert_non_null(exact);
        memcpy(exact + 1, bytes.bytes, length);
        struct text cut = {.bytes = exact + 1, .length = length};
        assert_int_not_equal(unpack(&cut, NULL, NOW_MS, &got, &is_from_peer), STATUS_OK);
        free(exact);
    }
    text_release(&bytes);
}

static void it_is_believed_while_somebody_waits_and_no_longer(void **state) {
    (void)state;
    struct envelope sent = sample(), got;
    struct text bytes = {0};
    bool is_from_peer = true;
    assert_int_equal(envelope_pack(&sent, key, &bytes, NULL), STATUS_OK);
    static const struct {
        int64_t now_ms;
        enum status expected;
    } cases[] = {
        {NOW_MS - ENVELOPE_CLOCK_SKEW_MS - 1, STATUS_UNAUTHORIZED},
        {NOW_MS - ENVELOPE_CLOCK_SKEW_MS, STATUS_OK},
        {NOW_MS + 2000 + ENVELOPE_CLOCK_SKEW_MS, STATUS_OK},
        {NOW_MS + 2000 + ENVELOPE_CLOCK_SKEW_MS + 1, STATUS_UNAUTHORIZED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(unpack(&bytes, key, cases[i].now_ms, &got, &is_from_peer), cases[i].expected);
    text_release(&bytes);
}

static void a_time_left_out_of_range_is_refused(void **state) {
    (void)state;
    static const int64_t times_ms[] = {-1, ENVELOPE_TIME_LEFT_MAX_MS + 1, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < 4; i++) {
        struct envelope sent = sample(), got;
        sent.time_left_ms = times_ms[i];
        struct text bytes = {0};
        bool is_from_peer = true;
        assert_int_equal(envelope_pack(&sent, key, &bytes, NULL), STATUS_OK);
        assert_int_equal(unpack(&bytes, key, NOW_MS, &got, &is_from_peer), STATUS_INVALID);
        text_release(&bytes);
    }
}

/* Spoils the plain bytes and authenticates them again, as a peer of another version would send them. */
static void reseal(struct text *bytes) {
    size_t proved = bytes->length - SHA256_BYTES;
    hash_hmac_sha256(key, bytes->bytes, proved, (unsigned char *)bytes->bytes + proved);
}

static void a_peer_with_an_unknown_tag_can_be_answered(void **state) {
    (void)state;
    struct envelope sent = sample(), got;
    struct text bytes = {0};
    bool is_from_peer = false;
    assert_int_equal(envelope_pack(&sent, key, &bytes, NULL), STATUS_OK);
    assert_int_equal(bytes.bytes[3], MESSAGE_ready_query);
    bytes.bytes[3] = 0x7F;
    reseal(&bytes);
    assert_int_equal(unpack(&bytes, key, NOW_MS, &got, &is_from_peer), STATUS_INVALID);
    assert_true(is_from_peer);
    assert_memory_equal(got.id, sent.id, sizeof got.id);
    text_release(&bytes);
}

static void another_version_is_refused(void **state) {
    (void)state;
    struct envelope sent = sample(), got;
    struct text bytes = {0};
    bool is_from_peer = true;
    assert_int_equal(envelope_pack(&sent, key, &bytes, NULL), STATUS_OK);
    bytes.bytes[0] = ENVELOPE_VERSION + 1;
    reseal(&bytes);
    assert_int_equal(unpack(&bytes, key, NOW_MS, &got, &is_from_peer), STATUS_INVALID);
    assert_false(is_from_peer);
    text_release(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_envelope_comes_back_as_it_was),
        cmocka_unit_test(another_key_or_none_is_refused),
        cmocka_unit_test(every_changed_byte_is_noticed),
        cmocka_unit_test(every_cut_envelope_is_refused),
        cmocka_unit_test(it_is_believed_while_somebody_waits_and_no_longer),
        cmocka_unit_test(a_time_left_out_of_range_is_refused),
        cmocka_unit_test(a_peer_with_an_unknown_tag_can_be_answered),
        cmocka_unit_test(another_version_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
