/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as the body of a request, for each of the operations. The form in which a job keeps a request must be read as
 * the same request, with the same duplicate key. The payload inside a signed request is read, too.
 */
#include "lib/base/arena.h"
#include "lib/base/json.h"
#include "lib/domain/job/operation.h"
#include "tests/fuzz/fuzz.h"

static json_t *read_text(const struct text *text) {
    json_t *json = NULL;
    enum status status = json_read(&json, text->bytes, text->length, "It", NULL);
    assert(status == STATUS_OK);
    return json;
}

static void read_publish(const json_t *body, struct arena *arena) {
    struct publish_request request, again;
    struct text once = {0}, twice = {0};
    char key[SHA256_HEX_MAX], key_again[SHA256_HEX_MAX];
    if (publish_request_read(&request, body, arena, NULL)) return;
    publish_request_append_json(&once, &request);
    json_t *kept = read_text(&once);
    enum status status = publish_request_read(&again, kept, arena, NULL);
    assert(status == STATUS_OK);
    publish_request_append_json(&twice, &again);
    fuzz_must_be_same(&once, &twice);
    publish_request_duplicate_key(&request, key);
    publish_request_duplicate_key(&again, key_again);
    assert(text_equal(key, key_again));
    json_decref(kept);
    text_release(&once);
    text_release(&twice);
}

static void read_package_set(const char *payload, struct arena *arena) {
    struct package_set_request request, again;
    struct text once = {0}, twice = {0};
    char key[SHA256_HEX_MAX], key_again[SHA256_HEX_MAX];
    if (package_set_request_parse(&request, payload, arena, NULL)) return;
    package_set_request_append_json(&once, &request);
    enum status status = package_set_request_parse(&again, text_view(&once), arena, NULL);
    assert(status == STATUS_OK && again.is_restricted == request.is_restricted);
    package_set_request_append_json(&twice, &again);
    fuzz_must_be_same(&once, &twice);
    package_set_request_duplicate_key(&request, key);
    package_set_request_duplicate_key(&again, key_again);
    assert(text_equal(key, key_again));
    text_release(&once);
    text_release(&twice);
}

static void read_revise(const char *payload, struct arena *arena) {
    struct revise_request request, again;
    struct text once = {0}, twice = {0};
    if (revise_request_parse(&request, payload, arena, NULL)) return;
    assert(request.dependency_count > 0);
    revise_request_append_json(&once, &request);
    enum status status = revise_request_parse(&again, text_view(&once), arena, NULL);
    assert(status == STATUS_OK);
    revise_request_append_json(&twice, &again);
    fuzz_must_be_same(&once, &twice);
    text_release(&once);
    text_release(&twice);
}

static void read_payload(const char *payload, struct arena *arena) {
    struct unpublish_request unpublish;
    struct transfer_request transfer;
    if (!unpublish_request_parse(&unpublish, payload, arena, NULL))
        assert(text_count_characters(unpublish.reason) <= UNPUBLISH_REASON_CHARACTERS_MAX);
    if (!transfer_request_parse(&transfer, payload, arena, NULL))
        assert(location_check_published(&transfer.new_location, NULL) == STATUS_OK &&
               location_equal(&transfer.new_location, &transfer.new_location));
    read_package_set(payload, arena);
    read_revise(payload, arena);
}

static void read_signed(const json_t *body, struct arena *arena) {
    struct signed_request request, again;
    struct text once = {0}, twice = {0};
    enum status strict = signed_request_read(&request, body, true, arena, NULL);
    enum status status = signed_request_read(&request, body, false, arena, NULL);
    assert(!status || strict);
    if (status) return;
    signed_request_append_json(&once, &request);
    json_t *kept = read_text(&once);
    status = signed_request_read(&again, kept, strict == STATUS_OK, arena, NULL);
    assert(status == STATUS_OK && text_equal(again.payload, request.payload));
    signed_request_append_json(&twice, &again);
    fuzz_must_be_same(&once, &twice);
    read_payload(request.payload, arena);
    json_decref(kept);
    text_release(&once);
    text_release(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct arena arena = {0};
    json_t *body = NULL;
    if (!json_read(&body, (const char *)bytes, length, "It", NULL)) {
        read_publish(body, &arena);
        read_signed(body, &arena);
        read_payload(arena_copy_bytes(&arena, bytes, length), &arena);
    }
    json_decref(body);
    arena_release(&arena);
    return 0;
}
