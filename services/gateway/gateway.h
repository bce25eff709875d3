/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The gateway's shared state. The gateway checks the form of a request, makes the job in Redis, tells the service, and answers;
 * it applies no registry rules and never waits for a build.
 */
#ifndef SERVICES_GATEWAY_GATEWAY_H
#define SERVICES_GATEWAY_GATEWAY_H

#include <stdatomic.h>

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "lib/base/settings.h"
#include "lib/base/text.h"
#include "lib/domain/job/job.h"
#include "lib/service/message/message_client.h"
#include "services/gateway/backend/kept_answers.h"
#include "services/gateway/backend/store_executor.h"
#include "services/gateway/http/client_address.h"
#include "services/gateway/http/rate_limit.h"
#include "services/gateway/monitor/metrics_collector.h"
#include "services/gateway/monitor/readiness.h"

struct clients;
struct digest_set;
struct file_hashes;
struct health_check;
struct hub;
struct owner;
struct server;
struct service_asker;
struct status_board;
struct takedown_news;

/* Limits for the bytes of answers that clients have not read yet, so that slow readers of long logs do not fill the memory. */
enum { ANSWER_BYTES_MAX = 512 << 20, ANSWER_BYTES_PER_ADDRESS = 64 << 20 };

/* Limit for the answers about finished jobs that are kept. */
enum { KEPT_ANSWER_BYTES = 32 << 20 };

/* Limit of POST /api/v1/trustee per address (services/gateway/README.md, Trustee requests), for failures and, separately, for
 * look-ups of unknown tokens. */
enum { TRUSTEE_FAILURES_PER_MINUTE = 5 };

/* Limit per address for GETs of unknown packages, versions or package sets, for each of which a service reads both git
 * repositories. */
enum { UNKNOWN_PACKAGES_PER_MINUTE = 60 };

/* Limit per address for takedown cases, each of which an operator reads. */
enum { TAKEDOWNS_PER_MINUTE = 3 };

/* job.credential if the token was the configured one. */
#define TRUSTEE_CREDENTIAL "PACCHETTIBOTTI_TOKEN"

/* Set by gateway_start() and then only read, except atomic fields. All parts are thread-safe. */
struct gateway {
    const struct settings *settings;
    struct arena arena;                 /* of the next */
    const struct owner *pacchettibotti; /* the key that may sign requests for package sets; NULL: it is not configured */
    atomic_bool is_draining;
    atomic_int_fast64_t answer_bytes; /* of answers being sent */
    atomic_int_fast64_t readers;      /* of logs, live */
    struct trusted_proxies *proxies;
    struct clients *clients;
    struct rate_limit *post_limit;
    struct rate_limit *trustee_failures;
    struct rate_limit *trustee_look_ups; /* of tokens that turned out to be invalid */
    struct digest_set *trustee_tokens;   /* known to be a trustee's; their look-ups are preferred */
    struct rate_limit *unknown_packages; /* look-ups that read the repositories again */
    struct rate_limit *takedowns;
    struct message_client *services[SERVICE_COUNT];
    struct service_asker *trustee_asker; /* looks up tokens' owners; NULL: TRUSTEE_LOOKUP is not set */
    struct service_asker *matrix_asker;  /* packages, plans of builds, and whether changes still hold */
    struct service_asker *set_asker;     /* package sets */
    struct store_executor *pool;
    struct hub *hub;
    struct kept_answers *kept_answers; /* about finished jobs */
    atomic_ullong matrix_tag;          /* of the matrix's file that is kept among these (get_matrix.c); 0: none */
    struct file_hashes *file_hashes;   /* of tarballs */
    struct readiness *readiness;
    struct metrics_collector *metrics;
    struct status_board *status_board;   /* GET /status */
    struct health_check *health_check;   /* NULL: HEALTHCHECKS_URL is not set */
    struct takedown_news *takedown_news; /* for it */
    struct text openapi;                 /* GET /api/v1/openapi.json */
    struct text api_page;                /* GET /docs/api: the same as a page */
    struct server *server;
};

/* Starts to serve. `settings` is borrowed. Call gateway_stop() even after a failure. */
CHECK_RESULT enum status gateway_start(struct gateway *gateway, const struct settings *settings, struct error *err);

/* Lets running requests end, then frees everything. */
void gateway_stop(struct gateway *gateway);

const char *service_name(size_t service); /* of an enum service */

/* The client of the service that runs jobs of this kind. */
struct message_client *gateway_service_for(const struct gateway *gateway, enum job_kind kind);

#endif
