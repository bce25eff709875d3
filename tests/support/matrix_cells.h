/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: a version's row of the build matrix, as the gateway shows it. A wait that times out fails the test.
 */
#ifndef TESTS_SUPPORT_MATRIX_CELLS_H
#define TESTS_SUPPORT_MATRIX_CELLS_H

#include "tests/support/server/server_fixture.h"

/* Waits until the cell of NAME@1.0.0 with that compiler has `value` under `key` ("state", "verdict"), and returns the version;
 * the caller owns it. */
json_t *matrix_cells_wait(struct server *server, const char *name, const char *compiler, const char *key, const char *value);

/* The cell of a compiler, within the version, which must have one. */
const json_t *matrix_cell(const json_t *version, const char *compiler);

/* The alarms that build-matrix has counted since its start, as /metrics shows them. */
int matrix_alarms(struct server *server);

#endif
