/* SPDX-License-Identifier: BSD-3-Clause
 * Which URLs may be fetched, and which hosts may get the bot's token. */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/tools/git/git_http.h"
#include "lib/tools/git/git_transport.h"

#define ONLY_HTTPS "cannot be fetched: the URL must begin with https://."
#define NO_PORT "cannot be fetched: the URL must name a host and no port."
#define NO_ACCOUNT "A git URL must not contain a user or password."

static void urls_are_refused_as_written(void **state) {
    (void)state;
    static const struct {
        const char *url;
        const char *for_sources; /* reason of the refusal without `allow_private`; NULL: accepted */
        bool is_refused_always;
    } rows[] = {
        {"https://example.org/lib.git", NULL, false},
        {"https://example.org", NULL, false},
        {"https://127.1/lib.git", NULL, false}, /* the address is checked when it is known */
        {"https://%31/lib.git", NULL, false},
        {"https://example.org/a/../b", NULL, false},
        {"https://example.org/a:b@c", NULL, false}, /* after the host */
        {"https://example.org/?a:b@c", NULL, false},
        {"", ONLY_HTTPS, false},
        {"/srv/lib.git", ONLY_HTTPS, false},
        {"lib@host:path", ONLY_HTTPS, false},
        {"http://example.org/lib.git", ONLY_HTTPS, false},
        {"HTTPS://example.org/lib.git", ONLY_HTTPS, false},
        {" https://example.org/lib.git", ONLY_HTTPS, false},
        {"https:/example.org/lib.git", ONLY_HTTPS, false},
        {"file:///srv/lib.git", ONLY_HTTPS, false},
        {"https://", NO_PORT, false},
        {"https:///example.org/lib.git", NO_PORT, false},
        {"https://example.org:443/lib.git", NO_PORT, false},
        {"https://example.org:/lib.git", NO_PORT, false},
        {"https://[::1]/lib.git", NO_PORT, false},
        {"https://example.org?a:b", NO_PORT, false},
        {"https://user@example.org/lib.git", NO_ACCOUNT, true},
        {"https://user:password@example.org/lib.git", NO_ACCOUNT, true},
        {"https://user:pass word@example.org:443/lib.git", NO_ACCOUNT, true},
        {"https://@example.org/lib.git", NO_ACCOUNT, true},
        {"https://example.org?@/lib.git", NO_ACCOUNT, true},
        {"https://example.org#@/lib.git", NO_ACCOUNT, true},
        {"https://a@b@", NO_ACCOUNT, true},
        {"ssh://git@example.org/lib.git", NO_ACCOUNT, true},
        {"file://a@b/lib.git", NO_ACCOUNT, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error err = {0};
        enum status status = git_transport_check_url(rows[i].url, false, &err);
        if ((status == STATUS_OK) != !rows[i].for_sources) fail_msg("%s: %s", rows[i].url, err.message);
        if (status && !strstr(err.message, rows[i].for_sources)) fail_msg("%s: %s", rows[i].url, err.message);
        if (status && rows[i].is_refused_always) assert_string_equal(err.message, NO_ACCOUNT); /* without URL */
        status = git_transport_check_url(rows[i].url, true, &err);
        if ((status != STATUS_OK) != rows[i].is_refused_always) fail_msg("%s", rows[i].url);
    }
}

static void the_token_goes_over_https_or_within_this_machine(void **state) {
    (void)state;
    static const char *const safe[] = {"https://example.org/a.git",   "https://127.1/a",         "https://example.org",
                                       "http://127.0.0.1/a.git",      "http://127.0.0.1:8080/a", "http://localhost/a.git",
                                       "http://localhost:8080/a.git", "http://[::1]:8080/a.git", "http://[::1]/a.git",
                                       "http://localhost:8080",       "http://localhost:/a",     "http://localhost"};
    static const char *const others[] = {"http://example.org/a.git",
                                         "HTTP://localhost/a.git",
                                         "HTTPS://example.org/a.git",
                                         "http:/localhost/a.git",
                                         "http://127.1/a.git",
                                         "http://127.0.0.2/a.git",
                                         "http://127.0.0.1.example.org/a.git",
                                         "http://localhost.example.org/a.git",
                                         "http://localhost?a/b",
                                         "http://me@localhost/a.git",
                                         "http://localhost:80@example.org/a.git",
                                         "http://LOCALHOST/a.git",
                                         "http://[0::1]/a.git",
                                         "http://::1/a.git",
                                         "http://%6cocalhost/a.git",
                                         "git://localhost/a.git",
                                         "file:///localhost/a.git",
                                         "/srv/a.git",
                                         ""};
    for (size_t i = 0; i < sizeof safe / sizeof *safe; i++)
        if (!git_http_is_safe_for_token(safe[i])) fail_msg("%s", safe[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (git_http_is_safe_for_token(others[i])) fail_msg("%s", others[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_refused_as_written),
        cmocka_unit_test(the_token_goes_over_https_or_within_this_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
