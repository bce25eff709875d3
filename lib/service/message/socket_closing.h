/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Closes an nng socket without the risk of blocking for ever. In nng 1.5 a connection that is closed between a message's header
 * and its body never ends its read, and nng_close() waits for that (as do all later ones in the process). That must not keep a
 * program from stopping.
 */
#ifndef LIB_SERVICE_MESSAGE_SOCKET_CLOSING_H
#define LIB_SERVICE_MESSAGE_SOCKET_CLOSING_H

#include <nng/nng.h>
#include <stdbool.h>

/* False: nng did not return within two seconds, and `owner`, with all that belongs to the socket, must not be freed or changed:
 * it is kept reachable here, so that leak checkers do not report it. */
bool socket_close(nng_socket socket, void *owner);

#endif
