/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The envelope of a message: request id, deadline, and the proof that the sender holds the key (SERVICE_KEY, or
 * BUILD_WORKER_KEY for build workers). Only lib/service packs and unpacks envelopes; services see struct message.
 *
 *    1 byte    version of this layout; any other is refused before anything else is read
 *    msgpack   array of 6:
 *                boolean      true for an answer (so that a reflected request is not taken for its answer)
 *                integer      the message's tag
 *                binary, 16   the request's id, random; its answer has the same
 *                integer      time left, ms: how long the requester waits, counted from the time sent; 0 in an answer
 *                integer      time sent, ms since 1970, by the sender's clock
 *                array        the message's fields (proto/message.h)
 *    32 bytes  HMAC-SHA256 with the key over all bytes before; zeros without a key
 *
 * A message is valid from ENVELOPE_CLOCK_SKEW_MS before its time sent (clocks of two machines differ) until the same time
 * after its time left is over. Inside that window a recorded message can be replayed, and nng itself may send one again, so
 * every handler must accept the same request twice (lib/service/message/message_server.h). Contents are not encrypted: use TLS
 * or a tunnel over a network that is not private.
 *
 * The version is raised when this layout changes; new kinds of messages only need new tags.
 */
#ifndef PROTO_ENVELOPE_H
#define PROTO_ENVELOPE_H

#include "proto/message.h"

enum {
    ENVELOPE_VERSION = 1,
    ENVELOPE_ID_BYTES = 16,
    ENVELOPE_CLOCK_SKEW_MS = 30 * 1000,
    ENVELOPE_TIME_LEFT_MAX_MS = 10 * 60 * 1000,
    ENVELOPE_BYTES_MAX = MESSAGE_BYTES_MAX + 128, /* the receive limit */
};

struct envelope {
    bool is_answer;
    unsigned char id[ENVELOPE_ID_BYTES];
    int64_t time_left_ms;
    int64_t time_sent_ms;
    struct message message;
};

/* Appends the whole envelope. `service_key` may be NULL. Errors as message_pack(); `out` is unchanged then. */
CHECK_RESULT enum status envelope_pack(const struct envelope *envelope, const char *service_key, struct text *out,
                                       struct error *err);

/* Reads exactly `length` bytes at the time `now_ms`; texts are copied into `arena`. STATUS_UNAUTHORIZED if the proof is wrong
 * or the message is outside its time window; STATUS_INVALID for any other deviation from the layout; errors of the fields as
 * message_unpack(). *is_from_peer is set also on a failure: true if proof, head and time are valid, so that `out` has the id
 * and the failure can be answered. */
CHECK_RESULT enum status envelope_unpack(const void *bytes, size_t length, const char *service_key, int64_t now_ms,
                                         struct arena *arena, struct envelope *out, bool *is_from_peer, struct error *err);

#endif
