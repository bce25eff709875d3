/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a publication is going to write outside, kept in the job before the first such write (lib/store/README.md, Once): with
 * it, any later run writes the same.
 *
 *   {"commit": ID, "commitTime": TIME (left out where it is not known), "hash": SRI, "bytes": N, "publishedTime": TIME,
 *    "compiler": VERSION, "finishing": "nothing" | "index" | "documentation",
 *    "plan": {"compiler": VERSION, "packages": {NAME: VERSION}}, "manifest": {…}}
 */
#ifndef SERVICES_PUBLISH_PUBLISH_RECORD_H
#define SERVICES_PUBLISH_PUBLISH_RECORD_H

#include <stdint.h>

#include "lib/domain/build_plan.h"
#include "lib/domain/manifest.h"

/* What was published before this job and what it is to finish (lib/domain/README.md, Publish, step 5). */
enum publish_finishing {
    FINISHING_NOTHING,       /* it is a new version */
    FINISHING_INDEX,         /* its index entry, and its documentation */
    FINISHING_DOCUMENTATION, /* its documentation alone */
};

/* Texts belong to the arena of the run. */
struct publish_record {
    const char *commit; /* what the request's ref resolved to */
    const char *hash;   /* of the tarball */
    int64_t size_bytes; /* of the tarball */
    int64_t published_ms;
    int64_t committed_ms;    /* the commit's time; 0 in records of before it was kept */
    struct version compiler; /* one that it is known to build with */
    enum publish_finishing finishing;
    struct build_plan plan; /* for its documentation */
    struct manifest manifest;
};

void publish_record_append_json(struct text *out, const struct publish_record *record);
CHECK_RESULT enum status publish_record_parse(struct publish_record *out, const char *json, struct arena *arena,
                                              struct error *err);

#endif
