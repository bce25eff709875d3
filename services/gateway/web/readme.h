/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The README of a version, from its tarball where that is a file of this machine.
 */
#ifndef SERVICES_GATEWAY_WEB_README_H
#define SERVICES_GATEWAY_WEB_README_H

#include <stdbool.h>

struct settings;
struct text;

struct readme {
    const char *fault; /* why there is none: a sentence, static; NULL: there is one */
    bool is_cut;       /* its end is left out */
};

enum { README_SHOWN_BYTES = 128 << 10 };

/* Appends the text, which may be anything, at most README_SHOWN_BYTES of it. Reads and unpacks a file: not on a loop's thread. The
 * name and the version must be well-formed. */
struct readme readme_read(struct text *out, const struct settings *settings, const char *name, const char *version);

#endif
