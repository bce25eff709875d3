/* SPDX-License-Identifier: BSD-3-Clause
 *
 * nng's TLS configuration for a `tls+tcp://` address, from the PEM files of the settings: the server presents a certificate,
 * and the client verifies it against an authority and the address's host. (Clients are authenticated by the key in every
 * message instead.)
 */
#ifndef LIB_SERVICE_MESSAGE_MESSAGE_TLS_H
#define LIB_SERVICE_MESSAGE_MESSAGE_TLS_H

#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>

#include "lib/base/error.h"
#include "lib/service/message/service_address.h"

/* *out is NULL for an address without TLS; else the caller frees it with nng_tls_config_free(). `certificate`, `key` (the
 * certificate's) and `authority` are paths. A file that is not set (NULL), missing or not PEM is a failure that names its
 * setting, which depends on `peers`. */
CHECK_RESULT enum status message_tls_for_server(nng_tls_config **out, const char *address, enum message_peers peers,
                                                const char *certificate, const char *key, struct error *err);
CHECK_RESULT enum status message_tls_for_client(nng_tls_config **out, const char *address, enum message_peers peers,
                                                const char *authority, struct error *err);

#endif
