/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/http/public_address.h"

#include <arpa/inet.h>
#include <string.h>

#include "tests/support/cmocka_all.h"

static bool is_public(const char *text) {
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) return address_is_public((struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return address_is_public((struct sockaddr *)&v6);
}

static void addresses_of_the_internet_are_public(void **state) {
    (void)state;
    static const char *const addresses[] = {"140.82.121.4", "1.1.1.1",         "9.255.255.255",  "11.0.0.0",
                                            "100.63.0.1",   "100.128.0.1",     "172.15.255.255", "172.32.0.0",
                                            "192.167.1.1",  "223.255.255.255", "2606:50c0::153", "2a00:1450::1"};
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
        if (!is_public(addresses[i])) fail_msg("%s is public", addresses[i]);
}

static void addresses_of_machines_and_networks_are_not(void **state) {
    (void)state;
    static const char *const addresses[] = {
        "0.0.0.0",          "10.1.2.3",       "100.64.0.1",      "100.127.255.255", "127.0.0.1",  "127.9.9.9",
        "169.254.169.254",  "172.16.0.1",     "172.31.255.255",  "192.168.1.1",     "198.18.0.1", "198.19.0.1",
        "224.0.0.1",        "240.0.0.1",      "255.255.255.255", "192.0.2.1",       "::",         "::1",
        "::ffff:127.0.0.1", "::ffff:1.1.1.1", "fe80::1",         "fc00::1",         "fd12::1",    "ff02::1",
        "64:ff9b::7f00:1",  "2001:db8::1",    "2002:7f00:1::",   "2001::1"};
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
        if (is_public(addresses[i])) fail_msg("%s is not public", addresses[i]);
}

static void other_families_are_not(void **state) {
    (void)state;
    struct sockaddr_storage address = {.ss_family = AF_UNIX};
    assert_false(address_is_public((struct sockaddr *)&address));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_of_the_internet_are_public),
        cmocka_unit_test(addresses_of_machines_and_networks_are_not),
        cmocka_unit_test(other_families_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
