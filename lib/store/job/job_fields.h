/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The fields of `struct job` as they are stored, in a job's hash in Redis and in an archived job's document: their names and
 * types. Private to lib/store.
 */
#ifndef LIB_STORE_JOB_JOB_FIELDS_H
#define LIB_STORE_JOB_JOB_FIELDS_H

#include <stddef.h>

#include "lib/domain/job/job.h"

enum job_field_type { FIELD_TEXT, FIELD_TIME, FIELD_COUNT, FIELD_FLAG, FIELD_KIND, FIELD_STATE, FIELD_PURPOSE };

struct job_field {
    const char *name;
    size_t length; /* of the name */
    enum job_field_type type;
    size_t offset; /* in struct job: a const char *, int64_t, int, bool, or the enum that its type names */
};

enum { JOB_FIELDS = 32 };
extern const struct job_field job_fields[JOB_FIELDS];

static inline void *job_field_of(struct job *job, const struct job_field *field) {
    return (char *)job + field->offset;
}

#endif
