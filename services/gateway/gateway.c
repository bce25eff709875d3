/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/gateway.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/digest_set.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/domain/identity/signer.h"
#include "lib/tools/http/health_check.h"
#include "services/gateway/backend/service_asker.h"
#include "services/gateway/http/clients.h"
#include "services/gateway/http/server.h"
#include "services/gateway/monitor/status_board.h"
#include "services/gateway/monitor/takedown_news.h"
#include "services/gateway/routes/file_hashes.h"
#include "services/gateway/routes/openapi.h"
#include "services/gateway/stream/hub.h"
#include "services/gateway/trustee/trustee_token.h"
#include "services/gateway/web/api_page.h"

enum {
    LOOKUP_THREADS = 3,       /* at most this many message threads of the publish service may wait for GitHub */
    LOOKUP_THREADS_KNOWN = 1, /* of these, reserved for known tokens, so that invented ones cannot delay them */
    LOOKUP_TIMEOUT_MS = 8000, /* longer than the service's own time limit */
    QUESTION_THREADS = 4,
    QUESTION_TIMEOUT_MS = 1500, /* the same as OUTAGE_WAIT_MS (call.h) */
};

const char *service_name(size_t service) {
    return program_name(service_program((enum service)service));
}

struct message_client *gateway_service_for(const struct gateway *gateway, enum job_kind kind) {
    for (size_t i = 0; i < SERVICE_COUNT; i++)
        if (strcmp(service_name(i), job_kind_service(kind)) == 0) return gateway->services[i];
    assert(!"job_kinds.def names a service that programs.def does not have");
    return NULL;
}

static enum status create_clients(struct gateway *gateway, struct error *err) {
    const struct settings *settings = gateway->settings;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < SERVICE_COUNT && !status; i++)
        status = message_client_create(
            &gateway->services[i],
            &(struct message_client_options){.address = settings_service_address(settings, (enum service)i),
                                             .service_key = settings->service_key},
            err);
    return status;
}

/* health_check_options.is_ready. New alarms (jobs that need an operator) are reported once as not ready, with their number. */
static bool is_ready(void *context, struct text *reasons) {
    struct readiness *readiness = ((struct gateway *)context)->readiness;
    bool is_ready = readiness_check(readiness, reasons);
    int64_t alarms = readiness_take_alarms(readiness);
    if (alarms)
        text_append_format(reasons, "\n%lld jobs need an operator: see the ERROR lines of the services' logs.",
                           (long long)alarms);
    return is_ready && alarms == 0;
}

/* health_check_options.take_news: takedown cases, by reference and package alone. */
static void take_news(void *context, struct text *news) {
    takedown_news_take(((struct gateway *)context)->takedown_news, news);
}

static void note_told(void *context) {
    takedown_news_note_told(((struct gateway *)context)->takedown_news);
}

static enum status start_health_check(struct gateway *gateway, struct error *err) {
    if (!gateway->settings->healthchecks_url) return STATUS_OK;
    const struct health_check_options options = {.url = gateway->settings->healthchecks_url,
                                                 .interval_ms = (int)gateway->settings->healthchecks_interval_ms,
                                                 .retry_ms = HEALTH_CHECK_RETRY_MS,
                                                 .is_ready = is_ready,
                                                 .take_news = take_news,
                                                 .note_told = note_told,
                                                 .context = gateway};
    enum status status = takedown_news_create(&gateway->takedown_news, gateway->settings->redis_url, err);
    return status ? status : health_check_create(&gateway->health_check, &options, err);
}

/* Atomically writes STATE_DIR/gateway.ports: `server=PORT` and `management=PORT`, which the system may have chosen. */
static enum status write_ports(const struct gateway *gateway, struct error *err) {
    enum status status = STATUS_OK;
    struct text path = {0}, draft = {0};
    text_append_format(&path, "%s/gateway.ports", gateway->settings->state_dir);
    text_append_format(&draft, "%s.new", path.bytes);
    FILE *file = fopen(draft.bytes, "we");
    bool is_written = file && fprintf(file, "server=%d\nmanagement=%d\n", server_port(gateway->server),
                                      server_management_port(gateway->server)) > 0;
    if (file && fclose(file) != 0) is_written = false;
    if (!is_written || rename(draft.bytes, path.bytes) != 0)
        status = error_set(err, STATUS_INTERNAL, "%s cannot be written: %s.", path.bytes, strerror(errno));
    text_release(&draft);
    text_release(&path);
    return status;
}

