/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/job/archive_blocks.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/json.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/tools/archive/gzip.h"

/* Far above any document: a limit for a file that unpacks without end. */
static const size_t unpacked_max_bytes = (size_t)2 << 30;

enum { BLOCK_BYTES = 128 * 1024, TRAILER_BYTES = 34, PLACE_BYTES = 8 };

/* The trailer: a gzip header with an extra field `RI` of 8 bytes (the place of the index, the lowest byte first), and an empty
 * content. */
static const unsigned char trailer_begin[] = {0x1F, 0x8B, 8, 4, 0, 0, 0, 0, 0, 0xFF, 12, 0, 'R', 'I', PLACE_BYTES, 0};
static const unsigned char trailer_end[] = {3, 0, 0, 0, 0, 0, 0, 0, 0, 0};
_Static_assert(sizeof trailer_begin + PLACE_BYTES + sizeof trailer_end == TRAILER_BYTES, "the size of the trailer");

static const char index_begin[] = "\n],\"index\":[", index_end[] = "\n]}";

/* ---- Reading ---- */

static enum status damaged(const struct archive_blocks *blocks, const char *problem, struct error *err) {
    return error_set(err, STATUS_INTERNAL, "%s cannot be read: %s", blocks->path, problem);
}

static enum status read_part(const struct archive_blocks *blocks, int64_t offset, int64_t length, struct text *out,
                             struct error *err) {
    char *to = text_reserve(out, (size_t)length);
    for (int64_t done = 0; done < length;) {
        ssize_t count = pread(blocks->file, to + done, (size_t)(length - done), offset + done);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return damaged(blocks, strerror(errno), err);
        if (count == 0) return damaged(blocks, "its end is missing.", err);
        done += count;
    }
    out->length += (size_t)length;
    out->bytes[out->length] = '\0';
    return STATUS_OK;
}

static enum status unpack_part(const struct archive_blocks *blocks, int64_t offset, int64_t end, struct text *out,
                               struct error *err) {
    struct text packed = {0};
    struct error problem;
    enum status status = read_part(blocks, offset, end - offset, &packed, err);
    if (!status && gzip_unpack(out, text_view(&packed), packed.length, unpacked_max_bytes, &problem))
        status = damaged(blocks, problem.message, err);
    text_release(&packed);
    return status;
}

/* Reads the place of the index from the trailer, if there is one. */
static enum status find_index(struct archive_blocks *blocks, struct error *err) {
    struct text trailer = {0};
    if (blocks->about.st_size < TRAILER_BYTES) return STATUS_OK;
    enum status status = read_part(blocks, blocks->about.st_size - TRAILER_BYTES, TRAILER_BYTES, &trailer, err);
    const unsigned char *bytes = (const unsigned char *)text_view(&trailer), *place = bytes + sizeof trailer_begin;
    if (!status && memcmp(bytes, trailer_begin, sizeof trailer_begin) == 0 &&
        memcmp(place + PLACE_BYTES, trailer_end, sizeof trailer_end) == 0) {
        uint64_t offset = 0;
        for (int i = PLACE_BYTES - 1; i >= 0; i--)
            offset = offset << 8 | place[i];
        blocks->has_index = true;
        blocks->index_offset = (int64_t)offset;
        if (offset == 0 || offset >= (uint64_t)(blocks->about.st_size - TRAILER_BYTES))
            status = damaged(blocks, "the place of its index is wrong.", err);
    }
    text_release(&trailer);
    return status;
}

/* Reads the entries. False: they are malformed, or not in order. */
static bool read_entries(struct archive_blocks *blocks, const json_t *list) {
    const json_t *entry;
    size_t i;
    blocks->count = json_array_size(list);
    blocks->blocks = memory_alloc((blocks->count + 1) * sizeof *blocks->blocks);
    blocks->blocks[blocks->count] = (struct archive_block){.time_ms = INT64_MAX, .offset = blocks->index_offset};
    json_array_foreach(list, i, entry) {
        struct archive_block *block = &blocks->blocks[i];
        *block =
            (struct archive_block){json_integer_value(json_array_get(entry, 0)), json_integer_value(json_array_get(entry, 1)),
                                   json_integer_value(json_array_get(entry, 2))};
        if (block->offset <= (i ? block[-1].offset : 0) || block->offset >= blocks->index_offset) return false;
        if (i && block->time_ms <= block[-1].time_ms) return false;
    }
    return json_is_array(list);
}

static enum status read_index(struct archive_blocks *blocks, struct error *err) {
    struct text index = {0};
    json_t *list = NULL;
    enum status status = unpack_part(blocks, blocks->index_offset, blocks->about.st_size - TRAILER_BYTES, &index, err);
    if (status) goto out;
    size_t before = strlen(index_begin) - 1, after = 1; /* all but the array */
    bool is_index = text_starts_with(text_view(&index), index_begin) && text_ends_with(text_view(&index), index_end) &&
                    json_read(&list, index.bytes + before, index.length - before - after, "The index", NULL) == STATUS_OK;
    if (!is_index || !read_entries(blocks, list)) status = damaged(blocks, "its index is malformed.", err);
out:
    json_decref(list);
    text_release(&index);
    return status;
}

