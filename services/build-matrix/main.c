/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The build-matrix service (matrix_service.h): plans builds, dispatches them to build workers, commits their results, and
 * answers queries about packages. Its own slots run revisions only; builds are run by the workers.
 */
#include <stdlib.h>

#include "lib/base/log.h"
#include "lib/base/program.h"
#include "services/build-matrix/matrix_service.h"
#include "services/build-matrix/query/matrix_query.h"

static const struct message_handler messages[] = {
    {MESSAGE_package_query, .handle = answer_package_query},
    {MESSAGE_package_list_query, .handle = answer_package_list_query},
    {MESSAGE_known_package_query, .handle = answer_known_package_query},
    {MESSAGE_publication_query, .handle = answer_publication_query},
    {MESSAGE_workers_query, .handle = answer_workers_query},
    {MESSAGE_matrix_query, .handle = answer_matrix_query},
    {MESSAGE_matrix_file_query, .handle = answer_matrix_file_query},
    {MESSAGE_matrix_cells_query, .handle = answer_matrix_cells_query},
    {MESSAGE_matrix_causes_query, .handle = answer_matrix_causes_query},
    {MESSAGE_matrix_verify, .handle = answer_matrix_verify},
    {MESSAGE_build_states_query, .handle = answer_build_states_query},
    {MESSAGE_plan_query, .handle = answer_plan_query},
    {MESSAGE_holds_query, .handle = answer_holds_query},
    {0},
};

static const struct job_handler handlers[] = {
    {JOB_KIND_REVISION, revision_job_run},
    {0},
};

/* Runs until the service is told to stop and its last job has ended. */
static enum status serve(struct matrix_service *matrix, struct error *err) {
    const struct settings *settings = &matrix->settings;
    const struct job_service service = {
        .service = SERVICE_BUILD_MATRIX,
        .settings = &matrix->settings,
        .slots = (int)settings->revision_slots,
        .handlers = handlers,
        .messages = messages,
        .context = matrix,
        .check = matrix_service_check,
        .use_secrets = matrix_service_use_secrets,
        .start = matrix_service_start,
        .stop = matrix_service_stop,
        .announce = matrix_service_announce,
        .measure = matrix_service_measure,
        .count_alarms = matrix_service_count_alarms,
    };
    return job_service_run(&service, err);
}

int main(int count, char **arguments) {
    struct matrix_service matrix = {0};
    struct error err = {0};
    enum status status = program_begin(&matrix.settings, PROGRAM_BUILD_MATRIX, count, arguments, NULL, &err);
    if (!status) status = matrix_service_init(&matrix, &err);
    if (!status) status = serve(&matrix, &err);
    if (status) log_line(LOG_ERROR, "program_failed", log_field("error", err.message));
    matrix_service_release(&matrix);
    return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
