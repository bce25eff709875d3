/* SPDX-License-Identifier: BSD-3-Clause
 *
 * lib/tools/http/github_repos.h against the stand-in, which checks each call, and against answers that it would not give.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/deadline.h"
#include "lib/base/text.h"
#include "lib/tools/http/github_repos.h"
#include "tests/support/http/http_stub.h"
#include "tests/support/server/github_server.h"

#define TOKEN "ghp_ServersOwnToken0123456789abcdef"
#define FIRST "1111111111111111111111111111111111111111"
#define SECOND "2222222222222222222222222222222222222222"
#define THIRD "3333333333333333333333333333333333333333"

enum { LONG_MS = 60000 };
static const int64_t some_time_ms = 1700000000000;

struct scene {
    struct github_server *server;
    struct github_repos *repos;
    struct deadline deadline;
    struct arena arena;
    struct error err;
};

static int set_up(void **state) {
    static struct scene scene;
    scene = (struct scene){.server = github_server_start()};
    scene.repos = github_repos_create(github_server_url(scene.server));
    deadline_start(&scene.deadline, LONG_MS);
    github_server_set_token(scene.server, TOKEN, "reader", false);
    github_server_add_repository(scene.server, "Me/purescript-it");
    *state = &scene;
    return 0;
}

static int tear_down(void **state) {
    struct scene *scene = *state;
    github_repos_free(scene->repos);
    github_server_stop(scene->server);
    arena_release(&scene->arena);
    return 0;
}

static struct github_question question(struct scene *scene, const char *owner, const char *name, const char *etag) {
    return (struct github_question){.token = TOKEN, .repository = {owner, name}, .etag = etag, .deadline = &scene->deadline};
}

static struct github_tags read_tags(struct scene *scene, int page, const char *etag) {
    struct github_tags tags;
    struct github_question asked = question(scene, "me", "purescript-it", etag);
    if (github_read_tags(scene->repos, &asked, page, &scene->arena, &tags, &scene->err)) fail_msg("%s", scene->err.message);
    return tags;
}

static struct github_place find(struct scene *scene, const char *owner, const char *name, const char *etag) {
    struct github_place place;
    struct github_question asked = question(scene, owner, name, etag);
    if (github_find_repository(scene->repos, &asked, &scene->arena, &place, &scene->err)) fail_msg("%s", scene->err.message);
    return place;
}

static void tags_are_read_page_by_page(void **state) {
    struct scene *scene = *state;
    github_server_set_page_size(scene->server, 2);
    github_server_tag(scene->server, "me/purescript-it", "v1.0.0", FIRST, some_time_ms);
    github_server_tag(scene->server, "me/purescript-it", "latest", FIRST, some_time_ms);
    github_server_tag(scene->server, "me/purescript-it", "v1.1.0", SECOND, some_time_ms);
    struct github_tags first = read_tags(scene, 1, NULL), second = read_tags(scene, 2, NULL);
    assert_int_equal(first.found, GITHUB_FOUND);
    assert_int_equal(first.count, 2);
    assert_true(first.has_next);
    assert_string_equal(first.tags[1].name, "latest");
    assert_string_equal(first.tags[1].commit, FIRST);
    assert_int_equal(second.count, 1);
    assert_false(second.has_next);
    assert_string_equal(second.tags[0].name, "v1.1.0");
    /* Both are known now. */
    assert_int_equal(read_tags(scene, 1, first.etag).found, GITHUB_UNCHANGED);
    assert_int_equal(read_tags(scene, 2, second.etag).found, GITHUB_UNCHANGED);
    github_server_tag(scene->server, "me/purescript-it", "v1.2.0", THIRD, some_time_ms);
    assert_int_equal(read_tags(scene, 1, first.etag).found, GITHUB_UNCHANGED);
    assert_int_equal(read_tags(scene, 2, second.etag).count, 2);
}

static void a_commits_time_is_that_of_its_committer(void **state) {
    struct scene *scene = *state;
    struct github_question asked = question(scene, "me", "purescript-it", NULL);
    enum github_found found;
    int64_t time_ms = 0;
    github_server_tag(scene->server, "me/purescript-it", "v1.0.0", FIRST, some_time_ms);
    assert_int_equal(github_read_commit_time(scene->repos, &asked, FIRST, &found, &time_ms, &scene->err), STATUS_OK);
    assert_int_equal(found, GITHUB_FOUND);
    assert_int_equal(time_ms, some_time_ms);
    assert_int_equal(github_read_commit_time(scene->repos, &asked, SECOND, &found, &time_ms, &scene->err), STATUS_OK);
    assert_int_equal(found, GITHUB_GONE);
}

static void a_repository_that_is_gone_is_no_failure(void **state) {
    struct scene *scene = *state;
    github_server_remove_repository(scene->server, "me/purescript-it");
    assert_int_equal(read_tags(scene, 1, NULL).found, GITHUB_GONE);
    assert_int_equal(find(scene, "me", "purescript-it", NULL).found, GITHUB_GONE);
    assert_int_equal(github_server_count(scene->server, ""), 2);
}

static void a_moved_repository_is_found(void **state) {
    struct scene *scene = *state;
    struct github_place place = find(scene, "me", "purescript-it", NULL);
    assert_int_equal(place.found, GITHUB_FOUND);
    assert_int_equal(find(scene, "ME", "purescript-IT", place.etag).found, GITHUB_UNCHANGED);
    github_server_move_repository(scene->server, "me/purescript-it", "Us/purescript-that");
    place = find(scene, "me", "purescript-it", place.etag);
    assert_int_equal(place.found, GITHUB_MOVED);
    assert_string_equal(place.repository.owner, "Us");
    assert_string_equal(place.repository.name, "purescript-that");
    assert_int_equal(read_tags(scene, 1, NULL).found, GITHUB_MOVED);
}

