/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/event_check.h"

#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/store/redis/events.h"

#define READER "event-check"

/* Reads at most `most` of the events in the stream. */
static size_t read_events(struct server *server, size_t most, struct arena *arena, struct event **events) {
    struct job_store *store = NULL;
    size_t count = 0;
    struct error err;
    if (job_store_create(&store, redis_server_url(server->redis), PATIENCE_MS, &err) ||
        events_read(store, &(struct event_consumer){READER, READER, 0}, 0, most, arena, events, &count, &err))
        fail_msg("%s", err.message);
    job_store_free(store);
    return count;
}

void event_check_begin(struct server *server) {
    struct event *none;
    assert_int_equal(read_events(server, 1, &server->arena, &none), 0);
}

void event_check_expect_one_each(struct server *server, const char *const *jobs, size_t count) {
    struct arena arena = {0};
    struct event *events = NULL;
    assert_int_equal(read_events(server, count + 1, &arena, &events), count);
    for (size_t i = 0; i < count; i++) {
        int found = 0;
        for (size_t j = 0; j < count; j++)
            found += strcmp(events[j].job_id, jobs[i]) == 0;
        if (found != 1) fail_msg("the job %s has %d events", jobs[i], found);
    }
    arena_release(&arena);
}
