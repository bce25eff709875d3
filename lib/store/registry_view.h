/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The parsed registry that follows both repositories: a struct manifest_index (lib/domain/manifest_index.h) filled from the git
 * object database at first and by the files that changed afterwards (lib/store/README.md, The registry in memory).
 *
 *   registry.git        metadata/NAME.json  ──┐
 *                                             ├──► manifest_index      readers hold the view between _lock and _unlock
 *   registry-index.git  pr/el/prelude       ──┘
 *
 * What changed is read and parsed on all cores, and beside the readers; they wait only while it is put into the index.
 *
 * A file that cannot be parsed is somebody's mistake in git: it is logged and left out (what was known of it before stays), and
 * the rest is served. Package sets are read from the repository when they are wanted (registry_repo_read).
 *
 * Safe from any thread. The repositories are borrowed and outlive the view.
 */
#ifndef LIB_STORE_REGISTRY_VIEW_H
#define LIB_STORE_REGISTRY_VIEW_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/deadline.h"
#include "lib/base/error.h"
#include "lib/domain/manifest_index.h"
#include "lib/store/registry_repo.h"

struct registry_view;

/* Makes an empty view; registry_view_refresh() fills it. */
struct registry_view *registry_view_create(struct registry_repo *registry, struct registry_repo *index);
void registry_view_free(struct registry_view *view);

/* Fetches both repositories and takes what is new: at a service's start, before something is planned, and after a commit of
 * our own. Cheap where nothing is. A failure leaves the view as it was. */
CHECK_RESULT enum status registry_view_refresh(struct registry_view *view, struct deadline *deadline, struct error *err);

/* Has the view be no older than `asked_us` (clock_monotonic_us()): the same, but for those who ask at one time together, and
 * nothing where a refresh has begun since. A failed one is everybody's who waited for it. */
CHECK_RESULT enum status registry_view_catch_up(struct registry_view *view, int64_t asked_us, struct deadline *deadline,
                                                struct error *err);

/* The registry as it was at the last refresh; good until registry_view_unlock(), by the same thread. Many can read at once; a
 * refresh waits for them only to put in what it has read, and new ones wait for it. So while holding it, call nothing else of
 * the view but registry_view_unlock(). */
const struct manifest_index *registry_view_lock(struct registry_view *view);
void registry_view_unlock(struct registry_view *view);

struct registry_view_state {
    char registry_commit[REGISTRY_COMMIT_MAX]; /* "" before the first refresh */
    char index_commit[REGISTRY_COMMIT_MAX];
    size_t skipped_files; /* at the heads: could not be parsed */
};

struct registry_view_state registry_view_state(struct registry_view *view);

#endif
