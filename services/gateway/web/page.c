/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/web/page.h"

#include <inttypes.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/tools/archive/gzip.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/http/header_lists.h"
#include "services/gateway/web/assets.h"

enum { GZIP_MIN_BYTES = 1024 };

static const struct {
    const char *address, *name;
} sections[] = {
    {"/packages", "Packages"}, {"/package-sets", "Package sets"}, {"/matrix", "Build matrix"},
    {"/jobs", "Jobs"},         {"/docs", "Documentation"},
};

static void write_feed_link(struct html *html, const char *title, const char *address) {
    html_void(html, "link");
    html_attribute(html, "rel", "alternate");
    html_attribute(html, "type", "application/atom+xml");
    html_attribute(html, "title", title);
    html_attribute(html, "href", address);
}

/* `feed` NULL: there is none about the page alone. */
static void write_head(struct html *html, const char *title, const char *feed) {
    html_begin(html, "head");
    html_void(html, "meta");
    html_attribute(html, "charset", "utf-8");
    html_void(html, "meta");
    html_attribute(html, "name", "viewport");
    html_attribute(html, "content", "width=device-width, initial-scale=1");
    html_begin(html, "title");
    html_format(html, "%s · PureScript registry", title);
    html_end(html);
    html_void(html, "link");
    html_attribute(html, "rel", "stylesheet");
    html_attribute(html, "href", asset_address("site.css"));
    html_void(html, "link");
    html_attribute(html, "rel", "icon");
    html_attribute(html, "href", asset_address("icon.svg"));
    if (feed) write_feed_link(html, title, feed);
    write_feed_link(html, "Packages that were published", "/feeds/publications.atom");
    write_feed_link(html, "Package sets", "/feeds/package-sets.atom");
    html_end(html);
}

static void write_navigation(struct html *html, const char *section) {
    html_begin(html, "header");
    html_begin(html, "nav");
    html_attribute(html, "aria-label", "Site");
    html_link(html, "/", "PureScript registry");
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        html_begin(html, "a");
        html_attribute(html, "href", sections[i].address);
        html_attribute(html, "aria-current", text_equal(section, sections[i].address) ? "page" : NULL);
        html_text(html, sections[i].name);
        html_end(html);
    }
    html_end(html);
    html_end(html);
}

void page_begin(struct html *html, const char *title, const char *section) {
    page_begin_with_feed(html, title, section, NULL);
}

void page_begin_with_feed(struct html *html, const char *title, const char *section, const char *feed) {
    text_append(html->out, "<!DOCTYPE html>\n");
    html_begin(html, "html");
    html_attribute(html, "lang", "en");
    write_head(html, title, feed);
    html_begin(html, "body");
    html_begin(html, "a");
    html_attribute(html, "href", "#content");
    html_attribute(html, "class", "skip");
    html_text(html, "Skip to the content");
    html_end(html);
    write_navigation(html, section);
    html_begin(html, "main");
    html_attribute(html, "id", "content");
    html_element(html, "h1", NULL, title);
}

void page_load_script(struct html *html, const char *name) {
    html_begin(html, "script");
    html_attribute(html, "type", "module");
    html_attribute(html, "src", asset_address(name));
    html_end(html);
}

void page_end(struct html *html) {
    html_end(html);
    html_begin(html, "footer");
    html_link(html, "/api/v1/openapi.json", "The API as an OpenAPI document");
    html_text(html, " · Feeds of ");
    html_link(html, "/feeds/publications.atom", "publications");
    html_text(html, " and ");
    html_link(html, "/feeds/package-sets.atom", "package sets");
    html_text(html, " · ");
    html_link(html, "/dmca", "Copyright and takedowns");
    html_text(html, " · ");
    html_link(html, "/status", "Status");
    html_end(html);
    while (html->depth > 0)
        html_end(html);
    text_append(html->out, "\n");
}

const char page_type[] = "text/html; charset=utf-8";
const char page_policy[] = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
                           "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

static void add_headers(struct answer *answer) {
    answer->content_type = page_type;
    answer_header(answer, "content-security-policy", page_policy);
    answer_header(answer, "referrer-policy", "same-origin");
}

struct page_request page_request_of(struct call *call) {
    return (struct page_request){.accepts_gzip = header_list_accepts_gzip(call_request_header(call, "accept-encoding")),
                                 .if_none_match = call_request_header(call, "if-none-match")};
}

/* A key has the time as one of its parts: what is older is not found any more, and leaves the memory as what was not asked for. */
bool page_answer_kept(struct call *call, const char *origin, struct page_request *request) {
    int64_t keep_ms = call->gateway->settings->gateway_page_ms;
    if (keep_ms == 0) return false;
    request->key =
        arena_format(&call->arena, "page %" PRId64 " %s %s %.*s", clock_monotonic_ms() / keep_ms,
                     request->accepts_gzip ? "gzip" : "plain", origin, (int)call->req->path.len, call->req->path.base);
    struct kept_answer *kept = kept_answers_find(call->gateway->kept_answers, request->key);
    if (kept) call_send_kept(call, kept, request->if_none_match);
    return kept;
}

void page_answer_file(struct call *call, const char *type, const struct text *file, const struct page_request *request) {
    struct answer *answer = &call->answer;
    answer->content_type = type;
    answer_header(answer, "vary", "Origin, Accept-Encoding");
    if (answer_has_tag(call, file->bytes, file->length, request->if_none_match)) return;
    if (request->accepts_gzip && file->length >= GZIP_MIN_BYTES) {
        gzip_pack(&answer->body, file->bytes, file->length);
        answer_header(answer, "content-encoding", "gzip");
    } else {
        text_append_bytes(&answer->body, file->bytes, file->length);
    }
    if (request->key) call_keep_answer(call, request->key);
}

void page_answer(struct call *call, const struct text *page, const struct page_request *request) {
    add_headers(&call->answer);
    page_answer_file(call, page_type, page, request);
}

void page_answer_feed(struct call *call, const struct text *feed, const struct page_request *request) {
    page_answer_file(call, "application/atom+xml; charset=utf-8", feed, request);
}

void page_send(struct call *call, const struct text *page) {
    const struct page_request request = page_request_of(call);
    page_answer(call, page, &request);
    call_send_made(call);
}

void page_make_once(struct call *call, const struct text *page, int http_status) {
    add_headers(&call->answer);
    call->answer.http_status = http_status;
    text_append_bytes(&call->answer.body, page->bytes, page->length);
}

void page_send_once(struct call *call, const struct text *page, int http_status) {
    page_make_once(call, page, http_status);
    call_send_made(call);
}

void page_append_failure(struct text *out, int http_status, const char *message) {
    struct html html = {.out = out};
    page_begin(&html, http_status == 404 ? "Not found" : "This did not work", NULL);
    html_element(&html, "p", NULL, message);
    html_begin(&html, "p");
    html_link(&html, "/packages", "All packages");
    html_end(&html);
    page_end(&html);
}

void page_fail(struct call *call, const char *message) {
    add_headers(&call->answer);
    page_append_failure(&call->answer.body, call->answer.http_status, message);
}
