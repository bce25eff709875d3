/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What stands behind the `?` of an address. All that is understood is text, and every reader copes with every parameter.
 */
#include "lib/base/arena.h"
#include "services/gateway/query.h"
#include "tests/fuzz/fuzz.h"

static void read_parameters(const struct query *query) {
    for (size_t i = 0; i < query->count; i++) {
        const char *name = query->parameters[i].name;
        int64_t time_ms = -1, number = 5;
        bool flag = true;
        enum log_level level = LOG_WARN;
        assert(text_is_utf8(name, strlen(name)) &&
               text_is_utf8(query->parameters[i].value, strlen(query->parameters[i].value)));
        enum status status = query_number(query, name, 1, 1000, &number, NULL);
        assert(status == STATUS_INVALID || (number >= 1 && number <= 1000));
        status = query_flag(query, name, &flag, NULL);
        assert(status == STATUS_OK || status == STATUS_INVALID);
        status = query_time(query, name, &time_ms, NULL);
        assert(status == STATUS_OK || status == STATUS_INVALID);
        status = query_level(query, name, &level, NULL);
        assert(status == STATUS_OK || status == STATUS_INVALID);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct arena arena = {0};
    struct query query;
    struct error err = {0};
    bool descending = false;
    if (query_parse(&query, (const char *)bytes, length, &arena, &err)) {
        assert(err.message[0] && text_is_utf8(err.message, strlen(err.message)) && text_is_utf8(err.path, strlen(err.path)));
    } else {
        read_parameters(&query);
        enum status status = query_order(&query, &descending, NULL);
        assert(status == STATUS_OK || !descending);
    }
    arena_release(&arena);
    return 0;
}
