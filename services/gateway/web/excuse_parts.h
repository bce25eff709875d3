/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What pages about package sets and their excuses have in common.
 */
#ifndef SERVICES_GATEWAY_WEB_EXCUSE_PARTS_H
#define SERVICES_GATEWAY_WEB_EXCUSE_PARTS_H

#include "services/gateway/web/html.h"

/* Which excuses a page shows. */
struct excuse_view {
    const char *name;    /* those of packages whose names have this in them; NULL: of all */
    const char *verdict; /* those with this verdict; NULL: with any */
};

/* The form that leads to them, filled with these. */
void excuse_search_write(struct html *html, const struct excuse_view *view);

#endif
