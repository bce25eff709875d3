/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Closing an nng socket without the risk of waiting for ever. In nng 1.5 a connection that is closed in the moment between a
 * message's head and its body never ends its read, and nng_close() waits for it (so do all later ones in the process). That
 * must not keep a program from stopping.
 */
#ifndef LIB_SERVICE_SOCKET_CLOSING_H
#define LIB_SERVICE_SOCKET_CLOSING_H

#include <nng/nng.h>
#include <stdbool.h>

/* False: nng did not come back within two seconds, and `owner`, with all that belongs to the socket, must be left as it is,
 * unfreed: it is remembered here, so that whoever looks for leaks sees that it is meant. */
bool socket_close(nng_socket socket, void *owner);

#endif
