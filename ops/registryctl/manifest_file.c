/* SPDX-License-Identifier: BSD-3-Clause */
#include "ops/registryctl/manifest_file.h"

#include "lib/base/arena.h"
#include "lib/base/folder.h"
#include "lib/base/text.h"
#include "lib/source/manifest_source.h"

enum { MANIFEST_BYTES_MAX = 1000000 };

enum status manifest_file_read(struct manifest *out, const char *path, const char *ref, struct arena *arena,
                               struct error *err) {
    struct text file = {0};
    bool is_yaml = text_ends_with(path, ".yaml") || text_ends_with(path, ".yml");
    const struct manifest_request request = {.ref = ref ? ref : ""};
    enum status status = file_read(path, MANIFEST_BYTES_MAX, &file, err);
    if (!status)
        status = manifest_source_parse(out, arena, is_yaml ? "spago.yaml" : "purs.json", text_view(&file), file.length,
                                       &request, err);
    if (!status && is_yaml && !ref) {
        char version[VERSION_TEXT_MAX];
        version_print(out->version, version);
        out->ref = arena_format(arena, "v%s", version);
    }
    text_release(&file);
    return status;
}

enum status manifest_text_read(struct manifest *out, const char *bytes, size_t length, struct arena *arena, struct error *err) {
    const struct manifest_request request = {.ref = ""};
    return manifest_source_parse(out, arena, "purs.json", bytes, length, &request, err);
}
