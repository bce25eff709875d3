/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The messages between the programs, as C sees them: one struct a message, made by the preprocessor from proto/messages.def,
 * which is the only place where a message is described. How one travels (who asked, until when, proof of the sender) is
 * proto/envelope.h; sending and answering is lib/service/.
 *
 *     struct message request = {.tag = MESSAGE_job_accepted, .job_accepted = {.job_id = id, .kind = "publish"}};
 */
#ifndef PROTO_MESSAGE_H
#define PROTO_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/error.h"

struct text;

/* clang-format off */

/* MESSAGE_done, MESSAGE_failure, …; 0 is no message */
enum message_tag {
#define MESSAGE(name, number, sender, about) MESSAGE_##name = number,
#include "proto/messages.def"
};

/* struct message_done, struct message_failure, … */
#define MESSAGE(name, number, sender, about) struct message_##name {
#define TEXT(field, max_bytes)    const char *field; /* NULL: absent */
#define NUMBER(field)             int64_t field;
#define FLAG(field)               bool field;
#define END(name)             };
#include "proto/messages.def"

/* One message: `tag` says which member counts. Texts are borrowed: the sender's, or the arena's it was unpacked into. */
struct message {
    enum message_tag tag;
    union {
#define MESSAGE(name, number, sender, about) struct message_##name name;
#include "proto/messages.def"
    };
};

/* The longest that each message can get when packed: a text's head takes up to five bytes, a number nine, a flag one. */
union message_longest {
#define MESSAGE(name, number, sender, about) struct { char head[5];
#define TEXT(field, max_bytes)    char field[5 + (max_bytes)];
#define NUMBER(field)             char field[9];
#define FLAG(field)               char field[1];
#define END(name)             } name;
#include "proto/messages.def"
};

/* clang-format on */

enum { MESSAGE_BYTES_MAX = sizeof(union message_longest) };

/* "job_accepted"; NULL where `tag` is no message's. */
const char *message_name(enum message_tag tag);

/* The columns of messages.def, where they are explained. */
enum message_sender { MESSAGE_SENDER_ANSWER, MESSAGE_SENDER_ANY, MESSAGE_SENDER_SERVICE, MESSAGE_SENDER_WORKER };
enum message_about { MESSAGE_ABOUT_NOTHING, MESSAGE_ABOUT_JOBS, MESSAGE_ABOUT_OWN_ENTRY, MESSAGE_ABOUT_OWN_BUILDS };

enum message_sender message_sender(enum message_tag tag); /* of what is no message: ANSWER, nobody */
enum message_about message_about(enum message_tag tag);   /* … NOTHING */

/* Appends the fields of `message` as one msgpack array, in the order of their rows: text or nil, integer, boolean. A text over
 * its row's bound is STATUS_TOO_LARGE, one that is not UTF-8 STATUS_INVALID, with the field as path; `out` is then unchanged.
 */
CHECK_RESULT enum status message_pack(const struct message *message, struct text *out, struct error *err);

/* Reads exactly `length` bytes as the fields of a message `tag`; its texts are copied into `arena`. STATUS_INVALID for an
 * unknown tag, a wrong number or type of fields, a text over its bound or not UTF-8, and for bytes left over. */
CHECK_RESULT enum status message_unpack(enum message_tag tag, const void *bytes, size_t length, struct arena *arena,
                                        struct message *out, struct error *err);

#endif
