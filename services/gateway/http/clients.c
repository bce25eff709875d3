/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/http/clients.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/map.h"
#include "lib/base/memory.h"

struct clients {
    pthread_mutex_t mutex; /* guards the map; a reference count changes from or to 0 only under it */
    struct map by_address; /* struct client */
};

struct clients *clients_create(void) {
    struct clients *clients = memory_alloc(sizeof *clients);
    pthread_mutex_init(&clients->mutex, NULL);
    return clients;
}

void clients_free(struct clients *clients) {
    if (!clients) return;
    map_release(&clients->by_address, NULL);
    pthread_mutex_destroy(&clients->mutex);
    free(clients);
}

struct client *clients_take(struct clients *clients, const char *address) {
    pthread_mutex_lock(&clients->mutex);
    struct client *client = map_find(&clients->by_address, address);
    if (!client) {
        client = memory_alloc(sizeof *client);
        snprintf(client->address, sizeof client->address, "%s", address);
        map_put(&clients->by_address, client->address, client);
    }
    atomic_fetch_add(&client->references, 1);
    pthread_mutex_unlock(&clients->mutex);
    return client;
}

struct client *clients_keep(struct client *client) {
    atomic_fetch_add(&client->references, 1);
    return client;
}

void clients_drop(struct clients *clients, struct client *client) {
    size_t references = atomic_load(&client->references);
    while (references > 1)
        if (atomic_compare_exchange_weak(&client->references, &references, references - 1)) return;
    pthread_mutex_lock(&clients->mutex);
    bool is_last = atomic_fetch_sub(&client->references, 1) == 1;
    if (is_last) map_remove(&clients->by_address, client->address);
    pthread_mutex_unlock(&clients->mutex);
    if (is_last) free(client);
}
