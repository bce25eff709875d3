/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/package-set/package_set_service.h"

#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/folder.h"
#include "lib/base/log.h"
#include "lib/domain/identity/signer.h"
#include "lib/domain/set/set_history.h"
#include "lib/service/message/message_client.h"
#include "lib/store/job/connection_pool.h"
#include "services/package-set/schedule.h"
#include "services/package-set/set_follower.h"
#include "services/package-set/webhook_events.h"
#include "services/package-set/webhooks.h"

enum {
    START_TIMEOUT_MS = 600000,
    MIRROR_SILENCE_MS = 20000,   /* of its host */
    MIRROR_LOCK_WAIT_MS = 10000, /* only updates write to it, one at a time */
};

enum status package_set_service_init(struct package_set_service *service, struct error *err) {
    const struct settings *settings = &service->settings;
    struct deadline deadline;
    deadline_start(&deadline, START_TIMEOUT_MS);
    enum status status = folder_claim(&service->folder_claim, settings->package_set_dir, err);
    if (status) return error_prefix(err, "PACKAGE_SET_DIR");
    status = schedule_check_settings(service, err);
    if (!status) status = signer_check_private_key(settings->pacchettibotti_private_key, err);
    if (!status) status = connection_pool_create(&service->stores, settings->redis_url, err);
    if (!status) status = registry_access_open(&service->repositories, settings, settings->package_set_dir, &deadline, err);
    if (status) return status;
    fresh_view_init(&service->fresh, &service->repositories, service->stores);
    service->sets = registry_sets_create(service->repositories.registry, service->repositories.view);
    return registry_sets_follow(service->sets, err);
}

void package_set_service_release(struct package_set_service *service) {
    registry_sets_free(service->sets);
    registry_access_close(&service->repositories); /* with the upkeep, which uses the mirror */
    change_queue_free(service->mirror_queue);
    registry_repo_free(service->mirror);
    connection_pool_free(service->stores);
    if (service->folder_claim >= 0) close(service->folder_claim);
    settings_release(&service->settings);
}

enum status package_set_service_open_mirror(struct package_set_service *service, struct deadline *deadline, struct error *err) {
    const struct settings *settings = &service->settings;
    struct arena arena = {0};
    struct registry_repo *mirror = NULL;
    if (service->mirror) return STATUS_OK;
    struct registry_repo_options options = {.url = settings->legacy_package_sets_repo,
                                            .clone_folder =
                                                arena_format(&arena, "%s/package-sets.git", settings->package_set_dir),
                                            .token = settings->pacchettibotti_token,
                                            .authorities = settings->git_ca_file,
                                            .silence_ms = MIRROR_SILENCE_MS};
    enum status status = registry_repo_open(&mirror, &options, deadline, err);
    arena_release(&arena);
    if (status) return status;
    service->mirror = mirror;
    registry_repo_set_token(mirror, settings->pacchettibotti_token); /* if it was replaced meanwhile */
    service->mirror_queue = change_queue_create(&(struct change_queue_options){
        .repo = mirror, .lock_name = CHANGE_QUEUE_MIRROR, .hold_ms = settings->lease_ms, .wait_ms = MIRROR_LOCK_WAIT_MS});
    registry_upkeep_add(service->repositories.upkeep, mirror);
    return STATUS_OK;
}

static enum status connect_to_build_matrix(struct package_set_service *service, struct error *err) {
    const struct settings *settings = &service->settings;
    const struct message_client_options options = {.address = settings_service_address(settings, SERVICE_BUILD_MATRIX),
                                                   .service_key = settings->service_key};
    return message_client_create(&service->build_matrix, &options, err);
}

/* webhook_sources.follow */
static void follow(void *context) {
    package_set_service_follow(context);
}

static enum status start_webhooks(struct package_set_service *service, struct error *err) {
    const struct webhook_sources sources = {
        .view = service->repositories.view, .sets = service->sets, .follow = follow, .context = service};
    return webhooks_create(&service->webhooks, &sources, &service->settings, err);
}

enum status package_set_service_start(void *context, struct error *err) {
    struct package_set_service *service = context;
    enum status status = connect_to_build_matrix(service, err);
    if (!status) status = set_follower_start(&service->follower, service->repositories.view, service->sets, err);
    if (!status) status = schedule_create(&service->schedule, service, err);
    if (!status) status = start_webhooks(service, err);
    if (status) package_set_service_stop(service);
    return status;
}

void package_set_service_stop(void *context) {
    struct package_set_service *service = context;
    webhooks_free(service->webhooks);
    schedule_free(service->schedule);
    set_follower_stop(service->follower);
    message_client_free(service->build_matrix);
    service->webhooks = NULL;
    service->schedule = NULL;
    service->follower = NULL;
    service->build_matrix = NULL;
}

void package_set_service_measure(void *context, struct metrics *metrics) {
    struct package_set_service *service = context;
    schedule_measure(service->schedule, metrics);
    webhooks_measure(service->webhooks, metrics);
    metrics_add(metrics, METRIC_GAUGE, "registry_package_set_files_malformed",
                "Files in package-sets/ that are no package set, and are left out.", NULL,
                (double)registry_sets_state(service->sets).skipped_files);
}

int64_t package_set_service_count_alarms(void *context) {
    const struct package_set_service *service = context;
    return webhooks_alarms(service->webhooks);
}

bool package_set_service_latest(struct package_set_service *service, struct package_set *out, struct arena *arena) {
    const struct set_history *history = registry_sets_lock(service->sets);
    const struct released_set *latest = set_history_at(history, 0);
    bool is_found = latest && set_history_read(out, history, latest->version, arena);
    registry_sets_unlock(service->sets);
    return is_found;
}

enum status package_set_service_check_newest(const struct newest_set *newest, struct error *err) {
    char version[VERSION_TEXT_MAX];
    version_print(newest->version, version);
    if (!newest->problem) return STATUS_OK;
    return error_set(err, STATUS_REFUSED,
                     "The latest package set, package-sets/%s.json in the registry repository, cannot be read, so no update "
                     "can start from it: %s",
                     version, newest->problem);
}

void package_set_service_follow(struct package_set_service *service) {
    struct error err;
    fresh_view_follow(&service->fresh);
    if (registry_sets_follow(service->sets, &err))
        log_line(LOG_DEBUG, "registry_refresh_failed", log_field("error", err.message));
}

enum status package_set_service_look_again(struct package_set_service *service, int64_t asked_us, struct error *err) {
    enum status status = fresh_view_look_again(&service->fresh, asked_us, err);
    return status ? status : registry_sets_follow(service->sets, err);
}

void package_set_service_use_secrets(void *context) {
    struct package_set_service *service = context;
    registry_access_set_token(&service->repositories, service->settings.pacchettibotti_token);
    if (service->mirror) registry_repo_set_token(service->mirror, service->settings.pacchettibotti_token);
}

void package_set_service_check(void *context, struct job_service_checks *checks, struct deadline *deadline) {
    struct package_set_service *service = context;
    job_service_check_folder(checks, "PACKAGE_SET_DIR", service->settings.package_set_dir);
    job_service_check_repositories(checks, &service->repositories, deadline);
}
