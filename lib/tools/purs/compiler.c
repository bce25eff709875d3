/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/purs/compiler.h"

#include <assert.h>
#include <ctype.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/deadline.h"
#include "lib/base/disk.h"
#include "lib/base/json.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/tools/purs/compiler_documentation.h"
#include "lib/tools/purs/compiler_report.h"
#include "lib/tools/sandbox/sandbox.h"

enum {
    ATTEMPTS = 3, /* if a run does not answer in JSON, because of a known race inside the compiler */
    OUTPUT_LIMIT_BYTES = 32 * 1024 * 1024,
    LAST_WORDS_MAX = 1000,
    CPU_SECONDS = 1800, /* real builds of 750 modules take 60 */
    FILE_BYTES = 256 * 1024 * 1024,
    OPEN_FILES = 4096,
    EXIT_NOT_EXECUTABLE = 126, /* of a shell that wraps it */
    EXIT_NOT_FOUND = 127,
    ADDRESSES_MORE_BYTES = 512 * 1024 * 1024,
};

/* Limits per process; the sandbox limits their total. GHC's runtime reserves address space for its heap in advance, up to
 * its limit, and needs some more: hence half as much again as the memory. */
static struct command_limits process_limits(const struct sandbox *sandbox) {
    return (struct command_limits){
        .memory_bytes = sandbox->limits.memory_bytes / 2 * 3 + ADDRESSES_MORE_BYTES,
        .cpu_seconds = CPU_SECONDS,
        .file_bytes = sandbox->limits.disk_bytes < FILE_BYTES ? sandbox->limits.disk_bytes : FILE_BYTES,
        .open_files = OPEN_FILES,
    };
}

/* The folder of `path`, in the arena; NULL if the sandbox contains it anyway. */
static const char *folder_to_mount(struct arena *arena, const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path || text_starts_with(path, "/usr/") || text_starts_with(path, "/bin/")) return NULL;
    return arena_copy_bytes(arena, path, (size_t)(slash - path));
}

/* The folders that the request makes readable, and those of the compiler's path and of its link target. */
static const char *const *list_readable(struct arena *arena, const struct compiler_request *request) {
    char target[PATH_MAX];
    size_t given = 0, count = 0;
    while (request->readable && request->readable[given])
        given++;
    const char **list = arena_alloc(arena, (given + 3) * sizeof *list);
    const char *folder = folder_to_mount(arena, request->compiler->path);
    if (folder) list[count++] = folder;
    if (realpath(request->compiler->path, target)) {
        const char *real = folder_to_mount(arena, target);
        if (real && !text_equal(real, folder)) list[count++] = real;
    }
    if (given) memcpy(list + count, request->readable, given * sizeof *list);
    return list;
}

static const char *const *list_arguments(struct arena *arena, const struct compiler_request *request, const char *subcommand) {
    /* One thread: two parallel builds with one thread each cost a quarter less than one build with two. */
    static const char *const options[] = {"--json-errors", "+RTS", "-N1", "-RTS"};
    size_t glob_count = 0, count = 0;
    while (request->globs[glob_count])
        glob_count++;
    const char **list = arena_alloc(arena, (glob_count + 7) * sizeof *list);
    list[count++] = request->compiler->path;
    list[count++] = subcommand;
    memcpy(list + count, request->globs, glob_count * sizeof *list);
    memcpy(list + count + glob_count, options, sizeof options);
    return list;
}

/* The end of a run's error output, or of its output if that is blank. */
static const char *last_words(const struct command_result *result) {
    const char *words = text_view(&result->errors);
    if (text_is_blank(words)) words = text_view(&result->output);
    size_t length = strlen(words);
    return length > LAST_WORDS_MAX ? words + length - LAST_WORDS_MAX : words;
}

/* Why a run was stopped, or COMPILER_STOP_NONE. `status` is that of the run; the deadline's if that ended it. */
static enum compiler_stop find_stop(const struct command_result *result, enum status status) {
    static const enum compiler_stop stops[] = {
        [COMMAND_STOP_MEMORY] = COMPILER_STOP_MEMORY,
        [COMMAND_STOP_PROCESSES] = COMPILER_STOP_PROCESSES,
        [COMMAND_STOP_DISK] = COMPILER_STOP_DISK,
        [COMMAND_STOP_OUTPUT] = COMPILER_STOP_OUTPUT,
    };
    if (status == STATUS_TIMEOUT) return COMPILER_STOP_TIME;
    if (status == STATUS_CANCELLED || status == STATUS_STALE) return COMPILER_STOP_CANCELLED;
    if (status || result->stop) return stops[result->stop];
    bool used_its_time = result->signal == SIGKILL && result->cpu_ms / 1000 >= CPU_SECONDS; /* SIGXCPU was ignored */
    if (result->signal == SIGXCPU || used_its_time) return COMPILER_STOP_CPU_TIME;
    if (result->signal == SIGXFSZ) return COMPILER_STOP_DISK;
    if (result->signal == SIGKILL) return COMPILER_STOP_MEMORY; /* not sent by us, so by the kernel when memory ran out */
    return COMPILER_STOP_NONE;
}

