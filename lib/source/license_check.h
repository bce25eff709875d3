/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Checks that the licenses stated elsewhere in a source agree with its manifest (lib/domain/README.md, Publish, step 4):
 *
 *   LICENSE*, LICENCE*           their texts are recognised by licensee (lib/tools/licensee.h)
 *   package.json, bower.json     the `license` fields are read here: licensee finds them by a pattern, uses only the first of
 *                                the two files, and supports neither lists nor expressions
 */
#ifndef LIB_SOURCE_LICENSE_CHECK_H
#define LIB_SOURCE_LICENSE_CHECK_H

#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/error.h"

struct deadline;
struct licensee;
struct package_files;

struct license_check {
    const char *folder;                /* of the source */
    const struct package_files *files; /* the published ones; no others are checked */
    const char *expression;            /* the manifest's license */
    struct licensee *licensee;
    const char *work_folder; /* for licensee_recognise() */
    int64_t limit_ms;        /* for the detector, over all texts */
};

enum {
    LICENSE_TEXTS_MAX = 16,    /* compared at most */
    LICENSE_WARNINGS_MAX = 32, /* reported at most */
};

/* Sentences about files whose text was not compared; in the arena. */
struct license_warnings {
    const char *items[LICENSE_WARNINGS_MAX];
    size_t count;
};

/* Checks the `license` fields. STATUS_REFUSED names the file, its license, and the manifest's. Files that are missing, too
 * large or malformed are ignored. */
CHECK_RESULT enum status license_check_fields(const struct license_check *check, struct arena *arena, struct error *err);

/* Checks the texts with the detector, which takes up to a second. STATUS_REFUSED as above; a file that cannot be read, or at
 * which the detector fails or exceeds its share of limit_ms, gets a warning instead. `deadline` is for this call only: the
 * call sets its times, and the caller may cancel it, which gives the status. Thread-safe with an arena per thread. */
CHECK_RESULT enum status license_check_texts(const struct license_check *check, struct license_warnings *warnings,
                                             struct arena *arena, struct deadline *deadline, struct error *err);

#endif
