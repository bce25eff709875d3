/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The part of a log that its readers share (services/gateway/stream/feed.h).
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "services/gateway/stream/feed.h"

enum { LIMIT = 64, MOST_BYTES = 1 << 20 };

static const char job_id[] = "3f2c0d4e-0000-4000-8000-000000000000";

/* Adds line N of the log, at the time 10 * N. */
static void add_line(struct feed *feed, int number, enum log_level level, size_t padding) {
    struct text event = {0}, plain = {0};
    text_append_format(&event, "line %d%*s", number, (int)padding, "");
    text_append_format(&plain, "plain %d", number);
    feed_add(feed, feed_item_create(FEED_LINE, level, 10 * number, number, &event, &plain));
    text_release(&plain);
    text_release(&event);
}

static void add_other(struct feed *feed, enum feed_item_kind kind, int64_t time_ms, const char *bytes) {
    struct text event = {0}, plain = {0};
    text_append(&event, bytes);
    feed_add(feed, feed_item_create(kind, LOG_INFO, time_ms, 0, &event, &plain));
    text_release(&event);
}

/* Takes up to `limit` items and appends their bytes to `out`, separated by commas. */
static enum feed_answer take(struct feed *feed, struct feed_position *position, enum feed_form form, enum log_level level,
                             size_t limit, char out[1000]) {
    struct feed_item *items[LIMIT];
    size_t count;
    const struct feed_filter filter = {.form = form, .level = level};
    enum feed_answer answer = feed_take(feed, position, &filter, MOST_BYTES, items, limit, &count);
    out[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(out);
        snprintf(out + length, 1000 - length, "%s%.*s", i ? "," : "", (int)items[i]->length[form],
                 feed_item_bytes(items[i], form));
        feed_item_drop(items[i]);
    }
    return answer;
}

static void expect(struct feed *feed, struct feed_position *position, enum feed_answer answer, const char *bytes) {
    char taken[1000];
    assert_int_equal(take(feed, position, FEED_EVENTS, LOG_DEBUG, LIMIT, taken), answer);
    assert_string_equal(taken, bytes);
}

static void readers_take_at_their_own_pace(void **state) {
    (void)state;
    char taken[1000];
    struct feed *feed = feed_create(job_id, 1);
    struct feed_position first = {0}, second = {0};
    expect(feed, &first, FEED_HAS_NONE, ""); /* it is not ready */
    feed_open(feed, 0);
    add_line(feed, 1, LOG_INFO, 0);
    add_line(feed, 2, LOG_INFO, 0);
    expect(feed, &first, FEED_HAS_ITEMS, "line 1,line 2");
    expect(feed, &first, FEED_HAS_NONE, "");
    add_line(feed, 3, LOG_INFO, 0);
    assert_int_equal(take(feed, &second, FEED_TEXT, LOG_DEBUG, 2, taken), FEED_HAS_ITEMS);
    assert_string_equal(taken, "plain 1,plain 2");
    expect(feed, &first, FEED_HAS_ITEMS, "line 3");
    assert_int_equal(take(feed, &second, FEED_TEXT, LOG_DEBUG, 2, taken), FEED_HAS_ITEMS);
    assert_string_equal(taken, "plain 3");
    feed_drop(feed);
}

static void a_reader_enters_after_its_last_line(void **state) {
    (void)state;
    struct feed *feed = feed_create(job_id, 1);
    struct feed_position old = {.time_ms = 20}, in_the_middle = {.time_ms = 40}, newest = {.time_ms = 50},
                         ahead = {.time_ms = 60};
    feed_open(feed, 30); /* three lines are in the store only */
    add_line(feed, 4, LOG_INFO, 0);
    add_line(feed, 5, LOG_INFO, 0);
    expect(feed, &old, FEED_IS_PAST, "");
    expect(feed, &in_the_middle, FEED_HAS_ITEMS, "line 5");
    expect(feed, &newest, FEED_HAS_NONE, "");
    expect(feed, &ahead, FEED_HAS_NONE, ""); /* it has a line from the store that the hub adds later */
    add_line(feed, 6, LOG_INFO, 0);
    add_line(feed, 7, LOG_INFO, 0);
    expect(feed, &ahead, FEED_HAS_ITEMS, "line 7");
    expect(feed, &newest, FEED_HAS_ITEMS, "line 6,line 7");
    feed_drop(feed);
}

