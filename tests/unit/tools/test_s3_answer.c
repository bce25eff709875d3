/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "lib/tools/http/s3_answer.h"

static struct s3_error read_error(const char *xml) {
    struct s3_error said;
    s3_answer_read_error(&said, xml, strlen(xml));
    return said;
}

static void an_error_is_read(void **state) {
    (void)state;
    struct s3_error said = read_error("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code>"
                                      "<Message>No &lt;such&gt;\n key \xc3\xa9.</Message><Key>a</Key></Error>");
    assert_string_equal(said.code, "NoSuchKey");
    assert_string_equal(said.message, "No <such>  key \xc3\xa9.");
}

static void a_response_that_is_no_error_has_no_code(void **state) {
    (void)state;
    static const char *const others[] = {"",
                                         "Bad Gateway",
                                         "<html><body>Bad Gateway</body></html>",
                                         "<Error><Code>Cut",
                                         "<Error><Code>A</Code></Error><Error/>",
                                         "<Errors><Error><Code>Nested</Code></Error></Errors>"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_string_equal(read_error(others[i]).code, "");
}

static void a_long_text_is_cut_at_a_characters_end(void **state) {
    (void)state;
    struct text xml = {0};
    text_append(&xml, "<Error><Code>Long</Code><Message>a");
    for (int i = 0; i < 300; i++)
        text_append(&xml, "\xc3\xa9");
    text_append(&xml, "</Message></Error>");
    struct s3_error said = read_error(text_view(&xml));
    assert_true(strlen(said.message) > S3_MESSAGE_MAX - 4);
    assert_true(text_is_utf8(said.message, strlen(said.message)));
    text_release(&xml);
}

static void a_document_type_is_refused(void **state) {
    (void)state;
    static const char bomb[] = "<!DOCTYPE Error [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]><Error><Code>&b;</Code></Error>";
    static const char file[] = "<!DOCTYPE Error [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><Error><Code>&a;</Code></Error>";
    assert_string_equal(read_error(bomb).code, "");
    assert_string_equal(read_error(file).code, "");
}

static void deeply_nested_values_are_refused(void **state) {
    (void)state;
    assert_string_equal(read_error("<Error><Code>A</Code><b><c><d><e><f><g><h/></g></f></e></d></c></b></Error>").code, "A");
    assert_string_equal(read_error("<Error><Code>A</Code><b><c><d><e><f><g><h><i/></h></g></f></e></d></c></b></Error>").code,
                        "");
}

static enum status read_page(const char *xml, struct arena *arena, struct s3_page *out) {
    struct error err;
    return s3_answer_read_page(out, xml, strlen(xml), arena, &err);
}

static void a_list_is_read(void **state) {
    (void)state;
    struct arena arena = {0};
    struct s3_page page;
    assert_int_equal(read_page("<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name>"
                               "<Contents><Key>a&amp;b</Key><Owner><ID>Key</ID></Owner></Contents><Contents><Key>c</Key>"
                               "</Contents><IsTruncated>true</IsTruncated><NextContinuationToken>x=/+</NextContinuationToken>"
                               "</ListBucketResult>",
                               &arena, &page),
                     STATUS_OK);
    assert_int_equal(page.count, 2);
    assert_string_equal(page.names[0], "a&b");
    assert_string_equal(page.names[1], "c");
    assert_string_equal(page.continuation, "x=/+");
    assert_int_equal(
        read_page("<ListBucketResult><NextContinuationToken>x</NextContinuationToken></ListBucketResult>", &arena, &page),
        STATUS_OK);
    assert_int_equal(page.count, 0);
    assert_null(page.continuation);
    arena_release(&arena);
}

static void a_malformed_list_is_refused(void **state) {
    (void)state;
    struct arena arena = {0};
    struct s3_page page;
    assert_int_equal(read_page("<Error><Code>NoSuchBucket</Code></Error>", &arena, &page), STATUS_UNAVAILABLE);
    assert_int_equal(read_page("<ListBucketResult><Contents><Key>a</Key>", &arena, &page), STATUS_UNAVAILABLE);
    assert_int_equal(read_page("<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>", &arena, &page),
                     STATUS_UNAVAILABLE);
    arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_is_read),
        cmocka_unit_test(a_response_that_is_no_error_has_no_code),
        cmocka_unit_test(a_long_text_is_cut_at_a_characters_end),
        cmocka_unit_test(a_document_type_is_refused),
        cmocka_unit_test(deeply_nested_values_are_refused),
        cmocka_unit_test(a_list_is_read),
        cmocka_unit_test(a_malformed_list_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
