/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Commands on a text in one of the registry's formats (lib/domain/README.md), or with --lines on each line of a file: checked
 * and printed by the server's own code.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/folder.h"
#include "lib/base/hash.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/domain/package/license.h"
#include "lib/domain/package/package_name.h"
#include "lib/domain/package/range.h"
#include "ops/registryctl/command.h"
#include "ops/registryctl/manifest_file.h"

enum { LINES_BYTES_MAX = 256 << 20 };

/* Makes the text's normal form, which is the text itself or in the arena. STATUS_INVALID: it is not in the format. */
typedef enum status normalise_text(const char **out, const char *text, struct arena *arena, struct error *err);

/* Appends a line of JSON about `text`: {"text": its normal form} or {"error": why it is refused}. False: it is refused. */
static bool append_judgement(struct text *out, const char *text, normalise_text *normalise) {
    struct arena arena = {0};
    struct error err = {0};
    struct json_writer writer = {.out = out};
    const char *normal = NULL;
    bool is_taken = normalise(&normal, text, &arena, &err) == STATUS_OK;
    const char *why = is_taken ? NULL : arena_format(&arena, "%s%s%s", err.path, *err.path ? ": " : "", err.message);
    json_writer_open(&writer, '{');
    json_writer_text_field(&writer, "text", is_taken ? normal : NULL);
    json_writer_text_field(&writer, "error", why);
    json_writer_close(&writer, '}');
    text_append(out, "\n");
    arena_release(&arena);
    return is_taken;
}

/* --lines: the argument names a file, each line of which is a text. Exit status 1 if one is refused. */
static enum status print_normal_of_lines(struct invocation *call, struct error *err, normalise_text *normalise) {
    struct text file = {0}, printed = {0};
    enum status status = file_read(call->arguments[0], LINES_BYTES_MAX, &file, err);
    if (!status && memchr(text_view(&file), '\0', file.length))
        status = error_set(err, STATUS_INVALID, "%s has a NUL character.", call->arguments[0]);
    for (char *line = file.bytes, *end; !status && line && *line; line = end + 1) {
        end = strchrnul(line, '\n');
        bool is_last = *end == '\0';
        *end = '\0';
        if (!append_judgement(&printed, line, normalise)) call->exit_status = 1;
        if (is_last) break;
    }
    if (!status) fputs(text_view(&printed), stdout);
    text_release(&file);
    text_release(&printed);
    return status;
}

static enum status print_normal(struct invocation *call, struct error *err, normalise_text *normalise) {
    if (take_flag(call, "lines")) return print_normal_of_lines(call, err, normalise);
    const char *normal = NULL;
    enum status status = normalise(&normal, call->arguments[0], &call->arena, err);
    if (!status) puts(normal);
    return status;
}

static enum status normalise_package_name(const char **out, const char *text, struct arena *arena, struct error *err) {
    (void)arena;
    *out = text;
    return package_name_check(text, err);
}

static enum status normalise_version(const char **out, const char *text, struct arena *arena, struct error *err) {
    struct version version;
    char *printed = arena_alloc(arena, VERSION_TEXT_MAX);
    enum status status = version_parse(&version, text, err);
    if (!status) version_print(version, printed);
    *out = printed;
    return status;
}

static enum status normalise_range(const char **out, const char *text, struct arena *arena, struct error *err) {
    struct range range;
    char *printed = arena_alloc(arena, RANGE_TEXT_MAX);
    enum status status = range_parse(&range, text, err);
    if (!status) range_print(range, printed);
    *out = printed;
    return status;
}

static enum status normalise_hash(const char **out, const char *text, struct arena *arena, struct error *err) {
    (void)arena;
    *out = text;
    return hash_check_sha256_sri(text, err);
}

static enum status normalise_new_license(const char **out, const char *text, struct arena *arena, struct error *err) {
    enum status status = license_check_new(text, err);
    return status ? status : license_canonicalise(out, text, arena, err);
}

static enum status normalise_manifest(const char **out, const char *text, struct arena *arena, struct error *err) {
    struct manifest manifest;
    enum status status = manifest_text_read(&manifest, text, strlen(text), arena, err);
    if (status) return status;
    struct text printed = {0};
    manifest_append_file(&printed, &manifest);
    *out = arena_copy(arena, text_view(&printed));
    text_release(&printed);
    return STATUS_OK;
}

enum status command_package_name(struct invocation *call, struct error *err) {
    return print_normal(call, err, normalise_package_name);
}

enum status command_version(struct invocation *call, struct error *err) {
    return print_normal(call, err, normalise_version);
}

enum status command_range(struct invocation *call, struct error *err) {
    return print_normal(call, err, normalise_range);
}

enum status command_hash(struct invocation *call, struct error *err) {
    return print_normal(call, err, normalise_hash);
}

enum status command_license(struct invocation *call, struct error *err) {
    bool is_lenient = take_flag(call, "canonical");
    return print_normal(call, err, is_lenient ? license_canonicalise : normalise_new_license);
}

enum status command_manifest(struct invocation *call, struct error *err) {
    struct manifest manifest;
    struct text printed = {0};
    const char *ref = take_option(call, "ref");
    if (ref && take_flag(call, "lines")) return wrong_call(call, err, "--ref is for a spago.yaml, not for --lines.");
    if (take_flag(call, "lines")) return print_normal(call, err, normalise_manifest);
    enum status status = manifest_file_read(&manifest, call->arguments[0], ref, &call->arena, err);
    if (status) return status;
    manifest_append_file(&printed, &manifest);
    fputs(text_view(&printed), stdout);
    text_release(&printed);
    return STATUS_OK;
}
