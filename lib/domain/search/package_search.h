/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Search for packages by what a person types: how well a package matches, by its name and its description. Pure; a search through
 * the whole registry takes a few milliseconds, so there is no index of words.
 *
 * The text is taken apart into words, at everything but letters, digits and characters beyond ASCII; upper and lower case are the
 * same, and `purescript-` before a name does not count. A package matches if each word does. From best to worst:
 *
 *   name           aff            the words, joined by hyphens, are the name
 *   begin of it    aff-promise    the name begins with them
 *   word of it     run-aff        a word of the name is the word,
 *                  run-affjax     or begins with it,
 *                  raff           or has it anywhere
 *   near name      awf            the name, or a word of it, differs by a typing error or two
 *   description                   a word of the description begins with the word
 */
#ifndef LIB_DOMAIN_SEARCH_PACKAGE_SEARCH_H
#define LIB_DOMAIN_SEARCH_PACKAGE_SEARCH_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

enum { SEARCH_BYTES_MAX = 256, SEARCH_WORDS_MAX = SEARCH_BYTES_MAX / 2 + 1, SEARCH_SCORE_BITS = 21 };

struct package_search {
    const char *name;   /* the words, joined by hyphens */
    const char **words; /* in the arena; none: nothing matches */
    size_t count;
};

/* Takes apart any text, of which only the first SEARCH_BYTES_MAX bytes count. */
void package_search_read(struct package_search *out, const char *text, struct arena *arena);

/* How well a package matches: higher is better, below 1 << SEARCH_SCORE_BITS; 0: not at all. `description` may be NULL. */
int package_search_score(const struct package_search *search, const char *name, const char *description);

/* The number of bytes to insert, remove, replace, or swap with their neighbour to get from one text to the other; above `most`:
 * most + 1. Texts that are longer than SEARCH_BYTES_MAX are as far apart as can be. */
size_t edit_distance(const char *one, size_t one_length, const char *other, size_t other_length, size_t most);

#endif
