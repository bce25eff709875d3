/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: one more of a service that server_fixture.h has started, for what may only happen where there are two. It shares
 * Redis, repositories and storage with the first, and nothing else: its STATE_DIR is the folder `second` of the server, so it
 * listens on addresses of its own.
 */
#ifndef TESTS_SUPPORT_SERVER_SECOND_SERVICE_H
#define TESTS_SUPPORT_SERVER_SECOND_SERVICE_H

#include "tests/support/server/server_fixture.h"

/* Starts it, again where it was killed, as `child`; its log is `second-PROGRAM.log`. `settings` ("NAME=value", NULL at the end)
 * win over all others. The caller ends it, by child_stop(). Not for SERVER_REDIS. */
void second_service_start(struct server *server, enum server_program program, const char *const *settings,
                          struct child_process *child);

/* A file or an address in its STATE_DIR, in the server's arena. */
const char *second_service_path(struct server *server, const char *name);

#endif
