/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input's first line as a license, the second as one that was recognised in a file. The canonical form must be its
 * own canonical form and cover itself, and a license that is accepted in new manifests must be readable.
 */
#include <stdlib.h>

#include "lib/base/arena.h"
#include "lib/domain/package/license.h"
#include "tests/fuzz/fuzz.h"

static void canonicalise_again(const char *text, const char *canonical, struct arena *arena) {
    const char *again, *missing = "?";
    enum status status = license_canonicalise(&again, canonical, arena, NULL);
    assert(status == STATUS_OK && text_equal(again, canonical));
    status = license_find_missing(&missing, text, text, arena, NULL);
    assert(status == STATUS_OK && !missing);
    status = license_find_missing(&missing, text, canonical, arena, NULL);
    assert(status == STATUS_OK && !missing);
    status = license_find_missing(&missing, canonical, text, arena, NULL);
    assert(status == STATUS_OK && !missing);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct arena arena = {0};
    char *text = fuzz_take_line(&bytes, &length), *recognised = fuzz_take_line(&bytes, &length);
    const char *canonical, *missing;
    enum status status = license_canonicalise(&canonical, text, &arena, NULL);
    if (!status) canonicalise_again(text, canonical, &arena);
    if (!license_check_new(text, NULL)) {
        assert(status == STATUS_OK && license_check_new(canonical, NULL) == STATUS_OK);
    }
    if (!license_find_missing(&missing, text, recognised, &arena, NULL)) assert(status == STATUS_OK);
    free(text);
    free(recognised);
    arena_release(&arena);
    return 0;
}
