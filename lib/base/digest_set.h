/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A set of at most DIGEST_SET_MAX SHA-256 digests, for instance of tokens that proved valid. When it is full, the digest that
 * was added least recently is evicted; a look-up does not refresh it, adding it again does. Thread-safe.
 */
#ifndef LIB_BASE_DIGEST_SET_H
#define LIB_BASE_DIGEST_SET_H

#include <stdbool.h>

#include "lib/base/hash.h"

struct digest_set;

enum { DIGEST_SET_MAX = 64 };

struct digest_set *digest_set_create(void) __attribute__((returns_nonnull));
void digest_set_free(struct digest_set *set); /* NULL is fine */

void digest_set_add(struct digest_set *set, const unsigned char digest[SHA256_BYTES]);
bool digest_set_has(struct digest_set *set, const unsigned char digest[SHA256_BYTES]);

#endif
