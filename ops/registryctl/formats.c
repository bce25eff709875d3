/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Commands on one text in one of the registry's formats (lib/domain/README.md): checked and printed by the server's own code.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/text.h"
#include "lib/domain/package/license.h"
#include "lib/domain/package/package_name.h"
#include "lib/domain/package/range.h"
#include "ops/registryctl/command.h"
#include "ops/registryctl/manifest_file.h"

/* Prints the argument's normal form, which `normalise` makes in the arena. */
static enum status print_normal(struct invocation *call, struct error *err,
                                enum status (*normalise)(const char **out, const char *text, struct arena *arena,
                                                         struct error *err)) {
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
    enum status status = manifest_file_read(&manifest, call->arguments[0], ref, &call->arena, err);
    if (status) return status;
    manifest_append_file(&printed, &manifest);
    fputs(text_view(&printed), stdout);
    text_release(&printed);
    return STATUS_OK;
}
