/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The verdict on a build of one package version with one compiler. Shown in the job, kept for ever per version, compiler and
 * plan (lib/store/README.md, Order), counted in the metrics.
 */
#ifndef LIB_DOMAIN_MATRIX_VERDICT_H
#define LIB_DOMAIN_MATRIX_VERDICT_H

#include <stdbool.h>

/* VERDICT(name, text, stands, meaning). A verdict that stands is final, because it is about the package: the same plan is built
 * again only at an operator's request. The others are about this machine or a temporary condition: the daily sweep tries
 * again. */
#define VERDICT_TABLE(VERDICT)                                                                                                 \
    VERDICT(SUCCEEDED, "succeeded", true, "It compiles.")                                                                      \
    VERDICT(FAILED_TO_COMPILE, "failed_to_compile", true, "The compiler reports errors.")                                      \
    VERDICT(NO_PLAN, "no_plan", true, "No versions of its dependencies can be built together with this compiler.")             \
    VERDICT(DEPENDENCY_MISSING, "dependency_missing", false,                                                                   \
            "A tarball of its plan is missing in storage, or is not the one in the metadata.")                                 \
    VERDICT(COMPILER_MISSING, "compiler_missing", false, "The worker does not have the compiler.")                             \
    VERDICT(OUT_OF_MEMORY, "out_of_memory", true, "The compiler needed more memory than a build may have.")                    \
    VERDICT(TIMED_OUT, "timed_out", true, "The compiler needed more time than a build may have.")                              \
    VERDICT(LIMIT_EXCEEDED, "limit_exceeded", true, "The build wrote, printed or started more than a build may.")              \
    VERDICT(WORKER_LOST, "worker_lost", false, "Its workers were lost several times.")                                         \
    VERDICT(SPURIOUS, "spurious", false, "The compiler ended several times without a report.")                                 \
    VERDICT(DIFFERS, "differs", false, "The build with dependencies from the build store differs from the one without.")

enum verdict {
#define VERDICT(name, text, stands, meaning) VERDICT_##name,
    VERDICT_TABLE(VERDICT)
#undef VERDICT
        VERDICT_COUNT
};

const char *verdict_text(enum verdict verdict);
bool verdict_parse(const char *text, enum verdict *verdict);
bool verdict_stands(enum verdict verdict);
const char *verdict_meaning(enum verdict verdict);

#endif
