/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "services/build-worker/held_jobs.h"

#define JOB "11111111-1111-4111-8111-111111111111"
#define OTHER "22222222-2222-4222-8222-222222222222"

enum { LONG_MS = 60000 };

static struct held_jobs list;
static struct held_order pieces[2];

/* The worker has the job under number 10, was cut off, and got it again under number 14. */
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

static void expect_leases(const char *expected) {
    struct text leases = {0};
    held_jobs_append_leases(&list, &leases);
    assert_string_equal(text_view(&leases), expected);
    text_release(&leases);
}

static void expect_stopped(bool first, bool second) {
    struct error err;
    assert_int_equal(deadline_check(&pieces[0].deadline, &err), first ? STATUS_STALE : STATUS_OK);
    assert_int_equal(deadline_check(&pieces[1].deadline, &err), second ? STATUS_STALE : STATUS_OK);
}

static void a_lost_job_that_the_worker_got_again_is_kept_under_its_new_number(void **state) {
    (void)state;
    expect_leases("[[\"" JOB "\",10],[\"" JOB "\",14]]");
    held_jobs_lose_all(&list, "[[\"" JOB "\",10],[\"" JOB "\",14]]", "[\"" JOB "\"]");
    expect_leases("[[\"" JOB "\",14]]");
    expect_stopped(true, false);
    held_jobs_lose_all(&list, "[[\"" JOB "\",14]]", "[\"" JOB "\"]");
    expect_leases("[]");
    expect_stopped(true, true);
}

static void an_answer_is_about_the_numbers_that_were_asked_for(void **state) {
    (void)state;
    held_jobs_lose_all(&list, "[[\"" JOB "\",10]]", "[\"" JOB "\"]");
    expect_leases("[[\"" JOB "\",14]]");
    expect_stopped(true, false);
}

static void what_is_lost_under_way_is_lost_once(void **state) {
    (void)state;
    assert_true(held_jobs_lose(&list, JOB, 10));
    assert_false(held_jobs_lose(&list, JOB, 10));
    expect_stopped(true, false);
}

static void others_stay(void **state) {
    (void)state;
    held_jobs_lose_all(&list, "[[\"" JOB "\",10],[\"" JOB "\",14]]", "[\"" OTHER "\"]");
    held_jobs_lose_all(&list, "[[\"" JOB "\",10]]", "[]");
    held_jobs_lose_all(&list, "[[\"" JOB "\",10]]", "nothing");
    assert_false(held_jobs_lose(&list, JOB, 9));
    assert_false(held_jobs_lose(&list, OTHER, 10));
    expect_leases("[[\"" JOB "\",10],[\"" JOB "\",14]]");
    expect_stopped(false, false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_lost_job_that_the_worker_got_again_is_kept_under_its_new_number, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_answer_is_about_the_numbers_that_were_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_lost_under_way_is_lost_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(others_stay, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