static void a_reader_that_is_too_slow_is_past(void **state) {
    (void)state;
    struct feed *feed = feed_create(job_id, 1);
    struct feed_position position = {0}, fresh = {0};
    char taken[1000];
    feed_open(feed, 0);
    add_line(feed, 1, LOG_INFO, 0);
    expect(feed, &position, FEED_HAS_ITEMS, "line 1");
    for (int i = 2; i <= FEED_ITEMS_MAX + 1; i++)
        add_line(feed, i, LOG_INFO, 0);
    assert_int_equal(take(feed, &position, FEED_EVENTS, LOG_DEBUG, 1, taken), FEED_HAS_ITEMS);
    assert_string_equal(taken, "line 2");
    add_line(feed, FEED_ITEMS_MAX + 2, LOG_INFO, 0); /* takes the place of line 2 */
    assert_int_equal(take(feed, &position, FEED_EVENTS, LOG_DEBUG, 1, taken), FEED_HAS_ITEMS);
    assert_string_equal(taken, "line 3");
    for (int i = 3; i <= 5; i++)
        add_line(feed, FEED_ITEMS_MAX + i, LOG_INFO, 0);
    assert_int_equal(take(feed, &position, FEED_EVENTS, LOG_DEBUG, 1, taken), FEED_IS_PAST);
    assert_int_equal(take(feed, &fresh, FEED_EVENTS, LOG_DEBUG, 1, taken), FEED_IS_PAST);
    feed_drop(feed);
}

static void the_bytes_of_a_feed_are_bounded(void **state) {
    (void)state;
    enum { PADDING = 10000 };
    struct feed *feed = feed_create(job_id, 1);
    feed_open(feed, 0);
    for (int i = 1; i <= 100; i++) {
        add_line(feed, i, LOG_INFO, PADDING);
        assert_true(feed->bytes <= FEED_BYTES_MAX);
    }
    assert_true(feed->next - feed->first >= FEED_BYTES_MAX / (PADDING + 200));
    add_line(feed, 101, LOG_INFO, 2 * FEED_BYTES_MAX); /* larger than all: it is there alone */
    assert_int_equal(feed->next - feed->first, 1);
    feed_drop(feed);
}

static void the_newest_state_comes_first_and_once(void **state) {
    (void)state;
    struct feed *feed = feed_create(job_id, 1);
    struct feed_position position = {.time_ms = 10}, knows = {.time_ms = 10};
    feed_open(feed, 0);
    add_other(feed, FEED_STATE, 0, "pending");
    add_line(feed, 1, LOG_INFO, 0);
    add_other(feed, FEED_STATE, 10, "running");
    add_line(feed, 2, LOG_INFO, 0);
    expect(feed, &position, FEED_HAS_ITEMS, "running,line 2");
    knows.state_hash = feed_state_hash("running", strlen("running"));
    expect(feed, &knows, FEED_HAS_ITEMS, "line 2");
    add_other(feed, FEED_STATE, 20, "running"); /* nothing has changed */
    expect(feed, &position, FEED_HAS_NONE, "");
    add_other(feed, FEED_STATE, 20, "succeeded");
    add_other(feed, FEED_END, 30, "end");
    expect(feed, &position, FEED_HAS_ITEMS, "succeeded,end");
    feed_drop(feed);
}

static void lower_lines_are_passed_over_and_the_end_is_not(void **state) {
    (void)state;
    char taken[1000];
    struct feed *feed = feed_create(job_id, 1);
    struct feed_position position = {0};
    feed_open(feed, 0);
    add_line(feed, 1, LOG_INFO, 0);
    add_line(feed, 2, LOG_ERROR, 0);
    add_line(feed, 3, LOG_DEBUG, 0);
    add_other(feed, FEED_END, 40, "end");
    assert_int_equal(take(feed, &position, FEED_EVENTS, LOG_WARN, LIMIT, taken), FEED_HAS_ITEMS);
    assert_string_equal(taken, "line 2,end");
    feed_drop(feed);
}