/* True if GHC's runtime or the system reports that memory ran out, which the limits of a run may cause. */
static bool complains_of_memory(const struct command_result *result) {
    const char *words = text_view(&result->errors);
    return strstr(words, "eap exhausted") || strstr(words, "out of memory") || strstr(words, "Cannot allocate memory");
}

/* Sets the error for a run that exceeded a limit. */
static enum status explain_stop(enum compiler_stop stop, const struct compiler_request *request, struct error *err) {
    enum { MEBIBYTE = 1024 * 1024 };
    const struct build_limits *limits = &request->sandbox->limits;
    const struct {
        enum status status;
        const char *verb, *unit;
        int64_t limit;
    } stops[] = {
        [COMPILER_STOP_CPU_TIME] = {STATUS_TIMEOUT, "used up its", "seconds of CPU time", CPU_SECONDS},
        [COMPILER_STOP_MEMORY] = {STATUS_TIMEOUT, "needed more than", "MiB of memory", limits->memory_bytes / MEBIBYTE},
        [COMPILER_STOP_PROCESSES] = {STATUS_REFUSED, "started more than", "processes and threads", limits->processes},
        [COMPILER_STOP_DISK] = {STATUS_REFUSED, "wrote more to one file than it may, or in all more than", "MiB",
                                limits->disk_bytes / MEBIBYTE},
        [COMPILER_STOP_OUTPUT] = {STATUS_REFUSED, "printed more than", "MiB", OUTPUT_LIMIT_BYTES / MEBIBYTE},
    };
    char version[VERSION_TEXT_MAX];
    version_print(request->compiler->version, version);
    assert((size_t)stop < sizeof stops / sizeof stops[0] && stops[stop].status);
    return error_set(err, stops[stop].status, "The compiler %s %s %lld %s.", version, stops[stop].verb,
                     (long long)stops[stop].limit, stops[stop].unit);
}

/* ---- Runs without a report ---- */

/* True for messages about a fault of this machine, whatever was compiled: system errors, the dynamic linker, the sandbox. */
static bool is_of_machine(const char *words) {
    static const char *const troubles[] = {
        "No space left on device",
        "Disk quota exceeded",
        "resource exhausted",
        "Too many open files",
        "Input/output error",
        "Read-only file system",
        "Resource temporarily unavailable",
        "error while loading shared libraries",
        "bwrap: ",
    };
    for (size_t i = 0; i < sizeof troubles / sizeof troubles[0]; i++)
        if (strstr(words, troubles[i])) return true;
    return false;
}

/* True for the traces of the compiler's race: no output, half a report, or a parser's message about it (lib/tools/README.md,
 * The compiler). A crash is not one. */
static bool is_of_race(const struct command_result *result, const char *words) {
    const char *output = text_view(&result->output);
    if (result->signal) return false;
    return text_is_blank(words) || strstr(words, "Unexpected end of JSON input") || text_starts_with(output, "{") ||
           strstr(output, "\n{");
}

/* The output of a run, in the arena, without progress lines, which differ from run to run. */
static const char *find_words(struct arena *arena, const struct command_result *result) {
    struct text words = {0};
    const struct text *const printed[] = {&result->errors, &result->output};
    for (size_t i = 0; i < 2; i++)
        for (const char *line = text_view(printed[i]); *line;) {
            size_t length = strcspn(line, "\n");
            length += line[length] == '\n';
            if (!compiler_report_is_progress(line)) text_append_bytes(&words, line, length);
            line += length;
        }
    while (words.length > 0 && isspace((unsigned char)words.bytes[words.length - 1]))
        words.length--;
    const char *copy = arena_copy_bytes(arena, text_view(&words), words.length);
    text_release(&words);
    return copy;
}

/* The reason of an I/O error, without the path, which the package's author chooses: `PATH: FUNCTION: REASON (DETAIL)`. */
static const char *find_io_reason(const char *message) {
    for (const char *colon; (colon = strstr(message, ": "));)
        message = colon + 2;
    return message;
}

