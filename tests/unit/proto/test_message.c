/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "proto/message.h"
#include "proto/wire.h"

static enum status unpack(enum message_tag tag, const struct text *bytes, struct message *out, struct error *err) {
    struct arena arena = {0};
    enum status status = message_unpack(tag, bytes->bytes, bytes->length, &arena, out, err);
    arena_release(&arena); /* callers use numbers and flags only */
    return status;
}

static const struct record_check checks[] = {{.name = "REDIS_URL", .is_fine = true},
                                             {"WORK_DIR", false, "The disk /w is full.", "The disk [WORK_DIR] is full."}};
static const struct record_metric_label labels[] = {{"kind", "publish"}, {"state", ""}};
static const struct record_metric samples[] = {{"registry_jobs", false, "Jobs.", {labels, 2}, -0.25},
                                               {"registry_ended_total", true, NULL, {labels, 1}, 1e300},
                                               {.value = INFINITY}};
static const struct record_source_position position = {1, 2, 3, 4};
static const struct record_compiler_error errors[] = {{.message = "No.", .code = "Other", .position = &position},
                                                      {.message = "No.", .code = "Other"}};
static const struct record_build_result result = {.own_ms = 7, .errors = {errors, 2}, .errors_left_out = 1};
static const struct record_log_line lines[] = {{1, 1784992272686, "INFO", "One line."}, {2, -1, NULL, NULL}};
static const struct record_lease leases[] = {{"id", 7}, {NULL, INT64_MAX}};
static const struct record_dependency dependencies[] = {{0}, {4095}};
static const struct record_package packages[] = {{"a", "1.0.0", "sha256-", 7, {dependencies, 2}}, {.size_bytes = -1}};
static const struct record_build jobs[] = {{"id", 7, 1, 0, "reuse"}};

static void every_message_comes_back_as_it_was(void **state) {
    (void)state;
    static const struct message messages[] = {
        {.tag = MESSAGE_done},
        {.tag = MESSAGE_failure, .failure = {.status = -7, .path = "", .text = "Zu gro\xC3\x9F."}},
        {.tag = MESSAGE_failure, .failure = {.status = INT64_MIN}},
        {.tag = MESSAGE_failure, .failure = {.status = INT64_MAX}},
        {.tag = MESSAGE_job_accepted, .job_accepted = {.job_id = "1", .kind = "publish", .payload = "{}"}},
        {.tag = MESSAGE_ready_query},
        {.tag = MESSAGE_readiness, .readiness = {.is_ready = true, .program = "publish", .checks = {checks, 2}}},
        {.tag = MESSAGE_metrics, .metrics.samples = {samples, 3}},
        {.tag = MESSAGE_work_order, .work_order = {"0.15.15", 1, 2, "http://a", {packages, 2}, {jobs, 1}, {packages, 1}}},
        {.tag = MESSAGE_leases_renew, .leases_renew = {"w", "s", {leases, 2}, 1, {samples, 3}}},
        {.tag = MESSAGE_leases_renewed, .leases_renewed.lost = {leases, 1}},
        {.tag = MESSAGE_build_log, .build_log = {"w", "s", "id", 7, {lines, 2}}},
        {.tag = MESSAGE_build_outcome, .build_outcome = {"w", "s", "id", 7, "succeeded", NULL, &result, {lines, 1}}},
        {.tag = MESSAGE_build_outcome, .build_outcome = {.verdict = "timed_out"}},
        {.tag = MESSAGE_set_query, .set_query = {.version = "1.0.0", .looks_again = true}},
        {.tag = MESSAGE_trustee_query, .trustee_query = {.token = "c2VhbGVk", .actor = "somebody", .is_last_chance = true}},
        {.tag = MESSAGE_trustee_answer, .trustee_answer = {.token_is_known = true, .owner = "somebody", .actor_may = true}},
    };
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        const struct message *sent = &messages[i];
        struct text bytes = {0};
        struct arena arena = {0};
        struct message got;
        assert_int_equal(message_pack(sent, &bytes, NULL), STATUS_OK);
        assert_int_equal(message_unpack(sent->tag, bytes.bytes, bytes.length, &arena, &got, NULL), STATUS_OK);
        assert_int_equal(got.tag, sent->tag);
        struct text again = {0};
        assert_int_equal(message_pack(&got, &again, NULL), STATUS_OK);
        assert_int_equal(bytes.length, again.length);
        assert_memory_equal(bytes.bytes, again.bytes, again.length);
        text_release(&again);
        text_release(&bytes);
        arena_release(&arena);
    }
}

