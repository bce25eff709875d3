/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as a sealed secret from a message, which must be refused; then seals the input, which must open with the same
 * purpose only.
 */
#include "lib/base/arena.h"
#include "lib/domain/identity/sealed_secret.h"
#include "tests/fuzz/fuzz.h"

static const char key[] = "a key that two programs share";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct arena arena = {0};
    char *text = arena_copy_bytes(&arena, bytes, length), *opened = NULL;
    enum status status = secret_unseal(&opened, &arena, key, "fuzz", text, NULL);
    assert(status != STATUS_OK);
    if (length > SECRET_BYTES_MAX) length = SECRET_BYTES_MAX;
    const char *sealed = secret_seal(&arena, key, "fuzz", text, length);
    status = secret_unseal(&opened, &arena, key, "fuzz", sealed, NULL);
    assert(status == STATUS_OK && memcmp(opened, bytes, length) == 0);
    status = secret_unseal(&opened, &arena, key, "another purpose", sealed, NULL);
    assert(status != STATUS_OK);
    arena_release(&arena);
    return 0;
}
