/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /sitemap.xml: the addresses of all pages for search engines, as of https://www.sitemaps.org/protocol.html. A sitemap may
 * have 50,000 addresses: if there are more, it is an index of /sitemap/1.xml, /sitemap/2.xml and so on.
 *
 *   loop's thread    ask() ──► asker: keep_answer() ──► loop: go_on() ──► ask() the next page ── … ──► the last: make_answer()
 *
 * Packages are asked of build-matrix, package sets of the package-set service, a thousand at a time.
 */
#include <jansson.h>
#include <string.h>

#include "lib/base/json.h"
#include "lib/base/number.h"
#include "lib/base/text.h"
#include "services/gateway/backend/service_asker.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/http/origin.h"
#include "services/gateway/http/router.h"
#include "services/gateway/web/page.h"
#include "services/gateway/web/parts.h"

#define NAMESPACE "http://www.sitemaps.org/schemas/sitemap/0.9"
#define UNAVAILABLE "The sitemap cannot be made at the moment: try again in a few seconds."

enum { ADDRESSES_MAX = 50000, ASKED_AT_ONCE = 1000, PARTS_MAX = 1000 };

/* An answer of a service: a page of packages, or of sets. */
struct kept_page {
    const char *json;
    struct kept_page *next;
};

/* Of a call, in its arena. */
struct sitemap {
    const char *origin;
    int64_t part; /* 0: the whole, or the index */
    struct page_request headers;
    struct kept_page *first, **end;
    const char *after; /* where the next page begins; NULL: with the first */
    bool has_packages; /* all of them; sets are next */
    bool is_complete;
};

/* What is written: the addresses from `from` to before `to`. */
struct listing {
    struct html html;
    const char *origin;
    size_t count, from, to;
};

/* ---- Addresses ---- */

static void write_location(struct html *html, const char *origin, const char *path, const char *name) {
    html_begin(html, "loc");
    html_format(html, "%s%s%s", origin, path, name);
    html_end(html);
}

/* `changed`: a date, or "". */
static void add_address(struct listing *listing, const char *path, const char *name, const char *changed) {
    size_t position = listing->count++;
    if (position < listing->from || position >= listing->to) return;
    html_begin(&listing->html, "url");
    write_location(&listing->html, listing->origin, path, name);
    if (*changed) html_element(&listing->html, "lastmod", NULL, changed);
    html_end(&listing->html);
}

/* Pages without parameters in their paths. A name with a dot is a file. */
static void add_fixed_pages(struct listing *listing) {
    size_t count;
    const struct route *routes = router_routes(&count);
    for (size_t i = 0; i < count; i++) {
        const struct route *route = &routes[i];
        if (route->is_page && route->method == METHOD_GET && !route->is_hidden_from_crawlers && !strpbrk(route->path, "{."))
            add_address(listing, route->path, "", "");
    }
}

static void add_pages(struct listing *listing, const json_t *answers) {
    size_t i, k;
    json_t *answer, *item;
    add_fixed_pages(listing);
    json_array_foreach(answers, i, answer) {
        json_array_foreach(json_object_get(answer, "packages"), k, item)
            add_address(listing, "/packages/", part_text(item, "name"), "");
        json_array_foreach(json_object_get(answer, "packageSets"), k, item)
            add_address(listing, "/package-sets/", part_text(item, "version"), part_text(item, "published"));
    }
}

static size_t count_pages(const json_t *answers) {
    struct listing listing = {0};
    add_pages(&listing, answers);
    return listing.count;
}

/* ---- Files ---- */

