/* SPDX-License-Identifier: BSD-3-Clause
 *
 * nng's own functions for files report neither the file nor the problem, and require certificate and key in one file; so the
 * files are read here.
 */
#include "lib/service/message/message_tls.h"

#include <stdlib.h>

#include "lib/base/folder.h"
#include "lib/base/secret.h"
#include "lib/base/text.h"

enum { PEM_BYTES_MAX = 1 << 20 };

static enum status read_pem(struct text *out, const char *path, const char *setting, const char *address, struct error *err) {
    if (!path) return error_set_at(err, STATUS_INVALID, setting, "The address \"%s\" needs %s: a PEM file.", address, setting);
    struct error cause;
    enum status status = file_read(path, PEM_BYTES_MAX, out, &cause);
    return status ? error_set_at(err, status, setting, "%s cannot be used: %s", setting, cause.message) : STATUS_OK;
}

static nng_tls_config *create_config(nng_tls_mode mode) {
    nng_tls_config *config = NULL;
    if (nng_tls_config_alloc(&config, mode) != 0 || nng_tls_config_version(config, NNG_TLS_1_2, NNG_TLS_1_3) != 0)
        abort(); /* out of memory, or an nng that was built without TLS */
    return config;
}

enum status message_tls_for_server(nng_tls_config **out, const char *address, enum message_peers peers, const char *certificate,
                                   const char *key, struct error *err) {
    *out = NULL;
    if (!service_address_is_tls(address)) return STATUS_OK;
    const struct peers_settings *settings = peers_settings(peers);
    struct text certificate_pem = {0}, key_pem = {0};
    enum status status = read_pem(&certificate_pem, certificate, settings->certificate, address, err);
    if (!status) status = read_pem(&key_pem, key, settings->certificate_key, address, err);
    if (!status) {
        *out = create_config(NNG_TLS_MODE_SERVER);
        int failure = nng_tls_config_own_cert(*out, text_view(&certificate_pem), text_view(&key_pem), NULL);
        if (failure)
            status = error_set_at(err, STATUS_INVALID, settings->certificate,
                                  "%s (%s) and %s (%s) must be a PEM certificate and its private key: %s.",
                                  settings->certificate, certificate, settings->certificate_key, key, nng_strerror(failure));
    }
    if (status && *out) {
        nng_tls_config_free(*out);
        *out = NULL;
    }
    if (key_pem.length > 0) secret_wipe(key_pem.bytes, key_pem.length);
    text_release(&key_pem);
    text_release(&certificate_pem);
    return status;
}

/* Sets the host name that the certificate must match. */
static enum status set_server_name(nng_tls_config *config, const char *address, struct error *err) {
    nng_url *url = NULL;
    int failure = nng_url_parse(&url, address);
    if (!failure) failure = nng_tls_config_server_name(config, url->u_hostname);
    if (url) nng_url_free(url);
    if (!failure) return STATUS_OK;
    return error_set(err, STATUS_INVALID, "The address \"%s\" cannot be used: %s.", address, nng_strerror(failure));
}

enum status message_tls_for_client(nng_tls_config **out, const char *address, enum message_peers peers, const char *authority,
                                   struct error *err) {
    *out = NULL;
    if (!service_address_is_tls(address)) return STATUS_OK;
    const struct peers_settings *settings = peers_settings(peers);
    struct text authority_pem = {0};
    enum status status = read_pem(&authority_pem, authority, settings->authority, address, err);
    if (!status) {
        *out = create_config(NNG_TLS_MODE_CLIENT);
        status = set_server_name(*out, address, err);
        int failure = status ? 0 : nng_tls_config_ca_chain(*out, text_view(&authority_pem), NULL);
        if (!failure && !status) failure = nng_tls_config_auth_mode(*out, NNG_TLS_AUTH_MODE_REQUIRED);
        if (failure)
            status = error_set_at(err, STATUS_INVALID, settings->authority, "%s (%s) must be a PEM certificate: %s.",
                                  settings->authority, authority, nng_strerror(failure));
    }
    if (status && *out) {
        nng_tls_config_free(*out);
        *out = NULL;
    }
    text_release(&authority_pem);
    return status;
}
