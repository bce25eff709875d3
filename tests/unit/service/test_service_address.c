/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "lib/service/message/service_address.h"

static void only_this_machine_is_local(void **state) {
    (void)state;
    static const char *const local[] = {"ipc:///run/a.ipc",     "ipc://var/a.ipc",  "tcp://127.0.0.1:5000",
                                        "tcp://127.1.2.3:5000", "tcp://[::1]:5000", "tcp://localhost:5000",
                                        "tls+tcp://[::1]:5000", "tcp://::1:5000",   "tcp://localhost:"};
    static const char *const others[] = {"tcp://0.0.0.0:5000",
                                         "tcp://*:5000",
                                         "tcp://[::]:5000",
                                         "tcp://10.0.0.1:5000",
                                         "tcp://127.evil.org:5000",
                                         "tcp://:5000",
                                         "tcp://127.0.0.1",
                                         "tcp://localhost.org:1",
                                         "tcp://[2001:db8::1]:1",
                                         "http://[::1]:1",
                                         "tcp://[::1]",
                                         "tcp://a@127.0.0.1:5000",
                                         "tcp://localhost/x:80",
                                         "tcp://127.1:5000",
                                         "TCP://127.0.0.1:5000",
                                         "tcp:/127.0.0.1:5000",
                                         "tcp://[127.0.0.1:5000",
                                         ""};
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++)
        assert_true(service_address_is_local(local[i]));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(service_address_is_local(others[i]));
}

static void a_network_address_needs_a_key(void **state) {
    (void)state;
    struct error err;
    assert_int_equal(service_address_check("tcp://0.0.0.0:5000", PEERS_SERVICES, NULL, &err), STATUS_INVALID);
    assert_non_null(strstr(err.message, "tcp://0.0.0.0:5000"));
    assert_non_null(strstr(err.message, "SERVICE_KEY"));
    assert_int_equal(service_address_check("tcp://0.0.0.0:5000", PEERS_SERVICES, "short", &err), STATUS_INVALID);
    assert_int_equal(service_address_check("tcp://0.0.0.0:5000", PEERS_SERVICES, "a key of some length", &err), STATUS_OK);
    assert_int_equal(service_address_check("tcp://127.0.0.1:5000", PEERS_SERVICES, NULL, &err), STATUS_OK);
}

static void tls_is_for_build_workers_and_needs_their_key_too(void **state) {
    (void)state;
    struct error err;
    assert_int_equal(service_address_check("tls+tcp://localhost:5000", PEERS_SERVICES, NULL, &err), STATUS_INVALID);
    assert_int_equal(service_address_check("tls+tcp://localhost:5000", PEERS_WORKERS, NULL, &err), STATUS_OK);
    assert_int_equal(service_address_check("tls+tcp://example.org:5000", PEERS_WORKERS, NULL, &err), STATUS_INVALID);
    assert_non_null(strstr(err.message, "BUILD_WORKER_KEY"));
    assert_int_equal(service_address_check("tls+tcp://example.org:5000", PEERS_WORKERS, "short", &err), STATUS_INVALID);
    assert_int_equal(service_address_check("tls+tcp://example.org:5000", PEERS_WORKERS, "a key of some length", &err),
                     STATUS_OK);
}

static void other_forms_are_refused(void **state) {
    (void)state;
    struct error err;
    assert_int_equal(service_address_check("ws://127.0.0.1:5000", PEERS_SERVICES, NULL, &err), STATUS_INVALID);
    assert_int_equal(service_address_check("/run/publish.ipc", PEERS_SERVICES, NULL, &err), STATUS_INVALID);
    char path[200];
    snprintf(path, sizeof path, "ipc:///%0120d", 0);
    assert_int_equal(service_address_check(path, PEERS_SERVICES, NULL, &err), STATUS_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_this_machine_is_local),
        cmocka_unit_test(a_network_address_needs_a_key),
        cmocka_unit_test(tls_is_for_build_workers_and_needs_their_key_too),
        cmocka_unit_test(other_forms_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
