/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/registry/new_tags.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"

static const int64_t hour_ms = 3600 * 1000;

bool new_tags_are_of(const struct location *location) {
    struct arena arena = {0};
    struct github_repository repository;
    bool is_at_github = location_find_github(&repository, location, &arena);
    arena_release(&arena);
    return is_at_github && !location->subdir;
}

/* ---- Tags ---- */

static bool read_version(struct version *out, const char *name) {
    return version_parse(out, *name == 'v' ? name + 1 : name, NULL) == STATUS_OK;
}

/* The highest version first, and of the tags of one version the one with a `v`. */
static int compare(const void *a, const void *b) {
    const struct new_tag *left = a, *right = b;
    int order = version_compare(right->version, left->version);
    return order ? order : (*right->tag->name == 'v') - (*left->tag->name == 'v');
}

size_t new_tags_find(struct new_tag **out, const struct repository_tag *tags, size_t count, const struct metadata *metadata,
                     struct arena *arena) {
    struct new_tag *found = arena_alloc(arena, (count + 1) * sizeof *found);
    size_t all = 0, kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct version version;
        if (!read_version(&version, tags[i].name)) continue;
        if (metadata_find_published(metadata, version) || metadata_find_unpublished(metadata, version)) continue;
        found[all++] = (struct new_tag){version, &tags[i]};
    }
    qsort(found, all, sizeof *found, compare);
    for (size_t i = 0; i < all; i++)
        if (kept == 0 || !version_equal(found[i].version, found[kept - 1].version)) found[kept++] = found[i];
    *out = found;
    return kept;
}

/* ---- Commits ---- */

int64_t new_tags_since_ms(int64_t now_ms, int64_t last_look_ms) {
    int64_t day_ms = 24 * hour_ms, since_ms = now_ms - day_ms, earliest_ms = now_ms - 7 * day_ms;
    if (last_look_ms > 0 && last_look_ms - hour_ms < since_ms) since_ms = last_look_ms - hour_ms;
    return since_ms > earliest_ms ? since_ms : earliest_ms;
}

/* ---- The publication ---- */

void new_tag_request(struct publish_request *out, const char *package, const struct location *location,
                     const struct new_tag *tag) {
    *out = (struct publish_request){
        .name = package, .has_location = true, .location = *location, .ref = tag->tag->name, .version = tag->version};
}

void new_tag_job_id(const char *package, const struct new_tag *tag, char out[UUID_TEXT_MAX]) {
    char version[VERSION_TEXT_MAX];
    struct text basis = {0};
    version_print(tag->version, version);
    text_append_format(&basis, "new tag %s %s %s", package, version, tag->tag->commit);
    hash_uuid(basis.bytes, basis.length, out);
    text_release(&basis);
}
