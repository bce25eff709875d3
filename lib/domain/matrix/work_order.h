/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The input and the result of a build worker. A work order is self-contained, since a worker has no state and no other source
 * of information (proto/README.md, Who talks to whom). As messages: lib/service/message/message_work.h.
 *
 * A result is also kept as JSON, in Redis and in the build store:
 *
 *   {"compiled": 3, "reused": 225, "own": 3, "compilerMs": 1234, "ownMs": 12, "batch": 16,
 *    "errors"?: [{"message", "errorCode", "errorLink"?, "filename"?, "moduleName"?, "position"?: {…}}, …],
 *    "errorsLeftOut"?: 7}
 */
#ifndef LIB_DOMAIN_MATRIX_WORK_ORDER_H
#define LIB_DOMAIN_MATRIX_WORK_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/domain/package/version.h"

struct arena;
struct text;

enum {
    WORK_ORDER_JOBS_MAX = 256,
    WORK_ORDER_PACKAGES_MAX = 4096,
    WORK_ORDER_OTHERS_MAX = 3,
};

/* The metric that is 1 while the disk of a worker's folder is full; its label `setting` names the folder. */
#define BUILD_METRIC_DISK_FULL "registry_build_disk_full"

/* BUILD_HOW(name, text): how a job's own modules are built, and which packages with them. */
#define BUILD_HOW_TABLE(BUILD_HOW)                                                                                             \
    BUILD_HOW(REUSE, "reuse")   /* from the build store if it has them, or a recorded failure of them */                       \
    BUILD_HOW(AGAIN, "again")   /* always compiled; only the dependencies come from the build store */                         \
    BUILD_HOW(VERIFY, "verify") /* once with and once without the build store; a difference is VERDICT_DIFFERS */              \
    BUILD_HOW(WHOLE, "whole")   /* all packages of the work order, together in one run: taken from the build store, even the   \
                                   job's own, or compiled. It succeeds if all of them compile and no module is defined twice */

enum build_how {
#define BUILD_HOW(name, text) BUILD_HOW_##name,
    BUILD_HOW_TABLE(BUILD_HOW)
#undef BUILD_HOW
        BUILD_HOW_COUNT
};

const char *build_how_text(enum build_how how);
bool build_how_parse(const char *text, enum build_how *how); /* false: there is no such text; NULL is none */

/* All texts and tables are owned by the arena that they were read into; borrowed when writing. */
struct build_package {
    const char *name;
    struct version version;
    const char *hash; /* of the tarball, `sha256-…` */
    int64_t size_bytes;
    const size_t *dependencies; /* the direct ones: positions in work_order.packages, below this package's own */
    size_t dependency_count;
};

struct build_job {
    char job_id[UUID_TEXT_MAX];
    int64_t fence;
    int attempt;
    size_t package; /* position in work_order.packages */
    enum build_how how;
};

/* `packages` are all packages to be compiled, including the jobs' own: one version of each name, dependencies before
 * dependants. The jobs of one work order share one consistent plan, and none depends on another; a job may see only its own
 * package and that package's transitive dependencies, but for BUILD_HOW_WHOLE, which sees all packages. `others` are a few
 * more tarballs of the registry: if one of them can be downloaded, `downloads` is right. */
struct work_order {
    struct version compiler;
    int64_t time_limit_ms; /* of each job, from its claim */
    int64_t lease_ms;
    const char *downloads; /* BASE/NAME/VERSION.tar.gz; no slash at the end */
    const struct build_package *packages;
    size_t package_count;
    const struct build_job *jobs;
    size_t job_count;
    const struct build_package *others; /* without dependencies */
    size_t other_count;
};

/* Checks a work order from outside, of which any text may be NULL. STATUS_INVALID with the field as path for anything that
 * differs from the above (a dependency at a later position, two versions of a name, a job whose package does not exist, a
 * malformed name, hash or job id, a negative number, a list above its limit). */
CHECK_RESULT enum status work_order_check(const struct work_order *work, struct error *err);

/* The transitive dependencies of `package`, without itself: positions, ascending, in the arena. Returns their number. */
size_t work_order_closure(size_t **out, const struct work_order *work, size_t package, struct arena *arena);

struct build_error_position {
    int start_line, start_column, end_line, end_column;
};

struct build_error {
    const char *message;
    const char *code;     /* "TypesDoNotUnify" */
    const char *link;     /* optional (NULL), like the next two */
    const char *filename; /* within the package: `src/Data/Maybe.purs` */
    const char *module;
    bool has_position;
    struct build_error_position position;
};

struct build_result {
    int64_t compiled_modules; /* for this job; in a batch, each module counts for the job of its package */
    int64_t reused_modules;
    int64_t own_modules;
    int64_t compiler_ms; /* time in the compiler; that of a batch is divided among its jobs */
    int64_t own_ms;      /* all other time, divided the same way */
    int64_t batch_jobs;  /* number of jobs built together */
    const struct build_error *errors;
    size_t error_count; /* at most BUILD_ERRORS_MAX; `errors_left_out` more */
    size_t errors_left_out;
};

enum { BUILD_ERRORS_MAX = 100 };

CHECK_RESULT enum status build_result_parse(struct build_result *out, const char *bytes, size_t length, struct arena *arena,
                                            struct error *err);
void build_result_append_json(struct text *out, const struct build_result *result);

#endif
