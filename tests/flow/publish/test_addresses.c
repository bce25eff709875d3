/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A source's URL that leads to a private address, directly or by a redirect of a public host, as in production: the whole
 * server with SOURCE_ALLOW_PRIVATE off, in a separate network in which `git.example.org` has a public address, and a server
 * listens on the loopback address, which must not be reached. Needs root and a kernel that allows namespaces; skipped
 * elsewhere. The namespaces end with the test's processes, so there is nothing to clean up.
 */
#include "tests/support/cmocka_all.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/git/git_fixture.h"
#include "tests/support/git/git_server.h"
#include "tests/support/refusal.h"
#include "tests/support/registry_check.h"
#include "tests/support/shell.h"

#define PUBLIC_ADDRESS "93.184.216.34" /* in this network only the tests' server */
#define HOST "https://git.example.org/sources/flow"

static struct server *server;
static struct git_fixture git;
static struct git_server *host;   /* public */
static struct git_server *inside; /* on the loopback address, with the same repositories */
static bool has_network;

static const char make_network[] =
    "ip link set lo up && ip addr add " PUBLIC_ADDRESS "/32 dev lo && mount --make-rprivate / && "
    "printf '127.0.0.1 localhost inside.example.org both.example.org\\n" PUBLIC_ADDRESS " git.example.org both.example.org\\n' "
    ">'%s/hosts' && mount --bind '%s/hosts' /etc/hosts";

static int set_up(void **state) {
    (void)state;
    git_fixture_make(&git);
    git_fixture_make_authority(&git);
    has_network = geteuid() == 0 && unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 &&
                  system(arena_format(&git.arena, make_network, git.folder, git.folder)) == 0;
    if (!has_network) {
        print_message("Not root, or no namespaces, ip or mount here.\n");
        return 0;
    }
    host =
        git_server_start_at(PUBLIC_ADDRESS, git.folder, git_fixture_file(&git, "host.pem"), git_fixture_file(&git, "host.key"));
    inside =
        git_server_start_at("127.0.0.1", git.folder, git_fixture_file(&git, "host.pem"), git_fixture_file(&git, "host.key"));
    const char *const settings[] = {"SOURCE_ALLOW_PRIVATE=false", "SOURCE_RETRY_MS=20",
                                    arena_format(&git.arena, "GIT_CA_FILE=%s", git_fixture_file(&git, "authority.pem")), NULL};
    server = server_start(&(struct server_options){.settings = settings});
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    if (has_network) {
        registry_expect_consistency(server);
        server_stop(server);
        git_server_stop(host);
        git_server_stop(inside);
    }
    git_fixture_remove(&git);
    return 0;
}

static const char *request(const char *name, const char *url) {
    return arena_format(&git.arena,
                        "{\"name\": \"%s\", \"version\": \"1.0.0\", \"ref\": \"v1.0.0\", \"compiler\": \"0.15.15\", "
                        "\"location\": {\"gitUrl\": \"%s\"}}",
                        name, url);
}

static void push_package(const char *name, const char *url) {
    const char *manifest = arena_format(
        &git.arena,
        "{\"name\": \"%s\", \"version\": \"1.0.0\", \"license\": \"BSD-3-Clause\", \"location\": {\"gitUrl\": \"%s\"}, "
        "\"ref\": \"v1.0.0\", \"dependencies\": {}}",
        name, url);
    package_push(git_fixture_file(&git, "sources"), &(struct package){name, "1.0.0", .files = {{"purs.json", manifest}}});
}

static void expect_published(const char *name, const char *url) {
    push_package(name, url);
    server_expect_success(server, server_publish(server, request(name, url)).id);
}

static void expect_refused(const char *name, const char *url, const char *words) {
    const char *log = NULL;
    char *before = registry_snapshot(server);
    const char *sentence = refusal_sentence(server, request(name, url), &log);
    if (!strstr(sentence, words)) fail_msg("\"%s\" is not in: %s\n%s", words, sentence, log);
    assert_null(strstr(log, "This may be temporary")); /* requested only once */
    assert_string_equal(registry_snapshot(server), before);
    refusal_expect_no_work(server);
}

