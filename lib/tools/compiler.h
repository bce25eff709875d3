/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The PureScript compiler: which ones are here, how they are called, what they answer (lib/tools/README.md, The compiler). They
 * always run in the sandbox, with an empty environment.
 */
#ifndef LIB_TOOLS_COMPILER_H
#define LIB_TOOLS_COMPILER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "lib/domain/version.h"

struct build_result; /* lib/domain/build_work.h */
struct deadline;
struct sandbox;
struct text;

/* Where a build has its packages, each as NAME-VERSION, below the folder in which the compiler runs. */
#define COMPILER_PACKAGES_FOLDER ".registry"

struct compiler {
    struct version version;
    const char *path; /* absolute */
};

/* Sorted by version, no version twice. */
struct compilers {
    struct compiler *items;
    size_t count;
    struct arena arena; /* owns the paths */
};

/* Looks for `purs-X_Y_Z` and `purs` in `folder`, or, where that is NULL, in the folders of `search_path` (as in PATH, which the
 * caller reads; the first find of a version wins). A plain `purs` is asked for its version; where it has no answer it is passed
 * over. STATUS_NOT_FOUND: `folder` is not there; STATUS_REFUSED: the sandbox's user cannot get to it (such folders in PATH are
 * passed over). An empty list is no error. The caller releases `out`. */
CHECK_RESULT enum status compilers_find(struct compilers *out, const char *folder, const char *search_path,
                                        const struct sandbox *sandbox, struct deadline *deadline, struct error *err);
void compilers_release(struct compilers *compilers);

/* The compiler of that version, or NULL. Borrowed from the list. */
const struct compiler *compilers_get(const struct compilers *compilers, struct version version);

/* The compiler whose `graph` serves a package that is for `target`: that one itself from 0.14.0 on, else the lowest that has
 * `graph`; NULL where there is none. */
const struct compiler *compilers_choose_for_graph(const struct compilers *compilers, struct version target);

/* A place in a file; `filename` may be NULL. */
struct compiler_span {
    const char *filename;
    int start_line, start_column, end_line, end_column;
};

/* An error or a warning, as the compiler's JSON has it. */
struct compiler_message {
    const char *message;
    const char *code;     /* "ModuleNotFound" */
    const char *link;     /* to its explanation; may be NULL */
    const char *filename; /* NULL where there is none */
    const char *module;   /* NULL where there is none */
    bool has_position;
    int start_line, start_column, end_line, end_column;
    const struct compiler_span *more_spans; /* its other places: a module that is in two files is an error at both */
    size_t more_span_count;
};

/* Why a run was stopped before its end, or has no answer. STOP(name, meaning); lib/domain/verdict.h says what it means for a
 * package: TIME and CPU_TIME are TIMED_OUT, MEMORY is OUT_OF_MEMORY, PROCESSES, DISK and OUTPUT are LIMIT_EXCEEDED, SILENT
 * is FAILED_TO_COMPILE, NO_ANSWER is SPURIOUS. CANCELLED is no verdict: somebody (SIGTERM, a lost lease) wanted it to end. */
#define COMPILER_STOP_TABLE(STOP)                                                                                              \
    STOP(NONE, "It was not stopped: it answered, or could not be started.")                                                    \
    STOP(TIME, "The deadline passed.")                                                                                         \
    STOP(CPU_TIME, "One of its processes used up its CPU time.")                                                               \
    STOP(MEMORY, "Its processes together needed more memory than a run may have, or the machine had no more.")                 \
    STOP(PROCESSES, "It started more processes and threads than a run may.")                                                   \
    STOP(DISK, "It wrote more than a run may, in all or to one file.")                                                         \
    STOP(OUTPUT, "It printed more than a run may.")                                                                            \
    STOP(SILENT, "It ended by itself without a report, several times, with the same words each time.")                         \
    STOP(NO_ANSWER, "It ended by itself without a report, several times, as its known race makes it, or in other ways.")       \
    STOP(CANCELLED, "The deadline was cancelled.")

enum compiler_stop {
#define STOP(name, meaning) COMPILER_STOP_##name,
    COMPILER_STOP_TABLE(STOP)
#undef STOP
};

/* What a run said; everything in the caller's arena. With any status but STATUS_OK only `stop`, `elapsed_ms` and
 * `peak_memory_bytes` mean something. */
