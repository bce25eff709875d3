/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/job/job_waiting.h"

#include <inttypes.h>
#include <string.h>

#include "lib/store/job/job_steps.h"

static void add_texts(const char **arguments, const char *const *items, size_t count) {
    for (size_t i = 0; i < count; i++)
        arguments[i] = items[i];
}

enum status job_store_list_earlier(struct job_store *store, const char *id, const char *const *packages, size_t package_count,
                                   struct arena *arena, struct earlier_publication **out, size_t *count, struct error *err) {
    enum { FIXED = 2 };
    const char **arguments = arena_alloc(arena, (FIXED + package_count) * sizeof *arguments);
    arguments[0] = "list_earlier", arguments[1] = id;
    add_texts(arguments + FIXED, packages, package_count);
    struct redis_reply *reply;
    enum status status = job_step_list(store, &reply, err, arguments, FIXED + package_count);
    if (status != STATUS_OK) return status;
    *out = arena_alloc(arena, (reply->count + 1) * sizeof **out);
    *count = 0;
    for (size_t i = 0; i < reply->count; i++) {
        const struct redis_reply *item = &reply->items[i];
        if (item->count < 4) continue; /* no version */
        (*out)[(*count)++] = (struct earlier_publication){.id = arena_copy(arena, item->items[0].text),
                                                          .package = arena_copy(arena, item->items[1].text),
                                                          .version = arena_copy(arena, item->items[2].text),
                                                          .has_failed = strcmp(item->items[3].text, "failed") == 0};
    }
    return STATUS_OK;
}

enum status job_store_wait_for(struct job_store *store, const struct lease *lease, const char *const *awaited, size_t count,
                               struct error *err) {
    enum { FIXED = 3 };
    struct arena arena = {0};
    const char **arguments = arena_alloc(&arena, (FIXED + count) * sizeof *arguments);
    arguments[0] = "wait_for", arguments[1] = lease->job_id;
    arguments[2] = arena_format(&arena, "%" PRId64, lease->fence);
    add_texts(arguments + FIXED, awaited, count);
    struct redis_reply *reply;
    enum status status = job_step_list(store, &reply, err, arguments, FIXED + count);
    arena_release(&arena);
    return status;
}
