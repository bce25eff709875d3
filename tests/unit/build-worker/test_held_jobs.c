/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/text.h"
#include "services/build-worker/held_jobs.h"

#define JOB "11111111-1111-4111-8111-111111111111"
#define OTHER "22222222-2222-4222-8222-222222222222"

enum { LONG_MS = 60000 };

static struct held_jobs list;
static struct held_order pieces[2];

/* The worker holds the job with lease 10, was cut off, and got it again with lease 14. */
static int set_up(void **state) {
    (void)state;
    static const struct build_job old[] = {{.job_id = JOB, .fence = 10}}, again[] = {{.job_id = JOB, .fence = 14}};
    held_jobs_init(&list);
    for (int i = 0; i < 2; i++) {
        pieces[i] = (struct held_order){.renew_until_ms = INT64_MAX};
        deadline_start(&pieces[i].deadline, LONG_MS);
        held_jobs_add(&list, &(struct work_order){.jobs = i ? again : old, .job_count = 1}, &pieces[i]);
    }
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    held_jobs_release(&list);
    return 0;
}

/* The leases to renew, by their numbers: `10 14`. */
static void expect_leases(const char *expected) {
    struct arena arena = {0};
    struct text numbers = {0};
    const struct record_lease_list leases = held_jobs_list_leases(&list, &arena);
    for (size_t i = 0; i < leases.count; i++) {
        assert_string_equal(leases.items[i].job_id, JOB);
        text_append_format(&numbers, "%s%d", i ? " " : "", (int)leases.items[i].fence);
    }
    assert_string_equal(text_view(&numbers), expected);
    text_release(&numbers);
    arena_release(&arena);
}

static void lose(const char *job_id, int64_t fence) {
    const struct record_lease lost = {job_id, fence};
    held_jobs_lose_all(&list, (struct record_lease_list){&lost, 1});
}

static void expect_stopped(bool first, bool second) {
    struct error err;
    assert_int_equal(deadline_check(&pieces[0].deadline, &err), first ? STATUS_STALE : STATUS_OK);
    assert_int_equal(deadline_check(&pieces[1].deadline, &err), second ? STATUS_STALE : STATUS_OK);
}

static void a_lost_job_that_the_worker_got_again_is_kept_under_its_new_number(void **state) {
    (void)state;
    expect_leases("10 14");
    lose(JOB, 10);
    expect_leases("14");
    expect_stopped(true, false);
    lose(JOB, 14);
    expect_leases("");
    expect_stopped(true, true);
}

static void a_job_lost_during_its_build_is_lost_once(void **state) {
    (void)state;
    assert_true(held_jobs_lose(&list, JOB, 10));
    assert_false(held_jobs_lose(&list, JOB, 10));
    expect_stopped(true, false);
}

/* Its result may have been sent or not: only the sender knows, and it logs a result that it drops. */
static void leases_lost_after_the_end_are_left_to_the_sender_to_log(void **state) {
    (void)state;
    static const struct build_job job = {.job_id = JOB, .fence = 10};
    held_jobs_end(&list, &job, &(struct build_outcome){.verdict = VERDICT_SUCCEEDED});
    assert_false(held_jobs_lose(&list, JOB, 10));
    assert_true(list.first->is_lost && list.first->is_loss_unlogged);
    lose(JOB, 14);
    assert_true(list.first->next->is_lost && !list.first->next->is_loss_unlogged);
}

static void others_stay(void **state) {
    (void)state;
    held_jobs_lose_all(&list, (struct record_lease_list){0});
    lose(OTHER, 10);
    lose(NULL, 10);
    assert_false(held_jobs_lose(&list, JOB, 9));
    expect_leases("10 14");
    expect_stopped(false, false);
}

/* ---- Sending ---- */

static const struct build_job job = {.job_id = JOB, .fence = 10};

static void expect_packed(const struct message *message) {
    struct text bytes = {0};
    struct error err;
    if (message_pack(message, &bytes, &err)) fail_msg("%s", err.message);
    text_release(&bytes);
}

static void a_line_that_is_not_utf8_is_mended(void **state) {
    (void)state;
    held_jobs_say(&list, &job, LOG_INFO, "gr\xC3\xB6\xC3\xFF, er");
    held_jobs_say(&list, &job, LOG_WARN, "");
    const struct held_lines *lines = &list.first->lines;
    assert_int_equal(lines->count, 2);
    assert_string_equal(lines->items[0].text, "gr\xC3\xB6??, er");
    assert_string_equal(lines->items[0].level, "INFO");
    assert_int_equal(lines->items[0].number, 1);
    assert_string_equal(lines->items[1].text, "");
    assert_int_equal(lines->items[1].number, 2);
    expect_packed(&(struct message){.tag = MESSAGE_build_log, .build_log.lines = {lines->items, lines->count}});
}

