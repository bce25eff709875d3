/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which licence a text is, as Debian's `licensee` (a Ruby program, used for this all over the field) recognises it. It reads
 * strangers' files, so it runs in the sandbox, under limits. Starting it takes a fifth of a second, and the same few texts come
 * again and again: what it said of the last ones is remembered.
 *
 * What a licence's identifier means, and whether it is the one that a manifest states, is not its affair
 * (lib/source/licence_check.h).
 */
#ifndef LIB_TOOLS_LICENSEE_H
#define LIB_TOOLS_LICENSEE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"

struct arena;
struct deadline;
struct licensee;
struct sandbox;

/* Looks for the program in the folders of `search_path` (as in PATH, which the caller reads). Without it the object is there,
 * too, and says so. `sandbox` is borrowed until licensee_free(). Any number of threads may use it at once. */
struct licensee *licensee_create(const char *search_path, const struct sandbox *sandbox);
void licensee_free(struct licensee *licensee);
bool licensee_is_installed(const struct licensee *licensee);

struct licensee_file {
    const char *name; /* its name counts, as in `LICENSE.md`; no `/` in it */
    const char *bytes;
    size_t length;
};

struct licensee_finding {
    const char *file;       /* one of the names */
    const char *identifier; /* SPDX's, possibly a deprecated one */
};

/* What it recognised; one file may be there several times or not at all. */
struct licensee_findings {
    struct licensee_finding *items;
    size_t count;
};

/* Recognises the licences of these files; all in the arena. `work_folder` must not be there yet, its parent must; it is gone
 * afterwards. STATUS_NOT_FOUND: not installed. STATUS_INTERNAL: it failed, or gave no answer that can be read; STATUS_TIMEOUT,
 * and what else deadline_check() answers: it was stopped. */
CHECK_RESULT enum status licensee_recognise(struct licensee_findings *out, struct licensee *licensee,
                                            const struct licensee_file *files, size_t file_count, const char *work_folder,
                                            struct arena *arena, struct deadline *deadline, struct error *err);

/* Reads what `licensee detect --json` prints, for licensee_recognise() and its tests: the matched files, less those of which it
 * says that it does not know their licence. STATUS_INVALID says what is not as expected. */
CHECK_RESULT enum status licensee_read_answer(struct licensee_findings *out, const char *json, size_t length,
                                              struct arena *arena, struct error *err);

#endif
