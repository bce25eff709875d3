/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a publication is going to write outside, kept in the job before the first such write (spec/jobs.md, Once): with it, any
 * later run writes the same.
 *
 *   {"commit": ID, "hash": SRI, "bytes": N, "publishedTime": TIME, "compiler": VERSION, "finishing": BOOL,
 *    "manifest": {…}}
 */
#ifndef SERVICES_PUBLISH_PUBLISH_RECORD_H
#define SERVICES_PUBLISH_PUBLISH_RECORD_H

#include <stdint.h>

#include "lib/domain/manifest.h"

/* Texts belong to the arena of the run. */
struct publish_record {
    const char *commit; /* what the request's ref resolved to */
    const char *hash;   /* of the tarball */
    int64_t size_bytes; /* of the tarball */
    int64_t published_ms;
    struct version compiler;
    bool is_finishing; /* the version was published before this job, and only its index entry is to be written */
    struct manifest manifest;
};

void publish_record_append_json(struct text *out, const struct publish_record *record);
CHECK_RESULT enum status publish_record_parse(struct publish_record *out, const char *json, struct arena *arena,
                                              struct error *err);

#endif
