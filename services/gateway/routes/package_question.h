/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Questions about packages to build-matrix, for the API's routes and the site's pages; get_packages.c has them.
 */
#ifndef SERVICES_GATEWAY_ROUTES_PACKAGE_QUESTION_H
#define SERVICES_GATEWAY_ROUTES_PACKAGE_QUESTION_H

#include "services/gateway/routes/registry_query.h"

/* Answers with a part of the list of packages, by the parameters `search`, `sort`, `after` and `limit` of the call, as JSON or
 * as a page, whose view is the call's struct query. */
void package_question_ask_list(struct call *call, page_viewer *write);

/* Answers with one package, or with its version unless that is NULL, as JSON or as a page, whose view is the gateway's settings. */
void package_question_ask_one(struct call *call, const char *name, const char *version, page_viewer *write);

#endif
