/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a build worker is given to build, and what it gives back: JSON in the messages `work` and `work_result`
 * (proto/messages.def). All that a worker needs is in it, since it holds nothing and can ask nobody else (proto/README.md, Who
 * talks to whom).
 *
 *   {"compiler": "0.15.15", "timeLimitMs": 3600000, "leaseMs": 30000, "downloads": "https://packages.example.org",
 *    "packages": [{"name": "prelude", "version": "6.0.1", "hash": "sha256-…", "bytes": 23456, "dependencies": [0, 3]}, …],
 *    "jobs": [{"jobId": ID, "fence": 7, "attempt": 1, "package": 4, "how": "reuse"}, …],
 *    "others": [{"name", "version", "hash", "bytes", "dependencies": []}, …]}
 *
 * `packages` are all that is compiled, the jobs' own among them: one version of each name, dependencies before dependants, so
 * "dependencies" are positions below its own. Several jobs in one piece of work share one consistent plan and none depends on
 * another; what a job may see is its own package and what that depends on, transitively, and nothing else of the table.
 * `others` (may be absent) are a few more tarballs of the registry: one that can be had shows that `downloads` is right.
 *
 * A result:
 *
 *   {"compiled": 3, "reused": 225, "own": 3, "compilerMs": 1234, "ownMs": 12, "batch": 16,
 *    "errors": [{"message", "errorCode", "errorLink"?, "filename"?, "moduleName"?, "position"?: {…}}, …]}
 */
#ifndef LIB_DOMAIN_BUILD_WORK_H
#define LIB_DOMAIN_BUILD_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/domain/version.h"

struct arena;
struct text;

enum {
    BUILD_WORK_JOBS_MAX = 256,
    BUILD_WORK_PACKAGES_MAX = 4096,
    BUILD_WORK_OTHERS_MAX = 3,
};

/* The figure that is 1 while the disk of a worker's folder is full; its label `setting` names the folder. */
#define BUILD_FIGURE_DISK_FULL "registry_build_disk_full"

/* BUILD_HOW(name, text): how a job wants its package's own modules. */
#define BUILD_HOW_TABLE(BUILD_HOW)                                                                                             \
    BUILD_HOW(REUSE, "reuse")   /* what the store has counts, also a failure that it has kept */                               \
    BUILD_HOW(AGAIN, "again")   /* its own modules are compiled in any case; its dependencies come from the store */           \
    BUILD_HOW(VERIFY, "verify") /* both from the store and from nothing; a difference is VERDICT_DIFFERS */

enum build_how {
#define BUILD_HOW(name, text) BUILD_HOW_##name,
    BUILD_HOW_TABLE(BUILD_HOW)
#undef BUILD_HOW
        BUILD_HOW_COUNT
};

/* All texts and tables are in the arena that they were read into, or borrowed where they are written. */
struct build_package {
    const char *name;
    struct version version;
    const char *hash; /* of the tarball, `sha256-…` */
    int64_t size_bytes;
    const size_t *dependencies; /* direct ones: positions in build_work.packages, below this package's own */
    size_t dependency_count;
};

struct build_job {
    char job_id[UUID_TEXT_MAX];
    int64_t fence;
    int attempt;
    size_t package; /* position in build_work.packages */
    enum build_how how;
};

struct build_work {
    struct version compiler;
    int64_t time_limit_ms; /* of each job, from when it was claimed */
    int64_t lease_ms;
    const char *downloads; /* BASE/NAME/VERSION.tar.gz; no slash at the end */
    const struct build_package *packages;
    size_t package_count;
    const struct build_job *jobs;
    size_t job_count;
    const struct build_package *others; /* without dependencies */
    size_t other_count;
};

/* STATUS_INVALID with the field as path for anything that is not as drawn above (a dependency that comes later, two versions of
 * a name, a job's package that is not there, more than the bounds). */
CHECK_RESULT enum status build_work_parse(struct build_work *out, const char *bytes, size_t length, struct arena *arena,
                                          struct error *err);
void build_work_append_json(struct text *out, const struct build_work *work);

/* The packages that `package` depends on, transitively, without itself: positions, ascending. In the arena; returns how many.
 */
size_t build_work_closure(size_t **out, const struct build_work *work, size_t package, struct arena *arena);

struct build_error_position {
    int start_line, start_column, end_line, end_column;
};

struct build_error {
    const char *message;
    const char *code;     /* "TypesDoNotUnify" */
    const char *link;     /* NULL where there is none, like the next two */
    const char *filename; /* within the package: `src/Data/Maybe.purs` */
    const char *module;
    bool has_position;
    struct build_error_position position;
};

struct build_result {
    int64_t compiled_modules; /* by the compiler for this job; a batch's are counted with the package that they belong to */
    int64_t reused_modules;
    int64_t own_modules;
    int64_t compiler_ms; /* in the compiler, a batch's shared among its jobs */
    int64_t own_ms;      /* everything else, likewise */
    int64_t batch_jobs;  /* how many were built together */
    const struct build_error *errors;
    size_t error_count; /* at most BUILD_ERRORS_MAX; `errors_left_out` more */
    size_t errors_left_out;
};

enum { BUILD_ERRORS_MAX = 100 };

CHECK_RESULT enum status build_result_parse(struct build_result *out, const char *bytes, size_t length, struct arena *arena,
                                            struct error *err);
void build_result_append_json(struct text *out, const struct build_result *result);

#endif
