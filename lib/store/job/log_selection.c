/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/job/log_selection.h"

#include <inttypes.h>
#include <string.h>

#include "lib/base/array.h"

void log_selection_begin(struct log_selection *selection, const struct log_query *query, struct arena *arena,
                         struct log_lines *out) {
    *out = (struct log_lines){0};
    *selection = (struct log_selection){.from_ms = query->since_ms,
                                        .to_ms = query->until_ms ? query->until_ms : INT64_MAX,
                                        .is_backward = query->descending || query->takes_last,
                                        .query = query,
                                        .arena = arena,
                                        .out = out};
    if (query->after.time_ms >= selection->from_ms && query->after.time_ms) selection->from_ms = query->after.time_ms + 1;
    if (query->before.time_ms && query->before.time_ms < selection->to_ms) selection->to_ms = query->before.time_ms;
    bool is_edge_known = !query->after.time_ms || query->after.ordinal; /* the ordinal before the first line is 0 */
    selection->may_jump = !selection->is_backward && is_edge_known;
    if (!selection->is_backward) selection->passed_ordinal = query->after.ordinal;
}

static bool is_inside(const struct log_selection *selection, int64_t time_ms) {
    return time_ms >= selection->from_ms && time_ms < selection->to_ms;
}

void log_selection_take(struct log_selection *selection, const struct log_line *line) {
    struct log_lines *out = selection->out;
    const struct log_query *query = selection->query;
    if (line->level < query->level || (query->search && !strcasestr(line->message, query->search))) return;
    out->cut = selection->is_full = out->count == query->limit;
    if (out->cut) return;
    out->lines = array_grow_in(selection->arena, out->lines, out->count, &selection->capacity, sizeof *out->lines);
    out->lines[out->count++] = *line;
}

/* Takes the line that says how many lines are missing before one of this time and ordinal. */
static void take_jump(struct log_selection *selection, int64_t time_ms, int64_t ordinal, int64_t before) {
    int64_t count = ordinal - before - 1;
    if (count <= 0 || selection->query->only_stored || !is_inside(selection, time_ms - 1)) return;
    const struct log_line line = {
        .level = LOG_WARN,
        .time_ms = time_ms - 1,
        .ordinal = ordinal - 1,
        .message = arena_format(
            selection->arena, "%" PRId64 " line%s left out here: a log that becomes too long keeps its beginning and its end.",
            count, count == 1 ? " is" : "s are"),
    };
    log_selection_take(selection, &line);
}

bool log_selection_pass(struct log_selection *selection, int64_t time_ms, int64_t ordinal) {
    if (selection->may_jump && ordinal > 0) {
        if (selection->is_backward)
            take_jump(selection, selection->passed_ms, selection->passed_ordinal, ordinal);
        else
            take_jump(selection, time_ms, ordinal, selection->passed_ordinal);
    }
    selection->passed_ms = time_ms;
    selection->passed_ordinal = ordinal;
    selection->may_jump = ordinal > 0;
    return is_inside(selection, time_ms) && !selection->is_full;
}

void log_selection_end(struct log_selection *selection) {
    struct log_lines *out = selection->out;
    if (selection->is_backward && selection->may_jump && !selection->is_full)
        take_jump(selection, selection->passed_ms, selection->passed_ordinal, 0);
    if (!selection->is_backward || selection->query->descending) return;
    for (size_t i = 0; i < out->count / 2; i++) {
        struct log_line line = out->lines[i];
        out->lines[i] = out->lines[out->count - 1 - i];
        out->lines[out->count - 1 - i] = line;
    }
}
