/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as a bower.json. The manifest that is made of it must be the same after it is printed and read again
 * (provided that its name is valid: the caller compares the name with the requested one), and a failure must give its reason in
 * a sentence that can be shown to a client.
 */
#include "lib/base/arena.h"
#include "lib/domain/package/package_name.h"
#include "lib/source/bower_json.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    static const struct location location = {.kind = LOCATION_GITHUB, .github_owner = "purescript", .github_repo = "effect"};
    static const struct manifest_request request = {
        .name = "effect", .version = {1, 0, 0}, .location = &location, .ref = "v1.0.0"};
    struct arena arena = {0};
    struct text text = {0};
    struct error err = {0};
    struct manifest manifest = {0}, again;
    enum status status = bower_json_read(&manifest, &arena, (const char *)bytes, length, &request, &err);
    if (status) {
        assert(err.message[0] && text_is_utf8(err.message, strlen(err.message)));
    } else if (!package_name_check(manifest.name, NULL)) {
        manifest_append_file(&text, &manifest);
        status = manifest_parse(&again, text.bytes, text.length, "It", &arena, NULL);
        assert(status == STATUS_OK && manifest_equal(&manifest, &again));
        if (!manifest_check_new(&manifest, NULL)) assert(manifest.license[0]);
    }
    text_release(&text);
    arena_release(&arena);
    return 0;
}
