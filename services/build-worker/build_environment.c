/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/build-worker/build_environment.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/deadline.h"
#include "lib/base/disk.h"
#include "lib/base/folder.h"
#include "lib/base/log.h"
#include "lib/domain/matrix/work_order.h"

enum { START_TIMEOUT_MS = 120000 };

/* BUILD_DIR belongs to a single worker: leftovers of a killed one are removed at start. */
static enum status open_folder(struct build_environment *environment, struct arena *arena, struct error *err) {
    const char *path = environment->settings->build_dir;
    enum status status = folder_claim(&environment->folder_claim, path, err);
    if (status) return error_prefix(err, "BUILD_DIR");
    environment->folder = realpath(path, NULL);
    if (!environment->folder) return error_set(err, STATUS_INTERNAL, "BUILD_DIR: The folder %s cannot be reached.", path);
    static const char *const emptied[] = {"runs", "links"};
    for (size_t i = 0; !status && i < sizeof emptied / sizeof emptied[0]; i++) {
        const char *folder = arena_format(arena, "%s/%s", environment->folder, emptied[i]);
        folder_remove(folder);
        status = folder_make(folder, err);
        if (!status) folder_spread(folder);
    }
    return status;
}

static enum status open_store(struct build_environment *environment, struct error *err) {
    const struct settings *settings = environment->settings;
    enum status status = build_store_open(&environment->store, settings->build_store_dir, settings->build_store_bytes, err);
    return status ? error_prefix(err, "BUILD_STORE_DIR") : STATUS_OK;
}

static enum status find_compilers(struct build_environment *environment, struct deadline *deadline, struct error *err) {
    enum status status = compilers_find(&environment->compilers, environment->settings->compilers, getenv("PATH"),
                                        &environment->sandbox, deadline, err);
    for (size_t i = 0; !status && i < environment->compilers.count; i++) {
        char version[VERSION_TEXT_MAX];
        version_print(environment->compilers.items[i].version, version);
        log_line(LOG_INFO, "compiler_found", log_field("version", version),
                 log_field("path", environment->compilers.items[i].path));
    }
    if (!status && environment->compilers.count == 0)
        log_line(LOG_WARN, "compiler_missing",
                 log_field("hint", "set REGISTRY_COMPILERS to a folder with purs-X_Y_Z executables"));
    return status;
}

enum status build_environment_init(struct build_environment *out, const struct settings *settings, bool accepts_no_sandbox,
                                   struct error *err) {
    struct arena arena = {0};
    struct deadline deadline;
    *out = (struct build_environment){.settings = settings, .folder_claim = -1};
    deadline_start(&deadline, START_TIMEOUT_MS);
    enum status status = open_folder(out, &arena, err);
    if (!status) status = sandbox_require(&out->sandbox, settings, accepts_no_sandbox, &deadline, err);
    if (!status)
        status = package_cache_create(&out->packages, arena_format(&arena, "%s/packages", out->folder),
                                      settings->package_cache_bytes, err);
    if (!status) status = open_store(out, err);
    if (!status) status = sandbox_check_reachable(&out->sandbox, out->folder, false, err);
    if (!status) status = sandbox_check_reachable(&out->sandbox, build_store_folder(out->store), false, err);
    if (!status) status = find_compilers(out, &deadline, err);
    out->connections = http_connections_create();
    arena_release(&arena);
    return status;
}

void build_environment_release(struct build_environment *environment) {
    http_connections_free(environment->connections);
    compilers_release(&environment->compilers);
    build_store_free(environment->store);
    package_cache_free(environment->packages);
    free(environment->folder);
    if (environment->folder_claim >= 0) close(environment->folder_claim);
}

static void add_counter(struct metrics *metrics, const char *name, const char *help, int64_t value) {
    metrics_add(metrics, METRIC_COUNTER, name, help, NULL, (double)value);
}

/* For the service's /readyz, because workers accept no queries (services/build-matrix/matrix_service.c). */
static void measure_disks(const struct build_environment *environment, struct metrics *metrics) {
    const char *const folders[][2] = {{"BUILD_DIR", environment->folder},
                                      {"BUILD_STORE_DIR", build_store_folder(environment->store)}};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        const char *const labels[] = {"setting", folders[i][0], NULL};
        bool is_full = disk_check(NULL, folders[i][1], NULL) != STATUS_OK;
        metrics_add(metrics, METRIC_GAUGE, BUILD_METRIC_DISK_FULL, "1 if the disk of that folder is full, else 0.", labels,
                    is_full);
    }
}

void build_environment_measure(struct build_environment *environment, struct metrics *metrics) {
    struct build_store_counts store = build_store_counts(environment->store);
    struct package_cache_counts packages = package_cache_counts(environment->packages);
    for (int i = 0; i < VERDICT_COUNT; i++) {
        const char *const labels[] = {"verdict", verdict_text((enum verdict)i), NULL};
        metrics_add(metrics, METRIC_COUNTER, "registry_builds_total", "Builds that ended, by verdict.", labels,
                    (double)atomic_load(&environment->verdicts[i]));
    }
    measure_disks(environment, metrics);
    add_counter(metrics, "registry_compiler_runs_total", "Runs of the compiler.", atomic_load(&environment->runs));
    add_counter(metrics, "registry_modules_compiled_total", "Modules that were compiled.",
                atomic_load(&environment->compiled_modules));
    add_counter(metrics, "registry_modules_reused_total", "Modules that were taken from the build store.",
                atomic_load(&environment->reused_modules));
    add_counter(metrics, "registry_build_store_found_total", "Build store entries that were used.", store.found);
    add_counter(metrics, "registry_build_store_missed_total", "Build store entries that were missing.", store.missed);
    add_counter(metrics, "registry_build_store_damaged_total",
                "Build store entries that were removed because they were damaged.", store.damaged);
    add_counter(metrics, "registry_build_store_evicted_total", "Build store entries that were evicted.", store.evicted);
    metrics_add(metrics, METRIC_GAUGE, "registry_build_store_bytes", "Bytes in the build store.", NULL, (double)store.bytes);
    add_counter(metrics, "registry_build_packages_found_total", "Tarballs that were already unpacked.", packages.found);
    add_counter(metrics, "registry_build_packages_added_total", "Tarballs that were downloaded.", packages.added);
}
