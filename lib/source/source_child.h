/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The protocol between source_fetch() and its child process registry-fetch-source: one JSON object on the child's standard
 * input, one on its standard output.
 *
 *   {"url": "https://…", "ref": "v1.0.0", "subdir": "core", "knownCommit": "…", "workFolder": "…", "authorities": "…",
 *    "allowPrivate": true, "limitBytes": 268435456, "limitFiles": 10000, "silenceMs": 20000, "timeoutMs": 120000}
 *                                                                            subdir, knownCommit, authorities: optional
 *
 *   {"commit": "…", "committedMs": 1600000000000}
 *   or {"status": "invalid_request", "path": "ref", "message": "There is no tag …"}
 */
#ifndef LIB_SOURCE_SOURCE_CHILD_H
#define LIB_SOURCE_SOURCE_CHILD_H

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/tools/git/git_source.h"

struct source_order {
    struct git_source source;
    const char *work_folder;
    int64_t timeout_ms;
};

void source_order_append(struct text *out, const struct source_order *order);

/* Executes the order in `input` and appends the answer: the whole child except its main(). */
void source_order_carry_out(struct text *out, const char *input, size_t length);

/* Parses the answer: the commit and its time, or the status and error of the child. STATUS_INTERNAL: it is malformed. */
CHECK_RESULT enum status source_answer_read(char commit[GIT_COMMIT_MAX], int64_t *committed_ms, const char *bytes,
                                            size_t length, struct error *err);

#endif
