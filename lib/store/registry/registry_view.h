/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A parsed view of the registry that follows both repositories: a struct manifest_index (lib/domain/registry/manifest_index.h)
 * filled from the git object database, then updated by the files that change (lib/store/README.md, The registry in memory).
 *
 *   registry.git        metadata/NAME.json  ──┐
 *                                             ├──► manifest_index      readers hold the view between _lock and _unlock
 *   registry-index.git  pr/el/prelude       ──┘
 *
 * Changed files are read and parsed on all cores, concurrently with the readers; these wait only while the index is updated.
 *
 * A file that cannot be parsed is a mistake in the repository: it is logged and skipped (its earlier content stays), and the
 * rest is served. Package sets are followed by registry_sets.h, where they are needed.
 *
 * Safe from any thread. The repositories are borrowed and outlive the view.
 */
#ifndef LIB_STORE_REGISTRY_REGISTRY_VIEW_H
#define LIB_STORE_REGISTRY_REGISTRY_VIEW_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/deadline.h"
#include "lib/base/error.h"
#include "lib/domain/registry/manifest_index.h"
#include "lib/store/registry/registry_repo.h"

struct registry_view;

/* Makes an empty view; registry_view_refresh() fills it. */
struct registry_view *registry_view_create(struct registry_repo *registry, struct registry_repo *index);
void registry_view_free(struct registry_view *view);

/* Fetches both repositories and applies new changes: at a service's start, before planning, and after a commit of our own.
 * Cheap if there are none. A failure leaves the view as it was. */
CHECK_RESULT enum status registry_view_refresh(struct registry_view *view, struct deadline *deadline, struct error *err);

/* Refreshes the view unless a refresh has begun since `asked_us` (clock_monotonic_us()). Concurrent callers share one refresh,
 * and its failure. */
CHECK_RESULT enum status registry_view_catch_up(struct registry_view *view, int64_t asked_us, struct deadline *deadline,
                                                struct error *err);

/* The registry as of the last refresh; valid until registry_view_unlock(), by the same thread. Many can read at once; a refresh
 * waits for them only to apply its changes, and new ones wait for it. So while holding it, call nothing else of the view but
 * registry_view_unlock(). */
const struct manifest_index *registry_view_lock(struct registry_view *view);
void registry_view_unlock(struct registry_view *view);

struct registry_view_state {
    char registry_commit[REGISTRY_COMMIT_MAX]; /* "" before the first refresh */
    char index_commit[REGISTRY_COMMIT_MAX];
    size_t skipped_files; /* files at the heads that could not be parsed */
};

struct registry_view_state registry_view_state(struct registry_view *view);

#endif
