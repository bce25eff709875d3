/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/source/source_fetch.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/base/url.h"
#include "lib/source/source_child.h"
#include "lib/tools/sandbox/run_command.h"

enum {
    MIB = 1024 * 1024,
    OPEN_FILES = 256,
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    MEMORY_IS_LIMITED = 0, /* the sanitizers' shadow memory exceeds any limit */
#else
    MEMORY_IS_LIMITED = 1,
#endif
};

const char *source_github_url(struct arena *arena, const char *base, const char *owner, const char *repo) {
    struct text url = {0};
    url_append_base(&url, base);
    text_append_format(&url, "/%s/%s.git", owner, repo);
    const char *copy = arena_copy(arena, text_view(&url));
    text_release(&url);
    return copy;
}

/* By default registry-fetch-source is in the folder of the running program. */
static enum status find_program(const char **out, const struct source_limits *limits, struct arena *arena, struct error *err) {
    char self[PATH_MAX];
    ssize_t length = limits->program ? 0 : readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0) return error_set(err, STATUS_INTERNAL, "/proc/self/exe could not be read: %s.", strerror(errno));
    self[length] = '\0';
    char *slash = strrchr(self, '/');
    if (slash) *slash = '\0';
    *out = limits->program ? limits->program : arena_format(arena, "%s/registry-fetch-source", self);
    return STATUS_OK;
}

static enum status make_work_folder(const char *folder, const struct command_user *user, struct error *err) {
    if (mkdir(folder, 0755) == 0 && (!user || chown(folder, user->user_id, user->group_id) == 0)) return STATUS_OK;
    return error_set(err, STATUS_INTERNAL, "The folder '%s' could not be made: %s.", folder, strerror(errno));
}

/* Interprets the child's end: its own answer, or the limit at which it was stopped. */
static enum status read_result(struct source_fetched *out, const struct command_result *result, const char *url,
                               struct error *err) {
    if (result->exit_status == 0)
        return source_answer_read(out->commit, &out->committed_ms, result->output.bytes, result->output.length, err);
    if (result->signal == SIGALRM || result->signal == SIGXCPU)
        return error_set(err, STATUS_TIMEOUT, "The source from %s could not be fetched within the time limit.", url);
    if (result->signal == SIGXFSZ) return error_set(err, STATUS_TOO_LARGE, "The source from %s is larger than allowed.", url);
    struct text end = {0};
    command_result_describe(&end, result);
    error_set(err, STATUS_INTERNAL, "The source from %s could not be read%s (%s%s%.500s).", url,
              result->signal ? ": the program that fetches it was killed, perhaps because it ran out of memory" : "",
              text_view(&end), result->errors.length ? ": " : "", text_view(&result->errors));
    text_release(&end);
    err->trouble = TROUBLE_NONE; /* the cause is unknown */
    return err->status;
}

static enum status run_child(struct source_fetched *out, const char *program, const struct command_user *user,
                             const struct source_request *request, const struct source_limits *limits,
                             struct deadline *deadline, struct error *err) {
    struct source_order order = {
        .source = {.url = request->url,
                   .ref = request->ref,
                   .subdir = request->subdir,
                   .known_commit = request->known_commit,
                   .authorities = limits->authorities,
                   .allow_private = limits->allow_private,
                   .limit_bytes = limits->bytes,
                   .limit_files = limits->files,
                   .silence_ms = limits->silence_ms},
        .work_folder = request->work_folder,
        .timeout_ms = limits->timeout_ms,
    };
    const char *const arguments[] = {program, NULL};
    struct text input = {0};
    struct command_result result = {0};
    source_order_append(&input, &order);
    struct command command = {
        .arguments = arguments,
        .user = user,
        .input = input.bytes,
        .input_length = input.length,
        .limits = {.memory_bytes = MEMORY_IS_LIMITED * limits->memory_bytes,
                   .cpu_seconds = limits->timeout_ms / 1000 + 1,
                   .file_bytes = 2 * limits->bytes + MIB, /* a thin pack is completed with its base objects, and has an index */
                   .open_files = OPEN_FILES},
    };
    enum status status = command_run(&result, &command, deadline, err);
    if (status == STATUS_NOT_FOUND) /* must not look like a missing repository */
        status = error_set(err, STATUS_INTERNAL, "The program '%s' is not installed.", program);
    if (!status) status = read_result(out, &result, request->url, err);
    command_result_release(&result);
    text_release(&input);
    return status;
}

enum status source_fetch(struct source_fetched *out, const struct source_request *request, const struct source_limits *limits,
                         struct deadline *deadline, struct arena *arena, struct error *err) {
    struct command_user user;
    bool is_root = geteuid() == 0;
    const char *program = NULL;
    enum status status = git_source_check_ref(request->ref, err);
    if (!status) status = find_program(&program, limits, arena, err);
    if (!status && limits->user && is_root) status = command_user_find(&user, limits->user, err);
    if (status) return status;

    const struct command_user *run_as = limits->user && is_root ? &user : NULL;
    status = make_work_folder(request->work_folder, run_as, err);
    if (!status) status = run_child(out, program, run_as, request, limits, deadline, err);
    if (status == STATUS_INTERNAL && err->trouble) error_prefix(err, "In %s", request->work_folder);
    if (!status) out->folder = arena_format(arena, "%s/tree", request->work_folder);
    return status;
}
