/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Step 4 of lib/domain/README.md, Publish: the license. The license fields of other manifests are checked synchronously. The
 * detector of license texts may take seconds, so it runs on its own thread while the package is compiled, and is awaited before
 * anything is written. The thread only reads parts of the publication that do not change until publication_drop_license().
 */
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/disk.h"
#include "lib/base/memory.h"
#include "lib/base/thread.h"
#include "lib/source/license_check.h"
#include "services/publish/publication.h"

enum {
    POLL_MS = 50,        /* a cancelled or expired deadline is noticed within this time */
    DETECTOR_MS = 20000, /* time limit for all texts of one source */
};

struct license_run {
    struct thread thread;
    struct license_check check; /* borrowed from the publication's arena */
    struct deadline deadline;   /* cancelled by publication_drop_license() */
    bool has_ended;             /* guarded by the thread's mutex */

    /* owned by the thread until it has ended */
    struct arena arena;
    struct license_warnings warnings;
    enum status status;
    struct error err;
    int64_t elapsed_ms;
};

static void run_detector(void *context) {
    struct license_run *run = context;
    int64_t start_ms = clock_monotonic_ms();
    run->status = license_check_texts(&run->check, &run->warnings, &run->arena, &run->deadline, &run->err);
    run->elapsed_ms = clock_monotonic_ms() - start_ms;
    thread_lock(&run->thread);
    run->has_ended = true;
    thread_wake(&run->thread);
    thread_unlock(&run->thread);
}

enum status publication_check_license(void *context, struct error *err) {
    struct publication *p = context;
    const struct license_check check = {.folder = p->source.folder,
                                        .files = &p->files,
                                        .expression = p->manifest.license,
                                        .licensee = p->service->licensee,
                                        .work_folder = arena_format(p->arena, "%s/license", p->work_folder),
                                        .limit_ms = DETECTOR_MS};
    enum status status = license_check_fields(&check, p->arena, err);
    if (status) return status;
    struct license_run *run = memory_alloc(sizeof *run);
    run->check = check;
    deadline_start(&run->deadline, INT64_MAX);
    thread_init(&run->thread);
    if (thread_start(&run->thread, "license-texts", run_detector, run, NULL))
        run_detector(run); /* no thread available: run it synchronously */
    p->license = run;
    return STATUS_OK;
}

/* Waits for the detector. Returns a failure if the job must stop. */
static enum status await_end(struct publication *p, struct license_run *run, struct error *err) {
    enum status status = STATUS_OK;
    thread_lock(&run->thread);
    while (!run->has_ended && !(status = deadline_check(&p->run->deadline, err)))
        thread_wait(&run->thread, clock_monotonic_ms() + POLL_MS);
    thread_unlock(&run->thread);
    return status;
}

enum status publication_await_license(void *context, struct error *err) {
    struct publication *p = context;
    struct license_run *run = p->license;
    if (!run) return STATUS_OK;
    enum status status = await_end(p, run, err);
    if (status) return status;
    p->detector_time = arena_format(p->arena, "the license detector ran for %lld ms, ", (long long)run->elapsed_ms);
    status = run->status;
    if (status) *err = run->err;
    if (!status && run->warnings.count)
        status = disk_check(NULL, p->work_folder, err); /* a full disk may have caused the warnings: report that instead */
    for (size_t i = 0; i < run->warnings.count && !status; i++)
        job_run_log(p->run, LOG_WARN, "%s", run->warnings.items[i]);
    return status;
}

void publication_drop_license(struct publication *p) {
    struct license_run *run = p->license;
    p->license = NULL;
    if (!run) return;
    deadline_cancel(&run->deadline, STATUS_CANCELLED);
    thread_release(&run->thread);
    arena_release(&run->arena);
    free(run);
}
