/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Connects the planner to the service: new jobs wake the dispatcher.
 */
#include "services/build-matrix/dispatch/dispatcher.h"
#include "services/build-matrix/matrix_service.h"
#include "services/build-matrix/plan/planner.h"

static void wake(void *context) {
    const struct matrix_service *service = context;
    if (service->dispatcher) dispatcher_wake(service->dispatcher);
}

enum status planner_create(struct planner **out, struct matrix_service *service, struct error *err) {
    const struct planning_place place = {
        .settings = &service->settings, .repositories = &service->repositories, .wake = wake, .context = service};
    return planner_start(out, &place, err);
}

enum status planner_accept(struct matrix_service *service, struct job_store *store, const struct matrix_build *build,
                           struct job_accepted *out, struct error *err) {
    enum status status = matrix_build_accept(store, build, out, err);
    if (!status && out->created) wake(service);
    return status;
}
