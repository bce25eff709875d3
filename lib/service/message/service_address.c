/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/service/message/service_address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "lib/base/folder.h"
#include "lib/base/url.h"

enum {
    HOST_MAX = 64,
    KEY_MIN = 16,
    SOCKET_PATH_MAX = sizeof((struct sockaddr_un *)NULL)->sun_path,
};

const struct peers_settings *peers_settings(enum message_peers peers) {
    static const struct peers_settings settings[] = {
        [PEERS_SERVICES] = {.key = "SERVICE_KEY"},
        [PEERS_WORKERS] = {.key = "BUILD_WORKER_KEY",
                           .certificate = "BUILD_WORKER_TLS_CERTIFICATE",
                           .certificate_key = "BUILD_WORKER_TLS_KEY",
                           .authority = "BUILD_WORKER_TLS_CA"},
    };
    return &settings[peers];
}

bool service_address_is_tls(const char *address) {
    return url_after_scheme(address, "tls+tcp");
}

static const char *path_of(const char *address) { /* NULL: it is no socket's */
    return url_after_scheme(address, "ipc");
}

bool service_address_is_local(const char *address) {
    char host[HOST_MAX];
    struct url url;
    if (path_of(address)) return true;
    if (!url_split(&url, address) || (!url_part_is(&url.scheme, "tcp") && !url_part_is(&url.scheme, "tls+tcp"))) return false;
    if (url.account.bytes || !url.port.bytes || url.host.length >= sizeof host) return false;
    snprintf(host, sizeof host, "%.*s", (int)url.host.length, url.host.bytes);
    struct in_addr ip4;
    struct in6_addr ip6;
    if (inet_pton(AF_INET, host, &ip4) == 1) return ntohl(ip4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, host, &ip6) == 1) return IN6_IS_ADDR_LOOPBACK(&ip6);
    return strcmp(host, "localhost") == 0;
}

static enum status check_form(const char *address, bool has_tls, struct error *err) {
    const char *path = path_of(address);
    if (!path && !url_after_scheme(address, "tcp") && !(has_tls && service_address_is_tls(address)))
        return error_set(err, STATUS_INVALID, "The address \"%s\" must be ipc://PATH%s tcp://HOST:PORT%s.", address,
                         has_tls ? "," : " or", has_tls ? " or tls+tcp://HOST:PORT" : "");
    if (path && strlen(path) >= SOCKET_PATH_MAX)
        return error_set(err, STATUS_INVALID, "The path of the address \"%s\" must be shorter than %d bytes.", address,
                         SOCKET_PATH_MAX);
    return STATUS_OK;
}

enum status service_address_check(const char *address, enum message_peers peers, const char *service_key, struct error *err) {
    const struct peers_settings *settings = peers_settings(peers);
    enum status status = check_form(address, settings->authority, err);
    if (status || service_address_is_local(address)) return status;
    if (!service_key)
        return error_set(err, STATUS_INVALID,
                         "The address \"%s\" can be reached from other machines: set %s to the same value for all programs.",
                         address, settings->key);
    if (strlen(service_key) < KEY_MIN)
        return error_set(err, STATUS_INVALID,
                         "The address \"%s\" can be reached from other machines: %s must have at least %d characters.", address,
                         settings->key, KEY_MIN);
    return STATUS_OK;
}

enum status service_address_prepare(const char *address, struct error *err) {
    const char *path = path_of(address);
    if (!path) return STATUS_OK;
    char folder[SOCKET_PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (!slash || slash == folder) return STATUS_OK;
    *slash = '\0';
    return folder_make(folder, err);
}
