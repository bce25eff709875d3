/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/spago_yaml.h"

#include <stdbool.h>
#include <string.h>
#include <yaml.h>

#include "lib/base/json.h"
#include "lib/base/text.h"
#include "lib/domain/package/range.h"

enum {
    DEPTH_MAX = 20,
    VALUES_MAX = 20000, /* aliases count at every use: else a short file could expand without bound */
};

struct conversion {
    yaml_document_t *document;
    int values_left;
};

static enum status refuse(struct error *err, const yaml_mark_t *mark, const char *what) {
    return error_set(err, STATUS_INVALID, "The file spago.yaml cannot be read: %s at line %zu, column %zu.", what,
                     mark->line + 1, mark->column + 1);
}

static enum status convert(json_t **out, struct conversion *conversion, const yaml_node_t *node, int depth, struct error *err);

static enum status convert_scalar(json_t **out, const yaml_node_t *node, struct error *err) {
    const char *text = (const char *)node->data.scalar.value;
    bool is_plain = node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (is_plain && (text_equal(text, "") || text_equal(text, "~") || text_equal(text, "null"))) {
        *out = json_null();
        return STATUS_OK;
    }
    if (!text_is_utf8(text, node->data.scalar.length))
        return refuse(err, &node->start_mark, "a text that is not UTF-8 or has a NUL");
    *out = json_stringn(text, node->data.scalar.length);
    return STATUS_OK;
}

static enum status convert_mapping(json_t *object, struct conversion *conversion, const yaml_node_t *node, int depth,
                                   struct error *err) {
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(conversion->document, pair->key);
        const char *name = key->type == YAML_SCALAR_NODE ? (const char *)key->data.scalar.value : NULL;
        json_t *value;
        if (!name || strlen(name) != key->data.scalar.length) return refuse(err, &key->start_mark, "a key that is not a text");
        if (json_object_get(object, name)) return refuse(err, &key->start_mark, "a duplicate key");
        enum status status =
            convert(&value, conversion, yaml_document_get_node(conversion->document, pair->value), depth + 1, err);
        if (status) return status;
        if (json_object_set_new(object, name, value)) return refuse(err, &key->start_mark, "a key that is not UTF-8");
    }
    return STATUS_OK;
}

static enum status convert_sequence(json_t *array, struct conversion *conversion, const yaml_node_t *node, int depth,
                                    struct error *err) {
    for (yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++) {
        json_t *value;
        enum status status = convert(&value, conversion, yaml_document_get_node(conversion->document, *item), depth + 1, err);
        if (status) return status;
        json_array_append_new(array, value);
    }
    return STATUS_OK;
}

/* Converts a YAML value to JSON, every scalar but null to a string, because versions and names often look like numbers. */
static enum status convert(json_t **out, struct conversion *conversion, const yaml_node_t *node, int depth, struct error *err) {
    enum status status = STATUS_OK;
    *out = NULL;
    if (depth > DEPTH_MAX || conversion->values_left-- <= 0)
        return refuse(err, &node->start_mark, "too many values, or too deeply nested ones,");
    switch (node->type) {
    case YAML_SCALAR_NODE: return convert_scalar(out, node, err);
    case YAML_MAPPING_NODE: status = convert_mapping(*out = json_object(), conversion, node, depth, err); break;
    case YAML_SEQUENCE_NODE: status = convert_sequence(*out = json_array(), conversion, node, depth, err); break;
    case YAML_NO_NODE: return refuse(err, &node->start_mark, "nothing");
    }
    if (status) {
        json_decref(*out);
        *out = NULL;
    }
    return status;
}

/* Parses the file to JSON, which the caller owns. */
static enum status load_yaml(json_t **out, const char *bytes, size_t length, struct error *err) {
    yaml_parser_t parser;
    yaml_document_t document;
    enum status status;
    *out = NULL;
    if (!yaml_parser_initialize(&parser)) return error_set(err, STATUS_INTERNAL, "The YAML parser cannot be created.");
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)bytes, length);
    if (!yaml_parser_load(&parser, &document)) {
        status = refuse(err, &parser.problem_mark, parser.problem ? parser.problem : "not YAML");
    } else {
        const yaml_node_t *root = yaml_document_get_root_node(&document);
        struct conversion conversion = {&document, VALUES_MAX};
        status =
            root ? convert(out, &conversion, root, 0, err) : error_set(err, STATUS_INVALID, "The file spago.yaml is empty.");
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    return status;
}

/* Adds a dependency in the manifest's form; the name of one without a range goes to `bare` instead. */
static enum status add_dependency(json_t *dependencies, struct text *bare, const char *name, const json_t *range,
                                  struct error *err) {
    struct version exact;
    char text[RANGE_TEXT_MAX];
    const char *given = json_string_value(range);
    if (json_object_get(dependencies, name))
        return error_set_at(err, STATUS_INVALID, "package.dependencies", "The dependency %s is listed twice.", name);
    if (!range || json_is_null(range) || text_equal(given, "*")) {
        text_append_format(bare, "%s%s", bare->length ? ", " : "", name);
        return STATUS_OK;
    }
    if (!given)
        return error_set_at(err, STATUS_INVALID, "package.dependencies",
                            "The dependency %s must have a range, such as \">=1.0.0 <2.0.0\", but has %s.", name,
                            json_type_name(range));
    if (version_parse(&exact, given, NULL) == STATUS_OK) {
        range_print(range_exact(exact), text);
        given = text;
    }
    json_object_set_new(dependencies, name, json_string(given));
    return STATUS_OK;
}

