/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Pieces that the pages of a package and of a version have in common.
 */
#ifndef SERVICES_GATEWAY_WEB_PACKAGE_PARTS_H
#define SERVICES_GATEWAY_WEB_PACKAGE_PARTS_H

#include "services/gateway/web/html.h"

struct json_t;

/* Rows of a <dl>: where the source is, the package sets of a version. */
void part_location(struct html *html, const struct json_t *location);
void part_package_sets(struct html *html, const struct json_t *sets);

/* `{NAME: RANGE}` as a section. Nothing if there are none. */
void part_dependencies(struct html *html, const char *title, const struct json_t *dependencies);
/* `[{name, version, range}]` as a section; a long list is folded up. */
void part_dependants(struct html *html, const struct json_t *dependants);

#endif
