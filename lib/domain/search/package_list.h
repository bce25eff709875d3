/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A page of the registry's packages, all or those that a search finds, in one of the orders of package_order.h. Made anew for
 * each page: the whole registry takes about a millisecond.
 */
#ifndef LIB_DOMAIN_SEARCH_PACKAGE_LIST_H
#define LIB_DOMAIN_SEARCH_PACKAGE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/domain/registry/manifest_index.h"
#include "lib/domain/search/package_order.h"

struct arena;

struct package_list_request {
    const char *search; /* text that a person typed; NULL or blank: all packages */
    bool is_by_name;    /* searches names alone, not descriptions */
    enum package_order order;
    const struct package_place *after; /* NULL: from the beginning */
    size_t limit;
};

struct listed_package {
    struct package_place place;
    const struct metadata *metadata;
    const struct published_version *latest; /* its highest version; NULL: it has none any more */
    const struct manifest *manifest;        /* of that version, NULL if the index lacks it */
    size_t dependants;                      /* number of packages whose latest version depends on it */
};

struct package_list {
    struct listed_package *items; /* in the arena; names and structs are the index's */
    size_t count;
    size_t total;  /* of all pages */
    bool has_more; /* after these */
};

void package_list_find(struct package_list *out, const struct manifest_index *index, const struct package_list_request *request,
                       struct arena *arena);

/* The packages whose latest version depends on this version, or on any if it is NULL, by name, with that version and its range; in
 * the arena, with the index's names. */
size_t package_list_dependants(struct dependant **out, const struct manifest_index *index, const char *name,
                               const struct version *version, struct arena *arena);

/* The latest published version and its manifest in the index; each is NULL if there is none. */
const struct published_version *package_latest(const struct indexed_package *package, const struct indexed_version **indexed);

#endif
