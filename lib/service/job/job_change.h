/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A job's commit of one file to the registry repository or to the index: made through the repository's queue
 * (lib/store/registry/change_queue.h) while the job's lease holds, named in the job's log, and stored in the job for its
 * readers. A run that resumes may find the file already as it should be; then the commit that an earlier run of the job made is
 * stored.
 *
 *   struct job_change change = job_change_of_metadata(run, "prelude", edit, &state);
 *   change.queued.prepare = check;
 *   status = job_change_commit(&change, run, &repositories, err);
 */
#ifndef LIB_SERVICE_JOB_JOB_CHANGE_H
#define LIB_SERVICE_JOB_JOB_CHANGE_H

#include "lib/service/job/job_runner.h"
#include "lib/store/registry/change_queue.h"
#include "lib/store/registry/registry_access.h"

struct job_change {
    struct queued_change queued; /* with its outcome; `first` is set by job_change_push() */
    bool is_in_index;            /* the index, not the registry repository */
    struct job_change *first;    /* to the registry repository, pushed before this one to the index; NULL: none */
    const char *written, *kept;  /* for the log, followed by the commit: after a write; if the file was already so */
};

/* A change to the package's metadata, or to its file in the index. The caller may set further members. */
struct job_change job_change_of_metadata(struct job_run *run, const char *package, registry_edit_function *edit, void *context);
struct job_change job_change_of_index(struct job_run *run, const char *package, const char *subject,
                                      registry_edit_function *edit, void *context);

/* A change to any file of the registry repository. `path` is borrowed, until the change is made. The caller sets `written` and
 * `kept`. */
struct job_change job_change_of_registry(struct job_run *run, const char *path, const char *subject,
                                         registry_edit_function *edit, void *context);

/* job_change_push(), then job_change_keep(). */
CHECK_RESULT enum status job_change_commit(struct job_change *change, struct job_run *run,
                                           const struct registry_access *repositories, struct error *err);

/* Makes the change, and `first` before it, and logs each that was made. Statuses: change_queue_commit(). */
CHECK_RESULT enum status job_change_push(struct job_change *change, struct job_run *run,
                                         const struct registry_access *repositories, struct error *err);

void job_change_say(const struct job_change *change, struct job_run *run);

/* Stores the commits of the change and of `first`, both made, in the job. */
CHECK_RESULT enum status job_change_keep(const struct job_change *change, struct job_run *run,
                                         const struct registry_access *repositories, struct error *err);

#endif
