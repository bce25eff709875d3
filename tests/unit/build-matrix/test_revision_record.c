/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "services/build-matrix/revision/revision_record.h"
#include "tests/support/small_registry.h"

static struct arena arena;
static struct error err;

static void a_record_is_read_as_it_was_written(void **state) {
    (void)state;
    struct text text = {0};
    const struct revision_record record = {
        .before = small_registry_manifest("arrays", "1.0.0", "prelude >=1.0.0 <2.0.0", &arena),
        .after = small_registry_manifest("arrays", "1.0.0", "prelude >=1.0.0 <3.0.0", &arena),
        .number = 3};
    struct revision_record read;
    revision_record_append_json(&text, &record);
    if (revision_record_parse(&read, text_view(&text), &arena, &err)) fail_msg("%s", err.message);
    assert_true(manifest_equal(&read.before, &record.before));
    assert_true(manifest_equal(&read.after, &record.after));
    assert_false(manifest_equal(&read.before, &read.after));
    assert_int_equal(read.number, 3);
    text_release(&text);
    arena_release(&arena);
}

static void malformed_records_are_refused(void **state) {
    (void)state;
    struct text text = {0};
    const struct manifest manifest = small_registry_manifest("arrays", "1.0.0", "", &arena);
    manifest_append_line(&text, &manifest);
    const char *line = text_view(&text);
    const struct {
        const char *text, *field;
    } rows[] = {
        {"{", ""},
        {"[]", ""},
        {arena_format(&arena, "{\"after\":%s,\"revision\":1}", line), "before"},
        {arena_format(&arena, "{\"before\":%s,\"revision\":1}", line), "after"},
        {arena_format(&arena, "{\"before\":%s,\"after\":%s}", line, line), "revision"},
        {arena_format(&arena, "{\"before\":%s,\"after\":%s,\"revision\":0}", line, line), "revision"},
        {arena_format(&arena, "{\"before\":{},\"after\":%s,\"revision\":1}", line), "name"},
        {arena_format(&arena, "{\"before\":%s,\"after\":{},\"revision\":1}", line), "name"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct revision_record record;
        err = (struct error){0};
        if (revision_record_parse(&record, rows[i].text, &arena, &err) != STATUS_INVALID) fail_msg("%s", rows[i].text);
        assert_string_equal(err.path, rows[i].field);
    }
    text_release(&text);
    arena_release(&arena);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_read_as_it_was_written),
        cmocka_unit_test(malformed_records_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
