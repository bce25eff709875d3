/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What all pages of the site have in common: head, navigation, foot, headers, and the page of a failure. Pages are HTML that
 * needs no JavaScript; they load nothing from other hosts, and the Content-Security-Policy allows nothing else.
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
/* The same for a page about whose subject there is a feed, at this address. */
void page_begin_with_feed(struct html *html, const char *title, const char *section, const char *feed);
void page_end(struct html *html);

/* Loads a module of services/gateway/web/assets, with which the page does more; it must say everything without. Inside <main>. */
void page_load_script(struct html *html, const char *name);

/* What the answer depends on of the request's headers, for functions that run on other threads than the loop's. */
struct page_request {
    bool accepts_gzip;
    const char *if_none_match; /* or NULL */
    const char *key;           /* by which the page is kept; NULL: it is not. Set by page_answer_kept() */
};

/* On the loop's thread. */
struct page_request page_request_of(struct call *call);

/* For pages that are costly to make: answers the call and returns true if the page at this address was made within the last
 * GATEWAY_PAGE_MS; else page_answer() and its kind will keep it. `origin`: what it also depends on, or "". On the loop's
 * thread. */
bool page_answer_kept(struct call *call, const char *origin, struct page_request *request);

/* Makes call->answer of a whole page: its headers and its body, gzipped if the client accepts that and it is large; a 304 if the
 * client has it. Any thread that has the call. */
void page_answer(struct call *call, const struct text *page, const struct page_request *request);

/* The same of a file of another type, a literal, which is no page. */
void page_answer_file(struct call *call, const char *type, const struct text *file, const struct page_request *request);

/* Sends a whole page that needs nobody's answer, on the loop's thread. */
void page_send(struct call *call, const struct text *page);

/* The same for an Atom feed (services/gateway/web/atom.h). */
void page_answer_feed(struct call *call, const struct text *feed, const struct page_request *request);

/* The same for the answer to a form, which nobody keeps: with this status, and without an ETag. */
void page_send_once(struct call *call, const struct text *page, int http_status);

/* Makes call->answer of such a page, without sending it. Any thread that has the call. */
void page_make_once(struct call *call, const struct text *page, int http_status);

/* Makes the body and headers of call->answer for a failure of a page: the sentence, and where to go from here. */
void page_fail(struct call *call, const char *message);

/* The page of such a failure alone; the answer needs the headers page_type and page_policy, a Content-Security-Policy. Any
 * thread. */
void page_append_failure(struct text *out, int http_status, const char *message);
extern const char page_type[], page_policy[];

#endif
