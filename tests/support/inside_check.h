/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: whether a job, as the world reads it, names a folder, a socket or an address of the server's inside.
 */
#ifndef TESTS_SUPPORT_INSIDE_CHECK_H
#define TESTS_SUPPORT_INSIDE_CHECK_H

#include "tests/support/server/server_fixture.h"

/* Fails the test where any text in it does, but for its payload, which is the requester's. Of every job that a test waits for
 * (server_wait_for_job). */
void inside_check_job(const struct server *server, const json_t *job);

#endif
