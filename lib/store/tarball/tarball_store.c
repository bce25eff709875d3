/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/tarball/tarball_store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/memory.h"
#include "lib/base/settings.h"
#include "lib/base/text.h"
#include "lib/base/url.h"
#include "lib/store/tarball/tarball_place.h"
#include "lib/tools/http/s3_client.h"

static const char object_suffix[] = ".tar.gz";

struct tarball_store {
    struct tarball_place *place;
    bool is_readonly;
};

static void assert_whole(const struct tarball_place_functions *functions) {
    assert(functions->look_up && functions->create && functions->read && functions->remove && functions->list &&
           functions->check && functions->set_key && functions->free);
}

static struct s3_options s3_options(const struct settings *settings) {
    return (struct s3_options){
        .endpoint = settings->s3_bucket_url,
        .bucket = settings->s3_bucket,
        .region = settings->s3_region,
        .key = settings->spaces_key,
        .secret = settings->spaces_secret,
        .is_virtual_host = settings->s3_virtual_host,
        .try_timeout_ms = (int)settings->s3_timeout_ms,
    };
}

static enum status open_s3(struct tarball_place **out, const struct settings *settings, struct error *err) {
    const struct s3_options options = s3_options(settings);
    return tarball_s3_create(out, &options, settings->s3_api_url, err);
}

enum status tarball_store_open(struct tarball_store **out, const struct settings *settings, struct error *err) {
    struct tarball_place *place = NULL;
    bool is_on_s3 = settings->spaces_key || settings->spaces_secret; /* one without the other is an error */
    enum status status = is_on_s3 ? open_s3(&place, settings, err) : tarball_folder_create(&place, settings->storage_dir, err);
    if (status) return status;
    assert_whole(place->functions);
    struct tarball_store *store = memory_alloc(sizeof *store);
    *store = (struct tarball_store){.place = place, .is_readonly = settings->readonly};
    *out = store;
    return STATUS_OK;
}

void tarball_store_free(struct tarball_store *store) {
    if (!store) return;
    store->place->functions->free(store->place);
    free(store);
}

void tarball_store_set_key(struct tarball_store *store, const char *key, const char *secret) {
    store->place->functions->set_key(store->place, key, secret);
}

static char *object_name(struct arena *arena, const char *name, const char *version) {
    return arena_format(arena, "%s/%s%s", name, version, object_suffix);
}

bool tarball_store_append_address(struct text *out, const struct settings *settings, const char *name, const char *version) {
    const struct s3_options options = s3_options(settings);
    if (settings->s3_api_url)
        url_append_base(out, settings->s3_api_url);
    else if (settings->spaces_key)
        s3_append_bucket_url(out, &options);
    text_append_format(out, "/%s/%s%s", name, version, object_suffix);
    return settings->s3_api_url || settings->spaces_key;
}

bool tarball_store_is_folder(const struct settings *settings) {
    return !settings->has_spaces_key;
}

enum status tarball_store_open_file(int *out, const struct settings *settings, const char *name, const char *version,
                                    struct error *err) {
    struct text object = {0};
    text_append_format(&object, "%s/%s%s", name, version, object_suffix);
    enum status status = tarball_folder_open(out, settings->storage_dir, text_view(&object), err);
    if (status == STATUS_NOT_FOUND) error_set(err, status, "There is no tarball of %s %s.", name, version);
    text_release(&object);
    return status;
}

enum status tarball_store_check_folder(const struct settings *settings, struct error *err) {
    return tarball_folder_check(settings->storage_dir, err);
}

static enum status check_time(struct deadline *deadline, struct error *err) {
    return deadline ? deadline_check(deadline, err) : STATUS_OK;
}

static enum status check_writable(const struct tarball_store *store, const char *object, struct deadline *deadline,
                                  struct error *err) {
    if (!store->is_readonly) return check_time(deadline, err);
    return error_set(err, STATUS_FORBIDDEN, "READONLY is set, so %s is neither stored nor removed.", object);
}

/* A full disk is trouble with storage here, and so are bytes that do not match the metadata. */
static enum status as_trouble(enum status status, struct error *err) {
    if (err && status == STATUS_INTERNAL) err->trouble = TROUBLE_STORAGE;
    return error_mark(err, status, TROUBLE_STORAGE);
}

enum status tarball_store_look_up(struct tarball_store *store, const char *name, const char *version,
                                  struct stored_tarball *out, struct deadline *deadline, struct error *err) {
    struct arena arena = {0};
    enum status status = check_time(deadline, err);
    if (!status)
        status = store->place->functions->look_up(store->place, object_name(&arena, name, version), out, deadline, err);
    arena_release(&arena);
    return as_trouble(status, err);
}

