/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /status: the state of the registry as a page (services/gateway/web/status_page.h). Collecting it takes as long as a check of
 * readiness, so a thread does it; requests that arrive meanwhile share the next page.
 */
#ifndef SERVICES_GATEWAY_MONITOR_STATUS_BOARD_H
#define SERVICES_GATEWAY_MONITOR_STATUS_BOARD_H

#include "lib/base/error.h"

struct call;
struct gateway;
struct status_board;

/* Starts the thread. `gateway` is borrowed. Free `*out` even after a failure. */
CHECK_RESULT enum status status_board_create(struct status_board **out, struct gateway *gateway, struct error *err);

/* Answers `call`, which must be away (call_leave()), on the thread. call->work_data is its struct page_request. */
void status_board_answer(struct status_board *board, struct call *call);

/* Answers the waiting calls, then stops the thread. NULL is allowed. */
void status_board_free(struct status_board *board);

#endif
