/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "lib/domain/registry/new_tags.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const int64_t hour_ms = 3600 * 1000, now_ms = 1800000000000;

static struct arena arena;

static int release_arena(void **state) {
    (void)state;
    arena_release(&arena);
    return 0;
}

/* 1.0.0 is published, 2.0.0 unpublished. */
static struct metadata registered(void) {
    static struct published_version published = {.version = {1, 0, 0}};
    static struct unpublished_version unpublished = {.version = {2, 0, 0}};
    return (struct metadata){
        .published = &published, .published_count = 1, .unpublished = &unpublished, .unpublished_count = 1};
}

/* The names of the tags that are found, in their order. */
static const char *find(const char *const *names, size_t count) {
    struct metadata metadata = registered();
    struct repository_tag *tags = arena_alloc(&arena, (count + 1) * sizeof *tags);
    struct new_tag *found;
    const char *all = "";
    for (size_t i = 0; i < count; i++)
        tags[i] = (struct repository_tag){names[i], arena_format(&arena, "commit-%zu", i)};
    size_t found_count = new_tags_find(&found, tags, count, &metadata, &arena);
    for (size_t i = 0; i < found_count; i++)
        all = arena_format(&arena, "%s%s%s", all, i ? " " : "", found[i].tag->name);
    return all;
}

static void tags_that_read_as_an_unknown_version_are_found(void **state) {
    (void)state;
    static const char *const names[] = {"0.9.0", "v1.0.0", "1.0.0", "v2.0.0", "2.0.0", "v1.10.0", "v1.2.0", "3.0.0"};
    assert_string_equal(find(names, COUNT(names)), "3.0.0 v1.10.0 v1.2.0 0.9.0");
    assert_string_equal(find(NULL, 0), "");
}

static void other_tags_are_no_versions(void **state) {
    (void)state;
    static const char *const names[] = {"",           "v",        "latest",          "1.1",           "v1.1",
                                        "v1",         "1.1.0.0",  "V1.1.0",          "vv1.1.0",       "v1.1.0-rc1",
                                        "1.1.0-beta", "1.1.0+b1", "v01.1.0",         "v 1.1.0",       " v1.1.0",
                                        "v1.1.0 ",    "1.-1.0",   "v1.1.2147483648", "release-1.1.0", "a/v1.1.0"};
    assert_string_equal(find(names, COUNT(names)), "");
}

/* `purs publish` knows a version by a tag with a `v`. */
static void a_version_with_two_tags_is_found_once(void **state) {
    (void)state;
    static const char *const names[] = {"1.1.0", "v1.1.0", "v1.2.0", "1.2.0", "1.3.0"};
    assert_string_equal(find(names, COUNT(names)), "1.3.0 v1.2.0 v1.1.0");
}

static void packages_at_github_without_a_folder_are_looked_at(void **state) {
    (void)state;
    const struct location plain = {.kind = LOCATION_GITHUB, .github_owner = "a", .github_repo = "b"};
    const struct location folder = {.kind = LOCATION_GITHUB, .github_owner = "a", .github_repo = "b", .subdir = "c"};
    const struct location url = {.kind = LOCATION_GIT, .git_url = "https://github.com/a/b.git"};
    const struct location url_folder = {.kind = LOCATION_GIT, .git_url = "https://github.com/a/b.git", .subdir = "c"};
    const struct location elsewhere = {.kind = LOCATION_GIT, .git_url = "https://example.org/a/b.git"};
    assert_true(new_tags_are_of(&plain));
    assert_true(new_tags_are_of(&url));
    assert_false(new_tags_are_of(&folder));
    assert_false(new_tags_are_of(&url_folder));
    assert_false(new_tags_are_of(&elsewhere));
}

static void commits_of_the_last_day_are_recent(void **state) {
    (void)state;
    static const struct {
        int64_t looked_hours_ago, since_hours_ago;
    } rows[] = {{1, 24}, {22, 24}, {23, 24}, {24, 25}, {49, 50}, {166, 167}, {167, 168}, {168, 168}, {9999, 168}};
    assert_int_equal(new_tags_since_ms(now_ms, 0), now_ms - 24 * hour_ms);
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(new_tags_since_ms(now_ms, now_ms - rows[i].looked_hours_ago * hour_ms),
                         now_ms - rows[i].since_hours_ago * hour_ms);
    /* A look by a clock that was ahead changes nothing. */
    assert_int_equal(new_tags_since_ms(now_ms, now_ms + 100 * hour_ms), now_ms - 24 * hour_ms);
}

static void the_publication_is_requested_as_its_author_would(void **state) {
    (void)state;
    const struct location location = {.kind = LOCATION_GITHUB, .github_owner = "me", .github_repo = "purescript-it"};
    const struct repository_tag tag = {"v1.1.0", "c0ffee"};
    const struct new_tag new = {{1, 1, 0}, &tag};
    struct publish_request request;
    struct text json = {0};
    new_tag_request(&request, "it", &location, &new);
    publish_request_append_json(&json, &request);
    assert_string_equal(text_view(&json), "{\"name\":\"it\",\"location\":{\"githubOwner\":\"me\",\"githubRepo\":\"purescript-"
                                          "it\"},\"ref\":\"v1.1.0\",\"version\":\"1.1.0\"}");
    text_release(&json);
}

static void its_job_has_an_id_of_its_own(void **state) {
    (void)state;
    const struct repository_tag plain = {"1.1.0", "c0ffee"}, with_v = {"v1.1.0", "c0ffee"}, moved = {"v1.1.0", "decade"};
    const struct new_tag new = {{1, 1, 0}, &plain}, same = {{1, 1, 0}, &with_v}, elsewhere = {{1, 1, 0}, &moved},
                         other = {{1, 1, 1}, &plain};
    char id[UUID_TEXT_MAX], again[UUID_TEXT_MAX];
    new_tag_job_id("it", &new, id);
    new_tag_job_id("it", &same, again);
    assert_string_equal(id, again);
    new_tag_job_id("it", &elsewhere, again);
    assert_string_not_equal(id, again);
    new_tag_job_id("it", &other, again);
    assert_string_not_equal(id, again);
    new_tag_job_id("that", &new, again);
    assert_string_not_equal(id, again);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_that_read_as_an_unknown_version_are_found),
        cmocka_unit_test(other_tags_are_no_versions),
        cmocka_unit_test(a_version_with_two_tags_is_found_once),
        cmocka_unit_test(packages_at_github_without_a_folder_are_looked_at),
        cmocka_unit_test(commits_of_the_last_day_are_recent),
        cmocka_unit_test(the_publication_is_requested_as_its_author_would),
        cmocka_unit_test(its_job_has_an_id_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, release_arena);
}
