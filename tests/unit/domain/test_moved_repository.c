/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "lib/domain/job/operation.h"
#include "lib/domain/registry/manifest_index.h"
#include "lib/domain/registry/moved_repository.h"

static struct arena arena;
static struct manifest_index *index_;

static void add(const char *name, const char *location) {
    const char *file = arena_format(&arena, "{\"location\":%s,\"published\":{},\"unpublished\":{}}", location);
    assert_int_equal(manifest_index_set_metadata(index_, name, file, strlen(file), NULL), STATUS_OK);
}

static int set_up(void **state) {
    (void)state;
    index_ = manifest_index_create();
    add("plain", "{\"githubOwner\":\"Old\",\"githubRepo\":\"plain\"}");
    add("folder", "{\"githubOwner\":\"Old\",\"githubRepo\":\"many\",\"subdir\":\"a\"}");
    add("sibling", "{\"githubOwner\":\"Old\",\"githubRepo\":\"many\",\"subdir\":\"b\"}");
    add("url", "{\"gitUrl\":\"https://github.com/Old/url.git\"}");
    add("taken", "{\"githubOwner\":\"new\",\"githubRepo\":\"taken\"}");
    add("taken-folder", "{\"githubOwner\":\"new\",\"githubRepo\":\"many-taken\",\"subdir\":\"a\"}");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    manifest_index_free(index_);
    arena_release(&arena);
    return 0;
}

static struct repository_move move_of(const char *name, const char *owner, const char *repo) {
    struct repository_move move;
    const struct github_repository target = {owner, repo};
    repository_move_init(&move, name, &manifest_index_find_metadata(index_, name)->location, &target);
    return move;
}

static enum status check(const struct repository_move *move, struct error *err) {
    return repository_move_check(move, index_, err);
}

static void a_moved_package_is_transferred(void **state) {
    (void)state;
    struct error err;
    const char *const names[] = {"plain", "folder", "sibling", "url"};
    for (size_t i = 0; i < 4; i++) {
        struct repository_move move = move_of(names[i], "New", "moved");
        if (check(&move, &err)) fail_msg("%s: %s", names[i], err.message);
    }
}

static void the_same_place_in_another_case_is_no_move(void **state) {
    (void)state;
    struct error err;
    struct repository_move plain = move_of("plain", "oLD", "Plain"), url = move_of("url", "old", "URL");
    assert_int_equal(check(&plain, &err), STATUS_CONFLICT);
    assert_int_equal(check(&url, &err), STATUS_CONFLICT);
}

static void the_place_of_another_package_is_refused(void **state) {
    (void)state;
    struct error err;
    struct repository_move move = move_of("plain", "NEW", "Taken");
    assert_int_equal(check(&move, &err), STATUS_REFUSED);
    assert_non_null(strstr(err.message, "belongs to the package taken"));
    /* Folders of one repository are places of their own. */
    struct repository_move folder = move_of("folder", "new", "many-taken"), sibling = move_of("sibling", "new", "many-taken");
    assert_int_equal(check(&folder, &err), STATUS_REFUSED);
    assert_int_equal(check(&sibling, &err), STATUS_OK);
}

static void a_place_that_clients_cannot_read_is_refused(void **state) {
    (void)state;
    struct error err;
    struct repository_move move = move_of("plain", "new", "a b");
    assert_int_equal(check(&move, &err), STATUS_INVALID);
    assert_string_equal(err.path, "githubRepo");
}

static void a_package_that_went_elsewhere_meanwhile_stays(void **state) {
    (void)state;
    struct error err;
    const struct location from = {.kind = LOCATION_GITHUB, .github_owner = "Old", .github_repo = "plain"};
    const struct github_repository target = {"new", "moved"};
    struct repository_move move;
    repository_move_init(&move, "plain", &from, &target);
    assert_int_equal(check(&move, &err), STATUS_OK);
    add("plain", "{\"githubOwner\":\"third\",\"githubRepo\":\"plain\"}");
    assert_int_equal(check(&move, &err), STATUS_STALE);
    manifest_index_remove_metadata(index_, "plain");
    assert_int_equal(check(&move, &err), STATUS_STALE);
}

/* Two moves to the same place at different times are two payloads, which the transfer service reads all the same. */
static void the_payload_is_that_of_a_transfer(void **state) {
    (void)state;
    struct text first = {0}, later = {0};
    struct error err;
    struct transfer_request request;
    struct repository_move move = move_of("folder", "new", "moved");
    repository_move_append_payload(&first, &move, 1800000000000);
    repository_move_append_payload(&later, &move, 1800000000001);
    assert_string_equal(text_view(&first),
                        "{\"name\":\"folder\",\"newLocation\":{\"githubOwner\":\"new\",\"githubRepo\":\"moved\","
                        "\"subdir\":\"a\"},\"seenAt\":\"2027-01-15T08:00:00.000Z\"}");
    assert_string_not_equal(text_view(&first), text_view(&later));
    assert_int_equal(transfer_request_parse(&request, text_view(&first), &arena, &err), STATUS_OK);
    assert_string_equal(request.name, "folder");
    assert_true(location_equal(&request.new_location, &move.to));
    text_release(&first);
    text_release(&later);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_moved_package_is_transferred, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_same_place_in_another_case_is_no_move, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_place_of_another_package_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_place_that_clients_cannot_read_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_package_that_went_elsewhere_meanwhile_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_payload_is_that_of_a_transfer, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
