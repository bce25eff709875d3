/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A few SHA-256 digests, for instance of tokens that were seen to be good: the one not seen for longest is forgotten for a new
 * one. Any thread may call.
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
