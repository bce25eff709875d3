/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The report of a run of the compiler (lib/tools/purs/compiler.h), and the parsing of its output.
 */
#ifndef LIB_TOOLS_PURS_COMPILER_REPORT_H
#define LIB_TOOLS_PURS_COMPILER_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"

struct text;

/* Holds the packages of a build, each as NAME-VERSION, below the folder in which the compiler runs. */
#define COMPILER_PACKAGES_FOLDER ".registry"

/* A position in a file; `filename` may be NULL. */
struct compiler_span {
    const char *filename;
    int start_line, start_column, end_line, end_column;
};

/* An error or a warning from the compiler's JSON. */
struct compiler_message {
    const char *message;
    const char *code;     /* "ModuleNotFound" */
    const char *link;     /* to its explanation; may be NULL */
    const char *filename; /* or NULL */
    const char *module;   /* or NULL */
    bool has_position;
    int start_line, start_column, end_line, end_column;
    const struct compiler_span *more_spans; /* its further positions: a module that is in two files is an error at both */
    size_t more_span_count;
};

/* Why a run was stopped, or has no answer. STOP(name, meaning). The verdict (lib/domain/matrix/verdict.h) for a package: TIME
 * and CPU_TIME are TIMED_OUT, MEMORY is OUT_OF_MEMORY, PROCESSES, DISK and OUTPUT are LIMIT_EXCEEDED, SILENT is
 * FAILED_TO_COMPILE, NO_ANSWER is SPURIOUS. CANCELLED has no verdict: the run was ended on purpose (SIGTERM, a lost lease). */
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

/* The result of a run; everything is in the caller's arena. With any status but STATUS_OK only `stop`, `elapsed_ms` and
 * `peak_memory_bytes` are valid. */
struct compiler_report {
    enum compiler_stop stop; /* NONE if the status is STATUS_OK */
    bool succeeded;
    struct compiler_message *errors; /* at least one unless it succeeded; without duplicates */
    size_t error_count;
    struct compiler_message *warnings;
    size_t warning_count;
    size_t compiled_count;     /* modules compiled in this run, without those that were up to date */
    int64_t elapsed_ms;        /* the compiler's run time, of all attempts together */
    int64_t peak_memory_bytes; /* the largest sum of all its processes that was observed */
};

/* ---- Parsing: for compiler.c and its tests ---- */

/* Finds the JSON with errors and warnings in the output (stdout) and errors (stderr) of a run. False: not found.
 * Malformed parts count as absent. The caller sets `succeeded`. */
bool compiler_report_read(struct compiler_report *out, struct arena *arena, const struct text *output,
                          const struct text *errors);

/* True for a progress line: `Compiling Data.Maybe` or `[3 of 20] Compiling Data.Maybe`. */
bool compiler_report_is_progress(const char *line);

#endif
