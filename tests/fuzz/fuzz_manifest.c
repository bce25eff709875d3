/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as a manifest. An accepted manifest must be the same after it is printed, as a file and as a line, and read
 * again, and the checks of manifests must cope with it.
 */
#include "lib/base/arena.h"
#include "lib/domain/package/manifest.h"
#include "tests/fuzz/fuzz.h"

static void print_and_read_again(void (*append)(struct text *out, const struct manifest *manifest),
                                 const struct manifest *manifest, struct arena *arena) {
    struct text once = {0}, twice = {0};
    struct manifest again;
    append(&once, manifest);
    enum status status = manifest_parse(&again, once.bytes, once.length, "It", arena, NULL);
    assert(status == STATUS_OK && manifest_equal(manifest, &again));
    append(&twice, &again);
    fuzz_must_be_same(&once, &twice);
    text_release(&once);
    text_release(&twice);
}

static void judge(const struct manifest *manifest) {
    struct text text = {0};
    enum status strict = location_check_source(&manifest->location, false, NULL);
    enum status lenient = location_check_source(&manifest->location, true, NULL);
    assert(strict || !lenient);
    if (!manifest_check_new(manifest, NULL)) assert(!location_check_published(&manifest->location, NULL));
    location_append_text(&text, &manifest->location);
    text_release(&text);
    for (size_t i = 1; i < manifest->dependency_count; i++)
        assert(strcmp(manifest->dependencies[i - 1].name, manifest->dependencies[i].name) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct arena arena = {0};
    struct manifest manifest;
    if (!manifest_parse(&manifest, (const char *)bytes, length, "It", &arena, NULL)) {
        print_and_read_again(manifest_append_line, &manifest, &arena);
        print_and_read_again(manifest_append_file, &manifest, &arena);
        judge(&manifest);
    }
    arena_release(&arena);
    return 0;
}
