/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/json.h"
#include "lib/base/text.h"
#include "lib/domain/job/operation.h"

static struct arena arena;

static int release_arena(void **state) {
    (void)state;
    arena_release(&arena);
    return 0;
}

static const char full_publish[] =
    "{\"name\":\"a\",\"location\":{\"githubOwner\":\"o\",\"githubRepo\":\"r\"},\"ref\":\"v1.0.0\","
    "\"version\":\"1.0.0\",\"compiler\":\"0.15.15\",\"resolutions\":{\"prelude\":\"6.0.1\"}}";

static enum status read_publish(struct publish_request *out, const char *text, struct error *err) {
    json_t *json = NULL;
    assert_int_equal(json_read(&json, text, strlen(text), "The test", NULL), STATUS_OK);
    enum status status = publish_request_read(out, json, &arena, err);
    json_decref(json);
    return status;
}

static enum status read_signed(struct signed_request *out, const char *text, bool required, struct error *err) {
    json_t *json = NULL;
    assert_int_equal(json_read(&json, text, strlen(text), "The test", NULL), STATUS_OK);
    enum status status = signed_request_read(out, json, required, &arena, err);
    json_decref(json);
    return status;
}

static const char *publish_key(const char *text) {
    struct publish_request request;
    assert_int_equal(read_publish(&request, text, NULL), STATUS_OK);
    char *key = arena_alloc(&arena, SHA256_HEX_MAX);
    publish_request_duplicate_key(&request, key);
    return key;
}

static void a_publish_prints_as_it_was_read(void **state) {
    (void)state;
    static const char *const texts[] = {full_publish, "{\"name\":\"a\",\"ref\":\"main\",\"version\":\"1.0.0\"}",
                                        "{\"name\":\"metadata\",\"ref\":\"main\",\"version\":\"1.0.0\",\"resolutions\":{}}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct publish_request request;
        struct text text = {0};
        assert_int_equal(read_publish(&request, texts[i], NULL), STATUS_OK);
        publish_request_append_json(&text, &request);
        assert_string_equal(text_view(&text), texts[i]);
        text_release(&text);
    }
}