struct compiler_report {
    enum compiler_stop stop; /* NONE where the status is STATUS_OK */
    bool succeeded;
    struct compiler_message *errors; /* at least one where it did not succeed; none twice */
    size_t error_count;
    struct compiler_message *warnings;
    size_t warning_count;
    size_t compiled_count;     /* modules that were compiled in this run, those up to date left out */
    int64_t elapsed_ms;        /* from the compiler's start to its end */
    int64_t peak_memory_bytes; /* the most that was seen at once of all its processes */
};

/* `purs compile GLOB… --json-errors`: compiles what the globs (NULL at the end, relative to `folder`, never by a shell) match,
 * to `folder`/output. `readable` are folders outside that the sources lead to, as in sandbox_run(). A program that does not
 * compile is STATUS_OK with report->succeeded false. Otherwise report->stop says what it was, and the sentence says it for a
 * person: STATUS_TIMEOUT: stopped at the deadline, or at the limit of CPU time or memory; STATUS_REFUSED: it wrote, printed or
 * started too much, or ended three times over without a report and with the same words, which are in the sentence;
 * STATUS_UNAVAILABLE: this machine is in its way (a full disk); STATUS_INTERNAL: it did not answer in JSON, three times, for no
 * reason that is known, or could not be started; and what else deadline_check() answers. */
CHECK_RESULT enum status compiler_compile(struct compiler_report *report, struct arena *arena, const struct compiler *compiler,
                                          const struct sandbox *sandbox, const char *folder, const char *const *globs,
                                          const char *const *readable, struct deadline *deadline, struct error *err);

/* `purs graph GLOB… --json-errors`, from 0.14.0 on: *graph maps module names to {"path", "depends"}; the caller owns it. It is
 * NULL where report->succeeded is false. Otherwise as compiler_compile(). */
CHECK_RESULT enum status compiler_graph(json_t **graph, struct compiler_report *report, struct arena *arena,
                                        const struct compiler *compiler, const struct sandbox *sandbox, const char *folder,
                                        const char *const *globs, const char *const *readable, struct deadline *deadline,
                                        struct error *err);

/* Whether it has `purs publish` as it is called here: from 0.14.7 on. */
bool compiler_can_publish(struct version compiler);

/* `purs publish --manifest purs.json --resolutions FILE`: appends the documentation of the package in `folder`, JSON as Pursuit
 * wants it. `folder` is a git checkout without changes, with a tag `vVERSION` at its commit; `resolutions` (relative to it)
 * says where in it the dependencies are; `output` in it belongs to the sandbox's user. STATUS_REFUSED: the compiler will not
 * have it so, in its words; otherwise as compiler_compile(). */
CHECK_RESULT enum status compiler_publish(struct text *out, struct arena *arena, const struct compiler *compiler,
                                          const struct sandbox *sandbox, const char *folder, const char *resolutions,
                                          const char *const *readable, struct deadline *deadline, struct error *err);

/* ---- Reports for people (compiler_print.c) ---- */

/* Turns the build's paths in all texts of the report into those that an author knows: relative to the package `own`
 * (NAME-VERSION), or beginning with the NAME-VERSION of another one. */
void compiler_report_localize(struct compiler_report *report, struct arena *arena, const char *own);
void compiler_message_localize(struct compiler_message *message, struct arena *arena, const char *own);

/* The same for one text, in the arena. */
const char *compiler_localize_text(struct arena *arena, const char *text, const char *own);

/* Which warnings are about files of the package `own` (NAME-VERSION), before they are localized: in the arena. */
struct compiler_message *compiler_report_own_warnings(const struct compiler_report *report, struct arena *arena,
                                                      const char *own, size_t *count);

/* What it says, with a line for each further place; borrowed from it, or in the arena. */
const char *compiler_message_whole(struct arena *arena, const struct compiler_message *message);

/* Appends errors or warnings: a blank line between two, place and code first. At most `most` of them, then how many more there
 * are. */
void compiler_messages_print(struct text *out, const struct compiler_message *messages, size_t count, size_t most);
void compiler_report_print_errors(struct text *out, const struct compiler_report *report, size_t most);

/* The same for the errors of a build's result, those that it leaves out counted, too. */
void compiler_result_print_errors(struct text *out, const struct build_result *result, size_t most);

/* "1 error, shown above" or "4000 errors, the first 50 of which are shown above", in the arena. */
const char *compiler_report_count_errors(const struct compiler_report *report, struct arena *arena, size_t most);

#endif
