/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/purs/build_entry.h"

#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"

#define SUM_HEAD "{\"sum\":\""
#define SUM_TAIL "\",\"entry\":"
enum { HEAD_BYTES = sizeof SUM_HEAD - 1 + SHA256_HEX_MAX - 1 + sizeof SUM_TAIL - 1 };

bool build_entry_name_is_good(const char *name) {
    size_t length = strlen(name);
    return length > 0 && length <= ENTRY_NAME_MAX && name[0] != '.' && !strchr(name, '/');
}

/* ---- Writing ---- */

static void write_text_or_null(struct json_writer *writer, const char *key, const char *value) {
    json_writer_key(writer, key);
    if (value)
        json_writer_text(writer, value);
    else
        json_writer_null(writer);
}

static void write_file(struct json_writer *writer, const struct entry_file *file) {
    char hash[SHA256_HEX_MAX];
    hash_hex(file->hash, sizeof file->hash, hash);
    json_writer_item(writer);
    json_writer_open(writer, '[');
    json_writer_item(writer);
    json_writer_text(writer, file->name);
    json_writer_item(writer);
    json_writer_integer(writer, file->size_bytes);
    json_writer_item(writer);
    json_writer_text(writer, hash);
    json_writer_close(writer, ']');
}

static void write_module(struct json_writer *writer, const struct built_module *module, const struct entry_module *content) {
    json_writer_item(writer);
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "name", module->name);
    json_writer_key(writer, "imports");
    json_writer_open(writer, '[');
    for (const char *const *name = module->imports; *name; name++) {
        json_writer_item(writer);
        json_writer_text(writer, *name);
    }
    json_writer_close(writer, ']');
    json_writer_text_field(writer, "cache", module->cache_entry);
    json_writer_key(writer, "files");
    json_writer_open(writer, '[');
    for (size_t i = 0; i < content->file_count; i++)
        write_file(writer, &content->files[i]);
    json_writer_close(writer, ']');
    json_writer_close(writer, '}');
}

void build_entry_append(struct text *out, const struct entry_record *record) {
    struct text inside = {0};
    struct json_writer writer = {.out = &inside};
    char sum[SHA256_HEX_MAX];
    json_writer_open(&writer, '{');
    json_writer_text_field(&writer, "key", record->key);
    json_writer_boolean_field(&writer, "succeeded", record->entry.succeeded);
    write_text_or_null(&writer, "errors", record->entry.errors);
    write_text_or_null(&writer, "warnings", record->entry.warnings);
    json_writer_key(&writer, "modules");
    json_writer_open(&writer, '[');
    for (size_t i = 0; i < record->entry.module_count; i++)
        write_module(&writer, &record->entry.modules[i], &record->modules[i]);
    json_writer_close(&writer, ']');
    json_writer_close(&writer, '}');
    hash_sha256_hex(inside.bytes, inside.length, sum);
    writer = (struct json_writer){.out = out}; /* SUM_HEAD, the sum, SUM_TAIL, the entry */
    json_writer_open(&writer, '{');
    json_writer_text_field(&writer, "sum", sum);
    json_writer_raw_field(&writer, "entry", inside.bytes);
    json_writer_close(&writer, '}');
    text_release(&inside);
}

bool build_entry_sum_is_right(const char *bytes, size_t length) {
    char sum[SHA256_HEX_MAX];
    if (length <= HEAD_BYTES || bytes[length - 1] != '}') return false;
    if (memcmp(bytes, SUM_HEAD, sizeof SUM_HEAD - 1) != 0) return false;
    if (memcmp(bytes + HEAD_BYTES - (sizeof SUM_TAIL - 1), SUM_TAIL, sizeof SUM_TAIL - 1) != 0) return false;
    hash_sha256_hex(bytes + HEAD_BYTES, length - 1 - HEAD_BYTES, sum);
    return memcmp(bytes + sizeof SUM_HEAD - 1, sum, sizeof sum - 1) == 0;
}

/* ---- Reading ---- */

/* Reads a text; a missing or null field gives NULL. */
static enum status read_text_or_null(const json_t *object, const char *key, struct arena *arena, const char **out,
                                     struct error *err) {
    const char *text;
    enum status status = json_want_text(object, key, &text, err);
    *out = status || !text ? NULL : arena_copy(arena, text);
    return status;
}

/* Reads a name, which must sort after `before` (in byte order; NULL: the first name). */
static enum status read_name(const json_t *value, const char *before, struct arena *arena, const char **out,
                             struct error *err) {
    const char *name = json_string_value(value);
    if (!name || !build_entry_name_is_good(name))
        return error_set(err, STATUS_INVALID, "The name of a module or file is missing or malformed.");
    if (before && strcmp(before, name) >= 0)
        return error_set(err, STATUS_INVALID, "The names are not sorted: \"%s\" comes after \"%s\".", name, before);
    *out = arena_copy(arena, name);
    return STATUS_OK;
}

