/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Prose of ours with a little markup: `x` is code, **x** stressed, and [text](address) a link.
 */
#ifndef SERVICES_GATEWAY_WEB_PROSE_H
#define SERVICES_GATEWAY_WEB_PROSE_H

#include "services/gateway/web/html.h"

/* A mark without its end is written as it is. Not for texts of others: an address is not checked. */
void prose_write(struct html *html, const char *text);

#endif
