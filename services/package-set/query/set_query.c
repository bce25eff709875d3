/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/package-set/query/set_query.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/domain/set/set_difference.h"
#include "lib/service/message/message_json.h"
#include "lib/store/registry/registry_sets.h"
#include "services/package-set/package_set_service.h"
#include "services/package-set/query/set_json.h"

enum { SETS_STANDARD = 100, SETS_MAX = 1000 };

/* The versions that a query names; NULL: the latest set. */
struct set_names {
    const char *const *names;
    size_t count;
};

enum { NAMES_MAX = 2 };

/* ---- A page of all sets ---- */

static void write_released(struct json_writer *writer, const struct released_set *set) {
    json_writer_item(writer);
    json_writer_open(writer, '{');
    set_json_version(writer, "version", set->version);
    set_json_version(writer, "compiler", set->compiler);
    json_writer_text_field(writer, "published", set->published);
    json_writer_integer_field(writer, "packageCount", (int64_t)set->package_count);
    json_writer_close(writer, '}');
}

/* "next" is the next page's `after`. */
static void write_page(struct json_writer *writer, const struct set_history *history, size_t first, size_t limit) {
    size_t count = set_history_count(history), end = count - first < limit ? count : first + limit;
    json_writer_open(writer, '{');
    json_writer_key(writer, "packageSets");
    json_writer_open(writer, '[');
    for (size_t i = first; i < end; i++)
        write_released(writer, set_history_at(history, i));
    json_writer_close(writer, ']');
    if (end < count) set_json_version(writer, "next", set_history_at(history, end - 1)->version);
    json_writer_close(writer, '}');
}

enum status answer_set_page_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                  struct error *err) {
    struct package_set_service *service = context;
    const struct message_set_page_query *query = &request->set_page_query;
    int64_t limit = query->limit < 1 ? SETS_STANDARD : query->limit > SETS_MAX ? SETS_MAX : query->limit;
    struct version after = {0};
    struct text json = {0};
    if (query->after && version_parse(&after, query->after, err)) return error_under(err, "after");
    package_set_service_follow(service);
    const struct set_history *history = registry_sets_lock(service->sets);
    size_t first = query->after ? set_history_position_below(history, after) : 0;
    write_page(&(struct json_writer){.out = &json}, history, first, (size_t)limit);
    registry_sets_unlock(service->sets);
    message_take_json(answer, &json, arena);
    return STATUS_OK;
}

/* ---- Finding sets ---- */

static enum status no_set(struct package_set_service *service, const char *name, struct version version, struct arena *arena,
                          struct error *err) {
    const char *problem = name ? registry_sets_problem(service->sets, version, arena) : NULL;
    if (!name) return error_set(err, STATUS_NOT_FOUND, "There is no package set yet.");
    if (!problem) return error_set(err, STATUS_NOT_FOUND, "There is no package set %s.", name);
    return error_set(err, STATUS_NOT_FOUND,
                     "The package set %s cannot be read, because its file in the registry is malformed: %s", name, problem);
}

static enum status read_set(struct package_set *out, struct package_set_service *service, const char *name, struct arena *arena,
                            struct error *err) {
    struct version version = {0};
    if (name && version_parse(&version, name, err)) return error_under(err, "version");
    const struct set_history *history = registry_sets_lock(service->sets);
    const struct released_set *latest = set_history_at(history, 0);
    if (!name && latest) version = latest->version;
    bool is_there = set_history_read(out, history, version, arena);
    registry_sets_unlock(service->sets);
    return is_there ? STATUS_OK : no_set(service, name, version, arena, err);
}

static enum status read_sets(struct package_set *out, struct package_set_service *service, const struct set_names *names,
                             struct arena *arena, struct error *err) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < names->count && !status; i++)
        status = read_set(&out[i], service, names->names[i], arena, err);
    return status;
}

/* Reads the sets into `out`, in the arena. `looks_again`: STATUS_NOT_FOUND is as of now. */
static enum status find_sets(struct package_set out[NAMES_MAX], struct package_set_service *service,
                             const struct set_names *names, bool looks_again, struct arena *arena, struct error *err) {
    int64_t asked_us = clock_monotonic_us();
    package_set_service_follow(service);
    enum status status = read_sets(out, service, names, arena, err);
    if (status != STATUS_NOT_FOUND || !looks_again) return status;
    status = package_set_service_look_again(service, asked_us, err);
    return status ? status : read_sets(out, service, names, arena, err);
}