static void fields_arrive_in_their_places(void **state) {
    (void)state;
    struct message sent = {.tag = MESSAGE_job_accepted,
                           .job_accepted = {.job_id = "id", .kind = "publish", .version = "1.0.0", .payload = ""}};
    struct text bytes = {0};
    struct arena arena = {0};
    struct message got;
    assert_int_equal(message_pack(&sent, &bytes, NULL), STATUS_OK);
    assert_int_equal(message_unpack(MESSAGE_job_accepted, bytes.bytes, bytes.length, &arena, &got, NULL), STATUS_OK);
    assert_string_equal(got.job_accepted.job_id, "id");
    assert_string_equal(got.job_accepted.kind, "publish");
    assert_null(got.job_accepted.package);
    assert_string_equal(got.job_accepted.version, "1.0.0");
    assert_string_equal(got.job_accepted.payload, "");
    text_release(&bytes);
    arena_release(&arena);
}

static void records_arrive_in_their_places(void **state) {
    (void)state;
    struct message sent = {.tag = MESSAGE_metrics, .metrics.samples = {samples, 3}}, got;
    struct text bytes = {0};
    struct arena arena = {0};
    assert_int_equal(message_pack(&sent, &bytes, NULL), STATUS_OK);
    assert_int_equal(message_unpack(MESSAGE_metrics, bytes.bytes, bytes.length, &arena, &got, NULL), STATUS_OK);
    assert_int_equal(got.metrics.samples.count, 3);
    const struct record_metric *first = &got.metrics.samples.items[0], *last = &got.metrics.samples.items[2];
    assert_string_equal(first->name, "registry_jobs");
    assert_string_equal(first->help, "Jobs.");
    assert_int_equal(first->labels.count, 2);
    assert_string_equal(first->labels.items[0].value, "publish");
    assert_string_equal(first->labels.items[1].name, "state");
    assert_string_equal(first->labels.items[1].value, "");
    assert_true(first->value == -0.25);
    assert_null(last->name);
    assert_int_equal(last->labels.count, 0);
    assert_true(last->value == INFINITY);
    text_release(&bytes);
    arena_release(&arena);
}

static void an_optional_record_is_there_or_not(void **state) {
    (void)state;
    struct message sent = {.tag = MESSAGE_build_outcome, .build_outcome.result = &result}, got;
    struct text bytes = {0};
    struct arena arena = {0};
    assert_int_equal(message_pack(&sent, &bytes, NULL), STATUS_OK);
    assert_int_equal(message_unpack(sent.tag, bytes.bytes, bytes.length, &arena, &got, NULL), STATUS_OK);
    assert_int_equal(got.build_outcome.result->own_ms, 7);
    assert_int_equal(got.build_outcome.result->errors.items[0].position->end_column, 4);
    assert_null(got.build_outcome.result->errors.items[1].position);
    text_clear(&bytes);
    sent.build_outcome.result = NULL;
    assert_int_equal(message_pack(&sent, &bytes, NULL), STATUS_OK);
    assert_int_equal(message_unpack(sent.tag, bytes.bytes, bytes.length, &arena, &got, NULL), STATUS_OK);
    assert_null(got.build_outcome.result);
    text_release(&bytes);
    arena_release(&arena);
}

/* ---- Refused when packing ---- */

