/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/build-matrix/matrix_service.h"

#include <string.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/folder.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/domain/matrix/work_order.h"
#include "lib/store/job/connection_pool.h"
#include "lib/store/redis/matrix_store.h"
#include "lib/store/registry/registry_sets.h"
#include "services/build-matrix/commit/committer.h"
#include "services/build-matrix/commit/matrix_end.h"
#include "services/build-matrix/dispatch/dispatcher.h"
#include "services/build-matrix/plan/planner.h"
#include "services/build-matrix/plan/planner_events.h"
#include "services/build-matrix/query/matrix_book.h"

enum { START_TIMEOUT_MS = 600000 };

enum status matrix_service_init(struct matrix_service *service, struct error *err) {
    const struct settings *settings = &service->settings;
    struct arena arena = {0};
    struct deadline deadline;
    service->folder_claim = -1;
    deadline_start(&deadline, START_TIMEOUT_MS);
    enum status status = folder_claim(&service->folder_claim, settings->matrix_dir, err);
    if (status) error_prefix(err, "MATRIX_DIR");
    if (!status) status = connection_pool_create(&service->stores, settings->redis_url, err);
    if (!status)
        status = registry_access_open(&service->repositories, settings, arena_format(&arena, "%s/clone", settings->matrix_dir),
                                      &deadline, err);
    if (!status) status = registry_view_refresh(service->repositories.view, &deadline, err);
    if (!status) {
        fresh_view_init(&service->fresh, &service->repositories, service->stores);
        service->sets = registry_sets_create(service->repositories.registry, service->repositories.view);
        status = registry_sets_follow(service->sets, err);
        service->book = matrix_book_create(service);
    }
    arena_release(&arena);
    return status;
}

void matrix_service_release(struct matrix_service *service) {
    matrix_book_free(service->book);
    registry_sets_free(service->sets);
    registry_access_close(&service->repositories);
    connection_pool_free(service->stores);
    if (service->folder_claim >= 0) close(service->folder_claim);
    settings_release(&service->settings);
}

enum status matrix_service_start(void *context, struct error *err) {
    struct matrix_service *service = context;
    enum status status = committer_create(&service->committer, service, err);
    if (!status) status = dispatcher_create(&service->dispatcher, service, err);
    if (!status) status = planner_create(&service->planner, service, err);
    if (status) matrix_service_stop(service);
    return status;
}

/* Stops the planner, which makes jobs, then the dispatcher, then the committer, which commits the remaining results. */
void matrix_service_stop(void *context) {
    struct matrix_service *service = context;
    planner_free(service->planner);
    dispatcher_free(service->dispatcher);
    committer_free(service->committer);
    service->planner = NULL;
    service->dispatcher = NULL;
    service->committer = NULL;
}

void matrix_service_announce(void *context, const struct message *message) {
    struct matrix_service *service = context;
    (void)message;
    dispatcher_wake(service->dispatcher);
}

void matrix_service_use_secrets(void *context) {
    struct matrix_service *service = context;
    registry_access_set_token(&service->repositories, service->settings.pacchettibotti_token);
}

/* ---- Health checks and metrics ---- */

/* Appends the names of the settings whose folders are on a full disk, according to the worker's metrics. */
static void list_full_disks(struct text *out, const struct worker_entry *worker) {
    json_t *list = NULL;
    const json_t *metric;
    size_t i;
    if (!worker->metrics || json_read(&list, worker->metrics, strlen(worker->metrics), "The metrics of a worker", NULL)) return;
    json_array_foreach(list, i, metric) {
        if (!text_equal(json_string_value(json_object_get(metric, "name")), BUILD_METRIC_DISK_FULL) ||
            json_number_value(json_object_get(metric, "value")) < 1)
            continue;
        const char *setting = json_string_value(json_object_get(json_object_get(metric, "labels"), "setting"));
        text_append_format(out, "%s%s", out->length ? ", " : "", setting ? setting : "a folder");
    }
    json_decref(list);
}

