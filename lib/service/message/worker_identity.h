/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The identity of a build worker. All workers share BUILD_WORKER_KEY, and their names appear in public logs; so a name is
 * `HOST-DIGEST`, where DIGEST is the digest of a secret that the worker makes when it starts and sends with each message. A
 * service can verify it without any record of the worker.
 */
#ifndef LIB_SERVICE_MESSAGE_WORKER_IDENTITY_H
#define LIB_SERVICE_MESSAGE_WORKER_IDENTITY_H

#include <stdbool.h>

#include "lib/base/error.h"

enum {
    WORKER_HOST_MAX = 64,
    WORKER_DIGEST_DIGITS = 16,
    WORKER_SECRET_MAX = 33, /* including the NUL, like the next */
    WORKER_NAME_MAX = WORKER_HOST_MAX + 1 + WORKER_DIGEST_DIGITS + 1,
};

struct worker_identity {
    char name[WORKER_NAME_MAX];
    char secret[WORKER_SECRET_MAX];
};

/* Makes a new one. Characters of `host` that are not allowed in a host name become `-`. */
void worker_identity_make(struct worker_identity *out, const char *host);

/* STATUS_INVALID, naming the field `worker` or `secret`: the name is malformed, or the secret does not match it. Either may be
 * NULL. */
CHECK_RESULT enum status worker_identity_check(const char *name, const char *secret, struct error *err);

#endif
