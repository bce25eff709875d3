/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The last build of every version with every compiler, as Redis has it: unfinished jobs, and the verdicts of those that ended. Read
 * once as a whole, then kept up to date by the changes of jobs. For the whole matrix (matrix_book.h), which guards it.
 */
#ifndef SERVICES_BUILD_MATRIX_QUERY_BUILD_NOTES_H
#define SERVICES_BUILD_MATRIX_QUERY_BUILD_NOTES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/map.h"
#include "lib/domain/matrix/cell_state.h"
#include "lib/domain/matrix/verdict.h"
#include "lib/domain/matrix/whole_matrix.h"
#include "lib/store/job/job_watch.h"

/* The last build of one version with one compiler. */
struct build_note {
    struct version compiler;
    enum cell_state state; /* CELL_PENDING, CELL_RUNNING, or CELL_FAILED for any that has ended: those that have succeeded are
                              known by the metadata */
    enum verdict verdict;  /* of one that has ended */
    char job_id[UUID_TEXT_MAX];
    int64_t time_ms; /* when it ended, or was accepted */
};

/* A zeroed struct has no notes; nothing is read before the first build_notes_follow(). */
struct build_notes {
    struct map by_version;                 /* "NAME@VERSION" → struct version_notes */
    char position[JOB_WATCH_POSITION_MAX]; /* of the last change of a job that is in the notes; "": none are read yet */
};

void build_notes_release(struct build_notes *notes);

/* Brings the notes up to date; with their first reading those of the versions of `matrix` are read. `*has_changed`: there were
 * changes. After a failure the notes are as they were, or begin anew with the next call. */
CHECK_RESULT enum status build_notes_follow(struct build_notes *notes, struct job_store *store,
                                            const struct whole_matrix *matrix, bool *has_changed, struct error *err);

/* The note of that cell; NULL: it was not built by this server. Borrowed until the next change. */
const struct build_note *build_notes_find(const struct build_notes *notes, const char *package, struct version version,
                                          struct version compiler);

/* Puts the states of the notes into the cells that have not succeeded. */
void build_notes_apply(const struct build_notes *notes, struct whole_matrix *matrix);

#endif
