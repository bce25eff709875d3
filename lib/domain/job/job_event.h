/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The event that follows a job which has changed the published registry (lib/store/README.md, Events): what has changed,
 * and the commits that show it. It is JSON in the stream (lib/store/redis/events.h):
 *
 *   {"event": "published", "name", "version", "compiler", "registryCommit"?, "indexCommit"?}
 *   {"event": "built", "name", "version", "compiler", "purpose", "registryCommit"?}
 *   {"event": "revised", "name", "version", "registryCommit"?, "indexCommit"?}
 */
#ifndef LIB_DOMAIN_JOB_JOB_EVENT_H
#define LIB_DOMAIN_JOB_JOB_EVENT_H

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "lib/domain/job/job.h"
#include "lib/domain/package/version.h"

/* JOB_EVENT(name, text) */
#define JOB_EVENT_TABLE(JOB_EVENT)                                                                                             \
    JOB_EVENT(PUBLISHED, "published") /* the version was published */                                                          \
    JOB_EVENT(BUILT, "built")         /* the version was built with the compiler, and its metadata have that */                \
    JOB_EVENT(REVISED, "revised")     /* the bounds of the version were changed */

enum job_event_kind {
#define JOB_EVENT(name, text) JOB_EVENT_##name,
    JOB_EVENT_TABLE(JOB_EVENT)
#undef JOB_EVENT
        JOB_EVENT_COUNT
};

struct job_event {
    enum job_event_kind kind;
    const char *package;
    struct version version;
    struct version compiler;     /* published, built */
    enum matrix_purpose purpose; /* built: of the build; MATRIX_PURPOSE_NONE: unknown */
    const char *registry_commit; /* of the change in each repository; NULL: it made none there */
    const char *index_commit;
};

/* As job_end.event, in the arena. */
const char *job_event_print(const struct job_event *event, struct arena *arena);

/* *is_known is false if the event is of a kind that this release does not know; then nothing else is set. Texts are in the
 * arena. The compiler is read only of JOB_EVENT_BUILT. STATUS_INVALID with the field as path. */
CHECK_RESULT enum status job_event_read(struct job_event *out, bool *is_known, const char *json, struct arena *arena,
                                        struct error *err);

#endif
