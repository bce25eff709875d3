/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Listening sockets and the TLS context.
 */
#ifndef SERVICES_GATEWAY_HTTP_LISTEN_H
#define SERVICES_GATEWAY_HTTP_LISTEN_H

#include <openssl/ssl.h>
#include <stdint.h>

#include "lib/base/error.h"

/* A non-blocking TCP socket that listens on `address` (IPv4 or IPv6) and `port`; 0: any free port. *port_taken is the actual
 * port. STATUS_INVALID, with the setting as path: `SETTINGS_ADDRESS` is not an address, or `SETTINGS_PORT` cannot be used
 * (`settings` is "SERVER" or "MANAGEMENT"). */
CHECK_RESULT enum status listen_open(int *out, const char *address, int64_t port, const char *settings, int *port_taken,
                                     struct error *err);

/* A context for TLS 1.2 and later, with HTTP/2 by ALPN and the certificate chain and key of these PEM files. STATUS_INVALID
 * names the setting whose file cannot be used. */
CHECK_RESULT enum status listen_tls(SSL_CTX **out, const char *certificate_path, const char *key_path, struct error *err);

/* Limits the kernel memory of connections accepted from `descriptor`: a small receive buffer, and a connection is closed when
 * the client acknowledges no data for `stall_ms`. */
void listen_limit(int descriptor, int64_t stall_ms);

#endif
