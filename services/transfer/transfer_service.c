/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/transfer/transfer_service.h"

#include <unistd.h>

#include "lib/base/folder.h"
#include "lib/domain/identity/signer.h"

enum { START_TIMEOUT_MS = 600000 };

enum status transfer_service_init(struct transfer_service *service, struct error *err) {
    const struct settings *settings = &service->settings;
    struct deadline deadline;
    deadline_start(&deadline, START_TIMEOUT_MS);
    enum status status = folder_claim(&service->folder_claim, settings->transfer_dir, err);
    if (status) return error_prefix(err, "TRANSFER_DIR");
    status = signer_read_pacchettibotti(&service->pacchettibotti, settings->pacchettibotti_public_key, &service->arena, err);
    if (!status) status = signer_check_private_key(settings->pacchettibotti_private_key, err);
    if (!status) status = registry_access_open(&service->repositories, settings, settings->transfer_dir, &deadline, err);
    return status;
}

void transfer_service_release(struct transfer_service *service) {
    registry_access_close(&service->repositories);
    if (service->folder_claim >= 0) close(service->folder_claim);
    arena_release(&service->arena);
    settings_release(&service->settings);
}

void transfer_service_use_secrets(void *context) {
    struct transfer_service *service = context;
    registry_access_set_token(&service->repositories, service->settings.pacchettibotti_token);
}

void transfer_service_check(void *context, struct job_service_checks *checks, struct deadline *deadline) {
    struct transfer_service *service = context;
    job_service_check_folder(checks, "TRANSFER_DIR", service->settings.transfer_dir);
    job_service_check_repositories(checks, &service->repositories, deadline);
}
