/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/registry/registry_access.h"

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

enum { LOCK_WAIT_MS = 10000 };

static enum status open_repository(struct registry_repo **repo, const char *url, const char *clone_folder,
                                   const struct settings *settings, struct deadline *deadline, struct error *err) {
    struct registry_repo_options options = {.url = url,
                                            .clone_folder = clone_folder,
                                            .token = settings->pacchettibotti_token,
                                            .authorities = settings->git_ca_file};
    return registry_repo_open(repo, &options, deadline, err);
}

/* change_queue_options.begin: rules are checked against the registry as it is under the lock. */
static enum status refresh_view(void *context, struct deadline *limit, struct error *err) {
    struct registry_access *access = context;
    return registry_view_refresh(access->view, limit, err);
}

static void create_queues(struct registry_access *access, int64_t hold_ms) {
    struct change_queue_options options = {
        .repo = access->registry, .lock_name = CHANGE_QUEUE_REGISTRY, .hold_ms = hold_ms, .wait_ms = LOCK_WAIT_MS};
    access->registry_queue = change_queue_create(&options);
    options.repo = access->index;
    options.lock_name = CHANGE_QUEUE_INDEX;
    options.first = access->registry_queue;
    options.begin = refresh_view;
    options.context = access;
    access->index_queue = change_queue_create(&options);
}

enum status registry_access_open(struct registry_access *out, const struct settings *settings, const char *clone_folder,
                                 struct deadline *deadline, struct error *err) {
    int64_t start_ms = clock_monotonic_ms();
    struct arena arena = {0};
    *out = (struct registry_access){0};
    enum status status = open_repository(&out->registry, settings->registry_repo,
                                         arena_format(&arena, "%s/registry.git", clone_folder), settings, deadline, err);
    if (!status)
        status = open_repository(&out->index, settings->registry_index_repo,
                                 arena_format(&arena, "%s/registry-index.git", clone_folder), settings, deadline, err);
    arena_release(&arena);
    if (status) return status;
    out->view = registry_view_create(out->registry, out->index);
    status = registry_view_refresh(out->view, deadline, err);
    if (status) return status;
    log_line(LOG_INFO, "registry_loaded", log_field("took_ms", clock_monotonic_ms() - start_ms));
    create_queues(out, settings->lease_ms);
    out->upkeep = registry_upkeep_start(out->registry, out->index);
    return STATUS_OK;
}

void registry_access_set_token(struct registry_access *access, const char *token) {
    registry_repo_set_token(access->registry, token);
    registry_repo_set_token(access->index, token);
}

void registry_access_close(struct registry_access *access) {
    registry_upkeep_stop(access->upkeep);
    change_queue_free(access->index_queue);
    change_queue_free(access->registry_queue);
    registry_view_free(access->view);
    registry_repo_free(access->index);
    registry_repo_free(access->registry);
    *access = (struct registry_access){0};
}
