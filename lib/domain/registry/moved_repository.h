/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A package whose repository at GitHub has another owner or name now becomes a transfer (lib/domain/README.md, Daily look at
 * GitHub). No I/O.
 */
#ifndef LIB_DOMAIN_REGISTRY_MOVED_REPOSITORY_H
#define LIB_DOMAIN_REGISTRY_MOVED_REPOSITORY_H

#include <stdint.h>

#include "lib/base/error.h"
#include "lib/domain/package/location.h"

struct manifest_index;
struct text;

/* A repository that GitHub redirects for good. Borrows its texts. */
struct repository_move {
    const char *package;
    struct location from; /* that GitHub was asked about */
    struct location to;
};

/* Where the package goes if its repository is `target` now: the same `subdir` there. Borrows its arguments. */
void repository_move_init(struct repository_move *out, const char *package, const struct location *from,
                          const struct github_repository *target);

/* STATUS_OK: the package is to be transferred. STATUS_STALE: it is not at `from` (any more). STATUS_CONFLICT: `to` is the same
 * place, for instance in another case. STATUS_REFUSED: `to` is the place of another package. STATUS_INVALID: the registry's
 * clients could not read `to`. */
CHECK_RESULT enum status repository_move_check(const struct repository_move *move, const struct manifest_index *index,
                                               struct error *err);

/* The payload to sign: a transfer's, and `seenAt`, the time for which the look was made. A payload is carried out once
 * (lib/store/README.md, Duplicates), so without it a package that returns to an earlier place would stay behind. */
void repository_move_append_payload(struct text *out, const struct repository_move *move, int64_t seen_ms);

#endif
