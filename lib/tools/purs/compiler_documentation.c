/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/purs/compiler_documentation.h"

#include <ctype.h>
#include <jansson.h>
#include <string.h>

#include "lib/base/json.h"
#include "lib/base/text.h"
#include "lib/tools/purs/compiler_report.h"

/* The path relative to its package. */
static const char *within_package(const char *path, const char *folder) {
    static const char packages[] = COMPILER_PACKAGES_FOLDER "/";
    size_t length = strlen(folder);
    if (text_starts_with(path, folder) && path[length] == '/') path += length + 1;
    if (text_starts_with(path, "./")) path += 2;
    const char *slash = text_starts_with(path, packages) ? strchr(path + strlen(packages), '/') : NULL;
    return slash ? slash + 1 : path;
}

static void mend_span(json_t *span, const char *folder) {
    const char *path = json_string_value(json_object_get(span, "name"));
    if (path) json_object_set_new(span, "name", json_string(within_package(path, folder)));
}

/* Corrects each `sourceSpan` anywhere in the value: of declarations, their children, and re-exports. */
static void mend_spans(json_t *value, const char *folder) {
    const char *key;
    json_t *item;
    size_t index;
    json_array_foreach(value, index, item) mend_spans(item, folder);
    json_object_foreach(value, key, item) {
        if (text_equal(key, "sourceSpan")) mend_span(item, folder);
        mend_spans(item, folder);
    }
}

enum status compiler_documentation_take(struct text *out, const struct text *printed, const char *folder, struct error *err) {
    const char *begin = text_view(printed), *end = begin + printed->length;
    while (end > begin && isspace((unsigned char)end[-1]))
        end--;
    const char *newline = end > begin ? memrchr(begin, '\n', (size_t)(end - begin)) : NULL,
               *line = newline ? newline + 1 : begin;
    json_t *documentation = NULL;
    enum status status = json_read(&documentation, line, (size_t)(end - line), "The compiler's documentation", err);
    if (!status && !json_is_object(documentation))
        status = error_set(err, STATUS_INVALID, "The compiler's documentation is %s.", json_type_name(documentation));
    if (!status) {
        mend_spans(json_object_get(documentation, "modules"), folder);
        json_append_value(out, documentation, 0);
    }
    json_decref(documentation);
    if (status) err->status = STATUS_INTERNAL;
    return status ? STATUS_INTERNAL : STATUS_OK;
}
