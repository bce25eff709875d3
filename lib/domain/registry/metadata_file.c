/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Parsing and printing `metadata/NAME.json` of the registry repository, byte for byte. Unknown fields are kept as printed JSON;
 * since all objects have their keys in alphabetical order, each is printed in its original place.
 */
#include "lib/domain/registry/metadata.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/domain/package/json_fields.h"

enum { INDENT = 2 };

static const char *const metadata_keys[] = {"location", "owners", "published", "unpublished", NULL};
static const char *const published_keys[] = {"bytes", "compilers", "hash", "publishedTime", "ref", "revision", NULL};
static const char *const unpublished_keys[] = {"publishedTime", "reason", "unpublishedTime", NULL};

static bool is_one_of(const char *key, const char *const *keys) {
    for (; *keys; keys++)
        if (strcmp(key, *keys) == 0) return true;
    return false;
}

static struct unknown_field *make_unknown_field(const char *key, const json_t *value, struct arena *arena) {
    struct text printed = {0};
    json_append_value(&printed, value, INDENT);
    struct unknown_field *field = arena_alloc(arena, sizeof *field);
    field->key = arena_copy(arena, key);
    field->printed = arena_copy_bytes(arena, printed.bytes, printed.length);
    text_release(&printed);
    return field;
}

/* The fields of `object` that are not among `known_keys`, in alphabetical order. */
static struct unknown_field *read_unknown_fields(const json_t *object, const char *const *known_keys, struct arena *arena) {
    struct unknown_field *first = NULL;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) {
        if (is_one_of(key, known_keys)) continue;
        struct unknown_field **place = &first;
        while (*place && strcmp((*place)->key, key) < 0)
            place = &(*place)->next;
        struct unknown_field *field = make_unknown_field(key, value, arena);
        field->next = *place;
        *place = field;
    }
    return first;
}

static enum status read_time(const json_t *object, const char *key, int64_t *out, struct error *err) {
    const char *text;
    enum status status = json_need_text(object, key, &text, err);
    if (status || time_parse(text, out)) return status;
    return error_set_at(err, STATUS_INVALID, key, "\"%s\" is not a time: it must be written as in 2026-07-25T15:11:12.686Z.",
                        text);
}

static enum status read_size(const json_t *object, const char *key, int64_t *out, struct error *err) {
    enum status status = json_need_integer(object, key, out, err);
    if (status || *out >= 0) return status;
    return error_set_at(err, STATUS_INVALID, key, "The field \"%s\" must not be negative.", key);
}

static enum status read_hash(const json_t *object, const char *key, const char **out, struct arena *arena, struct error *err) {
    enum status status = json_need_copy(object, key, out, arena, err);
    return status ? status : within_field(key, hash_check_sha256_sri(*out, err), err);
}

static int compare_versions(const void *a, const void *b) {
    return version_compare(*(const struct version *)a, *(const struct version *)b);
}

/* Sorts the compilers and removes duplicates. */
static void tidy_compilers(struct published_version *version) {
    qsort(version->compilers, version->compiler_count, sizeof *version->compilers, compare_versions);
    size_t kept = 1;
    for (size_t i = 1; i < version->compiler_count; i++)
        if (!version_equal(version->compilers[kept - 1], version->compilers[i]))
            version->compilers[kept++] = version->compilers[i];
    version->compiler_count = kept;
}

static enum status read_compilers(struct published_version *out, const json_t *object, struct arena *arena, struct error *err) {
    static const char key[] = "compilers";
    const json_t *array;
    enum status status = json_need_array(object, key, &array, err);
    if (status) return status;
    if (json_array_size(array) == 0) return error_set_at(err, STATUS_INVALID, key, "The list \"%s\" must not be empty.", key);
    out->compilers = arena_alloc(arena, json_array_size(array) * sizeof *out->compilers);
    size_t index;
    const json_t *item;
    json_array_foreach(array, index, item) {
        if (!json_is_string(item))
            return error_set_at(err, STATUS_INVALID, key, "The list \"%s\" must have versions, but one is %s.", key,
                                json_type_name(item));
        status = within_field(key, version_parse(&out->compilers[out->compiler_count++], json_string_value(item), err), err);
        if (status) return status;
    }
    tidy_compilers(out);
    return STATUS_OK;
}

