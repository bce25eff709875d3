/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/registry/manifest_index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/array.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/domain/registry/index_file.h"

#define COMPILER_NAME "purs"

/* One package. Manifests and metadata change independently, so each has an arena of its own. */
struct entry {
    struct indexed_package package;
    char *name;                       /* the same memory as package.name */
    struct indexed_version *versions; /* … as package.versions */
    uint32_t *users;                  /* … as package.users */
    size_t user_capacity;
    struct arena manifest_memory;
    struct arena metadata_memory;
    struct metadata metadata;
};

struct manifest_index {
    struct entry **entries; /* by id */
    uint32_t *by_name;      /* ids in alphabetical order */
    size_t count;
    size_t capacity;
};

/* --- names --- */

/* The position of `name` in alphabetical order, or the position to insert it at. */
static size_t find_position(const struct manifest_index *index, const char *name, bool *is_there) {
    size_t low = 0;
    size_t high = index->count;
    *is_there = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(index->entries[index->by_name[middle]]->package.name, name);
        if (order == 0) *is_there = true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t intern_name(struct manifest_index *index, const char *name) {
    bool is_there;
    size_t position = find_position(index, name, &is_there);
    if (is_there) return index->by_name[position];

    if (index->count == index->capacity) {
        index->capacity = index->capacity ? 2 * index->capacity : 256;
        index->entries = memory_resize(index->entries, index->capacity, sizeof index->entries[0]);
        index->by_name = memory_resize(index->by_name, index->capacity, sizeof index->by_name[0]);
    }
    struct entry *entry = memory_alloc(sizeof *entry);
    entry->name = memory_copy_text(name);
    entry->package.name = entry->name;
    uint32_t id = (uint32_t)index->count;
    assert(id != PACKAGE_NONE);
    index->entries[id] = entry;
    memmove(&index->by_name[position + 1], &index->by_name[position], (index->count - position) * sizeof index->by_name[0]);
    index->by_name[position] = id;
    index->count++;
    return id;
}

static struct entry *intern_entry(struct manifest_index *index, const char *name) {
    uint32_t id = intern_name(index, name); /* may reallocate index->entries, so it must come first */
    return index->entries[id];
}

uint32_t manifest_index_find_package(const struct manifest_index *index, const char *name) {
    bool is_there;
    size_t position = find_position(index, name, &is_there);
    return is_there ? index->by_name[position] : PACKAGE_NONE;
}

static struct entry *find_entry(const struct manifest_index *index, const char *name) {
    uint32_t id = manifest_index_find_package(index, name);
    return id == PACKAGE_NONE ? NULL : index->entries[id];
}

struct manifest_index *manifest_index_create(void) {
    struct manifest_index *index = memory_alloc(sizeof *index);
    uint32_t compiler = intern_name(index, COMPILER_NAME);
    assert(compiler == PACKAGE_COMPILER);
    return index;
}

void manifest_index_free(struct manifest_index *index) {
    if (!index) return;
    for (size_t i = 0; i < index->count; i++) {
        struct entry *entry = index->entries[i];
        arena_release(&entry->metadata_memory);
        arena_release(&entry->manifest_memory);
        free(entry->users);
        free(entry->name);
        free(entry);
    }
    free(index->by_name);
    free(index->entries);
    free(index);
}

/* --- changing --- */

/* Copies from the metadata to each version whether it is published, and the range of its compilers. */
static void link_metadata(struct entry *entry) {
    for (size_t i = 0; i < entry->package.version_count; i++) {
        struct indexed_version *version = &entry->versions[i];
        const struct published_version *published =
            entry->package.metadata ? metadata_find_published(&entry->metadata, version->version) : NULL;
        version->is_published = published && published->compiler_count > 0;
        if (!version->is_published) continue;
        struct range compilers = {.low = published->compilers[0],
                                  .high = version_bump_patch(published->compilers[published->compiler_count - 1])};
        version->needs[0] = (struct indexed_need){.range = range_pack(compilers), .package = PACKAGE_COMPILER};
    }
}

static void intern_needs(struct manifest_index *index, struct indexed_version *version, const struct manifest *manifest,
                         struct arena *memory) {
    struct indexed_need *needs = arena_alloc(memory, (manifest->dependency_count + 1) * sizeof needs[0]);
    size_t count = 1; /* [0] is set by link_metadata() */
    for (size_t i = 0; i < manifest->dependency_count; i++) {
        const struct dependency *dependency = &manifest->dependencies[i];
        uint32_t package = intern_name(index, dependency->name);
        if (package == PACKAGE_COMPILER) continue; /* the compilers come from the metadata */
        needs[count++] = (struct indexed_need){.range = range_pack(dependency->range), .package = package};
    }
    *version = (struct indexed_version){.packed = version_pack(manifest->version),
                                        .version = manifest->version,
                                        .needs = needs,
                                        .need_count = count,
                                        .manifest = manifest};
}

static int compare_ids(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

/* Collects the ids of all packages that any version needs. */
static void list_mentions(struct entry *entry) {
    size_t total = 0;
    for (size_t i = 0; i < entry->package.version_count; i++)
        total += entry->versions[i].need_count;
    uint32_t *mentions = arena_alloc(&entry->manifest_memory, total * sizeof mentions[0]);
    size_t all = 0;
    for (size_t i = 0; i < entry->package.version_count; i++)
        for (size_t j = 0; j < entry->versions[i].need_count; j++)
            mentions[all++] = entry->versions[i].needs[j].package;
    qsort(mentions, all, sizeof mentions[0], compare_ids);
    size_t kept = 0;
    for (size_t i = 0; i < all; i++)
        if (i == 0 || mentions[i] != mentions[kept - 1]) mentions[kept++] = mentions[i];
    entry->package.mentions = mentions;
    entry->package.mention_count = kept;
}

/* The position of `id` among the users of the package, or the position to insert it at. */
static size_t find_user(const struct entry *entry, uint32_t id) {
    size_t position = entry->package.user_count;
    while (position > 0 && entry->users[position - 1] >= id)
        position--;
    return position;
}

static void add_user(struct entry *entry, uint32_t id) {
    size_t position = find_user(entry, id), count = entry->package.user_count++;
    if (count == entry->user_capacity) {
        entry->user_capacity = entry->user_capacity ? 2 * entry->user_capacity : 8;
        entry->users = memory_resize(entry->users, entry->user_capacity, sizeof entry->users[0]);
        entry->package.users = entry->users;
    }
    memmove(&entry->users[position + 1], &entry->users[position], (count - position) * sizeof entry->users[0]);
    entry->users[position] = id;
}

static void remove_user(struct entry *entry, uint32_t id) {
    size_t position = find_user(entry, id), after = position + 1;
    memmove(&entry->users[position], &entry->users[after], (entry->package.user_count-- - after) * sizeof entry->users[0]);
}

/* Adds the package to, or removes it from, the users of each package that it mentions. */
static void tell_mentioned(struct manifest_index *index, const struct entry *entry, void (*tell)(struct entry *, uint32_t)) {
    uint32_t id = manifest_index_find_package(index, entry->package.name);
    for (size_t i = 0; i < entry->package.mention_count; i++)
        if (entry->package.mentions[i] != PACKAGE_COMPILER) tell(index->entries[entry->package.mentions[i]], id);
}

static void forget_manifests(struct manifest_index *index, struct entry *entry) {
    tell_mentioned(index, entry, remove_user);
    arena_release(&entry->manifest_memory);
    entry->versions = NULL;
    entry->package.versions = NULL;
    entry->package.version_count = 0;
    entry->package.mentions = NULL;
    entry->package.mention_count = 0;
}

static void forget_metadata(struct entry *entry) {
    arena_release(&entry->metadata_memory);
    entry->metadata = (struct metadata){0};
    entry->package.metadata = NULL;
}

void manifest_index_put_manifests(struct manifest_index *index, const char *name, const struct manifest *manifests,
                                  size_t count, struct arena *memory) {
    struct entry *entry = intern_entry(index, name);
    forget_manifests(index, entry);
    entry->manifest_memory = *memory;
    *memory = (struct arena){0};
    entry->versions = arena_alloc(&entry->manifest_memory, count * sizeof entry->versions[0]);
    for (size_t i = 0; i < count; i++)
        intern_needs(index, &entry->versions[i], &manifests[i], &entry->manifest_memory);
    entry->package.versions = entry->versions;
    entry->package.version_count = count;
    link_metadata(entry);
    list_mentions(entry);
    tell_mentioned(index, entry, add_user);
}

enum status manifest_index_set_manifests(struct manifest_index *index, const char *name, const char *text, size_t length,
                                         struct error *err) {
    struct arena memory = {0};
    struct manifest *manifests = NULL;
    size_t count = 0;
    enum status status = index_file_parse(&manifests, &count, name, text, length, &memory, err);
    if (!status) manifest_index_put_manifests(index, name, manifests, count, &memory);
    arena_release(&memory);
    return status;
}

void manifest_index_put_metadata(struct manifest_index *index, const char *name, const struct metadata *metadata,
                                 struct arena *memory) {
    struct entry *entry = intern_entry(index, name);
    forget_metadata(entry);
    entry->metadata_memory = *memory;
    *memory = (struct arena){0};
    entry->metadata = *metadata;
    entry->package.metadata = &entry->metadata;
    link_metadata(entry);
}

enum status manifest_index_set_metadata(struct manifest_index *index, const char *name, const char *text, size_t length,
                                        struct error *err) {
    struct arena memory = {0};
    struct metadata metadata = {0};
    enum status status = metadata_parse(&metadata, text, length, &memory, err);
    if (!status) manifest_index_put_metadata(index, name, &metadata, &memory);
    arena_release(&memory);
    return status;
}

void manifest_index_remove_manifests(struct manifest_index *index, const char *name) {
    struct entry *entry = find_entry(index, name);
    if (entry) forget_manifests(index, entry);
}

void manifest_index_remove_metadata(struct manifest_index *index, const char *name) {
    struct entry *entry = find_entry(index, name);
    if (!entry) return;
    forget_metadata(entry);
    link_metadata(entry);
}

/* --- looking things up --- */

size_t manifest_index_package_count(const struct manifest_index *index) {
    return index->count;
}

const struct indexed_package *manifest_index_package(const struct manifest_index *index, uint32_t package) {
    assert(package < index->count);
    return &index->entries[package]->package;
}

uint32_t manifest_index_by_name(const struct manifest_index *index, size_t position) {
    assert(position < index->count);
    return index->by_name[position];
}

size_t indexed_package_position(const struct indexed_package *package, unsigned __int128 packed) {
    size_t low = 0;
    size_t high = package->version_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (package->versions[middle].packed < packed)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct indexed_version *indexed_package_find(const struct indexed_package *package, struct version version) {
    unsigned __int128 packed = version_pack(version);
    size_t position = indexed_package_position(package, packed);
    bool is_there = position < package->version_count && package->versions[position].packed == packed;
    return is_there ? &package->versions[position] : NULL;
}

const struct indexed_version *manifest_index_find(const struct manifest_index *index, const char *name,
                                                  struct version version) {
    const struct entry *entry = find_entry(index, name);
    return entry ? indexed_package_find(&entry->package, version) : NULL;
}

const struct metadata *manifest_index_find_metadata(const struct manifest_index *index, const char *name) {
    const struct entry *entry = find_entry(index, name);
    return entry ? entry->package.metadata : NULL;
}

enum status manifest_index_check_place(const struct manifest_index *index, const char *name, const struct location *location,
                                       const char *field, struct error *err) {
    const struct indexed_package *there = NULL;
    for (size_t i = 0; i < index->count && !there; i++) {
        const struct indexed_package *package = &index->entries[i]->package;
        if (package->metadata && strcmp(package->name, name) != 0 && location_equal(&package->metadata->location, location))
            there = package;
    }
    if (!there) return STATUS_OK;
    struct text place = {0};
    location_append_text(&place, location);
    error_set_at(err, STATUS_REFUSED, field,
                 "%s belongs to the package %s. If several packages share a repository, each needs its own \"subdir\".",
                 text_view(&place), there->name);
    text_release(&place);
    return STATUS_REFUSED;
}

enum status manifest_index_copy_manifest(struct manifest *out, const struct manifest_index *index, const char *name,
                                         struct version version, struct arena *arena, struct error *err) {
    char version_text[VERSION_TEXT_MAX];
    version_print(version, version_text);
    const struct indexed_version *found = manifest_index_find(index, name, version);
    if (!found) return error_set(err, STATUS_NOT_FOUND, "The registry index has no %s@%s.", name, version_text);
    struct text line = {0};
    manifest_append_line(&line, found->manifest);
    enum status status = manifest_parse(out, text_view(&line), line.length, "The manifest", arena, err);
    text_release(&line);
    return status;
}

enum status manifest_index_copy_metadata(struct metadata *out, const struct manifest_index *index, const char *name,
                                         struct arena *arena, struct error *err) {
    const struct metadata *found = manifest_index_find_metadata(index, name);
    if (!found) return error_set(err, STATUS_NOT_FOUND, "The registry has no package %s.", name);
    struct text file = {0};
    metadata_append_file(&file, found);
    enum status status = metadata_parse(out, text_view(&file), file.length, arena, err);
    text_release(&file);
    return status;
}

/* --- the invariant --- */

/* True if some version of the package other than `except` (NULL: none) is inside `range`. */
static bool is_satisfied(const struct indexed_package *package, struct packed_range range,
                         const struct indexed_version *except) {
    size_t i = indexed_package_position(package, range.low);
    if (except && i < package->version_count && &package->versions[i] == except) i++;
    return i < package->version_count && package->versions[i].packed < range.high;
}

enum status manifest_index_check_dependencies(const struct manifest_index *index, const struct manifest *manifest,
                                              struct error *err) {
    struct text missing = {0};
    for (size_t i = 0; i < manifest->dependency_count; i++) {
        const struct dependency *dependency = &manifest->dependencies[i];
        const struct entry *entry = find_entry(index, dependency->name);
        if (entry && is_satisfied(&entry->package, range_pack(dependency->range), NULL)) continue;
        char range_text[RANGE_TEXT_MAX];
        range_print(dependency->range, range_text);
        text_append_format(&missing, "%s%s %s", missing.length ? ", " : "", dependency->name, range_text);
    }
    enum status status = STATUS_OK;
    if (missing.length) {
        char version_text[VERSION_TEXT_MAX];
        version_print(manifest->version, version_text);
        status = error_set(err, STATUS_REFUSED, "%s@%s has unsatisfied dependencies: no version in the registry index fits %s.",
                           manifest->name, version_text, text_view(&missing));
    }
    text_release(&missing);
    return status;
}

/* A search for the dependants of one version. */
struct dependant_search {
    const struct indexed_package *package;
    uint32_t id;
    unsigned __int128 packed;
    const struct indexed_version *except; /* if not NULL: only dependants that no other version satisfies */
    struct dependant *items;              /* found */
    size_t count, capacity;
};

static void add_dependant(struct dependant_search *search, const struct indexed_package *candidate, struct version version,
                          struct packed_range range) {
    *array_add(search) = (struct dependant){.name = candidate->name,
                                            .version = version,
                                            .range = {.low = version_unpack(range.low), .high = version_unpack(range.high)}};
}

static void search_package(struct dependant_search *search, const struct indexed_package *candidate) {
    for (size_t i = 0; i < candidate->version_count; i++) {
        const struct indexed_version *version = &candidate->versions[i];
        if (version == search->except) continue;
        for (size_t j = 1; j < version->need_count; j++) {
            const struct indexed_need *need = &version->needs[j];
            if (need->package != search->id || !packed_range_includes(need->range, search->packed)) continue;
            if (search->except && is_satisfied(search->package, need->range, search->except)) continue;
            add_dependant(search, candidate, version->version, need->range);
        }
    }
}

/* Searches all packages, by name, and moves the result to the arena. */
static size_t run_search(struct dependant **out, struct dependant_search *search, const struct manifest_index *index,
                         struct arena *arena) {
    for (size_t position = 0; position < index->count; position++) {
        const struct indexed_package *candidate = &index->entries[index->by_name[position]]->package;
        if (candidate->version_count == 0) continue;
        if (bsearch(&search->id, candidate->mentions, candidate->mention_count, sizeof search->id, compare_ids))
            search_package(search, candidate);
    }
    *out = arena_alloc(arena, search->count * sizeof search->items[0]);
    for (size_t i = 0; i < search->count; i++) {
        (*out)[i] = search->items[i];
        (*out)[i].name = arena_copy(arena, search->items[i].name);
    }
    free(search->items);
    return search->count;
}

size_t manifest_index_find_dependants(struct dependant **out, const struct manifest_index *index, const char *name,
                                      struct version version, struct arena *arena) {
    *out = NULL;
    uint32_t id = manifest_index_find_package(index, name);
    if (id == PACKAGE_NONE) return 0;
    struct dependant_search search = {.package = &index->entries[id]->package, .id = id, .packed = version_pack(version)};
    return run_search(out, &search, index, arena);
}

size_t manifest_index_find_orphans(struct dependant **out, const struct manifest_index *index, const char *name,
                                   struct version version, struct arena *arena) {
    *out = NULL;
    const struct indexed_version *removed = manifest_index_find(index, name, version);
    if (!removed) return 0;
    uint32_t id = manifest_index_find_package(index, name);
    struct dependant_search search = {
        .package = &index->entries[id]->package, .id = id, .packed = version_pack(version), .except = removed};
    return run_search(out, &search, index, arena);
}
