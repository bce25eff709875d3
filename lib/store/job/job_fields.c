/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/job/job_fields.h"

#define FIELD(name, type, member)                                                                                              \
    { name, sizeof name - 1, type, offsetof(struct job, member) }
const struct job_field job_fields[] = {
    FIELD("kind", FIELD_KIND, kind),
    FIELD("state", FIELD_STATE, state),
    FIELD("createdAt", FIELD_TIME, created_ms),
    FIELD("startedAt", FIELD_TIME, started_ms),
    FIELD("finishedAt", FIELD_TIME, finished_ms),
    FIELD("waitingSince", FIELD_TIME, waiting_ms),
    FIELD("logOrdinal", FIELD_COUNT, log_lines),
    FIELD("attempts", FIELD_COUNT, attempts),
    FIELD("delays", FIELD_COUNT, delays),
    FIELD("payload", FIELD_TEXT, payload),
    FIELD("package", FIELD_TEXT, package),
    FIELD("version", FIELD_TEXT, version),
    FIELD("compiler", FIELD_TEXT, compiler),
    FIELD("actor", FIELD_TEXT, actor),
    FIELD("issue", FIELD_TEXT, issue),
    FIELD("reason", FIELD_TEXT, reason),
    FIELD("credential", FIELD_TEXT, credential),
    FIELD("retryOf", FIELD_TEXT, retry_of),
    FIELD("commits", FIELD_TEXT, commits),
    FIELD("authority", FIELD_TEXT, authority),
    FIELD("replay", FIELD_TEXT, replay_key),
    FIELD("error", FIELD_TEXT, error),
    FIELD("documentation", FIELD_TEXT, documentation),
    FIELD("ending", FIELD_TEXT, ending),
    FIELD("readonly", FIELD_FLAG, is_readonly),
    FIELD("logRemoved", FIELD_FLAG, has_lost_log),
    FIELD("commit", FIELD_TEXT, commit),
    FIELD("record", FIELD_TEXT, record),
    FIELD("purpose", FIELD_PURPOSE, purpose),
    FIELD("verdict", FIELD_TEXT, verdict),
    FIELD("result", FIELD_TEXT, result),
    FIELD("runner", FIELD_TEXT, runner),
};
#undef FIELD

_Static_assert(sizeof job_fields / sizeof job_fields[0] == JOB_FIELDS, "JOB_FIELDS is the number of rows");
