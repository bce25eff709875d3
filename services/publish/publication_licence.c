/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Step 4 of lib/domain/README.md, Publish: the licence. The licence fields of other manifests are checked synchronously. The
 * detector of licence texts may take seconds, so it runs on its own thread while the package is compiled, and is awaited before
 * anything is written. The thread only reads parts of the publication that do not change until publication_drop_licence().
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/disk.h"
#include "lib/base/memory.h"
#include "lib/source/licence_check.h"
#include "services/publish/publication.h"

enum {
    POLL_MS = 50,        /* a cancelled or expired deadline is noticed within this time */
    DETECTOR_MS = 20000, /* time limit for all texts of one source */
};

struct licence_run {
    pthread_t thread;
    struct licence_check check; /* borrowed from the publication's arena */
    struct deadline deadline;   /* cancelled by publication_drop_licence() */
    bool is_joined;

    /* owned by the thread until it is joined */
    struct arena arena;
    struct licence_warnings warnings;
    enum status status;
    struct error err;
    int64_t elapsed_ms;
};

static void *run_detector(void *argument) {
    struct licence_run *run = argument;
    int64_t start_ms = clock_monotonic_ms();
    run->status = licence_check_texts(&run->check, &run->warnings, &run->arena, &run->deadline, &run->err);
    run->elapsed_ms = clock_monotonic_ms() - start_ms;
    return NULL;
}

enum status publication_check_licence(struct publication *p, struct error *err) {
    const struct licence_check check = {.folder = p->source.folder,
                                        .files = &p->files,
                                        .expression = p->manifest.licence,
                                        .licensee = p->service->licensee,
                                        .work_folder = arena_format(p->arena, "%s/licence", p->work_folder),
                                        .limit_ms = DETECTOR_MS};
    enum status status = licence_check_fields(&check, p->arena, err);
    if (status) return status;
    struct licence_run *run = memory_alloc(sizeof *run);
    run->check = check;
    deadline_start(&run->deadline, INT64_MAX);
    int reason = pthread_create(&run->thread, NULL, run_detector, run);
    if (reason) { /* no thread available: run it synchronously */
        run_detector(run);
        run->is_joined = true;
    }
    p->licence = run;
    return STATUS_OK;
}

/* Waits for the thread. Returns false, with `err` set, if the job must stop. */
static bool join(struct publication *p, struct licence_run *run, struct error *err) {
    while (!run->is_joined) {
        struct timespec until;
        if (deadline_check(&p->run->deadline, err)) return false;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += POLL_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        run->is_joined = pthread_timedjoin_np(run->thread, NULL, &until) == 0;
    }
    return true;
}

enum status publication_await_licence(struct publication *p, struct error *err) {
    struct licence_run *run = p->licence;
    if (!run) return STATUS_OK;
    if (!join(p, run, err)) return err->status;
    p->detector_time = arena_format(p->arena, "the licence detector ran for %lld ms, ", (long long)run->elapsed_ms);
    enum status status = run->status;
    if (status) *err = run->err;
    if (!status && run->warnings.count)
        status = disk_check(NULL, p->work_folder, err); /* a full disk may have caused the warnings: report that instead */
    for (size_t i = 0; i < run->warnings.count && !status; i++)
        job_run_log(p->run, LOG_WARN, "%s", run->warnings.items[i]);
    return status;
}

void publication_drop_licence(struct publication *p) {
    struct licence_run *run = p->licence;
    p->licence = NULL;
    if (!run) return;
    if (!run->is_joined) {
        deadline_cancel(&run->deadline, STATUS_CANCELLED);
        pthread_join(run->thread, NULL);
    }
    arena_release(&run->arena);
    free(run);
}
