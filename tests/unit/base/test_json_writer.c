/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"

static void write_sample(struct json_writer *writer) {
    json_writer_open(writer, '{');
    json_writer_key(writer, "empty");
    json_writer_open(writer, '{');
    json_writer_close(writer, '}');
    json_writer_key(writer, "list");
    json_writer_open(writer, '[');
    json_writer_item(writer);
    json_writer_text(writer, "a\"b");
    json_writer_item(writer);
    json_writer_open(writer, '[');
    json_writer_close(writer, ']');
    json_writer_close(writer, ']');
    json_writer_text_field(writer, "absent", NULL);
    json_writer_key(writer, "number");
    json_writer_integer(writer, -7);
    json_writer_close(writer, '}');
}

static void compact_and_indented_are_what_stringify_prints(void **state) {
    (void)state;
    struct text compact = {0}, indented = {0};
    write_sample(&(struct json_writer){.out = &compact});
    write_sample(&(struct json_writer){.out = &indented, .indent = 2});
    assert_string_equal(text_view(&compact), "{\"empty\":{},\"list\":[\"a\\\"b\",[]],\"number\":-7}");
    assert_string_equal(text_view(&indented),
                        "{\n  \"empty\": {},\n  \"list\": [\n    \"a\\\"b\",\n    []\n  ],\n  \"number\": -7\n}");
    text_release(&compact);
    text_release(&indented);
}

/* The same value, written by the writer and by json_append_value(). */
static void raw_values_are_indented_to_where_they_stand(void **state) {
    (void)state;
    static const char source[] = "{\"a\":{\"b\":[1,{\"c\":null}],\"d\":\"x\\ny\"}}";
    json_t *json = NULL;
    assert_int_equal(json_read(&json, source, strlen(source), "The test", NULL), STATUS_OK);
    struct text whole = {0}, inner = {0}, written = {0};
    json_append_value(&whole, json, 2);
    json_append_value(&inner, json_object_get(json, "a"), 2);
    struct json_writer writer = {.out = &written, .indent = 2};
    json_writer_open(&writer, '{');
    json_writer_key(&writer, "a");
    json_writer_raw(&writer, text_view(&inner));
    json_writer_close(&writer, '}');
    assert_string_equal(text_view(&written), text_view(&whole));
    text_release(&whole);
    text_release(&inner);
    text_release(&written);
    json_decref(json);
}

static void fields_are_written_with_their_keys_and_no_time_is_no_field(void **state) {
    (void)state;
    struct text out = {0};
    struct json_writer writer = {.out = &out};
    json_writer_open(&writer, '{');
    json_writer_integer_field(&writer, "count", 0);
    json_writer_time_field(&writer, "never", 0);
    json_writer_time_field(&writer, "then", 1);
    json_writer_close(&writer, '}');
    assert_string_equal(text_view(&out), "{\"count\":0,\"then\":\"1970-01-01T00:00:00.001Z\"}");
    text_release(&out);
}

static void values_of_each_type_and_fields_that_are_absent(void **state) {
    (void)state;
    struct text out = {0};
    struct json_writer writer = {.out = &out};
    json_t *list = json_pack("[i,n]", 1);
    json_writer_open(&writer, '{');
    json_writer_boolean_field(&writer, "yes", true);
    json_writer_boolean_field(&writer, "no", false);
    json_writer_raw_field(&writer, "absent", NULL);
    json_writer_raw_field(&writer, "raw", "{\"a\":1}");
    json_writer_value_field(&writer, "value", list);
    json_writer_key(&writer, "null");
    json_writer_null(&writer);
    json_writer_key(&writer, "part");
    json_writer_bytes(&writer, "a\"bc", 3);
    json_writer_close(&writer, '}');
    assert_string_equal(text_view(&out), "{\"yes\":true,\"no\":false,\"raw\":{\"a\":1},\"value\":[1,null],"
                                         "\"null\":null,\"part\":\"a\\\"b\"}");
    json_decref(list);
    text_release(&out);
}

/* As JSON.stringify would print the value there, and as json_append_value() prints it by itself. */
static void json_values_are_indented_to_where_they_stand(void **state) {
    (void)state;
    struct text whole = {0}, alone = {0}, written = {0};
    json_t *inner = json_pack("{s:[i,{s:n}],s:s}", "b", 1, "c", "d", "x\ny"), *outer = json_pack("{s:O}", "a", inner);
    json_append_value(&whole, outer, 2);
    json_writer_value(&(struct json_writer){.out = &alone, .indent = 2}, outer);
    assert_string_equal(text_view(&alone), text_view(&whole));
    struct json_writer writer = {.out = &written, .indent = 2};
    json_writer_open(&writer, '{');
    json_writer_value_field(&writer, "a", inner);
    json_writer_close(&writer, '}');
    assert_string_equal(text_view(&written), text_view(&whole));
    json_decref(outer);
    json_decref(inner);
    text_release(&written);
    text_release(&alone);
    text_release(&whole);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compact_and_indented_are_what_stringify_prints),
        cmocka_unit_test(fields_are_written_with_their_keys_and_no_time_is_no_field),
        cmocka_unit_test(values_of_each_type_and_fields_that_are_absent),
        cmocka_unit_test(json_values_are_indented_to_where_they_stand),
        cmocka_unit_test(raw_values_are_indented_to_where_they_stand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
