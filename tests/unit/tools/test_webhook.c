/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Sending one message to a webhook: where to, signed by what, and what counts as taken. (A library from npm verifies signatures in
 * tests/clients/webhooks_test.js.)
 */
#include "lib/tools/http/webhook.h"
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/text.h"
#include "tests/support/http/http_stub.h"

#define ANSWER(status, more) "HTTP/1.1 " status "\r\n" more "Content-Length: 0\r\n\r\n"

static struct arena arena;

static int release(void **state) {
    (void)state;
    arena_release(&arena);
    return 0;
}

static enum status deliver(const struct http_stub *stub, const char *secret, bool allow_private, struct error *err) {
    const struct webhook_message message = {.url = arena_format(&arena, "http://127.0.0.1:%d/hook", http_stub_port(stub)),
                                            .secret = secret,
                                            .id = "id-1",
                                            .body = "{}"};
    return webhook_send(&message, allow_private, NULL, err);
}

static void a_message_is_signed_with_its_id_and_time(void **state) {
    (void)state;
    struct error err;
    struct http_stub *stub = http_stub_start(ANSWER("204 No Content", ""));
    const char *secret = webhook_make_secret(&arena);
    unsigned char *key = NULL, digest[SHA256_BYTES];
    size_t length = 0;
    assert_int_equal(deliver(stub, secret, true, &err), STATUS_OK);
    const char *request = http_stub_request(stub, 0);
    assert_true(text_starts_with(request, "POST /hook HTTP/1.1\r\n"));
    assert_true(text_ends_with(request, "\r\n\r\n{}"));
    assert_non_null(strstr(request, "\r\nwebhook-id: id-1\r\n"));
    const char *time = strstr(request, "\r\nwebhook-timestamp: ");
    assert_non_null(time);
    assert_true(hash_base64_decode(&arena, secret + strlen("whsec_"), &key, &length));
    const char *content = arena_format(&arena, "id-1.%lld.{}", atoll(time + strlen("\r\nwebhook-timestamp: ")));
    hash_hmac_sha256(arena_copy_bytes(&arena, key, length), content, strlen(content), digest);
    assert_non_null(strstr(
        request, arena_format(&arena, "\r\nwebhook-signature: v1,%s\r\n", hash_base64_encode(&arena, digest, sizeof digest))));
    assert_string_not_equal(secret, webhook_make_secret(&arena));
    http_stub_stop(stub);
}

static void only_2xx_counts_and_no_redirect_is_followed(void **state) {
    (void)state;
    struct error err;
    struct http_stub *stub = http_stub_start(ANSWER("500 Broken", ""));
    assert_int_equal(deliver(stub, "whsec_eA==", true, &err), STATUS_UNAVAILABLE);
    assert_string_equal(err.message, "The receiver answered HTTP 500; it must answer 2xx.");
    http_stub_set_answer(stub, ANSWER("307 Elsewhere", "Location: /other\r\n"));
    assert_int_equal(deliver(stub, "whsec_eA==", true, &err), STATUS_UNAVAILABLE);
    assert_int_equal(http_stub_count(stub), 2);
    http_stub_stop(stub);
}

static void nothing_is_sent_to_a_private_address(void **state) {
    (void)state;
    struct error err;
    struct http_stub *stub = http_stub_start(ANSWER("204 No Content", ""));
    setenv("http_proxy", arena_format(&arena, "http://127.0.0.1:%d", http_stub_port(stub)), true);
    assert_int_equal(deliver(stub, "whsec_eA==", false, &err), STATUS_UNAVAILABLE);
    unsetenv("http_proxy");
    assert_non_null(strstr(err.message, "is not on the public internet, so it is not asked."));
    assert_int_equal(http_stub_count(stub), 0);
    http_stub_stop(stub);
}

static void a_url_is_of_https_and_of_the_public_internet(void **state) {
    (void)state;
    static const struct {
        const char *url, *said;
        bool allow_private;
    } rows[] = {{"https://1.1.1.1/hook", NULL, false},
                {"https://[2606:4700:4700::1111]:8443/", NULL, false},
                {"http://127.0.0.1:80/", NULL, true},
                {"http://1.1.1.1/", "must begin with https://", false},
                {"https://127.0.0.1/", "not on the public internet", false},
                {"https://10.1.2.3/", "not on the public internet", false},
                {"https://169.254.169.254/", "not on the public internet", false},
                {"https://[::1]/", "not on the public internet", false},
                {"https://localhost:443/", "not on the public internet", false},
                {"https://2130706433/", "not on the public internet", false},
                {"https://me@1.1.1.1/", "without a user", false},
                {"https:///x", "must look like", false},
                {"x", "must look like", true},
                {"ftp://1.1.1.1/", "must begin with https://", true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error err = {0};
        enum status status = webhook_check_url(rows[i].url, rows[i].allow_private, &err);
        if (!status == (rows[i].said != NULL) || (status && !strstr(err.message, rows[i].said)))
            fail_msg("%s: %s", rows[i].url, err.message);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_message_is_signed_with_its_id_and_time, release),
        cmocka_unit_test_teardown(only_2xx_counts_and_no_redirect_is_followed, release),
        cmocka_unit_test_teardown(nothing_is_sent_to_a_private_address, release),
        cmocka_unit_test_teardown(a_url_is_of_https_and_of_the_public_internet, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