/* The message of a reported error that is a fault of this machine, or NULL: the compiler reports these like others. */
static const char *find_trouble(const struct compiler_report *report) {
    for (size_t i = 0; i < report->error_count; i++)
        if (text_equal(report->errors[i].code, "FileIOError") && is_of_machine(find_io_reason(report->errors[i].message)))
            return report->errors[i].message;
    return NULL;
}

static enum status explain_trouble(const struct compiler *compiler, const char *words, struct error *err) {
    char version[VERSION_TEXT_MAX];
    version_print(compiler->version, version);
    error_set(err, STATUS_UNAVAILABLE, "The compiler %s cannot run on this machine now. It says: %s", version, words);
    return error_mark(err, STATUS_UNAVAILABLE, TROUBLE_MACHINE);
}

/* The attempts without an answer so far. */
struct silence {
    int attempts;
    int exit_status; /* of the first attempt, as `signal` */
    int signal;
    const char *words; /* of the last attempt */
    bool is_same;      /* all ended in the same way, with the same words */
    bool is_of_race;   /* at least one shows traces of the race */
};

static void note_silence(struct silence *silence, struct arena *arena, const struct command_result *result) {
    const char *words = find_words(arena, result);
    bool is_first = silence->attempts++ == 0;
    silence->is_same = is_first || (silence->is_same && silence->exit_status == result->exit_status &&
                                    silence->signal == result->signal && text_equal(silence->words, words));
    if (is_first) silence->exit_status = result->exit_status, silence->signal = result->signal;
    silence->is_of_race = silence->is_of_race || is_of_race(result, words);
    silence->words = words;
}

/* Sets the error for attempts without an answer: how the last one ended, and whose fault that is. */
static enum status explain_silence(enum compiler_stop *stop, const struct compiler *compiler, const struct silence *silence,
                                   const struct command_result *result, struct error *err) {
    char version[VERSION_TEXT_MAX];
    struct text how = {0};
    const char *words = silence->words;
    size_t length = strlen(words);
    version_print(compiler->version, version);
    command_result_describe(&how, result);
    if (length > LAST_WORDS_MAX) words += length - LAST_WORDS_MAX;
    bool could_start = result->exit_status != EXIT_NOT_EXECUTABLE && result->exit_status != EXIT_NOT_FOUND;
    enum status status;
    *stop = COMPILER_STOP_NO_ANSWER;
    if (is_of_machine(silence->words) || !could_start) {
        *stop = COMPILER_STOP_NONE;
        status = explain_trouble(compiler, words, err);
    } else if (silence->is_same && !silence->is_of_race && silence->attempts == ATTEMPTS) {
        *stop = COMPILER_STOP_SILENT;
        bool is_mute = text_is_blank(words);
        status = error_set(err, STATUS_REFUSED,
                           "The compiler %s ended with %s and no report, %d times over with the same words, so it cannot "
                           "compile this.%s%s",
                           version, text_view(&how), silence->attempts, is_mute ? "" : " It says: ", is_mute ? "" : words);
    } else {
        status = error_set(err, STATUS_INTERNAL, "The compiler %s ended with %s and no report, %d time%s. Its last words: %s",
                           version, text_view(&how), silence->attempts, silence->attempts == 1 ? "" : "s", words);
        if (err) err->trouble = TROUBLE_NONE; /* the cause is unknown */
    }
    text_release(&how);
    return status;
}

/* One attempt. *stop is the reason why it was stopped; the status and the error express it, too. */
static enum status run_once(struct command_result *result, enum compiler_stop *stop, const struct compiler_request *request,
                            const struct command *command, const char *const *mounts, struct error *err) {
    enum status status = sandbox_run(result, request->sandbox, command, mounts, request->deadline, err);
    *stop = find_stop(result, status);
    if (!status && *stop) status = explain_stop(*stop, request, err);
    return status;
}

/* Adds the output and the resource use of an attempt to the report. False: it gave no answer. */
static bool read_answer(struct compiler_report *report, struct arena *arena, const struct command_result *result,
                        bool is_graph) {
    struct compiler_report said;
    bool has_answered = compiler_report_read(&said, arena, &result->output, &result->errors);
    said.stop = report->stop;
    said.succeeded = result->exit_status == 0;
    said.elapsed_ms = report->elapsed_ms + result->elapsed_ms;
    said.compiled_count += report->compiled_count; /* modules from earlier attempts are up to date now */
    said.peak_memory_bytes =
        result->peak_memory_bytes > report->peak_memory_bytes ? result->peak_memory_bytes : report->peak_memory_bytes;
    *report = said;
    if (said.succeeded && is_graph) return true; /* some versions print no warnings then */
    return has_answered && (said.succeeded || said.error_count > 0);
}

