/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/package/range.h"

#include <stdio.h>
#include <string.h>

/* Copies the text from `from` up to `to` to `out`; false if it does not fit. */
static bool cut_version(const char *from, const char *to, char out[VERSION_TEXT_MAX]) {
    size_t length = (size_t)(to - from);
    if (length >= VERSION_TEXT_MAX) return false;
    memcpy(out, from, length);
    out[length] = '\0';
    return true;
}

enum status range_parse(struct range *out, const char *text, struct error *err) {
    char low[VERSION_TEXT_MAX], high[VERSION_TEXT_MAX];
    const char *blank = strchr(text, ' ');
    if (text[0] != '>' || text[1] != '=' || !blank || blank[1] != '<' || !cut_version(text + 2, blank, low) ||
        !cut_version(blank + 2, text + strlen(text), high))
        return error_set(err, STATUS_INVALID, "\"%s\" is not a range: it must be written as in \">=1.0.0 <2.0.0\".", text);
    enum status status = version_parse(&out->low, low, err);
    if (!status) status = version_parse(&out->high, high, err);
    if (status && err) error_prefix(err, "\"%s\" is not a range", text);
    if (status) return status;
    if (range_is_valid(*out)) return STATUS_OK;
    return error_set(err, STATUS_INVALID, "\"%s\" is not a range: its first version must be lower than its second.", text);
}

void range_print(struct range range, char out[RANGE_TEXT_MAX]) {
    char low[VERSION_TEXT_MAX], high[VERSION_TEXT_MAX];
    version_print(range.low, low);
    version_print(range.high, high);
    snprintf(out, RANGE_TEXT_MAX, ">=%s <%s", low, high);
}

bool range_is_valid(struct range range) {
    return version_compare(range.low, range.high) < 0;
}

struct range range_exact(struct version version) {
    return (struct range){version, version_bump_patch(version)};
}

bool range_includes(struct range range, struct version version) {
    return version_compare(range.low, version) <= 0 && version_compare(version, range.high) < 0;
}

bool range_equal(struct range a, struct range b) {
    return version_equal(a.low, b.low) && version_equal(a.high, b.high);
}

static struct version lower(struct version a, struct version b) {
    return version_compare(a, b) < 0 ? a : b;
}

static struct version higher(struct version a, struct version b) {
    return version_compare(a, b) > 0 ? a : b;
}

struct range range_union(struct range a, struct range b) {
    return (struct range){lower(a.low, b.low), higher(a.high, b.high)};
}
