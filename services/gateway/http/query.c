/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/http/query.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/number.h"
#include "lib/base/percent.h"
#include "lib/base/text.h"
#include "lib/domain/job/job.h"
#include "lib/domain/matrix/cell_state.h"
#include "lib/domain/package/version.h"
#include "lib/domain/search/package_order.h"
#include "lib/domain/set/set_excuses.h"

const char *const query_orders[] = {"ASC", "DESC", NULL};
#define LEVEL(name) #name,
const char *const query_levels[] = {LOG_LEVEL_TABLE(LEVEL) NULL};
#undef LEVEL
#define JOB_STATE(name, text) text,
const char *const query_states[] = {JOB_STATE_TABLE(JOB_STATE) NULL};
#undef JOB_STATE
#define ORDER(name, text, key) text,
const char *const query_sorts[] = {PACKAGE_ORDER_TABLE(ORDER) NULL};
#undef ORDER
#define CELL_STATE(name, text, meaning) text,
const char *const query_cells[] = {"any", CELL_STATE_TABLE(CELL_STATE) "not_succeeded", NULL};
#undef CELL_STATE
const char *const query_extents[] = {"newest", "all", NULL};
const char *const query_ranks[] = {"dependants", "name", NULL};
const char *const query_kinds[] = {"all",
#define JOB_KIND(name, text, service, shown, lane, is_change, timeout) text,
#include "lib/domain/job/job_kinds.def"
                                   NULL};
#define SET_VERDICT(name, text, party, meaning) text,
const char *const query_set_verdicts[] = {SET_VERDICT_TABLE(SET_VERDICT) NULL};
#undef SET_VERDICT

/* Decodes in place. False for a malformed %XX, and if the result is not UTF-8. */
static bool decode(char *text) {
    return percent_decode(text, PERCENT_IN_QUERY) && text_is_utf8(text, strlen(text));
}

static enum status split(struct query *out, char *text, struct error *err) {
    char *rest = NULL;
    for (char *pair = strtok_r(text, "&", &rest); pair; pair = strtok_r(NULL, "&", &rest)) {
        char *equals = strchr(pair, '='), *value = equals ? equals + 1 : pair + strlen(pair);
        if (equals) *equals = '\0';
        if (!decode(pair))
            return error_set(err, STATUS_INVALID, "The name of a parameter in the URL is not percent-encoded UTF-8.");
        if (!decode(value))
            return error_set_at(err, STATUS_INVALID, pair,
                                "The parameter \"%s\" is malformed: a %% must be followed by two hexadecimal digits, and the "
                                "value must be UTF-8.",
                                pair);
        if (out->count == QUERY_PARAMETERS_MAX)
            return error_set(err, STATUS_INVALID, "The URL has more than %d parameters.", QUERY_PARAMETERS_MAX);
        out->parameters[out->count].name = pair;
        out->parameters[out->count++].value = value;
    }
    return STATUS_OK;
}

const char *query_value(const struct query *query, const char *name) {
    for (size_t i = 0; i < query->count; i++)
        if (strcmp(query->parameters[i].name, name) == 0)
            return *query->parameters[i].value ? query->parameters[i].value : NULL;
    return NULL;
}

/* ---- Checks, one per type ---- */

static enum status check_text(const struct query_parameter *row, const char *value, struct error *err) {
    (void)row, (void)value, (void)err;
    return STATUS_OK;
}

static enum status check_time(const struct query_parameter *row, const char *value, struct error *err) {
    int64_t time_ms;
    if (time_parse(value, &time_ms)) return STATUS_OK;
    return error_set_at(err, STATUS_INVALID, row->name,
                        "The parameter \"%s\" must be a time like 2026-07-25T15:11:12.686Z, but it is \"%s\".", row->name,
                        value);
}

static enum status check_flag(const struct query_parameter *row, const char *value, struct error *err) {
    if (strcmp(value, "true") == 0 || strcmp(value, "false") == 0) return STATUS_OK;
    return error_set_at(err, STATUS_INVALID, row->name, "The parameter \"%s\" must be true or false, but it is \"%s\".",
                        row->name, value);
}

