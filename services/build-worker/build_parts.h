/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Internals shared by the files that implement build.h.
 *
 *   build.c          which jobs form a batch, which are built alone, which results are known
 *   compiler_run.c   one run of the compiler: packages to link and to compile
 *   build_end.c      what the run means for each of its jobs
 *   build_keep.c     what it adds to the store
 *   build_share.c    whether jobs may share a run, and which outputs of a run over more than a job's dependencies may be kept
 *   build_folder.c   the folder of a run, and the compiler in it
 *   build_sources.c  packages: store entries, tarballs, modules
 *   build_report.c   the compiler's errors: which package they belong to, conversion to a result, printing
 */
#ifndef SERVICES_BUILD_WORKER_BUILD_PARTS_H
#define SERVICES_BUILD_WORKER_BUILD_PARTS_H

#include "lib/base/arena.h"
#include "services/build-worker/build.h"

/* Holds the packages, relative to the folder of a run. */
#define BUILD_PACKAGES_FOLDER COMPILER_PACKAGES_FOLDER

enum { BUILD_ERRORS_SHOWN = 50 }; /* in a job's log */

struct source_module {
    const char *name;
    const char **imports; /* NULL at the end */
};

/* The state of one package of the work on this worker. */
struct build_source {
    const char *top;    /* NAME-VERSION */
    const char *folder; /* unpacked tarball; NULL: not unpacked yet */
    char key[SHA256_HEX_MAX];
    bool is_looked_up; /* the store was queried; the result: */
    bool is_known;
    struct build_entry entry;
    bool are_headers_read;
    const char *header_problem; /* of one of its modules; NULL: none */
    const char *unreadable;     /* source that ends the compiler without a report (lib/source/source_walk.h); NULL: none */
    struct source_module *modules;
    size_t module_count; /* number of .purs files, correct even with a header problem */
};

struct build {
    struct build_environment *environment;
    const struct work_order *work;
    const struct build_listener *listener;
    struct deadline *deadline;
    struct arena *arena;
    const struct compiler *compiler;
    struct package_cache_hold unpacked;
    struct build_store_hold held;
    struct build_source *sources; /* parallel to work->packages */
    bool *is_done;                /* by job */
    int64_t wasted_modules;       /* compiled for jobs that must be built again; added to the count of the next job that ends */
};

/* ---- build_sources.c ---- */

/* The package's entry in the store, queried once and then remembered; NULL: none. */
const struct build_entry *build_find_entry(struct build *build, size_t package);
/* Makes the next build_find_entry() query the store again. */
void build_forget_entry(struct build *build, size_t package);

/* Downloads and unpacks the tarball unless it is unpacked already. STATUS_REFUSED: storage lacks this tarball, or has one
 * that differs from the metadata, but serves other tarballs; temporary failures: retry later, also if the address serves no
 * tarball at all. */
CHECK_RESULT enum status build_unpack(struct build *build, size_t package, struct error *err);
/* Reads the headers of its modules, once. STATUS_INTERNAL: a fault of this machine. */
CHECK_RESULT enum status build_read_headers(struct build *build, size_t package, struct error *err);

/* ---- build_report.c ---- */

/* The package that contains the path, or work->package_count. `rest` (may be NULL) is set to the path within it. */
size_t build_package_of_path(const struct build *build, const char *path, const char **rest);

/* Converts the report's errors: those of `package` alone, with paths relative to it, or all if `package` is
 * work->package_count, with paths as seen from the package `own` (work->package_count: from none, so that each begins with a
 * package). At most BUILD_ERRORS_MAX; the rest is counted in
 * errors_left_out. */
void build_take_errors(struct build *build, struct build_result *out, const struct compiler_report *report, size_t package,
                       size_t own);
const char *build_print_result(struct build *build, const struct build_result *result);
/* The errors of a result for the job's log. */
const char *build_print_errors(struct build *build, const struct build_result *result);

struct compiler_run;

/* Writes the warnings of the job's own modules to its log; returns ", with 2 warnings" or "". */
const char *compiler_run_say_warnings(struct compiler_run *run, size_t i);
/* BUILD_HOW_WHOLE, and the packages do not compile together: sets the errors of the result, writes them to the job's log, and
 * marks the packages with errors as left out. Returns a sentence that names them. */
