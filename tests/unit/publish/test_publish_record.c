/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/publish/publish_record.h"

#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "tests/support/small_registry.h"

static struct arena arena;

static int release(void **state) {
    (void)state;
    arena_release(&arena);
    return 0;
}

static struct publish_record make_record(void) {
    static struct package_version packages[] = {{"prelude", {6, 0, 1}}};
    return (struct publish_record){.commit = "0123456789012345678901234567890123456789",
                                   .hash = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
                                   .size_bytes = 1234,
                                   .published_ms = 1795780800123,
                                   .committed_ms = 1795694400000,
                                   .compiler = {0, 15, 14},
                                   .plan = {.compiler = {0, 15, 15}, .packages = {packages, 1}},
                                   .manifest = small_registry_manifest("arrays", "7.3.0", "prelude >=6.0.0 <7.0.0", &arena)};
}

static const char *print(const struct publish_record *record) {
    struct text text = {0};
    publish_record_append_json(&text, record);
    const char *copy = arena_copy(&arena, text_view(&text));
    text_release(&text);
    return copy;
}

static struct publish_record read(const char *json) {
    struct publish_record record = {0};
    struct error err;
    if (publish_record_parse(&record, json, &arena, &err)) fail_msg("%s: %s", err.path, err.message);
    return record;
}

static void a_printed_record_is_read_again(void **state) {
    (void)state;
    static const enum publish_finishing all[] = {FINISHING_NOTHING, FINISHING_INDEX, FINISHING_DOCUMENTATION};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct publish_record record = make_record();
        record.finishing = all[i];
        const char *json = print(&record);
        const struct publish_record again = read(json);
        assert_string_equal(again.commit, record.commit);
        assert_string_equal(again.hash, record.hash);
        assert_int_equal(again.size_bytes, record.size_bytes);
        assert_int_equal(again.published_ms, record.published_ms);
        assert_int_equal(again.committed_ms, record.committed_ms);
        assert_true(version_equal(again.compiler, record.compiler)); /* of the version; the plan's compiler differs */
        assert_true(version_equal(again.plan.compiler, record.plan.compiler));
        assert_int_equal(again.plan.packages.count, 1);
        assert_true(manifest_equal(&again.manifest, &record.manifest));
        assert_int_equal(again.finishing, all[i]);
        assert_string_equal(print(&again), json);
    }
}

/* Records of older releases have none. */
static void the_time_of_the_commit_may_be_absent(void **state) {
    (void)state;
    struct publish_record record = make_record();
    record.committed_ms = 0;
    assert_null(strstr(print(&record), "commitTime"));
    assert_int_equal(read(print(&record)).committed_ms, 0);
}

static void a_record_that_was_damaged_is_not_written_from(void **state) {
    (void)state;
    static const struct {
        const char *from, *to, *path;
    } damages[] = {
        {"\"commit\"", "\"comit\"", "commit"},
        {"\"hash\"", "\"hush\"", "hash"},
        {"\"bytes\":1234", "\"bytes\":\"many\"", "bytes"},
        {"\"publishedTime\":\"2026", "\"publishedTime\":\"MMXXVI", "publishedTime"},
        {"\"commitTime\":\"2026", "\"commitTime\":\"MMXXVI", "commitTime"},
        {"\"finishing\":\"nothing\"", "\"finishing\":\"all\"", "finishing"},
        {"\"plan\":{", "\"plan\":7,\"was\":{", "plan"},
        {"\"manifest\":{", "\"manifest\":[],\"was\":{", "manifest"},
        {"\"compiler\":\"0.15.14\"", "\"compiler\":\"new\"", NULL},
        {"{\"commit\"", "[\"commit\"", NULL},
    };
    const struct publish_record record = make_record();
    const char *json = print(&record);
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        const char *at = strstr(json, damages[i].from);
        assert_non_null(at);
        const char *damaged =
            arena_format(&arena, "%.*s%s%s", (int)(at - json), json, damages[i].to, at + strlen(damages[i].from));
        struct publish_record out = {0};
        struct error err = {0};
        if (publish_record_parse(&out, damaged, &arena, &err) != STATUS_INVALID) fail_msg("%s is read", damaged);
        if (damages[i].path) assert_string_equal(err.path, damages[i].path);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_printed_record_is_read_again, release),
        cmocka_unit_test_teardown(the_time_of_the_commit_may_be_absent, release),
        cmocka_unit_test_teardown(a_record_that_was_damaged_is_not_written_from, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
