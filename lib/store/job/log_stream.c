/* SPDX-License-Identifier: BSD-3-Clause
 *
 * An entry of the stream job:ID:log has a single field, so that a line is cheap to store and to read:
 *
 *   1764000000123-23   line   "WARN 2 17 text of the line, to the end"      level, attempt, number within it, message
 *   1764000004567-23   end    "succeeded"                                   the job's end, not a line: last, at its finishedAt
 *
 * An id is a time and an ordinal: the line's number in the whole log, from 1; in the last entry that of the last line. Since times
 * increase strictly, a time alone finds a line. Earlier releases wrote the ordinal 0 everywhere: it is unknown. Attempt and number
 * are 0 in lines that jobs/ writes itself.
 */
#include "lib/store/job/log_stream.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/store/job/job_steps.h"
#include "lib/store/job/log_selection.h"

enum {
    CHUNK_LINES = 1000, /* read in one round trip */
    EXTRA_ENTRIES = 3,  /* beside the lines wanted: one to see if there are more, one past the range, the entry of the end */
};

/* ---- Writing ---- */

/* Formats the line as it is stored, in `scratch`. */
static void print_line(const struct log_line *line, struct text *scratch) {
    text_clear(scratch);
    text_append_format(scratch, "%s %d %d ", log_level_name(line->level), line->attempt, line->number);
    text_append(scratch, line->message);
    job_step_clean(scratch);
}

size_t log_lines_to_arguments(const char **out, const struct log_line *lines, size_t count, struct arena *arena) {
    struct text scratch = {0};
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        assert(lines[i].number > 0);
        print_line(&lines[i], &scratch);
        out[at++] = arena_format(arena, "%d", lines[i].number);
        out[at++] = arena_format(arena, "%" PRId64, lines[i].time_ms);
        out[at++] = arena_copy_bytes(arena, scratch.bytes, scratch.length);
    }
    text_release(&scratch);
    return at;
}

enum status log_stream_append(struct job_store *store, const struct lease *lease, const struct log_line *lines, size_t count,
                              int64_t limit_lines, int64_t limit_bytes, struct error *err) {
    enum { FIXED = 5 };
    struct arena arena = {0};
    const char **arguments = arena_alloc(&arena, (FIXED + LOG_LINE_ARGUMENTS * count) * sizeof *arguments);
    arguments[0] = "append", arguments[1] = lease->job_id;
    arguments[2] = arena_format(&arena, "%" PRId64, lease->fence);
    arguments[3] = arena_format(&arena, "%" PRId64, limit_lines);
    arguments[4] = arena_format(&arena, "%" PRId64, limit_bytes);
    size_t argument_count = FIXED + log_lines_to_arguments(arguments + FIXED, lines, count, &arena);
    struct redis_reply *reply;
    enum status status = job_step_under(store, &reply, err, lease, arguments, argument_count);
    arena_release(&arena);
    return status;
}

/* ---- Reading ---- */

/* Parses the id and says whether the entry is a line. */
static bool parse_place(const struct redis_reply *entry, struct log_line *out) {
    char *rest;
    *out = (struct log_line){.time_ms = strtoll(entry->items[0].text, &rest, 10)};
    if (*rest == '-') out->ordinal = strtoll(rest + 1, NULL, 10);
    const struct redis_reply *fields = &entry->items[1];
    return fields->count == 2 && strcmp(fields->items[0].text, "line") == 0;
}

/* Parses the value of a line's entry. False: it is malformed, or below the level. */
static bool parse_line(const struct redis_reply *entry, enum log_level minimum, struct arena *arena, struct log_line *out) {
    const struct redis_reply *value = &entry->items[1].items[1];
    char level[8] = "";
    const char *space = memchr(value->text, ' ', value->length < sizeof level ? value->length : sizeof level);
    if (!space) return false;
    memcpy(level, value->text, (size_t)(space - value->text));
    if (!log_level_parse(level, &out->level) || out->level < minimum) return false;
    char *rest;
    out->attempt = (int)strtol(space, &rest, 10);
    out->number = (int)strtol(rest, &rest, 10);
    if (*rest == ' ') rest++;
    out->message = arena_copy_bytes(arena, rest, value->length - (size_t)(rest - value->text));
    return true;
}

