/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A group begins with the oldest entry: a service that is started for the first time must see earlier events. So nothing is
 * trimmed until there is a group.
 */
#include "lib/store/redis/events.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/store/job/job_steps.h"

static enum status make_group(struct job_store *store, const char *group, struct error *err) {
    redis_add(store->redis, "XGROUP CREATE events %s 0 MKSTREAM", group);
    struct redis_reply *reply;
    enum status status = redis_run(store->redis, 0, &reply, err);
    if (status != STATUS_OK || (reply->type == REDIS_FAILURE && text_starts_with(reply->text, "BUSYGROUP"))) return status;
    return redis_check_reply(reply, err);
}

/* Runs the command that was added. If the group is missing, makes it and sets *again: the command must be added again. */
static enum status run_for_group(struct job_store *store, const char *group, int block_ms, struct redis_reply **reply,
                                 bool *again, struct error *err) {
    *again = false;
    enum status status = redis_run(store->redis, block_ms, reply, err);
    if (status != STATUS_OK) return status;
    *again = (*reply)->type == REDIS_FAILURE && text_starts_with((*reply)->text, "NOGROUP");
    return *again ? make_group(store, group, err) : redis_check_reply(*reply, err);
}

/* Reads entries of the form [id, [name, value, …]]. */
static void take_events(const struct redis_reply *entries, struct arena *arena, struct event **out, size_t *count) {
    *out = arena_alloc(arena, entries->count * sizeof **out);
    *count = 0;
    for (size_t i = 0; i < entries->count; i++) {
        const struct redis_reply *entry = &entries->items[i];
        if (entry->count != 2 || entry->items[1].count != 4) continue;
        (*out)[(*count)++] = (struct event){
            .id = arena_copy(arena, entry->items[0].text),
            .job_id = arena_copy(arena, entry->items[1].items[1].text),
            .payload = arena_copy(arena, entry->items[1].items[3].text),
        };
    }
}

enum status events_read(struct job_store *store, const struct event_consumer *consumer, int wait_ms, size_t limit,
                        struct arena *arena, struct event **out, size_t *count, struct error *err) {
    struct redis_reply *reply;
    bool again = true;
    enum status status = STATUS_OK;
    *count = 0;
    while (again && status == STATUS_OK) {
        redis_add(store->redis, "XAUTOCLAIM events %s %s %" PRId64 " 0 COUNT %d", consumer->group, consumer->name,
                  consumer->idle_ms, (int)limit);
        status = run_for_group(store, consumer->group, 0, &reply, &again, err);
    }
    if (status != STATUS_OK) return status;
    take_events(&reply->items[1], arena, out, count);
    if (*count > 0) return STATUS_OK;

    redis_add(store->redis, "XREADGROUP GROUP %s %s COUNT %d BLOCK %d STREAMS events >", consumer->group, consumer->name,
              (int)limit, wait_ms > 0 ? wait_ms : 1); /* 0 would wait for ever */
    status = run_for_group(store, consumer->group, wait_ms, &reply, &again, err);
    if (status == STATUS_OK && !again && reply->type == REDIS_ARRAY) take_events(&reply->items[0].items[1], arena, out, count);
    return status;
}

enum status events_acknowledge(struct job_store *store, const char *group, const char *const *event_ids, size_t count,
                               struct error *err) {
    enum { FIXED = 3 };
    struct redis_reply *reply;
    if (count == 0) return STATUS_OK;
    const char **arguments = memory_alloc((FIXED + count) * sizeof *arguments);
    arguments[0] = "XACK", arguments[1] = "events", arguments[2] = group;
    memcpy(arguments + FIXED, event_ids, count * sizeof *arguments);
    redis_add_list(store->redis, arguments, FIXED + count);
    free(arguments);
    enum status status = redis_run(store->redis, 0, &reply, err);
    return status ? status : redis_check_reply(reply, err);
}

enum status events_trim(struct job_store *store, size_t *removed, struct error *err) {
    struct redis_reply *reply;
    enum status status = job_step(store, &reply, err, "trim_events");
    *removed = status ? 0 : (size_t)reply->integer;
    return status;
}
