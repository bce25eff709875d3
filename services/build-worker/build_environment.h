/* SPDX-License-Identifier: BSD-3-Clause
 *
 * State that all builds of a worker share: set up at start, then used from every slot's thread (each part documents its own
 * thread safety).
 *
 *   BUILD_DIR/packages/…   tarballs, unpacked (lib/tools/archive/package_cache.h)
 *   BUILD_DIR/runs/N/      one run of the compiler: .registry/NAME-VERSION → packages, output/MODULE → the store
 *   BUILD_DIR/links/…      the symbolic links of all runs, each once
 *   BUILD_STORE_DIR/…      earlier builds (lib/tools/purs/build_store.h)
 */
#ifndef SERVICES_BUILD_WORKER_BUILD_ENVIRONMENT_H
#define SERVICES_BUILD_WORKER_BUILD_ENVIRONMENT_H

#include <stdatomic.h>

#include "lib/base/metrics.h"
#include "lib/base/settings.h"
#include "lib/domain/matrix/verdict.h"
#include "lib/tools/archive/package_cache.h"
#include "lib/tools/http/http_client.h"
#include "lib/tools/purs/build_store.h"
#include "lib/tools/purs/compiler.h"
#include "lib/tools/sandbox/sandbox.h"

struct build_environment {
    const struct settings *settings; /* borrowed */
    struct sandbox sandbox;
    struct compilers compilers;
    struct package_cache *packages;
    struct build_store *store;
    struct http_connections *connections;
    char *folder;     /* BUILD_DIR, absolute */
    int folder_claim; /* descriptor of the lock that reserves BUILD_DIR for this worker */
    atomic_llong kept_links;
    atomic_llong runs; /* of the compiler, also the next folder's number; from here on counters since the start */
    atomic_llong compiled_modules, reused_modules;
    atomic_llong verdicts[VERDICT_COUNT];
};

/* `accepts_no_sandbox`: SANDBOX_UNSAFE_OPTION was given. Call build_environment_release() after a failure, too. */
CHECK_RESULT enum status build_environment_init(struct build_environment *out, const struct settings *settings,
                                                bool accepts_no_sandbox, struct error *err);
void build_environment_release(struct build_environment *environment);

void build_environment_measure(struct build_environment *environment, struct metrics *metrics); /* any thread */

#endif
