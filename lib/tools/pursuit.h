/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Pursuit, the site with the documentation of all packages (lib/tools/README.md, Pursuit). What is sent there is made by the
 * compiler (compiler_publish() in lib/tools/compiler.h).
 *
 *   GET  BASE/packages/purescript-NAME/available-versions    →  [[VERSION, URL], …], or 404: none
 *   POST BASE/packages    gzipped JSON, with the token       →  201
 */
#ifndef LIB_TOOLS_PURSUIT_H
#define LIB_TOOLS_PURSUIT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"

struct deadline;
struct text;

/* Where it is, and who we are there; everything borrowed. */
struct pursuit {
    const char *base_url;
    const char *token; /* the bot's GitHub token; goes into a header, never into a message */
    int timeout_ms;    /* for one request */
};

/* Appends the address of a version's page. */
void pursuit_append_page(struct text *out, const char *base_url, const char *name, const char *version);

/* Whether it has the documentation of NAME VERSION. STATUS_UNAVAILABLE, STATUS_TIMEOUT and the deadline's own reason: it could
 * not be asked, or its answer cannot be understood. */
CHECK_RESULT enum status pursuit_has_version(bool *out, const struct pursuit *pursuit, const char *name, const char *version,
                                             struct deadline *deadline, struct error *err);

/* Sends the documentation, JSON as the compiler printed it; fine where it is there already. STATUS_REFUSED: Pursuit does not
 * want it, in its words; otherwise as above. */
CHECK_RESULT enum status pursuit_upload(const struct pursuit *pursuit, const char *json, size_t length,
                                        struct deadline *deadline, struct error *err);

/* Whether `version` is in a list of available versions; for pursuit_has_version() and its tests. STATUS_INVALID: it is no such
 * list. */
CHECK_RESULT enum status pursuit_find_version(bool *out, const char *json, size_t length, const char *version,
                                              struct error *err);

#endif