static void a_part_has_at_most_so_many_bytes(void **state) {
    (void)state;
    struct feed_item *items[LIMIT];
    size_t count;
    const struct feed_filter filter = {.form = FEED_EVENTS};
    struct feed *feed = feed_create(job_id, 1);
    struct feed_position position = {0};
    feed_open(feed, 0);
    for (int i = 1; i <= 5; i++)
        add_line(feed, i, LOG_INFO, 1000);
    assert_int_equal(feed_take(feed, &position, &filter, 2500, items, LIMIT, &count), FEED_HAS_ITEMS);
    assert_int_equal(count, 2);
    feed_item_drop(items[0]), feed_item_drop(items[1]);
    assert_int_equal(feed_take(feed, &position, &filter, 10, items, LIMIT, &count), FEED_HAS_ITEMS);
    assert_int_equal(count, 1); /* one at least */
    assert_int_equal(items[0]->ordinal, 3);
    feed_item_drop(items[0]);
    feed_drop(feed);
}

static void a_lost_feed_first_gives_what_it_has(void **state) {
    (void)state;
    struct feed *feed = feed_create(job_id, 1);
    struct feed_position position = {0};
    feed_open(feed, 0);
    add_line(feed, 1, LOG_INFO, 0);
    assert_false(feed_has_news(feed, 10));
    assert_true(feed_has_news(feed, 9));
    feed_lose(feed);
    expect(feed, &position, FEED_HAS_ITEMS, "line 1");
    expect(feed, &position, FEED_IS_LOST, "");
    assert_true(feed_has_news(feed, 10));
    feed_drop(feed);
}

static void add_change(struct feed *feed, int64_t place, enum job_kind kind, const char *package) {
    const struct job job = {.kind = kind, .package = package};
    struct text event = {0};
    text_append_format(&event, "%s %s", job_kind_text(kind), package ? package : "-");
    feed_add(feed, feed_item_create_change(place, &job, &event));
    text_release(&event);
}

static void changes_are_chosen_by_kind_and_package(void **state) {
    (void)state;
    struct feed_item *items[LIMIT];
    size_t count;
    struct feed *feed = feed_create(FEED_OF_ALL_JOBS, 1);
    feed_open(feed, 100);
    add_change(feed, 101, JOB_KIND_PUBLISH, "aff");
    add_change(feed, 102, JOB_KIND_MATRIX, "aff");
    add_change(feed, 103, JOB_KIND_PACKAGE_SET, NULL);
    add_change(feed, 104, JOB_KIND_PUBLISH, "affjax");
    const struct {
        struct feed_filter filter;
        size_t count;
        const char *first;
    } cases[] = {{{.kinds = 0}, 4, "publish aff"},
                 {{.kinds = 1u << JOB_KIND_MATRIX}, 1, "matrix aff"},
                 {{.package = "aff"}, 2, "publish aff"},
                 {{.kinds = 1u << JOB_KIND_PUBLISH, .package = "affjax"}, 1, "publish affjax"},
                 {{.kinds = 1u << JOB_KIND_PACKAGE_SET}, 1, "packageset -"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct feed_position position = {.time_ms = 100};
        assert_int_equal(feed_take(feed, &position, &cases[i].filter, MOST_BYTES, items, LIMIT, &count), FEED_HAS_ITEMS);
        assert_int_equal(count, cases[i].count);
        assert_memory_equal(feed_item_bytes(items[0], FEED_EVENTS), cases[i].first, strlen(cases[i].first));
        for (size_t n = 0; n < count; n++)
            feed_item_drop(items[n]);
    }
    feed_drop(feed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_take_at_their_own_pace),
        cmocka_unit_test(a_reader_enters_after_its_last_line),
        cmocka_unit_test(a_reader_that_is_too_slow_is_past),
        cmocka_unit_test(the_bytes_of_a_feed_are_bounded),
        cmocka_unit_test(the_newest_state_comes_first_and_once),
        cmocka_unit_test(lower_lines_are_passed_over_and_the_end_is_not),
        cmocka_unit_test(a_part_has_at_most_so_many_bytes),
        cmocka_unit_test(a_lost_feed_first_gives_what_it_has),
        cmocka_unit_test(changes_are_chosen_by_kind_and_package),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
