/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as JSON. However an accepted value is printed, by json_append_value() or by struct json_writer, jansson must
 * read it as the same value, and printing it a second time gives the same bytes. Text that we take for UTF-8 must be UTF-8 to
 * jansson too, and survive printing and reading.
 */
#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "tests/fuzz/fuzz.h"

/* Numbers with a point are printed without one where they are whole: those two are the same. */
static bool is_same(const json_t *a, const json_t *b) {
    size_t index;
    const char *key;
    json_t *item;
    if (json_is_number(a) && json_is_number(b)) return json_number_value(a) == json_number_value(b);
    if (json_is_object(a) && json_is_object(b) && json_object_size(a) == json_object_size(b)) {
        json_object_foreach((json_t *)a, key, item) if (!is_same(item, json_object_get(b, key))) return false;
        return true;
    }
    if (json_is_array(a) && json_is_array(b) && json_array_size(a) == json_array_size(b)) {
        json_array_foreach(a, index, item) if (!is_same(item, json_array_get(b, index))) return false;
        return true;
    }
    return json_equal(a, b);
}

static void write_value(struct json_writer *writer, const json_t *value) {
    size_t index;
    const char *key;
    json_t *item;
    struct text printed = {0};
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        json_writer_open(writer, '{');
        json_object_foreach((json_t *)value, key, item) {
            json_writer_key(writer, key);
            write_value(writer, item);
        }
        json_writer_close(writer, '}');
        break;
    case JSON_ARRAY:
        json_writer_open(writer, '[');
        json_array_foreach(value, index, item) {
            json_writer_item(writer);
            write_value(writer, item);
        }
        json_writer_close(writer, ']');
        break;
    case JSON_STRING: json_writer_text(writer, json_string_value(value)); break;
    case JSON_INTEGER: json_writer_integer(writer, json_integer_value(value)); break;
    default:
        json_append_value(&printed, value, writer->indent);
        json_writer_raw(writer, text_view(&printed));
        text_release(&printed);
    }
}

static void print_and_read_again(const json_t *value, int indent) {
    struct text once = {0}, twice = {0}, written = {0};
    struct json_writer writer = {.out = &written, .indent = indent};
    json_append_value(&once, value, indent);
    json_t *again = json_loadb(once.bytes, once.length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    assert(again && is_same(value, again));
    json_append_value(&twice, again, indent);
    fuzz_must_be_same(&once, &twice);
    write_value(&writer, value);
    fuzz_must_be_same(&once, &written);
    json_decref(again);
    text_release(&once);
    text_release(&twice);
    text_release(&written);
}

static void read_as_text(const char *bytes, size_t length) {
    json_t *text = json_stringn(bytes, length);
    bool has_nul = length && memchr(bytes, 0, length);
    assert(text_is_utf8(bytes, length) == (text && !has_nul));
    if (text) {
        struct text quoted = {0};
        json_append_text(&quoted, bytes, length);
        json_t *again = json_loadb(quoted.bytes, quoted.length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert(again && json_equal(again, text));
        json_decref(again);
        text_release(&quoted);
    }
    json_decref(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    json_t *value = NULL;
    read_as_text((const char *)bytes, length);
    if (!json_read(&value, (const char *)bytes, length, "It", NULL)) {
        print_and_read_again(value, 0);
        print_and_read_again(value, 2);
    }
    json_decref(value);
    return 0;
}
