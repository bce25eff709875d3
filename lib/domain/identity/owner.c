/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/identity/owner.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/hash.h"
#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/domain/package/json_fields.h"

static const char *const key_types[OWNER_KEY_COUNT] = {
#define OWNER_KEY(name, text) [OWNER_KEY_##name] = text,
    OWNER_KEY_TABLE(OWNER_KEY)
#undef OWNER_KEY
};

static enum status read_owner(struct owner *out, const json_t *object, struct arena *arena, struct error *err) {
    *out = (struct owner){0};
    enum status status = json_must_be_object(object, "An owner", err);
    if (status) return status;
    status = json_want_copy(object, "id", &out->id, arena, err);
    if (!status) status = json_need_copy(object, "keytype", &out->key_type, arena, err);
    if (!status) status = json_need_copy(object, "public", &out->public_key, arena, err);
    return status;
}

enum status owners_read(struct owners *out, const json_t *array, struct arena *arena, struct error *err) {
    *out = (struct owners){0};
    if (!array) return STATUS_OK;
    if (json_array_size(array) == 0)
        return error_set(err, STATUS_INVALID, "The list of owners must not be empty: leave the field out if there are none.");
    out->items = arena_alloc(arena, json_array_size(array) * sizeof *out->items);
    size_t index;
    const json_t *item;
    json_array_foreach(array, index, item) {
        enum status status = within_item(index, read_owner(&out->items[index], item, arena, err), err);
        if (status) return status;
        out->count++;
    }
    return STATUS_OK;
}

static bool find_key_type(const char *text, enum owner_key *key) {
    for (int i = 0; i < OWNER_KEY_COUNT; i++) {
        if (!text_equal(text, key_types[i])) continue;
        *key = (enum owner_key)i;
        return true;
    }
    return false;
}

static const char *copy_word(const char **at, struct arena *arena) {
    static const char blanks[] = " \t";
    *at += strspn(*at, blanks);
    const char *word = arena_copy_bytes(arena, *at, strcspn(*at, blanks));
    *at += strlen(word);
    return word;
}

enum status owner_parse_line(struct owner *out, const char *line, struct arena *arena, struct error *err) {
    *out = (struct owner){0};
    size_t length = strcspn(line, "\r\n");
    const char *at = arena_copy_bytes(arena, line, length);
    out->key_type = copy_word(&at, arena);
    out->public_key = copy_word(&at, arena);
    at += strspn(at, " \t");
    if (*at) out->id = at;
    if (*out->public_key && line[length + strspn(line + length, "\r\n")] == '\0') return STATUS_OK;
    return error_set(err, STATUS_INVALID,
                     "A public key must be one line as in OpenSSH's \".pub\" files: the key's type, the key, and a comment.");
}

/* True if the wire form begins with the type's name: four bytes of length, most significant first, then the name. */
static bool wire_names_type(const unsigned char *wire, size_t wire_bytes, const char *type) {
    size_t length = strlen(type);
    if (wire_bytes < 4 + length) return false;
    size_t stated = (size_t)wire[0] << 24 | (size_t)wire[1] << 16 | (size_t)wire[2] << 8 | (size_t)wire[3];
    return stated == length && memcmp(wire + 4, type, length) == 0;
}

enum status owner_decode(const struct owner *owner, struct arena *arena, enum owner_key *key, unsigned char **wire,
                         size_t *wire_bytes, struct error *err) {
    if (!find_key_type(owner->key_type, key))
        return error_set_at(err, STATUS_INVALID, "keytype",
                            "\"%s\" is not a key type that the registry knows: use a key of type ssh-ed25519.",
                            owner->key_type);
    if (!hash_base64_decode(arena, owner->public_key, wire, wire_bytes))
        return error_set_at(err, STATUS_INVALID, "public",
                            "The public key is not base64: it must be the middle part of the line in the \".pub\" file.");
    if (!wire_names_type(*wire, *wire_bytes, owner->key_type))
        return error_set_at(err, STATUS_INVALID, "public", "The public key is not a key of type \"%s\", as \"keytype\" says.",
                            owner->key_type);
    return STATUS_OK;
}

const char *owner_fingerprint(const struct owner *owner, struct arena *arena) {
    unsigned char *wire, sum[SHA256_BYTES];
    size_t length;
    if (!hash_base64_decode(arena, owner->public_key, &wire, &length)) return NULL;
    hash_sha256(wire, length, sum);
    char *text = hash_base64_encode(arena, sum, sizeof sum);
    text[strcspn(text, "=")] = '\0';
    return arena_format(arena, "SHA256:%s", text);
}

static void write_owner(struct json_writer *writer, const struct owner *owner) {
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "id", owner->id);
    json_writer_text_field(writer, "keytype", owner->key_type);
    json_writer_text_field(writer, "public", owner->public_key);
    json_writer_close(writer, '}');
}

void owners_write(struct json_writer *writer, const struct owners *owners) {
    json_writer_open(writer, '[');
    for (size_t i = 0; i < owners->count; i++) {
        json_writer_item(writer);
        write_owner(writer, &owners->items[i]);
    }
    json_writer_close(writer, ']');
}
