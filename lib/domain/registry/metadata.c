/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Looking up and changing metadata; metadata_file.c parses and prints it.
 */
#include "lib/domain/registry/metadata.h"

#include <assert.h>
#include <string.h>

#include "lib/base/arena.h"

/* Items are searched and sorted by the version at their beginning, here and in metadata_file.c. */
_Static_assert(offsetof(struct published_version, version) == 0, "items begin with their version");
_Static_assert(offsetof(struct unpublished_version, version) == 0, "items begin with their version");

/* The position of `version`, or the position to insert it at, among items that begin with and are sorted by a version. */
static size_t find_place(const void *items, size_t count, size_t item_bytes, struct version version, bool *is_there) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct version *other = (const struct version *)((const char *)items + middle * item_bytes);
        if (version_compare(*other, version) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *is_there = low < count && version_equal(*(const struct version *)((const char *)items + low * item_bytes), version);
    return low;
}

/* A copy of the items with an additional zeroed one at `place`. */
static void *make_room(const void *items, size_t count, size_t item_bytes, size_t place, struct arena *arena) {
    char *copy = arena_alloc(arena, (count + 1) * item_bytes);
    size_t before = place * item_bytes;
    if (place > 0) memcpy(copy, items, before);
    if (place < count) memcpy(copy + before + item_bytes, (const char *)items + before, (count - place) * item_bytes);
    return copy;
}

struct published_version *metadata_find_published(const struct metadata *metadata, struct version version) {
    bool is_there;
    size_t place = find_place(metadata->published, metadata->published_count, sizeof *metadata->published, version, &is_there);
    return is_there ? &metadata->published[place] : NULL;
}

struct unpublished_version *metadata_find_unpublished(const struct metadata *metadata, struct version version) {
    bool is_there;
    size_t place =
        find_place(metadata->unpublished, metadata->unpublished_count, sizeof *metadata->unpublished, version, &is_there);
    return is_there ? &metadata->unpublished[place] : NULL;
}

bool metadata_has_compiler(const struct metadata *metadata, struct version version, struct version compiler) {
    const struct published_version *published = metadata ? metadata_find_published(metadata, version) : NULL;
    return published && version_is_among(compiler, published->compilers, published->compiler_count);
}

enum status metadata_add_published(struct metadata *metadata, const struct published_version *version, struct arena *arena,
                                   struct error *err) {
    assert(version->compiler_count > 0);
    char text[VERSION_TEXT_MAX];
    version_print(version->version, text);
    if (metadata_find_unpublished(metadata, version->version))
        return error_set(err, STATUS_REFUSED, "Version %s was unpublished and cannot be published again.", text);
    bool is_there;
    size_t place =
        find_place(metadata->published, metadata->published_count, sizeof *metadata->published, version->version, &is_there);
    if (is_there) return error_set(err, STATUS_REFUSED, "Version %s is already published.", text);
    metadata->published = make_room(metadata->published, metadata->published_count, sizeof *metadata->published, place, arena);
    metadata->published[place] = *version;
    metadata->published_count++;
    return STATUS_OK;
}

static enum status fail_not_published(struct version version, struct error *err) {
    char text[VERSION_TEXT_MAX];
    version_print(version, text);
    return error_set(err, STATUS_NOT_FOUND, "Version %s is not published.", text);
}

enum status metadata_add_compiler(struct metadata *metadata, struct version version, struct version compiler,
                                  struct arena *arena, struct error *err) {
    struct published_version *published = metadata_find_published(metadata, version);
    if (!published) return fail_not_published(version, err);
    bool is_there;
    size_t place = find_place(published->compilers, published->compiler_count, sizeof compiler, compiler, &is_there);
    if (is_there) return STATUS_OK;
    published->compilers = make_room(published->compilers, published->compiler_count, sizeof compiler, place, arena);
    published->compilers[place] = compiler;
    published->compiler_count++;
    return STATUS_OK;
}

static void remove_published(struct metadata *metadata, struct published_version *published) {
    struct published_version *end = metadata->published + metadata->published_count;
    memmove(published, published + 1, (size_t)(end - published - 1) * sizeof *published);
    metadata->published_count--;
}

enum status metadata_unpublish(struct metadata *metadata, struct version version, const char *reason, int64_t unpublished_ms,
                               struct arena *arena, struct error *err) {
    bool is_there;
    size_t place =
        find_place(metadata->unpublished, metadata->unpublished_count, sizeof *metadata->unpublished, version, &is_there);
    if (is_there) {
        char text[VERSION_TEXT_MAX];
        version_print(version, text);
        return error_set(err, STATUS_REFUSED, "Version %s is already unpublished.", text);
    }
    struct published_version *published = metadata_find_published(metadata, version);
    if (!published) return fail_not_published(version, err);
    metadata->unpublished =
        make_room(metadata->unpublished, metadata->unpublished_count, sizeof *metadata->unpublished, place, arena);
    metadata->unpublished[place] = (struct unpublished_version){
        .version = version,
        .published_ms = published->published_ms,
        .reason = reason,
        .unpublished_ms = unpublished_ms,
    };
    metadata->unpublished_count++;
    remove_published(metadata, published);
    return STATUS_OK;
}
