/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as a URL's query, with the table of parameters of each route. Accepted values are UTF-8, and within the
 * limits of their rows.
 */
#include "lib/base/arena.h"
#include "lib/domain/package/version.h"
#include "services/gateway/http/router.h"
#include "tests/fuzz/fuzz.h"

static void check_texts(const struct query *query) {
    for (size_t i = 0; i < query->count; i++) {
        const char *name = query->parameters[i].name, *value = query->parameters[i].value;
        assert(text_is_utf8(name, strlen(name)) && text_is_utf8(value, strlen(value)));
    }
}

static void read_row(const struct query *query, const struct query_parameter *row) {
    switch (row->type) {
    case QUERY_TEXT:
    case QUERY_CURSOR: assert(!row->initial); break;
    case QUERY_TIME: assert(query_time(query, row->name) >= 0); break;
    case QUERY_FLAG: assert(query_flag(query, row->name) || !text_equal(query_value(query, row->name), "true")); break;
    case QUERY_NUMBER: {
        int64_t number = query_number(query, row->name);
        bool is_absent = !row->initial && !query_value(query, row->name);
        assert(is_absent ? number == 0 : number >= row->least && number <= row->most);
        break;
    }
    case QUERY_CHOICE: {
        const char *value = query_text(query, row->name);
        const char *const *word = row->words;
        while (value && *word && strcmp(*word, value) != 0)
            word++;
        assert(*word);
        break;
    }
    case QUERY_VERSION: {
        const char *value = query_text(query, row->name);
        struct version version;
        assert(!value || version_parse(&version, value, NULL) == STATUS_OK);
        break;
    }
    case QUERY_HEADER: break;
    }
}

static void read_as(const struct query_parameter *rows, const uint8_t *bytes, size_t length) {
    struct arena arena = {0};
    struct query query;
    struct error err = {0};
    if (query_parse(&query, rows, (const char *)bytes, length, &arena, &err)) {
        assert(err.message[0] && text_is_utf8(err.message, strlen(err.message)) && text_is_utf8(err.path, strlen(err.path)));
    } else {
        check_texts(&query);
        for (const struct query_parameter *row = rows; row->name; row++)
            read_row(&query, row);
    }
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    size_t count;
    const struct route *routes = router_routes(&count);
    for (size_t i = 0; i < count; i++)
        read_as(routes[i].parameters, bytes, length);
    return 0;
}
