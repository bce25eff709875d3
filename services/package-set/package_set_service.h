/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The package-set service: finds out which versions compile together, and releases them as package sets
 * (lib/domain/README.md, Package set update).
 */
#ifndef SERVICES_PACKAGE_SET_PACKAGE_SET_SERVICE_H
#define SERVICES_PACKAGE_SET_PACKAGE_SET_SERVICE_H

#include "lib/base/settings.h"
#include "lib/service/job/job_service.h"
#include "lib/store/registry/fresh_view.h"
#include "lib/store/registry/registry_access.h"
#include "lib/store/registry/registry_sets.h"

struct connection_pool;
struct message_client;
struct schedule;
struct set_follower;
struct webhooks;

struct package_set_service {
    struct settings settings;
    struct registry_access repositories;
    struct registry_sets *sets; /* of the registry repository */
    /* LEGACY_PACKAGE_SETS_REPO, by package_set_service_open_mirror(); NULL until then. Used by the slot's thread; the token is
     * set by others. */
    struct registry_repo *_Atomic mirror;
    struct change_queue *mirror_queue;
    struct schedule *schedule;
    struct connection_pool *stores; /* connections to Redis for message handlers */
    struct fresh_view fresh;
    struct set_follower *follower; /* reads the repositories now and then */
    struct webhooks *webhooks;
    struct message_client *build_matrix; /* told of builds; NULL while the service is not started */
    int folder_claim;                    /* descriptor of PACKAGE_SET_DIR's lock, or -1 */
};

/* Opens everything but starts no thread. The caller has set `settings`, and releases the service even after a failure. */
CHECK_RESULT enum status package_set_service_init(struct package_set_service *service, struct error *err);
void package_set_service_release(struct package_set_service *service);

/* The latest package set, in the arena; false: there is none. */
bool package_set_service_latest(struct package_set_service *service, struct package_set *out, struct arena *arena);

/* STATUS_REFUSED: the file of the newest set is malformed, so no update can start from it. */
CHECK_RESULT enum status package_set_service_check_newest(const struct newest_set *newest, struct error *err);

/* Called at the start of a query: reads the repositories if they have commits of this server's jobs that the view lacks. A
 * failure is only logged: the query is answered from what there is. Any thread. */
void package_set_service_follow(struct package_set_service *service);

/* Called before a query is answered with "not found": reads the repositories unless they were read since `asked_us`
 * (clock_monotonic_us()). Any thread. */
CHECK_RESULT enum status package_set_service_look_again(struct package_set_service *service, int64_t asked_us,
                                                        struct error *err);
/* Opens the repository of the mirror, cloning it if need be, unless it is open already. Readiness does not depend on it. */
CHECK_RESULT enum status package_set_service_open_mirror(struct package_set_service *service, struct deadline *deadline,
                                                         struct error *err);

/* For struct job_service; `context` is the service. */
enum status package_set_service_start(void *context, struct error *err);
void package_set_service_stop(void *context);
void package_set_service_measure(void *context, struct metrics *metrics);
int64_t package_set_service_count_alarms(void *context);
void package_set_service_check(void *context, struct job_service_checks *checks, struct deadline *deadline);
void package_set_service_use_secrets(void *context);

/* The job handler; `context` is the service (update_job.c). */
enum status update_job_run(void *context, struct job_run *run, struct error *err);

#endif
