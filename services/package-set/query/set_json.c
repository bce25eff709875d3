/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/package-set/query/set_json.h"

void set_json_version(struct json_writer *writer, const char *key, struct version version) {
    char text[VERSION_TEXT_MAX];
    version_print(version, text);
    json_writer_text_field(writer, key, text);
}

void set_json_indexed(struct json_writer *writer, const char *key, const struct indexed_version *version) {
    if (version) set_json_version(writer, key, version->version);
}

void set_json_names(struct json_writer *writer, const char *key, const struct set_members *members, const uint32_t *packages,
                    size_t count) {
    if (count == 0) return;
    json_writer_key(writer, key);
    json_writer_open(writer, '[');
    for (size_t i = 0; i < count; i++) {
        json_writer_item(writer);
        json_writer_text(writer, set_members_name(members, packages[i]));
    }
    json_writer_close(writer, ']');
}

void set_json_set(struct json_writer *writer, const char *key, const struct package_set *set) {
    json_writer_key(writer, key);
    json_writer_open(writer, '{');
    set_json_version(writer, "version", set->version);
    set_json_version(writer, "compiler", set->compiler);
    json_writer_text_field(writer, "published", set->published);
    json_writer_close(writer, '}');
}
