/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Finished jobs that have left Redis (lib/store/README.md, Keeping), in the storage folder: a gzipped JSON document each, with
 * the log.
 *
 *   STORAGE_DIR/_jobs/3f/3f2c0d4e-….json.gz
 *
 *   {"id": …, "kind": "publish", "state": "succeeded", "createdAt": 1764000000123, …, "log": [
 *   {"time": 1764000000456, "level": "INFO", "attempt": 1, "number": 1, "message": …},
 *   …
 *   ]}
 *
 * The line breaks are part of the format, and the only ones (there are no spaces, unlike above): so a long log is read line by
 * line, and not at all if it is not wanted. `time` comes first in a line, since most lines are skipped by it.
 *
 * Names and values of the job's fields are those of its hash in Redis (job_fields.c); times are in milliseconds. `_jobs` cannot
 * be the name of a package, so no tarball's address leads there. This file knows the documents; job_retention.h decides when a
 * job moves and where it is read from. Functions may be called from several threads.
 */
#ifndef LIB_STORE_JOB_JOB_ARCHIVE_H
#define LIB_STORE_JOB_JOB_ARCHIVE_H

#include "lib/store/job/job_store.h"
#include "lib/store/job/log_stream.h"

/* Writes the finished job with all its lines, ascending: on return the whole document is on disk. Repeatable. One writer at a
 * time for a job (job_retention_move() ensures that). */
CHECK_RESULT enum status job_archive_write(const char *storage_dir, const struct job *job, const struct log_lines *lines,
                                           struct error *err);

/* Reads the job, and the lines that `query` selects (NULL: none, and `lines` may be NULL); texts are in the arena.
 * STATUS_NOT_FOUND: no such document, or `id` is malformed. STATUS_INTERNAL: it cannot be read, or is damaged. */
CHECK_RESULT enum status job_archive_read(const char *storage_dir, const char *id, const struct log_query *query,
                                          struct arena *arena, struct job *job, struct log_lines *lines, struct error *err);

#endif
