/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/compiler.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/deadline.h"
#include "lib/base/json.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/tools/compiler_report.h"
#include "lib/tools/sandbox.h"

enum {
    ATTEMPTS = 3, /* of a run that did not answer in JSON: a known race inside the compiler */
    OUTPUT_LIMIT_BYTES = 32 * 1024 * 1024,
    LAST_WORDS_MAX = 1000,
    SIGNAL_EXIT = 128, /* bubblewrap, like a shell, adds the signal to this */
};

/* Real builds of 750 modules take 0.8 GB and 60 s of CPU time. */
static const struct command_limits limits = {
    .memory_bytes = INT64_C(6) * 1024 * 1024 * 1024,
    .cpu_seconds = 1800,
    .file_bytes = INT64_C(256) * 1024 * 1024,
    .processes = 512,
    .open_files = 4096,
};

/* The folder of `path`, in the arena; NULL where the sandbox has it anyway. */
static const char *folder_to_mount(struct arena *arena, const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path || text_starts_with(path, "/usr/") || text_starts_with(path, "/bin/")) return NULL;
    return arena_copy_bytes(arena, path, (size_t)(slash - path));
}

/* `readable`, and the folders of the compiler's path and of what that is a link to. */
static const char *const *list_readable(struct arena *arena, const struct compiler *compiler, const char *const *readable) {
    char target[PATH_MAX];
    size_t given = 0, count = 0;
    while (readable && readable[given])
        given++;
    const char **list = arena_alloc(arena, (given + 3) * sizeof *list);
    const char *folder = folder_to_mount(arena, compiler->path);
    if (folder) list[count++] = folder;
    if (realpath(compiler->path, target)) {
        const char *real = folder_to_mount(arena, target);
        if (real && !text_equal(real, folder)) list[count++] = real;
    }
    if (given) memcpy(list + count, readable, given * sizeof *list);
    return list;
}

static const char *const *list_arguments(struct arena *arena, const char *path, const char *subcommand,
                                         const char *const *globs) {
    /* One thread: two builds side by side with one each cost a quarter less than one with two. */
    static const char *const options[] = {"--json-errors", "+RTS", "-N1", "-RTS"};
    size_t glob_count = 0, count = 0;
    while (globs[glob_count])
        glob_count++;
    const char **list = arena_alloc(arena, (glob_count + 7) * sizeof *list);
    list[count++] = path;
    list[count++] = subcommand;
    memcpy(list + count, globs, glob_count * sizeof *list);
    memcpy(list + count + glob_count, options, sizeof options);
    return list;
}

/* Why a run gave no answer. */
static enum status explain_silence(const struct compiler *compiler, const struct command_result *result, struct error *err) {
    char version[VERSION_TEXT_MAX];
    version_print(compiler->version, version);
    int ended_by = result->signal ? result->signal : result->exit_status - SIGNAL_EXIT;
    if (ended_by == SIGXCPU)
        return error_set(err, STATUS_TIMEOUT, "The compiler %s used up its %lld seconds of CPU time.", version,
                         (long long)limits.cpu_seconds);
    const char *words = text_view(&result->errors);
    if (strstr(words, "eap exhausted") || strstr(words, "out of memory"))
        return error_set(err, STATUS_TIMEOUT, "The compiler %s needed more than %lld MiB of memory.", version,
                         (long long)limits.memory_bytes / 1024 / 1024);
    if (result->output_was_cut)
        return error_set(err, STATUS_REFUSED, "The compiler %s printed more than %d MiB.", version,
                         OUTPUT_LIMIT_BYTES / 1024 / 1024);
    struct text how = {0};
    command_result_describe(&how, result);
    if (text_is_blank(words)) words = text_view(&result->output);
    size_t length = strlen(words);
    const char *last_words = length > LAST_WORDS_MAX ? words + length - LAST_WORDS_MAX : words;
    error_set(err, STATUS_INTERNAL, "The compiler %s ended with %s and no report, %d times. Its last words: %s", version,
              text_view(&how), ATTEMPTS, last_words);
    text_release(&how);
    return STATUS_INTERNAL;
}

/* Runs it until it answers; the caller releases `result`. */
static enum status run_compiler(struct command_result *result, struct compiler_report *report, struct arena *arena,
                                const struct compiler *compiler, const struct sandbox *sandbox, const char *subcommand,
                                const char *folder, const char *const *globs, const char *const *readable,
                                struct deadline *deadline, struct error *err) {
    struct command command = {
        .arguments = list_arguments(arena, compiler->path, subcommand, globs),
        .folder = folder,
        .output_limit_bytes = OUTPUT_LIMIT_BYTES,
        .limits = limits,
    };
    const char *const *mounts = list_readable(arena, compiler, readable);
    size_t compiled_count = 0;
    for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
        command_result_release(result);
        enum status status = sandbox_run(result, sandbox, &command, mounts, deadline, err);
        if (status) return status;
        bool has_answered = compiler_report_read(report, arena, &result->output, &result->errors);
        report->succeeded = result->exit_status == 0;
        report->compiled_count += compiled_count; /* what an attempt without an answer compiled is up to date in the next */
        if (has_answered && (report->succeeded || report->error_count > 0)) return STATUS_OK;
        if (report->succeeded && text_equal(subcommand, "graph")) return STATUS_OK; /* some print no warnings */
        if (result->signal || result->output_was_cut) break;
        compiled_count = report->compiled_count;
    }
    return explain_silence(compiler, result, err);
}

enum status compiler_compile(struct compiler_report *report, struct arena *arena, const struct compiler *compiler,
                             const struct sandbox *sandbox, const char *folder, const char *const *globs,
                             const char *const *readable, struct deadline *deadline, struct error *err) {
    struct command_result result = {0};
    *report = (struct compiler_report){0};
    enum status status =
        run_compiler(&result, report, arena, compiler, sandbox, "compile", folder, globs, readable, deadline, err);
    command_result_release(&result);
    return status;
}

enum status compiler_graph(json_t **graph, struct compiler_report *report, struct arena *arena, const struct compiler *compiler,
                           const struct sandbox *sandbox, const char *folder, const char *const *globs,
                           const char *const *readable, struct deadline *deadline, struct error *err) {
    struct command_result result = {0};
    *graph = NULL;
    *report = (struct compiler_report){0};
    enum status status =
        run_compiler(&result, report, arena, compiler, sandbox, "graph", folder, globs, readable, deadline, err);
    if (!status && report->succeeded)
        status = json_read(graph, text_view(&result.output), result.output.length, "The compiler's module graph", err);
    if (status == STATUS_INVALID) err->status = status = STATUS_INTERNAL;
    command_result_release(&result);
    return status;
}
