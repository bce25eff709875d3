/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Asks a service about something in the registry, and passes its JSON on unchanged (proto/messages.def), or as a page of the site.
 *
 * The service first answers from its memory. Before a 404, it must read the git repositories again. To keep invented names from
 * causing a flood of fetches, an address may cause UNKNOWN_PACKAGES_PER_MINUTE of these and then gets 429, rather than a 404
 * from a memory that may be outdated.
 *
 * A large answer is compressed for clients that accept gzip, on a thread of the asker.
 */
#ifndef SERVICES_GATEWAY_ROUTES_REGISTRY_QUERY_H
#define SERVICES_GATEWAY_ROUTES_REGISTRY_QUERY_H

#include <stdbool.h>

#include "proto/message.h"
#include "services/gateway/web/page.h"

struct call;
struct json_t;
struct query;
struct service_asker;
struct text;

/* Writes a whole page about an answer (services/gateway/web/page.h). On a thread of the asker. */
typedef void page_writer(struct html *html, const struct json_t *answer);
/* The same, as far as the request asks for it: `view` is the query's. */
typedef void page_viewer(struct html *html, const struct json_t *answer, const void *view);

struct registry_query {
    struct service_asker *asker;
    struct message request;      /* its answer is a json_answer */
    const struct message *again; /* asked where that is not found; NULL: it is final. In the call's arena */
    const char *unavailable;     /* the sentence of a 503 */
    const char *page;        /* the path of a list, whose answer may have `next`: gets a Link to the next page; NULL: none */
    page_writer *write;      /* the answer as a page; NULL: as JSON, or by the next */
    page_viewer *write_view; /* NULL: as JSON, or by `write` */
    const void *view;        /* in the call's arena */
    bool is_costly;          /* a page that is kept for a moment (page_answer_kept()) */
    bool has_tag;            /* gets an ETag, and is 304 for a client that has it: for large answers that are seldom changed */
    /* Answers with 404 and more than the sentence, on the loop's thread; NULL: the sentence is all. */
    void (*not_found)(struct call *call, const char *sentence);

    /* Set by registry_query_ask(). */
    struct page_request headers;
};

/* A malformed name of a package cannot exist: answers 404 and returns false. On the loop's thread. */
bool registry_query_check_name(struct call *call, const char *name);
/* The sentence of that 404, in the call's arena, or NULL. */
const char *registry_query_name_fault(struct call *call, const char *name);

/* Appends to the path of a list the parameters that lead to its next part: those of the request itself, with `next` as `after`. */
void registry_query_append_next(struct text *path, const struct query *parameters, const char *next);

/* Answers the call. On the loop's thread. */
void registry_query_ask(struct call *call, const struct registry_query *query);

#endif
