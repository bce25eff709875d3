/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/router.h"

#include <stdbool.h>
#include <string.h>

static const struct route routes[] = {
#define ROUTE(method, path, function, limit, ports, description)                                                               \
    {METHOD_##method, path, function, limit, PORT_##ports, description},
#include "services/gateway/routes.def"
#undef ROUTE
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
        size_t tail = strcspn(pattern + 1, "/"); /* the literal end of this segment */
        const char *slash = memchr(path, '/', (size_t)(end - path));
        size_t segment = (size_t)((slash ? slash : end) - path);
        if (segment <= tail || memcmp(path + segment - tail, pattern + 1, tail) != 0) return false;
        *parameters++ = (struct route_parameter){path, segment - tail};
        path += segment;
        pattern += tail;
    }
    return path == end;
}

/* 0 for a method that no route has. */
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
