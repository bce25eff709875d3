/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: a second process of a service that server_fixture.h has started, for effects that need two of them. It shares
 * Redis, repositories and storage with the first, and nothing else: its STATE_DIR is the folder `second` of the server, so it
 * listens on other addresses.
 */
#ifndef TESTS_SUPPORT_SERVER_SECOND_SERVICE_H
#define TESTS_SUPPORT_SERVER_SECOND_SERVICE_H

#include "tests/support/server/server_fixture.h"

/* Starts it as `child`, or restarts it after it was killed; its log is `second-PROGRAM.log`. `settings` ("NAME=value", NULL at
 * the end) override all others. The caller ends it, by child_stop(). Not for SERVER_REDIS. */
void second_service_start(struct server *server, enum server_program program, const char *const *settings,
                          struct child_process *child);

/* The path of a file or address in its STATE_DIR, in the server's arena. */
const char *second_service_path(struct server *server, const char *name);

#endif
