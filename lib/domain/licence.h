/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Licences: SPDX expressions (lib/domain/README.md, Licence). A manifest keeps the text as it was written; what is here judges
 * it.
 *
 *   expression = both { "OR" both }            both = simple { "AND" simple }
 *   simple     = "(" expression ")" | identifier ["+"] ["WITH" exception]
 *
 * Identifiers and exceptions are those of licence_list.def. Not here: finding out which licence a text is.
 */
#ifndef LIB_DOMAIN_LICENCE_H
#define LIB_DOMAIN_LICENCE_H

#include "lib/base/error.h"

struct arena;

enum { LICENCE_TEXT_MAX = 4096 }; /* bytes of an expression that is read */

/* Reads leniently, as old data needs it: deprecated identifiers are accepted and replaced where there is one replacement. *out
 * is the canonical form, in the arena. STATUS_INVALID says what is wrong and where. */
CHECK_RESULT enum status licence_canonicalise(const char **out, const char *text, struct arena *arena, struct error *err);

/* For newly submitted manifests: well-formed, and no identifier that canonicalising would change (the message has the canonical
 * form) or that is ambiguous, and licence_check_readable(). Blanks, the case of AND, OR and WITH, and needless parentheses are
 * as the author likes them. */
CHECK_RESULT enum status licence_check_new(const char *text, struct error *err);

/* Whether released clients can read it: spago 1.0.4 and 0.93.45 know the identifiers of 2025, and lose a package's whole index
 * file by one that is not among them. STATUS_INVALID names the identifier, or says why the text does not parse. */
CHECK_RESULT enum status licence_check_readable(const char *text, struct error *err);

/* Whether `expression`, a manifest's, has every identifier of `recognised`, an identifier or expression that was found in a
 * licence file or another manifest (lib/domain/README.md, Publish, step 4): both are read leniently and compared without case
 * and exceptions, and `X-or-later` covers a recognised `X-only`. *missing is the first identifier that it lacks (in the arena),
 * or NULL. STATUS_INVALID where either does not parse; for `recognised` the caller ignores it. */
CHECK_RESULT enum status licence_find_missing(const char **missing, const char *expression, const char *recognised,
                                              struct arena *arena, struct error *err);

#endif
