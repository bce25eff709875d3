/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/wave.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/domain/registry/manifest_index.h"

void wave_plan(struct wave *wave, struct matrix_pairs *pairs) {
    size_t kept = 0;
    for (size_t i = 0; i < pairs->count; i++) {
        struct arena arena = {0};
        struct build_plan plan;
        if (!matrix_plan_solve(&plan, wave->index, &pairs->items[i], 0, &arena)) pairs->items[kept++] = pairs->items[i];
        arena_release(&arena);
    }
    wave->solves += pairs->count;
    wave->rejected += pairs->rejected;
    pairs->count = kept;
}

static void need(enum status status, const struct error *err) {
    if (status == STATUS_OK) return;
    fprintf(stderr, "%s\n", err->message);
    abort();
}

static int compare_packages(const void *a, const void *b) {
    return strcmp(((const struct matrix_pair *)a)->package, ((const struct matrix_pair *)b)->package);
}

/* The pairs belong to one package. Its metadata is printed and parsed once, like the file in the real registry. */
static void build_package(struct wave *wave, const struct matrix_pair *pairs, size_t count) {
    struct arena memory = {0};
    struct metadata metadata;
    struct error err;
    need(manifest_index_copy_metadata(&metadata, wave->index, pairs[0].package, &memory, &err), &err);
    for (size_t i = 0; i < count; i++)
        need(metadata_add_compiler(&metadata, pairs[i].version, pairs[i].compiler, &memory, &err), &err);
    manifest_index_put_metadata(wave->index, pairs[0].package, &metadata, &memory);
}

void wave_build(struct wave *wave, const struct matrix_pairs *pairs) {
    if (pairs->count == 0) return;
    struct matrix_pair *sorted = memory_alloc(pairs->count * sizeof sorted[0]);
    memcpy(sorted, pairs->items, pairs->count * sizeof sorted[0]);
    qsort(sorted, pairs->count, sizeof sorted[0], compare_packages);
    for (size_t i = 0, end; i < pairs->count; i = end) {
        for (end = i + 1; end < pairs->count && compare_packages(&sorted[i], &sorted[end]) == 0;)
            end++;
        build_package(wave, &sorted[i], end - i);
    }
    free(sorted);
    wave->jobs += pairs->count;
    wave->levels++;
}

void wave_follow(struct wave *wave, const struct matrix_pairs *built, struct matrix_pairs *out) {
    struct matrix_change *changes = memory_alloc(built->count * sizeof changes[0]);
    for (size_t i = 0; i < built->count; i++)
        changes[i] = (struct matrix_change){.kind = JOB_EVENT_BUILT,
                                            .package = built->items[i].package,
                                            .version = built->items[i].version,
                                            .compiler = built->items[i].compiler,
                                            .purpose = built->items[i].purpose};
    matrix_plan_follow(out, wave->index, changes, built->count, wave->compilers, wave->compiler_count);
    free(changes);
}

void wave_run(struct wave *wave, struct matrix_pairs *pairs) {
    for (wave_plan(wave, pairs); pairs->count > 0; wave_plan(wave, pairs)) {
        struct matrix_pairs next = {0};
        wave_build(wave, pairs);
        wave_follow(wave, pairs, &next);
        matrix_pairs_release(pairs);
        *pairs = next;
    }
    matrix_pairs_release(pairs);
}
