/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Packs and unpacks tarballs of packages (lib/source/README.md, Packing) as the server does: the same package gives the same
 * bytes.
 */
#include <stdio.h>
#include <unistd.h>

#include "lib/base/folder.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"
#include "lib/source/package_files.h"
#include "lib/tools/archive/archive.h"
#include "ops/registryctl/command.h"
#include "ops/registryctl/manifest_file.h"

enum { TARBALL_BYTES_READ_MAX = 64 << 20 };

/* The path of the first manifest that exists, or NULL. */
static const char *find_manifest(const char *folder, struct arena *arena) {
    static const char *const names[] = {"purs.json", "spago.yaml"};
    const char *path = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        path = arena_format(arena, "%s/%s", folder, names[i]);
        if (access(path, F_OK) == 0) return path;
    }
    return NULL;
}

static enum status pack(struct text *tarball, const char *folder, const struct manifest *manifest, struct arena *arena,
                        struct error *err) {
    struct package_files files;
    struct text purs_json = {0};
    char version[VERSION_TEXT_MAX];
    version_print(manifest->version, version);
    enum status status = package_files_select(&files, arena, folder, &manifest->include_files, &manifest->exclude_files, err);
    if (status) return status;
    for (size_t i = 0; i < files.warning_count; i++)
        fprintf(stderr, "registryctl: %s\n", files.warnings[i]);
    manifest_append_file(&purs_json, manifest);
    status = package_files_pack(tarball, folder, &files, arena_format(arena, "%s-%s", manifest->name, version),
                                text_view(&purs_json), archive_package_limits.bytes, err);
    text_release(&purs_json);
    return status ? status : package_files_check_size(tarball->length, err);
}

enum status command_pack(struct invocation *call, struct error *err) {
    const char *ref = take_option(call, "ref");
    struct manifest manifest;
    struct text tarball = {0};
    const char *folder = call->arguments[0], *path = find_manifest(folder, &call->arena);
    if (!path)
        return error_set(err, STATUS_REFUSED, "There is no manifest in the folder %s: add a spago.yaml or a purs.json.",
                         folder);
    enum status status = manifest_file_read(&manifest, path, ref, &call->arena, err);
    if (!status) status = pack(&tarball, folder, &manifest, &call->arena, err);
    if (!status) status = file_write(call->arguments[1], tarball.bytes, tarball.length, err);
    if (!status) {
        char hash[SHA256_SRI_MAX];
        hash_sha256_sri(tarball.bytes, tarball.length, hash);
        printf("%s %zu\n", hash, tarball.length);
    }
    text_release(&tarball);
    return status;
}

enum status command_unpack(struct invocation *call, struct error *err) {
    struct text tarball = {0}, top = {0};
    const char *folder = call->arguments[1];
    enum status status = file_read(call->arguments[0], TARBALL_BYTES_READ_MAX, &tarball, err);
    if (!status) status = archive_find_top(&top, text_view(&tarball), tarball.length, err);
    if (!status) status = folder_make(folder, err);
    if (!status)
        status = archive_unpack(text_view(&tarball), tarball.length, folder, text_view(&top), &archive_package_limits, err);
    if (!status) printf("%s/%s\n", folder, text_view(&top));
    text_release(&top);
    text_release(&tarball);
    return status;
}
