/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What all pages of the site have in common: head, navigation, foot, headers, and the page of a failure. Pages are HTML that needs
 * no JavaScript; they load nothing from other hosts, and the Content-Security-Policy allows nothing else.
 */
#ifndef SERVICES_GATEWAY_WEB_PAGE_H
#define SERVICES_GATEWAY_WEB_PAGE_H

#include <stdbool.h>

#include "services/gateway/web/html.h"

struct call;
struct text;

/* Writes everything before the content of <main>, which begins with the title as its heading. `section` is the address of the
 * entry of the navigation that the page belongs to, or NULL. */
void page_begin(struct html *html, const char *title, const char *section);
void page_end(struct html *html);

/* Makes call->answer of a whole page: its headers and its body, gzipped if the client accepts that and it is large; a 304 if the
 * client has it. Any thread that has the call; `if_none_match` is the request's header or NULL. */
void page_answer(struct call *call, const struct text *page, bool accepts_gzip, const char *if_none_match);

/* The same on the loop's thread, for a page that needs nobody's answer; sends it. */
void page_send(struct call *call, const struct text *page);

/* Makes the body and headers of call->answer for a failure of a page: the sentence, and where to go from here. */
void page_fail(struct call *call, const char *message);

#endif