const char *compiler_run_report_whole(struct compiler_run *run, struct build_result *out);
/* A sentence if the compiler would exit at a source of the only job without a report; else NULL. */
const char *compiler_run_find_unreadable(struct compiler_run *run);
/* Writes the duration of each step to the logs of the jobs. */
void compiler_run_say_timings(struct compiler_run *run);

/* ---- compiler_run.c ---- */

/* The jobs of one run of the compiler, and their results. */
struct build_batch {
    const size_t *jobs; /* positions in work->jobs */
    size_t job_count;
    bool is_from_nothing; /* takes nothing from the store */
    bool keeps_nothing;   /* adds nothing to the store */

    /* Results. */
    bool *goes_alone;               /* by position in `jobs`: must be built again, alone. Only in batches */
    const char *digest;             /* single job: hash over its own modules' output; NULL if it did not succeed */
    struct build_outcome *outcomes; /* by position in `jobs`, valid for jobs that are done */
};

void compiler_run_batch(struct build *build, struct build_batch *set);

/* A set while it is built; arrays are indexed by package. */
struct compiler_run {
    struct build *build;
    struct build_batch *set;
    bool *is_in;       /* compiled or linked */
    bool *is_compiled; /* not in the store, or a job's own */
    bool *is_left_out; /* has errors: not in the second run, not added to the store */
    bool *is_unfit;    /* may have seen a module that it could not see alone: not added to the store */
    const char *folder;
    struct compiler_report report;
    struct compiler_report first_report;     /* of the first run if there was a second: warnings of the modules compiled then */
    size_t compiled;                         /* modules, over all runs of the compiler in this set */
    json_t *cache;                           /* cache-db.json after the last run; NULL: missing or invalid */
    int64_t unpack_ms, link_ms, compiler_ms; /* durations of the steps */
    int64_t began_ms;
};

static inline const struct build_job *compiler_run_job(const struct compiler_run *run, size_t i) {
    return &run->build->work->jobs[run->set->jobs[i]];
}

/* True if the run has all packages of the work order: BUILD_HOW_WHOLE. */
static inline bool compiler_run_is_whole(const struct compiler_run *run) {
    return compiler_run_job(run, 0)->how == BUILD_HOW_WHOLE;
}

/* ---- build_end.c ---- */

/* Ends the jobs after a run of the compiler, which returned `status`: sets their outcomes, or marks those that go alone. True: the
 * run must be repeated from nothing, since the store was not up to date. */
bool compiler_run_end(struct compiler_run *run, enum status status, const struct error *err);

/* The packages could not be unpacked: a tarball that is missing (STATUS_REFUSED) ends a single job, and a batch is split, so that
 * each job is judged alone; other failures give the jobs back. */
void compiler_run_end_without_packages(struct compiler_run *run, enum status status, const struct error *err);

/* Sets the outcome of a job. `reason` NULL: the verdict's. */
void compiler_run_end_job(struct compiler_run *run, size_t i, enum verdict verdict, const char *reason);
void compiler_run_give_back(struct compiler_run *run, const char *reason);                  /* all jobs */
void compiler_run_say(struct compiler_run *run, enum log_level level, const char *message); /* to the logs of all jobs */

/* ---- build_keep.c ---- */

/* Adds every package that was compiled completely and has no errors. */
void compiler_run_keep_packages(struct compiler_run *run);
/* Adds the package as one that does not compile. */
void compiler_run_keep_failure(struct compiler_run *run, size_t package, const struct build_result *result);
/* The compiler rejected something from the store as not up to date, and compiled other than the `expected` number of modules:
 * removes all entries that this run used. */
void compiler_run_distrust_store(struct compiler_run *run, size_t expected);

/* ---- build_share.c ---- */

/* Marks the jobs that must be built alone; true if there are any. */
bool compiler_run_send_away(struct compiler_run *run);
/* Marks the packages of a run over more than a job's dependencies that must not be added to the store. */
void compiler_run_find_unfit(struct compiler_run *run);

/* ---- build_folder.c ---- */

CHECK_RESULT enum status compiler_run_make_folder(struct compiler_run *run, struct error *err);
CHECK_RESULT enum status compiler_run_compile(struct compiler_run *run, struct error *err);
/* Parses cache-db.json as the compiler left it (untrusted) into run->cache; NULL: missing or invalid. */
void compiler_run_read_cache(struct compiler_run *run);

#endif