enum status archive_blocks_open(struct archive_blocks *out, const char *path, struct error *err) {
    *out = (struct archive_blocks){.path = memory_copy_text(path), .file = open(path, O_RDONLY | O_CLOEXEC)};
    if (out->file < 0 && (errno == ENOENT || errno == ENOTDIR))
        return error_set(err, STATUS_NOT_FOUND, "There is no file %s.", path);
    if (out->file < 0 || fstat(out->file, &out->about) != 0) return damaged(out, strerror(errno), err);
    enum status status = find_index(out, err);
    if (!status && out->has_index) status = read_index(out, err);
    return status;
}

void archive_blocks_close(struct archive_blocks *blocks) {
    if (blocks->file >= 0) close(blocks->file);
    blocks->file = -1;
    free(blocks->path);
    free(blocks->blocks);
    text_release(&blocks->head);
    text_release(&blocks->block);
}

enum status archive_blocks_read_head(struct archive_blocks *blocks, const struct text **out, struct error *err) {
    int64_t end = blocks->has_index ? blocks->blocks[0].offset : blocks->about.st_size;
    *out = &blocks->head;
    return blocks->head.length ? STATUS_OK : unpack_part(blocks, 0, end, &blocks->head, err);
}

enum status archive_blocks_read(struct archive_blocks *blocks, size_t number, const struct text **out, struct error *err) {
    *out = &blocks->block;
    if (blocks->block.length && blocks->block_number == number) return STATUS_OK;
    text_clear(&blocks->block);
    enum status status =
        unpack_part(blocks, blocks->blocks[number].offset, blocks->blocks[number + 1].offset, &blocks->block, err);
    if (status) return status;
    text_append_character(&blocks->block, '\n');
    blocks->block_number = number;
    return STATUS_OK;
}

size_t archive_blocks_find(const struct archive_blocks *blocks, int64_t time_ms) {
    size_t low = 0, high = blocks->count; /* blocks[low] begins before, unless low is 0; blocks[high] does not */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (blocks->blocks[middle].time_ms < time_ms)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* ---- Writing ---- */

/* Writes the text as the next member, and empties it. */
static enum status write_member(struct archive_writer *writer, struct text *content, struct error *err) {
    struct text packed = {0};
    gzip_pack(&packed, text_view(content), content->length);
    enum status status = file_draft_append(&writer->draft, packed.bytes, packed.length, err);
    writer->offset += (int64_t)packed.length;
    text_release(&packed);
    text_clear(content);
    return status;
}

enum status archive_writer_open(struct archive_writer *writer, const char *path, const struct text *head, struct error *err) {
    *writer = (struct archive_writer){0};
    enum status status = file_draft_open(&writer->draft, path, err);
    text_append_bytes(&writer->block, text_view(head), head->length);
    return status ? status : write_member(writer, &writer->block, err);
}

enum status archive_writer_add(struct archive_writer *writer, int64_t ordinal, int64_t time_ms, const struct text *line,
                               struct error *err) {
    if (writer->block.length == 0)
        text_append_format(&writer->index, "%s\n[%" PRId64 ",%" PRId64 ",%" PRId64 "]", writer->has_lines ? "," : "", ordinal,
                           time_ms, writer->offset);
    text_append(&writer->block, writer->has_lines ? ",\n" : "\n");
    text_append_bytes(&writer->block, text_view(line), line->length);
    writer->has_lines = true;
    return writer->block.length < BLOCK_BYTES ? STATUS_OK : write_member(writer, &writer->block, err);
}

static enum status write_trailer(struct archive_writer *writer, int64_t index_offset, struct error *err) {
    unsigned char trailer[TRAILER_BYTES], *place = trailer + sizeof trailer_begin;
    memcpy(trailer, trailer_begin, sizeof trailer_begin);
    for (int i = 0; i < PLACE_BYTES; i++)
        place[i] = (unsigned char)((uint64_t)index_offset >> (8 * i));
    memcpy(place + PLACE_BYTES, trailer_end, sizeof trailer_end);
    return file_draft_append(&writer->draft, trailer, sizeof trailer, err);
}

enum status archive_writer_end(struct archive_writer *writer, struct error *err) {
    struct text index = {0};
    enum status status = writer->block.length ? write_member(writer, &writer->block, err) : STATUS_OK;
    int64_t index_offset = writer->offset;
    text_append(&index, index_begin);
    text_append(&index, text_view(&writer->index));
    text_append(&index, index_end);
    if (!status) status = write_member(writer, &index, err);
    if (!status) status = write_trailer(writer, index_offset, err);
    if (!status) status = file_draft_publish(&writer->draft, err);
    text_release(&index);
    return status;
}

void archive_writer_release(struct archive_writer *writer) {
    file_draft_release(&writer->draft);
    text_release(&writer->block);
    text_release(&writer->index);
}
