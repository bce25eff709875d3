/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "services/build-worker/build_parts.h"

enum { WARNINGS_SHOWN = 50, PACKAGES_SHOWN = 10 };

size_t build_package_of_path(const struct build *build, const char *path, const char **rest) {
    static const char prefix[] = BUILD_PACKAGES_FOLDER "/";
    size_t count = build->work->package_count;
    if (!path || !text_starts_with(path, prefix)) return count;
    path += strlen(prefix);
    const char *slash = strchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    for (size_t i = 0; slash && i < count; i++) {
        if (strlen(build->sources[i].top) != length || strncmp(build->sources[i].top, path, length) != 0) continue;
        if (rest) *rest = slash + 1;
        return i;
    }
    return count;
}

void build_take_errors(struct build *build, struct build_result *out, const struct compiler_report *report, size_t package,
                       size_t own) {
    struct build_error *errors = arena_alloc(build->arena, (report->error_count + 1) * sizeof *errors);
    bool is_of_one = package < build->work->package_count;
    const char *top = is_of_one ? build->sources[package].top : own < build->work->package_count ? build->sources[own].top : "";
    for (size_t i = 0; i < report->error_count; i++) {
        struct compiler_message message = report->errors[i];
        size_t owner = build_package_of_path(build, message.filename, NULL);
        if (is_of_one && owner != package) continue;
        if (out->error_count == BUILD_ERRORS_MAX) {
            out->errors_left_out++;
            continue;
        }
        compiler_message_localize(&message, build->arena, top);
        errors[out->error_count++] = (struct build_error){
            .message = compiler_message_whole(build->arena, &message),
            .code = message.code,
            .link = message.link,
            .filename = message.filename,
            .module = message.module,
            .has_position = message.has_position,
            .position = {message.start_line, message.start_column, message.end_line, message.end_column},
        };
    }
    out->errors = errors;
}

const char *build_print_result(struct build *build, const struct build_result *result) {
    struct text text = {0};
    build_result_append_json(&text, result);
    const char *copy = arena_copy(build->arena, text_view(&text));
    text_release(&text);
    return copy;
}

const char *build_print_errors(struct build *build, const struct build_result *result) {
    struct text text = {0};
    compiler_result_print_errors(&text, result, BUILD_ERRORS_SHOWN);
    const char *copy = arena_copy(build->arena, text_view(&text));
    text_release(&text);
    return copy;
}

static void say(struct compiler_run *run, size_t i, enum log_level level, const char *message) {
    const struct build_listener *listener = run->build->listener;
    listener->say(listener->context, run->set->jobs[i], level, message);
}

const char *compiler_run_say_warnings(struct compiler_run *run, size_t i) {
    struct build *build = run->build;
    const struct compiler_report *const reports[] = {&run->first_report, &run->report};
    const char *own = build->sources[compiler_run_job(run, i)->package].top;
    struct text shown = {0};
    size_t total = 0;
    for (size_t j = 0; j < sizeof reports / sizeof reports[0]; j++) {
        size_t count = 0;
        const struct compiler_message *warnings = compiler_report_own_warnings(reports[j], build->arena, own, &count);
        if (shown.length && count) text_append_character(&shown, '\n');
        compiler_messages_print(&shown, warnings, count, WARNINGS_SHOWN);
        total += count;
    }
    if (total > 0) say(run, i, LOG_DEBUG, arena_format(build->arena, "The compiler warns:\n%s", text_view(&shown)));
    text_release(&shown);
    return total ? arena_format(build->arena, ", with %zu warning%s", total, total == 1 ? "" : "s") : "";
}

/* Marks the packages in which the error is: two or more where they define one module. */
static void mark_places(const struct compiler_run *run, const struct compiler_message *message) {
    const struct build *build = run->build;
    size_t owner = build_package_of_path(build, message->filename, NULL);
    if (owner < build->work->package_count) run->is_left_out[owner] = true;
    for (size_t i = 0; i < message->more_span_count; i++) {
        owner = build_package_of_path(build, message->more_spans[i].filename, NULL);
        if (owner < build->work->package_count) run->is_left_out[owner] = true;
    }
}

/* "a-1.0.0, b-2.0.0 and c-1.0.0"; with at most PACKAGES_SHOWN of them. NULL: there are none. */
static const char *name_left_out(const struct compiler_run *run) {
    struct build *build = run->build;
    size_t count = 0, shown = 0;
    for (size_t i = 0; i < build->work->package_count; i++)
        count += run->is_left_out[i];
    if (count == 0) return NULL;
    struct text names = {0};
    for (size_t i = 0; i < build->work->package_count && shown < PACKAGES_SHOWN; i++) {
        if (!run->is_left_out[i]) continue;
        text_append(&names, shown == 0 ? "" : shown + 1 == count ? " and " : ", ");
        text_append(&names, build->sources[i].top);
        shown++;
    }
    if (count > shown) text_append_format(&names, " and %zu more", count - shown);
    const char *copy = arena_copy(build->arena, text_view(&names));
    text_release(&names);
    return copy;
}

const char *compiler_run_report_whole(struct compiler_run *run, struct build_result *out) {
    struct build *build = run->build;
    size_t none = build->work->package_count, count = run->report.error_count;
    char version[VERSION_TEXT_MAX];
    version_print(build->work->compiler, version);
    for (size_t i = 0; i < count; i++)
        mark_places(run, &run->report.errors[i]);
    build_take_errors(build, out, &run->report, none, none);
    compiler_report_localize(&run->report, build->arena, "");
    struct text errors = {0};
    compiler_report_print_errors(&errors, &run->report, BUILD_ERRORS_SHOWN);
    say(run, 0, LOG_ERROR, text_view(&errors));
    text_release(&errors);
    const char *names = name_left_out(run);
    return arena_format(build->arena, "The packages do not compile together with compiler %s: %zu error%s%s%s.", version, count,
                        count == 1 ? "" : "s", names ? " in " : "", names ? names : "");
}

const char *compiler_run_find_unreadable(struct compiler_run *run) {
    struct build *build = run->build;
    char version[VERSION_TEXT_MAX];
    version_print(build->work->compiler, version);
    for (size_t i = 0; i < build->work->package_count && run->set->job_count == 1; i++) {
        const struct build_source *source = &build->sources[i];
        if (!run->is_compiled[i] || !source->unreadable) continue;
        if (compiler_run_is_whole(run))
            return arena_format(build->arena, "%s does not compile with compiler %s. %s", source->top, version,
                                source->unreadable);
        if (i == compiler_run_job(run, 0)->package)
            return arena_format(build->arena, "The package does not compile with compiler %s. %s", version, source->unreadable);
        return arena_format(build->arena, "%s, on which it depends, does not compile with compiler %s. %s", source->top,
                            version, source->unreadable);
    }
    return NULL;
}

void compiler_run_say_timings(struct compiler_run *run) {
    int64_t rest_ms = clock_monotonic_ms() - run->began_ms - run->unpack_ms - run->link_ms - run->compiler_ms;
    const char *line =
        arena_format(run->build->arena, "Timings: unpack=%lldms link=%lldms compile=%lldms keep=%lldms.",
                     (long long)run->unpack_ms, (long long)run->link_ms, (long long)run->compiler_ms, (long long)rest_ms);
    for (size_t i = 0; i < run->set->job_count; i++)
        if (!run->set->goes_alone[i]) say(run, i, LOG_INFO, line);
}
