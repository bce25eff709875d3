/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a message travels in: who asked, until when, and the proof that the sender holds SERVICE_KEY. Only lib/service packs and
 * unpacks envelopes; services see struct message.
 *
 *    1 byte    version of this layout; another one is refused before anything else is read
 *    msgpack   array of 6:
 *                boolean      is this an answer? (a request sent back is no answer to itself)
 *                integer      the message's tag
 *                binary, 16   the request's id, random; its answer carries the same
 *                integer      time left, ms: how long the asking side waits from the time sent on; 0 in an answer
 *                integer      time sent, ms since 1970, by the sender's clock
 *                array        the message's fields (proto/message.h)
 *    32 bytes  HMAC-SHA256 with SERVICE_KEY over all bytes before; zeros where there is no key
 *
 * A message is believed from ENVELOPE_CLOCK_SKEW_MS before its time sent (clocks of two machines differ) until the same time
 * after its time left is over. Inside that window a recorded one can be played again, which is what nng does, too, when it
 * resends: every handler is made to take a request twice (lib/service/message_server.h). After it, nobody's copy is worth
 * anything. Contents are not hidden: over a network that is not private, tunnel them.
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
    ENVELOPE_BYTES_MAX = MESSAGE_BYTES_MAX + 128, /* nothing longer needs to be received */
};

struct envelope {
    bool is_answer;
    unsigned char id[ENVELOPE_ID_BYTES];
    int64_t time_left_ms;
    int64_t time_sent_ms;
    struct message message;
};

/* Appends the whole envelope. `service_key` may be NULL. Fails as message_pack() does, `out` is then unchanged. */
CHECK_RESULT enum status envelope_pack(const struct envelope *envelope, const char *service_key, struct text *out,
                                       struct error *err);

/* Reads exactly `length` bytes at the time `now_ms`; texts are copied into `arena`. STATUS_UNAUTHORIZED where the proof, or the
 * time that it was sent at, is wrong; STATUS_INVALID for everything else that is not as drawn above. `*is_from_peer` says, also
 * on a failure, whether the sender proved the key and `out` has the id, so that a failure can be answered. */
CHECK_RESULT enum status envelope_unpack(const void *bytes, size_t length, const char *service_key, int64_t now_ms,
                                         struct arena *arena, struct envelope *out, bool *is_from_peer, struct error *err);

#endif
