/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The input as the work of a build worker, and as the result that it sends back. What can be read must be the same when it is
 * printed and read once more, and keep what the header promises: dependencies come first, and closures end.
 */
#include "lib/base/arena.h"
#include "lib/domain/matrix/work_order.h"
#include "tests/fuzz/fuzz.h"

static void expect_order(const struct work_order *work, struct arena *arena) {
    size_t *closure = NULL;
    for (size_t i = 0; i < work->package_count; i++)
        for (size_t j = 0; j < work->packages[i].dependency_count; j++)
            assert(work->packages[i].dependencies[j] < i);
    for (size_t i = 0; i < work->job_count; i++) {
        assert(work->jobs[i].package < work->package_count);
        size_t count = work_order_closure(&closure, work, work->jobs[i].package, arena);
        assert(count <= work->jobs[i].package);
    }
}

static void try_work(const char *bytes, size_t length, struct arena *arena) {
    struct work_order work, again;
    struct text once = {0}, twice = {0};
    if (work_order_parse(&work, bytes, length, arena, NULL)) return;
    expect_order(&work, arena);
    work_order_append_json(&once, &work);
    enum status status = work_order_parse(&again, once.bytes, once.length, arena, NULL);
    assert(status == STATUS_OK);
    work_order_append_json(&twice, &again);
    fuzz_must_be_same(&once, &twice);
    text_release(&once);
    text_release(&twice);
}

static void try_result(const char *bytes, size_t length, struct arena *arena) {
    struct build_result result, again;
    struct text once = {0}, twice = {0};
    if (build_result_parse(&result, bytes, length, arena, NULL)) return;
    assert(result.error_count <= BUILD_ERRORS_MAX);
    build_result_append_json(&once, &result);
    enum status status = build_result_parse(&again, once.bytes, once.length, arena, NULL);
    assert(status == STATUS_OK);
    build_result_append_json(&twice, &again);
    fuzz_must_be_same(&once, &twice);
    text_release(&once);
    text_release(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct arena arena = {0};
    try_work((const char *)bytes, length, &arena);
    try_result((const char *)bytes, length, &arena);
    arena_release(&arena);
    return 0;
}
