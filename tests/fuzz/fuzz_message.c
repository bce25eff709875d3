/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as bytes from the network. The first byte chooses: 0 is an envelope, to which the proof for "no key" is added
 * so that its content is reached; anything else is the tag of a message whose fields follow. An accepted message must be the
 * same after it is written and read again.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/text.h"
#include "proto/envelope.h"
#include "tests/fuzz/fuzz.h"

static void write_and_read_again(const struct message *message, struct arena *arena) {
    struct text once = {0}, twice = {0};
    struct message again;
    enum status status = message_pack(message, &once, NULL);
    assert(status == STATUS_OK && once.length <= MESSAGE_BYTES_MAX);
    status = message_unpack(message->tag, once.bytes, once.length, arena, &again, NULL);
    assert(status == STATUS_OK);
    status = message_pack(&again, &twice, NULL);
    assert(status == STATUS_OK && once.length == twice.length && memcmp(once.bytes, twice.bytes, once.length) == 0);
    text_release(&once);
    text_release(&twice);
}

static void read_envelope(const uint8_t *bytes, size_t length, struct arena *arena) {
    static const char no_proof[SHA256_BYTES] = {0};
    struct text whole = {0};
    struct envelope envelope;
    bool is_from_peer = false;
    text_append_bytes(&whole, bytes, length);
    text_append_bytes(&whole, no_proof, sizeof no_proof);
    enum status status = envelope_unpack(whole.bytes, whole.length, NULL, 0, arena, &envelope, &is_from_peer, NULL);
    assert(status || is_from_peer);
    if (!status) write_and_read_again(&envelope.message, arena);
    text_release(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    if (length == 0) return 0;
    struct arena arena = {0};
    struct message message;
    if (bytes[0] == 0)
        read_envelope(bytes + 1, length - 1, &arena);
    else if (message_unpack((enum message_tag)bytes[0], bytes + 1, length - 1, &arena, &message, NULL) == STATUS_OK)
        write_and_read_again(&message, &arena);
    arena_release(&arena);
    return 0;
}