/* ---- One set ---- */

/* The answer is the file of the registry. */
enum status answer_set_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                             struct error *err) {
    const struct message_set_query *query = &request->set_query;
    struct package_set set[NAMES_MAX];
    struct text json = {0};
    enum status status = find_sets(set, context, &(struct set_names){&query->version, 1}, query->looks_again, arena, err);
    if (status) return status;
    package_set_append_file(&json, &set[0]);
    message_take_json(answer, &json, arena);
    return STATUS_OK;
}

/* ---- Two sets ---- */

static void write_versions(struct json_writer *writer, const char *key, const struct package_version *items, size_t count) {
    json_writer_key(writer, key);
    json_writer_open(writer, '{');
    for (size_t i = 0; i < count; i++)
        set_json_version(writer, items[i].name, items[i].version);
    json_writer_close(writer, '}');
}

static void write_updates(struct json_writer *writer, const struct set_difference *difference) {
    json_writer_key(writer, "upgraded");
    json_writer_open(writer, '{');
    for (size_t i = 0; i < difference->updated_count; i++) {
        const struct set_update *update = &difference->updated[i];
        json_writer_key(writer, update->name);
        json_writer_open(writer, '{');
        set_json_version(writer, "from", update->from);
        set_json_version(writer, "to", update->to);
        json_writer_text_field(writer, "by", set_step_text(set_update_step(update)));
        json_writer_close(writer, '}');
    }
    json_writer_close(writer, '}');
}

static void write_comparison(struct json_writer *writer, const struct package_set *from, const struct package_set *to,
                             struct arena *arena) {
    struct set_difference difference;
    set_difference_find(&difference, from, to, arena);
    json_writer_open(writer, '{');
    set_json_set(writer, "from", from);
    set_json_set(writer, "to", to);
    write_versions(writer, "added", difference.added, difference.added_count);
    write_versions(writer, "removed", difference.removed, difference.removed_count);
    write_updates(writer, &difference);
    json_writer_close(writer, '}');
}

enum status answer_set_comparison_query(void *context, const struct message *request, struct arena *arena,
                                        struct message *answer, struct error *err) {
    const struct message_set_comparison_query *query = &request->set_comparison_query;
    const char *const names[] = {query->from, query->to};
    struct package_set sets[NAMES_MAX];
    struct text json = {0};
    enum status status = find_sets(sets, context, &(struct set_names){names, NAMES_MAX}, query->looks_again, arena, err);
    if (status) return status;
    write_comparison(&(struct json_writer){.out = &json}, &sets[0], &sets[1], arena);
    message_take_json(answer, &json, arena);
    return STATUS_OK;
}

/* ---- A set in its place among all ---- */

struct set_neighbours {
    bool has_previous, has_following;
    struct package_set previous;
    struct version following;
};

static void read_neighbours(struct set_neighbours *out, struct package_set_service *service, struct version version,
                            struct arena *arena) {
    const struct set_history *history = registry_sets_lock(service->sets);
    size_t below = set_history_position_below(history, version);
    const struct released_set *previous = set_history_at(history, below),
                              *following = below >= 2 ? set_history_at(history, below - 2) : NULL;
    out->has_previous = previous && set_history_read(&out->previous, history, previous->version, arena);
    out->has_following = following;
    if (following) out->following = following->version;
    registry_sets_unlock(service->sets);
}

enum status answer_set_detail_query(void *context, const struct message *request, struct arena *arena, struct message *answer,
                                    struct error *err) {
    const struct message_set_detail_query *query = &request->set_detail_query;
    struct package_set set[NAMES_MAX];
    struct set_neighbours neighbours;
    struct text file = {0}, json = {0};
    struct json_writer writer = {.out = &json};
    enum status status = find_sets(set, context, &(struct set_names){&query->version, 1}, query->looks_again, arena, err);
    if (status) return status;
    package_set_append_file(&file, &set[0]);
    json_writer_open(&writer, '{');
    json_writer_raw_field(&writer, "set", file.bytes);
    read_neighbours(&neighbours, context, set[0].version, arena);
    if (neighbours.has_previous) {
        json_writer_key(&writer, "changes");
        write_comparison(&writer, &neighbours.previous, &set[0], arena);
    }
    if (neighbours.has_following) set_json_version(&writer, "following", neighbours.following);
    json_writer_close(&writer, '}');
    text_release(&file);
    message_take_json(answer, &json, arena);
    return STATUS_OK;
}
