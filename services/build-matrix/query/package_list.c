/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Answers queries about all packages: a page of them, or of those that a search finds.
 */
#include "lib/domain/search/package_list.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/service/message/message_json.h"
#include "lib/store/registry/fresh_view.h"
#include "services/build-matrix/matrix_service.h"
#include "services/build-matrix/query/matrix_query.h"

enum { LIMIT_STANDARD = 100, LIMIT_MAX = 1000 };

static void write_package(struct json_writer *writer, const struct listed_package *item) {
    json_writer_item(writer);
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "name", item->place.name);
    if (item->latest) {
        char latest[VERSION_TEXT_MAX];
        version_print(item->latest->version, latest);
        json_writer_text_field(writer, "latest", latest);
        json_writer_time_field(writer, "publishedTime", item->latest->published_ms);
    }
    json_writer_integer_field(writer, "versions", (int64_t)item->metadata->published_count);
    json_writer_integer_field(writer, "dependants", (int64_t)item->dependants);
    json_writer_text_field(writer, "description", item->manifest ? item->manifest->description : NULL);
    json_writer_close(writer, '}');
}

static void write_list(struct json_writer *writer, const struct package_list *list) {
    char next[PACKAGE_CURSOR_MAX];
    json_writer_open(writer, '{');
    json_writer_key(writer, "packages");
    json_writer_open(writer, '[');
    for (size_t i = 0; i < list->count; i++)
        write_package(writer, &list->items[i]);
    json_writer_close(writer, ']');
    json_writer_integer_field(writer, "total", (int64_t)list->total);
    if (list->has_more) {
        package_place_print(&list->items[list->count - 1].place, next);
        json_writer_text_field(writer, "next", next);
    }
    json_writer_close(writer, '}');
}

enum status answer_package_list_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                      struct error *err) {
    struct matrix_service *service = context;
    const struct message_package_list_query *query = &request->package_list_query;
    int64_t limit = query->limit < 1 ? LIMIT_STANDARD : query->limit > LIMIT_MAX ? LIMIT_MAX : query->limit;
    struct package_place after;
    struct package_list_request wanted = {
        .search = query->search, .after = query->after ? &after : NULL, .limit = (size_t)limit};
    struct package_list list;
    struct text json = {0};
    enum status status = package_order_parse(&wanted.order, query->sort, !text_is_blank(query->search), err);
    if (!status && query->after) status = package_place_parse(&after, query->after, err);
    if (status) return status;
    fresh_view_follow(&service->fresh);
    const struct manifest_index *index = registry_view_lock(service->repositories.view);
    package_list_find(&list, index, &wanted, arena);
    write_list(&(struct json_writer){.out = &json}, &list);
    registry_view_unlock(service->repositories.view);
    message_take_json(answer, &json, arena);
    return STATUS_OK;
}
