/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The pack, version 2 (git's gitformat-pack):
 *
 *   "PACK"  00 00 00 02  count (4)
 *   per object: type and length, [distance to its base], zlib(its bytes, or the delta)
 *   SHA-1 of all before
 *
 *   delta: length of the base, length of the object, then instructions:
 *     1sssoooo  which bytes of length and offset follow: copy from the base        0nnnnnnn  insert the n bytes that follow
 */
#include "lib/store/registry/registry_repo_pack.h"

#include <assert.h>
#include <git2/sys/odb_backend.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "lib/base/array.h"
#include "lib/base/hash.h"
#include "lib/base/map.h"
#include "lib/base/memory.h"

enum {
    MEMORY_PRIORITY = 1000, /* before the files on disk */
    HEADER_BYTES = 12,
    OBJECT_HEADER_MAX = 32, /* "commit LENGTH\0", which an object's id covers besides its bytes */
    OFFSET_DELTA = 6,       /* type of an object in a pack: a delta to one that is earlier in the pack */
    CHAIN_MAX = 50,         /* longest chain of deltas: reading the last object reads them all */
    COPY_MAX = 0xffff,      /* bytes in one instruction */
    INSERT_MAX = 0x7f,
    MEMORY_BYTES_MAX = 4 << 20, /* of objects that are written */
};

/* ---- Memory: a backend of the repository's ---- */

struct object {
    git_object_t type;
    char *bytes;
    size_t length;
    size_t entry; /* its entry in the pack that is being made; NOT_IN_PACK: it is in an earlier one */
};

#define NOT_IN_PACK SIZE_MAX

struct registry_pack_memory {
    git_odb_backend parent; /* first: libgit2 passes a pointer to it */
    struct map objects;     /* struct object, by hexadecimal id */
    size_t bytes;
};

static struct object *find_object(const struct registry_pack_memory *memory, const git_oid *id) {
    char key[GIT_OID_HEXSZ + 1];
    return map_find(&memory->objects, git_oid_tostr(key, sizeof key, id));
}

static struct object *remember(struct registry_pack_memory *memory, const git_oid *id, git_object_t type, const char *bytes,
                               size_t length) {
    char key[GIT_OID_HEXSZ + 1];
    struct object *object = memory_alloc(sizeof *object);
    *object = (struct object){.type = type, .length = length, .bytes = memory_alloc(length + 1)};
    if (length > 0) memcpy(object->bytes, bytes, length);
    map_put(&memory->objects, git_oid_tostr(key, sizeof key, id), object);
    memory->bytes += length;
    return object;
}

static void free_object(void *value) {
    struct object *object = value;
    free(object->bytes);
    free(object);
}

static void forget_all(struct registry_pack_memory *memory) {
    map_release(&memory->objects, free_object);
    memory->bytes = 0;
}

static int memory_read(void **bytes, size_t *length, git_object_t *type, git_odb_backend *backend, const git_oid *id) {
    const struct object *object = find_object((struct registry_pack_memory *)backend, id);
    if (!object) return GIT_ENOTFOUND;
    *bytes = git_odb_backend_data_alloc(backend, object->length + 1);
    if (!*bytes) return GIT_ERROR;
    memcpy(*bytes, object->bytes, object->length + 1);
    *length = object->length;
    *type = object->type;
    return 0;
}

static int memory_read_header(size_t *length, git_object_t *type, git_odb_backend *backend, const git_oid *id) {
    const struct object *object = find_object((struct registry_pack_memory *)backend, id);
    if (!object) return GIT_ENOTFOUND;
    *length = object->length;
    *type = object->type;
    return 0;
}

static int memory_exists(git_odb_backend *backend, const git_oid *id) {
    return find_object((struct registry_pack_memory *)backend, id) != NULL;
}

static void memory_free(git_odb_backend *backend) {
    forget_all((struct registry_pack_memory *)backend);
    free(backend);
}

static struct registry_pack_memory *memory_create(void) {
    struct registry_pack_memory *memory = memory_alloc(sizeof *memory);
    git_odb_init_backend(&memory->parent, GIT_ODB_BACKEND_VERSION);
    memory->parent.read = memory_read;
    memory->parent.read_header = memory_read_header;
    memory->parent.exists = memory_exists;
    memory->parent.free = memory_free;
    return memory;
}

/* ---- The pack ---- */

static char *folder_of_packs(git_repository *git) {
    struct text folder = {0};
    text_append_format(&folder, "%sobjects/pack", git_repository_commondir(git)); /* which ends in a slash */
    return folder.bytes;
}

int registry_pack_init(struct registry_pack *pack, git_repository *git, bool is_durable) {
    *pack = (struct registry_pack){.is_durable = is_durable, .folder = folder_of_packs(git)};
    pack->zlib = memory_alloc(sizeof *pack->zlib);
    struct registry_pack_memory *memory = memory_create();
    int code = deflateInit(pack->zlib, Z_BEST_SPEED) == Z_OK ? 0 : GIT_ERROR;
    if (code == 0) code = git_repository_odb(&pack->odb, git);
    if (code == 0) code = git_odb_add_backend(pack->odb, &memory->parent, MEMORY_PRIORITY);
    if (code == 0) {
        pack->memory = memory; /* owned by the odb now */
        return 0;
    }
    memory_free(&memory->parent);
    registry_pack_release(pack);
    return code;
}

void registry_pack_release(struct registry_pack *pack) {
    if (pack->memory) forget_all(pack->memory);
    if (pack->zlib) deflateEnd(pack->zlib);
    free(pack->zlib);
    git_odb_free(pack->odb);
    text_release(&pack->bytes);
    free(pack->folder);
    free(pack->entries);
    *pack = (struct registry_pack){0};
}

void registry_pack_clear(struct registry_pack *pack) {
    if (pack->memory && pack->count > 0) forget_all(pack->memory);
    text_clear(&pack->bytes);
    pack->count = 0;
    pack->is_sealed = false;
}

/* ---- Deltas ---- */

/* Seven bits per byte, the lowest first. */
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

static void append_difference(struct text *out, const struct registry_pack_base *base, const char *bytes, size_t length) {
    assert(base->before + base->after <= base->length && base->before + base->after <= length);
    append_size(out, base->length);
    append_size(out, length);
    append_copy(out, 0, base->before);
    append_insert(out, bytes + base->before, length - base->before - base->after);
    append_copy(out, base->length - base->after, base->after);
}

/* ---- Objects ---- */

/* Blobs contain bytes from strangers: libgit2's SHA-1 detects collision attacks. The other objects are ours, and OpenSSL's
 * SHA-1 is several times as fast. */
static int hash_object(git_oid *out, git_object_t type, const char *bytes, size_t length) {
    if (type == GIT_OBJECT_BLOB) return git_odb_hash(out, bytes, length, type);
    struct text whole = {0};
    text_reserve(&whole, OBJECT_HEADER_MAX + length);
    text_append_format(&whole, "%s %zu", git_object_type2string(type), length);
    text_append_bytes(&whole, "", 1);
    text_append_bytes(&whole, bytes, length);
    hash_sha1(whole.bytes, whole.length, out->id);
    text_release(&whole);
    return 0;
}

static const struct registry_pack_entry *find_base(const struct registry_pack *pack, const struct registry_pack_base *base) {
    const struct object *found = base && base->length <= UINT32_MAX ? find_object(pack->memory, &base->id) : NULL;
    if (!found || found->entry == NOT_IN_PACK) return NULL;
    const struct registry_pack_entry *entry = &pack->entries[found->entry];
    return entry->chain < CHAIN_MAX ? entry : NULL;
}

static void append_object_header(struct text *out, int type, size_t length) {
    size_t rest = length >> 4;
    text_append_character(out, (char)((rest ? 0x80 : 0) | type << 4 | (int)(length & 0x0f)));
    if (rest) append_size(out, rest);
}

/* Seven bits per byte, the highest first; each byte but the last stands for one more than its bits. */
static void append_distance(struct text *out, size_t distance) {
    unsigned char digits[10];
    size_t at = sizeof digits - 1;
    digits[at] = distance & 0x7f;
    while (distance >>= 7)
        digits[--at] = (unsigned char)(0x80 | (--distance & 0x7f));
    text_append_bytes(out, digits + at, sizeof digits - at);
}

static void append_packed(struct registry_pack *pack, int level, const char *bytes, size_t length) {
    z_stream *zlib = pack->zlib;
    deflateReset(zlib);
    int code = deflateParams(zlib, level, Z_DEFAULT_STRATEGY);
    size_t room = deflateBound(zlib, length) + OBJECT_HEADER_MAX;
    zlib->next_out = (Bytef *)text_reserve(&pack->bytes, room + 1);
    zlib->avail_out = (uInt)room;
    zlib->next_in = (Bytef *)(uintptr_t)bytes;
    zlib->avail_in = (uInt)length;
    if (code == Z_OK) code = deflate(zlib, Z_FINISH);
    assert(code == Z_STREAM_END); /* there is room for it */
    pack->bytes.length += room - zlib->avail_out;
    pack->bytes.bytes[pack->bytes.length] = '\0';
}

static void append_object(struct registry_pack *pack, struct registry_pack_entry *entry, git_object_t type, const char *bytes,
                          size_t length, const struct registry_pack_base *base) {
    const struct registry_pack_entry *parent = find_base(pack, base);
    entry->offset = pack->bytes.length;
    if (parent) {
        struct text difference = {0};
        append_difference(&difference, base, bytes, length);
        entry->chain = parent->chain + 1;
        append_object_header(&pack->bytes, OFFSET_DELTA, difference.length);
        append_distance(&pack->bytes, entry->offset - parent->offset);
        append_packed(pack, Z_BEST_SPEED, difference.bytes, difference.length);
        text_release(&difference);
    } else {
        append_object_header(&pack->bytes, type, length);
        append_packed(pack, type == GIT_OBJECT_TREE ? Z_NO_COMPRESSION : Z_BEST_SPEED, bytes, length); /* ids do not compress */
    }
    entry->checksum =
        (uint32_t)crc32(0, (const Bytef *)pack->bytes.bytes + entry->offset, (uInt)(pack->bytes.length - entry->offset));
}

static void begin_pack(struct registry_pack *pack) {
    static const char header[HEADER_BYTES] = "PACK\0\0\0\2";
    text_append_bytes(&pack->bytes, header, sizeof header);
}

int registry_pack_add(struct registry_pack *pack, git_oid *out, git_object_t type, const char *bytes, size_t length,
                      const struct registry_pack_base *base) {
    int code = length > INT_MAX ? GIT_ERROR : hash_object(out, type, bytes, length);
    if (code < 0) return code;
    assert(!pack->is_sealed);
    struct object *object = find_object(pack->memory, out);
    if (object && object->entry != NOT_IN_PACK) return 0; /* this pack has it already */
    if (pack->count == 0) begin_pack(pack);
    pack->entries = array_grow(pack->entries, pack->count, &pack->capacity, sizeof *pack->entries);
    struct registry_pack_entry *entry = &pack->entries[pack->count];
    *entry = (struct registry_pack_entry){.id = *out};
    append_object(pack, entry, type, bytes, length, base);
    if (!object) object = remember(pack->memory, out, type, bytes, length);
    object->entry = pack->count++;
    return 0;
}

const char *registry_pack_find(const struct registry_pack *pack, const git_oid *id, size_t *length) {
    const struct object *object = find_object(pack->memory, id);
    if (object) *length = object->length;
    return object ? object->bytes : NULL;
}

/* The written objects are not in the next pack. */
static void begin_next(struct registry_pack *pack) {
    struct registry_pack_memory *memory = pack->memory;
    for (size_t i = 0; i < pack->count; i++)
        find_object(memory, &pack->entries[i].id)->entry = NOT_IN_PACK;
    pack->count = 0;
    pack->is_sealed = false;
    text_clear(&pack->bytes);
    if (memory->bytes > MEMORY_BYTES_MAX) forget_all(memory);
}

const struct text *registry_pack_seal(struct registry_pack *pack) {
    if (pack->is_sealed) return &pack->bytes;
    if (pack->count == 0) begin_pack(pack);
    for (int i = 0; i < 4; i++)
        pack->bytes.bytes[8 + i] = (char)(pack->count >> (24 - 8 * i));
    unsigned char digest[SHA1_BYTES];
    hash_sha1(pack->bytes.bytes, pack->bytes.length, digest);
    text_append_bytes(&pack->bytes, digest, sizeof digest);
    pack->is_sealed = true;
    return &pack->bytes;
}

enum status registry_pack_write(struct registry_pack *pack, struct error *err) {
    if (pack->count == 0) return STATUS_OK;
    registry_pack_seal(pack);
    enum status status =
        registry_pack_file_write(pack->folder, &pack->bytes, pack->entries, pack->count, pack->is_durable, err);
    if (status)
        registry_pack_clear(pack);
    else
        begin_next(pack);
    return status;
}
