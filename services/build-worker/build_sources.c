/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "lib/base/folder.h"
#include "lib/base/text.h"
#include "lib/source/module_header.h"
#include "lib/source/source_text.h"
#include "lib/source/source_walk.h"
#include "services/build-worker/build_parts.h"

enum {
    DOWNLOAD_TIMEOUT_MS = 60000,
    DOWNLOAD_TRIES = 4,
    ERROR_BYTES_MAX = 1 << 20, /* of an error's page, which may be longer than the tarball in whose place it comes */
    MODULE_BYTES_MAX = 16 << 20,
    HTTP_OK = 200,
    HTTP_NOT_FOUND = 404,
    HTTP_GONE = 410,
    HTTP_FORBIDDEN = 403, /* S3's answer for a missing object to clients without permission to list */
};

/* ---- The store ---- */

const struct build_entry *build_find_entry(struct build *build, size_t package) {
    struct build_source *source = &build->sources[package];
    if (!source->is_looked_up) {
        if (!*source->key) build_store_key(source->key, build->work, package);
        source->is_known = build_store_find(build->environment->store, source->key, build->arena, &build->held, &source->entry);
        source->is_looked_up = true;
    }
    return source->is_known ? &source->entry : NULL;
}

void build_forget_entry(struct build *build, size_t package) {
    build->sources[package].is_looked_up = false;
}

/* ---- Tarballs ---- */

/* Downloads the tarball and compares it with the metadata. STATUS_NOT_FOUND: missing, forbidden or different; temporary
 * failures: storage gave no definite answer. */
static enum status get_tarball(struct build *build, const struct build_package *package, int tries, struct text *out,
                               struct error *err) {
    char hash[SHA256_SRI_MAX], version[VERSION_TEXT_MAX];
    version_print(package->version, version);
    struct http_response response = {0};
    size_t size_bytes = (size_t)package->size_bytes;
    const struct http_request request = {
        .url = arena_format(build->arena, "%s/%s/%s.tar.gz", build->work->downloads, package->name, version),
        .timeout_ms = DOWNLOAD_TIMEOUT_MS,
        .tries = tries,
        .limit_bytes = size_bytes < ERROR_BYTES_MAX ? ERROR_BYTES_MAX : size_bytes + 1,
        .redirects = 3,
        .deadline = build->deadline,
        .connections = build->environment->connections,
    };
    enum status status = http_client_send(&request, &response, err);
    if (!status && response.status != HTTP_OK) {
        bool is_gone = response.status == HTTP_NOT_FOUND || response.status == HTTP_GONE || response.status == HTTP_FORBIDDEN;
        status = error_set(err, is_gone ? STATUS_NOT_FOUND : STATUS_UNAVAILABLE,
                           "Cannot download the tarball of %s@%s: HTTP %d from BUILD_DOWNLOAD_URL.", package->name, version,
                           response.status);
    }
    if (!status) hash_sha256_sri(response.body.bytes, response.body.length, hash);
    bool is_right = !status && (int64_t)response.body.length == package->size_bytes && text_equal(hash, package->hash);
    if (status == STATUS_TOO_LARGE || (!status && !is_right))
        status = error_set(err, STATUS_NOT_FOUND,
                           "The tarball of %s@%s in storage does not match the metadata, which has %lld bytes and the hash %s.",
                           package->name, version, (long long)package->size_bytes, package->hash);
    if (!status) text_append_bytes(out, response.body.bytes, response.body.length);
    http_response_release(&response);
    return status;
}

static bool can_be_had(struct build *build, const struct build_package *package) {
    struct text tarball = {0};
    struct error err;
    bool answer = get_tarball(build, package, 1, &tarball, &err) == STATUS_OK;
    text_release(&tarball);
    return answer;
}

/* True if any other tarball can be downloaded. Otherwise the address or its permissions are wrong, which says nothing about the
 * package. */
