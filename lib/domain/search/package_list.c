/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/search/package_list.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "lib/domain/search/package_search.h"

/* A relevance is the score, above the number of dependants. */
enum { DEPENDANTS_BITS = 20 };

const struct published_version *package_latest(const struct indexed_package *package, const struct indexed_version **indexed) {
    const struct metadata *metadata = package->metadata;
    *indexed = NULL;
    if (!metadata || metadata->published_count == 0) return NULL;
    const struct published_version *latest = &metadata->published[metadata->published_count - 1];
    *indexed = indexed_package_find(package, latest->version);
    return latest;
}

/* By id: how many packages have a latest version that depends on it. */
static size_t *count_dependants(const struct manifest_index *index, struct arena *arena) {
    size_t count = manifest_index_package_count(index), *dependants = arena_alloc(arena, (count + 1) * sizeof *dependants);
    for (uint32_t id = 0; id < count; id++) {
        const struct indexed_version *latest;
        package_latest(manifest_index_package(index, id), &latest);
        for (size_t i = 1; latest && i < latest->need_count; i++) /* [0] is the compiler */
            dependants[latest->needs[i].package]++;
    }
    return dependants;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(((const struct dependant *)a)->name, ((const struct dependant *)b)->name);
}

size_t package_list_dependants(struct dependant **out, const struct manifest_index *index, const char *name,
                               const struct version *version, struct arena *arena) {
    uint32_t id = manifest_index_find_package(index, name);
    if (id == PACKAGE_NONE) return 0;
    const struct indexed_package *package = manifest_index_package(index, id);
    struct dependant *dependants = arena_alloc(arena, (package->user_count + 1) * sizeof *dependants);
    size_t count = 0;
    for (size_t i = 0; i < package->user_count; i++) {
        const struct indexed_package *user = manifest_index_package(index, package->users[i]);
        const struct indexed_version *latest;
        package_latest(user, &latest);
        if (!latest) continue;
        const struct manifest *manifest = latest->manifest;
        const struct dependency *found = dependencies_find(manifest->dependencies, manifest->dependency_count, name);
        if (found && (!version || range_includes(found->range, *version)))
            dependants[count++] = (struct dependant){user->name, latest->version, found->range};
    }
    qsort(dependants, count, sizeof *dependants, compare_names);
    *out = dependants;
    return count;
}

static int64_t key_of(const struct listed_package *item, enum package_order order, int score) {
    size_t most = ((size_t)1 << DEPENDANTS_BITS) - 1;
    switch (order) {
    case PACKAGE_ORDER_DEPENDANTS: return (int64_t)item->dependants;
    case PACKAGE_ORDER_NEWEST: return item->latest ? item->latest->published_ms : 0;
    case PACKAGE_ORDER_RELEVANCE:
        return (int64_t)score << DEPENDANTS_BITS | (int64_t)(item->dependants < most ? item->dependants : most);
    case PACKAGE_ORDER_NAME: break;
    }
    return 0;
}

static int compare_places(const void *a, const void *b) {
    return package_place_compare(&((const struct listed_package *)a)->place, &((const struct listed_package *)b)->place);
}

/* Adds the package unless the search does not find it; counts it, too, if it is on an earlier page. */
static void consider(struct package_list *out, const struct indexed_package *package, size_t dependants,
                     const struct package_search *search, const struct package_list_request *request) {
    struct listed_package *item = &out->items[out->count];
    const struct indexed_version *indexed;
    if (!package->metadata) return;
    *item = (struct listed_package){.metadata = package->metadata, .dependants = dependants};
    item->latest = package_latest(package, &indexed);
    item->manifest = indexed ? indexed->manifest : NULL;
    const char *description = indexed && !request->is_by_name ? indexed->manifest->description : NULL;
    int score = search ? package_search_score(search, package->name, description) : 0;
    if (search && score == 0) return;
    item->place = (struct package_place){.key = key_of(item, request->order, score), .name = package->name};
    out->total++;
    if (!request->after || package_place_compare(request->after, &item->place) < 0) out->count++;
}

void package_list_find(struct package_list *out, const struct manifest_index *index, const struct package_list_request *request,
                       struct arena *arena) {
    size_t count = manifest_index_package_count(index);
    const size_t *dependants = count_dependants(index, arena);
    struct package_search search;
    bool is_search = !text_is_blank(request->search);
    if (is_search) package_search_read(&search, request->search, arena);
    *out = (struct package_list){.items = arena_alloc(arena, (count + 1) * sizeof *out->items)};
    for (uint32_t id = 0; id < count; id++)
        consider(out, manifest_index_package(index, id), dependants[id], is_search ? &search : NULL, request);
    qsort(out->items, out->count, sizeof *out->items, compare_places);
    out->has_more = out->count > request->limit;
    if (out->has_more) out->count = request->limit;
}
