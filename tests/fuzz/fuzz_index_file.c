/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input's first line as a manifest, the rest as the index file of its package. Adding the manifest adds one version;
 * removing it again leaves the file's other lines, byte for byte. A manifest that clients could not read is not added.
 */
#include <stdlib.h>

#include "lib/base/arena.h"
#include "lib/domain/registry/index_file.h"
#include "tests/fuzz/fuzz.h"

static bool has_version(const struct manifest *manifests, size_t count, struct version version) {
    for (size_t i = 0; i < count; i++)
        if (version_equal(manifests[i].version, version)) return true;
    return false;
}

/* `file` is good. */
static void put_and_remove(const char *file, size_t length, const struct manifest *manifest, bool is_in_it, size_t count_before,
                           struct arena *arena) {
    struct text with = {0}, without = {0}, other_lines = {0};
    struct manifest *manifests;
    size_t count;
    enum status status = index_file_put(&with, file, length, manifest, NULL);
    assert(status == manifest_check_readable(manifest, NULL));
    if (status) {
        assert(with.length == 0);
        return;
    }
    status = index_file_parse(&manifests, &count, manifest->name, with.bytes, with.length, arena, NULL);
    assert(status == STATUS_OK && count == count_before + !is_in_it && has_version(manifests, count, manifest->version));

    status = index_file_remove(&without, manifest->name, with.bytes, with.length, manifest->version, NULL);
    assert(status == STATUS_OK);
    status = index_file_remove(&other_lines, manifest->name, file, length, manifest->version, NULL);
    assert(status == (is_in_it ? STATUS_OK : STATUS_NOT_FOUND));
    fuzz_must_be_same(&without, &other_lines);
    text_release(&with);
    text_release(&without);
    text_release(&other_lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct arena arena = {0};
    struct manifest manifest, *manifests;
    size_t count;
    char *line = fuzz_take_line(&bytes, &length);
    const char *file = (const char *)bytes;
    if (!manifest_parse(&manifest, line, strlen(line), "It", &arena, NULL) &&
        !index_file_parse(&manifests, &count, manifest.name, file, length, &arena, NULL))
        put_and_remove(file, length, &manifest, has_version(manifests, count, manifest.version), count, &arena);
    free(line);
    arena_release(&arena);
    return 0;
}
