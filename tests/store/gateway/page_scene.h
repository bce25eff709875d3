/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests of pages: the gateway of gateway_scene.h, and what holds for every page.
 */
#ifndef TESTS_STORE_GATEWAY_PAGE_SCENE_H
#define TESTS_STORE_GATEWAY_PAGE_SCENE_H

#include "tests/store/gateway/gateway_scene.h"

#define POLICY                                                                                                                 \
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "        \
    "base-uri 'none'; frame-ancestors 'none'"

/* A whole page with this heading, whose scripts are all files of the site. */
static inline void expect_page(struct gateway_scene *s, struct answered answered, int status, const char *title) {
    expect_status(answered, status);
    expect_header(s, &answered, "content-type", "text/html; charset=utf-8");
    expect_header(s, &answered, "content-security-policy", POLICY);
    expect_header(s, &answered, "x-content-type-options", "nosniff");
    expect_within(answered.body, arena_format(&s->f.arena, "<h1>%s</h1>", title));
    expect_within(answered.body, "</main>");
    expect_within(answered.body, "</html>");
    /* scripts are files of this host, and nothing is within the tag */
    for (const char *at = answered.body; (at = strstr(at, "<script"));) {
        static const char tag[] = "<script type=\"module\" src=\"/assets/";
        assert_memory_equal(at, tag, strlen(tag));
        at = strstr(at, "></script>");
        assert_non_null(at);
    }
    expect_not_within(answered.body, " style=");
}

#endif