static void expect_not_packed(const struct message *message, enum status status, const char *path, const char *sentence) {
    struct text bytes = {0};
    struct error err;
    assert_int_equal(message_pack(message, &bytes, &err), status);
    assert_string_equal(err.path, path);
    assert_string_equal(err.message, sentence);
    assert_int_equal(bytes.length, 0);
    text_release(&bytes);
}

static void a_field_of_a_record_is_named_with_its_place(void **state) {
    (void)state;
    struct record_metric_label bad[] = {{"kind", "publish"}, {"state", "\xC3"}};
    struct record_metric some[] = {samples[0], {.name = "x", .labels = {bad, 2}}};
    const struct message message = {.tag = MESSAGE_metrics, .metrics.samples = {some, 2}};
    expect_not_packed(&message, STATUS_INVALID, "samples[1].labels[1].value",
                      "The field \"samples[1].labels[1].value\" of the message \"metrics\" is not valid UTF-8.");
}

static void a_list_over_its_limits_is_not_packed(void **state) {
    (void)state;
    enum { CHECKS_MAX = 64, CHECKS_BYTES_MAX = 65536, LONG_BYTES = 16384 };
    struct record_check many[CHECKS_MAX + 1] = {0};
    char text[LONG_BYTES + 1] = {0};
    struct message message = {.tag = MESSAGE_readiness, .readiness.checks = {many, CHECKS_MAX + 1}};
    expect_not_packed(&message, STATUS_TOO_LARGE, "checks",
                      "The field \"checks\" of the message \"readiness\" has 65 items, more than the 64 that it may have.");
    memset(text, 'x', LONG_BYTES);
    for (int i = 0; i < 4; i++)
        many[i].message = text;
    message.readiness.checks.count = 4; /* each record has some bytes more than its text */
    expect_not_packed(&message, STATUS_TOO_LARGE, "checks",
                      "The field \"checks\" of the message \"readiness\" has more than the 65536 bytes that it may have.");
    message.readiness.checks.count = 3;
    struct text bytes = {0};
    assert_int_equal(message_pack(&message, &bytes, NULL), STATUS_OK);
    text_release(&bytes);
}

static void a_text_over_its_bound_is_not_packed(void **state) {
    (void)state;
    char text[65 + 1];
    memset(text, 'x', 65);
    text[65] = '\0';
    struct message message = {.tag = MESSAGE_job_accepted, .job_accepted.job_id = text};
    struct text bytes = {0};
    struct error err;
    text_append(&bytes, "before");
    assert_int_equal(message_pack(&message, &bytes, &err), STATUS_TOO_LARGE);
    assert_string_equal(err.path, "job_id");
    assert_string_equal(text_view(&bytes), "before");
    text[64] = '\0';
    assert_int_equal(message_pack(&message, &bytes, &err), STATUS_OK);
    text_release(&bytes);
}

static void a_text_that_is_not_utf8_is_not_packed(void **state) {
    (void)state;
    struct message message = {.tag = MESSAGE_readiness, .readiness.program = "a\xC3"};
    struct text bytes = {0};
    struct error err;
    assert_int_equal(message_pack(&message, &bytes, &err), STATUS_INVALID);
    assert_string_equal(err.path, "program");
    text_release(&bytes);
}

static void the_longest_message_fits_the_bound(void **state) {
    (void)state;
    static const size_t bounds[] = {64, 32, 256, 64, 1100000};
    const char *texts[5];
    for (size_t i = 0; i < 5; i++) {
        char *text = malloc(bounds[i] + 1);
        assert_non_null(text);
        memset(text, 'x', bounds[i]);
        text[bounds[i]] = '\0';
        texts[i] = text;
    }
    struct message message = {.tag = MESSAGE_job_accepted, .job_accepted = {texts[0], texts[1], texts[2], texts[3], texts[4]}};
    struct text bytes = {0};
    assert_int_equal(message_pack(&message, &bytes, NULL), STATUS_OK);
    assert_true(bytes.length > 1100000 && bytes.length <= MESSAGE_BYTES_MAX);
    text_release(&bytes);
    for (size_t i = 0; i < 5; i++)
        free((char *)texts[i]);
}

