/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The package-set service: runs updates of the package set, and answers queries about package sets. Jobs are announced by a
 * message and stored in Redis (lib/service/job/job_runner.h).
 */
#include <stdlib.h>

#include "lib/base/log.h"
#include "lib/base/program.h"
#include "services/package-set/package_set_service.h"
#include "services/package-set/query/dry_run_query.h"
#include "services/package-set/query/excuse_query.h"
#include "services/package-set/query/proposal_query.h"
#include "services/package-set/query/set_query.h"

static const struct message_handler messages[] = {
    {MESSAGE_set_page_query, .handle = answer_set_page_query},
    {MESSAGE_set_query, .handle = answer_set_query},
    {MESSAGE_set_comparison_query, .handle = answer_set_comparison_query},
    {MESSAGE_set_detail_query, .handle = answer_set_detail_query},
    {MESSAGE_set_excuses_query, .handle = answer_set_excuses_query},
    {MESSAGE_set_dry_run_query, .handle = answer_set_dry_run_query},
    {MESSAGE_set_proposal_query, .handle = answer_set_proposal_query},
    {0},
};

static const struct job_handler handlers[] = {
    {JOB_KIND_PACKAGE_SET, update_job_run},
    {0},
};

/* Runs until the service is told to stop and its last job has ended. */
static enum status serve(struct package_set_service *package_set, struct error *err) {
    const struct job_service service = {
        .service = SERVICE_PACKAGE_SET,
        .settings = &package_set->settings,
        .slots = 1, /* updates run one at a time */
        .handlers = handlers,
        .messages = messages,
        .context = package_set,
        .check = package_set_service_check,
        .use_secrets = package_set_service_use_secrets,
        .start = package_set_service_start,
        .stop = package_set_service_stop,
        .measure = package_set_service_measure,
        .count_alarms = package_set_service_count_alarms,
    };
    return job_service_run(&service, err);
}

int main(int count, char **arguments) {
    struct package_set_service package_set = {.folder_claim = -1};
    struct error err = {0};
    enum status status = program_begin(&package_set.settings, PROGRAM_PACKAGE_SET, count, arguments, NULL, &err);
    if (!status) status = package_set_service_init(&package_set, &err);
    if (!status) status = serve(&package_set, &err);
    if (status) log_line(LOG_ERROR, "program_failed", log_field("error", err.message));
    package_set_service_release(&package_set);
    return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
