/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The transfer service: runs transfer jobs. Jobs are announced by a message and stored in Redis
 * (lib/service/job/job_runner.h).
 */
#include <stdlib.h>

#include "lib/base/log.h"
#include "lib/base/program.h"
#include "services/transfer/transfer_service.h"

static const struct job_handler handlers[] = {
    {JOB_KIND_TRANSFER, transfer_job_run},
    {0},
};

/* Runs until the service is told to stop and its last job has ended. */
static enum status serve(struct transfer_service *transfer, struct error *err) {
    const struct settings *settings = &transfer->settings;
    const struct job_service service = {
        .service = SERVICE_TRANSFER,
        .settings = &transfer->settings,
        .slots = (int)settings->transfer_slots,
        .handlers = handlers,
        .context = transfer,
        .check = transfer_service_check,
        .use_secrets = transfer_service_use_secrets,
    };
    return job_service_run(&service, err);
}

int main(int count, char **arguments) {
    struct transfer_service transfer = {.folder_claim = -1};
    struct error err = {0};
    enum status status = program_begin(&transfer.settings, PROGRAM_TRANSFER, count, arguments, NULL, &err);
    if (!status) status = transfer_service_init(&transfer, &err);
    if (!status) status = serve(&transfer, &err);
    if (status) log_line(LOG_ERROR, "program_failed", log_field("error", err.message));
    transfer_service_release(&transfer);
    return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