/* ---- Refused when unpacking ---- */

/* The fields of `readiness`, written by hand; each test spoils one. */
static void write_ready(struct text *out, size_t count, const char *program) {
    wire_write_array(out, count);
    wire_write_flag(out, true);
    wire_write_text(out, program);
    wire_write_array(out, 0);
    wire_write_number(out, 0);
}

static void a_wrong_number_of_fields_is_refused(void **state) {
    (void)state;
    for (size_t count = 0; count < 20; count++) {
        struct text bytes = {0};
        struct message got;
        write_ready(&bytes, count, "publish");
        assert_int_equal(unpack(MESSAGE_readiness, &bytes, &got, NULL), count == 4 ? STATUS_OK : STATUS_INVALID);
        text_release(&bytes);
    }
}

static void a_wrong_type_is_refused_by_name(void **state) {
    (void)state;
    struct text bytes = {0};
    struct message got;
    struct error err;
    wire_write_array(&bytes, 4);
    wire_write_number(&bytes, 1);
    wire_write_text(&bytes, "publish");
    wire_write_array(&bytes, 0);
    wire_write_number(&bytes, 0);
    assert_int_equal(unpack(MESSAGE_readiness, &bytes, &got, &err), STATUS_INVALID);
    assert_string_equal(err.path, "is_ready");

    text_clear(&bytes);
    wire_write_array(&bytes, 4);
    wire_write_flag(&bytes, true);
    wire_write_binary(&bytes, "publish", 7);
    wire_write_array(&bytes, 0);
    wire_write_number(&bytes, 0);
    assert_int_equal(unpack(MESSAGE_readiness, &bytes, &got, &err), STATUS_INVALID);
    assert_string_equal(err.path, "program");
    text_release(&bytes);
}

static void a_number_out_of_range_is_refused(void **state) {
    (void)state;
    struct text bytes = {0};
    struct message got;
    struct error err;
    static const char unsigned_max[] = "\x93\xCF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xC0\xC0";
    text_append_bytes(&bytes, unsigned_max, sizeof unsigned_max - 1);
    assert_int_equal(unpack(MESSAGE_failure, &bytes, &got, &err), STATUS_INVALID);
    assert_string_equal(err.path, "status");
    text_release(&bytes);
}

static void a_long_or_malformed_text_is_refused(void **state) {
    (void)state;
    struct text bytes = {0};
    struct message got;
    struct error err;
    char text[65 + 1];
    memset(text, 'x', 65);
    text[65] = '\0';
    write_ready(&bytes, 4, text);
    assert_int_equal(unpack(MESSAGE_readiness, &bytes, &got, &err), STATUS_TOO_LARGE);
    assert_string_equal(err.path, "program");
    text_clear(&bytes);
    write_ready(&bytes, 4, "\xED\xA0\x80");
    assert_int_equal(unpack(MESSAGE_readiness, &bytes, &got, &err), STATUS_INVALID);
    text_clear(&bytes);
    text_append_bytes(&bytes, "\x94\xC3\xA3x\0y\xC0\x00", 8); /* a text of three bytes with a NUL inside */
    assert_int_equal(unpack(MESSAGE_readiness, &bytes, &got, &err), STATUS_INVALID);
    assert_string_equal(err.path, "program");
    text_release(&bytes);
}

static void bytes_left_over_are_refused(void **state) {
    (void)state;
    struct text bytes = {0};
    struct message got;
    write_ready(&bytes, 4, "publish");
    text_append_character(&bytes, '\0');
    assert_int_equal(unpack(MESSAGE_readiness, &bytes, &got, NULL), STATUS_INVALID);
    text_release(&bytes);
}