static enum status check_number(const struct query_parameter *row, const char *value, struct error *err) {
    int64_t number;
    if (number_parse_within(&number, value, row->least, row->most)) return STATUS_OK;
    return error_set_at(err, STATUS_INVALID, row->name,
                        "The parameter \"%s\" must be a whole number from %" PRId64 " to %" PRId64 ", but it is \"%s\".",
                        row->name, row->least, row->most, value);
}

static enum status check_choice(const struct query_parameter *row, const char *value, struct error *err) {
    struct text words = {0};
    for (const char *const *word = row->words; *word; word++) {
        if (strcmp(*word, value) == 0) {
            text_release(&words);
            return STATUS_OK;
        }
        text_append(&words, word == row->words ? "" : word[1] ? ", " : " or ");
        text_append(&words, *word);
    }
    enum status status = error_set_at(err, STATUS_INVALID, row->name, "The parameter \"%s\" must be %s, but it is \"%s\".",
                                      row->name, text_view(&words), value);
    text_release(&words);
    return status;
}

static enum status check_version(const struct query_parameter *row, const char *value, struct error *err) {
    struct version version;
    if (version_parse(&version, value, NULL) == STATUS_OK) return STATUS_OK;
    return error_set_at(err, STATUS_INVALID, row->name, "The parameter \"%s\" must be a version like 1.0.3, but it is \"%s\".",
                        row->name, value);
}

enum status query_parse(struct query *out, const struct query_parameter *rows, const char *bytes, size_t length,
                        struct arena *arena, struct error *err) {
    static enum status (*const checks[])(const struct query_parameter *, const char *, struct error *) = {
        [QUERY_TEXT] = check_text,     [QUERY_TIME] = check_time,     [QUERY_FLAG] = check_flag,
        [QUERY_NUMBER] = check_number, [QUERY_CHOICE] = check_choice, [QUERY_VERSION] = check_version,
        [QUERY_CURSOR] = check_text,   [QUERY_HEADER] = check_text};
    out->rows = rows;
    out->count = 0;
    enum status status = split(out, arena_copy_bytes(arena, bytes, length), err);
    for (const struct query_parameter *row = rows; row->name && !status; row++) {
        const char *value = query_value(out, row->name);
        if (value) status = checks[row->type](row, value, err);
    }
    return status;
}

/* ---- Reading values ---- */

/* The effective value: the request's, or the row's initial one; NULL: absent. */
static const char *find(const struct query *query, const char *name, enum query_type type) {
    const struct query_parameter *row = query->rows;
    while (row->name && strcmp(row->name, name) != 0)
        row++;
    assert(row->name &&
           (row->type == type ||
            ((row->type == QUERY_CHOICE || row->type == QUERY_VERSION || row->type == QUERY_CURSOR) && type == QUERY_TEXT)));
    const char *value = query_value(query, name);
    return value ? value : row->initial;
}

const char *query_text(const struct query *query, const char *name) {
    return find(query, name, QUERY_TEXT);
}

int64_t query_time(const struct query *query, const char *name) {
    const char *value = find(query, name, QUERY_TIME);
    int64_t time_ms = 0;
    return value && time_parse(value, &time_ms) ? time_ms : 0;
}

bool query_flag(const struct query *query, const char *name) {
    const char *value = find(query, name, QUERY_FLAG);
    return value && strcmp(value, "true") == 0;
}

int64_t query_number(const struct query *query, const char *name) {
    int64_t number = 0;
    number_parse(&number, find(query, name, QUERY_NUMBER)); /* it was checked; NULL: absent, and without an initial one */
    return number;
}

enum log_level query_level(const struct query *query, const char *name) {
    const char *value = find(query, name, QUERY_CHOICE);
    enum log_level level = LOG_INFO;
    bool is_level = value && log_level_parse(value, &level);
    assert(is_level);
    return level;
}

bool query_is_descending(const struct query *query) {
    const char *value = find(query, "order", QUERY_CHOICE);
    return value && strcmp(value, "DESC") == 0;
}
