/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/publish/publish_service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/folder.h"
#include "lib/base/json_writer.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

enum { START_TIMEOUT_MS = 600000, READY_TIMEOUT_MS = 1500, LOCK_WAIT_MS = 10000, LOCK_POLL_MS = 20 };

/* A service that was killed in the middle of a fork leaves a child that holds its lock until it notices. */
static bool lock_file(int file) {
    int64_t end_ms = clock_monotonic_ms() + LOCK_WAIT_MS;
    while (flock(file, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK || clock_monotonic_ms() > end_ms) return false;
        poll(NULL, 0, LOCK_POLL_MS);
    }
    return true;
}

/* WORK_DIR is one service's: what a killed one left in it is removed at start. */
static enum status open_work_folder(struct publish_service *service, struct error *err) {
    const char *base = service->settings.work_dir;
    struct arena arena = {0};
    enum status status = folder_make(base, err);
    if (status) goto out;
    const char *lock = arena_format(&arena, "%s/lock", base);
    service->work_folder_lock = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (service->work_folder_lock < 0 || !lock_file(service->work_folder_lock)) {
        status = error_set_at(err, STATUS_INVALID, "WORK_DIR",
                              "WORK_DIR: %s is used by another service, or cannot be locked: %s.", base, strerror(errno));
        goto out;
    }
    folder_remove(arena_format(&arena, "%s/runs", base));
    status = folder_make(arena_format(&arena, "%s/runs", base), err);
    if (!status) status = folder_make(arena_format(&arena, "%s/tarballs", base), err);
out:
    arena_release(&arena);
    return status;
}

static enum status open_compilers(struct publish_service *service, struct deadline *deadline, struct error *err) {
    const struct settings *settings = &service->settings;
    enum status status = sandbox_init(&service->sandbox, settings->compiler_user, deadline, err);
    if (!status && !service->sandbox.is_isolating) log_line(LOG_WARN, "no sandbox", "reason=\"%s\"", service->sandbox.warning);
    if (!status) status = sandbox_check_reachable(&service->sandbox, settings->work_dir, false, err);
    if (!status)
        status = compilers_find(&service->compilers, settings->compilers, getenv("PATH"), &service->sandbox, deadline, err);
    if (status) return status;
    service->compiler_versions = memory_alloc(service->compilers.count * sizeof *service->compiler_versions);
    for (size_t i = 0; i < service->compilers.count; i++) {
        char version[VERSION_TEXT_MAX];
        service->compiler_versions[i] = service->compilers.items[i].version;
        version_print(service->compiler_versions[i], version);
        log_line(LOG_INFO, "compiler", "version=%s path=\"%s\"", version, service->compilers.items[i].path);
    }
    if (service->compilers.count == 0)
        log_line(LOG_WARN, "no compiler", "hint=\"set REGISTRY_COMPILERS to a folder with purs-X_Y_Z executables\"");
    return STATUS_OK;
}

static enum status open_repository(struct publish_service *service, struct registry_repo **repo, const char *url,
                                   const char *clone, struct deadline *deadline, struct error *err) {
    struct arena arena = {0};
    struct registry_repo_options options = {
        .url = url,
        .clone_folder = arena_format(&arena, "%s/clone/%s", service->settings.work_dir, clone),
        .token = service->settings.pacchettibotti_token,
    };
    enum status status = registry_repo_open(repo, &options, deadline, err);
    arena_release(&arena);
    return status;
}

static enum status open_registry(struct publish_service *service, struct deadline *deadline, struct error *err) {
    int64_t start_ms = clock_monotonic_ms();
    enum status status =
        open_repository(service, &service->registry, service->settings.registry_repo, "registry.git", deadline, err);
    if (!status)
        status = open_repository(service, &service->index, service->settings.registry_index_repo, "registry-index.git",
                                 deadline, err);
    if (status) return status;
    service->view = registry_view_create(service->registry, service->index);
    status = registry_view_refresh(service->view, deadline, err);
    if (!status) log_line(LOG_INFO, "registry loaded", "ms=%lld", (long long)(clock_monotonic_ms() - start_ms));
    return status;
}

