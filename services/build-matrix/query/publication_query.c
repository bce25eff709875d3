/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Answers which versions were published and unpublished last, in all packages or in one. This is read from the metadata, not from
 * finished jobs, which leave Redis and know nothing of what others have pushed: so nothing is missing, or there twice, after a
 * restart. An unpublished version is in the answer twice, by both of its times.
 */
#include <string.h>

#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/domain/registry/manifest_index.h"
#include "lib/service/message/message_json.h"
#include "lib/store/registry/fresh_view.h"
#include "services/build-matrix/matrix_service.h"
#include "services/build-matrix/query/matrix_query.h"

enum { EVENTS_STANDARD = 100, EVENTS_MAX = 1000 };

/* A publication, or an unpublishing. */
struct event {
    const char *package;
    struct version version;
    int64_t time_ms;
    const char *reason; /* of an unpublishing; NULL: a publication */
};

/* The newest events, up to a limit. */
struct newest {
    struct event *events; /* newest first; room for one more than the limit */
    size_t count, limit;
};

/* Of one time, in an order that does not depend on how packages are kept. */
static bool is_before(const struct event *one, const struct event *other) {
    if (one->time_ms != other->time_ms) return one->time_ms > other->time_ms;
    int names = strcmp(one->package, other->package);
    if (names != 0) return names < 0;
    int versions = version_compare(one->version, other->version);
    return versions != 0 ? versions > 0 : one->reason && !other->reason;
}

static void add(struct newest *newest, struct event event) {
    size_t at = newest->count;
    if (at == newest->limit && !is_before(&event, &newest->events[at - 1])) return;
    for (; at > 0 && is_before(&event, &newest->events[at - 1]); at--)
        newest->events[at] = newest->events[at - 1];
    newest->events[at] = event;
    if (newest->count < newest->limit) newest->count++;
}

static void add_package(struct newest *newest, const struct indexed_package *package) {
    const struct metadata *metadata = package->metadata;
    for (size_t i = 0; metadata && i < metadata->published_count; i++) {
        const struct published_version *version = &metadata->published[i];
        add(newest, (struct event){package->name, version->version, version->published_ms, NULL});
    }
    for (size_t i = 0; metadata && i < metadata->unpublished_count; i++) {
        const struct unpublished_version *version = &metadata->unpublished[i];
        add(newest, (struct event){package->name, version->version, version->published_ms, NULL});
        add(newest, (struct event){package->name, version->version, version->unpublished_ms, version->reason});
    }
}

static void write_event(struct json_writer *writer, const struct event *event) {
    char version[VERSION_TEXT_MAX];
    version_print(event->version, version);
    json_writer_item(writer);
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "event", event->reason ? "unpublished" : "published");
    json_writer_text_field(writer, "package", event->package);
    json_writer_text_field(writer, "version", version);
    json_writer_time_field(writer, "time", event->time_ms);
    json_writer_text_field(writer, "reason", event->reason);
    json_writer_close(writer, '}');
}

/* The view is locked. */
static enum status collect(struct newest *newest, const struct manifest_index *index, const char *name, struct error *err) {
    size_t count = manifest_index_package_count(index);
    if (name && !manifest_index_find_metadata(index, name))
        return error_set(err, STATUS_NOT_FOUND, "There is no package %s in the registry.", name);
    if (name) {
        add_package(newest, manifest_index_package(index, manifest_index_find_package(index, name)));
        return STATUS_OK;
    }
    for (size_t i = 0; i < count; i++)
        add_package(newest, manifest_index_package(index, manifest_index_by_name(index, i)));
    return STATUS_OK;
}

enum status answer_publication_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                     struct error *err) {
    struct matrix_service *service = context;
    const struct message_publication_query *query = &request->publication_query;
    int64_t limit = query->limit < 1 ? EVENTS_STANDARD : query->limit > EVENTS_MAX ? EVENTS_MAX : query->limit;
    struct newest newest = {.limit = (size_t)limit};
    struct text json = {0};
    struct json_writer writer = {.out = &json};
    newest.events = arena_alloc(arena, ((size_t)limit + 1) * sizeof *newest.events);
    fresh_view_follow(&service->fresh);
    json_writer_open(&writer, '{');
    json_writer_key(&writer, "publications");
    json_writer_open(&writer, '[');
    const struct manifest_index *index = registry_view_lock(service->repositories.view);
    enum status status = collect(&newest, index, query->name, err);
    for (size_t i = 0; i < newest.count; i++)
        write_event(&writer, &newest.events[i]);
    registry_view_unlock(service->repositories.view);
    json_writer_close(&writer, ']');
    json_writer_close(&writer, '}');
    if (status)
        text_release(&json);
    else
        message_take_json(answer, &json, arena);
    return status;
}
