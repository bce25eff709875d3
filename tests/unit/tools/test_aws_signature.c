/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The check of signatures in the stand-in for S3, on the requests and signatures that AWS's description has as examples
 * (Signature Calculations for the Authorization Header).
 */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "tests/support/s3/aws_signature.h"

#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define WELCOME_HASH "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
#define HOST "Host: examplebucket.s3.amazonaws.com\r\n"
#define DATE "x-amz-date: 20130524T000000Z\r\n"
#define AUTHORIZATION(names, signature)                                                                                        \
    "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=" names  \
    ",Signature=" signature "\r\n"

static const struct aws_account account = {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1"};
static const int64_t now_ms = INT64_C(1369353600000); /* 2013-05-24T00:00:00Z */

static const char get_object[] =
    "GET /test.txt HTTP/1.1\r\n" HOST "Range: bytes=0-9\r\n"
    "x-amz-content-sha256: " EMPTY_HASH
    "\r\n" DATE AUTHORIZATION("host;range;x-amz-content-sha256;x-amz-date",
                              "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41") "\r\n";

static const char put_object[] =
    "PUT /test$file.text HTTP/1.1\r\n" HOST "Date: Fri, 24 May 2013 00:00:00 GMT\r\n" DATE
    "x-amz-storage-class: REDUCED_REDUNDANCY\r\nx-amz-content-sha256: " WELCOME_HASH
    "\r\n" AUTHORIZATION("date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                         "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd") "\r\n";

static const char get_lifecycle[] =
    "GET /?lifecycle HTTP/1.1\r\n" HOST DATE "x-amz-content-sha256: " EMPTY_HASH "\r\n" AUTHORIZATION(
        "host;x-amz-content-sha256;x-amz-date", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543") "\r\n";

static const char list_objects[] =
    "GET /?prefix=J&max-keys=2 HTTP/1.1\r\n" HOST DATE "x-amz-content-sha256: " EMPTY_HASH "\r\n" AUTHORIZATION(
        "host;x-amz-content-sha256;x-amz-date", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7") "\r\n";

/* "" if the signature is right. */
static const char *fault_of(const char *head, const char *body, const struct aws_account *of, int64_t at_ms) {
    struct http_message message;
    assert_true(http_message_parse_head(&message, head, strlen(head)));
    text_append(&message.body, body);
    const char *fault = aws_signature_fault(&message, of, at_ms);
    http_message_release(&message);
    return fault ? fault : "";
}

static void the_published_examples_are_right(void **state) {
    (void)state;
    assert_string_equal(fault_of(get_object, "", &account, now_ms), "");
    assert_string_equal(fault_of(put_object, "Welcome to Amazon S3.", &account, now_ms), "");
    assert_string_equal(fault_of(get_lifecycle, "", &account, now_ms), "");
    assert_string_equal(fault_of(list_objects, "", &account, now_ms), "");
}

static void another_body_is_noticed(void **state) {
    (void)state;
    assert_string_equal(fault_of(put_object, "Welcome to Amazon S4.", &account, now_ms), "XAmzContentSHA256Mismatch");
}

static void another_account_is_noticed(void **state) {
    (void)state;
    struct aws_account other = account;
    other.secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEy";
    assert_string_equal(fault_of(get_object, "", &other, now_ms), "SignatureDoesNotMatch");
    other.key = "AKIAIOSFODNN8EXAMPLE";
    assert_string_equal(fault_of(get_object, "", &other, now_ms), "InvalidAccessKeyId");
    other = account;
    other.region = "eu-west-1";
    assert_string_equal(fault_of(get_object, "", &other, now_ms), "AuthorizationHeaderMalformed");
}

static void a_quarter_of_an_hour_is_the_most(void **state) {
    (void)state;
    const int64_t quarter_ms = 15 * 60 * 1000;
    assert_string_equal(fault_of(get_object, "", &account, now_ms + quarter_ms), "");
    assert_string_equal(fault_of(get_object, "", &account, now_ms + quarter_ms + 1), "RequestTimeTooSkewed");
    assert_string_equal(fault_of(get_object, "", &account, now_ms - quarter_ms - 1), "RequestTimeTooSkewed");
}

/* The example with `from` replaced by `to`. */
static const char *fault_of_changed(const char *example, const char *from, const char *to) {
    const char *at = strstr(example, from);
    assert_non_null(at);
    struct text changed = {0};
    text_append_bytes(&changed, example, (size_t)(at - example));
    text_append(&changed, to);
    text_append(&changed, at + strlen(from));
    const char *fault = fault_of(text_view(&changed), "", &account, now_ms);
    text_release(&changed);
    return fault;
}

static void every_change_is_noticed(void **state) {
    (void)state;
    assert_string_equal(fault_of_changed(get_object, "GET", "PUT"), "SignatureDoesNotMatch");
    assert_string_equal(fault_of_changed(get_object, "/test.txt", "/test.txu"), "SignatureDoesNotMatch");
    assert_string_equal(fault_of_changed(get_object, "/test.txt", "/test.txt?acl"), "SignatureDoesNotMatch");
    assert_string_equal(fault_of_changed(get_object, "bytes=0-9", "bytes=0-8"), "SignatureDoesNotMatch");
    assert_string_equal(fault_of_changed(get_object, "Host: e", "Host: f"), "SignatureDoesNotMatch");
    assert_string_equal(fault_of_changed(get_object, "T000000Z", "T000001Z"), "SignatureDoesNotMatch");
    assert_string_equal(fault_of_changed(get_object, "b41\r\n", "b42\r\n"), "SignatureDoesNotMatch");
    assert_string_equal(fault_of_changed(list_objects, "prefix=J", "prefix=K"), "SignatureDoesNotMatch");
    assert_string_equal(fault_of_changed(get_object, "20130524/us", "20130525/us"), "AuthorizationHeaderMalformed");
}

static void unsigned_required_headers_are_refused(void **state) {
    (void)state;
    assert_string_equal(fault_of_changed(get_object, "Range:", "x-amz-acl: public-read\r\nRange:"), "AccessDenied");
    assert_string_equal(fault_of_changed(get_object, "SignedHeaders=host;", "SignedHeaders="), "AccessDenied");
    assert_string_equal(fault_of_changed(get_object, "Authorization:", "X-Authorization:"), "AccessDenied");
    assert_string_equal(fault_of_changed(get_object, "AWS4-HMAC-SHA256", "AWS"), "AuthorizationHeaderMalformed");
    assert_string_equal(fault_of_changed(get_object, "x-amz-content-sha256: ", "x-amz-nothing: "), "InvalidRequest");
}

/* The same request in another spelling has the same signature. */
static void spelling_does_not_count(void **state) {
    (void)state;
    assert_string_equal(fault_of_changed(get_object, "/test.txt", "/%74est.txt"), "");
    assert_string_equal(fault_of_changed(list_objects, "prefix=J&max-keys=2", "max-keys=2&prefix=%4a"), "");
    assert_string_equal(fault_of_changed(get_object, "Range: bytes", "RANGE:   bytes"), "");
    assert_string_equal(fault_of_changed(get_lifecycle, "?lifecycle", "?lifecycle="), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_examples_are_right), cmocka_unit_test(another_body_is_noticed),
        cmocka_unit_test(another_account_is_noticed),       cmocka_unit_test(a_quarter_of_an_hour_is_the_most),
        cmocka_unit_test(every_change_is_noticed),          cmocka_unit_test(unsigned_required_headers_are_refused),
        cmocka_unit_test(spelling_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
