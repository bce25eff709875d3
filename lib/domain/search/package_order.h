/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The orders of a list of packages, and the cursor that goes on after one of them. Each order is by a number, highest first, and
 * by name where that is the same. A cursor has both, so a page begins after its place even where that package has moved, or is
 * gone: of a list that changes between two pages, only packages that have moved themselves can be seen twice or not at all.
 *
 *   KEY:NAME, or NAME where the key is 0, as always in the order by name
 */
#ifndef LIB_DOMAIN_SEARCH_PACKAGE_ORDER_H
#define LIB_DOMAIN_SEARCH_PACKAGE_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/domain/package/package_name.h"

/* ORDER(name, text, key) */
#define PACKAGE_ORDER_TABLE(ORDER)                                                                                             \
    ORDER(NAME, "name", "0")                                                                                                   \
    ORDER(DEPENDANTS, "dependants", "the number of packages whose latest version depends on it")                               \
    ORDER(NEWEST, "newest", "when its latest version was published")                                                           \
    ORDER(RELEVANCE, "relevance", "how well it matches a search, then its dependants")

enum package_order {
#define ORDER(name, text, key) PACKAGE_ORDER_##name,
    PACKAGE_ORDER_TABLE(ORDER)
#undef ORDER
};

/* Of the text; NULL: by relevance in a search, else by name. STATUS_INVALID with the path `sort`. */
CHECK_RESULT enum status package_order_parse(enum package_order *out, const char *text, bool is_search, struct error *err);

/* The place of a package in an order. */
struct package_place {
    int64_t key;
    const char *name;
};

/* Negative, 0 or positive, as for qsort(). */
int package_place_compare(const struct package_place *a, const struct package_place *b);

enum { PACKAGE_CURSOR_MAX = PACKAGE_NAME_MAX + 24 }; /* with the NUL */

void package_place_print(const struct package_place *place, char out[PACKAGE_CURSOR_MAX]);
/* The name is borrowed from the text. STATUS_INVALID with the path `after`. */
CHECK_RESULT enum status package_place_parse(struct package_place *out, const char *text, struct error *err);

#endif
