/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The identity of a build worker. All workers share BUILD_WORKER_KEY, and their names are in public logs; so a name is
 * `HOST-DIGEST`, where DIGEST is the digest of a secret that the worker makes at its start and sends with each message. A
 * service can check it without having heard of the worker before.
 */
#ifndef LIB_SERVICE_WORKER_IDENTITY_H
#define LIB_SERVICE_WORKER_IDENTITY_H

#include <stdbool.h>

#include "lib/base/error.h"

enum {
    WORKER_HOST_MAX = 64,
    WORKER_DIGEST_DIGITS = 16,
    WORKER_SECRET_MAX = 33, /* with the NUL, like the next */
    WORKER_NAME_MAX = WORKER_HOST_MAX + 1 + WORKER_DIGEST_DIGITS + 1,
};

struct worker_identity {
    char name[WORKER_NAME_MAX];
    char secret[WORKER_SECRET_MAX];
};

/* A new one. Of `host`, what may not stand in a host's name becomes `-`. */
void worker_identity_make(struct worker_identity *out, const char *host);

/* STATUS_INVALID, naming the field `worker` or `secret`: the name is not of that form, or the secret is another's. Either may
 * be NULL. */
CHECK_RESULT enum status worker_identity_check(const char *name, const char *secret, struct error *err);

#endif