static void a_bad_publish_names_the_field(void **state) {
    (void)state;
    static const struct {
        const char *text, *path;
    } rows[] = {
        {"[]", ""},
        {"\"text\"", ""},
        {"{}", "name"},
        {"{\"name\":\"A\"}", "name"},
        {"{\"name\":\"a\"}", "ref"},
        {"{\"name\":\"a\",\"ref\":\"refs/heads/x\"}", "ref"},
        {"{\"name\":\"a\",\"ref\":\"0123456789abcdef0123456789abcdef01234567\"}", "ref"},
        {"{\"name\":\"a\",\"ref\":\"x\"}", "version"},
        {"{\"name\":\"a\",\"ref\":\"x\",\"version\":\"v1.0.0\"}", "version"},
        {"{\"name\":\"a\",\"ref\":\"x\",\"version\":\"1.0.0\",\"compiler\":\"0.15\"}", "compiler"},
        {"{\"name\":\"a\",\"ref\":\"x\",\"version\":\"1.0.0\",\"resolutions\":[]}", "resolutions"},
        {"{\"name\":\"a\",\"ref\":\"x\",\"version\":\"1.0.0\",\"resolutions\":{\"b\":\">=1.0.0 <2.0.0\"}}", "resolutions.b"},
        {"{\"name\":\"a\",\"location\":\"o/r\",\"ref\":\"x\",\"version\":\"1.0.0\"}", "location"},
        {"{\"name\":\"a\",\"location\":{\"githubOwner\":\"o\"},\"ref\":\"x\",\"version\":\"1.0.0\"}", "location.githubRepo"},
        {"{\"name\":\"a\",\"location\":{\"gitUrl\":\"ssh://a/b\"},\"ref\":\"x\",\"version\":\"1.0.0\"}", "location.gitUrl"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct publish_request request;
        struct error err = {0};
        assert_int_equal(read_publish(&request, rows[i].text, &err), STATUS_INVALID);
        assert_string_equal(err.path, rows[i].path);
        assert_true(err.message[0] != '\0');
    }
}

static void a_publish_is_the_same_whatever_its_compiler_and_plan(void **state) {
    (void)state;
    const char *key = publish_key(full_publish);
    assert_int_equal(strlen(key), SHA256_HEX_MAX - 1);
    assert_string_equal(key, publish_key("{\"version\":\"1.0.0\",\"ref\":\"v1.0.0\",\"more\":1,\"name\":\"a\",\"location\":"
                                         "{\"githubRepo\":\"r\",\"githubOwner\":\"o\"}}"));
    static const char *const others[] = {
        "{\"name\":\"b\",\"location\":{\"githubOwner\":\"o\",\"githubRepo\":\"r\"},\"ref\":\"v1.0.0\",\"version\":\"1.0.0\"}",
        "{\"name\":\"a\",\"location\":{\"githubOwner\":\"o\",\"githubRepo\":\"s\"},\"ref\":\"v1.0.0\",\"version\":\"1.0.0\"}",
        "{\"name\":\"a\",\"ref\":\"v1.0.0\",\"version\":\"1.0.0\"}",
        "{\"name\":\"a\",\"location\":{\"githubOwner\":\"o\",\"githubRepo\":\"r\"},\"ref\":\"v1\",\"version\":\"1.0.0\"}",
        "{\"name\":\"a\",\"location\":{\"githubOwner\":\"o\",\"githubRepo\":\"r\"},\"ref\":\"v1.0.0\",\"version\":\"1.0.1\"}",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_string_not_equal(key, publish_key(others[i]));
}

static void a_signature_is_lower_case_hex(void **state) {
    (void)state;
    struct signed_request request;
    assert_int_equal(read_signed(&request, "{\"payload\":\"{ }\",\"signature\":\"00ff\"}", true, NULL), STATUS_OK);
    assert_string_equal(request.payload, "{ }");
    assert_string_equal(request.signature, "00ff");
    static const struct {
        const char *text, *path;
    } rows[] = {
        {"{\"signature\":\"00\"}", "payload"},
        {"{\"payload\":{},\"signature\":\"00\"}", "payload"},
        {"{\"payload\":\"{}\"}", "signature"},
        {"{\"payload\":\"{}\",\"signature\":\"\"}", "signature"},
        {"{\"payload\":\"{}\",\"signature\":\"0\"}", "signature"},
        {"{\"payload\":\"{}\",\"signature\":\"00FF\"}", "signature"},
        {"{\"payload\":\"{}\",\"signature\":\"xy\"}", "signature"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error err = {0};
        assert_int_equal(read_signed(&request, rows[i].text, true, &err), STATUS_INVALID);
        assert_string_equal(err.path, rows[i].path);
    }
}

static void a_package_set_may_lack_its_signature(void **state) {
    (void)state;
    static const char *const texts[] = {"{\"payload\":\"{}\"}", "{\"payload\":\"{}\",\"signature\":\"\"}",
                                        "{\"payload\":\"{}\",\"signature\":null}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct signed_request request;
        assert_int_equal(read_signed(&request, texts[i], false, NULL), STATUS_OK);
        assert_null(request.signature);
    }
}

static void a_signed_request_is_the_same_by_its_bytes(void **state) {
    (void)state;
    struct signed_request a = {"{\"name\":\"a\"}", "00"}, b = {"{\"name\": \"a\"}", "00"}, c = {"{\"name\":\"a\"}", "01"};
    char key[SHA256_HEX_MAX], other[SHA256_HEX_MAX];
    signed_request_key(&a, JOB_KIND_UNPUBLISH, key);
    signed_request_key(&a, JOB_KIND_UNPUBLISH, other);
    assert_string_equal(key, other);
    signed_request_key(&a, JOB_KIND_TRANSFER, other);
    assert_string_not_equal(key, other);
    signed_request_key(&b, JOB_KIND_UNPUBLISH, other);
    assert_string_not_equal(key, other);
    signed_request_key(&c, JOB_KIND_UNPUBLISH, other);
    assert_string_not_equal(key, other);
    struct text text = {0};
    signed_request_append_json(&text, &a);
    assert_string_equal(text_view(&text), "{\"payload\":\"{\\\"name\\\":\\\"a\\\"}\",\"signature\":\"00\"}");
    text_release(&text);
}

static void payloads_of_the_other_kind_are_refused(void **state) {
    (void)state;
    static const char unpublish[] = "{\"name\":\"a\",\"version\":\"1.0.0\",\"reason\":\"broken\"}";
    static const char transfer[] = "{\"name\":\"a\",\"newLocation\":{\"githubOwner\":\"o\",\"githubRepo\":\"r\"}}";
    struct unpublish_request unpublish_request;
    struct transfer_request transfer_request;
    struct error err = {0};
    assert_int_equal(unpublish_request_parse(&unpublish_request, unpublish, &arena, NULL), STATUS_OK);
    assert_string_equal(unpublish_request.reason, "broken");
    assert_int_equal(transfer_request_parse(&transfer_request, transfer, &arena, NULL), STATUS_OK);
    assert_string_equal(transfer_request.new_location.github_repo, "r");
    assert_int_equal(unpublish_request_parse(&unpublish_request, transfer, &arena, &err), STATUS_INVALID);
    assert_string_equal(err.path, "payload.newLocation");
    assert_non_null(strstr(err.message, "/api/v1/transfer"));
    assert_int_equal(transfer_request_parse(&transfer_request, unpublish, &arena, &err), STATUS_INVALID);
    assert_string_equal(err.path, "payload.version");
    assert_non_null(strstr(err.message, "/api/v1/unpublish"));
    assert_int_equal(unpublish_request_parse(&unpublish_request, "{", &arena, &err), STATUS_INVALID);
    assert_string_equal(err.path, "payload");
}

/* Otherwise one signature would be valid for both operations. */
static void a_payload_of_two_kinds_is_neither(void **state) {
    (void)state;
    static const char location[] = "{\"githubOwner\":\"o\",\"githubRepo\":\"r\"}";
    struct unpublish_request unpublish_request;
    struct transfer_request transfer_request;
    struct error err = {0};
    const char *both = arena_format(
        &arena, "{\"name\":\"a\",\"version\":\"1.0.0\",\"reason\":\"x\",\"newLocation\":%s,\"packages\":{}}", location);
    assert_int_equal(unpublish_request_parse(&unpublish_request, both, &arena, &err), STATUS_INVALID);
    assert_string_equal(err.path, "payload.newLocation");
    assert_int_equal(transfer_request_parse(&transfer_request, both, &arena, &err), STATUS_INVALID);
    assert_string_equal(err.path, "payload.version");
    const char *set = arena_format(&arena, "{\"name\":\"a\",\"newLocation\":%s,\"packages\":{}}", location);
    assert_int_equal(transfer_request_parse(&transfer_request, set, &arena, &err), STATUS_INVALID);
    assert_string_equal(err.path, "payload.packages");
}

static void a_reason_has_at_most_300_characters(void **state) {
    (void)state;
    struct text reason = {0};
    struct unpublish_request request;
    struct error err = {0};
    for (int i = 0; i < UNPUBLISH_REASON_CHARACTERS_MAX; i++)
        text_append(&reason, "\xC3\xA4");
    static const char format[] = "{\"name\":\"a\",\"version\":\"1.0.0\",\"reason\":\"%s%s\"}";
    assert_int_equal(unpublish_request_parse(&request, arena_format(&arena, format, reason.bytes, ""), &arena, NULL),
                     STATUS_OK);
    assert_int_equal(unpublish_request_parse(&request, arena_format(&arena, format, reason.bytes, "x"), &arena, &err),
                     STATUS_INVALID);
    assert_string_equal(err.path, "payload.reason");
    text_release(&reason);
}

static void a_package_set_with_a_compiler_or_a_removal_is_restricted(void **state) {
    (void)state;
    static const struct {
        const char *text, *printed;
        bool is_restricted;
    } rows[] = {
        {"{\"packages\":{}}", "{\"packages\":{}}", false},
        {"{\"packages\":{\"b\":\"1.0.0\",\"a\":\"2.0.0\"}}", "{\"packages\":{\"a\":\"2.0.0\",\"b\":\"1.0.0\"}}", false},
        {"{\"packages\":{\"a\":null}}", "{\"packages\":{\"a\":null}}", true},
        {"{\"packages\":{},\"compiler\":\"0.15.15\"}", "{\"compiler\":\"0.15.15\",\"packages\":{}}", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct package_set_request request;
        struct text text = {0};
        assert_int_equal(package_set_request_parse(&request, rows[i].text, &arena, NULL), STATUS_OK);
        assert_int_equal(request.is_restricted, rows[i].is_restricted);
        package_set_request_append_json(&text, &request);
        assert_string_equal(text_view(&text), rows[i].printed);
        text_release(&text);
    }
    struct package_set_request request;
    struct error err = {0};
    assert_int_equal(package_set_request_parse(&request, "{\"packages\":{\"a\":\"1\"}}", &arena, &err), STATUS_INVALID);
    assert_string_equal(err.path, "payload.packages.a");
    assert_int_equal(package_set_request_parse(&request, "{}", &arena, &err), STATUS_INVALID);
    assert_string_equal(err.path, "payload.packages");
    assert_int_equal(package_set_request_parse(&request, "{\"packages\":{},\"compiler\":null}", &arena, &err), STATUS_INVALID);
    assert_string_equal(err.path, "payload.compiler");
}

/* A job that the package-set service makes for itself has neither package nor compiler: it can be read. */
static void a_request_for_a_package_set_must_change_something(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum status status;
    } rows[] = {
        {"{\"packages\":{}}", STATUS_INVALID},
        {"{\"packages\":{\"a\":\"1.0.0\"}}", STATUS_OK},
        {"{\"packages\":{\"a\":null}}", STATUS_OK},
        {"{\"packages\":{},\"compiler\":\"0.15.15\"}", STATUS_OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct package_set_request request;
        struct error err = {0};
        assert_int_equal(package_set_request_parse(&request, rows[i].text, &arena, NULL), STATUS_OK);
        assert_int_equal(package_set_request_check_change(&request, &err), rows[i].status);
        assert_string_equal(err.path, rows[i].status ? "payload.packages" : "");
    }
}

static void package_sets_that_ask_for_the_same_have_one_key(void **state) {
    (void)state;
    static const char *const texts[] = {"{\"packages\":{\"b\":\"1.0.0\",\"a\":null}}",
                                        "{ \"packages\": {\"a\":null,\"b\":\"1.0.0\"}}",
                                        "{\"packages\":{\"a\":\"0.0.0\",\"b\":\"1.0.0\"}}"};
    char keys[3][SHA256_HEX_MAX];
    for (size_t i = 0; i < 3; i++) {
        struct package_set_request request;
        assert_int_equal(package_set_request_parse(&request, texts[i], &arena, NULL), STATUS_OK);
        package_set_request_duplicate_key(&request, keys[i]);
    }
    assert_string_equal(keys[0], keys[1]);
    assert_string_not_equal(keys[0], keys[2]);
}

static void a_change_of_bounds_prints_as_it_was_read_by_name(void **state) {
    (void)state;
    struct revise_request request;
    struct text text = {0};
    assert_int_equal(revise_request_parse(&request,
                                          "{\"dependencies\":{\"b\":\">=1.0.0 <3.0.0\",\"a\":\">=1.0.0 <2.0.0\"},"
                                          "\"version\":\"1.2.3\",\"more\":1,\"name\":\"x\"}",
                                          &arena, NULL),
                     STATUS_OK);
    revise_request_append_json(&text, &request);
    assert_string_equal(text_view(&text), "{\"name\":\"x\",\"version\":\"1.2.3\",\"dependencies\":{\"a\":\">=1.0.0 <2.0.0\","
                                          "\"b\":\">=1.0.0 <3.0.0\"}}");
    text_release(&text);
}

static void a_bad_change_of_bounds_names_the_field(void **state) {
    (void)state;
    static const struct {
        const char *text, *path;
    } rows[] = {
        {"[", "payload"},
        {"[]", "payload"},
        {"{\"version\":\"1.0.0\",\"dependencies\":{}}", "payload.name"},
        {"{\"name\":\"a\",\"dependencies\":{}}", "payload.version"},
        {"{\"name\":\"a\",\"version\":\"1.0.0\"}", "payload.dependencies"},
        {"{\"name\":\"a\",\"version\":\"1.0.0\",\"dependencies\":[]}", "payload.dependencies"},
        {"{\"name\":\"a\",\"version\":\"1.0.0\",\"dependencies\":{}}", "payload.dependencies"},
        {"{\"name\":\"a\",\"version\":\"1.0.0\",\"dependencies\":{\"b\":\"^1.0.0\"}}", "payload.dependencies.b"},
        {"{\"name\":\"a\",\"version\":\"1.0.0\",\"dependencies\":{\"b\":\">=2.0.0 <1.0.0\"}}", "payload.dependencies.b"},
        {"{\"name\":\"a\",\"version\":\"1.0.0\",\"dependencies\":{\"b\":null}}", "payload.dependencies.b"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct revise_request request;
        struct error err = {0};
        assert_int_equal(revise_request_parse(&request, rows[i].text, &arena, &err), STATUS_INVALID);
        assert_string_equal(err.path, rows[i].path);
        assert_true(err.message[0] != '\0');
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_publish_prints_as_it_was_read),
        cmocka_unit_test(a_bad_publish_names_the_field),
        cmocka_unit_test(a_publish_is_the_same_whatever_its_compiler_and_plan),
        cmocka_unit_test(a_signature_is_lower_case_hex),
        cmocka_unit_test(a_package_set_may_lack_its_signature),
        cmocka_unit_test(a_signed_request_is_the_same_by_its_bytes),
        cmocka_unit_test(payloads_of_the_other_kind_are_refused),
        cmocka_unit_test(a_payload_of_two_kinds_is_neither),
        cmocka_unit_test(a_reason_has_at_most_300_characters),
        cmocka_unit_test(a_package_set_with_a_compiler_or_a_removal_is_restricted),
        cmocka_unit_test(a_request_for_a_package_set_must_change_something),
        cmocka_unit_test(package_sets_that_ask_for_the_same_have_one_key),
        cmocka_unit_test(a_change_of_bounds_prints_as_it_was_read_by_name),
        cmocka_unit_test(a_bad_change_of_bounds_names_the_field),
    };
    return cmocka_run_group_tests(tests, NULL, release_arena);
}
