/* SPDX-License-Identifier: BSD-3-Clause
 *
 * GET /robots.txt: crawlers may walk everything but addresses with a query, since each page that has one leads to as many
 * addresses as one likes; the sitemap has all pages. What services/gateway/routes/routes.def hides from them (NOINDEX) is
 * allowed, with a query, too: a crawler that may not fetch a page never sees the header that says so (X-Robots-Tag).
 */
#include <string.h>

#include "lib/base/text.h"
#include "services/gateway/http/call.h"
#include "services/gateway/http/origin.h"
#include "services/gateway/http/router.h"
#include "services/gateway/web/page.h"

/* The path with `*` in place of each `{name}`. */
static void append_pattern(struct text *out, const char *path) {
    for (; *path; path++) {
        text_append_character(out, *path == '{' ? '*' : *path);
        if (*path == '{') path = strchr(path, '}');
    }
}

static void append_rules(struct text *out) {
    size_t count;
    const struct route *routes = router_routes(&count);
    text_append(out, "User-agent: *\n");
    for (size_t i = 0; i < count; i++) {
        if (routes[i].method != METHOD_GET || !(routes[i].ports & PORT_PUBLIC) || !routes[i].is_hidden_from_crawlers) continue;
        text_append(out, "Allow: ");
        append_pattern(out, routes[i].path);
        text_append(out, "\n");
    }
    text_append(out, "Disallow: /*?\n");
}

void get_robots(struct call *call) {
    struct text out = {0};
    const struct page_request request = page_request_of(call);
    append_rules(&out);
    text_append_format(&out, "\nSitemap: %s/sitemap.xml\n", origin_of_site(call));
    page_answer_file(call, "text/plain; charset=utf-8", &out, &request);
    text_release(&out);
    call_send_made(call);
}
