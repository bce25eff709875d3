/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Publications and unpublishings, as the metadata tells of them: an unpublished version is two, by both of its times.
 */
#ifndef LIB_DOMAIN_REGISTRY_PUBLICATION_H
#define LIB_DOMAIN_REGISTRY_PUBLICATION_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/domain/package/version.h"

struct indexed_package;
struct json_writer;

struct publication {
    const char *package;
    struct version version;
    int64_t time_ms;
    const char *reason; /* of an unpublishing; NULL: a publication */
};

/* "published" or "unpublished". */
const char *publication_event(const struct publication *publication);

/* The newest is first; of one time, in an order that does not depend on how packages are kept. */
bool publication_is_before(const struct publication *one, const struct publication *other);

/* Calls `take` with each of the package, in no particular order; texts are borrowed from the package. */
void publication_list(const struct indexed_package *package, void (*take)(void *context, const struct publication *publication),
                      void *context);

/* Writes an object: event, package, version, time, reason?. */
void publication_write(struct json_writer *writer, const struct publication *publication);

#endif
