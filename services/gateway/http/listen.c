/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/http/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "services/gateway/http/h2o_all.h"

static int port_of(int descriptor) {
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    if (getsockname(descriptor, (struct sockaddr *)&address, &length) != 0) return -1;
    return address.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&address)->sin6_port)
                                         : ntohs(((struct sockaddr_in *)&address)->sin_port);
}

enum status listen_open(int *out, const char *address, int64_t port, const char *settings, int *port_taken, struct error *err) {
    *out = -1;
    char service[16], variable[32];
    snprintf(service, sizeof service, "%d", (int)port);
    const struct addrinfo hints = {
        .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV, .ai_family = AF_UNSPEC};
    struct addrinfo *found = NULL;
    snprintf(variable, sizeof variable, "%s_ADDRESS", settings);
    if (getaddrinfo(address, service, &hints, &found) != 0)
        return error_set_at(err, STATUS_INVALID, variable, "%s must be an IP address, but it is \"%s\".", variable, address);
    const int on = 1;
    int descriptor = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool is_open = descriptor >= 0 && setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                   setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
                   bind(descriptor, found->ai_addr, found->ai_addrlen) == 0 && listen(descriptor, H2O_SOMAXCONN) == 0;
    int problem = errno;
    freeaddrinfo(found);
    if (is_open) {
        *out = descriptor;
        *port_taken = port_of(descriptor);
        return STATUS_OK;
    }
    if (descriptor >= 0) close(descriptor);
    snprintf(variable, sizeof variable, "%s_PORT", settings);
    return error_set_at(err, STATUS_INVALID, variable, "%s: Cannot listen on %s, port %d: %s.", variable, address, (int)port,
                        strerror(problem));
}

void listen_limit(int descriptor, int64_t stall_ms) {
    enum { UNREAD_BYTES = 65536 }; /* large enough for the largest usual body */
    const int unread = UNREAD_BYTES;
    const unsigned stall = (unsigned)stall_ms;
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &unread, sizeof unread);
    setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &stall, sizeof stall);
}

static enum status tls_problem(const char *variable, const char *path, struct error *err) {
    char reason[256];
    ERR_error_string_n(ERR_get_error(), reason, sizeof reason);
    ERR_clear_error();
    return error_set_at(err, STATUS_INVALID, variable, "%s: %s cannot be used: %s.", variable, path, reason);
}

enum status listen_tls(SSL_CTX **out, const char *certificate_path, const char *key_path, struct error *err) {
    enum status status = STATUS_OK;
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    if (!tls) return error_set(err, STATUS_INTERNAL, "TLS cannot be set up.");
    SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
    SSL_CTX_set_options(tls, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);             /* idle connections keep no buffers */
    SSL_CTX_set_cipher_list(tls, "ECDHE+AESGCM:ECDHE+CHACHA20"); /* for TLS 1.2; TLS 1.3 keeps OpenSSL's default */
    if (SSL_CTX_use_certificate_chain_file(tls, certificate_path) != 1)
        status = tls_problem("TLS_CERTIFICATE", certificate_path, err);
    else if (SSL_CTX_use_PrivateKey_file(tls, key_path, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(tls) != 1)
        status = tls_problem("TLS_KEY", key_path, err);
    if (status) {
        SSL_CTX_free(tls);
        return status;
    }
    h2o_ssl_register_alpn_protocols(tls, h2o_alpn_protocols);
    *out = tls;
    return STATUS_OK;
}
