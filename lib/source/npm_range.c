/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/source/npm_range.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/text.h"

/* A version whose last places may be left open. */
struct partial {
    struct version version; /* open places are 0 */
    int places;             /* the number of places given: 0 to 3 */
    bool is_prerelease;     /* it had a prerelease, which was dropped */
};

/* A range, possibly without an upper bound. An end is written if it is in the text as it is here: `>=1.0.0-rc.1 <1.0.0` is
 * meant to contain a version, `^1.0.0 ^2.0.0` contains none. */
struct bounds {
    struct version low, high;
    bool has_high, low_is_written, high_is_written;
};

static void skip_blanks(const char **at) {
    while (isspace((unsigned char)**at))
        (*at)++;
}

/* Reads one place: a number or a wildcard. False: neither. */
static bool read_place(const char **at, uint32_t *number, bool *is_given) {
    *is_given = false;
    *number = 0;
    if (**at == 'x' || **at == 'X' || **at == '*') {
        (*at)++;
        return true;
    }
    for (; isdigit((unsigned char)**at); (*at)++) {
        uint32_t digit = (uint32_t)(**at - '0');
        if (*number > (VERSION_NUMBER_MAX - digit) / 10) return false;
        *number = *number * 10 + digit;
        *is_given = true;
    }
    return *is_given;
}

static bool read_partial(const char **at, struct partial *out) {
    *out = (struct partial){0};
    uint32_t *const places[] = {&out->version.major, &out->version.minor, &out->version.patch};
    bool is_open = false;
    while (**at == 'v' || **at == '=')
        (*at)++;
    for (int i = 0; i < 3; i++) {
        uint32_t number;
        bool is_given;
        if (i > 0 && **at != '.') break;
        if (i > 0) (*at)++;
        if (!read_place(at, &number, &is_given)) return false;
        is_open |= !is_given; /* places after an open one are open, too */
        if (is_open) continue;
        *places[i] = number;
        out->places = i + 1;
    }
    out->is_prerelease = **at == '-' || (out->places == 3 && isalpha((unsigned char)**at)); /* `1.0.0rc1` */
    if (**at == '+' || out->is_prerelease)
        while (isalnum((unsigned char)**at) || (**at && strchr("-+.", **at)))
            (*at)++;
    return **at == '\0' || isspace((unsigned char)**at) || strchr("|<>=^~", **at);
}

/* The first version above all that `partial` covers: 1.3.0 for 1.2. */
static struct version behind(const struct partial *partial) {
    if (partial->places == 3) return version_bump_patch(partial->version);
    if (partial->places == 2) return version_bump_minor(partial->version);
    return version_bump_major(partial->version);
}

/* The first version that `^partial` excludes: it changes the first given place that is not 0. */
static struct version behind_caret(const struct partial *partial) {
    if (partial->version.major > 0 || partial->places == 1) return version_bump_major(partial->version);
    if (partial->version.minor > 0 || partial->places == 2) return version_bump_minor(partial->version);
    return version_bump_patch(partial->version);
}

enum comparator { CARET, TILDE, AT_LEAST, ABOVE, AT_MOST, BELOW, SAME };

static const struct {
    const char *sign;
    enum comparator comparator;
} comparators[] = {
    {"^", CARET}, {"~>", TILDE}, {"~", TILDE}, {">=", AT_LEAST}, {">", ABOVE}, {"<=", AT_MOST}, {"<", BELOW}, {"", SAME},
};

static struct bounds bounds_of(enum comparator comparator, const struct partial *partial) {
    struct bounds any = {0}, from = {.low = partial->version, .low_is_written = true};
    struct bounds out = {.low = partial->version, .has_high = true, .low_is_written = partial->is_prerelease};
    if (partial->places == 0) return any;
    switch (comparator) {
    case CARET: out.high = behind_caret(partial); break;
    case TILDE:
        out.high = partial->places == 1 ? version_bump_major(partial->version) : version_bump_minor(partial->version);
        break;
    case AT_LEAST: return from;
    case ABOVE: from = (struct bounds){.low = behind(partial)}; return from;
    case AT_MOST: out = (struct bounds){.high = behind(partial), .has_high = true}; break;
    case BELOW: out = (struct bounds){.high = partial->version, .has_high = true, .high_is_written = true}; break;
    case SAME: out.high = behind(partial); break;
    }
    return out;
}

