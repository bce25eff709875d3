/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input's first line as a method, the rest as a path. The value of a `{name}` is a part of one segment of the path.
 */
#include <stdlib.h>

#include "services/gateway/http/router.h"
#include "tests/fuzz/fuzz.h"

static void find(enum port port, const char *method, const char *path, size_t length) {
    struct route_match match;
    router_find(port, method, strlen(method), path, length, &match);
    assert(!match.route || ((match.route->ports & port) && match.other_methods <= (METHOD_GET | METHOD_POST)));
    const struct route_parameter *parameter = match.parameters;
    for (const char *at = match.route ? match.route->path : ""; (at = strchr(at, '{')); at++, parameter++) {
        assert(parameter < match.parameters + ROUTE_PARAMETERS_MAX && parameter->length > 0);
        assert(parameter->start >= path && parameter->start + parameter->length <= path + length);
        assert(!memchr(parameter->start, '/', parameter->length));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    char *method = fuzz_take_line(&bytes, &length);
    find(PORT_PUBLIC, method, (const char *)bytes, length);
    find(PORT_MANAGEMENT, method, (const char *)bytes, length);
    size_t limit = router_body_limit(PORT_PUBLIC, method, strlen(method), (const char *)bytes, length);
    assert(limit >= IGNORED_BODY_BYTES && limit <= router_largest_body_bytes());
    free(method);
    return 0;
}
