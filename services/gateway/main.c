/* SPDX-License-Identifier: BSD-3-Clause
 *
 * registry-gateway: the HTTP server. It is configured by environment variables (ops/README.md), runs until SIGTERM or SIGINT,
 * and then lets open requests end.
 */
#include <stdlib.h>

#include "lib/base/log.h"
#include "lib/base/process.h"
#include "lib/base/program.h"
#include "lib/base/settings.h"
#include "services/gateway/gateway.h"
#include "services/gateway/trustee/trustee_token.h"

/* On SIGHUP: reads the secrets again, e.g. the digest of the trustees' token. A malformed digest matches no token. */
static void reload(void *context) {
    struct settings *settings = context;
    struct error err;
    unsigned char digest[SHA256_BYTES];
    enum status status = settings_reload_secrets(settings, PROGRAM_GATEWAY, &err);
    const char *configured = settings->trustee_token_sha256;
    if (!status && configured) status = trustee_digest_parse(digest, configured, &err);
    if (status)
        log_line(LOG_ERROR, "secret_reload_failed", log_field("error", err.message));
    else
        log_line(LOG_INFO, "secrets_reloaded", log_field("has_token", (bool)configured));
}

int main(int count, char **arguments) {
    struct error err;
    struct settings settings;
    struct gateway gateway = {0};
    enum status status = program_begin(&settings, PROGRAM_GATEWAY, count, arguments, NULL, &err);
    if (!status) {
        status = gateway_start(&gateway, &settings, &err);
        process_on_reload(reload, &settings);
        if (!status) process_wait_for_stop();
        log_line(LOG_INFO, "shutdown_started", log_field("has_failed", (bool)status));
        gateway_stop(&gateway);
    }
    if (status) log_line(LOG_ERROR, "program_failed", log_field("error", err.message));
    settings_release(&settings);
    return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
