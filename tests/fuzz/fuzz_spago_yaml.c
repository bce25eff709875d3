/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as a spago.yaml. It must be converted to valid JSON, and a manifest read from that must be the same after it
 * is printed and read again.
 */
#include "lib/base/arena.h"
#include "lib/base/json.h"
#include "lib/domain/package/manifest.h"
#include "lib/tools/spago_yaml.h"
#include "tests/fuzz/fuzz.h"

static void read_manifest(const json_t *json) {
    struct arena arena = {0};
    struct text text = {0};
    struct manifest manifest, again;
    if (!manifest_read(&manifest, json, &arena, NULL)) {
        assert(text_equal(manifest.ref, "v1.0.0"));
        manifest_append_file(&text, &manifest);
        enum status status = manifest_parse(&again, text.bytes, text.length, "It", &arena, NULL);
        assert(status == STATUS_OK && manifest_equal(&manifest, &again));
        if (!manifest_check_new(&manifest, NULL)) assert(manifest.license[0]);
    }
    text_release(&text);
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct error err = {0};
    json_t *json = NULL, *again = NULL;
    enum status status = spago_yaml_read(&json, (const char *)bytes, length, "v1.0.0", &err);
    if (status) {
        assert(status == STATUS_INVALID && err.message[0] && text_is_utf8(err.message, strlen(err.message)));
        return 0;
    }
    struct text printed = {0};
    json_append_value(&printed, json, 0);
    status = json_read(&again, printed.bytes, printed.length, "It", NULL);
    assert(status == STATUS_OK && json_equal(json, again));
    read_manifest(json);
    json_decref(json);
    json_decref(again);
    text_release(&printed);
    return 0;
}
