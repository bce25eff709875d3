/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/clients.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/memory.h"

enum { BUCKETS = 4096 };

struct clients {
    uint64_t key;          /* random, so that clients cannot choose addresses that share a bucket */
    pthread_mutex_t mutex; /* guards the buckets; a reference count changes from or to 0 only under it */
    struct client *buckets[BUCKETS];
};

struct clients *clients_create(void) {
    struct clients *clients = memory_alloc(sizeof *clients);
    hash_random_bytes(&clients->key, sizeof clients->key);
    pthread_mutex_init(&clients->mutex, NULL);
    return clients;
}

void clients_free(struct clients *clients) {
    if (!clients) return;
    pthread_mutex_destroy(&clients->mutex);
    free(clients);
}

static struct client **find_bucket(struct clients *clients, const char *address) {
    uint64_t hash = clients->key;
    for (const char *at = address; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 0x100000001B3u;
    return &clients->buckets[(hash ^ hash >> 32) % BUCKETS];
}

struct client *clients_take(struct clients *clients, const char *address) {
    struct client **bucket = find_bucket(clients, address);
    pthread_mutex_lock(&clients->mutex);
    struct client *client = *bucket;
    while (client && strcmp(client->address, address) != 0)
        client = client->next;
    if (!client) {
        client = memory_alloc(sizeof *client);
        snprintf(client->address, sizeof client->address, "%s", address);
        client->next = *bucket;
        *bucket = client;
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
    if (is_last) {
        struct client **link = find_bucket(clients, client->address);
        while (*link != client)
            link = &(*link)->next;
        *link = client->next;
    }
    pthread_mutex_unlock(&clients->mutex);
    if (is_last) free(client);
}
