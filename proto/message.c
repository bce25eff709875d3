/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The rows of each message and record become a table of fields (name, type, offset in its struct, limits); two loops over such
 * a table pack and unpack any message. They call themselves for the records in it, no deeper than records are declared in each
 * other.
 */
#include "proto/message.h"

#include <string.h>

#include "lib/base/text.h"
#include "proto/wire.h"

enum field_type { FIELD_TEXT, FIELD_NUMBER, FIELD_REAL, FIELD_FLAG, FIELD_LIST, FIELD_OPTIONAL };

struct field;

/* A struct of fields: a message's or a record's. */
struct layout {
    const struct field *fields;
    size_t count;
    size_t size_bytes;
};

struct field {
    const char *name;
    enum field_type type;
    size_t offset;                 /* in its struct */
    size_t max_bytes;              /* of a text, or of a list's packed records */
    size_t max_count;              /* of a list */
    struct layout (*record)(void); /* of a list's items, of an optional record */
};

/* clang-format off */

/* message_layout_NAME(), record_layout_NAME(). `at` only provides the struct's type for offsetof(). The last row of a table is
 * not counted: a message may have no fields, and a table may not. */
#define BEGIN_TABLE(kind, struct_name)                                                                                         \
    static struct layout kind##_layout_##struct_name(void) {                                                                   \
        static const struct kind##_##struct_name *at = NULL;                                                                   \
        (void)at;                                                                                                              \
        static const struct field fields[] = {
#define END_TABLE                                                                                                              \
            {0}};                                                                                                              \
        return (struct layout){fields, sizeof fields / sizeof fields[0] - 1, sizeof *at};                                      \
    }
