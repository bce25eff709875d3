/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/service/service_address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "lib/base/folder.h"
#include "lib/base/text.h"

enum {
    HOST_MAX = 64,
    KEY_MIN = 16,
    SOCKET_PATH_MAX = sizeof((struct sockaddr_un *)NULL)->sun_path,
};

static const char ipc[] = "ipc://", tcp[] = "tcp://", tls[] = "tls+tcp://";

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
    return text_starts_with(address, tls);
}

/* Copies the host of HOST:PORT or [HOST]:PORT; false if there is none or it is longer than any loopback address. */
static bool copy_host(const char *host_and_port, char out[HOST_MAX]) {
    const char *colon = strrchr(host_and_port, ':');
    if (!colon || colon - host_and_port >= HOST_MAX) return false;
    size_t length = (size_t)(colon - host_and_port);
    bool is_bracketed = length >= 2 && host_and_port[0] == '[' && host_and_port[length - 1] == ']';
    snprintf(out, HOST_MAX, "%.*s", (int)(is_bracketed ? length - 2 : length), host_and_port + (is_bracketed ? 1 : 0));
    return true;
}

bool service_address_is_local(const char *address) {
    char host[HOST_MAX];
    if (text_starts_with(address, ipc)) return true;
    const char *scheme = service_address_is_tls(address) ? tls : tcp;
    if (!text_starts_with(address, scheme) || !copy_host(address + strlen(scheme), host)) return false;
    struct in_addr ip4;
    struct in6_addr ip6;
    if (inet_pton(AF_INET, host, &ip4) == 1) return ntohl(ip4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, host, &ip6) == 1) return IN6_IS_ADDR_LOOPBACK(&ip6);
    return strcmp(host, "localhost") == 0;
}

static enum status check_form(const char *address, bool has_tls, struct error *err) {
    bool is_ipc = text_starts_with(address, ipc);
    if (!is_ipc && !text_starts_with(address, tcp) && !(has_tls && service_address_is_tls(address)))
        return error_set(err, STATUS_INVALID, "The address \"%s\" must be ipc://PATH%s tcp://HOST:PORT%s.", address,
                         has_tls ? "," : " or", has_tls ? " or tls+tcp://HOST:PORT" : "");
    if (is_ipc && strlen(address + strlen(ipc)) >= SOCKET_PATH_MAX)
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
                         "The address \"%s\" can be reached from other machines: set %s, the same for all programs.", address,
                         settings->key);
    if (strlen(service_key) < KEY_MIN)
        return error_set(err, STATUS_INVALID,
                         "The address \"%s\" can be reached from other machines: %s must have at least %d characters.", address,
                         settings->key, KEY_MIN);
    return STATUS_OK;
}

enum status service_address_prepare(const char *address, struct error *err) {
    if (!text_starts_with(address, ipc)) return STATUS_OK;
    char folder[SOCKET_PATH_MAX];
    snprintf(folder, sizeof folder, "%s", address + strlen(ipc));
    char *slash = strrchr(folder, '/');
    if (!slash || slash == folder) return STATUS_OK;
    *slash = '\0';
    return folder_make(folder, err);
}
