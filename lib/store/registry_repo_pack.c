/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The pack, version 2 (git's gitformat-pack):
 *
 *   "PACK"  00 00 00 02  count (4)
 *   per object: type and length, [how far back its base begins], zlib(its bytes, or the difference)
 *   SHA-1 of all before
 *
 *   difference: length of the base, length of the object, then pieces:
 *     1ooosss  offset and length of what is copied from the base        0nnnnnnn  n bytes follow
 */
#include "lib/store/registry_repo_pack.h"

#include <git2/sys/mempack.h>
#include <git2/sys/odb_backend.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "lib/base/hash.h"
#include "lib/base/memory.h"

enum {
    MEMORY_PRIORITY = 1000, /* before the files: what is written goes here */
    HEADER_BYTES = 12,
    OFFSET_DELTA = 6,  /* an object's type in a pack: a difference from one further up */
    CHAIN_MAX = 50,    /* differences from differences: reading the last one reads them all */
    COPY_MAX = 0xffff, /* bytes in one piece */
    INSERT_MAX = 0x7f,
};

struct registry_pack_object {
    git_oid id;
    size_t offset;
    int chain; /* how many differences it takes */
};

int registry_pack_init(struct registry_pack *pack, git_repository *git) {
    *pack = (struct registry_pack){0};
    int code = git_repository_odb(&pack->odb, git);
    if (code == 0) code = git_mempack_new(&pack->memory);
    if (code == 0) code = git_odb_add_backend(pack->odb, pack->memory, MEMORY_PRIORITY);
    return code;
}

void registry_pack_clear(struct registry_pack *pack) {
    if (pack->memory) git_mempack_reset(pack->memory);
    text_clear(&pack->bytes);
    pack->count = 0;
}

void registry_pack_release(struct registry_pack *pack) {
    git_odb_free(pack->odb);
    text_release(&pack->bytes);
    free(pack->objects);
    *pack = (struct registry_pack){0};
}

/* ---- Differences ---- */

/* Seven bits a byte, the lowest first. */
static void append_size(struct text *out, size_t size) {
    for (; size >= 0x80; size >>= 7)
        text_append_character(out, (char)(0x80 | (size & 0x7f)));
    text_append_character(out, (char)size);
}

static void append_copy(struct text *out, size_t offset, size_t length) {
    while (length > 0) {
        size_t piece = length < COPY_MAX ? length : COPY_MAX;
        text_append_character(out, (char)(0x80 | 0x0f | 0x30));
        for (int shift = 0; shift < 32; shift += 8)
            text_append_character(out, (char)(offset >> shift));
        for (int shift = 0; shift < 16; shift += 8)
            text_append_character(out, (char)(piece >> shift));
        offset += piece;
        length -= piece;
    }
}

static void append_insert(struct text *out, const char *bytes, size_t length) {
    while (length > 0) {
        size_t piece = length < INSERT_MAX ? length : INSERT_MAX;
        text_append_character(out, (char)piece);
        text_append_bytes(out, bytes, piece);
        bytes += piece;
        length -= piece;
    }
}

/* What both have at their beginning, then what is new, then what both have at their end. */
static void append_difference(struct text *out, const struct registry_pack_base *base, const char *bytes, size_t length) {
    size_t least = base->length < length ? base->length : length, before = 0, after = 0;
    while (before < least && base->bytes[before] == bytes[before])
        before++;
    while (after < least - before && base->bytes[base->length - 1 - after] == bytes[length - 1 - after])
        after++;
    append_size(out, base->length);
    append_size(out, length);
    append_copy(out, 0, before);
    append_insert(out, bytes + before, length - before - after);
    append_copy(out, base->length - after, after);
}

/* ---- Objects ---- */

static const struct registry_pack_object *find_object(const struct registry_pack *pack, const git_oid *id) {
    for (size_t i = pack->count; i-- > 0;)
        if (git_oid_equal(&pack->objects[i].id, id)) return &pack->objects[i];
    return NULL;
}

static const struct registry_pack_object *find_base(const struct registry_pack *pack, const struct registry_pack_base *base) {
    const struct registry_pack_object *found = base && base->length <= UINT32_MAX ? find_object(pack, &base->id) : NULL;
    return found && found->chain < CHAIN_MAX ? found : NULL;
}

static void append_object_header(struct text *out, int type, size_t length) {
    size_t rest = length >> 4;
    text_append_character(out, (char)((rest ? 0x80 : 0) | type << 4 | (int)(length & 0x0f)));
    if (rest) append_size(out, rest);
}

/* Seven bits a byte, the highest first, each byte but the last standing for one more than it says. */
static void append_distance(struct text *out, size_t distance) {
    unsigned char digits[10];
    size_t at = sizeof digits - 1;
    digits[at] = distance & 0x7f;
    while (distance >>= 7)
        digits[--at] = (unsigned char)(0x80 | (--distance & 0x7f));
    text_append_bytes(out, digits + at, sizeof digits - at);
}

static int append_packed(struct text *out, const void *bytes, size_t length) {
    uLongf packed = compressBound(length);
    Bytef *room = (Bytef *)text_reserve(out, packed + 1);
    int code = compress2(room, &packed, bytes, length, Z_BEST_SPEED);
    if (code != Z_OK) return GIT_ERROR;
    out->length += packed;
    out->bytes[out->length] = '\0';
    return 0;
}

int registry_pack_add(struct registry_pack *pack, git_oid *out, git_object_t type, const void *bytes, size_t length,
                      const struct registry_pack_base *base) {
    int code = git_odb_hash(out, bytes, length, type);
    if (code < 0 || find_object(pack, out)) return code;                /* made twice, it stands there once */
    code = pack->memory->write(pack->memory, out, bytes, length, type); /* git_odb_write() would look for it in every pack */
    if (code < 0) return code;
    if (pack->count == 0) {
        static const char header[HEADER_BYTES] = "PACK\0\0\0\2";
        text_append_bytes(&pack->bytes, header, sizeof header);
    }
    const struct registry_pack_object *parent = find_base(pack, base);
    struct registry_pack_object object = {.id = *out, .offset = pack->bytes.length};
    if (parent) {
        struct text difference = {0};
        append_difference(&difference, base, bytes, length);
        object.chain = parent->chain + 1;
        append_object_header(&pack->bytes, OFFSET_DELTA, difference.length);
        append_distance(&pack->bytes, object.offset - parent->offset);
        code = append_packed(&pack->bytes, difference.bytes, difference.length);
        text_release(&difference);
    } else {
        append_object_header(&pack->bytes, type, length);
        code = append_packed(&pack->bytes, bytes, length);
    }
    if (pack->count % 256 == 0) pack->objects = memory_resize(pack->objects, pack->count + 256, sizeof *pack->objects);
    pack->objects[pack->count++] = object;
    return code;
}

int registry_pack_write(struct registry_pack *pack) {
    git_odb_writepack *writer = NULL;
    git_indexer_progress progress = {0};
    if (pack->count == 0) return 0;
    for (int i = 0; i < 4; i++)
        pack->bytes.bytes[8 + i] = (char)(pack->count >> (24 - 8 * i));
    unsigned char digest[SHA1_BYTES];
    hash_sha1(pack->bytes.bytes, pack->bytes.length, digest);
    text_append_bytes(&pack->bytes, digest, sizeof digest);

    int code = git_odb_write_pack(&writer, pack->odb, NULL, NULL);
    if (code == 0) code = writer->append(writer, pack->bytes.bytes, pack->bytes.length, &progress);
    if (code == 0) code = writer->commit(writer, &progress);
    if (writer) writer->free(writer);
    registry_pack_clear(pack);
    return code;
}
