/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Pieces of JSON that answers about package sets have in common.
 */
#ifndef SERVICES_PACKAGE_SET_QUERY_SET_JSON_H
#define SERVICES_PACKAGE_SET_QUERY_SET_JSON_H

#include "lib/base/json_writer.h"
#include "lib/domain/set/set_members.h"

/* Each writes a key and its value. */
void set_json_version(struct json_writer *writer, const char *key, struct version version);
void set_json_indexed(struct json_writer *writer, const char *key, const struct indexed_version *version); /* NULL: nothing */
void set_json_names(struct json_writer *writer, const char *key, const struct set_members *members, const uint32_t *packages,
                    size_t count); /* an empty list: nothing */

/* `{version, compiler, published}` */
void set_json_set(struct json_writer *writer, const char *key, const struct package_set *set);

#endif
