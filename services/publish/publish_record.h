/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The content of a publication's outside writes, stored in the job before the first of them (lib/store/README.md, Once), so
 * that any later run writes the same.
 *
 *   {"commit": ID, "commitTime": TIME (absent if unknown), "hash": SRI, "bytes": N, "publishedTime": TIME,
 *    "compiler": VERSION, "finishing": "nothing" | "index" | "documentation",
 *    "plan": {"compiler": VERSION, "packages": {NAME: VERSION}}, "manifest": {…}}
 */
#ifndef SERVICES_PUBLISH_PUBLISH_RECORD_H
#define SERVICES_PUBLISH_PUBLISH_RECORD_H

#include <stdint.h>

#include "lib/domain/package/manifest.h"
#include "lib/domain/solver/build_plan.h"

/* Which parts of an earlier, incomplete publication this job completes (lib/domain/README.md, Publish, step 5). */
enum publish_finishing {
    FINISHING_NOTHING,       /* none: a new version */
    FINISHING_INDEX,         /* the index entry and the documentation */
    FINISHING_DOCUMENTATION, /* the documentation only */
};

/* Strings are in the arena of the run. */
struct publish_record {
    const char *commit; /* to which the request's ref resolved */
    const char *hash;   /* of the tarball */
    int64_t size_bytes; /* of the tarball */
    int64_t published_ms;
    int64_t committed_ms;    /* time of the commit; 0: absent from the record */
    struct version compiler; /* that the package was built with */
    enum publish_finishing finishing;
    struct build_plan plan; /* for its documentation */
    struct manifest manifest;
};

void publish_record_append_json(struct text *out, const struct publish_record *record);
/* Strings and tables are in the arena. STATUS_INVALID: malformed. */
CHECK_RESULT enum status publish_record_parse(struct publish_record *out, const char *json, struct arena *arena,
                                              struct error *err);

#endif
