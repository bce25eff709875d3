/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "lib/base/text.h"
#include "services/build-worker/build_parts.h"

size_t build_package_of_path(const struct build *build, const char *path, const char **rest) {
    static const char prefix[] = BUILD_PACKAGES_FOLDER "/";
    size_t count = build->work->package_count;
    if (!path || !text_starts_with(path, prefix)) return count;
    path += strlen(prefix);
    const char *slash = strchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    for (size_t i = 0; slash && i < count; i++) {
        if (strlen(build->sources[i].top) != length || strncmp(build->sources[i].top, path, length) != 0) continue;
        if (rest) *rest = slash + 1;
        return i;
    }
    return count;
}

void build_take_errors(struct build *build, struct build_result *out, const struct compiler_report *report, size_t package) {
    struct build_error *errors = arena_alloc(build->arena, (report->error_count + 1) * sizeof *errors);
    for (size_t i = 0; i < report->error_count; i++) {
        const struct compiler_message *message = &report->errors[i];
        const char *rest = NULL;
        size_t owner = build_package_of_path(build, message->filename, &rest);
        if (package < build->work->package_count && owner != package) continue;
        if (out->error_count == BUILD_ERRORS_MAX) {
            out->errors_left_out++;
            continue;
        }
        errors[out->error_count++] = (struct build_error){
            .message = message->message,
            .code = message->code,
            .link = message->link,
            .filename = owner == package && rest ? arena_copy(build->arena, rest) : message->filename,
            .module = message->module,
            .has_position = message->has_position,
            .position = {message->start_line, message->start_column, message->end_line, message->end_column},
        };
    }
    out->errors = errors;
}

const char *build_print_result(struct build *build, const struct build_result *result) {
    struct text text = {0};
    build_result_append_json(&text, result);
    const char *copy = arena_copy(build->arena, text_view(&text));
    text_release(&text);
    return copy;
}