static void a_public_host_is_published_from(void **state) {
    (void)state;
    if (!has_network) skip();
    expect_published("from-outside", HOST "/purescript-from-outside.git");
    assert_int_equal(git_server_connections(inside), 0);
}

static void a_host_with_a_private_address_as_well_is_reached_by_its_public_one(void **state) {
    (void)state;
    if (!has_network) skip();
    expect_published("from-both", "https://both.example.org/sources/flow/purescript-from-both.git");
    assert_int_equal(git_server_connections(inside), 0);
}

static void a_url_of_a_private_place_is_refused(void **state) {
    (void)state;
    if (!has_network) skip();
    static const char *const hosts[] = {
        "127.0.0.1", "localhost",  "inside.example.org", "127.1",      "2130706433",  "0x7f.0.1",   "0177.0.0.1",
        "0.0.0.0",   "0",          "10.0.0.1",           "172.16.1.1", "192.168.1.1", "100.64.0.1", "169.254.169.254",
        "224.0.0.1", "198.18.0.1", "255.255.255.255"};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        expect_refused("direct", arena_format(&git.arena, "https://%s/sources/flow/purescript-direct.git", hosts[i]),
                       "leads to an address or port from which sources may not be fetched");
    assert_int_equal(git_server_connections(inside), 0);
}

static void a_redirect_to_a_private_place_is_refused(void **state) {
    (void)state;
    if (!has_network) skip();
    static const char *const places[] = {
        "https://127.0.0.1", "https://localhost",          "https://inside.example.org", "https://0.0.0.0",
        "https://10.0.0.1",  "https://169.254.169.254",    "https://100.64.0.1",         "https://[::1]",
        "https://[::]",      "https://[::ffff:127.0.0.1]", "https://[::7f00:1]",         "https://[fc00::1]",
        "https://[fe80::1]", "https://[64:ff9b::7f00:1]",  "https://[2002:7f00:1::1]",   "https://git.example.org:8443"};
    push_package("redirected", HOST "/purescript-redirected.git");
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        git_server_behave(host, GIT_SERVER_REDIRECT, 0, places[i]);
        expect_refused("redirected", HOST "/purescript-redirected.git",
                       "leads to an address or port from which sources may not be fetched");
    }
    assert_int_equal(git_server_connections(inside), 0);
    git_server_behave(host, GIT_SERVER_SERVE, 0, NULL);
}

static void a_redirect_to_something_else_than_https_is_refused(void **state) {
    (void)state;
    if (!has_network) skip();
    static const char *const places[] = {"http://git.example.org", "http://127.0.0.1", "file://", "ftp://git.example.org",
                                         "git://git.example.org"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        git_server_behave(host, GIT_SERVER_REDIRECT, 0, places[i]);
        expect_refused("redirected", HOST "/purescript-redirected.git", "redirects to another scheme than https");
    }
    git_server_behave(host, GIT_SERVER_SERVE, 0, NULL);
}

static void other_urls_than_https_ones_are_refused(void **state) {
    (void)state;
    if (!has_network) skip();
    expect_refused("plain", "http://git.example.org/sources/flow/purescript-plain.git", "sources are fetched by https only");
    expect_refused("plain", "git://git.example.org/sources/flow/purescript-plain.git", "sources are fetched by https only");
    assert_int_equal(git_server_connections(inside), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_public_host_is_published_from),
        cmocka_unit_test(a_host_with_a_private_address_as_well_is_reached_by_its_public_one),
        cmocka_unit_test(a_url_of_a_private_place_is_refused),
        cmocka_unit_test(a_redirect_to_a_private_place_is_refused),
        cmocka_unit_test(a_redirect_to_something_else_than_https_is_refused),
        cmocka_unit_test(other_urls_than_https_ones_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
