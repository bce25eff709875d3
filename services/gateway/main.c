/* SPDX-License-Identifier: BSD-3-Clause
 *
 * registry-gateway: the program that faces the world. All of it is configured by environment variables (README.md); it runs
 * until SIGTERM or SIGINT, then lets open requests end.
 */
#include <stdlib.h>

#include "lib/base/log.h"
#include "lib/base/process.h"
#include "lib/base/settings.h"
#include "services/gateway/gateway.h"

int main(void) {
    process_start();
    log_configure("gateway", LOG_INFO);
    struct error err;
    struct settings settings;
    struct gateway gateway = {0};
    enum log_level level;
    enum status status = settings_load(&settings, PROGRAM_GATEWAY, &err);
    if (!status && !log_level_parse(settings.log_level, &level))
        status = error_set_at(&err, STATUS_INVALID, "LOG_LEVEL",
                              "LOG_LEVEL must be DEBUG, INFO, WARN, NOTICE or ERROR, but it is \"%s\".", settings.log_level);
    if (!status) {
        log_configure("gateway", level);
        status = gateway_start(&gateway, &settings, &err);
        if (!status) process_wait_for_stop();
        log_line(LOG_INFO, "stopping", "failed=%s", status ? "yes" : "no");
        gateway_stop(&gateway);
    }
    if (status) log_line(LOG_ERROR, "cannot start", "error=\"%s\"", err.message);
    settings_release(&settings);
    return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
