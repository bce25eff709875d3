/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: the server's entries in the stream of events (lib/store/redis/events.h).
 */
#ifndef TESTS_SUPPORT_EVENT_CHECK_H
#define TESTS_SUPPORT_EVENT_CHECK_H

#include "tests/support/server/server_fixture.h"

/* Call it at the start, while the stream is empty: from then on no event is trimmed before event_check_expect_one_each(). */
void event_check_begin(struct server *server);

/* One event of each of these jobs, and no other. */
void event_check_expect_one_each(struct server *server, const char *const *jobs, size_t count);

#endif
