/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <arpa/inet.h>
#include <string.h>

#include "services/gateway/http/client_address.h"

static const char *find(const char *trusted, const char *peer, const char *forwarded_for) {
    static char found[CLIENT_ADDRESS_MAX];
    struct trusted_proxies *proxies = NULL;
    struct error err;
    assert_int_equal(trusted_proxies_parse(&proxies, trusted, &err), STATUS_OK);
    struct sockaddr_storage address = {0};
    if (strchr(peer, ':')) {
        address.ss_family = AF_INET6;
        inet_pton(AF_INET6, peer, &((struct sockaddr_in6 *)&address)->sin6_addr);
    } else {
        address.ss_family = AF_INET;
        inet_pton(AF_INET, peer, &((struct sockaddr_in *)&address)->sin_addr);
    }
    client_address_find(proxies, (struct sockaddr *)&address, forwarded_for, found);
    trusted_proxies_free(proxies);
    return found;
}

static void a_stranger_cannot_name_another_address(void **state) {
    (void)state;
    assert_string_equal(find(NULL, "192.0.2.1", "198.51.100.7"), "192.0.2.1");
    assert_string_equal(find("10.0.0.1", "192.0.2.1", "198.51.100.7"), "192.0.2.1");
}

static void a_proxy_is_believed_as_far_as_it_knows(void **state) {
    (void)state;
    assert_string_equal(find("10.0.0.1", "10.0.0.1", "198.51.100.7"), "198.51.100.7");
    assert_string_equal(find("10.0.0.1", "10.0.0.1", "203.0.113.9, 198.51.100.7"), "198.51.100.7");
    assert_string_equal(find("10.0.0.0/8", "10.0.0.1", "203.0.113.9, 198.51.100.7, 10.2.3.4"), "198.51.100.7");
    assert_string_equal(find("10.0.0.1", "10.0.0.1", "198.51.100.7:5123"), "198.51.100.7");
    assert_string_equal(find("10.0.0.1", "10.0.0.1", "nonsense"), "10.0.0.1");
    assert_string_equal(find("10.0.0.1", "10.0.0.1", NULL), "10.0.0.1");
    assert_string_equal(find("10.0.0.1", "10.0.0.1", ""), "10.0.0.1");
}

static void ipv6_counts_by_network(void **state) {
    (void)state;
    assert_string_equal(find(NULL, "2001:db8:1:2:3:4:5:6", NULL), "2001:db8:1:2::/64");
    assert_string_equal(find("::1", "::1", "[2001:db8:1:2::9]:443"), "2001:db8:1:2::/64");
    assert_string_equal(find(NULL, "::ffff:192.0.2.1", NULL), "192.0.2.1");
    assert_string_equal(find("192.0.2.1", "::ffff:192.0.2.1", "198.51.100.7"), "198.51.100.7");
}

static void a_malformed_list_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"proxy.example.org", "10.0.0.0/33", "10.0.0.1,,x", "10.0.0.0/",
                                      "10.0.0.0/8x",       "::/129",      "10.0.0.0/+8", "10.0.0.0/ 8"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct trusted_proxies *proxies = NULL;
        struct error err;
        assert_int_equal(trusted_proxies_parse(&proxies, bad[i], &err), STATUS_INVALID);
        assert_string_equal(err.path, "TRUSTED_PROXIES");
        assert_null(proxies);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stranger_cannot_name_another_address),
        cmocka_unit_test(a_proxy_is_believed_as_far_as_it_knows),
        cmocka_unit_test(ipv6_counts_by_network),
        cmocka_unit_test(a_malformed_list_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
