/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Webhooks and their events in Redis.
 */
#include "lib/store/webhook/webhook_store.h"

#include "tests/store/fixture.h"

static struct webhook add_hook(struct fixture *f, const char *events, const char *package) {
    struct webhook hook = {
        .url = "https://example.org/a b", .secret = "whsec_x", .events = events, .package = package, .problem = ""};
    assert_ok(webhook_store_add(f->store, &hook, &f->arena, &f->err));
    return hook;
}

static void add_event(struct fixture *f, const char *id, bool has_begun) {
    const struct webhook_event event = {.id = id, .event = "published", .package = "aff", .body = "{\"a\": 1}"};
    assert_ok(webhook_events_add(f->store, &event, 1, has_begun, &f->err));
}

/* The ids of the events after a place. */
static const char *read_ids(struct fixture *f, const char *after) {
    struct webhook_event *events;
    size_t count;
    const char *ids = "";
    assert_ok(webhook_events_read(f->store, after, 100, &f->arena, &events, &count, &f->err));
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(events[i].event, "published");
        assert_string_equal(events[i].package, "aff");
        assert_string_equal(events[i].body, "{\"a\": 1}");
        ids = arena_format(&f->arena, "%s%s ", ids, events[i].id);
    }
    return ids;
}

static void an_event_is_added_once_and_in_order(void **state) {
    struct fixture *f = *state;
    static const char *const ids[] = {"old", "one", "none"};
    bool is_known[3], has_begun;
    assert_ok(webhook_events_begun(f->store, &has_begun, &f->err));
    assert_false(has_begun);
    add_event(f, "old", false);
    assert_ok(webhook_events_begin(f->store, &f->err));
    assert_ok(webhook_events_begun(f->store, &has_begun, &f->err));
    assert_true(has_begun);
    add_event(f, "two", true);
    add_event(f, "one", true);
    add_event(f, "two", true);
    add_event(f, "old", true); /* it was there before the first event */
    assert_string_equal(read_ids(f, "0-0"), "two one ");
    assert_ok(webhook_events_know(f->store, ids, 3, is_known, &f->err));
    assert_true(is_known[0] && is_known[1] && !is_known[2]);
}

static void a_hook_begins_with_the_next_event(void **state) {
    struct fixture *f = *state;
    const struct webhook first = add_hook(f, "", "");
    add_event(f, "one", true);
    const struct webhook second = add_hook(f, "", "");
    add_event(f, "two", true);
    assert_string_equal(read_ids(f, first.cursor), "one two ");
    assert_string_equal(read_ids(f, second.cursor), "two ");
}

static void a_hook_is_read_as_it_was_noted(void **state) {
    struct fixture *f = *state;
    struct webhook hook = add_hook(f, "published,takedown", "aff"), read;
    struct webhook_list hooks;
    assert_ok(webhook_store_find(f->store, hook.id, &f->arena, &read, &f->err));
    assert_string_equal(read.url, hook.url);
    assert_string_equal(read.events, hook.events);
    assert_string_equal(read.problem, "");
    assert_false(read.is_paused);
    hook.cursor = "5-1";
    hook.failures = 3;
    hook.since_ms = 1764000000000;
    hook.next_ms = 1764000001000;
    hook.is_paused = true;
    hook.problem = "It answered 500.";
    assert_ok(webhook_store_note(f->store, &hook, &f->err));
    assert_ok(webhook_store_list(f->store, &f->arena, &hooks, &f->err));
    assert_int_equal(hooks.count, 1);
    read = hooks.items[0];
    assert_string_equal(read.cursor, "5-1");
    assert_string_equal(read.problem, hook.problem);
    assert_true(read.failures == 3 && read.since_ms == hook.since_ms && read.next_ms == hook.next_ms && read.is_paused);
    assert_ok(webhook_store_resume(f->store, hook.id, &f->err));
    assert_ok(webhook_store_find(f->store, hook.id, &f->arena, &read, &f->err));
    assert_true(!read.is_paused && read.failures == 0 && read.next_ms == 0);
    assert_string_equal(read.cursor, "5-1");
}

static void a_removed_hook_does_not_come_back(void **state) {
    struct fixture *f = *state;
    const struct webhook hook = add_hook(f, "", "");
    struct webhook_list hooks;
    struct webhook read;
    assert_ok(webhook_store_remove(f->store, hook.id, &f->err));
    assert_ok(webhook_store_note(f->store, &hook, &f->err)); /* by a sender that had it */
    assert_ok(webhook_store_list(f->store, &f->arena, &hooks, &f->err));
    assert_int_equal(hooks.count, 0);
    assert_status(STATUS_NOT_FOUND, webhook_store_find(f->store, hook.id, &f->arena, &read, &f->err));
    assert_status(STATUS_NOT_FOUND, webhook_store_remove(f->store, hook.id, &f->err));
    assert_status(STATUS_NOT_FOUND, webhook_store_remove(f->store, "../x", &f->err));
}

static void there_are_not_more_hooks_than_the_limit(void **state) {
    struct fixture *f = *state;
    struct webhook hook = {.url = "https://example.org/", .secret = "whsec_x", .events = "", .package = "", .problem = ""};
    for (int i = 0; i < WEBHOOKS_MAX; i++)
        add_hook(f, "", "");
    assert_status(STATUS_REFUSED, webhook_store_add(f->store, &hook, &f->arena, &f->err));
}

static void a_hook_wants_what_it_names(void **state) {
    (void)state;
    struct error err;
    const struct webhook all = {.events = "", .package = ""}, some = {.events = "package-set,published", .package = "aff"};
    assert_true(webhook_wants(&all, "takedown", "") && webhook_wants(&some, "published", "aff"));
    assert_false(webhook_wants(&some, "published", "affjax"));
    assert_false(webhook_wants(&some, "publish", "aff"));
    assert_false(webhook_wants(&some, "unpublished", "aff"));
    assert_int_equal(webhook_check_events("published,unpublished,package-set,takedown", &err), STATUS_OK);
    assert_int_equal(webhook_check_events("published,", &err), STATUS_OK);
    assert_int_equal(webhook_check_events("publish", &err), STATUS_INVALID);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        store_test(an_event_is_added_once_and_in_order),     store_test(a_hook_begins_with_the_next_event),
        store_test(a_hook_is_read_as_it_was_noted),          store_test(a_removed_hook_does_not_come_back),
        store_test(there_are_not_more_hooks_than_the_limit), store_test(a_hook_wants_what_it_names),
    };
    return cmocka_run_group_tests(tests, start_fixture, stop_fixture);
}