static enum status start_trustees(struct gateway *gateway, struct error *err) {
    const struct settings *settings = gateway->settings;
    unsigned char digest[SHA256_BYTES];
    gateway->trustee_failures = rate_limit_create(TRUSTEE_FAILURES_PER_MINUTE);
    gateway->trustee_look_ups = rate_limit_create(TRUSTEE_FAILURES_PER_MINUTE);
    gateway->trustee_tokens = digest_set_create();
    if (settings->trustee_token_sha256) {
        enum status status = trustee_digest_parse(digest, settings->trustee_token_sha256, err);
        if (status) return status;
    }
    if (!settings->trustee_lookup) return STATUS_OK;
    const struct service_asker_options options = {
        .client = gateway->services[SERVICE_PUBLISH],
        .threads = LOOKUP_THREADS,
        .preferred_threads = LOOKUP_THREADS_KNOWN,
        .timeout_ms = LOOKUP_TIMEOUT_MS,
        .busy = "Too many tokens are being looked up: try again in a few seconds.",
    };
    return service_asker_create(&gateway->trustee_asker, &options, err);
}

/* Starts the threads that ask this service about the registry. */
static enum status start_questions(struct service_asker **out, const struct gateway *gateway, enum service service,
                                   struct error *err) {
    const struct service_asker_options options = {
        .client = gateway->services[service],
        .threads = QUESTION_THREADS,
        .timeout_ms = QUESTION_TIMEOUT_MS,
        .busy = "The registry is very busy: try again in a few seconds.",
    };
    return service_asker_create(out, &options, err);
}

enum status gateway_start(struct gateway *gateway, const struct settings *settings, struct error *err) {
    *gateway = (struct gateway){.settings = settings};
    openapi_append(&gateway->openapi);
    api_page_append(&gateway->api_page, gateway->openapi.bytes);
    gateway->clients = clients_create();
    gateway->file_hashes = file_hashes_create();
    gateway->kept_answers = kept_answers_create(KEPT_ANSWER_BYTES);
    gateway->post_limit = rate_limit_create(settings->post_limit_per_minute);
    gateway->unknown_packages = rate_limit_create(UNKNOWN_PACKAGES_PER_MINUTE);
    gateway->takedowns = rate_limit_create(TAKEDOWNS_PER_MINUTE);
    enum status status = trusted_proxies_parse(&gateway->proxies, settings->trusted_proxies, err);
    if (!status)
        status =
            signer_read_pacchettibotti(&gateway->pacchettibotti, settings->pacchettibotti_public_key, &gateway->arena, err);
    if (!status) status = create_clients(gateway, err);
    if (!status)
        status = store_executor_create(&gateway->pool, settings->redis_url, (size_t)settings->gateway_store_threads, err);
    if (!status) status = hub_create(&gateway->hub, settings->redis_url, (size_t)settings->gateway_threads, err);
    if (!status) status = readiness_create(&gateway->readiness, gateway, err);
    if (!status) status = metrics_collector_create(&gateway->metrics, gateway, err);
    if (!status) status = status_board_create(&gateway->status_board, gateway, err);
    if (!status) status = start_trustees(gateway, err);
    if (!status) status = start_questions(&gateway->matrix_asker, gateway, SERVICE_BUILD_MATRIX, err);
    if (!status) status = start_questions(&gateway->set_asker, gateway, SERVICE_PACKAGE_SET, err);
    if (!status) status = server_create(&gateway->server, gateway, err);
    if (!status) status = write_ports(gateway, err);
    if (!status) status = start_health_check(gateway, err);
    if (status) return status;
    log_line(LOG_INFO, "listener_started", log_field("address", settings->server_address),
             log_field("port", server_port(gateway->server)),
             log_field("management_port", server_management_port(gateway->server)),
             log_field("has_tls", (bool)settings->tls_key));
    return STATUS_OK;
}

void gateway_stop(struct gateway *gateway) {
    atomic_store(&gateway->is_draining, true);
    health_check_free(gateway->health_check);
    takedown_news_free(gateway->takedown_news);
    if (gateway->hub) hub_stop(gateway->hub);
    if (gateway->server) server_drain(gateway->server);
    status_board_free(gateway->status_board);
    readiness_free(gateway->readiness);
    metrics_collector_free(gateway->metrics);
    service_asker_free(gateway->trustee_asker);
    service_asker_free(gateway->matrix_asker);
    service_asker_free(gateway->set_asker);
    hub_free(gateway->hub);
    store_executor_free(gateway->pool);
    file_hashes_free(gateway->file_hashes);
    kept_answers_free(gateway->kept_answers);
    bool is_freed = server_free(gateway->server);
    for (size_t i = 0; i < SERVICE_COUNT; i++)
        message_client_free(gateway->services[i]);
    rate_limit_free(gateway->trustee_failures);
    rate_limit_free(gateway->trustee_look_ups);
    rate_limit_free(gateway->unknown_packages);
    rate_limit_free(gateway->takedowns);
    digest_set_free(gateway->trustee_tokens);
    rate_limit_free(gateway->post_limit);
    trusted_proxies_free(gateway->proxies);
    text_release(&gateway->openapi);
    text_release(&gateway->api_page);
    arena_release(&gateway->arena);
    if (is_freed) clients_free(gateway->clients);
}
