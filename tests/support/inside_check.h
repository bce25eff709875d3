/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: checks that the public form of a job names no folder, socket or private address of the server.
 */
#ifndef TESTS_SUPPORT_INSIDE_CHECK_H
#define TESTS_SUPPORT_INSIDE_CHECK_H

#include "tests/support/server/server_fixture.h"

/* Fails the test if any text in the job does, except for its payload, which the requester wrote. Called for every job that a
 * test waits for (server_wait_for_job). */
void inside_check_job(const struct server *server, const json_t *job);

#endif
