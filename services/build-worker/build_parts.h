/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the files behind build.h share; not for anybody else.
 *
 *   build.c          what is built together, what alone, what is known already
 *   build_set.c      one run of the compiler: what is linked and what compiled, what came of it, what is kept
 *   build_share.c    whether several jobs may share one
 *   build_folder.c   its folder, and the compiler in it
 *   build_sources.c  packages: their tarballs, their modules
 *   build_report.c   the compiler's errors: whose they are, and as a result
 */
#ifndef SERVICES_BUILD_WORKER_BUILD_PARTS_H
#define SERVICES_BUILD_WORKER_BUILD_PARTS_H

#include "lib/base/arena.h"
#include "services/build-worker/build.h"

/* Where a package is, below the folder of a run. */
#define BUILD_PACKAGES_FOLDER COMPILER_PACKAGES_FOLDER

enum { BUILD_ERRORS_SHOWN = 50 }; /* in a job's log */

struct source_module {
    const char *name;
    const char **imports; /* NULL at the end */
};

/* A package of the work, as this worker has it. */
struct build_source {
    const char *top;    /* NAME-VERSION */
    const char *folder; /* unpacked; NULL: not yet */
    char key[SHA256_HEX_MAX];
    bool is_looked_up; /* in the store, with this result: */
    bool is_known;
    struct build_entry entry;
    bool are_headers_read;
    const char *header_problem; /* of a module of it; NULL: none */
    const char *unreadable;     /* what the compiler would end at without a report (lib/source/source_walk.h); NULL: nothing */
    struct source_module *modules;
    size_t module_count; /* of its .purs files: right also where a header has a problem */
};

struct build {
    struct builder *builder;
    const struct build_work *work;
    const struct build_listener *listener;
    struct deadline *deadline;
    struct arena *arena;
    const struct compiler *compiler;
    struct package_cache_hold unpacked;
    struct build_store_hold held;
    struct build_source *sources; /* as work->packages */
    bool *is_done;                /* by job */
    int64_t wasted_modules;       /* compiled for jobs that are to be built again; counted with the next one that ends */
};

/* ---- build_sources.c ---- */

/* The store's entry, looked up once; NULL where there is none. */
const struct build_entry *build_find_entry(struct build *build, size_t package);
/* It may be there by now, or not any more. */
void build_forget_entry(struct build *build, size_t package);

/* Downloads the tarball where it is not unpacked already. STATUS_REFUSED: storage has it not, or not as the metadata says,
 * while it has others; temporary failures: later, perhaps, which is also what an address is that has none at all. */
CHECK_RESULT enum status build_unpack(struct build *build, size_t package, struct error *err);
/* Lists its modules, once. STATUS_INTERNAL: this machine's fault. */
CHECK_RESULT enum status build_read_headers(struct build *build, size_t package, struct error *err);

/* ---- build_report.c ---- */

/* The package to whose files the path belongs, or work->package_count. `rest` (may be NULL) is the path within it. */
size_t build_package_of_path(const struct build *build, const char *path, const char **rest);

/* The errors as a result has them; those of one package alone, with paths within that, or of all where `package` is
 * work->package_count, with paths as job `own` knows them. */
void build_take_errors(struct build *build, struct build_result *out, const struct compiler_report *report, size_t package,
                       size_t own);
const char *build_print_result(struct build *build, const struct build_result *result);
/* The errors of a result for the job's log. */
const char *build_print_errors(struct build *build, const struct build_result *result);

struct set_run;

/* Shows the warnings of the job's own modules in its log, and returns ", with 2 warnings" or "". */
const char *set_run_say_warnings(struct set_run *run, size_t i);
/* Why the only job cannot be compiled, where the compiler would end at a source without a report; else NULL. */
const char *set_run_find_unreadable(struct set_run *run);
/* How long each step took, in the log of all jobs. */
void set_run_say_timings(struct set_run *run);

/* ---- build_set.c ---- */

/* One run of the compiler. */
struct build_set {
    const size_t *jobs; /* positions in work->jobs */
    size_t job_count;
    bool is_from_nothing; /* nothing is taken from the store */
    bool keeps_nothing;   /* nor added to it */

    /* What came of it. */
    bool *goes_alone;               /* by position in `jobs`: to be built again, alone. Only where there are several */
    const char *digest;             /* of one job: a hash over its own modules' output; NULL where it did not succeed */
    struct build_outcome *outcomes; /* by position in `jobs`, of those that are done */
};

void build_set_run(struct build *build, struct build_set *set);

/* A set while it is built; all tables by package. */
struct set_run {
    struct build *build;
    struct build_set *set;
    bool *is_in;       /* it is compiled, or linked */
    bool *is_compiled; /* the store does not have it, or it is a job's own */
    bool *is_left_out; /* of the second run: a job's own with errors */
    const char *folder;
    struct compiler_report report;
    struct compiler_report first_report;     /* of the run before a second one: it has the warnings of what compiled then */
    size_t compiled;                         /* modules, in all runs of the compiler here */
    json_t *cache;                           /* cache-db.json after the last run; NULL: not to be had */
    int64_t unpack_ms, link_ms, compiler_ms; /* what its steps took */
    int64_t began_ms;
};

static inline const struct build_job *set_run_job(const struct set_run *run, size_t i) {
    return &run->build->work->jobs[run->set->jobs[i]];
}

/* ---- build_share.c ---- */

/* Marks the jobs that are to be built alone; true where there are any. */
bool set_run_send_away(struct set_run *run);

/* ---- build_folder.c ---- */

CHECK_RESULT enum status set_run_make_folder(struct set_run *run, struct error *err);
CHECK_RESULT enum status set_run_compile(struct set_run *run, struct error *err);
/* Reads cache-db.json as the compiler left it, which may be anything: run->cache, NULL where it is not to be had. */
void set_run_read_cache(struct set_run *run);

#endif
