/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A compilation that continues when the test allows it: the stand-in compiler waits before it compiles a module with this
 * pragma, for as long as the compiler's version is held.
 */
#ifndef TESTS_SUPPORT_SERVER_HELD_COMPILER_H
#define TESTS_SUPPORT_SERVER_HELD_COMPILER_H

#include "tests/support/server/server_fixture.h"

/* For struct package's pragma, in the server's arena. */
const char *held_compiler_pragma(struct server *server);

/* `version` as in "0.15.15". */
void held_compiler_hold(struct server *server, const char *version);
void held_compiler_release(struct server *server, const char *version);

#endif