static void intersect(struct bounds *bounds, const struct bounds *other) {
    int low_order = version_compare(other->low, bounds->low);
    if (low_order > 0) bounds->low_is_written = false;
    if (low_order >= 0) bounds->low_is_written |= other->low_is_written;
    if (low_order > 0) bounds->low = other->low;
    int high_order = !other->has_high ? 1 : !bounds->has_high ? -1 : version_compare(other->high, bounds->high);
    if (high_order < 0) bounds->high_is_written = true;
    if (high_order <= 0) bounds->high_is_written &= other->high_is_written;
    if (high_order < 0) bounds->high = other->high;
    bounds->has_high |= other->has_high;
}

static bool read_comparator(const char **at, struct bounds *out) {
    size_t i = 0;
    struct partial partial;
    while (!text_starts_with(*at, comparators[i].sign))
        i++;
    *at += strlen(comparators[i].sign);
    skip_blanks(at);
    if (!read_partial(at, &partial)) return false;
    *out = bounds_of(comparators[i].comparator, &partial);
    return true;
}

/* Reads the part after " - ", if there is one. */
static bool read_upper_end(const char **at, struct bounds *bounds, bool *is_hyphen) {
    struct partial partial;
    *is_hyphen = text_starts_with(*at, "- ");
    if (!*is_hyphen) return true;
    *at += 1;
    skip_blanks(at);
    if (!read_partial(at, &partial)) return false;
    struct bounds upper = bounds_of(AT_MOST, &partial);
    bounds->has_high = false; /* the part before it is a lower end */
    intersect(bounds, &upper);
    return true;
}

/* Reads an alternative, up to `||` or the end. */
static bool read_alternative(const char **at, struct bounds *out) {
    *out = (struct bounds){0};
    for (skip_blanks(at); **at && **at != '|'; skip_blanks(at)) {
        struct bounds next;
        bool is_hyphen;
        if (!read_comparator(at, &next)) return false;
        skip_blanks(at);
        if (!read_upper_end(at, &next, &is_hyphen)) return false;
        intersect(out, &next);
    }
    return true;
}

/* Separates equal ends if both are written. True if the range contains a version. */
static bool part_ends(struct bounds *bounds) {
    if (!bounds->has_high) return true;
    int order = version_compare(bounds->low, bounds->high);
    if (order == 0 && bounds->low_is_written && bounds->high_is_written) {
        bounds->high = version_bump_patch(bounds->high);
        return version_compare(bounds->low, bounds->high) < 0;
    }
    return order < 0;
}

static void unite(struct bounds *bounds, const struct bounds *other) {
    if (version_compare(other->low, bounds->low) < 0) bounds->low = other->low;
    if (version_compare(other->high, bounds->high) > 0) bounds->high = other->high;
    bounds->has_high &= other->has_high;
}

/* Alternatives without a version add nothing; *is_empty is true if all are so. */
static bool read_range(const char *at, struct bounds *out, bool *is_empty) {
    struct bounds next;
    *is_empty = true;
    for (;;) {
        if (!read_alternative(&at, &next)) return false;
        bool has_version = part_ends(&next);
        if (has_version && *is_empty) *out = next;
        if (has_version && !*is_empty) unite(out, &next);
        *is_empty &= !has_version;
        if (!text_starts_with(at, "||")) return *at == '\0';
        at += 2;
    }
}

enum status npm_range_parse(struct range *out, const char *text, struct error *err) {
    struct bounds bounds = {0};
    bool is_empty;
    if (!read_range(text, &bounds, &is_empty))
        return error_set(err, STATUS_INVALID, "\"%s\" is not a range of versions, such as \"^1.0.0\" or \">=1.0.0 <2.0.0\".",
                         text);
    if (!is_empty && !bounds.has_high)
        return error_set(
            err, STATUS_INVALID,
            "The range \"%s\" has no upper bound, which is required for publishing: write \"^1.0.0\" or \">=1.0.0 <2.0.0\".",
            text);
    *out = (struct range){bounds.low, bounds.high};
    if (!is_empty && range_is_valid(*out)) return STATUS_OK;
    return error_set(err, STATUS_INVALID, "The range \"%s\" contains no version.", text);
}
