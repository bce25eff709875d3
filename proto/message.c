/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Each message's rows become a table of fields (name, type, offset in its struct, limit); two loops over such a table pack and
 * unpack any message.
 */
#include "proto/message.h"

#include <string.h>

#include "lib/base/text.h"
#include "proto/wire.h"

enum field_type { FIELD_TEXT, FIELD_NUMBER, FIELD_FLAG };

struct field {
    const char *name; /* NULL: end of the table */
    enum field_type type;
    size_t offset;    /* in struct message_NAME */
    size_t max_bytes; /* of a text */
};

/* clang-format off */

/* fields_of_NAME(). `at` only provides the struct's type for offsetof(). */
#define MESSAGE(message_name, number, sender, about)                                                                           \
    static const struct field *fields_of_##message_name(void) {                                                                \
        static const struct message_##message_name *at = NULL;                                                                 \
        (void)at;                                                                                                              \
        static const struct field fields[] = {
#define TEXT(field, max_bytes) {#field, FIELD_TEXT, offsetof(__typeof__(*at), field), max_bytes},
#define NUMBER(field)          {#field, FIELD_NUMBER, offsetof(__typeof__(*at), field), 0},
#define FLAG(field)            {#field, FIELD_FLAG, offsetof(__typeof__(*at), field), 0},
#define END(message_name)                                                                                                      \
            {NULL, 0, 0, 0}};                                                                                                  \
        return fields;                                                                                                         \
    }
#include "proto/messages.def"

/* NULL for an unknown tag. Two messages with the same tag, retired ones included, do not compile. */
static const struct field *fields_of(enum message_tag tag) {
    switch ((int)tag) {
#define RETIRED(name, number) case number: return NULL;
#define MESSAGE(name, number, sender, about) case MESSAGE_##name: return fields_of_##name();
#include "proto/messages.def"
    }
    return NULL;
}

const char *message_name(enum message_tag tag) {
    switch (tag) {
#define MESSAGE(name, number, sender, about) case MESSAGE_##name: return #name;
#include "proto/messages.def"
    }
    return NULL;
}

enum message_sender message_sender(enum message_tag tag) {
    switch (tag) {
#define MESSAGE(name, number, sender, about) case MESSAGE_##name: return MESSAGE_SENDER_##sender;
#include "proto/messages.def"
    }
    return MESSAGE_SENDER_ANSWER;
}

enum message_about message_about(enum message_tag tag) {
    switch (tag) {
#define MESSAGE(name, number, sender, about) case MESSAGE_##name: return MESSAGE_ABOUT_##about;
#include "proto/messages.def"
    }
    return MESSAGE_ABOUT_NOTHING;
}

/* clang-format on */

static size_t count_fields(const struct field *fields) {
    size_t count = 0;
    while (fields[count].name)
        count++;
    return count;
}

/* All members of the union begin at its address. */
static void *field_of(struct message *message, const struct field *field) {
    return (char *)&message->done + field->offset;
}

static const void *const_field_of(const struct message *message, const struct field *field) {
    return (const char *)&message->done + field->offset;
}

static enum status check_text(const struct message *message, const struct field *field, const char *bytes, size_t length,
                              struct error *err) {
    if (length > field->max_bytes)
        return error_set_at(err, STATUS_TOO_LARGE, field->name,
                            "The field \"%s\" of the message \"%s\" has %zu bytes, more than the %zu that it may have.",
                            field->name, message_name(message->tag), length, field->max_bytes);
    if (!text_is_utf8(bytes, length))
        return error_set_at(err, STATUS_INVALID, field->name, "The field \"%s\" of the message \"%s\" is not valid UTF-8.",
                            field->name, message_name(message->tag));
    return STATUS_OK;
}

static enum status pack_text(const struct message *message, const struct field *field, struct text *out, struct error *err) {
    const char *text = *(const char *const *)const_field_of(message, field);
    enum status status = text ? check_text(message, field, text, strlen(text), err) : STATUS_OK;
    if (!status) wire_write_text(out, text);
    return status;
}

enum status message_pack(const struct message *message, struct text *out, struct error *err) {
    const struct field *fields = fields_of(message->tag);
    if (!fields) return error_set(err, STATUS_INVALID, "There is no message with the tag %d.", (int)message->tag);
    size_t length_before = out->length;
    enum status status = STATUS_OK;
    wire_write_array(out, count_fields(fields));
    for (const struct field *field = fields; field->name && !status; field++) {
        switch (field->type) {
        case FIELD_TEXT: status = pack_text(message, field, out, err); break;
        case FIELD_NUMBER: wire_write_number(out, *(const int64_t *)const_field_of(message, field)); break;
        case FIELD_FLAG: wire_write_flag(out, *(const bool *)const_field_of(message, field)); break;
        }
    }
    if (status) {
        out->length = length_before;
        out->bytes[length_before] = '\0';
    }
    return status;
}

static enum status wrong_type(const struct message *message, const struct field *field, struct error *err) {
    static const char *const types[] = {[FIELD_TEXT] = "a text", [FIELD_NUMBER] = "an integer", [FIELD_FLAG] = "a boolean"};
    return error_set_at(err, STATUS_INVALID, field->name, "The field \"%s\" of the message \"%s\" is not %s, or cut off.",
                        field->name, message_name(message->tag), types[field->type]);
}

static enum status unpack_text(struct wire_reader *reader, const struct field *field, struct arena *arena, struct message *out,
                               struct error *err) {
    const char *bytes = NULL;
    size_t length = 0;
    if (!wire_read_text(reader, &bytes, &length)) return wrong_type(out, field, err);
    enum status status = bytes ? check_text(out, field, bytes, length, err) : STATUS_OK;
    if (!status) *(const char **)field_of(out, field) = bytes ? arena_copy_bytes(arena, bytes, length) : NULL;
    return status;
}

static enum status unpack_field(struct wire_reader *reader, const struct field *field, struct arena *arena, struct message *out,
                                struct error *err) {
    bool is_right = true;
    switch (field->type) {
    case FIELD_TEXT: return unpack_text(reader, field, arena, out, err);
    case FIELD_NUMBER: is_right = wire_read_number(reader, field_of(out, field)); break;
    case FIELD_FLAG: is_right = wire_read_flag(reader, field_of(out, field)); break;
    }
    return is_right ? STATUS_OK : wrong_type(out, field, err);
}

enum status message_unpack(enum message_tag tag, const void *bytes, size_t length, struct arena *arena, struct message *out,
                           struct error *err) {
    *out = (struct message){.tag = tag};
    const struct field *fields = fields_of(tag);
    if (!fields)
        return error_set(err, STATUS_INVALID,
                         "There is no message with the tag %d here; the other program may be of another version.", (int)tag);
    struct wire_reader reader = {bytes, length};
    if (!wire_read_array(&reader, count_fields(fields)))
        return error_set(err, STATUS_INVALID, "The message \"%s\" does not have %zu fields.", message_name(tag),
                         count_fields(fields));
    enum status status = STATUS_OK;
    for (const struct field *field = fields; field->name && !status; field++)
        status = unpack_field(&reader, field, arena, out, err);
    if (!status && reader.left > 0)
        status = error_set(err, STATUS_INVALID, "The message \"%s\" is followed by %zu bytes too many.", message_name(tag),
                           reader.left);
    return status;
}
