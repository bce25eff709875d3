/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The page of a package or version that does not exist: why, and links to those that may have been meant.
 */
#ifndef SERVICES_GATEWAY_WEB_NEAR_PAGE_H
#define SERVICES_GATEWAY_WEB_NEAR_PAGE_H

struct call;

/* Answers the call, whose parameters are a name and perhaps a version, of any form, with this page and 404. Asks build-matrix for
 * what is near; without an answer the page says only the sentence. On the loop's thread. */
void near_page_answer(struct call *call, const char *sentence);

#endif