/* Repeats attempts until the compiler answers; the caller releases `result`. */
static enum status run_until_answered(struct command_result *result, struct compiler_report *report, struct arena *arena,
                                      const struct compiler_request *request, const char *subcommand, struct error *err) {
    const struct command command = {
        .arguments = list_arguments(arena, request, subcommand),
        .folder = request->folder,
        .output_limit_bytes = OUTPUT_LIMIT_BYTES,
        .stops_at_output_limit = true,
        .limits = process_limits(request->sandbox),
    };
    const char *const *mounts = list_readable(arena, request);
    struct silence silence = {0};
    do {
        command_result_release(result);
        enum status status = run_once(result, &report->stop, request, &command, mounts, err);
        bool has_answered = read_answer(report, arena, result, text_equal(subcommand, "graph"));
        const char *trouble = !status && has_answered ? find_trouble(report) : NULL;
        if (trouble) return explain_trouble(request->compiler, trouble, err);
        if (status || has_answered) return status;
        note_silence(&silence, arena, result);
    } while (silence.attempts < ATTEMPTS && !complains_of_memory(result));
    if (!complains_of_memory(result)) return explain_silence(&report->stop, request->compiler, &silence, result, err);
    report->stop = COMPILER_STOP_MEMORY;
    return explain_stop(report->stop, request, err);
}

/* The same, except that a failure on a full disk of ours is not the package's, whatever the compiler reported. */
static enum status run_compiler(struct command_result *result, struct compiler_report *report, struct arena *arena,
                                const struct compiler_request *request, const char *subcommand, struct error *err) {
    *report = (struct compiler_report){0};
    enum status status = run_until_answered(result, report, arena, request, subcommand, err);
    struct error full;
    bool is_silent = report->stop == COMPILER_STOP_NO_ANSWER || report->stop == COMPILER_STOP_SILENT;
    bool has_failed = is_silent || (!status && !report->succeeded);
    if (!has_failed || !disk_check(NULL, request->folder, &full)) return status;
    report->stop = COMPILER_STOP_NONE;
    return error_set(err, STATUS_INTERNAL, "%s", full.message);
}

enum status compiler_compile(struct compiler_report *report, struct arena *arena, const struct compiler_request *request,
                             struct error *err) {
    struct command_result result = {0};
    enum status status = run_compiler(&result, report, arena, request, "compile", err);
    command_result_release(&result);
    return status;
}

enum status compiler_graph(json_t **graph, struct compiler_report *report, struct arena *arena,
                           const struct compiler_request *request, struct error *err) {
    struct command_result result = {0};
    *graph = NULL;
    enum status status = run_compiler(&result, report, arena, request, "graph", err);
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

/* The path of the request's folder as seen by a command in the sandbox. */
static const char *seen_from_inside(struct arena *arena, const struct compiler_request *request) {
    char path[PATH_MAX];
    if (request->sandbox->is_isolating) return SANDBOX_WORK_FOLDER;
    return realpath(request->folder, path) ? arena_copy(arena, path) : request->folder;
}

enum status compiler_publish(struct text *out, struct arena *arena, const struct compiler_request *request,
                             const char *resolutions, struct error *err) {
    struct command_result result = {0};
    const struct command command = {
        .arguments = (const char *const[]){request->compiler->path, "publish", "--manifest", "purs.json", "--resolutions",
                                           resolutions, "+RTS", "-N1", "-RTS", NULL},
        /* It runs git, which distrusts checkouts of another user, and would write to the index. */
        .environment = (const char *const[]){"PATH=/usr/bin:/bin", "HOME=/tmp", "LANG=C.UTF-8", "GIT_CONFIG_NOSYSTEM=1",
                                             "GIT_OPTIONAL_LOCKS=0", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory",
                                             "GIT_CONFIG_VALUE_0=*", NULL},
        .folder = request->folder,
        .output_limit_bytes = OUTPUT_LIMIT_BYTES,
        .stops_at_output_limit = true,
        .limits = process_limits(request->sandbox),
    };
    enum compiler_stop stop;
    enum status status = run_once(&result, &stop, request, &command, list_readable(arena, request), err);
    if (!status && complains_of_memory(&result)) status = explain_stop(COMPILER_STOP_MEMORY, request, err);
    if (!status && result.signal) {
        struct silence silence = {0};
        note_silence(&silence, arena, &result);
        status = explain_silence(&stop, request->compiler, &silence, &result, err);
    }
    if (!status && result.exit_status != 0) {
        const char *words = last_words(&result);
        status = error_set(err, STATUS_REFUSED, "The compiler says:\n%s", words);
    }
    if (!status) status = compiler_documentation_take(out, &result.output, seen_from_inside(arena, request), err);
    command_result_release(&result);
    return status;
}
