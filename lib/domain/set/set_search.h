/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which changes of a package set compile together, in few attempts: the outcome of adding one change after the other, in
 * order, and keeping each with which the set still compiles. It knows nothing of packages: changes are numbers from 0, in the
 * order in which they would be added, and an attempt is a set of them.
 *
 *   all that is left ──compiles──► kept, done
 *        │ does not
 *        ▼
 *   the shortest beginning of it that does not compile, by halving; the first look is where the compiler's errors point
 *        │
 *        ▼
 *   its last change is refused, those before it are kept, those that cannot be without it are blocked; then again all that is
 *   left
 *
 * Of n changes with k that do not compile that takes at most k·(2 + log2 n) + 1 attempts, 3·k + 1 if the errors point at the
 * right ones; one by one takes n. The outcomes agree if an attempt that does not compile compiles with no later change either.
 * A change that is repaired by a later one is the exception: either an attempt has both, and they are kept, which is better
 * than the result of one by one, or the first is refused.
 */
#ifndef LIB_DOMAIN_SET_SET_SEARCH_H
#define LIB_DOMAIN_SET_SET_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

#define SET_SEARCH_NONE SIZE_MAX /* no change */

enum set_search_state {
    SET_SEARCH_OPEN,    /* not decided yet */
    SET_SEARCH_KEPT,    /* compiles with all that are kept */
    SET_SEARCH_REFUSED, /* does not compile with the ones that were kept before it */
    SET_SEARCH_BLOCKED, /* cannot be without one that was refused or blocked */
};

/* A change that cannot be without an earlier one: it depends on a package that only that one brings. */
struct set_search_need {
    size_t change;
    size_t needed;
};

/* Memory is of the arena. Not thread-safe. */
struct set_search {
    enum set_search_state *states;
    size_t *causes; /* by change: of a blocked one, the refused or blocked one that it cannot be without */
    size_t count;
    const struct set_search_need *needs;
    size_t need_count;
    size_t *open; /* the undecided ones, in order */
    size_t open_count;
    size_t passed;    /* number of them known to compile, together with the kept ones */
    size_t failed;    /* number known not to compile; open_count + 1: unknown */
    size_t hint;      /* position in `open` of the change that is suspected; SET_SEARCH_NONE: none */
    size_t attempted; /* number in the current attempt */
    size_t attempts;  /* number of attempts so far */
};

/* `needs` is borrowed: as long as the search lasts. */
void set_search_init(struct set_search *out, size_t count, const struct set_search_need *needs, size_t need_count,
                     struct arena *arena);

/* The next attempt: sets is_in[i] for each change that is in it (kept ones are). False: all is decided. */
bool set_search_next(struct set_search *search, bool *is_in);

/* The outcome of that attempt. `suspects` (NULL: unknown): by change, true for those that the errors of a failed attempt point
 * at; they only decide where the search looks first. Returns the change that is refused now, or SET_SEARCH_NONE. */
size_t set_search_report(struct set_search *search, bool compiles, const bool *suspects);

#endif
