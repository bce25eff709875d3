/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Finished jobs that have left Redis (lib/store/README.md, Keeping), in the storage folder: a gzipped JSON document each, with
 * the log and an index of it.
 *
 *   STORAGE_DIR/_jobs/3f/3f2c0d4e-….json.gz
 *
 *   {"id": …, "kind": "publish", "state": "succeeded", "createdAt": 1764000000123, …, "log": [
 *   {"time": 1764000000456, "ordinal": 1, "level": "INFO", "attempt": 1, "number": 1, "message": …},
 *   …
 *   ], "index": [
 *   …
 *   ]}
 *
 * The line breaks are part of the format, and the only ones (there are no spaces, unlike above). Lines are packed in blocks, which
 * the index lists (archive_blocks.h): so any part of a log costs the same, and a log is written and read without being in memory as
 * a whole. A document of an earlier release has no index, and is unpacked whole.
 *
 * Names and values of the job's fields are those of its hash in Redis (job_fields.c); times are in milliseconds. `_jobs` cannot
 * be the name of a package, so no tarball's address leads there. This file knows the documents; job_retention.h decides when a
 * job moves and where it is read from. Functions may be called from several threads.
 */
#ifndef LIB_STORE_JOB_JOB_ARCHIVE_H
#define LIB_STORE_JOB_JOB_ARCHIVE_H

#include "lib/store/job/archive_blocks.h"
#include "lib/store/job/job_store.h"
#include "lib/store/job/log_line.h"

/* Begins to write the finished job; then come all its lines, ascending, in any number of calls, and archive_writer_end(). In any
 * case archive_writer_release() must follow. Repeatable. One writer at a time for a job (job_retention_move() ensures that). */
CHECK_RESULT enum status job_archive_begin(struct archive_writer *writer, const char *storage_dir, const struct job *job,
                                           struct error *err);
CHECK_RESULT enum status job_archive_add(struct archive_writer *writer, const struct log_lines *lines, struct error *err);

/* Reads the job, and the lines that `query` selects (NULL: none, and `lines` may be NULL); texts are in the arena.
 * STATUS_NOT_FOUND: no such document, or `id` is malformed. STATUS_INTERNAL: it cannot be read, or is damaged. */
CHECK_RESULT enum status job_archive_read(const char *storage_dir, const char *id, const struct log_query *query,
                                          struct arena *arena, struct job *job, struct log_lines *lines, struct error *err);

#endif
