/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For property tests: JSON with a few random changes. The same numbers give the same changes.
 */
#ifndef TESTS_SUPPORT_MUTATED_JSON_H
#define TESTS_SUPPORT_MUTATED_JSON_H

#include <jansson.h>
#include <stdint.h>

struct mutation {
    uint32_t state; /* any number to begin with */
};

uint32_t mutation_below(struct mutation *mutation, uint32_t limit);

/* A copy of `original`, an object, with one to three changes at any depth: values become null or have another type, null fields
 * come in, fields go, values are wrapped, cut, doubled. The caller owns it. */
json_t *mutation_make(struct mutation *mutation, const json_t *original);

#endif
