/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as a work order for a build worker and as the worker's result, which are messages, and as a stored result,
 * which is JSON. An accepted one must be the same after it is written and read again, and keep the promises of the header:
 * dependencies come first, and closures end. The first byte of a message's input is its tag, as in fuzz_message.c.
 */
#include "lib/base/arena.h"
#include "lib/service/message/message_work.h"
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

static void pack(struct text *out, const struct message *message) {
    enum status status = message_pack(message, out, NULL);
    assert(status == STATUS_OK);
}

static void try_work(const struct message *message, struct arena *arena) {
    struct work_order work, again;
    struct message once, twice;
    struct text bytes = {0}, more_bytes = {0};
    if (message_read_work(&work, &message->work_order, arena, NULL)) return;
    expect_order(&work, arena);
    message_write_work(&once, &work, arena);
    pack(&bytes, &once);
    enum status status = message_read_work(&again, &once.work_order, arena, NULL);
    assert(status == STATUS_OK);
    message_write_work(&twice, &again, arena);
    pack(&more_bytes, &twice);
    fuzz_must_be_same(&bytes, &more_bytes);
    text_release(&bytes);
    text_release(&more_bytes);
}

static void print_result(struct text *out, const struct build_result *result) {
    assert(result->error_count <= BUILD_ERRORS_MAX);
    build_result_append_json(out, result);
}

static void try_outcome(const struct message *message, struct arena *arena) {
    struct build_result result, again;
    struct text once = {0}, twice = {0};
    const struct record_build_result *record = message->build_outcome.result;
    if (!record || message_read_result(&result, record, arena, NULL)) return;
    print_result(&once, &result);
    enum status status = message_read_result(&again, message_write_result(&result, arena), arena, NULL);
    assert(status == STATUS_OK);
    print_result(&twice, &again);
    fuzz_must_be_same(&once, &twice);
    text_clear(&twice);
    status = build_result_parse(&again, once.bytes, once.length, arena, NULL);
    assert(status == STATUS_OK);
    print_result(&twice, &again);
    fuzz_must_be_same(&once, &twice);
    text_release(&once);
    text_release(&twice);
}

static void try_kept_result(const char *bytes, size_t length, struct arena *arena) {
    struct build_result result, again;
    struct text once = {0}, twice = {0};
    if (build_result_parse(&result, bytes, length, arena, NULL)) return;
    print_result(&once, &result);
    enum status status = build_result_parse(&again, once.bytes, once.length, arena, NULL);
    assert(status == STATUS_OK);
    print_result(&twice, &again);
    fuzz_must_be_same(&once, &twice);
    text_release(&once);
    text_release(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct arena arena = {0};
    struct message message;
    enum message_tag tag = length > 0 ? (enum message_tag)bytes[0] : 0;
    bool is_ours = tag == MESSAGE_work_order || tag == MESSAGE_build_outcome;
    if (is_ours && message_unpack(tag, bytes + 1, length - 1, &arena, &message, NULL) == STATUS_OK) {
        if (tag == MESSAGE_work_order)
            try_work(&message, &arena);
        else
            try_outcome(&message, &arena);
    }
    try_kept_result((const char *)bytes, length, &arena);
    arena_release(&arena);
    return 0;
}
