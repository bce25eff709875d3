/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as a package set, which must be the same after it is printed and read again.
 */
#include "lib/base/arena.h"
#include "lib/domain/registry/package_set.h"
#include "tests/fuzz/fuzz.h"

static void print_and_read_again(const struct package_set *set, struct arena *arena) {
    struct text once = {0}, twice = {0};
    struct package_set again;
    package_set_append_file(&once, set);
    enum status status = package_set_parse(&again, once.bytes, once.length, arena, NULL);
    assert(status == STATUS_OK && again.packages.count == set->packages.count);
    package_set_append_file(&twice, &again);
    fuzz_must_be_same(&once, &twice);
    text_release(&once);
    text_release(&twice);
    for (size_t i = 0; i < set->packages.count; i++)
        assert(package_versions_find(&set->packages, set->packages.items[i].name) == &set->packages.items[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct arena arena = {0};
    struct package_set set;
    if (!package_set_parse(&set, (const char *)bytes, length, &arena, NULL)) print_and_read_again(&set, &arena);
    arena_release(&arena);
    return 0;
}
