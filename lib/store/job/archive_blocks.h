/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The file of an archived job (job_archive.h): gzip members one after another, so that `zcat` unpacks the whole document, and a
 * reader any part of it.
 *
 *   head                 the document up to its log
 *   block, block, …      lines of the log, over a hundred kB each (unpacked)
 *   index                the rest of the document; in it for each block the ordinal and time of its first line, and its place
 *   trailer              an empty member of fixed size, which has the index's place in an extra field
 *
 * A file of an earlier release is a single member without a trailer.
 */
#ifndef LIB_STORE_JOB_ARCHIVE_BLOCKS_H
#define LIB_STORE_JOB_ARCHIVE_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "lib/base/folder.h"
#include "lib/base/text.h"

/* ---- Reading ---- */

struct archive_block {
    int64_t ordinal; /* of its first line; 0: unknown */
    int64_t time_ms;
    int64_t offset;
};

/* An open file; its functions may be called from one thread at a time. */
struct archive_blocks {
    int file;
    char *path;
    struct stat about;
    int64_t index_offset;
    struct archive_block
        *blocks; /* in their order; the next member's offset, that of the index, is in the entry after the last */
    size_t count;
    bool has_index; /* false: of an earlier release, a single member */

    /* Unpacked last; empty: nothing yet. */
    struct text head, block;
    size_t block_number;
};

/* archive_blocks_close() must follow in any case. STATUS_NOT_FOUND, STATUS_INTERNAL (damaged). */
CHECK_RESULT enum status archive_blocks_open(struct archive_blocks *out, const char *path, struct error *err);
void archive_blocks_close(struct archive_blocks *blocks);

/* The unpacked head (without an index: the whole document), or a block, with a line break added at its end; until the next call
 * of this function. */
CHECK_RESULT enum status archive_blocks_read_head(struct archive_blocks *blocks, const struct text **out, struct error *err);
CHECK_RESULT enum status archive_blocks_read(struct archive_blocks *blocks, size_t number, const struct text **out,
                                             struct error *err);

/* The last block that begins before that time; the first one if none does. There must be one. */
size_t archive_blocks_find(const struct archive_blocks *blocks, int64_t time_ms);

/* ---- Writing ---- */

struct archive_writer {
    struct file_draft draft;
    int64_t offset;    /* of the next member */
    struct text block; /* the lines of the next block */
    struct text index; /* the index's entries so far */
    bool has_lines;
};

/* Begins with the head, which ends where the lines of the log begin. archive_writer_release() must follow in any case. */
CHECK_RESULT enum status archive_writer_open(struct archive_writer *writer, const char *path, const struct text *head,
                                             struct error *err);

/* Adds a line that has this place; `line` is its JSON. */
CHECK_RESULT enum status archive_writer_add(struct archive_writer *writer, int64_t ordinal, int64_t time_ms,
                                            const struct text *line, struct error *err);

/* Writes the rest. On return the whole file is on disk under its name. */
CHECK_RESULT enum status archive_writer_end(struct archive_writer *writer, struct error *err);
void archive_writer_release(struct archive_writer *writer);

#endif
