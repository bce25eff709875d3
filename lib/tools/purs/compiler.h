/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The PureScript compilers: finding them on this machine, running them and reading their output (lib/tools/README.md, The
 * compiler). They run in the sandbox with a fixed environment; only `purs --version` runs outside it, as the sandbox's user.
 */
#ifndef LIB_TOOLS_PURS_COMPILER_H
#define LIB_TOOLS_PURS_COMPILER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "lib/domain/package/version.h"
#include "lib/tools/purs/compiler_report.h"

struct build_result; /* lib/domain/matrix/work_order.h */
struct deadline;
struct sandbox;
struct text;

struct compiler {
    struct version version;
    const char *path; /* absolute */
};

/* Sorted by version, without duplicates. */
struct compilers {
    struct compiler *items;
    size_t count, capacity;
    struct arena arena; /* owns the paths */
};

/* Finds `purs-X_Y_Z` and `purs` in `folder` or, if that is NULL, in the folders of `search_path` (in PATH's form; the first
 * find of a version wins). A plain `purs` is run with --version; without a valid answer it is skipped. STATUS_NOT_FOUND:
 * `folder` does not exist; STATUS_REFUSED: the sandbox's user cannot reach it (such folders of `search_path` are skipped);
 * also the statuses of deadline_check(). An empty list is no error. The caller releases `out`. */
CHECK_RESULT enum status compilers_find(struct compilers *out, const char *folder, const char *search_path,
                                        const struct sandbox *sandbox, struct deadline *deadline, struct error *err);
void compilers_release(struct compilers *compilers);

/* The compiler of that version, or NULL. Borrowed from the list. */
const struct compiler *compilers_get(const struct compilers *compilers, struct version version);

/* The compiler whose `graph` command serves a package for `target`: that version itself from 0.14.0 on, else the lowest one
 * that has `graph`; NULL: none. */
const struct compiler *compilers_choose_for_graph(const struct compilers *compilers, struct version target);

/* The input of a run of the compiler, and its limits. */
struct compiler_request {
    const struct compiler *compiler;
    const struct sandbox *sandbox;
    const char *folder;          /* in which it runs */
    const char *const *globs;    /* of the source files, NULL at the end; relative to `folder`, not expanded by a shell */
    const char *const *readable; /* outside folders that the sources link to, as in sandbox_run() */
    struct deadline *deadline;
};

/* `purs compile GLOB… --json-errors`: compiles the files that match the globs to `output` in the folder. Sources that do not
 * compile are STATUS_OK with report->succeeded false. Otherwise report->stop has the reason and the error a sentence.
 * STATUS_TIMEOUT: stopped at the deadline, or at the limit of CPU time or memory; STATUS_REFUSED: it wrote, printed or started
 * too much, or ended three times without a report and with the same words, which are in the sentence; STATUS_UNAVAILABLE: it
 * reports a fault of this machine, or could not be executed; STATUS_INTERNAL: our disk is full, the sandbox could not start
 * it, or it gave no JSON answer in three attempts for an unknown reason; also the statuses of deadline_check(). */
CHECK_RESULT enum status compiler_compile(struct compiler_report *report, struct arena *arena,
                                          const struct compiler_request *request, struct error *err);

/* `purs graph GLOB… --json-errors`, from 0.14.0 on: *graph maps module names to {"path", "depends"}; the caller owns it.
 * NULL if report->succeeded is false. Otherwise as compiler_compile(). */
CHECK_RESULT enum status compiler_graph(json_t **graph, struct compiler_report *report, struct arena *arena,
                                        const struct compiler_request *request, struct error *err);

/* True from 0.14.7 on, which has `purs publish` as it is called here. */
bool compiler_can_publish(struct version compiler);

/* `purs publish --manifest purs.json --resolutions FILE`: appends the documentation of the package in the folder, as JSON for
 * Pursuit. The folder is a clean git checkout with a tag `vVERSION` at its commit; `resolutions` (relative to it) names the
 * folders of the dependencies in it; its folder `output` belongs to the sandbox's user. The request has no globs.
 * STATUS_REFUSED: the compiler rejects the package, with its message; otherwise as compiler_compile(). */
CHECK_RESULT enum status compiler_publish(struct text *out, struct arena *arena, const struct compiler_request *request,
                                          const char *resolutions, struct error *err);

/* ---- Readable reports (compiler_print.c) ---- */

/* Converts the build's paths in all texts of the report to paths that an author knows: relative to the package `own`
 * (NAME-VERSION), or starting with the NAME-VERSION of another package. */
void compiler_report_localize(struct compiler_report *report, struct arena *arena, const char *own);
void compiler_message_localize(struct compiler_message *message, struct arena *arena, const char *own);

/* The same for one text, in the arena. */
const char *compiler_localize_text(struct arena *arena, const char *text, const char *own);

/* The warnings about files of the package `own` (NAME-VERSION), as localized copies in the arena. The report itself must not
 * be localized yet. */
struct compiler_message *compiler_report_own_warnings(const struct compiler_report *report, struct arena *arena,
                                                      const char *own, size_t *count);

/* Its message, with a line for each further position; borrowed from it, or in the arena. */
const char *compiler_message_whole(struct arena *arena, const struct compiler_message *message);

/* Appends errors or warnings, separated by blank lines, code and position first: at most `most` of them, then the number of
 * the others. */
void compiler_messages_print(struct text *out, const struct compiler_message *messages, size_t count, size_t most);
void compiler_report_print_errors(struct text *out, const struct compiler_report *report, size_t most);

/* The same for the errors of a build's result; the number of the others includes errors_left_out. */
void compiler_result_print_errors(struct text *out, const struct build_result *result, size_t most);

/* "1 error, shown above" or "4000 errors, the first 50 of which are shown above", in the arena. */
const char *compiler_report_count_errors(const struct compiler_report *report, struct arena *arena, size_t most);

#endif
