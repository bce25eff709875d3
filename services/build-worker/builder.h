/* SPDX-License-Identifier: BSD-3-Clause
 *
 * State that all builds of a worker share: set up at start, then used from every slot's thread (each part documents its own
 * thread safety).
 *
 *   BUILD_DIR/packages/…   tarballs, unpacked (lib/tools/package_cache.h)
 *   BUILD_DIR/runs/N/      one run of the compiler: .registry/NAME-VERSION → packages, output/MODULE → the store
 *   BUILD_DIR/links/…      the symbolic links of all runs, each once
 *   BUILD_STORE_DIR/…      earlier builds (lib/tools/build_store.h)
 */
#ifndef SERVICES_BUILD_WORKER_BUILDER_H
#define SERVICES_BUILD_WORKER_BUILDER_H

#include <stdatomic.h>

#include "lib/base/metrics.h"
#include "lib/base/settings.h"
#include "lib/domain/verdict.h"
#include "lib/tools/build_store.h"
#include "lib/tools/compiler.h"
#include "lib/tools/http_client.h"
#include "lib/tools/package_cache.h"
#include "lib/tools/sandbox.h"

struct builder {
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

/* `accepts_no_sandbox`: SANDBOX_UNSAFE_OPTION was given. Call builder_release() after a failure, too. */
CHECK_RESULT enum status builder_init(struct builder *out, const struct settings *settings, bool accepts_no_sandbox,
                                      struct error *err);
void builder_release(struct builder *builder);

void builder_measure(struct builder *builder, struct metrics *metrics); /* any thread */

#endif
