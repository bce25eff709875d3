/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Takedown cases (lib/domain/takedown/takedown.h). Each is kept twice, in Redis and in a file of DMCA_DIR, so that none is lost
 * where one of both dies; it is written to both before its sender has the reference. Programs read Redis;
 * takedown_store_mend() gives each what only the other has.
 *
 *   dmca:cases       hash: reference → the case, as it was received
 *   dmca:decisions   hash: reference → {"closedAt", "decision"}; written once
 *   dmca:told        set: references of cases that operators were told of
 *   dmca:same:HASH   the reference of the case with what was typed, for a day: a form that is sent twice is one case
 */
#ifndef LIB_STORE_TAKEDOWN_TAKEDOWN_STORE_H
#define LIB_STORE_TAKEDOWN_TAKEDOWN_STORE_H

#include "lib/store/job/job_store.h"
#include "lib/store/takedown/takedown_folder.h"

enum { TAKEDOWNS_OPEN_MAX = 5000 };

/* Keeps a new case in Redis and in the folder. Its reference becomes an earlier one if the same form was sent within a day: use
 * that. Repeatable. STATUS_BUSY: too many cases are open. */
CHECK_RESULT enum status takedown_store_keep(struct job_store *store, const char *folder, struct takedown *takedown,
                                             struct error *err);

/* STATUS_NOT_FOUND for any text that is no case's reference. Texts are in the arena. */
CHECK_RESULT enum status takedown_store_find(struct job_store *store, const char *reference, struct arena *arena,
                                             struct takedown *out, struct error *err);

/* All cases, the newest first; closed ones alone are ordered by the time of their decision. */
CHECK_RESULT enum status takedown_store_list(struct job_store *store, bool only_closed, struct arena *arena,
                                             struct takedown_list *out, struct error *err);

CHECK_RESULT enum status takedown_store_count_closed(struct job_store *store, size_t *out, struct error *err);

/* Closes the case, in Redis and in the folder; *out is the case after it. STATUS_REFUSED: it is closed already. */
CHECK_RESULT enum status takedown_store_close(struct job_store *store, const char *folder, const char *reference,
                                              const char *decision, int64_t now_ms, struct arena *arena, struct takedown *out,
                                              struct error *err);

/* Puts cases and decisions that only Redis or only the folder has into the other; *mended is their number. */
CHECK_RESULT enum status takedown_store_mend(struct job_store *store, const char *folder, size_t *mended, struct error *err);

/* Cases that operators were not told of yet, and noting that they were. */
CHECK_RESULT enum status takedown_store_list_untold(struct job_store *store, struct arena *arena, struct takedown_list *out,
                                                    struct error *err);
CHECK_RESULT enum status takedown_store_note_told(struct job_store *store, const struct takedown_list *told, struct error *err);

#endif
