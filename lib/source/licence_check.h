/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Do the licences that a source names elsewhere agree with its manifest (lib/domain/README.md, Publish, step 4)?
 *
 *   LICENSE*, LICENCE*           their texts are recognised by licensee (lib/tools/licensee.h)
 *   package.json, bower.json     the `license` fields are read here: licensee finds them by a pattern, takes the first of the
 *                                two files, and knows no lists and no expressions
 */
#ifndef LIB_SOURCE_LICENCE_CHECK_H
#define LIB_SOURCE_LICENCE_CHECK_H

#include <stdint.h>

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
    int64_t limit_ms;        /* that the detector may take for all texts */
};

enum {
    LICENCE_TEXTS_MAX = 16,    /* are compared */
    LICENCE_WARNINGS_MAX = 32, /* are told */
};

/* Sentences, each on a file whose text was not looked at; in the arena. */
struct licence_warnings {
    const char *items[LICENCE_WARNINGS_MAX];
    size_t count;
};

/* The `license` fields. STATUS_REFUSED names the file, its licence, and what the manifest says. What is not there, is larger
 * than any such file, or cannot be read as one, is ignored. */
CHECK_RESULT enum status licence_check_fields(const struct licence_check *check, struct arena *arena, struct error *err);

/* The texts, by the detector, which takes a second. STATUS_REFUSED as above; a file that cannot be read, or at which the
 * detector fails or takes longer than its share of limit_ms, is left out with a warning. `deadline` is this call's own: it sets
 * the times in it, and the caller may raise its flag, which is then the status. Any thread, as long as the arena is its own. */
CHECK_RESULT enum status licence_check_texts(const struct licence_check *check, struct licence_warnings *warnings,
                                             struct arena *arena, struct deadline *deadline, struct error *err);

#endif
