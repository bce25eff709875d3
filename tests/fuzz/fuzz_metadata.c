/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as a package's metadata. Accepted metadata must be the same after it is printed and read again, and valid
 * after each kind of change.
 */
#include "lib/base/arena.h"
#include "lib/domain/registry/metadata.h"
#include "tests/fuzz/fuzz.h"

static const struct version new_version = {.major = 7};
static const struct version compiler = {.minor = 15, .patch = 10};

static void print_and_read_again(const struct metadata *metadata, struct arena *arena) {
    struct text once = {0}, twice = {0};
    struct metadata again;
    metadata_append_file(&once, metadata);
    enum status status = metadata_parse(&again, once.bytes, once.length, arena, NULL);
    assert(status == STATUS_OK);
    assert(again.published_count == metadata->published_count && again.unpublished_count == metadata->unpublished_count);
    metadata_append_file(&twice, &again);
    fuzz_must_be_same(&once, &twice);
    text_release(&once);
    text_release(&twice);
}

static void add_version(struct metadata *metadata, struct arena *arena) {
    static struct version compilers[] = {{.minor = 15, .patch = 10}};
    struct published_version added = {
        .version = new_version,
        .size_bytes = 1000,
        .compilers = compilers,
        .compiler_count = 1,
        .hash = "sha256-fN9RUAzN21ZY4Y0UwqUSxwUPVz1g7/pcqoDvbJZoT04=",
        .published_ms = 1,
        .ref = "",
    };
    bool is_there = metadata_find_published(metadata, new_version) || metadata_find_unpublished(metadata, new_version);
    enum status status = metadata_add_published(metadata, &added, arena, NULL);
    assert(status == (is_there ? STATUS_REFUSED : STATUS_OK));
    print_and_read_again(metadata, arena);
}

static void change_first_version(struct metadata *metadata, struct arena *arena) {
    struct version first = metadata->published[0].version;
    size_t published_count = metadata->published_count;
    enum status status = metadata_add_compiler(metadata, first, compiler, arena, NULL);
    assert(status == STATUS_OK);
    print_and_read_again(metadata, arena);
    status = metadata_unpublish(metadata, first, "Broken.", 2, arena, NULL);
    assert(status == STATUS_OK && metadata->published_count == published_count - 1);
    assert(!metadata_find_published(metadata, first) && metadata_find_unpublished(metadata, first));
    print_and_read_again(metadata, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct arena arena = {0};
    struct metadata metadata;
    if (!metadata_parse(&metadata, (const char *)bytes, length, &arena, NULL)) {
        print_and_read_again(&metadata, &arena);
        add_version(&metadata, &arena);
        if (metadata.published_count > 0) change_first_version(&metadata, &arena);
    }
    arena_release(&arena);
    return 0;
}
