/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/json.h"
#include "lib/base/text.h"

static json_t *read_text(const char *text) {
    struct error err;
    json_t *value = NULL;
    assert_int_equal(json_read(&value, text, strlen(text), "It", &err), STATUS_OK);
    return value;
}

static void malformed_text_is_refused_with_its_place(void **state) {
    (void)state;
    static const char *const bad[] = {"",         "{",   "{\"a\":1,}",   "{\"a\":1}x", "{\"a\":1,\"a\":2}",
                                      "\"\xC3\"", "nul", "\"a\\u0000b\""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct error err;
        json_t *value = NULL;
        assert_int_equal(json_read(&value, bad[i], strlen(bad[i]), "The request body", &err), STATUS_INVALID);
        assert_null(value);
        assert_true(text_starts_with(err.message, "The request body is not valid JSON: "));
        assert_non_null(strstr(err.message, "at line 1, column "));
    }
}

static void fields_are_named_where_they_are_wrong(void **state) {
    (void)state;
    json_t *object = read_text("{\"name\":\"prelude\",\"none\":null,\"number\":3}");
    struct error err;
    const char *text = NULL;
    assert_int_equal(json_need_text(object, "name", &text, &err), STATUS_OK);
    assert_string_equal(text, "prelude");
    assert_int_equal(json_want_text(object, "none", &text, &err), STATUS_OK);
    assert_null(text);
    assert_int_equal(json_want_text(object, "absent", &text, &err), STATUS_OK);
    assert_null(text);
    assert_int_equal(json_need_text(object, "absent", &text, &err), STATUS_INVALID);
    assert_string_equal(err.path, "absent");
    assert_int_equal(json_want_text(object, "number", &text, &err), STATUS_INVALID);
    assert_string_equal(err.message, "The field \"number\" must be a string, but it is a number.");
    assert_int_equal(json_need_text(object, "none", &text, &err), STATUS_INVALID);
    json_decref(object);
}

/* The right side is what JSON.stringify(JSON.parse(left), null, 2) gives in JavaScript. */
static void printing_gives_the_bytes_of_javascript(void **state) {
    (void)state;
    static const struct {
        const char *text, *compact, *indented;
    } cases[] = {
        {"{ }", "{}", "{}"},
        {"[ ]", "[]", "[]"},
        {"{\"b\":[1,{\"x\":null}],\"a\":\"\\u00e4/\\u007f\"}", "{\"b\":[1,{\"x\":null}],\"a\":\"\xC3\xA4/\x7F\"}",
         "{\n  \"b\": [\n    1,\n    {\n      \"x\": null\n    }\n  ],\n  \"a\": \"\xC3\xA4/\x7F\"\n}"},
        {"\"\\u0001\\b\\f\\n\\r\\t\\\"\\\\\\u001f\"", "\"\\u0001\\b\\f\\n\\r\\t\\\"\\\\\\u001f\"",
         "\"\\u0001\\b\\f\\n\\r\\t\\\"\\\\\\u001f\""},
        {"[true,false,-12]", "[true,false,-12]", "[\n  true,\n  false,\n  -12\n]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *value = read_text(cases[i].text);
        struct text out = {0};
        json_append_value(&out, value, 0);
        assert_string_equal(text_view(&out), cases[i].compact);
        text_clear(&out);
        json_append_value(&out, value, 2);
        assert_string_equal(text_view(&out), cases[i].indented);
        text_release(&out);
        json_decref(value);
    }
}

static void numbers_with_a_point_are_printed_as_by_javascript(void **state) {
    (void)state;
    static const struct {
        const char *text, *printed;
    } cases[] = {
        {"[-0.0]", "[0]"},
        {"[0.1]", "[0.1]"},
        {"[-1.50]", "[-1.5]"},
        {"[100.0]", "[100]"},
        {"[123456789012345.67]", "[123456789012345.67]"},
        {"[0.000001]", "[0.000001]"},
        {"[0.0000001]", "[1e-7]"},
        {"[-2.5e-300]", "[-2.5e-300]"},
        {"[1e21]", "[1e+21]"},
        {"[1.7976931348623157e308]", "[1.7976931348623157e+308]"},
        {"[5e-324]", "[5e-324]"},
        {"[999999999999999900.0]", "[999999999999999900]"},
        {"[1e20]", "[1e+20]"}, /* JavaScript prints a whole number here, which is too large for 64 bits */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *value = read_text(cases[i].text);
        struct text out = {0};
        json_append_value(&out, value, 0);
        assert_string_equal(text_view(&out), cases[i].printed);
        text_release(&out);
        json_decref(value);
    }
}

/* Every byte at every place within two words of eight bytes: jansson reads the printed text back, and only characters that must
 * be escaped are. */
static void each_byte_is_escaped_wherever_it_stands(void **state) {
    (void)state;
    enum { LENGTH = 19 };
    for (int byte = 1; byte < 0x80; byte++)
        for (size_t place = 0; place < LENGTH; place++) {
            char text[LENGTH + 1] = "abcdefghijklmnopqrs";
            struct text out = {0};
            text[place] = (char)byte;
            json_append(&out, text);
            json_t *read = json_loads(text_view(&out), JSON_DECODE_ANY, NULL);
            assert_non_null(read);
            assert_string_equal(json_string_value(read), text);
            bool is_escaped = byte < 0x20 || byte == '"' || byte == '\\';
            assert_int_equal(out.length > LENGTH + 2, is_escaped);
            json_decref(read);
            text_release(&out);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_text_is_refused_with_its_place),
        cmocka_unit_test(fields_are_named_where_they_are_wrong),
        cmocka_unit_test(printing_gives_the_bytes_of_javascript),
        cmocka_unit_test(numbers_with_a_point_are_printed_as_by_javascript),
        cmocka_unit_test(each_byte_is_escaped_wherever_it_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
