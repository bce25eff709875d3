/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Pursuit, the site with the documentation of all packages (lib/tools/README.md, Pursuit). The compiler makes the documentation
 * (compiler_publish() in lib/tools/purs/compiler.h).
 *
 *   GET  BASE/packages/purescript-NAME/available-versions    →  [[VERSION, URL], …], or 404: none
 *   POST BASE/packages    gzipped JSON, with the token       →  201
 */
#ifndef LIB_TOOLS_HTTP_PURSUIT_H
#define LIB_TOOLS_HTTP_PURSUIT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"

struct deadline;
struct text;

/* Its address and our credentials; everything is borrowed. */
struct pursuit {
    const char *base_url;
    const char *token; /* the bot's GitHub token; goes into a header, never into a message */
    int timeout_ms;    /* per request */
};

/* Appends the address of a version's page. */
void pursuit_append_page(struct text *out, const char *base_url, const char *name, const char *version);

/* Sets *out to true if Pursuit has the documentation of NAME VERSION. STATUS_UNAVAILABLE, STATUS_TIMEOUT and the deadline's
 * own status: it could not be asked, or its answer is malformed. */
CHECK_RESULT enum status pursuit_has_version(bool *out, const struct pursuit *pursuit, const char *name, const char *version,
                                             struct deadline *deadline, struct error *err);

/* Sends the documentation, JSON as the compiler printed it; STATUS_OK also if Pursuit has it already. STATUS_REFUSED:
 * Pursuit rejects it, with its message; otherwise as above. */
CHECK_RESULT enum status pursuit_upload(const struct pursuit *pursuit, const char *json, size_t length,
                                        struct deadline *deadline, struct error *err);

/* Sets *out to true if `version` is in a list of available versions; for pursuit_has_version() and its tests.
 * STATUS_INVALID: the list is malformed. */
CHECK_RESULT enum status pursuit_find_version(bool *out, const char *json, size_t length, const char *version,
                                              struct error *err);

#endif
