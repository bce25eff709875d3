/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Queries to the build-matrix service by messages, on a machine that reaches BUILD_MATRIX_ADDRESS, with SERVICE_KEY if the
 * service needs one. Needs neither Redis nor a gateway.
 */
#ifndef OPS_REGISTRYCTL_MATRIX_LINE_H
#define OPS_REGISTRYCTL_MATRIX_LINE_H

#include <jansson.h>

#include "lib/base/error.h"
#include "lib/base/settings.h"
#include "proto/message.h"

struct invocation;
struct message_client;

enum { MATRIX_POLL_MS = 500 }; /* between two queries */

struct matrix_line {
    struct settings settings;
    struct message_client *client;
};

/* Loads the settings. `line` must be zeroed; close it after a failure, too. */
CHECK_RESULT enum status matrix_line_open(struct matrix_line *line, struct error *err);
void matrix_line_close(struct matrix_line *line);

/* Sends a query. *out is the JSON of the answer, which the caller owns. */
CHECK_RESULT enum status matrix_line_ask(struct matrix_line *line, const struct message *request, json_t **out,
                                         struct error *err);

/* `--verify COUNT` (matrix_verify.c). `compiler` NULL: any. */
CHECK_RESULT enum status matrix_verify(struct matrix_line *line, struct invocation *call, const char *count,
                                       const char *compiler, struct error *err);

#endif