static enum status read_file(struct entry_file *out, const json_t *value, const char *before, struct arena *arena,
                             struct error *err) {
    const char *hash = json_string_value(json_array_get(value, 2));
    const json_t *size = json_array_get(value, 1);
    if (json_array_size(value) != 3 || !json_is_integer(size) || json_integer_value(size) < 0 || !hash ||
        hash_hex_decode(hash, strlen(hash), out->hash, SHA256_BYTES) != SHA256_BYTES)
        return error_set_at(err, STATUS_INVALID, "files", "A file must be a list of its name, its size and its hash.");
    out->size_bytes = json_integer_value(size);
    return read_name(json_array_get(value, 0), before, arena, &out->name, err);
}

static enum status read_files(struct entry_module *out, const json_t *object, struct arena *arena, struct error *err) {
    const json_t *files;
    enum status status = json_need_array(object, "files", &files, err);
    if (status) return status;
    if (json_array_size(files) > ENTRY_FILES_MAX)
        return error_set_at(err, STATUS_INVALID, "files", "A module has more than %d files.", ENTRY_FILES_MAX);
    out->file_count = json_array_size(files);
    out->files = arena_alloc(arena, out->file_count * sizeof *out->files);
    for (size_t i = 0; i < out->file_count && !status; i++)
        status = read_file(&out->files[i], json_array_get(files, i), i ? out->files[i - 1].name : NULL, arena, err);
    return status;
}

static enum status read_imports(const char *const **out, const json_t *object, struct arena *arena, struct error *err) {
    const json_t *imports;
    enum status status = json_need_array(object, "imports", &imports, err);
    if (status) return status;
    const char **names = arena_alloc(arena, (json_array_size(imports) + 1) * sizeof *names);
    for (size_t i = 0; i < json_array_size(imports); i++) {
        const char *name = json_string_value(json_array_get(imports, i));
        if (!name) return error_set_at(err, STATUS_INVALID, "imports", "The imports must be texts.");
        names[i] = arena_copy(arena, name);
    }
    *out = names;
    return STATUS_OK;
}

static enum status read_module(struct built_module *out, struct entry_module *content, const json_t *object, const char *before,
                               struct arena *arena, struct error *err) {
    const char *cache;
    enum status status = read_name(json_object_get(object, "name"), before, arena, &out->name, err);
    if (!status) status = read_imports(&out->imports, object, arena, err);
    if (!status) status = json_need_text(object, "cache", &cache, err);
    if (!status) out->cache_entry = arena_copy(arena, cache);
    if (!status) status = read_files(content, object, arena, err);
    return status;
}

static enum status read_modules(struct entry_record *out, const json_t *object, struct arena *arena, struct error *err) {
    const json_t *list;
    enum status status = json_need_array(object, "modules", &list, err);
    if (status) return status;
    size_t count = json_array_size(list);
    if (count > ENTRY_MODULES_MAX || (count > 0 && !out->entry.succeeded))
        return error_set_at(err, STATUS_INVALID, "modules", "The entry has too many modules.");
    struct built_module *modules = arena_alloc(arena, count * sizeof *modules);
    out->entry.modules = modules;
    out->entry.module_count = count;
    out->modules = arena_alloc(arena, count * sizeof *out->modules);
    for (size_t i = 0; i < count && !status; i++)
        status =
            read_module(&modules[i], &out->modules[i], json_array_get(list, i), i ? modules[i - 1].name : NULL, arena, err);
    return status;
}

static enum status read_record(struct entry_record *out, const json_t *object, struct arena *arena, struct error *err) {
    const char *key;
    const json_t *succeeded = json_object_get(object, "succeeded");
    enum status status = json_need_text(object, "key", &key, err);
    if (status) return status;
    if (!json_is_boolean(succeeded))
        return error_set_at(err, STATUS_INVALID, "succeeded", "The field \"succeeded\" must be a boolean.");
    out->key = arena_copy(arena, key);
    out->entry.succeeded = json_is_true(succeeded);
    status = read_text_or_null(object, "errors", arena, &out->entry.errors, err);
    if (!status) status = read_text_or_null(object, "warnings", arena, &out->entry.warnings, err);
    if (!status && out->entry.succeeded == (out->entry.errors != NULL))
        status = error_set_at(err, STATUS_INVALID, "errors",
                              "The field \"errors\" must be present in a failed build, and in no other.");
    if (!status) status = read_modules(out, object, arena, err);
    return status;
}

enum status build_entry_parse(struct entry_record *out, const char *bytes, size_t length, struct arena *arena,
                              struct error *err) {
    json_t *whole = NULL;
    const json_t *entry = NULL;
    *out = (struct entry_record){0};
    enum status status = json_read(&whole, bytes, length, "entry.json", err);
    if (!status) status = json_need_object(whole, "entry", &entry, err);
    if (!status) status = read_record(out, entry, arena, err);
    json_decref(whole);
    return status;
}
