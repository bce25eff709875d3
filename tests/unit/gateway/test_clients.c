/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <pthread.h>
#include <stdio.h>

#include "services/gateway/http/clients.h"

static void an_address_is_one_client_as_long_as_something_refers_to_it(void **state) {
    (void)state;
    struct clients *clients = clients_create();
    struct client *a = clients_take(clients, "192.0.2.1"), *b = clients_take(clients, "2001:db8::/64");
    assert_ptr_not_equal(a, b);
    assert_ptr_equal(clients_take(clients, "192.0.2.1"), a);
    assert_ptr_equal(clients_keep(a), a);
    atomic_fetch_add(&a->connections, 1);
    clients_drop(clients, a);
    clients_drop(clients, a);
    assert_string_equal(a->address, "192.0.2.1");
    clients_drop(clients, a); /* the last */
    a = clients_take(clients, "192.0.2.1");
    assert_int_equal(atomic_load(&a->connections), 0);
    clients_drop(clients, a);
    clients_drop(clients, b);
    clients_free(clients);
    clients_free(NULL);
}

enum { TURNS = 20000, ADDRESSES = 4 };

static void *take_and_drop(void *argument) {
    struct clients *clients = argument;
    char address[32];
    for (int i = 0; i < TURNS; i++) {
        snprintf(address, sizeof address, "192.0.2.%d", i % ADDRESSES);
        struct client *client = clients_take(clients, address);
        atomic_fetch_add(&client->requests, 1);
        clients_drop(clients, clients_keep(client));
        atomic_fetch_sub(&client->requests, 1);
        clients_drop(clients, client);
    }
    return NULL;
}

static void threads_share_the_clients(void **state) {
    (void)state;
    enum { THREADS = 4 };
    struct clients *clients = clients_create();
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_drop, clients), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    struct client *client = clients_take(clients, "192.0.2.0");
    assert_int_equal(atomic_load(&client->references), 1);
    assert_int_equal(atomic_load(&client->requests), 0);
    clients_drop(clients, client);
    clients_free(clients);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_one_client_as_long_as_something_refers_to_it),
        cmocka_unit_test(threads_share_the_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