static void expect_cut_is_refused(const struct message *sent) {
    struct text bytes = {0};
    assert_int_equal(message_pack(sent, &bytes, NULL), STATUS_OK);
    for (size_t length = 0; length < bytes.length; length++) {
        char *exact = malloc(length + 1); /* of the exact size, so that the sanitizer sees a read past the end */
        assert_non_null(exact);
        memcpy(exact + 1, bytes.bytes, length);
        struct text cut = {.bytes = exact + 1, .length = length};
        struct message got;
        assert_int_equal(unpack(sent->tag, &cut, &got, NULL), STATUS_INVALID);
        free(exact);
    }
    text_release(&bytes);
}

static void every_cut_message_is_refused(void **state) {
    (void)state;
    expect_cut_is_refused(
        &(struct message){.tag = MESSAGE_failure, .failure = {.status = 4000000000, .path = "a", .text = "A sentence."}});
    expect_cut_is_refused(&(struct message){.tag = MESSAGE_readiness, .readiness.checks = {checks, 2}});
    expect_cut_is_refused(&(struct message){.tag = MESSAGE_metrics, .metrics.samples = {samples, 3}});
    expect_cut_is_refused(&(struct message){.tag = MESSAGE_build_outcome, .build_outcome = {.result = &result}});
}

static void an_unknown_tag_is_refused(void **state) {
    (void)state;
    struct text bytes = {0};
    struct message got;
    wire_write_array(&bytes, 0);
    assert_int_equal(unpack((enum message_tag)0, &bytes, &got, NULL), STATUS_INVALID);
    assert_int_equal(unpack((enum message_tag)4711, &bytes, &got, NULL), STATUS_INVALID);
    assert_null(message_name((enum message_tag)4711));
    assert_string_equal(message_name(MESSAGE_ready_query), "ready_query");
    text_release(&bytes);
}

/* An array or map that claims millions of members costs no memory: the claimed size is not trusted. */
static void claimed_sizes_cost_no_memory(void **state) {
    (void)state;
    static const char *const heads[] = {"\x94\xC3\xC0\xDD\x0F\xFF\xFF\xFF", /* a list */
                                        "\x94\xC3\xC0\xDC\x40",             /* cut */
                                        "\xDD\x0F\xFF\xFF\xFF",
                                        "\x93\xDD\x0F\xFF\xFF\xFF",
                                        "\x93\xDF\x0F\xFF\xFF\xFF",
                                        "\x93\xC9\x0F\xFF\xFF\xFF\x01",
                                        "\x93\xC3\xDB\x0F\xFF\xFF\xFF",
                                        "\x93\xC3\xC1"};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        struct text bytes = {0};
        struct message got;
        text_append(&bytes, heads[i]);
        enum status status = unpack(MESSAGE_readiness, &bytes, &got, NULL);
        text_release(&bytes);
        assert_int_equal(status, i == 0 ? STATUS_TOO_LARGE : STATUS_INVALID); /* the first is over the list's limit */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_comes_back_as_it_was),
        cmocka_unit_test(fields_arrive_in_their_places),
        cmocka_unit_test(records_arrive_in_their_places),
        cmocka_unit_test(an_optional_record_is_there_or_not),
        cmocka_unit_test(a_field_of_a_record_is_named_with_its_place),
        cmocka_unit_test(a_list_over_its_limits_is_not_packed),
        cmocka_unit_test(a_text_over_its_bound_is_not_packed),
        cmocka_unit_test(a_text_that_is_not_utf8_is_not_packed),
        cmocka_unit_test(the_longest_message_fits_the_bound),
        cmocka_unit_test(a_wrong_number_of_fields_is_refused),
        cmocka_unit_test(a_wrong_type_is_refused_by_name),
        cmocka_unit_test(a_number_out_of_range_is_refused),
        cmocka_unit_test(a_long_or_malformed_text_is_refused),
        cmocka_unit_test(bytes_left_over_are_refused),
        cmocka_unit_test(every_cut_message_is_refused),
        cmocka_unit_test(an_unknown_tag_is_refused),
        cmocka_unit_test(claimed_sizes_cost_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