static void a_line_that_is_too_long_is_cut_between_two_characters(void **state) {
    (void)state;
    enum { MOST = HELD_LINE_BYTES };
    struct text text = {0};
    text_append(&text, "x");
    while (text.length <= MOST)
        text_append(&text, "\xC3\xB6");
    held_jobs_say(&list, &job, LOG_INFO, text_view(&text));
    const struct held_lines *lines = &list.first->lines;
    assert_in_range(strlen(lines->items[0].text), MOST - 1, MOST);
    assert_true(text_ends_with(lines->items[0].text, "\xC3\xB6…"));
    expect_packed(&(struct message){.tag = MESSAGE_build_log, .build_log.lines = {lines->items, lines->count}});
    text_release(&text);
}

static struct message outcome_of(const struct held_job *held) {
    return (struct message){.tag = MESSAGE_build_outcome,
                            .build_outcome = {.verdict = held->verdict, .reason = held->reason, .result = held->result}};
}

static void an_outcome_that_is_not_utf8_is_mended(void **state) {
    (void)state;
    static const struct build_error errors[] = {
        {.message = "No\xFF", .code = "E\xFF", .filename = "\xFF.purs", .module = "\xC3"}};
    held_jobs_end(&list, &job,
                  &(struct build_outcome){.verdict = VERDICT_FAILED_TO_COMPILE,
                                          .reason = "Because \xFF.",
                                          .result = {.compiled_modules = 3, .errors = errors, .error_count = 1}});
    const struct held_job *held = list.first;
    assert_string_equal(held->verdict, "failed_to_compile");
    assert_string_equal(held->reason, "Because ?.");
    assert_int_equal(held->result->compiled_modules, 3);
    assert_int_equal(held->result->errors.count, 1);
    assert_string_equal(held->result->errors.items[0].message, "No?");
    assert_string_equal(held->result->errors.items[0].filename, "?.purs");
    assert_null(held->result->errors.items[0].link);
    const struct message outcome = outcome_of(held);
    expect_packed(&outcome);
}

/* A message that is refused would never be accepted: the job would be built again and again. */
static void a_result_that_is_too_large_keeps_some_errors(void **state) {
    (void)state;
    enum { ERRORS = 9, BYTES = 300000 };
    struct build_error errors[ERRORS];
    struct text text = {0};
    while (text.length < BYTES)
        text_append(&text, "no and no ");
    for (int i = 0; i < ERRORS; i++)
        errors[i] = (struct build_error){.message = text_view(&text), .code = text_view(&text)};
    held_jobs_end(&list, &job,
                  &(struct build_outcome){.verdict = VERDICT_FAILED_TO_COMPILE,
                                          .reason = text_view(&text),
                                          .result = {.errors = errors, .error_count = ERRORS, .errors_left_out = 2}});
    const struct record_build_result *result = list.first->result;
    assert_in_range(result->errors.count, 3, ERRORS - 1);
    assert_int_equal(result->errors.count + (size_t)result->errors_left_out, ERRORS + 2);
    const struct message outcome = outcome_of(list.first);
    expect_packed(&outcome);
    text_release(&text);
}

/* ---- Held lines ---- */

static void lines_go_in_order_and_come_back_in_order(void **state) {
    (void)state;
    struct held_lines lines = {0}, later = {0};
    for (int i = 1; i <= 3; i++)
        held_lines_add(&lines, i, LOG_INFO, clean_text("0123456789", HELD_LINE_BYTES));
    assert_int_equal(held_lines_fit(&lines, 1), 1); /* one line of any length is sent */
    assert_int_equal(held_lines_fit(&lines, lines.bytes - 1), 2);
    assert_int_equal(held_lines_fit(&lines, lines.bytes), 3);
    held_lines_drop(&lines, 1);
    held_lines_add(&later, 4, LOG_INFO, clean_text("", HELD_LINE_BYTES));
    held_lines_put_before(&later, &lines);
    assert_int_equal(lines.count, 0);
    assert_int_equal(later.count, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(later.items[i].number, i + 2);
    held_lines_drop(&later, 3);
    assert_int_equal(later.bytes, 0);
    assert_int_equal(held_lines_fit(&later, 1000), 0);
    held_lines_release(&later);
    held_lines_release(&lines);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_lost_job_that_the_worker_got_again_is_kept_under_its_new_number, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_job_lost_during_its_build_is_lost_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leases_lost_after_the_end_are_left_to_the_sender_to_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(others_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_that_is_not_utf8_is_mended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_that_is_too_long_is_cut_between_two_characters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_outcome_that_is_not_utf8_is_mended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_result_that_is_too_large_keeps_some_errors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lines_go_in_order_and_come_back_in_order, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
