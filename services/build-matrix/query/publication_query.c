/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Answers which versions were published and unpublished last, in all packages or in one. This is read from the metadata, not from
 * finished jobs, which leave Redis and know nothing of what others have pushed: so nothing is missing, or there twice, after a
 * restart. An unpublished version is in the answer twice, by both of its times.
 */
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/domain/registry/manifest_index.h"
#include "lib/domain/registry/publication.h"
#include "lib/service/message/message_json.h"
#include "lib/store/registry/fresh_view.h"
#include "services/build-matrix/matrix_service.h"
#include "services/build-matrix/query/matrix_query.h"

enum { STANDARD = 100, MOST = 1000 };

/* The newest ones, up to a limit. */
struct newest {
    struct publication *publications; /* newest first; room for one more than the limit */
    size_t count, limit;
};

/* publication_list.take */
static void take(void *context, const struct publication *publication) {
    struct newest *newest = context;
    size_t at = newest->count;
    if (at == newest->limit && !publication_is_before(publication, &newest->publications[at - 1])) return;
    for (; at > 0 && publication_is_before(publication, &newest->publications[at - 1]); at--)
        newest->publications[at] = newest->publications[at - 1];
    newest->publications[at] = *publication;
    if (newest->count < newest->limit) newest->count++;
}

/* The view is locked. */
static enum status collect(struct newest *newest, const struct manifest_index *index, const char *name, struct error *err) {
    size_t count = manifest_index_package_count(index);
    if (name && !manifest_index_find_metadata(index, name))
        return error_set(err, STATUS_NOT_FOUND, "There is no package %s in the registry.", name);
    if (name) {
        publication_list(manifest_index_package(index, manifest_index_find_package(index, name)), take, newest);
        return STATUS_OK;
    }
    for (size_t i = 0; i < count; i++)
        publication_list(manifest_index_package(index, manifest_index_by_name(index, i)), take, newest);
    return STATUS_OK;
}

enum status answer_publication_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                     struct error *err) {
    struct matrix_service *service = context;
    const struct message_publication_query *query = &request->publication_query;
    int64_t limit = query->limit < 1 ? STANDARD : query->limit > MOST ? MOST : query->limit;
    struct newest newest = {.limit = (size_t)limit};
    struct text json = {0};
    struct json_writer writer = {.out = &json};
    newest.publications = arena_alloc(arena, ((size_t)limit + 1) * sizeof *newest.publications);
    fresh_view_follow(&service->fresh);
    json_writer_open(&writer, '{');
    json_writer_key(&writer, "publications");
    json_writer_open(&writer, '[');
    const struct manifest_index *index = registry_view_lock(service->repositories.view);
    enum status status = collect(&newest, index, query->name, err);
    for (size_t i = 0; i < newest.count; i++) {
        json_writer_item(&writer);
        publication_write(&writer, &newest.publications[i]);
    }
    registry_view_unlock(service->repositories.view);
    json_writer_close(&writer, ']');
    json_writer_close(&writer, '}');
    if (status)
        text_release(&json);
    else
        message_take_json(answer, &json, arena);
    return status;
}