static bool is_address_right(struct build *build, size_t position) {
    const struct work_order *work = build->work;
    for (size_t i = 0; i < work->other_count; i++)
        if (can_be_had(build, &work->others[i])) return true;
    size_t looked_at = 0;
    for (size_t i = 0; i < work->package_count && looked_at < WORK_ORDER_OTHERS_MAX; i++) {
        if (i == position) continue;
        if (can_be_had(build, &work->packages[i])) return true;
        looked_at++;
    }
    return false;
}

static enum status download(struct build *build, size_t position, struct text *out, struct error *err) {
    enum status status = get_tarball(build, &build->work->packages[position], DOWNLOAD_TRIES, out, err);
    if (status != STATUS_NOT_FOUND) return status;
    if (is_address_right(build, position)) return error_set(err, STATUS_REFUSED, "%s", arena_copy(build->arena, err->message));
    return error_set(err, STATUS_UNAVAILABLE,
                     "%s The other tarballs are missing, too: check BUILD_DOWNLOAD_URL and what is stored there.",
                     arena_copy(build->arena, err->message));
}

enum status build_unpack(struct build *build, size_t position, struct error *err) {
    const struct build_package *package = &build->work->packages[position];
    struct build_source *source = &build->sources[position];
    struct package_cache *packages = build->environment->packages;
    struct text tarball = {0};
    if (source->folder) return STATUS_OK;
    source->folder = package_cache_find(packages, package->hash, source->top, &build->unpacked);
    if (source->folder) return STATUS_OK;
    enum status status = download(build, position, &tarball, err);
    if (!status)
        status = package_cache_add(packages, package->hash, source->top, tarball.bytes, tarball.length, &build->unpacked,
                                   &source->folder, err);
    text_release(&tarball);
    return status;
}

/* ---- Modules ---- */

/* Records the first source that the compiler cannot read. */
static void note_unreadable(struct build *build, struct build_source *source, const char *sentence) {
    if (!source->unreadable) source->unreadable = arena_copy(build->arena, sentence);
    source->header_problem = source->unreadable;
}

static void take_header(struct build *build, struct build_source *source, const char *path, const struct text *file) {
    struct module_header header;
    struct error err;
    struct source_module *module = &source->modules[source->module_count++];
    if (source_text_check(text_view(file), file->length, &err)) {
        note_unreadable(build, source, arena_format(build->arena, "The file %s: %s", path, err.message));
        return;
    }
    if (source_check_foreign(source->folder, path, file, &err)) note_unreadable(build, source, err.message);
    if (module_header_parse(&header, build->arena, text_view(file), file->length, &err)) {
        source->header_problem = arena_format(build->arena, "%s: %s", path, err.message);
        return;
    }
    module->name = header.name;
    module->imports = arena_alloc(build->arena, (header.import_count + 1) * sizeof *module->imports);
    for (size_t i = 0; i < header.import_count; i++)
        module->imports[i] = header.imports[i].module;
}

static enum status read_module(struct build *build, struct build_source *source, const char *path, struct error *err) {
    struct text file = {0};
    enum status status = file_read(arena_format(build->arena, "%s/%s", source->folder, path), MODULE_BYTES_MAX, &file, err);
    if (!status) take_header(build, source, path, &file);
    text_release(&file);
    return status;
}

enum status build_read_headers(struct build *build, size_t package, struct error *err) {
    struct build_source *source = &build->sources[package];
    struct source_walk walk;
    if (source->are_headers_read) return STATUS_OK;
    enum status status = source_walk_modules(&walk, build->arena, source->folder, err);
    if (status == STATUS_REFUSED) {
        note_unreadable(build, source, err->message);
        status = STATUS_OK;
    }
    source->module_count = 0;
    source->modules = arena_alloc(build->arena, (walk.count + 1) * sizeof *source->modules);
    for (size_t i = 0; !status && i < walk.count; i++)
        status = read_module(build, source, walk.paths[i], err);
    source->are_headers_read = !status;
    return status;
}