static enum status read_published(struct published_version *out, const json_t *object, struct arena *arena, struct error *err) {
    enum status status = read_size(object, "bytes", &out->size_bytes, err);
    if (!status) status = read_compilers(out, object, arena, err);
    if (!status) status = read_hash(object, "hash", &out->hash, arena, err);
    if (!status) status = read_time(object, "publishedTime", &out->published_ms, err);
    if (!status) status = json_want_copy(object, "ref", &out->ref, arena, err);
    if (!status && json_object_get(object, "revision")) status = read_size(object, "revision", &out->revision, err);
    if (!status) out->unknown_fields = read_unknown_fields(object, published_keys, arena);
    return status;
}

static enum status read_unpublished(struct unpublished_version *out, const json_t *object, struct arena *arena,
                                    struct error *err) {
    enum status status = read_time(object, "publishedTime", &out->published_ms, err);
    if (!status) status = json_need_copy(object, "reason", &out->reason, arena, err);
    if (!status) status = read_time(object, "unpublishedTime", &out->unpublished_ms, err);
    if (!status) out->unknown_fields = read_unknown_fields(object, unpublished_keys, arena);
    return status;
}

static enum status read_all_published(struct metadata *out, const json_t *object, struct arena *arena, struct error *err) {
    out->published = arena_alloc(arena, json_object_size(object) * sizeof *out->published);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) {
        struct published_version *version = &out->published[out->published_count++];
        enum status status = version_parse(&version->version, key, err);
        if (!status) status = within_field(key, read_published(version, value, arena, err), err);
        if (status) return status;
    }
    if (out->published_count > 1) qsort(out->published, out->published_count, sizeof *out->published, compare_versions);
    return STATUS_OK;
}

static enum status read_all_unpublished(struct metadata *out, const json_t *object, struct arena *arena, struct error *err) {
    out->unpublished = arena_alloc(arena, json_object_size(object) * sizeof *out->unpublished);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) {
        struct unpublished_version *version = &out->unpublished[out->unpublished_count++];
        enum status status = version_parse(&version->version, key, err);
        if (!status && metadata_find_published(out, version->version))
            status = error_set(err, STATUS_INVALID, "Version %s is both published and unpublished.", key);
        if (!status) status = within_field(key, read_unpublished(version, value, arena, err), err);
        if (status) return status;
    }
    if (out->unpublished_count > 1) qsort(out->unpublished, out->unpublished_count, sizeof *out->unpublished, compare_versions);
    return STATUS_OK;
}

static enum status read_metadata(struct metadata *out, const json_t *object, struct arena *arena, struct error *err) {
    const json_t *location, *owners, *published, *unpublished;
    enum status status = json_must_be_object(object, "Metadata", err);
    if (!status) status = json_need_object(object, "location", &location, err);
    if (!status) status = within_field("location", location_read(&out->location, location, arena, err), err);
    if (!status) status = json_want_array(object, "owners", &owners, err);
    if (!status) status = within_field("owners", owners_read(&out->owners, owners, arena, err), err);
    if (!status) status = json_need_object(object, "published", &published, err);
    if (!status) status = within_field("published", read_all_published(out, published, arena, err), err);
    if (!status) status = json_need_object(object, "unpublished", &unpublished, err);
    if (!status) status = within_field("unpublished", read_all_unpublished(out, unpublished, arena, err), err);
    if (!status) out->unknown_fields = read_unknown_fields(object, metadata_keys, arena);
    return status;
}

enum status metadata_parse(struct metadata *out, const char *bytes, size_t length, struct arena *arena, struct error *err) {
    *out = (struct metadata){0};
    json_t *json = NULL;
    enum status status = json_read(&json, bytes, length, "The metadata", err);
    if (!status) status = read_metadata(out, json, arena, err);
    json_decref(json);
    return status;
}

