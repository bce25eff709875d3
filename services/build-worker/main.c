/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A build worker (worker.h). Any number may run, on any machine that reaches the build-matrix service.
 *
 *   registry-build-worker [--matrix ADDRESS] [--slots N] [--unsafe-no-sandbox]
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "lib/base/log.h"
#include "lib/base/process.h"
#include "lib/base/program.h"
#include "services/build-worker/worker.h"

enum { NICE_MORE = 10 }; /* on a machine shared with the services, publications do not wait for builds */

/* The second stop signal ends the worker without waiting for builds. */
static void *wait_for_second_stop(void *worker) {
    process_wait_for_stop();
    worker_give_up(worker);
    return NULL;
}

static void drain(struct worker *worker, int64_t drain_ms) {
    pthread_t thread;
    bool has_thread = pthread_create(&thread, NULL, wait_for_second_stop, worker) == 0;
    log_line(LOG_INFO, "drain_started", log_field("drain_ms", drain_ms));
    worker_drain(worker, drain_ms);
    if (has_thread) {
        pthread_cancel(thread);
        pthread_join(thread, NULL);
    }
    worker_free(worker);
}

int main(int count, char **arguments) {
    struct settings settings = {0};
    struct build_environment environment = {.folder_claim = -1};
    struct worker *worker = NULL;
    struct error err = {0};
    bool accepts_no_sandbox = false;
    const struct program_option options[] = {
        {.name = "matrix",
         .argument = "ADDRESS",
         .variable = "BUILD_WORKER_ADDRESS",
         .help = "Overrides BUILD_WORKER_ADDRESS."},
        {.name = "slots", .argument = "N", .variable = "BUILD_SLOTS", .help = "Overrides BUILD_SLOTS."},
        SANDBOX_UNSAFE_PROGRAM_OPTION(&accepts_no_sandbox),
        {0},
    };
    enum status status = program_begin(&settings, PROGRAM_BUILD_WORKER, count, arguments, options, &err);
    setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + NICE_MORE);
    if (!status) status = build_environment_init(&environment, &settings, accepts_no_sandbox, &err);
    if (!status) status = worker_start(&worker, &settings, &environment, &err);
    if (!status) {
        process_wait_for_stop();
        drain(worker, settings.drain_ms);
    }
    if (status) log_line(LOG_ERROR, "program_failed", log_field("error", err.message));
    build_environment_release(&environment);
    settings_release(&settings);
    return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