static enum status try_find(struct scene *scene) {
    struct github_place place;
    struct github_question asked = question(scene, "me", "purescript-it", NULL);
    return github_find_repository(scene->repos, &asked, &scene->arena, &place, &scene->err);
}

static void what_may_pass_is_asked_three_times(void **state) {
    struct scene *scene = *state;
    github_server_fail(scene->server, "/repos/me/purescript-it", 2);
    assert_int_equal(try_find(scene), STATUS_OK);
    assert_int_equal(github_server_count(scene->server, ""), 3);
    github_server_fail(scene->server, "/repos/me/purescript-it", 100);
    assert_int_equal(try_find(scene), STATUS_UNAVAILABLE);
    assert_int_equal(github_server_count(scene->server, ""), 6);
}

static void nothing_is_asked_until_the_rate_limit_has_passed(void **state) {
    struct scene *scene = *state;
    github_server_limit(scene->server, 1, 2);
    assert_int_equal(try_find(scene), STATUS_OK);
    assert_int_equal(try_find(scene), STATUS_BUSY);
    assert_int_equal(try_find(scene), STATUS_BUSY);
    assert_int_equal(github_server_count(scene->server, ""), 2);
    int64_t until_ms = github_repos_limited_until_ms(scene->repos);
    assert_true(until_ms > clock_now_ms() && until_ms <= clock_now_ms() + 2000);
    while (clock_now_ms() < until_ms)
        clock_sleep_ms(until_ms - clock_now_ms());
    assert_int_equal(try_find(scene), STATUS_OK);
}

static void an_unknown_token_is_told(void **state) {
    struct scene *scene = *state;
    github_server_set_token(scene->server, TOKEN, NULL, false);
    assert_int_equal(try_find(scene), STATUS_UNAUTHORIZED);
    assert_non_null(strstr(scene->err.message, "GITHUB_TOKEN"));
    assert_int_equal(github_server_count(scene->server, ""), 1);
}

static void a_cancelled_request_ends_at_once(void **state) {
    struct scene *scene = *state;
    deadline_cancel(&scene->deadline, STATUS_CANCELLED);
    assert_int_equal(try_find(scene), STATUS_CANCELLED);
}

/* ---- Answers that the stand-in does not give ---- */

static enum status find_with(struct scene *scene, const char *answer, struct github_place *place) {
    char url[64];
    struct http_stub *stub = http_stub_start(answer);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", http_stub_port(stub));
    struct github_repos *repos = github_repos_create(url);
    struct github_question asked = question(scene, "me", "purescript-it", NULL);
    enum status status = github_find_repository(repos, &asked, &scene->arena, place, &scene->err);
    github_repos_free(repos);
    http_stub_stop(stub);
    return status;
}

static void a_redirect_that_is_not_for_good_is_no_move(void **state) {
    struct github_place place;
    assert_int_equal(
        find_with(*state, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/x\r\nContent-Length: 0\r\n\r\n", &place),
        STATUS_OK);
    assert_int_equal(place.found, GITHUB_FOUND);
}

static void the_token_goes_nowhere_else(void **state) {
    struct scene *scene = *state;
    struct github_place place;
    struct text answer = {0};
    text_append_format(&answer, "HTTP/1.1 301 Moved\r\nLocation: %s/repos/me/purescript-it\r\nContent-Length: 0\r\n\r\n",
                       github_server_url(scene->server));
    assert_int_equal(find_with(scene, answer.bytes, &place), STATUS_UNAVAILABLE);
    assert_int_equal(github_server_count(scene->server, ""), 0);
    text_release(&answer);
}

static void a_malformed_answer_is_a_failure(void **state) {
    static const char *const answers[] = {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{]}",
                                          "HTTP/1.1 301 Moved\r\nContent-Length: 0\r\n\r\n",
                                          "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"};
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct github_place place;
        if (find_with(*state, answers[i], &place) != STATUS_UNAVAILABLE) fail_msg("%s", answers[i]);
    }
}

static void a_limit_may_come_as_429_or_in_words(void **state) {
    static const char *const answers[] = {
        "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 403 Forbidden\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 55\r\n\r\n{\"message\":\"You have exceeded a secondary rate limit.\"} "};
    struct github_place place;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        if (find_with(*state, answers[i], &place) != STATUS_BUSY) fail_msg("%s", answers[i]);
    /* A repository that GitHub has blocked, for instance. */
    assert_int_equal(find_with(*state, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", &place), STATUS_OK);
    assert_int_equal(place.found, GITHUB_GONE);
}

#define repos_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        repos_test(tags_are_read_page_by_page),
        repos_test(a_commits_time_is_that_of_its_committer),
        repos_test(a_repository_that_is_gone_is_no_failure),
        repos_test(a_moved_repository_is_found),
        repos_test(what_may_pass_is_asked_three_times),
        repos_test(nothing_is_asked_until_the_rate_limit_has_passed),
        repos_test(an_unknown_token_is_told),
        repos_test(a_cancelled_request_ends_at_once),
        repos_test(a_redirect_that_is_not_for_good_is_no_move),
        repos_test(the_token_goes_nowhere_else),
        repos_test(a_malformed_answer_is_a_failure),
        repos_test(a_limit_may_come_as_429_or_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
