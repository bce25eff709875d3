/* SPDX-License-Identifier: BSD-3-Clause */
#include "ops/registryctl/manifest_file.h"

#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/folder.h"
#include "lib/base/text.h"
#include "lib/tools/spago_yaml.h"

enum { MANIFEST_BYTES_MAX = 1000000 };

static enum status read_spago_yaml(struct manifest *out, const struct text *file, const char *ref, struct arena *arena,
                                   struct error *err) {
    json_t *object = NULL;
    enum status status = spago_yaml_read(&object, text_view(file), file->length, ref ? ref : "", err);
    if (!status) status = manifest_read(out, object, arena, err);
    json_decref(object);
    if (status) return status;
    manifest_sort_dependencies(out);
    char version[VERSION_TEXT_MAX];
    version_print(out->version, version);
    if (!ref) out->ref = arena_format(arena, "v%s", version);
    return STATUS_OK;
}

enum status manifest_file_read(struct manifest *out, const char *path, const char *ref, struct arena *arena,
                               struct error *err) {
    struct text file = {0};
    bool is_yaml = text_ends_with(path, ".yaml") || text_ends_with(path, ".yml");
    const char *name = is_yaml ? "spago.yaml" : "purs.json";
    enum status status = file_read(path, MANIFEST_BYTES_MAX, &file, err);
    if (!status && is_yaml) status = read_spago_yaml(out, &file, ref, arena, err);
    if (!status && !is_yaml) status = manifest_parse(out, text_view(&file), file.length, "The file purs.json", arena, err);
    if (status == STATUS_INVALID && !strstr(err->message, name)) error_prefix(err, "In %s", name);
    if (!status) status = manifest_check_new(out, err);
    text_release(&file);
    return status;
}
