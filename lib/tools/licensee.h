/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Recognises license texts with Debian's `licensee` (a Ruby program, the usual tool for this). It reads untrusted files, so it
 * runs in the sandbox, under limits. Starting it takes a fifth of a second, and the same few texts recur, so the latest results
 * are cached.
 *
 * The meaning of an identifier, and whether it is the license that a manifest states, are lib/source/license_check.h's matter.
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

/* Looks for the program in the folders of `search_path` (in PATH's form). If it is not found, licensee_is_installed() is
 * false. `sandbox` is borrowed until licensee_free(). Thread-safe. */
struct licensee *licensee_create(const char *search_path, const struct sandbox *sandbox);
void licensee_free(struct licensee *licensee);
bool licensee_is_installed(const struct licensee *licensee);

struct licensee_file {
    const char *name; /* e.g. `LICENSE.md`, considered by licensee; without `/` */
    const char *bytes;
    size_t length;
};

struct licensee_finding {
    const char *file;       /* one of the names */
    const char *identifier; /* an SPDX identifier, possibly deprecated */
};

/* The recognised licenses; a file may have several or none. */
struct licensee_findings {
    struct licensee_finding *items;
    size_t count;
};

/* Recognises the licenses of these files; the findings are in the arena. `work_folder` must not exist, its parent must; it
 * is removed at the end. STATUS_NOT_FOUND: not installed. STATUS_INTERNAL: it failed, or its answer is malformed;
 * STATUS_TIMEOUT, or another status of deadline_check(): it was stopped. */
CHECK_RESULT enum status licensee_recognise(struct licensee_findings *out, struct licensee *licensee,
                                            const struct licensee_file *files, size_t file_count, const char *work_folder,
                                            struct arena *arena, struct deadline *deadline, struct error *err);

/* Parses the output of `licensee detect --json`, for licensee_recognise() and its tests: the matched files, without those
 * whose license it does not know. STATUS_INVALID: malformed. */
CHECK_RESULT enum status licensee_read_answer(struct licensee_findings *out, const char *json, size_t length,
                                              struct arena *arena, struct error *err);

#endif
