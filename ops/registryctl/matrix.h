/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Shared by the files of the command `matrix`.
 */
#ifndef OPS_REGISTRYCTL_MATRIX_H
#define OPS_REGISTRYCTL_MATRIX_H

#include "lib/base/error.h"

struct invocation;
struct service_line;

enum { MATRIX_POLL_MS = 500 }; /* between two queries */

/* `--verify COUNT` (matrix_verify.c). `compiler` NULL: any. */
CHECK_RESULT enum status matrix_verify(struct service_line *line, struct invocation *call, const char *count,
                                       const char *compiler, struct error *err);

#endif
