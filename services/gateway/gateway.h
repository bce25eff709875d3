/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The gateway as a whole: what its requests share. It checks the form of a request, makes the job in Redis, tells the service,
 * and answers; it has no registry rules and never waits for a build.
 */
#ifndef SERVICES_GATEWAY_GATEWAY_H
#define SERVICES_GATEWAY_GATEWAY_H

#include <stdatomic.h>

#include "lib/base/error.h"
#include "lib/base/settings.h"
#include "lib/base/text.h"
#include "lib/domain/job.h"
#include "lib/service/message_client.h"
#include "services/gateway/client_address.h"
#include "services/gateway/figures.h"
#include "services/gateway/rate_limit.h"
#include "services/gateway/readiness.h"
#include "services/gateway/store_pool.h"
#include "services/gateway/tail.h"

struct clients;
struct digest_set;
struct file_hashes;
struct health_check;
struct server;
struct service_asker;

/* Most bytes of answers that wait for their clients to read them: slow readers of long logs must not fill the memory. */
enum { ANSWER_BYTES_MAX = 512 << 20, ANSWER_BYTES_PER_ADDRESS = 64 << 20 };

/* Of POST /api/v1/trustee, from one address (services/gateway/README.md, Trustee requests): failures, and look-ups of tokens
 * that are nobody's. */
enum { TRUSTEE_FAILURES_PER_MINUTE = 5 };

/* GETs of unknown packages or versions from one address: for each, build-matrix reads both git repositories again. */
enum { UNKNOWN_PACKAGES_PER_MINUTE = 60 };

/* job.credential, where the token was the configured one. */
#define TRUSTEE_CREDENTIAL "PACCHETTIBOTTI_TOKEN"

/* Filled by gateway_start() and only read from then on, except what is atomic; each part is safe from any thread. */
struct gateway {
    const struct settings *settings;
    atomic_bool is_draining;
    atomic_int_fast64_t answer_bytes; /* of the answers that are being sent */
    struct trusted_proxies *proxies;
    struct clients *clients;
    struct rate_limit *post_limit;
    struct rate_limit *trustee_failures;
    struct rate_limit *trustee_look_ups; /* of tokens that turned out to be nobody's */
    struct digest_set *trustee_tokens;   /* that were seen to be a trustee's; they are asked about first */
    struct rate_limit *unknown_packages; /* for which the repositories were read again */
    struct message_client *services[SERVICE_COUNT];
    struct service_asker *trustee_asker; /* whose a token is; NULL where TRUSTEE_LOOKUP is not set */
    struct service_asker *matrix_asker;  /* packages, and plans of builds */
    struct store_pool *pool;
    struct tail *tail;
    struct file_hashes *file_hashes; /* of tarballs */
    struct readiness *readiness;
    struct figures *figures;
    struct health_check *health_check; /* NULL where no HEALTHCHECKS_URL is set */
    struct text openapi;               /* GET /api/v1/openapi.json */
    struct server *server;
};

/* `settings` is borrowed. gateway_stop() is to be called in any case. */
CHECK_RESULT enum status gateway_start(struct gateway *gateway, const struct settings *settings, struct error *err);

/* Lets what is under way end, then frees everything. */
void gateway_stop(struct gateway *gateway);

const char *service_name(size_t service);

/* The client of the service that runs jobs of this kind; NULL where that service is not there yet. */
struct message_client *gateway_service_for(const struct gateway *gateway, enum job_kind kind);

#endif
