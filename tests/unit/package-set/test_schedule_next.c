/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include "lib/base/clock.h"
#include "services/package-set/schedule_next.h"

enum { HOUR_MS = 3600 * 1000 };

static int64_t at(const char *text) {
    int64_t time_ms;
    assert_true(time_parse(text, &time_ms));
    return time_ms;
}

/* Noon; the daily update of this day was made, others follow publications after an hour, and one was made. */
static struct schedule_facts noon(void) {
    return (struct schedule_facts){.now_ms = at("2026-12-01T12:00:00Z"),
                                   .daily = {.minute = 4 * 60 + 30},
                                   .daily_done_ms = at("2026-12-01T04:30:00Z"),
                                   .after_ms = HOUR_MS,
                                   .per_day = 4,
                                   .made_today = 1,
                                   .ended_ms = at("2026-12-01T05:00:00Z")};
}

static void expect(const struct schedule_facts *facts, const char *expected) {
    char text[TIME_TEXT_MAX];
    time_print(schedule_next_update(facts), text);
    assert_string_equal(text, expected);
}

static void without_candidates_the_daily_one_is_next(void **state) {
    (void)state;
    struct schedule_facts facts = noon();
    expect(&facts, "2026-12-02T04:30:00.000Z");
    facts.daily_done_ms = at("2026-11-30T04:30:00Z"); /* made up for */
    expect(&facts, "2026-12-01T12:00:00.000Z");
    facts.daily.is_never = true;
    assert_int_equal(schedule_next_update(&facts), 0);
}

static void one_follows_publications_and_the_one_before(void **state) {
    (void)state;
    struct schedule_facts facts = noon();
    facts.has_candidates = true;
    facts.newest_ms = at("2026-12-01T11:20:00Z");
    expect(&facts, "2026-12-01T12:20:00.000Z");
    facts.newest_ms = at("2026-12-01T10:00:00Z");
    expect(&facts, "2026-12-01T12:00:00.000Z");
    facts.ended_ms = at("2026-12-01T11:50:00Z");
    expect(&facts, "2026-12-01T12:50:00.000Z");
    facts.after_ms = 0;
    expect(&facts, "2026-12-02T04:30:00.000Z");
}

static void there_are_so_many_a_day_at_most(void **state) {
    (void)state;
    struct schedule_facts facts = noon();
    facts.has_candidates = true;
    facts.newest_ms = at("2026-12-01T11:20:00Z");
    facts.made_today = 4;
    expect(&facts, "2026-12-02T00:00:00.000Z");
    facts.newest_ms = at("2026-12-01T23:30:00Z"); /* of a clock that is ahead */
    expect(&facts, "2026-12-02T00:30:00.000Z");
    facts.per_day = 0;
    expect(&facts, "2026-12-02T04:30:00.000Z");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_candidates_the_daily_one_is_next),
        cmocka_unit_test(one_follows_publications_and_the_one_before),
        cmocka_unit_test(there_are_so_many_a_day_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
