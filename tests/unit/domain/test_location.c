/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/domain/package/location.h"

static struct arena arena;

static int release_arena(void **state) {
    (void)state;
    arena_release(&arena);
    return 0;
}

static enum status read_location(struct location *out, const char *text, struct error *err) {
    json_t *json = NULL;
    assert_int_equal(json_read(&json, text, strlen(text), "The test", NULL), STATUS_OK);
    enum status status = location_read(out, json, &arena, err);
    json_decref(json);
    return status;
}

static struct location git(const char *url) {
    return (struct location){.kind = LOCATION_GIT, .git_url = url};
}

static struct location github(const char *owner, const char *repo, const char *subdir) {
    return (struct location){.kind = LOCATION_GITHUB, .github_owner = owner, .github_repo = repo, .subdir = subdir};
}

static void both_kinds_print_as_they_were_read(void **state) {
    (void)state;
    static const char *const texts[] = {
        "{\"githubOwner\":\"purescript\",\"githubRepo\":\"purescript-prelude\"}",
        "{\"githubOwner\":\"o\",\"githubRepo\":\"r\",\"subdir\":\"packages/core\"}",
        "{\"gitUrl\":\"https://codeberg.org/a/b.git\"}",
        "{\"gitUrl\":\"https://codeberg.org/a/b.git\",\"subdir\":\"x\"}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct location location;
        struct text printed = {0};
        assert_int_equal(read_location(&location, texts[i], NULL), STATUS_OK);
        location_write(&(struct json_writer){.out = &printed}, &location);
        assert_string_equal(text_view(&printed), texts[i]);
        text_release(&printed);
    }
}