/* A worker with a full disk returns the jobs that it gets, so the check fails only if no worker can build. */
static enum status check_workers(struct matrix_service *service, const struct worker_entry *workers, size_t count,
                                 struct error *err) {
    struct text all = {0};
    size_t unable = 0; /* BUILD_DIR is full; a full disk of the build store prevents no build */
    for (size_t i = 0; i < count; i++) {
        struct text settings = {0};
        list_full_disks(&settings, &workers[i]);
        unable += strstr(text_view(&settings), "BUILD_DIR") != NULL;
        if (settings.length > 0) text_append_format(&all, "%s%s (%s)", all.length ? ", " : "", workers[i].id, settings.bytes);
        text_release(&settings);
    }
    bool is_any_full = all.length > 0;
    enum status status = count > 0 && unable == count ? STATUS_UNAVAILABLE : STATUS_OK;
    if (is_any_full) error_set(err, status, "The disks of build workers are full: %s.", text_view(&all));
    if (count == 0) error_set(err, STATUS_OK, "No build worker is registered, so builds wait.");
    if (is_any_full && !atomic_exchange(&service->has_full_worker, true)) {
        atomic_fetch_add(&service->alarms, 1);
        log_line(LOG_ERROR, "worker_disk_full", log_field("workers", text_view(&all)));
    }
    if (!is_any_full) atomic_store(&service->has_full_worker, false);
    text_release(&all);
    return status;
}

void matrix_service_check(void *context, struct job_service_checks *checks, struct deadline *deadline) {
    struct matrix_service *service = context;
    struct arena arena = {0};
    struct worker_entry *workers = NULL;
    size_t count = 0;
    struct error err = {0};
    job_service_check_folder(checks, "MATRIX_DIR", service->settings.matrix_dir);
    job_service_check_repositories(checks, &service->repositories, deadline);
    struct job_store *store = connection_pool_take(service->stores);
    enum status status = worker_list_read(store, &arena, &workers, &count, &err);
    connection_pool_give_back(service->stores, store);
    if (!status) status = check_workers(service, workers, count, &err);
    job_service_add_check(checks, "build workers", status, err.message);
    arena_release(&arena);
}

/* From the counters in Redis, which include jobs ended by other instances and jobs whose workers were lost. */
static void measure_jobs(struct matrix_service *service, struct metrics *metrics) {
    struct arena arena = {0};
    struct version *compilers = NULL;
    size_t count = 0;
    int64_t ended[VERDICT_COUNT] = {0};
    struct error err;
    struct job_store *store = connection_pool_take(service->stores);
    enum status status = compiler_list_read(store, &arena, &compilers, &count, &err);
    for (size_t i = 0; !status && i < count; i++) {
        char compiler[VERSION_TEXT_MAX];
        struct matrix_progress progress;
        const char *const pending[] = {"compiler", compiler, "state", "pending", NULL}, *const running[] = {"compiler",
                                                                                                            compiler, "state",
                                                                                                            "running", NULL};
        version_print(compilers[i], compiler);
        status = matrix_progress_read(store, compiler, PLANNER_EVENTS_GROUP, &progress, &err);
        if (status) break;
        metrics_add(metrics, METRIC_GAUGE, "registry_matrix_jobs", "Matrix jobs that are not finished, by compiler.", pending,
                    (double)progress.pending);
        metrics_add(metrics, METRIC_GAUGE, "registry_matrix_jobs", "Matrix jobs that are not finished, by compiler.", running,
                    (double)progress.running);
        for (int verdict = 0; verdict < VERDICT_COUNT; verdict++)
            ended[verdict] += progress.ended[verdict];
    }
    connection_pool_give_back(service->stores, store);
    for (int i = 0; !status && i < VERDICT_COUNT; i++) {
        const char *const labels[] = {"verdict", verdict_text((enum verdict)i), NULL};
        metrics_add(metrics, METRIC_COUNTER, "registry_matrix_jobs_total", "Matrix jobs that ended, by verdict.", labels,
                    (double)ended[i]);
    }
    arena_release(&arena);
}

static void measure_late_messages(struct matrix_service *service, struct metrics *metrics) {
    static const char *const brought[LATE_MESSAGE_COUNT] = {
        [LATE_LINES] = "lines", [LATE_RESULT] = "result", [LATE_RETURN] = "return"};
    for (int i = 0; i < LATE_MESSAGE_COUNT; i++) {
        const char *const labels[] = {"message", brought[i], NULL};
        metrics_add(metrics, METRIC_COUNTER, "registry_matrix_stale_total",
                    "Messages of build workers that were rejected because the worker no longer held the job.", labels,
                    (double)atomic_load(&service->late[i]));
    }
}

int64_t matrix_service_count_alarms(void *context) {
    struct matrix_service *service = context;
    return atomic_load(&service->alarms);
}

void matrix_service_measure(void *context, struct metrics *metrics) {
    struct matrix_service *service = context;
    measure_jobs(service, metrics);
    measure_late_messages(service, metrics);
    committer_measure(service->committer, metrics);
    dispatcher_measure(service->dispatcher, metrics);
    planner_measure(service->planner, metrics);
}
