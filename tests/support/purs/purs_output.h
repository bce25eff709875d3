/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The files that the stand-in compiler (purs.c) writes to `output`, and its check that a module is up to date.
 */
#ifndef TESTS_SUPPORT_PURS_PURS_OUTPUT_H
#define TESTS_SUPPORT_PURS_PURS_OUTPUT_H

#include "tests/support/purs/purs_sources.h"

/* Compiles the modules that are not up to date, naming each on stderr, and writes `FOLDER/cache-db.json`. Appends errors to
 * `errors`, and the warnings of the modules compiled now to `warnings`. False if it cannot write. */
bool purs_output_make(struct purs_sources *sources, const char *folder, const char *version, json_t *errors, json_t *warnings);

#endif
