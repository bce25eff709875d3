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

#include "lib/base/array.h"
#include "lib/base/text.h"
#include "lib/store/job/job_steps.h"

enum { CHUNK_LINES = 1000 }; /* read in one round trip */

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

/* Parses an entry of the stream. False: it is not a line, or below the level. */
static bool parse_entry(const struct redis_reply *entry, enum log_level minimum, struct arena *arena, struct log_line *out) {
    const struct redis_reply *fields = &entry->items[1];
    if (fields->count != 2 || strcmp(fields->items[0].text, "line") != 0) return false;
    const struct redis_reply *value = &fields->items[1];
    char level[8] = "";
    const char *space = memchr(value->text, ' ', value->length < sizeof level ? value->length : sizeof level);
    if (!space) return false;
    memcpy(level, value->text, (size_t)(space - value->text));
    if (!log_level_parse(level, &out->level) || out->level < minimum) return false;
    char *rest;
    out->attempt = (int)strtol(space, &rest, 10);
    out->number = (int)strtol(rest, &rest, 10);
    if (*rest == ' ') rest++;
    char *after_time;
    out->time_ms = strtoll(entry->items[0].text, &after_time, 10);
    out->ordinal = *after_time == '-' ? strtoll(after_time + 1, NULL, 10) : 0;
    out->message = arena_copy_bytes(arena, rest, value->length - (size_t)(rest - value->text));
    return true;
}

/* Where reading continues: both ends as XRANGE takes them. */
struct id_range {
    char from[32];
    char to[32];
};

static enum status read_entries(struct job_store *store, const char *job_id, bool descending, const struct id_range *range,
                                int count, struct redis_reply **entries, struct error *err) {
    if (descending)
        return redis_call(store->redis, entries, err, "XREVRANGE job:%s:log %s %s COUNT %d", job_id, range->to, range->from,
                          count);
    return redis_call(store->redis, entries, err, "XRANGE job:%s:log %s %s COUNT %d", job_id, range->from, range->to, count);
}

static void begin_range(const struct log_query *query, struct id_range *range) {
    snprintf(range->from, sizeof range->from, "%" PRId64, query->since_ms);
    snprintf(range->to, sizeof range->to, "+");
    if (query->until_ms) snprintf(range->to, sizeof range->to, "(%" PRId64 "-0", query->until_ms);
}

enum status log_stream_read(struct job_store *store, const char *job_id, const struct log_query *query, struct arena *arena,
                            struct log_lines *out, struct error *err) {
    *out = (struct log_lines){0};
    if (!job_id_is_well_formed(job_id)) return error_set(err, STATUS_NOT_FOUND, "There is no job %.64s.", job_id);
    struct id_range range;
    begin_range(query, &range);
    size_t capacity = 0;
    for (;;) {
        struct redis_reply *entries;
        size_t wanted = query->limit - out->count + 2; /* one to see if there are more, one for the entry of the end */
        if (wanted > CHUNK_LINES) wanted = CHUNK_LINES;
        enum status status = read_entries(store, job_id, query->descending, &range, (int)wanted, &entries, err);
        if (status != STATUS_OK) return status;
        for (size_t i = 0; i < entries->count; i++) {
            struct log_line line = {0};
            if (!parse_entry(&entries->items[i], query->level, arena, &line)) continue;
            out->cut = out->count == query->limit;
            if (out->cut) return STATUS_OK;
            out->lines = array_grow_in(arena, out->lines, out->count, &capacity, sizeof *out->lines);
            out->lines[out->count++] = line;
        }
        if (entries->count < wanted) return STATUS_OK;
        const char *last = entries->items[entries->count - 1].items[0].text;
        snprintf(query->descending ? range.to : range.from, sizeof range.from, "(%s", last);
    }
}

/* ---- Waiting ---- */

/* Sets changed[i] for each waiter on the stream `key` that has not seen its entry at `time_ms`. */
static void mark_changed(const char *key, int64_t time_ms, const char *const *keys, const int64_t *after_ms, size_t count,
                         bool *changed) {
    for (size_t i = 0; i < count; i++)
        changed[i] = changed[i] || (after_ms[i] < time_ms && strcmp(keys[i], key) == 0);
}

enum status log_stream_wait(struct job_store *store, const char *const *job_ids, const int64_t *after_ms, size_t count,
                            int timeout_ms, bool *changed, struct error *err) {
    enum { FIXED = 6 };
    if (count == 0) return STATUS_OK;
    struct arena arena = {0};
    memset(changed, 0, count * sizeof *changed);
    const char **arguments = arena_alloc(&arena, (FIXED + 2 * count) * sizeof *arguments);
    arguments[0] = "XREAD", arguments[1] = "COUNT", arguments[2] = "1", arguments[3] = "BLOCK";
    arguments[4] = arena_format(&arena, "%d", timeout_ms > 0 ? timeout_ms : 1); /* 0 would wait for ever */
    arguments[5] = "STREAMS";
    const char **keys = arguments + FIXED;
    for (size_t i = 0; i < count; i++) {
        keys[i] = arena_format(&arena, "job:%s:log", job_ids[i]);
        keys[count + i] = arena_format(&arena, "%" PRId64 "-%" PRIu64, after_ms[i], UINT64_MAX); /* whatever its ordinal */
    }
    redis_add_list(store->redis, arguments, FIXED + 2 * count);
    struct redis_reply *reply;
    enum status status = redis_run(store->redis, timeout_ms, &reply, err);
    if (status == STATUS_OK) status = redis_check_reply(reply, err);
    for (size_t i = 0; status == STATUS_OK && i < reply->count; i++) {
        const struct redis_reply *stream = &reply->items[i], *first = &stream->items[1].items[0];
        mark_changed(stream->items[0].text, strtoll(first->items[0].text, NULL, 10), keys, after_ms, count, changed);
    }
    arena_release(&arena);
    return status;
}
