/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A build worker (worker.h): any number of them, on any machine that reaches the build-matrix service.
 *
 *   registry-build-worker [--matrix ADDRESS] [--slots N] [--unsafe-no-sandbox]
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/log.h"
#include "lib/base/process.h"
#include "lib/base/program.h"
#include "lib/base/text.h"
#include "services/build-worker/worker.h"

/* What is given on the command line wins over the environment, and is checked like it. False: it cannot be read. */
static bool read_arguments(char *const *arguments, bool *accepts_no_sandbox) {
    for (; *arguments; arguments++) {
        bool is_address = text_equal(*arguments, "--matrix"), is_slots = text_equal(*arguments, "--slots");
        if (text_equal(*arguments, SANDBOX_UNSAFE_OPTION))
            *accepts_no_sandbox = true;
        else if ((is_address || is_slots) && arguments[1])
            setenv(is_address ? "BUILD_WORKER_ADDRESS" : "BUILD_SLOTS", *++arguments, true);
        else
            return false;
    }
    return true;
}

/* A second stop does not wait for builds. */
static void *wait_for_second_stop(void *worker) {
    process_wait_for_stop();
    worker_give_up(worker);
    return NULL;
}

static void drain(struct worker *worker, int64_t drain_ms) {
    pthread_t thread;
    bool has_thread = pthread_create(&thread, NULL, wait_for_second_stop, worker) == 0;
    log_line(LOG_INFO, "draining", log_field("drain_ms", drain_ms));
    worker_drain(worker, drain_ms);
    if (has_thread) {
        pthread_cancel(thread);
        pthread_join(thread, NULL);
    }
    worker_free(worker);
}

int main(int argument_count, char **arguments) {
    struct settings settings = {0};
    struct builder builder = {.folder_claim = -1};
    struct worker *worker = NULL;
    struct error err = {0};
    bool accepts_no_sandbox = false;
    if (argument_count > 1 && !read_arguments(arguments + 1, &accepts_no_sandbox)) {
        fprintf(stderr, "usage: registry-build-worker [--matrix ADDRESS] [--slots N] [" SANDBOX_UNSAFE_OPTION "]\n");
        return 2;
    }
    enum status status = program_begin(&settings, PROGRAM_BUILD_WORKER, &err);
    if (!status) status = builder_init(&builder, &settings, accepts_no_sandbox, &err);
    if (!status) status = worker_start(&worker, &settings, &builder, &err);
    if (!status) {
        process_wait_for_stop();
        drain(worker, settings.drain_ms);
    }
    if (status) log_line(LOG_ERROR, "stopped", log_field("error", err.message));
    builder_release(&builder);
    settings_release(&settings);
    return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