static void begin_file(struct html *html, const char *element) {
    text_append(html->out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    html_begin(html, element);
    html_attribute(html, "xmlns", NAMESPACE);
}

static void write_index(struct text *out, const char *origin, size_t parts) {
    struct html html = {.out = out};
    begin_file(&html, "sitemapindex");
    for (size_t i = 1; i <= parts; i++) {
        struct text name = {0};
        text_append_format(&name, "%zu.xml", i);
        html_begin(&html, "sitemap");
        write_location(&html, origin, "/sitemap/", name.bytes);
        html_end(&html);
        text_release(&name);
    }
    html_end(&html);
}

/* False: there is no such part. */
static bool write_file(struct text *out, const struct sitemap *sitemap, const json_t *answers) {
    size_t count = count_pages(answers), parts = (count + ADDRESSES_MAX - 1) / ADDRESSES_MAX, part = (size_t)sitemap->part;
    struct listing listing = {.html.out = out, .origin = sitemap->origin};
    if (part > parts) return false;
    if (part == 0 && parts > 1) {
        write_index(out, sitemap->origin, parts);
        return true;
    }
    listing.from = part ? (part - 1) * ADDRESSES_MAX : 0;
    listing.to = listing.from + ADDRESSES_MAX;
    begin_file(&listing.html, "urlset");
    add_pages(&listing, answers);
    html_end(&listing.html);
    return true;
}

static void make_answer(struct call *call, struct sitemap *sitemap) {
    json_t *answers = json_array();
    struct text out = {0};
    for (const struct kept_page *page = sitemap->first; page; page = page->next)
        json_array_append_new(answers, json_loads(page->json, 0, NULL));
    if (write_file(&out, sitemap, answers)) page_answer_file(call, "application/xml; charset=utf-8", &out, &sitemap->headers);
    text_release(&out);
    json_decref(answers);
}

/* ---- Asking ---- */

/* service_question.prepare */
static void keep_answer(struct call *call) {
    const struct service_question *question = call->work_data;
    struct sitemap *sitemap = question->context;
    const char *json = question->answer.json_answer.json;
    json_t *answer = NULL;
    struct kept_page *page = arena_alloc(&call->arena, sizeof *page);
    if (json_read(&answer, json, strlen(json), "The answer", NULL)) answer = NULL; /* a service's bug; the others are listed */
    const char *next = json_string_value(json_object_get(answer, "next"));
    page->json = json;
    *sitemap->end = page;
    sitemap->end = &page->next;
    sitemap->after = next ? arena_copy(&call->arena, next) : NULL;
    json_decref(answer);
    if (next) return;
    sitemap->is_complete = sitemap->has_packages;
    sitemap->has_packages = true;
    if (sitemap->is_complete) make_answer(call, sitemap);
}

static void go_on(struct call *call);

static void ask(struct call *call, struct sitemap *sitemap) {
    struct service_question *question = arena_alloc(&call->arena, sizeof *question);
    *question =
        (struct service_question){.expected = MESSAGE_json_answer, .prepare = keep_answer, .go_on = go_on, .context = sitemap};
    if (sitemap->has_packages)
        question->request = (struct message){.tag = MESSAGE_set_page_query,
                                             .set_page_query = {.after = sitemap->after, .limit = ASKED_AT_ONCE}};
    else
        question->request =
            (struct message){.tag = MESSAGE_package_query, .package_query = {.after = sitemap->after, .limit = ASKED_AT_ONCE}};
    call->work_data = question;
    service_asker_ask(sitemap->has_packages ? call->gateway->set_asker : call->gateway->matrix_asker, call, question);
}

static void go_on(struct call *call) {
    const struct service_question *question = call->work_data;
    struct sitemap *sitemap = question->context;
    if (question->status)
        call_fail_with_question(call, question, UNAVAILABLE);
    else if (!sitemap->is_complete)
        ask(call, sitemap);
    else if (!call->answer.content_type)
        call_fail(call, STATUS_NOT_FOUND, NULL, "The sitemap has no such part.");
    else
        call_send_made(call);
}

static void begin(struct call *call, int64_t part) {
    struct sitemap *sitemap = arena_alloc(&call->arena, sizeof *sitemap);
    *sitemap = (struct sitemap){.origin = origin_of_site(call), .part = part, .headers = page_request_of(call)};
    sitemap->end = &sitemap->first;
    if (*sitemap->origin && page_answer_kept(call, sitemap->origin, &sitemap->headers)) return;
    if (*sitemap->origin)
        ask(call, sitemap);
    else
        call_fail(call, STATUS_INVALID, NULL, "The header Host must be the name of this site.");
}

void get_sitemap(struct call *call) {
    begin(call, 0);
}

void get_sitemap_part(struct call *call) {
    int64_t part;
    if (number_parse_within(&part, call->parameters[0], 1, PARTS_MAX))
        begin(call, part);
    else
        call_fail(call, STATUS_NOT_FOUND, NULL, "The sitemap has no such part: its parts have numbers from 1.");
}