#define AT(field) #field, .offset = offsetof(__typeof__(*at), field)
#define MESSAGE(message_name, number, sender, about) BEGIN_TABLE(message, message_name)
#define RECORD(record_name)                          BEGIN_TABLE(record, record_name)
#define TEXT(field, bytes)                     {AT(field), .type = FIELD_TEXT, .max_bytes = (bytes)},
#define NUMBER(field)                          {AT(field), .type = FIELD_NUMBER},
#define REAL(field)                            {AT(field), .type = FIELD_REAL},
#define FLAG(field)                            {AT(field), .type = FIELD_FLAG},
#define LIST(field, of, items, bytes)                                                                                          \
    {AT(field), .type = FIELD_LIST, .max_bytes = (bytes), .max_count = (items), .record = record_layout_##of},
#define OPTIONAL(field, of)                    {AT(field), .type = FIELD_OPTIONAL, .record = record_layout_##of},
#define RECORD_END(record_name)                      END_TABLE
#define END(message_name)                            END_TABLE
#include "proto/messages.def"

/* False for an unknown tag. Two messages with the same tag, retired ones included, do not compile. */
static bool find_layout(enum message_tag tag, struct layout *out) {
    switch ((int)tag) {
#define RETIRED(name, number) case number: return false;
#define MESSAGE(name, number, sender, about) case MESSAGE_##name: *out = message_layout_##name(); return true;
#include "proto/messages.def"
    }
    return false;
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

/* Where in a message packing or unpacking is, for errors. */
struct place {
    enum message_tag tag;
    const struct place *above; /* the field that holds this record; NULL: the message itself */
    const struct field *field;
    size_t index; /* in the list */
};

/* Appends `lines[3].text`. */
static void append_path(struct text *out, const struct place *place) {
    if (place->above) {
        append_path(out, place->above);
        if (place->above->field->type == FIELD_LIST) text_append_format(out, "[%zu]", place->above->index);
        text_append_character(out, '.');
    }
    text_append(out, place->field->name);
}

/* Sets an error about the field: `The field "lines[3].text" of the message "build_log" …`. */
static enum status fail_at(struct error *err, enum status status, const struct place *place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static enum status fail_at(struct error *err, enum status status, const struct place *place, const char *format, ...) {
    struct text path = {0}, rest = {0};
    va_list arguments;
    va_start(arguments, format);
    text_append_format_list(&rest, format, arguments);
    va_end(arguments);
    append_path(&path, place);
    error_set_at(err, status, text_view(&path), "The field \"%s\" of the message \"%s\" %s", text_view(&path),
                 message_name(place->tag), text_view(&rest));
    text_release(&path);
    text_release(&rest);
    return status;
}

static enum status check_text(const struct place *place, const char *bytes, size_t length, struct error *err) {
    if (length > place->field->max_bytes)
        return fail_at(err, STATUS_TOO_LARGE, place, "has %zu bytes, more than the %zu that it may have.", length,
                       place->field->max_bytes);
    if (!text_is_utf8(bytes, length)) return fail_at(err, STATUS_INVALID, place, "is not valid UTF-8.");
    return STATUS_OK;
}

static enum status check_list_bytes(const struct place *place, size_t length, struct error *err) {
    if (length <= place->field->max_bytes) return STATUS_OK;
    return fail_at(err, STATUS_TOO_LARGE, place, "has more than the %zu bytes that it may have.", place->field->max_bytes);
}

static enum status check_list_count(const struct place *place, size_t count, struct error *err) {
    if (count <= place->field->max_count) return STATUS_OK;
    return fail_at(err, STATUS_TOO_LARGE, place, "has %zu items, more than the %zu that it may have.", count,
                   place->field->max_count);
}

/* The fields `struct record_NAME_list field` and `const struct record_NAME *field` of any record. */
struct any_list {
    const void *items;
    size_t count;
};

static struct any_list get_list(const void *at) {
    struct any_list list;
    memcpy(&list, at, sizeof list);
    return list;
}

static const void *get_pointer(const void *at) {
    const void *pointer;
    memcpy(&pointer, at, sizeof pointer);
    return pointer;
}

/* ---- Packing ---- */

static enum status pack_record(const struct layout *layout, const void *record, const struct place *above, enum message_tag tag,
                               struct text *out, struct error *err);

static enum status pack_text(const struct place *place, const char *text, struct text *out, struct error *err) {
    enum status status = text ? check_text(place, text, strlen(text), err) : STATUS_OK;
    if (!status) wire_write_text(out, text);
    return status;
}

static enum status pack_list(struct place *place, struct any_list list, struct text *out, struct error *err) {
    const struct layout layout = place->field->record();
    enum status status = check_list_count(place, list.count, err);
    if (status) return status;
    wire_write_array(out, list.count);
    size_t before = out->length;
    for (place->index = 0; !status && place->index < list.count; place->index++) {
        const char *item = (const char *)list.items + place->index * layout.size_bytes;
        status = pack_record(&layout, item, place, place->tag, out, err);
    }
    return status ? status : check_list_bytes(place, out->length - before, err);
}

static enum status pack_optional(const struct place *place, const void *record, struct text *out, struct error *err) {
    const struct layout layout = place->field->record();
    if (record) return pack_record(&layout, record, place, place->tag, out, err);
    wire_write_text(out, NULL);
    return STATUS_OK;
}

static enum status pack_record(const struct layout *layout, const void *record, const struct place *above, enum message_tag tag,
                               struct text *out, struct error *err) {
    enum status status = STATUS_OK;
    wire_write_array(out, layout->count);
    for (size_t i = 0; i < layout->count && !status; i++) {
        struct place place = {tag, above, &layout->fields[i], 0};
        const void *at = (const char *)record + place.field->offset;
        switch (place.field->type) {
        case FIELD_TEXT: status = pack_text(&place, *(const char *const *)at, out, err); break;
        case FIELD_NUMBER: wire_write_number(out, *(const int64_t *)at); break;
        case FIELD_REAL: wire_write_real(out, *(const double *)at); break;
        case FIELD_FLAG: wire_write_flag(out, *(const bool *)at); break;
        case FIELD_LIST: status = pack_list(&place, get_list(at), out, err); break;
        case FIELD_OPTIONAL: status = pack_optional(&place, get_pointer(at), out, err); break;
        }
    }
    return status;
}

enum status message_pack(const struct message *message, struct text *out, struct error *err) {
    struct layout layout;
    if (!find_layout(message->tag, &layout))
        return error_set(err, STATUS_INVALID, "Unknown message tag %d.", (int)message->tag);
    size_t length_before = out->length;
    enum status status = pack_record(&layout, &message->done, NULL, message->tag, out, err); /* all members begin there */
    if (status) {
        out->length = length_before;
        out->bytes[length_before] = '\0';
    }
    return status;
}

/* ---- Unpacking ---- */

static enum status unpack_record(struct wire_reader *reader, const struct layout *layout, const struct place *above,
                                 enum message_tag tag, struct arena *arena, void *record, struct error *err);

static enum status wrong_type(const struct place *place, struct error *err) {
    static const char *const types[] = {
        [FIELD_TEXT] = "a text",    [FIELD_NUMBER] = "an integer", [FIELD_REAL] = "a float",
        [FIELD_FLAG] = "a boolean", [FIELD_LIST] = "a list",       [FIELD_OPTIONAL] = "a record"};
    return fail_at(err, STATUS_INVALID, place, "is not %s, or cut off.", types[place->field->type]);
}

static enum status unpack_text(struct wire_reader *reader, const struct place *place, struct arena *arena, const char **out,
                               struct error *err) {
    const char *bytes = NULL;
    size_t length = 0;
    if (!wire_read_text(reader, &bytes, &length)) return wrong_type(place, err);
    enum status status = bytes ? check_text(place, bytes, length, err) : STATUS_OK;
    if (!status) *out = bytes ? arena_copy_bytes(arena, bytes, length) : NULL;
    return status;
}

/* An item takes a byte for its head and one for each field at least, so a count that does not fit into the rest is refused. */
static enum status unpack_list(struct wire_reader *reader, struct place *place, struct arena *arena, void *out,
                               struct error *err) {
    const struct layout layout = place->field->record();
    size_t count = 0;
    if (!wire_read_list(reader, &count)) return wrong_type(place, err);
    enum status status = check_list_count(place, count, err);
    if (status) return status;
    if (count > reader->left / (layout.count + 1)) return wrong_type(place, err);
    char *items = arena_alloc(arena, (count + 1) * layout.size_bytes);
    size_t left_before = reader->left;
    for (place->index = 0; !status && place->index < count; place->index++) {
        status = unpack_record(reader, &layout, place, place->tag, arena, items + place->index * layout.size_bytes, err);
        if (!status) status = check_list_bytes(place, left_before - reader->left, err);
    }
    memcpy(out, &(struct any_list){items, count}, sizeof(struct any_list));
    return status;
}

static enum status unpack_optional(struct wire_reader *reader, const struct place *place, struct arena *arena, void *out,
                                   struct error *err) {
    const struct layout layout = place->field->record();
    if (wire_read_nil(reader)) return STATUS_OK;
    void *record = arena_alloc(arena, layout.size_bytes);
    memcpy(out, &record, sizeof record);
    return unpack_record(reader, &layout, place, place->tag, arena, record, err);
}

static enum status wrong_count(const struct place *above, enum message_tag tag, size_t count, struct error *err) {
    if (!above) return error_set(err, STATUS_INVALID, "The message \"%s\" must have %zu fields.", message_name(tag), count);
    if (above->field->type == FIELD_OPTIONAL)
        return fail_at(err, STATUS_INVALID, above, "is not a record of %zu fields.", count);
    return fail_at(err, STATUS_INVALID, above, "has an item %zu that is not a record of %zu fields.", above->index, count);
}

/* `record` is zeroed. */
static enum status unpack_record(struct wire_reader *reader, const struct layout *layout, const struct place *above,
                                 enum message_tag tag, struct arena *arena, void *record, struct error *err) {
    enum status status = STATUS_OK;
    if (!wire_read_array(reader, layout->count)) return wrong_count(above, tag, layout->count, err);
    for (size_t i = 0; i < layout->count && !status; i++) {
        struct place place = {tag, above, &layout->fields[i], 0};
        void *at = (char *)record + place.field->offset;
        bool is_right = true;
        switch (place.field->type) {
        case FIELD_TEXT: status = unpack_text(reader, &place, arena, at, err); break;
        case FIELD_NUMBER: is_right = wire_read_number(reader, at); break;
        case FIELD_REAL: is_right = wire_read_real(reader, at); break;
        case FIELD_FLAG: is_right = wire_read_flag(reader, at); break;
        case FIELD_LIST: status = unpack_list(reader, &place, arena, at, err); break;
        case FIELD_OPTIONAL: status = unpack_optional(reader, &place, arena, at, err); break;
        }
        if (!is_right) status = wrong_type(&place, err);
    }
    return status;
}

enum status message_unpack(enum message_tag tag, const void *bytes, size_t length, struct arena *arena, struct message *out,
                           struct error *err) {
    memset(out, 0, sizeof *out); /* all of the union: absent fields are NULL */
    out->tag = tag;
    struct layout layout;
    if (!find_layout(tag, &layout))
        return error_set(err, STATUS_INVALID, "Unknown message tag %d: the other program may be of another release.", (int)tag);
    struct wire_reader reader = {bytes, length};
    enum status status = unpack_record(&reader, &layout, NULL, tag, arena, &out->done, err);
    if (!status && reader.left > 0)
        status = error_set(err, STATUS_INVALID, "The message \"%s\" is followed by %zu additional bytes.", message_name(tag),
                           reader.left);
    return status;
}
