/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Sockets to listen on, and what TLS needs.
 */
#ifndef SERVICES_GATEWAY_LISTEN_H
#define SERVICES_GATEWAY_LISTEN_H

#include <openssl/ssl.h>
#include <stdint.h>

#include "lib/base/error.h"

/* A non-blocking TCP socket that listens on `address` (IPv4 or IPv6) and `port`; 0 takes a free one. `variable` is the setting
 * that an error names. *port_taken is the port it got. */
CHECK_RESULT enum status listen_open(int *out, const char *address, int64_t port, const char *variable, int *port_taken,
                                     struct error *err);

/* TLS 1.2 and later, HTTP/2 by ALPN, with the certificate chain and key of these PEM files. */
CHECK_RESULT enum status listen_tls(SSL_CTX **out, const char *certificate_path, const char *key_path, struct error *err);

/* What connections that come by `descriptor` may cost the kernel: few unread bytes, and none that the client does not take for
 * `stall_ms`, when the connection is ended. */
void listen_limit(int descriptor, int64_t stall_ms);

#endif
