/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/package-set/package_set_service.h"

#include <unistd.h>

#include "lib/base/folder.h"

enum { START_TIMEOUT_MS = 600000 };

enum status package_set_service_init(struct package_set_service *service, struct error *err) {
    const struct settings *settings = &service->settings;
    struct deadline deadline;
    deadline_start(&deadline, START_TIMEOUT_MS);
    enum status status = folder_claim(&service->folder_claim, settings->package_set_dir, err);
    if (status) return error_prefix(err, "PACKAGE_SET_DIR");
    status = registry_access_open(&service->repositories, settings, settings->package_set_dir, &deadline, err);
    if (!status) status = registry_view_refresh(service->repositories.view, &deadline, err);
    return status;
}

void package_set_service_release(struct package_set_service *service) {
    registry_access_close(&service->repositories);
    if (service->folder_claim >= 0) close(service->folder_claim);
    settings_release(&service->settings);
}

void package_set_service_use_secrets(void *context) {
    struct package_set_service *service = context;
    registry_access_set_token(&service->repositories, service->settings.pacchettibotti_token);
}

void package_set_service_check(void *context, struct job_service_checks *checks, struct deadline *deadline) {
    struct package_set_service *service = context;
    job_service_check_folder(checks, "PACKAGE_SET_DIR", service->settings.package_set_dir);
    job_service_check_repositories(checks, &service->repositories, deadline);
}
