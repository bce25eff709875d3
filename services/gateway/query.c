/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/query.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/text.h"

static int hex_digit(char character) {
    if (character >= '0' && character <= '9') return character - '0';
    char lower = (char)tolower((unsigned char)character);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Decodes in place. False for a broken %XX, and for what is no text. */
static bool decode(char *text) {
    char *to = text;
    for (const char *from = text; *from; from++) {
        if (*from == '+') {
            *to++ = ' ';
        } else if (*from == '%') {
            int high = hex_digit(from[1]), low = high < 0 ? -1 : hex_digit(from[2]);
            if (low < 0) return false;
            *to++ = (char)(high * 16 + low);
            from += 2;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
    return text_is_utf8(text, (size_t)(to - text));
}

enum status query_parse(struct query *out, const char *bytes, size_t length, struct arena *arena, struct error *err) {
    out->count = 0;
    char *copy = arena_copy_bytes(arena, bytes, length), *rest = NULL;
    for (char *pair = strtok_r(copy, "&", &rest); pair; pair = strtok_r(NULL, "&", &rest)) {
        char *equals = strchr(pair, '='), *value = equals ? equals + 1 : pair + strlen(pair);
        if (equals) *equals = '\0';
        if (!decode(pair)) return error_set(err, STATUS_INVALID, "The name of a parameter in the address is not well encoded.");
        if (!decode(value))
            return error_set_at(err, STATUS_INVALID, pair,
                                "The parameter \"%s\" is not well encoded: a %% must be followed by two "
                                "hexadecimal digits, and the whole be UTF-8.",
                                pair);
        if (out->count == QUERY_PARAMETERS_MAX)
            return error_set(err, STATUS_INVALID, "The address has more than %d parameters.", QUERY_PARAMETERS_MAX);
        out->parameters[out->count].name = pair;
        out->parameters[out->count++].value = value;
    }
    return STATUS_OK;
}

const char *query_text(const struct query *query, const char *name) {
    for (size_t i = 0; i < query->count; i++)
        if (strcmp(query->parameters[i].name, name) == 0)
            return *query->parameters[i].value ? query->parameters[i].value : NULL;
    return NULL;
}

enum status query_time(const struct query *query, const char *name, int64_t *out, struct error *err) {
    const char *value = query_text(query, name);
    if (!value || time_parse(value, out)) return STATUS_OK;
    return error_set_at(err, STATUS_INVALID, name,
                        "The parameter \"%s\" must be a time like 2026-07-25T15:11:12.686Z, but it is \"%s\".", name, value);
}

enum status query_flag(const struct query *query, const char *name, bool *out, struct error *err) {
    const char *value = query_text(query, name);
    if (!value) return STATUS_OK;
    *out = strcmp(value, "true") == 0;
    if (*out || strcmp(value, "false") == 0) return STATUS_OK;
    return error_set_at(err, STATUS_INVALID, name, "The parameter \"%s\" must be true or false, but it is \"%s\".", name,
                        value);
}

enum status query_number(const struct query *query, const char *name, int64_t min, int64_t max, int64_t *out,
                         struct error *err) {
    const char *value = query_text(query, name);
    if (!value) return STATUS_OK;
    char *end = NULL;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    if (errno == 0 && *end == '\0' && isdigit((unsigned char)*value) && number >= min && number <= max) {
        *out = number;
        return STATUS_OK;
    }
    return error_set_at(err, STATUS_INVALID, name,
                        "The parameter \"%s\" must be a whole number from %" PRId64 " to %" PRId64 ", but it is \"%s\".", name,
                        min, max, value);
}

enum status query_level(const struct query *query, const char *name, enum log_level *out, struct error *err) {
    const char *value = query_text(query, name);
    if (!value || log_level_parse(value, out)) return STATUS_OK;
    return error_set_at(err, STATUS_INVALID, name,
                        "The parameter \"%s\" must be DEBUG, INFO, WARN, NOTICE or ERROR, but it is \"%s\".", name, value);
}

enum status query_order(const struct query *query, bool *descending, struct error *err) {
    const char *value = query_text(query, "order");
    if (!value) return STATUS_OK;
    *descending = strcmp(value, "DESC") == 0;
    if (*descending || strcmp(value, "ASC") == 0) return STATUS_OK;
    return error_set_at(err, STATUS_INVALID, "order", "The parameter \"order\" must be ASC or DESC, but it is \"%s\".", value);
}
