/* SPDX-License-Identifier: BSD-3-Clause */
#include "proto/envelope.h"

#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/text.h"
#include "proto/wire.h"

enum { HEAD_VALUES = 6 };

/* Computes the proof over `length` bytes. */
static void prove(const char *service_key, const void *bytes, size_t length, unsigned char out[SHA256_BYTES]) {
    if (service_key)
        hash_hmac_sha256(service_key, bytes, length, out);
    else
        memset(out, 0, SHA256_BYTES);
}

enum status envelope_pack(const struct envelope *envelope, const char *service_key, struct text *out, struct error *err) {
    struct text bytes = {0};
    text_append_character(&bytes, ENVELOPE_VERSION);
    wire_write_array(&bytes, HEAD_VALUES);
    wire_write_flag(&bytes, envelope->is_answer);
    wire_write_number(&bytes, envelope->message.tag);
    wire_write_binary(&bytes, envelope->id, sizeof envelope->id);
    wire_write_number(&bytes, envelope->time_left_ms);
    wire_write_number(&bytes, envelope->time_sent_ms);
    enum status status = message_pack(&envelope->message, &bytes, err);
    if (!status) {
        unsigned char proof[SHA256_BYTES];
        prove(service_key, bytes.bytes, bytes.length, proof);
        text_append_bytes(out, bytes.bytes, bytes.length);
        text_append_bytes(out, proof, sizeof proof);
    }
    text_release(&bytes);
    return status;
}

static enum status check_proof(const char *service_key, const void *bytes, size_t length, struct error *err) {
    unsigned char expected[SHA256_BYTES];
    prove(service_key, bytes, length, expected);
    if (hash_equal(expected, (const unsigned char *)bytes + length)) return STATUS_OK;
    return error_set(err, STATUS_UNAUTHORIZED,
                     "The sender of a message did not prove that it has this program's key (SERVICE_KEY; at a build worker's "
                     "address BUILD_WORKER_KEY): set both to the same value.");
}

static enum status read_head(struct wire_reader *reader, struct envelope *out, struct error *err) {
    int64_t tag = 0;
    if (!wire_read_array(reader, HEAD_VALUES) || !wire_read_flag(reader, &out->is_answer) || !wire_read_number(reader, &tag) ||
        !wire_read_binary(reader, out->id, sizeof out->id) || !wire_read_number(reader, &out->time_left_ms) ||
        !wire_read_number(reader, &out->time_sent_ms))
        return error_set(err, STATUS_INVALID, "The envelope of a message is not of version %d.", ENVELOPE_VERSION);
    out->message.tag = tag > 0 && tag < INT32_MAX ? (enum message_tag)tag : 0;
    return STATUS_OK;
}

static enum status check_time(const struct envelope *envelope, int64_t now_ms, struct error *err) {
    if (envelope->time_left_ms < 0 || envelope->time_left_ms > ENVELOPE_TIME_LEFT_MAX_MS)
        return error_set(err, STATUS_INVALID, "A message's time left is %lld ms; it must be from 0 to %d.",
                         (long long)envelope->time_left_ms, ENVELOPE_TIME_LEFT_MAX_MS);
    int64_t from_ms = now_ms - envelope->time_left_ms - ENVELOPE_CLOCK_SKEW_MS, to_ms = now_ms + ENVELOPE_CLOCK_SKEW_MS;
    if (envelope->time_sent_ms >= from_ms && envelope->time_sent_ms <= to_ms) return STATUS_OK;
    return error_set(err, STATUS_UNAUTHORIZED,
                     "A message was sent at %lld ms by the sender's clock, but it is %lld ms here: the message is too old, or "
                     "the clocks differ.",
                     (long long)envelope->time_sent_ms, (long long)now_ms);
}

enum status envelope_unpack(const void *bytes, size_t length, const char *service_key, int64_t now_ms, struct arena *arena,
                            struct envelope *out, bool *is_from_peer, struct error *err) {
    *out = (struct envelope){0};
    *is_from_peer = false;
    const char *start = bytes;
    if (length <= 1 + SHA256_BYTES || start[0] != ENVELOPE_VERSION)
        return error_set(err, STATUS_INVALID, "A message of %zu bytes does not begin with the version %d.", length,
                         ENVELOPE_VERSION);
    size_t proved = length - SHA256_BYTES;
    enum status status = check_proof(service_key, bytes, proved, err);
    struct wire_reader reader = {start + 1, proved - 1};
    if (!status) status = read_head(&reader, out, err);
    if (!status) status = check_time(out, now_ms, err);
    if (status) return status;
    *is_from_peer = true;
    return message_unpack(out->message.tag, reader.bytes, reader.left, arena, &out->message, err);
}