/* change_queue_options.begin: rules are looked up in the registry as it is under the lock. */
static enum status refresh_view(void *context, struct deadline *limit, struct error *err) {
    struct publish_service *service = context;
    return registry_view_refresh(service->view, limit, err);
}

static void create_queues(struct publish_service *service) {
    struct change_queue_options options = {.repo = service->registry,
                                           .lock_name = CHANGE_QUEUE_REGISTRY,
                                           .hold_ms = service->settings.lease_ms,
                                           .wait_ms = LOCK_WAIT_MS};
    service->registry_queue = change_queue_create(&options);
    options.repo = service->index;
    options.lock_name = CHANGE_QUEUE_INDEX;
    options.first = service->registry_queue;
    options.begin = refresh_view;
    options.context = service;
    service->index_queue = change_queue_create(&options);
}

enum status publish_service_init(struct publish_service *service, struct error *err) {
    struct deadline deadline;
    deadline_start(&deadline, START_TIMEOUT_MS);
    service->work_folder_lock = -1;
    enum status status = open_work_folder(service, err);
    if (!status) status = tarball_store_open(&service->tarballs, &service->settings, err);
    if (!status) status = open_compilers(service, &deadline, err);
    if (!status) status = open_registry(service, &deadline, err);
    if (!status) create_queues(service);
    return status;
}

void publish_service_release(struct publish_service *service) {
    change_queue_free(service->index_queue);
    change_queue_free(service->registry_queue);
    registry_view_free(service->view);
    registry_repo_free(service->index);
    registry_repo_free(service->registry);
    compilers_release(&service->compilers);
    free(service->compiler_versions);
    tarball_store_free(service->tarballs);
    if (service->work_folder_lock >= 0) close(service->work_folder_lock);
    settings_release(&service->settings);
}

void publish_service_reload(struct publish_service *service) {
    struct error err;
    if (settings_reload_secrets(&service->settings, PROGRAM_PUBLISH, &err))
        log_line(LOG_ERROR, "secrets not all read again", "error=\"%s\"", err.message);
    else
        log_line(LOG_INFO, "secrets read again", "has_token=%s", service->settings.pacchettibotti_token ? "yes" : "no");
    registry_repo_set_token(service->registry, service->settings.pacchettibotti_token);
    registry_repo_set_token(service->index, service->settings.pacchettibotti_token);
}

/* ---- Readiness ---- */

static bool append_check(struct json_writer *writer, const char *check, enum status status, const char *message) {
    json_writer_item(writer);
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "check", check);
    json_writer_key(writer, "ok");
    json_writer_raw(writer, status ? "false" : "true");
    if (*message) json_writer_text_field(writer, "message", message);
    json_writer_close(writer, '}');
    return status == STATUS_OK;
}

bool publish_service_is_ready(struct publish_service *service, struct text *reasons) {
    struct json_writer writer = {.out = reasons};
    struct error err = {0};
    struct deadline deadline;
    deadline_start(&deadline, READY_TIMEOUT_MS);
    json_writer_open(&writer, '[');
    enum status status = tarball_store_check(service->tarballs, &deadline, &err);
    bool is_ready = append_check(&writer, "storage", status, err.message);
    err = (struct error){0};
    status = registry_repo_fetch(service->registry, &deadline, NULL, &err);
    is_ready = append_check(&writer, "registry repository", status, err.message) && is_ready;
    err = (struct error){0};
    status = registry_repo_fetch(service->index, &deadline, NULL, &err);
    is_ready = append_check(&writer, "index repository", status, err.message) && is_ready;
    status = service->compilers.count ? STATUS_OK : STATUS_UNAVAILABLE;
    is_ready =
        append_check(&writer, "compilers", status, status ? "No compiler was found: set REGISTRY_COMPILERS." : "") && is_ready;
    append_check(&writer, "sandbox", STATUS_OK, service->sandbox.warning);
    json_writer_close(&writer, ']');
    return is_ready;
}
