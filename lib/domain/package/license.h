/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Licenses: parsing and checking SPDX expressions (lib/domain/README.md, License). A manifest keeps the text as it was written.
 *
 *   expression = both { "OR" both }            both = simple { "AND" simple }
 *   simple     = "(" expression ")" | identifier ["+"] ["WITH" exception]
 *
 * Identifiers and exceptions are those of license_list.def. Recognising the license of a text is not done here.
 */
#ifndef LIB_DOMAIN_PACKAGE_LICENSE_H
#define LIB_DOMAIN_PACKAGE_LICENSE_H

#include "lib/base/error.h"

struct arena;

enum { LICENSE_TEXT_MAX = 4096 }; /* bytes; longer expressions are refused */

/* Parses leniently, for old data: deprecated identifiers are accepted, and replaced if there is exactly one replacement. *out
 * is the canonical form, in the arena. STATUS_INVALID gives the fault and its position. */
CHECK_RESULT enum status license_canonicalise(const char **out, const char *text, struct arena *arena, struct error *err);

/* For newly submitted manifests: STATUS_INVALID for a malformed expression, an identifier that canonicalising would change (the
 * message has the canonical form) or that is ambiguous, and as license_check_readable(). Blanks, the case of AND, OR and WITH,
 * and redundant parentheses are free. */
CHECK_RESULT enum status license_check_new(const char *text, struct error *err);

/* Checks that released clients can read it: spago 1.0.4 and 0.93.45 know the identifiers of 2025, and an unknown one makes them
 * fail on the package's whole index file. STATUS_INVALID names the identifier, or the syntax error. */
CHECK_RESULT enum status license_check_readable(const char *text, struct error *err);

/* Checks that the manifest's `expression` has every identifier of `recognised`, an identifier or expression found in a license
 * file or another manifest (lib/domain/README.md, Publish, step 4): both are parsed leniently and compared without case and
 * exceptions, and `X-or-later` covers a recognised `X-only`. *missing is the first identifier that `expression` lacks, or NULL;
 * it lives as long as the arena. STATUS_INVALID if either does not parse. */
CHECK_RESULT enum status license_find_missing(const char **missing, const char *expression, const char *recognised,
                                              struct arena *arena, struct error *err);

#endif
