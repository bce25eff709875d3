/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/web/api_schema.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "services/gateway/web/parts.h"
#include "services/gateway/web/prose.h"

/* ---- Types ---- */

static void write_reference(struct html *html, const char *reference) {
    const char *name = strrchr(reference, '/') + 1;
    part_link(html, name, "#shape-%s", name);
}

static void write_value(struct html *html, const json_t *value) {
    char *text = json_dumps(value, JSON_ENCODE_ANY);
    html_element(html, "code", NULL, text);
    free(text);
}

/* Alternatives, or parts. */
static void write_list(struct html *html, const json_t *schemas, const char *between) {
    size_t i;
    json_t *schema;
    json_array_foreach(schemas, i, schema) {
        if (i > 0) html_text(html, between);
        api_schema_write_type(html, schema);
    }
}

static void write_words(struct html *html, const json_t *words) {
    size_t i;
    json_t *word;
    json_array_foreach(words, i, word) {
        if (i > 0) html_text(html, ", ");
        html_element(html, "code", NULL, json_string_value(word));
    }
}

static void write_object(struct html *html, const json_t *schema) {
    const json_t *values = json_object_get(schema, "additionalProperties"), *fields = json_object_get(schema, "properties");
    const char *name;
    json_t *field;
    bool is_first = true;
    if (json_is_object(values)) {
        html_text(html, "an object of ");
        api_schema_write_type(html, values);
        html_text(html, " by ");
        api_schema_write_type(html, json_object_get(schema, "propertyNames"));
        return;
    }
    html_text(html, "an object");
    json_object_foreach((json_t *)fields, name, field) {
        html_text(html, is_first ? " with " : ", ");
        html_element(html, "code", NULL, name);
        html_text(html, ": ");
        api_schema_write_type(html, field);
        is_first = false;
    }
}

static void write_limits(struct html *html, const json_t *schema) {
    static const struct {
        const char *keyword, *words;
    } limits[] = {
        {"minimum", "at least"}, {"maximum", "at most"}, {"maxLength", "length at most"}, {"maxItems", "at most"},
        {"format", "format"},    {"pattern", "as"},      {"default", "default"},
    };
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        const json_t *value = json_object_get(schema, limits[i].keyword);
        if (!value) continue;
        html_format(html, ", %s ", limits[i].words);
        if (json_is_string(value))
            html_element(html, "code", NULL, json_string_value(value));
        else
            write_value(html, value);
    }
}

static void write_plain_type(struct html *html, const json_t *schema) {
    const char *type = part_text(schema, "type");
    if (strcmp(type, "array") == 0) {
        html_text(html, "a list");
        if (json_object_get(schema, "items")) {
            html_text(html, " of ");
            api_schema_write_type(html, json_object_get(schema, "items"));
        }
    } else if (strcmp(type, "object") == 0) {
        write_object(html, schema);
    } else {
        html_text(html, *type ? type : "any value");
    }
}

void api_schema_write_type(struct html *html, const json_t *schema) {
    const char *reference = json_string_value(json_object_get(schema, "$ref"));
    const json_t *words = json_object_get(schema, "enum"), *constant = json_object_get(schema, "const"),
                 *one = json_object_get(schema, "oneOf"), *any = json_object_get(schema, "anyOf"),
                 *all = json_object_get(schema, "allOf");
    if (reference)
        write_reference(html, reference);
    else if (words)
        write_words(html, words);
    else if (constant)
        write_value(html, constant);
    else if (one || any)
        write_list(html, one ? one : any, " or ");
    else if (all)
        write_list(html, all, " and ");
    else
        write_plain_type(html, schema);
    write_limits(html, schema);
}

/* ---- A named schema ---- */

static bool is_required(const json_t *schema, const char *field) {
    size_t i;
    json_t *name;
    json_array_foreach(json_object_get(schema, "required"), i, name) {
        if (strcmp(json_string_value(name), field) == 0) return true;
    }
    return false;
}

static void write_field(struct html *html, const json_t *schema, const char *name, const json_t *field) {
    html_begin(html, "tr");
    html_begin(html, "td");
    html_element(html, "code", NULL, name);
    if (!is_required(schema, name)) html_element(html, "span", "faint", " optional");
    html_end(html);
    html_begin(html, "td");
    api_schema_write_type(html, field);
    html_end(html);
    html_begin(html, "td");
    prose_write(html, part_text(field, "description"));
    html_end(html);
    html_end(html);
}

static void write_fields(struct html *html, const json_t *schema) {
    static const char *const heads[] = {"Field", "Type", "Meaning", NULL};
    const char *name;
    json_t *field;
    part_table_begin(html, heads);
    json_object_foreach(json_object_get(schema, "properties"), name, field) write_field(html, schema, name, field);
    part_table_end(html);
}

void api_schema_write(struct html *html, const char *name, const json_t *schema) {
    const json_t *all = json_object_get(schema, "allOf");
    bool has_fields = json_object_size(json_object_get(schema, "properties")) > 0;
    struct text id = {0};
    text_append_format(&id, "shape-%s", name);
    html_begin(html, "h3");
    html_attribute(html, "id", id.bytes);
    html_text(html, name);
    html_end(html);
    text_release(&id);
    html_begin(html, "p");
    prose_write(html, part_text(schema, "description"));
    if (!has_fields) {
        html_text(html, *part_text(schema, "description") ? " It is " : "It is ");
        api_schema_write_type(html, schema);
        html_text(html, ".");
    } else if (all) {
        html_text(html, " All fields of ");
        write_list(html, all, " and ");
        html_text(html, ", and:");
    }
    html_end(html);
    if (has_fields) write_fields(html, schema);
}
