/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Made-up tokens do not use up the look-ups that trustees need: neither a burst from one address, nor many addresses together.
 * GitHub's answers are cached for a millisecond here, so each request of a trustee needs a look-up.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/hash.h"
#include "tests/support/http/http_connection.h"
#include "tests/support/owners_scene.h"
#include "tests/support/server/github_server.h"
#include "tests/support/trustee_call.h"

#define CONFIGURED "ghp_ConfiguredTokenOfTheBot0123456789"
#define SERVERS "ghp_TheServersOwnTokenForTheTeam01234"
#define MEMBERS "github_pat_11MEMBERS0_0123456789abcdefghijk"
#define OTHERS "github_pat_11OTHERS00_0123456789abcdefghijk"

enum { MADE_UP = 40, LOOK_UPS_PER_ADDRESS = 5 };

static struct owners_scene scene;
static struct github_server *github;
static const char *body;

static int start(void **state) {
    (void)state;
    static char digest[128] = "PACCHETTIBOTTI_TOKEN_SHA256=", api[128];
    hash_sha256_hex(CONFIGURED, strlen(CONFIGURED), digest + strlen(digest));
    github = github_server_start();
    snprintf(api, sizeof api, "GITHUB_API_URL=%s", github_server_url(github));
    github_server_set_token(github, SERVERS, "pacchettibotti", true);
    github_server_set_token(github, MEMBERS, "member", false);
    github_server_set_token(github, OTHERS, "other-member", false);
    github_server_set_member(github, "member", true);
    github_server_set_member(github, "other-member", true);
    const char *const settings[] = {api,
                                    "TRUSTEE_LOOKUP=true",
                                    "TRUSTEE_LOOKUP_MS=1",
                                    "PACCHETTIBOTTI_TOKEN=" SERVERS,
                                    "PURSUIT_API_URL=http://127.0.0.1:9",
                                    NULL};
    const char *const gateway[] = {digest, "PACCHETTIBOTTI_TOKEN=", "TRUSTED_PROXIES=127.0.0.1", NULL};
    owners_scene_start(&scene, &(struct server_options){.settings = settings, .gateway_settings = gateway});
    body = trustee_body(scene.server, "transfer", transfer_payload(&scene, "nothing", "a/b"), "member", NULL);
    return 0;
}

static int stop(void **state) {
    (void)state;
    owners_scene_stop(&scene);
    github_server_stop(github);
    return 0;
}

static int ask(const char *token, const char *address) {
    return trustee_ask(scene.server, token, address, body).status;
}

static void send_made_up(struct http_connection *connection, int number) {
    struct text request = {0};
    assert_true(http_connection_open(connection, scene.server->port, PATIENCE_MS));
    text_append_format(&request,
                       "POST /api/v1/trustee HTTP/1.1\r\nHost: registry\r\nX-Forwarded-For: 192.0.2.1\r\n"
                       "Authorization: Bearer ghp_MadeUpInABurst%04d0123456789abcdef\r\nContent-Length: %zu\r\n\r\n%s",
                       number, strlen(body), body);
    assert_true(http_connection_send_bytes(connection, request.bytes, request.length));
    text_release(&request);
}

static void a_burst_of_made_up_tokens_from_one_address_costs_five_look_ups(void **state) {
    (void)state;
    assert_int_equal(ask(MEMBERS, "198.51.100.1"), 200);
    size_t before = github_server_count(github, "GET /user");
    struct http_connection connections[MADE_UP] = {0};
    for (int i = 0; i < MADE_UP; i++)
        send_made_up(&connections[i], i);
    for (int i = 0; i < MADE_UP; i++) {
        assert_true(http_connection_receive(&connections[i]));
        int status = connections[i].status;
        if (status != 401 && status != 429 && status != 503) fail_msg("made-up token %d: %d", i, status);
        http_connection_close(&connections[i]);
    }
    assert_true(github_server_count(github, "GET /user") - before <= LOOK_UPS_PER_ADDRESS);
    assert_int_equal(ask(OTHERS, "198.51.100.2"), 200); /* an unknown token */
    assert_int_equal(ask(MEMBERS, "192.0.2.1"), 200);   /* a known token, even from that address */
}

static void made_up_tokens_from_many_addresses_leave_room_for_trustees(void **state) {
    (void)state;
    char token[64], address[32];
    int refused = 0;
    for (int i = 0; i < MADE_UP; i++) {
        snprintf(token, sizeof token, "ghp_MadeUpByOneOfMany%04d0123456789abcdef", i);
        snprintf(address, sizeof address, "203.0.113.%d", i + 1);
        int status = ask(token, address);
        assert_true(status == 401 || status == 503);
        refused += status == 503;
    }
    assert_true(refused > 0); /* the look-ups of unknown tokens are used up */
    for (int i = 0; i < 5; i++) {
        assert_int_equal(ask(MEMBERS, "198.51.100.3"), 200);
        assert_int_equal(ask(OTHERS, "198.51.100.4"), 200);
        assert_int_equal(ask(CONFIGURED, "198.51.100.5"), 200);
    }
}

/* Restarted services used to know no trustees, so made-up tokens used up the look-ups that all tokens share. */
static void a_known_token_keeps_its_room_after_a_restart(void **state) {
    (void)state;
    static const enum server_program programs[] = {SERVER_PUBLISH, SERVER_GATEWAY};
    char token[64], address[32];
    int refused = 0;
    assert_int_equal(ask(MEMBERS, "198.51.100.6"), 200);
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        server_terminate(scene.server, programs[i]);
        server_start_program(scene.server, programs[i]);
    }
    server_wait_until_ready(scene.server);
    for (int i = 0; i < MADE_UP; i++) {
        snprintf(token, sizeof token, "ghp_MadeUpAfterRestart%04d0123456789abcde", i);
        snprintf(address, sizeof address, "203.0.113.%d", 100 + i);
        refused += ask(token, address) == 503;
    }
    assert_true(refused > 0);
    assert_int_equal(ask(MEMBERS, "198.51.100.7"), 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_of_made_up_tokens_from_one_address_costs_five_look_ups),
        cmocka_unit_test(a_known_token_keeps_its_room_after_a_restart),
        cmocka_unit_test(made_up_tokens_from_many_addresses_leave_room_for_trustees),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