void log_entry_take(struct log_selection *selection, const struct redis_reply *entry) {
    struct log_line line;
    if (!parse_place(entry, &line) || !log_selection_pass(selection, line.time_ms, line.ordinal)) return;
    if (parse_line(entry, selection->query->level, selection->arena, &line)) log_selection_take(selection, &line);
}

/* Where reading continues: both ends as XRANGE takes them. The line at selection->to_ms is read, too. */
struct id_range {
    char from[48];
    char to[48];
};

static void begin_range(const struct log_selection *selection, struct id_range *range) {
    snprintf(range->from, sizeof range->from, "%" PRId64, selection->from_ms);
    snprintf(range->to, sizeof range->to, "+");
    if (selection->to_ms < INT64_MAX) snprintf(range->to, sizeof range->to, "%" PRId64, selection->to_ms);
}

/* Reads the next entries. With the first ones also *edge, the last one before the range, NULL if there is none or it is not
 * needed, which it is to see whether lines are left out before the range. */
static enum status read_entries(struct job_store *store, const char *job_id, const struct log_selection *selection,
                                const struct id_range *range, size_t count, bool needs_edge, struct redis_reply **entries,
                                struct redis_reply **edge, struct error *err) {
    if (needs_edge) redis_add(store->redis, "XREVRANGE job:%s:log (%s-0 - COUNT 1", job_id, range->from);
    if (selection->is_backward)
        redis_add(store->redis, "XREVRANGE job:%s:log %s %s COUNT %d", job_id, range->to, range->from, (int)count);
    else
        redis_add(store->redis, "XRANGE job:%s:log %s %s COUNT %d", job_id, range->from, range->to, (int)count);
    struct redis_reply *replies;
    enum status status = redis_run(store->redis, 0, &replies, err);
    if (!status && needs_edge) status = redis_check_reply(replies, err);
    *edge = !status && needs_edge && replies[0].count ? &replies[0].items[0] : NULL;
    *entries = &replies[needs_edge ? 1 : 0];
    return status ? status : redis_check_reply(*entries, err);
}

/* Takes the entry before the range, which only counts by its place, from the first or for the last. */
static void pass_edge(struct log_selection *selection, const struct log_line *edge) {
    if (edge->time_ms) log_selection_pass(selection, edge->time_ms, edge->ordinal);
}

enum status log_stream_read(struct job_store *store, const char *job_id, const struct log_query *query, struct arena *arena,
                            struct log_lines *out, struct error *err) {
    struct log_selection selection;
    struct id_range range;
    struct log_line edge = {0};
    log_selection_begin(&selection, query, arena, out);
    if (!job_id_is_well_formed(job_id)) return error_set(err, STATUS_NOT_FOUND, "There is no job %.64s.", job_id);
    begin_range(&selection, &range);
    bool needs_edge = selection.from_ms > 0 && (selection.is_backward || query->after.ordinal == 0);
    for (size_t wanted = CHUNK_LINES, count = wanted; count == wanted && !selection.is_full;) {
        struct redis_reply *entries, *edge_entry;
        wanted = query->limit - out->count + EXTRA_ENTRIES;
        if (wanted > CHUNK_LINES) wanted = CHUNK_LINES;
        enum status status = read_entries(store, job_id, &selection, &range, wanted, needs_edge, &entries, &edge_entry, err);
        if (status) return status;
        if (edge_entry && parse_place(edge_entry, &edge) && !selection.is_backward) pass_edge(&selection, &edge);
        needs_edge = false;
        count = entries->count;
        for (size_t i = 0; i < count && !selection.is_full; i++)
            log_entry_take(&selection, &entries->items[i]);
        if (count)
            snprintf(selection.is_backward ? range.to : range.from, sizeof range.from, "(%s",
                     entries->items[count - 1].items[0].text);
    }
    if (selection.is_backward && !selection.is_full) pass_edge(&selection, &edge);
    log_selection_end(&selection);
    return STATUS_OK;
}
