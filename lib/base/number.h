/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Whole numbers in texts from outside: settings, command options, URLs, headers. strtoll() and its relatives also take a sign,
 * blanks before it, and in some bases a prefix.
 */
#ifndef LIB_BASE_NUMBER_H
#define LIB_BASE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* Reads a number of decimal digits alone, at least one. False, with *out unchanged: the text is anything else, or NULL, or the
 * number is above INT64_MAX. */
bool number_parse(int64_t *out, const char *text);

/* The same for a number that must be from `least` to `most`, which are not negative. */
bool number_parse_within(int64_t *out, const char *text, int64_t least, int64_t most);

#endif
