/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The record that a revision of bounds stores in its job before its first outside write (lib/store/README.md, Once):
 *
 *   {"before": MANIFEST, "after": MANIFEST, "revision": NUMBER}
 */
#ifndef SERVICES_BUILD_MATRIX_REVISION_REVISION_RECORD_H
#define SERVICES_BUILD_MATRIX_REVISION_REVISION_RECORD_H

#include "lib/base/error.h"
#include "lib/domain/package/manifest.h"

struct arena;
struct text;

struct revision_record {
    struct manifest before, after;
    int64_t number; /* the metadata's `revision` after the commit; at least 1 */
};

void revision_record_append_json(struct text *out, const struct revision_record *record);

/* Strings and tables are in the arena. STATUS_INVALID with the field as path. */
CHECK_RESULT enum status revision_record_parse(struct revision_record *out, const char *text, struct arena *arena,
                                               struct error *err);

#endif
