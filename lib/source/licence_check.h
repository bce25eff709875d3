/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Do the licences that a source names elsewhere agree with its manifest (spec/operations.md, Publish, step 4)?
 *
 *   LICENSE*, LICENCE*           their texts are recognised by licensee (lib/tools/licensee.h)
 *   package.json, bower.json     the `license` fields are read here: licensee finds them by a pattern, takes the first of the
 *                                two files, and knows no lists and no expressions
 */
#ifndef LIB_SOURCE_LICENCE_CHECK_H
#define LIB_SOURCE_LICENCE_CHECK_H

#include "lib/base/arena.h"
#include "lib/base/error.h"

struct deadline;
struct licensee;
struct package_files;

struct licence_check {
    const char *folder;                /* of the source */
    const struct package_files *files; /* what of it is published: nothing else is looked at */
    const char *expression;            /* the manifest's licence */
    struct licensee *licensee;
    const char *work_folder; /* for licensee_recognise() */
};

/* STATUS_REFUSED names the file, its licence, and what the manifest says. What is not there, is larger than any licence, or
 * cannot be read as one, is ignored. *warning is NULL, or a sentence on why the texts were not looked at (in the arena).
 * STATUS_TIMEOUT and what else deadline_check() answers: stopped. */
CHECK_RESULT enum status licence_check_source(const struct licence_check *check, const char **warning, struct arena *arena,
                                              struct deadline *deadline, struct error *err);

#endif
