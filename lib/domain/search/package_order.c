/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/search/package_order.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/number.h"
#include "lib/base/text.h"

enum { KEY_TEXT_MAX = 24 };

enum status package_order_parse(enum package_order *out, const char *text, bool is_search, struct error *err) {
    static const char *const texts[] = {
#define ORDER(name, text, key) text,
        PACKAGE_ORDER_TABLE(ORDER)
#undef ORDER
    };
    *out = is_search ? PACKAGE_ORDER_RELEVANCE : PACKAGE_ORDER_NAME;
    for (size_t i = 0; text && i < sizeof texts / sizeof *texts; i++)
        if (text_equal(text, texts[i])) {
            if (i != PACKAGE_ORDER_RELEVANCE || is_search) *out = (enum package_order)i;
            return STATUS_OK;
        }
    return text ? error_set_at(err, STATUS_INVALID, "sort", "The order must be name, dependants, newest or relevance.")
                : STATUS_OK;
}

int package_place_compare(const struct package_place *a, const struct package_place *b) {
    return a->key != b->key ? (a->key < b->key) - (a->key > b->key) : strcmp(a->name, b->name);
}

void package_place_print(const struct package_place *place, char out[PACKAGE_CURSOR_MAX]) {
    if (place->key == 0)
        snprintf(out, PACKAGE_CURSOR_MAX, "%s", place->name);
    else
        snprintf(out, PACKAGE_CURSOR_MAX, "%" PRId64 ":%s", place->key, place->name);
}

enum status package_place_parse(struct package_place *out, const char *text, struct error *err) {
    const char *colon = strchr(text, ':');
    char key[KEY_TEXT_MAX];
    *out = (struct package_place){.name = colon ? colon + 1 : text};
    if (colon) {
        size_t length = (size_t)(colon - text);
        snprintf(key, sizeof key, "%.*s", (int)length, text);
        if (length >= sizeof key || !number_parse(&out->key, key))
            return error_set_at(err, STATUS_INVALID, "after", "\"%s\" is not the cursor of a list of packages.", text);
    }
    return package_name_check(out->name, err) ? error_under(err, "after") : STATUS_OK;
}
