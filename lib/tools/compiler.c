/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/compiler.h"

#include <ctype.h>
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

/* The end of what a run printed. */
static const char *last_words(const struct command_result *result) {
    const char *words = text_view(&result->errors);
    if (text_is_blank(words)) words = text_view(&result->output);
    size_t length = strlen(words);
    return length > LAST_WORDS_MAX ? words + length - LAST_WORDS_MAX : words;
}

/* Which stop it is that deadline_check() answered. */
static enum compiler_stop deadline_stop(enum status status) {
    return status == STATUS_TIMEOUT ? COMPILER_STOP_TIME : COMPILER_STOP_CANCELLED;
}

/* Why a run, or `attempts` of them, gave no answer. */
static enum status explain_silence(enum compiler_stop *stop, const struct compiler *compiler,
                                   const struct command_result *result, int attempts, struct error *err) {
    char version[VERSION_TEXT_MAX];
    version_print(compiler->version, version);
    int ended_by = result->signal ? result->signal : result->exit_status - SIGNAL_EXIT;
    *stop = ended_by == SIGXCPU                                                          ? COMPILER_STOP_CPU_TIME
            : strstr(text_view(&result->errors), "eap exhausted") || ended_by == SIGKILL ? COMPILER_STOP_MEMORY
            : result->output_was_cut                                                     ? COMPILER_STOP_OUTPUT
                                                                                         : COMPILER_STOP_NO_ANSWER;
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
    error_set(err, STATUS_INTERNAL, "The compiler %s ended with %s and no report, %d time%s. Its last words: %s", version,
              text_view(&how), attempts, attempts == 1 ? "" : "s", last_words(result));
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
        if (status == STATUS_TIMEOUT || status == STATUS_STALE || status == STATUS_CANCELLED)
            report->stop = deadline_stop(status);
        if (status) return status;
        bool has_answered = compiler_report_read(report, arena, &result->output, &result->errors);
        report->succeeded = result->exit_status == 0;
        report->elapsed_ms += result->elapsed_ms;
        report->compiled_count += compiled_count; /* what an attempt without an answer compiled is up to date in the next */
        if (has_answered && (report->succeeded || report->error_count > 0)) return STATUS_OK;
        if (report->succeeded && text_equal(subcommand, "graph")) return STATUS_OK; /* some print no warnings */
        if (result->signal || result->output_was_cut) break;
        compiled_count = report->compiled_count;
    }
    return explain_silence(&report->stop, compiler, result, ATTEMPTS, err);
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

/* ---- Documentation ---- */

bool compiler_can_publish(struct version compiler) {
    static const struct version first_to_read_purs_json = {0, 14, 7};
    return version_compare(compiler, first_to_read_purs_json) >= 0;
}

/* The last line, which is the documentation after lines of progress. */
static enum status take_documentation(struct text *out, const struct text *output, struct error *err) {
    const char *begin = text_view(output), *end = begin + output->length;
    while (end > begin && isspace((unsigned char)end[-1]))
        end--;
    const char *newline = end > begin ? memrchr(begin, '\n', (size_t)(end - begin)) : NULL,
               *line = newline ? newline + 1 : begin;
    json_t *documentation = NULL;
    enum status status = json_read(&documentation, line, (size_t)(end - line), "The compiler's documentation", err);
    if (!status && !json_is_object(documentation))
        status = error_set(err, STATUS_INVALID, "The compiler's documentation is %s.", json_type_name(documentation));
    if (!status) text_append_bytes(out, line, (size_t)(end - line));
    json_decref(documentation);
    if (status) err->status = STATUS_INTERNAL;
    return status ? STATUS_INTERNAL : STATUS_OK;
}

enum status compiler_publish(struct text *out, struct arena *arena, const struct compiler *compiler,
                             const struct sandbox *sandbox, const char *folder, const char *resolutions,
                             const char *const *readable, struct deadline *deadline, struct error *err) {
    struct command_result result = {0};
    const struct command command = {
        .arguments = (const char *const[]){compiler->path, "publish", "--manifest", "purs.json", "--resolutions", resolutions,
                                           "+RTS", "-N1", "-RTS", NULL},
        /* It asks git, which trusts no checkout of another user, and would like to note what it has seen. */
        .environment = (const char *const[]){"PATH=/usr/bin:/bin", "HOME=/tmp", "LANG=C.UTF-8", "GIT_CONFIG_NOSYSTEM=1",
                                             "GIT_OPTIONAL_LOCKS=0", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory",
                                             "GIT_CONFIG_VALUE_0=*", NULL},
        .folder = folder,
        .output_limit_bytes = OUTPUT_LIMIT_BYTES,
        .limits = limits,
    };
    enum status status = sandbox_run(&result, sandbox, &command, list_readable(arena, compiler, readable), deadline, err);
    bool has_ended = !status && !result.signal && result.exit_status < SIGNAL_EXIT && !result.output_was_cut;
    if (!status && !has_ended) {
        enum compiler_stop stop;
        status = explain_silence(&stop, compiler, &result, 1, err);
    }
    if (!status && result.exit_status != 0) {
        const char *words = last_words(&result);
        status = error_set(err, STATUS_REFUSED, "The compiler says:\n%s", words);
    }
    if (!status) status = take_documentation(out, &result.output, err);
    command_result_release(&result);
    return status;
}
