/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/http/router.h"

#include <stdbool.h>
#include <string.h>

/* The macros of services/gateway/routes/routes.def. The lists are compound literals at file scope, so they have static storage
 * duration. */
#define BODY(limit, schema) limit, schema, false
#define BODY_WITH_TOKEN(limit, schema) limit, schema, true
#define NO_BODY 0, NULL, false
#define INDEX false
#define NOINDEX true
#define END                                                                                                                    \
    { .name = NULL }
#define PARAMETERS(rows)                                                                                                       \
    (const struct query_parameter[]) {                                                                                         \
        rows END                                                                                                               \
    }
#define NO_PARAMETERS PARAMETERS()
#define TEXT(text, help) {.name = text, .type = QUERY_TEXT, .meaning = help},
#define TIME(text, help) {.name = text, .type = QUERY_TIME, .meaning = help},
#define FLAG(text, value, help) {.name = text, .type = QUERY_FLAG, .initial = value, .meaning = help},
#define NUMBER(text, value, min, max, help)                                                                                    \
    {.name = text, .type = QUERY_NUMBER, .initial = value, .least = min, .most = max, .meaning = help},
#define CHOICE(text, list, value, help) {.name = text, .type = QUERY_CHOICE, .initial = value, .words = list, .meaning = help},
#define CURSOR(text, help) {.name = text, .type = QUERY_CURSOR, .meaning = help},
#define VERSION(text, help) {.name = text, .type = QUERY_VERSION, .meaning = help},
#define HEADER(text, help) {.name = text, .type = QUERY_HEADER, .meaning = help},
#define ANSWERS(rows)                                                                                                          \
    (const struct route_answer[]){rows}, sizeof((const struct route_answer[]){rows}) / sizeof(struct route_answer)
#define JSON(status, name, help) {.http_status = status, .media_type = "application/json", .schema = name, .meaning = help},
#define OTHER(status, type, help) {.http_status = status, .media_type = type, .meaning = help},
#define EMPTY(status, help) {.http_status = status, .meaning = help},
#define ANSWER_HEADER(status, name) {.http_status = status, .header = name},
#define FAILURE(status) {.failure = STATUS_##status},

static const struct route routes[] = {
#define ROUTE(method, path, function, ports, crawlers, ...)                                                                    \
    {METHOD_##method, path, #function, function, PORT_##ports, crawlers, __VA_ARGS__, false},
#define PAGE(path, function, crawlers, what, parameters)                                                                       \
    {METHOD_GET, path, #function, function, PORT_PUBLIC, crawlers, NO_BODY, what, parameters, NULL, 0, true},
#define FORM(path, function, limit, what)                                                                                      \
    {METHOD_POST, path, #function, function, PORT_PUBLIC, NOINDEX, BODY(limit, NULL), what, NO_PARAMETERS, NULL, 0, true},
#include "services/gateway/routes/routes.def"
#undef ROUTE
#undef PAGE
#undef FORM
};

enum { ROUTE_COUNT = sizeof routes / sizeof routes[0] };

const struct route *router_routes(size_t *count) {
    *count = ROUTE_COUNT;
    return routes;
}

size_t router_largest_body_bytes(void) {
    size_t largest = 0;
    for (size_t i = 0; i < ROUTE_COUNT; i++)
        if (routes[i].body_limit_bytes > largest) largest = routes[i].body_limit_bytes;
    return largest;
}

static bool path_matches(const char *pattern, const char *path, size_t length, struct route_parameter *parameters) {
    const char *end = path + length;
    for (; *pattern; pattern++) {
        if (*pattern != '{') {
            if (path == end || *path++ != *pattern) return false;
            continue;
        }
        pattern = strchr(pattern, '}');
        size_t tail = strcspn(pattern + 1, "/"); /* length of the literal suffix of this segment */
        const char *slash = memchr(path, '/', (size_t)(end - path));
        size_t segment = (size_t)((slash ? slash : end) - path);
        if (segment <= tail || memcmp(path + segment - tail, pattern + 1, tail) != 0) return false;
        *parameters++ = (struct route_parameter){path, segment - tail};
        path += segment;
        pattern += tail;
    }
    return path == end;
}

/* The enum method; 0: no route has this method. */
static unsigned method_of(const char *method, size_t length) {
    static const struct {
        const char *name;
        enum method method;
    } methods[] = {{"GET", METHOD_GET}, {"HEAD", METHOD_GET}, {"POST", METHOD_POST}};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (strlen(methods[i].name) == length && memcmp(methods[i].name, method, length) == 0) return methods[i].method;
    return 0;
}

void router_find(enum port port, const char *method, size_t method_length, const char *path, size_t path_length,
                 struct route_match *out) {
    *out = (struct route_match){0};
    unsigned asked = method_of(method, method_length);
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        if (!(routes[i].ports & port) || !path_matches(routes[i].path, path, path_length, out->parameters)) continue;
        if (routes[i].method == asked) {
            out->route = &routes[i];
            return;
        }
        out->other_methods |= routes[i].method;
    }
}

/* True if h2o's normalisation, which decodes %XX and resolves dot segments, leaves the path unchanged. */
static bool is_plain(const char *path, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (path[i] == '%' || (path[i] == '/' && i + 1 < length && path[i + 1] == '.')) return false;
    return length > 0 && path[0] == '/';
}

size_t router_body_limit(enum port port, const char *method, size_t method_length, const char *target, size_t target_length) {
    const char *end = target + target_length, *query = target_length ? memchr(target, '?', target_length) : NULL;
    if (query) end = query;
    if (target < end && *target != '/') { /* scheme and host */
        const char *host = memmem(target, (size_t)(end - target), "://", 3);
        const char *path = host ? memchr(host + 3, '/', (size_t)(end - host - 3)) : NULL;
        target = path ? path : end;
    }
    struct route_match match;
    if (!is_plain(target, (size_t)(end - target))) return router_largest_body_bytes();
    router_find(port, method, method_length, target, (size_t)(end - target), &match);
    return match.route && match.route->body_limit_bytes ? match.route->body_limit_bytes : IGNORED_BODY_BYTES;
}