/* Accepts an object that exists if its bytes are the same. */
static enum status check_existing(struct tarball_store *store, const char *name, const char *version, const char *hash,
                                  struct deadline *deadline, struct error *err) {
    struct stored_tarball stored;
    enum status status = tarball_store_look_up(store, name, version, &stored, deadline, err);
    if (status || strcmp(stored.hash, hash) == 0) return status;
    return error_set(err, STATUS_REFUSED,
                     "The storage already holds a different tarball for %s@%s (%s, this one is %s), and a stored tarball is "
                     "never overwritten.",
                     name, version, stored.hash, hash);
}

enum status tarball_store_put(struct tarball_store *store, const char *name, const char *version, const void *bytes,
                              size_t length, struct deadline *deadline, struct error *err) {
    struct arena arena = {0};
    char hash[SHA256_SRI_MAX];
    const char *object = object_name(&arena, name, version);
    enum status status = check_writable(store, object, deadline, err);
    if (!status) status = store->place->functions->create(store->place, object, bytes, length, deadline, err);
    if (status == STATUS_CONFLICT) {
        hash_sha256_sri(bytes, length, hash);
        status = check_existing(store, name, version, hash, deadline, err);
    }
    arena_release(&arena);
    return as_trouble(status, err);
}

enum status tarball_store_read(struct tarball_store *store, const char *name, const char *version, const char *hash,
                               int64_t size_bytes, struct text *out, struct deadline *deadline, struct error *err) {
    struct arena arena = {0};
    struct stored_tarball expected = {.size_bytes = size_bytes};
    assert(size_bytes >= 0 && size_bytes < INT32_MAX && strlen(hash) < sizeof expected.hash);
    memcpy(expected.hash, hash, strlen(hash));
    enum status status = check_time(deadline, err);
    if (!status)
        status = store->place->functions->read(store->place, object_name(&arena, name, version), &expected, out, deadline, err);
    arena_release(&arena);
    return as_trouble(status, err);
}

enum status tarball_place_accept(struct text *out, size_t start, const char *object, const struct stored_tarball *expected,
                                 struct error *err) {
    struct stored_tarball found = {.size_bytes = (int64_t)(out->length - start)};
    hash_sha256_sri(text_view(out) + start, out->length - start, found.hash);
    if (found.size_bytes == expected->size_bytes && strcmp(found.hash, expected->hash) == 0) return STATUS_OK;
    out->length = start;
    if (out->bytes) out->bytes[start] = '\0';
    return error_set(
        err, STATUS_INTERNAL,
        "The stored %s does not match the metadata: it has %lld bytes and the hash %s, but should have %lld and %s.", object,
        (long long)found.size_bytes, found.hash, (long long)expected->size_bytes, expected->hash);
}

enum status tarball_store_remove(struct tarball_store *store, const char *name, const char *version, struct deadline *deadline,
                                 struct error *err) {
    struct arena arena = {0};
    const char *object = object_name(&arena, name, version);
    enum status status = check_writable(store, object, deadline, err);
    if (!status) status = store->place->functions->remove(store->place, object, deadline, err);
    arena_release(&arena);
    return as_trouble(status, err);
}

static int compare_texts(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

enum status tarball_store_list(struct tarball_store *store, const char *name, struct arena *arena, struct stored_versions *out,
                               struct deadline *deadline, struct error *err) {
    struct stored_versions objects = {0};
    *out = (struct stored_versions){0};
    enum status status = check_time(deadline, err);
    if (!status)
        status = store->place->functions->list(store->place, arena_format(arena, "%s/", name), arena, &objects, deadline, err);
    if (status || objects.count == 0) return status;
    for (size_t i = 0; i < objects.count; i++) { /* other objects are skipped */
        if (!text_ends_with(objects.items[i], object_suffix)) continue;
        objects.items[i][strlen(objects.items[i]) - strlen(object_suffix)] = '\0';
        objects.items[out->count++] = objects.items[i];
    }
    out->items = objects.items;
    qsort(out->items, out->count, sizeof *out->items, compare_texts);
    return STATUS_OK;
}

enum status tarball_store_check(struct tarball_store *store, struct deadline *deadline, struct error *err) {
    enum status status = check_time(deadline, err);
    return status ? status : store->place->functions->check(store->place, deadline, err);
}