static void a_location_is_of_one_kind(void **state) {
    (void)state;
    static const struct {
        const char *text, *path;
    } rows[] = {
        {"{}", ""},
        {"[]", ""},
        {"{\"gitUrl\":\"https://a/b\",\"githubOwner\":\"o\",\"githubRepo\":\"r\"}", ""},
        {"{\"githubOwner\":\"o\"}", "githubRepo"},
        {"{\"gitUrl\":7}", "gitUrl"},
        {"{\"gitUrl\":\"https://a/b\",\"subdir\":[]}", "subdir"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct location location;
        struct error err = {0};
        assert_int_equal(read_location(&location, rows[i].text, &err), STATUS_INVALID);
        assert_string_equal(err.path, rows[i].path);
    }
}

static void only_urls_that_every_client_reads_are_published(void **state) {
    (void)state;
    static const char *const good[] = {
        "https://codeberg.org/a/b.git", "https://codeberg.org/a/b", "https://a.b/c.git/",
        "http://a.b/~c/d_e-f",          "git://a.b/c.git",          "https://github.com/a/b.git"};
    static const char *const bad[] = {
        "",
        "a/b",
        "ssh://git@a.b/c.git",
        "git@github.com:a/b.git",
        "file:///srv/b.git",
        "HTTPS://a.b/c",
        "https://",
        "https:///c",
        "https://a.b:8080/c.git",
        "https://user@a.b/c.git",
        "https://a.b/c.git?x=1",
        "https://a.b/c.git#x",
        "https://a.b/c d",
        "https://a.b/%20",
        "https://a.b/c.github",
        "https://a.b/c.git/d.git",
        "https://a.b/c.git.git",
        "https://a.b/c.git//",
        "https://a.b/\xC3\xA4",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(location_check_published(&(struct location){LOCATION_GIT, .git_url = good[i]}, NULL), STATUS_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct location location = git(bad[i]);
        struct error err = {0};
        assert_int_equal(location_check_published(&location, &err), STATUS_INVALID);
        assert_string_equal(err.path, "gitUrl");
    }
}

#define NO_SCHEME "must begin with"
#define NO_HOST "must have a host name and at most 1000 characters"
#define BAD_CHARACTER "no port, user or query"
#define BAD_PATH "in its path"
#define BAD_SUFFIX "only at its very end"

/* The URL is judged as written: none of the repairs and decodings of HTTP clients are applied. */
static void a_git_url_is_refused_with_the_reason(void **state) {
    (void)state;
    static const struct {
        const char *url, *published, *private; /* NULL: accepted */
    } rows[] = {
        {"https://a.b/c", NULL, NULL},
        {"https://127.1/c", NULL, NULL},
        {"https://a.b./c/./../d//e", NULL, NULL},
        {"git://a.b", NULL, NULL},
        {"https://~/-", NULL, NULL},
        {"HTTPS://a.b/c", NO_SCHEME, NO_SCHEME},
        {"https:/a.b/c", NO_SCHEME, NO_SCHEME},
        {"//a.b/c", NO_SCHEME, NO_SCHEME},
        {"ftp://a.b/c", NO_SCHEME, NO_SCHEME},
        {" https://a.b/c", NO_SCHEME, NO_SCHEME},
        {"file://a.b/c", NO_SCHEME, NO_SCHEME},
        {"file://", NO_SCHEME, NO_SCHEME},
        {"file:///a/b:c", NO_SCHEME, NULL},
        {"file:///a/b@c", NO_SCHEME, BAD_PATH},
        {"file:///a%20b", NO_SCHEME, BAD_PATH},
        {"https://", NO_HOST, NO_HOST},
        {"https:///a", NO_HOST, NO_HOST},
        {"https://a.b:80/c", BAD_CHARACTER, NULL},
        {"https://a.b:0080/c", BAD_CHARACTER, NULL},
        {"https://a.b:99999/c", BAD_CHARACTER, BAD_CHARACTER},
        {"https://a.b:80/c:d", BAD_CHARACTER, NULL},
        {"https://a.b:80/c.git/d", BAD_CHARACTER, NULL},
        {"https://a.b:80", BAD_CHARACTER, BAD_CHARACTER},
        {"https://a.b:/c", BAD_CHARACTER, BAD_CHARACTER},
        {"https://a.b:123456/c", BAD_CHARACTER, BAD_CHARACTER},
        {"https://a.b:+80/c", BAD_CHARACTER, BAD_CHARACTER},
        {"https://a.b:80:80/c", BAD_CHARACTER, BAD_CHARACTER},
        {"https://:80/c", BAD_CHARACTER, BAD_CHARACTER},
        {"https://u@a.b/c", BAD_CHARACTER, BAD_CHARACTER},
        {"https://u@a.b:80/c", BAD_CHARACTER, BAD_PATH},
        {"https://u:p@a.b:80/c", BAD_CHARACTER, BAD_CHARACTER},
        {"https://[::1]/c", BAD_CHARACTER, BAD_CHARACTER},
        {"https://[::1]:80/c", BAD_CHARACTER, BAD_CHARACTER},
        {"https://[a]:80/c", BAD_CHARACTER, BAD_PATH},
        {"https://a.b/c?d", BAD_CHARACTER, BAD_CHARACTER},
        {"https://a.b:80/c?d", BAD_CHARACTER, BAD_PATH},
        {"https://a.b/c#", BAD_CHARACTER, BAD_CHARACTER},
        {"https://a.b/%2e", BAD_CHARACTER, BAD_CHARACTER},
        {"https://xn--bcher-kva.example/c", NULL, NULL},
        {"https://b\xC3\xBC"
         "cher.example/c",
         BAD_CHARACTER, BAD_CHARACTER},
        {"https://a.b/c\n", BAD_CHARACTER, BAD_CHARACTER},
        {"https://a.b:80/c\x7F", BAD_CHARACTER, BAD_PATH},
        {"https://a.b\\c", BAD_CHARACTER, BAD_CHARACTER},
        {"https://a.b/c.git/d", BAD_SUFFIX, BAD_SUFFIX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct location location = git(rows[i].url);
        struct error err = {0};
        enum status status = location_check_published(&location, &err);
        if ((status == STATUS_OK) != !rows[i].published) fail_msg("%s: %s", rows[i].url, err.message);
        if (status && !strstr(err.message, rows[i].published)) fail_msg("%s: %s", rows[i].url, err.message);
        status = location_check_source(&location, true, &err);
        if ((status == STATUS_OK) != !rows[i].private) fail_msg("%s, private: %s", rows[i].url, err.message);
        if (status && !strstr(err.message, rows[i].private)) fail_msg("%s, private: %s", rows[i].url, err.message);
    }
}

static void names_at_github_stay_parts_of_an_address(void **state) {
    (void)state;
    struct location good = github("a-b", "x.y_z-1", NULL);
    assert_int_equal(location_check_published(&good, NULL), STATUS_OK);
    static const char *const bad[] = {"", ".", "..", "a/b", "a b", "a?b", "a#b", "a:b", "\xC3\xA4"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct location location = github("o", bad[i], NULL);
        assert_int_equal(location_check_published(&location, NULL), STATUS_INVALID);
        assert_int_equal(location_check_source(&location, true, NULL), STATUS_INVALID);
        location = github(bad[i], "r", NULL);
        assert_int_equal(location_check_published(&location, NULL), STATUS_INVALID);
    }
}

static void a_subdir_stays_inside_the_repository(void **state) {
    (void)state;
    static const char *const good[] = {"a", "a/b", "a-b/..c", "\xC3\xA4", ".hidden/x"};
    static const char *const bad[] = {"", "/a", "a/", "a//b", ".", "..", "./a", "a/../b", "a/..", "a\\b", "a\nb"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct location location = github("o", "r", good[i]);
        assert_int_equal(location_check_published(&location, NULL), STATUS_OK);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct location location = github("o", "r", bad[i]);
        struct error err = {0};
        assert_int_equal(location_check_published(&location, &err), STATUS_INVALID);
        assert_string_equal(err.path, "subdir");
        assert_int_equal(location_check_source(&location, true, NULL), STATUS_INVALID);
    }
}

static void sources_are_fetched_by_https_unless_the_operator_says_so(void **state) {
    (void)state;
    static const struct {
        const char *url;
        bool is_public, is_private;
    } rows[] = {
        {"https://a.b/c.git", true, true},
        {"http://a.b/c.git", false, true},
        {"git://a.b/c.git", false, true},
        {"https://a.b:8443/c.git", false, true},
        {"http://127.0.0.1:8080/c.git", false, true},
        {"file:///srv/git/c.git", false, true},
        {"file://srv/c.git", false, false},
        {"file:///srv/c.git?x", false, false},
        {"https://u:p@a.b/c.git", false, false},
        {"https://a.b:80:80/c d", false, false},
        {"https://a.b:/c", false, false},
        {"https://a.b:65535/c", false, true},
        {"https://a.b:65536/c", false, false},
        {"https://a.b:99999/c", false, false},
        {"https://a.b:0/c", false, false},
        {"https://:80/c", false, false},
        {"ssh://a.b/c.git", false, false},
        {"ext::sh -c true", false, false},
        {"--upload-pack=x", false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct location location = git(rows[i].url);
        assert_int_equal(location_check_source(&location, false, NULL) == STATUS_OK, rows[i].is_public);
        assert_int_equal(location_check_source(&location, true, NULL) == STATUS_OK, rows[i].is_private);
    }
}

static void locations_are_compared_as_github_compares_them(void **state) {
    (void)state;
    static const struct {
        const char *subdir, *url; /* the same location as GitHub's Owner/Repo */
        bool is_same;
    } rows[] = {
        {NULL, "https://github.com/Owner/Repo", true},
        {NULL, "https://github.com/owner/REPO.git", true},
        {NULL, "https://GitHub.com/Owner/Repo.git/", true},
        {NULL, "http://github.com/Owner/Repo/", true},
        {NULL, "git://github.com/Owner/Repo.git", true},
        {NULL, "https://www.github.com/Owner/Repo", true},
        {NULL, "https://github.com./Owner/Repo", true},
        {NULL, "https://github.com//Owner/./x/../Repo", true},
        {"core", "https://github.com/Owner/Repo.git", true},
        {NULL, "https://github.com/Owner/Repo2", false},
        {NULL, "https://github.com/Owner2/Repo", false},
        {NULL, "https://github.com/Owner/Repo/more", false},
        {NULL, "https://github.com/Owner", false},
        {NULL, "https://github.com", false},
        {NULL, "https://github.com.example.org/Owner/Repo", false},
        {NULL, "https://gitlab.com/Owner/Repo", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct location at_github = github("Owner", "Repo", rows[i].subdir), url = git(rows[i].url);
        url.subdir = rows[i].subdir;
        if (location_equal(&at_github, &url) != rows[i].is_same || location_equal(&url, &at_github) != rows[i].is_same)
            fail_msg("%s", rows[i].url);
        url.subdir = "another";
        assert_false(location_equal(&at_github, &url));
    }
    struct location a = github("Owner", "Repo", NULL), b = github("oWNER", "rEPO", NULL), c = github("oWNER", "rEPO", "x"),
                    d = github("Owner", "Repo", "X"), e = github("Owner", "Repo.git", NULL);
    assert_true(location_equal(&a, &b));
    assert_true(location_equal(&a, &e));
    assert_false(location_equal(&a, &c));
    assert_false(location_equal(&c, &d)); /* folder names are case-sensitive */
}

static void other_hosts_may_tell_cases_apart(void **state) {
    (void)state;
    struct location a = git("https://Git.Example.org/x/Repo"), b = git("https://git.example.org/x/Repo/"),
                    c = git("https://git.example.org/x/repo"), d = git("https://git.example.org/x/Repo.git"),
                    e = git("https://git.example.org/x/y/../Repo"), f = git("https://git.example.org./x/Repo");
    assert_true(location_equal(&a, &b));
    assert_true(location_equal(&a, &e));
    assert_true(location_equal(&a, &f));
    assert_false(location_equal(&a, &c));
    assert_false(location_equal(&a, &d));
}

/* Not all locations in the registry were checked by this server, so the comparison must cope with any text. */
static void other_texts_are_compared_as_well(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        bool is_same;
    } rows[] = {
        {"git@github.com:a/b.git", "git@GitHub.com:a/b.git", true},
        {"git@github.com:a/b.git", "git@github.com:A/b.git", true}, /* there is no path before the slash */
        {"git@github.com:a/b.git", "git@github.com:a/B.git", false},
        {"GitHub.com/a/b", "https://github.com/A/B.git", true},
        {"https://user@github.com/a/b", "https://github.com/a/b", false},
        {"https://github.com:443/a/b", "https://github.com/a/b", false},
        {"https://127.1/a/b", "https://127.0.0.1/a/b", false},
        {"https://a.b/c//../d", "https://a.b/d", true},
        {"https://a.b/../../d", "https://a.b/d", true},
        {"https://a.b/%64", "https://a.b/d", false},
        {"HTTPS://A.b/d", "https://a.B/d", true},
        {"http://a.b/d", "https://a.b/d", false},
        {"", "", true},
        {"", "/", true},
        {"https://", "https://a", false},
        {"x/https://a.b/c", "https://a.b/c", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct location a = git(rows[i].a), b = git(rows[i].b);
        if (location_equal(&a, &b) != rows[i].is_same) fail_msg("%s, %s", rows[i].a, rows[i].b);
    }
}

static void a_repository_at_github_is_found_in_either_form(void **state) {
    (void)state;
    static const char *const urls[] = {"https://github.com/Owner/repo", "https://github.com/Owner/repo.git",
                                       "git://GitHub.com./Owner/repo.git/", "https://www.github.com//Owner/./repo"};
    static const char *const others[] = {"https://gitlab.com/Owner/repo",
                                         "https://github.com/Owner",
                                         "github.com/Owner/repo",
                                         "https://github.com/Owner/repo/more",
                                         "https://github.com.evil.org/Owner/repo",
                                         "git@github.com:Owner/repo.git"};
    struct github_repository found;
    struct location direct = github("Owner", "repo", "sub"), with_suffix = github("Owner", "repo.git", NULL);
    assert_true(location_find_github(&found, &direct, &arena));
    assert_string_equal(found.name, "repo");
    assert_true(location_find_github(&found, &with_suffix, &arena));
    assert_string_equal(found.name, "repo");
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct location location = git(urls[i]);
        if (!location_find_github(&found, &location, &arena)) fail_msg("%s", urls[i]);
        assert_string_equal(found.owner, "Owner");
        assert_string_equal(found.name, "repo");
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct location location = git(others[i]);
        if (location_find_github(&found, &location, &arena)) fail_msg("%s", others[i]);
    }
}

static void messages_show_where_it_is(void **state) {
    (void)state;
    struct location a = github("o", "r", "x");
    struct text text = {0};
    location_append_text(&text, &a);
    assert_string_equal(text_view(&text), "github.com/o/r (folder x)");
    text_release(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_kinds_print_as_they_were_read),
        cmocka_unit_test(a_location_is_of_one_kind),
        cmocka_unit_test(only_urls_that_every_client_reads_are_published),
        cmocka_unit_test(a_git_url_is_refused_with_the_reason),
        cmocka_unit_test(names_at_github_stay_parts_of_an_address),
        cmocka_unit_test(a_subdir_stays_inside_the_repository),
        cmocka_unit_test(sources_are_fetched_by_https_unless_the_operator_says_so),
        cmocka_unit_test(locations_are_compared_as_github_compares_them),
        cmocka_unit_test(other_hosts_may_tell_cases_apart),
        cmocka_unit_test(other_texts_are_compared_as_well),
        cmocka_unit_test(a_repository_at_github_is_found_in_either_form),
        cmocka_unit_test(messages_show_where_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, release_arena);
}
