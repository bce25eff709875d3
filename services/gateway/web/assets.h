/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The files that pages load: services/gateway/web/assets, embedded into the program. Their addresses have a hash of the content, so
 * that browsers keep them for good.
 */
#ifndef SERVICES_GATEWAY_WEB_ASSETS_H
#define SERVICES_GATEWAY_WEB_ASSETS_H

struct call;

/* The address of a file that exists, as "/assets/site.0123456789abcdef.css"; static. Any thread. */
const char *asset_address(const char *name);

#endif
