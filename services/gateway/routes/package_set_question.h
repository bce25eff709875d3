/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Questions about package sets to the package-set service, for the API's routes and the site's pages; get_package_sets.c and
 * get_excuses.c have them. Sets are parameters of the path: a version, or `latest`.
 */
#ifndef SERVICES_GATEWAY_ROUTES_PACKAGE_SET_QUESTION_H
#define SERVICES_GATEWAY_ROUTES_PACKAGE_SET_QUESTION_H

#include <stdbool.h>

#include "services/gateway/routes/registry_query.h"

/* `latest` and versions can name a set. Others: answers 400, with the field, and returns false. */
bool package_set_question_check(struct call *call, const char *set, const char *field);

/* Answers with a page of the list of package sets, by the parameters `after` and `limit` of the call. */
void package_set_question_ask_page(struct call *call, page_writer *write);

/* Answers with the set that the path names, as the answer to set_detail_query has it. */
void package_set_question_ask_detail(struct call *call, page_writer *write);

/* Answers with the changes from the path's first set to its second. */
void package_set_question_ask_comparison(struct call *call, page_writer *write);

/* Answers why packages are in the latest set or not: all, or the one of that name. `write` NULL: as JSON; `view`: for it, in the
 * call's arena. */
void package_set_question_ask_excuses(struct call *call, const char *name, page_viewer *write, const void *view);

#endif
