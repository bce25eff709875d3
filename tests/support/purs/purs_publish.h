/* SPDX-License-Identifier: BSD-3-Clause
 *
 * `purs publish` of the stand-in compiler (purs.c).
 */
#ifndef TESTS_SUPPORT_PURS_PURS_PUBLISH_H
#define TESTS_SUPPORT_PURS_PURS_PUBLISH_H

#include "lib/domain/package/version.h"

struct purs_publish_options {
    struct version version; /* of the compiler */
    const char *manifest;
    const char *resolutions;
};

/* Prints lines of progress and, last, the documentation as JSON; or the reason for a failure on stderr. Returns the exit
 * status. */
int purs_publish(const struct purs_publish_options *options);

#endif
