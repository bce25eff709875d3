/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/publish/publish_service.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/folder.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/domain/identity/signer.h"
#include "lib/tools/archive/package_cache.h"
#include "services/publish/compiler_list.h"
#include "services/publish/place_claims.h"
#include "services/publish/trustee_lookup.h"

enum { START_TIMEOUT_MS = 600000, STORAGE_CHECK_MS = 700 };

static const char no_licensee[] =
    "Licensee is not installed, so the texts of license files are not compared with manifests: install ruby-licensee.";

/* Removes the drafts (file_draft_open()) in the folder. A whole tarball stays: its job may have a record, and needs it. */
static void remove_drafts(const char *path) {
    DIR *folder = opendir(path);
    for (const struct dirent *entry; folder && (entry = readdir(folder));)
        if (text_ends_with(entry->d_name, ".new")) unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder) closedir(folder);
}

/* Claims WORK_DIR for this process and removes the run folders and drafts that a killed process left there. */
static enum status open_work_folder(struct publish_service *service, struct error *err) {
    const char *base = service->settings.work_dir;
    enum status status = folder_claim(&service->work_folder_claim, base, err);
    if (status) return error_prefix(err, "WORK_DIR");
    struct arena arena = {0};
    folder_remove(arena_format(&arena, "%s/runs", base));
    status = folder_make(arena_format(&arena, "%s/runs", base), err);
    const char *tarballs = arena_format(&arena, "%s/tarballs", base);
    if (!status) status = folder_make(tarballs, err);
    if (!status) remove_drafts(tarballs);
    arena_release(&arena);
    return status;
}

static enum status open_package_cache(struct publish_service *service, struct error *err) {
    struct arena arena = {0};
    const char *folder = arena_format(&arena, "%s/packages", service->settings.work_dir);
    enum status status = package_cache_create(&service->packages, folder, service->settings.package_cache_bytes, err);
    arena_release(&arena);
    return status;
}

static enum status open_compilers(struct publish_service *service, struct deadline *deadline, struct error *err) {
    const struct settings *settings = &service->settings;
    enum status status = sandbox_require(&service->sandbox, settings, service->accepts_no_sandbox, deadline, err);
    if (!status) status = sandbox_check_reachable(&service->sandbox, settings->work_dir, false, err);
    if (!status)
        status = compilers_find(&service->compilers, settings->compilers, getenv("PATH"), &service->sandbox, deadline, err);
    if (status) return status;
    service->compiler_versions = memory_alloc(service->compilers.count * sizeof *service->compiler_versions);
    for (size_t i = 0; i < service->compilers.count; i++) {
        char version[VERSION_TEXT_MAX];
        service->compiler_versions[i] = service->compilers.items[i].version;
        version_print(service->compiler_versions[i], version);
        log_line(LOG_INFO, "compiler_found", log_field("version", version),
                 log_field("path", service->compilers.items[i].path));
    }
    if (service->compilers.count == 0)
        log_line(LOG_WARN, "compiler_missing",
                 log_field("hint", "set REGISTRY_COMPILERS to a folder with purs-X_Y_Z executables"));
    return STATUS_OK;
}

static void open_licensee(struct publish_service *service) {
    service->licensee = licensee_create(getenv("PATH"), &service->sandbox);
    if (!licensee_is_installed(service->licensee)) log_line(LOG_WARN, "licensee_missing", log_field("hint", no_licensee));
}

static enum status open_registry(struct publish_service *service, struct deadline *deadline, struct error *err) {
    struct arena arena = {0};
    enum status status = registry_access_open(&service->repositories, &service->settings,
                                              arena_format(&arena, "%s/clone", service->settings.work_dir), deadline, err);
    arena_release(&arena);
    return status;
}

enum status publish_service_init(struct publish_service *service, struct error *err) {
    struct deadline deadline;
    deadline_start(&deadline, START_TIMEOUT_MS);
    service->work_folder_claim = -1;
    service->places = place_claims_create();
    enum status status = open_work_folder(service, err);
    if (!status)
        status = signer_read_pacchettibotti(&service->pacchettibotti, service->settings.pacchettibotti_public_key,
                                            &service->arena, err);
    if (!status) status = signer_check_private_key(service->settings.pacchettibotti_private_key, err);
    if (!status) status = open_package_cache(service, err);
    if (!status) status = tarball_store_open(&service->tarballs, &service->settings, err);
    if (!status) status = open_compilers(service, &deadline, err);
    if (!status) open_licensee(service);
    if (!status && service->settings.trustee_lookup)
        status = trustee_lookup_create(&service->trustees, &service->settings, err);
    if (!status) status = open_registry(service, &deadline, err);
    if (!status)
        status = compiler_list_start(&service->compiler_list, service->settings.redis_url, service->compiler_versions,
                                     service->compilers.count, err);
    return status;
}

void publish_service_release(struct publish_service *service) {
    compiler_list_stop(service->compiler_list);
    registry_access_close(&service->repositories);
    trustee_lookup_free(service->trustees);
    licensee_free(service->licensee);
    compilers_release(&service->compilers);
    free(service->compiler_versions);
    package_cache_free(service->packages);
    tarball_store_free(service->tarballs);
    place_claims_free(service->places);
    if (service->work_folder_claim >= 0) close(service->work_folder_claim);
    arena_release(&service->arena);
    settings_release(&service->settings);
}

void publish_service_use_secrets(void *context) {
    struct publish_service *service = context;
    registry_access_set_token(&service->repositories, service->settings.pacchettibotti_token);
    tarball_store_set_key(service->tarballs, service->settings.spaces_key, service->settings.spaces_secret);
}

void publish_service_check(void *context, struct job_service_checks *checks, struct deadline *deadline) {
    struct publish_service *service = context;
    struct error err = {0};
    struct deadline part; /* storage that hangs must not use up the other checks' time */
    deadline_start(&part, deadline_left_ms(deadline, STORAGE_CHECK_MS));
    enum status status = tarball_store_check(service->tarballs, &part, &err);
    job_service_add_check(checks, "storage", status, err.message);
    job_service_check_folder(checks, "WORK_DIR", service->settings.work_dir);
    job_service_check_repositories(checks, &service->repositories, deadline);
    status = service->compilers.count ? STATUS_OK : STATUS_UNAVAILABLE;
    job_service_add_check(checks, "compilers", status, status ? "No compiler was found: set REGISTRY_COMPILERS." : "");
    job_service_add_check(checks, "sandbox", STATUS_OK, service->sandbox.warning);
    job_service_add_check(checks, "licenses", STATUS_OK, licensee_is_installed(service->licensee) ? "" : no_licensee);
}