/* Reads `dependencies:`, a list of names and of `name: RANGE`. */
static enum status read_dependencies(json_t *dependencies, struct text *bare, const json_t *list, struct error *err) {
    size_t index;
    json_t *item, *range;
    const char *name;
    enum status status = STATUS_OK;
    json_array_foreach(list, index, item) {
        if (json_is_string(item))
            status = add_dependency(dependencies, bare, json_string_value(item), NULL, err);
        else if (!json_is_object(item))
            status = error_set_at(err, STATUS_INVALID, "package.dependencies",
                                  "A dependency must be written as `name: RANGE`, but one is %s.", json_type_name(item));
        else
            json_object_foreach(item, name, range) {
                status = add_dependency(dependencies, bare, name, range, err);
                if (status) break;
            }
        if (status) return status;
    }
    if (bare->length)
        return error_set_at(
            err, STATUS_INVALID, "package.dependencies",
            "These dependencies have no range, which is required for publishing: %s. Write them as `name: \">=1.0.0 <2.0.0\"`.",
            text_view(bare));
    return STATUS_OK;
}

/* Where spago.yaml has the fields of a manifest. */
static const struct field {
    const char *name, *section, *key;
} fields[] = {
    {"name", "package", "name"},
    {"version", "package.publish", "version"},
    {"license", "package.publish", "license"},
    {"description", "package", "description"},
    {"location", "package.publish", "location"},
    {"owners", "package.publish", "owners"},
    {"includeFiles", "package.publish", "include"},
    {"excludeFiles", "package.publish", "exclude"},
    {"dependencies", "package", "dependencies"},
};
enum { FIELD_COUNT = sizeof fields / sizeof fields[0] };

/* Copies all fields but the dependencies, without nulls and empty lists. */
static void copy_fields(json_t *manifest, const json_t *package, const json_t *publish) {
    for (const struct field *field = fields; field < fields + FIELD_COUNT - 1; field++) {
        json_t *value = json_object_get(text_equal(field->section, "package") ? package : publish, field->key);
        if (!value || json_is_null(value) || (json_is_array(value) && json_array_size(value) == 0)) continue;
        json_object_set(manifest, field->name, value);
    }
}

/* A git repository's address is `url` in spago.yaml, `gitUrl` in a manifest. */
static void rename_url(json_t *location) {
    json_t *url = json_object_get(location, "url");
    if (!url) return;
    json_object_set(location, "gitUrl", url);
    json_object_del(location, "url");
}

static enum status need(const json_t *section, const char *section_name, const char *key, struct error *err) {
    json_t *value = json_object_get(section, key);
    if (value && !json_is_null(value)) return STATUS_OK;
    char path[ERROR_PATH_MAX];
    snprintf(path, sizeof path, "%s%s%s", section_name, section_name[0] ? "." : "", key);
    return error_set_at(err, STATUS_INVALID, path, "The file spago.yaml has no %s, which is required for publishing.", path);
}

static enum status need_all(const json_t *file, struct error *err) {
    const json_t *package = json_object_get(file, "package"), *publish = json_object_get(package, "publish");
    enum status status = need(file, "", "package", err);
    if (!status) status = need(package, "package", "name", err);
    if (!status) status = need(package, "package", "dependencies", err);
    if (!status) status = need(package, "package", "publish", err);
    if (!status) status = need(publish, "package.publish", "version", err);
    if (!status) status = need(publish, "package.publish", "license", err);
    if (!status) status = need(publish, "package.publish", "location", err);
    if (!status && !json_is_array(json_object_get(package, "dependencies")))
        status = error_set_at(err, STATUS_INVALID, "package.dependencies", "The dependencies must be a list of `name: RANGE`.");
    return status;
}

enum status spago_yaml_read(json_t **manifest, const char *bytes, size_t length, const char *ref, struct error *err) {
    json_t *file, *dependencies = json_object();
    struct text bare = {0};
    *manifest = NULL;
    enum status status = load_yaml(&file, bytes, length, err);
    const json_t *package = json_object_get(file, "package"), *publish = json_object_get(package, "publish");
    if (!status) status = need_all(file, err);
    if (!status) status = read_dependencies(dependencies, &bare, json_object_get(package, "dependencies"), err);
    if (!status) {
        *manifest = json_object();
        rename_url(json_object_get(publish, "location"));
        copy_fields(*manifest, package, publish);
        json_object_set_new(*manifest, "ref", json_string(ref));
        json_object_set(*manifest, "dependencies", dependencies);
    }
    json_decref(dependencies);
    json_decref(file);
    text_release(&bare);
    return status;
}

void spago_yaml_place_error(struct error *err) {
    for (const struct field *field = fields; field < fields + FIELD_COUNT; field++) {
        size_t length = strlen(field->name);
        if (!text_starts_with(err->path, field->name) || (err->path[length] && !strchr(".[", err->path[length]))) continue;
        char rest[ERROR_PATH_MAX];
        snprintf(rest, sizeof rest, "%s", err->path + length);
        snprintf(err->path, sizeof err->path, "%s.%s%.100s", field->section, field->key, rest);
        return;
    }
}
