/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Signing with a key file, for the commands that send owners' requests.
 */
#ifndef OPS_REGISTRYCTL_SIGNING_H
#define OPS_REGISTRYCTL_SIGNING_H

#include <stddef.h>

#include "lib/base/error.h"

struct text;

/* Appends the hex signature by the OpenSSH private key in the file `path`. */
CHECK_RESULT enum status sign_with_file(struct text *out, const char *path, const void *payload, size_t payload_bytes,
                                        struct error *err);

#endif
