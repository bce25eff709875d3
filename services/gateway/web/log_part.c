/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/web/log_part.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/base/url.h"
#include "services/gateway/http/query.h"
#include "services/gateway/web/ansi.h"
#include "services/gateway/web/parts.h"

/* ---- Lines ---- */

/* Of the message, at most this much is shown, up to a whole character. */
static size_t shown_length(const char *message, size_t length) {
    if (length <= LOG_PART_MESSAGE_BYTES) return length;
    size_t shown = LOG_PART_MESSAGE_BYTES;
    while (shown > 0 && ((unsigned char)message[shown] & 0xc0) == 0x80)
        shown--;
    return shown;
}

static void write_message(struct html *html, const char *message) {
    size_t length = strlen(message), shown = shown_length(message, length);
    html_begin(html, "span");
    html_attribute(html, "class", "message");
    ansi_write(html, message, shown);
    html_end(html);
    if (shown == length) return;
    html_begin(html, "em");
    html_format(html, " %zu more bytes of this line are in the download.", length - shown);
    html_end(html);
}

/* A query that leads to the same selection of lines. */
static void begin_query(struct text *out, const struct log_part *part) {
    if (part->level != LOG_INFO) url_append_parameter(out, "level", log_level_name(part->level));
    if (part->search) url_append_parameter(out, "search", part->search);
}

/* A link to a line leads to it among all lines of the level. */
static void write_line(struct html *html, const struct log_part *part, const struct log_line *line) {
    char cursor[LOG_CURSOR_TEXT_MAX], time[TIME_TEXT_MAX];
    struct text address = {0};
    log_cursor_print(cursor, &(struct log_cursor){line->time_ms, line->ordinal}, part->job->id);
    time_print(line->time_ms, time);
    if (part->level != LOG_INFO) url_append_parameter(&address, "level", log_level_name(part->level));
    url_append_parameter(&address, "at", cursor);
    text_append_format(&address, "#%s", cursor);
    html_begin(html, "li");
    html_attribute(html, "id", cursor);
    html_attribute(html, "class", log_level_name(line->level));
    html_begin(html, "a");
    html_attribute(html, "href", address.bytes);
    html_begin(html, "time");
    html_attribute(html, "datetime", time);
    html_format(html, "%.12s", time + strlen("2026-01-01T"));
    html_end(html);
    html_end(html);
    html_text(html, " ");
    html_element(html, "span", "level", log_level_name(line->level));
    html_text(html, " ");
    write_message(html, line->message);
    html_end(html);
    text_release(&address);
}

/* ---- Other parts ---- */

static void write_place_link(struct html *html, const struct log_part *part, const char *place, const struct log_line *line,
                             bool has_more, const char *text) {
    char cursor[LOG_CURSOR_TEXT_MAX];
    struct text address = {0};
    begin_query(&address, part);
    if (line) {
        log_cursor_print(cursor, &(struct log_cursor){line->time_ms, line->ordinal}, part->job->id);
        url_append_parameter(&address, place, cursor);
    }
    html_begin(html, "a");
    html_attribute(html, "href", address.length ? address.bytes : "?");
    html_attribute(html, "class", place);
    html_attribute(html, "data-more", has_more ? "" : NULL); /* there are lines, for job.js */
    html_text(html, text);
    html_end(html);
    text_release(&address);
}

static void write_earlier(struct html *html, const struct log_part *part) {
    if (!part->has_earlier || part->count == 0) return;
    html_begin(html, "p");
    write_place_link(html, part, "before", &part->lines[0], true, "Earlier lines");
    html_end(html);
}

static void write_later(struct html *html, const struct log_part *part) {
    bool is_finished = job_state_is_finished(part->job->state);
    if (!part->has_later && is_finished) return;
    html_begin(html, "p");
    write_place_link(html, part, "after", part->count ? &part->lines[part->count - 1] : NULL, part->has_later,
                     part->has_later ? "Later lines" : "Look for later lines");
    html_end(html);
}

/* ---- The form ---- */

static void write_levels(struct html *html, enum log_level level) {
    part_choice_begin(html, "level", "Level");
    for (const char *const *name = query_levels; *name; name++) {
        struct text text = {0};
        text_append_format(&text, "%s%s", *name, name[1] ? " and above" : "");
        part_option(html, *name, text.bytes, strcmp(*name, log_level_name(level)) == 0);
        text_release(&text);
    }
    html_end(html);
}

static void write_form(struct html *html, const struct log_part *part, struct arena *arena) {
    html_begin(html, "form");
    html_attribute(html, "class", "inline");
    write_levels(html, part->level);
    part_input(html, "search", "Lines with", part->search);
    html_element(html, "button", NULL, "Show");
    html_begin(html, "a");
    html_attribute(html, "href", arena_format(arena, "/api/v1/jobs/%s/logs?level=DEBUG&follow=true", part->job->id));
    html_attribute(html, "download", arena_format(arena, "%s.log", part->job->id));
    html_text(html, "Download the log");
    html_end(html);
    html_end(html);
}

static const char *say_empty(const struct log_part *part) {
    if (part->search) return "No line of this level has this text.";
    return job_state_is_finished(part->job->state) ? "No lines of this level." : "No lines of this level yet.";
}

void log_part_write(struct html *html, const struct log_part *part, struct arena *arena) {
    html_begin(html, "section");
    html_attribute(html, "id", "log");
    html_element(html, "h2", NULL, "Log");
    write_form(html, part, arena);
    if (part->job->has_lost_log)
        html_element(html, "p", NULL, "The lines of this log were removed when the server's memory was short.");
    write_earlier(html, part);
    html_begin(html, "ol");
    html_attribute(html, "class", "log");
    html_attribute(html, "tabindex", "0"); /* long lines are scrolled by keyboard, too */
    html_attribute(html, "aria-label", "Lines of the log");
    for (size_t i = 0; i < part->count; i++)
        write_line(html, part, &part->lines[i]);
    html_end(html);
    if (part->count == 0) html_element(html, "p", "empty faint", say_empty(part));
    write_later(html, part);
    html_end(html);
}