/* Writes the fields of *next that come before `key` (NULL: all that are left), and advances *next beyond them. */
static void write_unknown_before(struct json_writer *writer, const struct unknown_field **next, const char *key) {
    for (; *next && (!key || strcmp((*next)->key, key) < 0); *next = (*next)->next) {
        json_writer_key(writer, (*next)->key);
        json_writer_raw(writer, (*next)->printed);
    }
}

/* Writes a known key, after the unknown fields that come before it. */
static void write_key(struct json_writer *writer, const struct unknown_field **next, const char *key) {
    write_unknown_before(writer, next, key);
    json_writer_key(writer, key);
}

static void write_time(struct json_writer *writer, int64_t time_ms) {
    char text[TIME_TEXT_MAX];
    time_print(time_ms, text);
    json_writer_text(writer, text);
}

static void write_version_key(struct json_writer *writer, struct version version) {
    char text[VERSION_TEXT_MAX];
    version_print(version, text);
    json_writer_key(writer, text);
}

static void write_compilers(struct json_writer *writer, const struct published_version *version) {
    json_writer_open(writer, '[');
    for (size_t i = 0; i < version->compiler_count; i++) {
        char text[VERSION_TEXT_MAX];
        version_print(version->compilers[i], text);
        json_writer_item(writer);
        json_writer_text(writer, text);
    }
    json_writer_close(writer, ']');
}

void published_version_write(struct json_writer *writer, const struct published_version *version) {
    const struct unknown_field *unknown = version->unknown_fields;
    json_writer_open(writer, '{');
    write_key(writer, &unknown, "bytes");
    json_writer_integer(writer, version->size_bytes);
    write_key(writer, &unknown, "compilers");
    write_compilers(writer, version);
    write_key(writer, &unknown, "hash");
    json_writer_text(writer, version->hash);
    write_key(writer, &unknown, "publishedTime");
    write_time(writer, version->published_ms);
    if (version->ref) {
        write_key(writer, &unknown, "ref");
        json_writer_text(writer, version->ref);
    }
    if (version->revision > 0) {
        write_key(writer, &unknown, "revision");
        json_writer_integer(writer, version->revision);
    }
    write_unknown_before(writer, &unknown, NULL);
    json_writer_close(writer, '}');
}

static void write_unpublished(struct json_writer *writer, const struct unpublished_version *version) {
    const struct unknown_field *unknown = version->unknown_fields;
    json_writer_open(writer, '{');
    write_key(writer, &unknown, "publishedTime");
    write_time(writer, version->published_ms);
    write_key(writer, &unknown, "reason");
    json_writer_text(writer, version->reason);
    write_key(writer, &unknown, "unpublishedTime");
    write_time(writer, version->unpublished_ms);
    write_unknown_before(writer, &unknown, NULL);
    json_writer_close(writer, '}');
}

void metadata_write(struct json_writer *writer, const struct metadata *metadata) {
    const struct unknown_field *unknown = metadata->unknown_fields;
    json_writer_open(writer, '{');
    write_key(writer, &unknown, "location");
    location_write(writer, &metadata->location);
    if (metadata->owners.count > 0) {
        write_key(writer, &unknown, "owners");
        owners_write(writer, &metadata->owners);
    }
    write_key(writer, &unknown, "published");
    json_writer_open(writer, '{');
    for (size_t i = 0; i < metadata->published_count; i++) {
        write_version_key(writer, metadata->published[i].version);
        published_version_write(writer, &metadata->published[i]);
    }
    json_writer_close(writer, '}');
    write_key(writer, &unknown, "unpublished");
    json_writer_open(writer, '{');
    for (size_t i = 0; i < metadata->unpublished_count; i++) {
        write_version_key(writer, metadata->unpublished[i].version);
        write_unpublished(writer, &metadata->unpublished[i]);
    }
    json_writer_close(writer, '}');
    write_unknown_before(writer, &unknown, NULL);
    json_writer_close(writer, '}');
}

void metadata_append_file(struct text *out, const struct metadata *metadata) {
    metadata_write(&(struct json_writer){.out = out, .indent = INDENT}, metadata);
    text_append_character(out, '\n');
}
