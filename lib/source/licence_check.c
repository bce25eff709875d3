/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/source/licence_check.h"

#include <jansson.h>

#include "lib/base/folder.h"
#include "lib/base/json.h"
#include "lib/base/text.h"
#include "lib/domain/licence.h"

enum { FILE_BYTES_MAX = 1 << 20 };

static enum status check_one(const char *file, const char *recognised, const char *expression, struct arena *arena,
                             struct error *err) {
    const char *missing = NULL;
    struct error ignored;
    if (!recognised || licence_find_missing(&missing, expression, recognised, arena, &ignored) || !missing) return STATUS_OK;
    return error_set_at(
        err, STATUS_REFUSED, "license",
        "The file %s says that the licence is \"%s\", but the manifest's \"license\" is \"%s\", in which %s does "
        "not occur. Make the two agree.",
        file, recognised, expression, missing);
}

/* A `license` field is a text, or an object with a `type`, as old packages have it; `licenses` and bower's are lists of them.
 */
static enum status check_field(const char *file, const json_t *field, const char *expression, struct arena *arena,
                               struct error *err) {
    enum status status = STATUS_OK;
    size_t index;
    json_t *item;
    if (json_is_string(field)) return check_one(file, json_string_value(field), expression, arena, err);
    if (json_is_object(field))
        return check_one(file, json_string_value(json_object_get(field, "type")), expression, arena, err);
    json_array_foreach(field, index, item) {
        const char *text = json_string_value(json_is_object(item) ? json_object_get(item, "type") : item);
        if (!status) status = check_one(file, text, expression, arena, err);
    }
    return status;
}

static enum status check_file(const char *folder, const char *file, const char *expression, struct arena *arena,
                              struct error *err) {
    static const char *const fields[] = {"license", "licenses"};
    struct text bytes = {0};
    struct error ignored;
    json_t *object = NULL;
    enum status status = STATUS_OK;
    bool is_there = !file_read(arena_format(arena, "%s/%s", folder, file), FILE_BYTES_MAX, &bytes, &ignored) &&
                    !json_read(&object, text_view(&bytes), bytes.length, file, &ignored);
    for (size_t i = 0; is_there && !status && i < sizeof fields / sizeof fields[0]; i++)
        status = check_field(file, json_object_get(object, fields[i]), expression, arena, err);
    json_decref(object);
    text_release(&bytes);
    return status;
}

enum status licence_check_folder(const char *folder, const char *expression, struct arena *arena, struct error *err) {
    enum status status = check_file(folder, "package.json", expression, arena, err);
    return status ? status : check_file(folder, "bower.json", expression, arena, err);
}
