/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/package-set/webhook_events.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/json_writer.h"
#include "lib/domain/registry/publication.h"
#include "lib/domain/set/set_history.h"
#include "lib/store/registry/registry_sets.h"
#include "lib/store/registry/registry_view.h"
#include "lib/store/takedown/takedown_store.h"

enum { FIRST_CAPACITY = 1024 };

/* An event with what it is sorted by. Its body is written when all are known. */
struct found {
    struct webhook_event event;
    int64_t time_ms;
    size_t number; /* the order of those with one time */
};

struct finds {
    struct found *items;
    size_t count, capacity;
    struct arena *arena;
};

/* `data` is the body's own JSON; it is consumed. */
static void add(struct finds *finds, const char *identity, const char *event, const char *package, int64_t time_ms,
                struct text *data) {
    char uuid[UUID_TEXT_MAX], time[TIME_TEXT_MAX];
    hash_uuid(identity, strlen(identity), uuid);
    time_print(time_ms, time);
    if (finds->count == finds->capacity) {
        size_t capacity = finds->capacity ? finds->capacity * 2 : FIRST_CAPACITY;
        struct found *larger = arena_alloc(finds->arena, capacity * sizeof *larger);
        if (finds->count) memcpy(larger, finds->items, finds->count * sizeof *larger);
        finds->items = larger;
        finds->capacity = capacity;
    }
    struct found *found = &finds->items[finds->count];
    found->time_ms = time_ms;
    found->number = finds->count++;
    found->event = (struct webhook_event){
        .id = arena_copy(finds->arena, uuid),
        .event = event,
        .package = arena_copy(finds->arena, package),
        .body = arena_format(finds->arena, "{\"type\":\"%s\",\"timestamp\":\"%s\",\"data\":%s}", event, time, text_view(data))};
    text_release(data);
}

/* publication_list.take */
static void take_publication(void *context, const struct publication *publication) {
    struct text identity = {0}, data = {0};
    char version[VERSION_TEXT_MAX], time[TIME_TEXT_MAX];
    version_print(publication->version, version);
    time_print(publication->time_ms, time);
    text_append_format(&identity, "%s %s@%s %s", publication_event(publication), publication->package, version, time);
    publication_write(&(struct json_writer){.out = &data}, publication);
    add(context, identity.bytes, publication_event(publication), publication->package, publication->time_ms, &data);
    text_release(&identity);
}

static void find_publications(struct finds *finds, const struct webhook_sources *sources) {
    const struct manifest_index *index = registry_view_lock(sources->view);
    for (size_t i = 0; i < manifest_index_package_count(index); i++)
        publication_list(manifest_index_package(index, manifest_index_by_name(index, i)), take_publication, finds);
    registry_view_unlock(sources->view);
}

static void add_set(struct finds *finds, const struct released_set *set) {
    struct text identity = {0}, data = {0};
    struct json_writer writer = {.out = &data};
    char version[VERSION_TEXT_MAX], compiler[VERSION_TEXT_MAX];
    int64_t time_ms = 0;
    version_print(set->version, version);
    version_print(set->compiler, compiler);
    text_append_format(&identity, "%.10sT00:00:00Z", set->published);
    if (!time_parse(identity.bytes, &time_ms)) time_ms = 0;
    text_clear(&identity);
    text_append_format(&identity, "package-set %s", version);
    json_writer_open(&writer, '{');
    json_writer_text_field(&writer, "version", version);
    json_writer_text_field(&writer, "compiler", compiler);
    json_writer_text_field(&writer, "published", set->published);
    json_writer_integer_field(&writer, "packageCount", (int64_t)set->package_count);
    json_writer_close(&writer, '}');
    add(finds, identity.bytes, "package-set", "", time_ms, &data);
    text_release(&identity);
}

static void find_sets(struct finds *finds, const struct webhook_sources *sources) {
    const struct set_history *history = registry_sets_lock(sources->sets);
    for (size_t i = set_history_count(history); i > 0; i--)
        add_set(finds, set_history_at(history, i - 1));
    registry_sets_unlock(sources->sets);
}

/* Nothing personal. */
static void add_takedown(struct finds *finds, const struct takedown *takedown) {
    struct text identity = {0}, data = {0};
    struct json_writer writer = {.out = &data};
    text_append_format(&identity, "/dmca/%s", takedown->reference);
    json_writer_open(&writer, '{');
    json_writer_text_field(&writer, "reference", takedown->reference);
    json_writer_text_field(&writer, "package", takedown->package);
    json_writer_text_field(&writer, "version", takedown->version);
    json_writer_text_field(&writer, "decision", takedown->decision);
    json_writer_close(&writer, '}');
    add(finds, identity.bytes, "takedown", takedown->package, takedown->closed_ms, &data);
    text_release(&identity);
}

static int compare(const void *a, const void *b) {
    const struct found *one = a, *other = b;
    if (one->time_ms != other->time_ms) return one->time_ms < other->time_ms ? -1 : 1;
    return one->number < other->number ? -1 : 1;
}

enum status webhook_events_list(const struct webhook_sources *sources, struct job_store *store, struct arena *arena,
                                struct webhook_event **out, size_t *count, struct error *err) {
    struct finds finds = {.arena = arena};
    struct takedown_list cases;
    enum status status = takedown_store_list(store, true, arena, &cases, err);
    if (status) return status;
    find_publications(&finds, sources);
    find_sets(&finds, sources);
    for (size_t i = cases.count; i > 0; i--)
        add_takedown(&finds, &cases.items[i - 1]);
    if (finds.count) qsort(finds.items, finds.count, sizeof *finds.items, compare);
    *count = finds.count;
    *out = arena_alloc(arena, (finds.count + 1) * sizeof **out);
    for (size_t i = 0; i < finds.count; i++)
        (*out)[i] = finds.items[i].event;
    return STATUS_OK;
}
