/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The cache key of an entry: the SHA-256 of this text, one item per line (no item can contain a line break):
 *
 *   recipe 1
 *   compiler 0.15.15
 *   targets js
 *   package maybe@6.0.0:sha256-…
 *   with control@6.0.0:sha256-…       (sorted by bytes)
 *   with prelude@6.0.1:sha256-…
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "lib/tools/purs/build_store.h"

static const char *print_package(struct arena *arena, const struct build_package *package) {
    char version[VERSION_TEXT_MAX];
    version_print(package->version, version);
    return arena_format(arena, "%s@%s:%s", package->name, version, package->hash);
}

static int compare_texts(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void build_store_key(char out[SHA256_HEX_MAX], const struct work_order *work, size_t package) {
    struct arena arena = {0};
    struct text text = {0};
    char compiler[VERSION_TEXT_MAX];
    size_t *others;
    size_t count = work_order_closure(&others, work, package, &arena);
    const char **lines = arena_alloc(&arena, (count + 1) * sizeof *lines);
    for (size_t i = 0; i < count; i++)
        lines[i] = print_package(&arena, &work->packages[others[i]]);
    qsort(lines, count, sizeof *lines, compare_texts);
    version_print(work->compiler, compiler);
    text_append_format(&text, "recipe " BUILD_RECIPE_VERSION "\ncompiler %s\ntargets " BUILD_TARGETS "\npackage %s\n", compiler,
                       print_package(&arena, &work->packages[package]));
    for (size_t i = 0; i < count; i++)
        text_append_format(&text, "with %s\n", lines[i]);
    hash_sha256_hex(text.bytes, text.length, out);
    text_release(&text);
    arena_release(&arena);
}
