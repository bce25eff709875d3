/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/package/version.h"

#include <inttypes.h>
#include <stdio.h>

/* Reads one number of a version at *at. Returns the rule that it violates, as the end of a sentence; NULL if none. */
static const char *read_number(const char **at, uint32_t *out) {
    const char *start = *at;
    uint64_t number = 0;
    for (; **at >= '0' && **at <= '9'; (*at)++) {
        number = number * 10 + (uint64_t)(**at - '0');
        if (number > VERSION_NUMBER_MAX) return "its numbers must not be above 2147483647";
    }
    if (*at == start) return "it must be MAJOR.MINOR.PATCH, as in 1.0.3, with nothing before or after";
    if (*start == '0' && *at - start > 1) return "its numbers must not have leading zeros";
    *out = (uint32_t)number;
    return NULL;
}

static const char *read_version(const char *text, struct version *out) {
    const char *at = text;
    uint32_t *const places[] = {&out->major, &out->minor, &out->patch};
    for (int i = 0; i < 3; i++) {
        if (i > 0 && *at++ != '.') return "it must be three numbers, MAJOR.MINOR.PATCH, as in 1.0.3";
        const char *fault = read_number(&at, places[i]);
        if (fault) return fault;
    }
    return *at == '\0' ? NULL : "nothing may follow the third number: there are no pre-releases or build numbers";
}

enum status version_parse(struct version *out, const char *text, struct error *err) {
    const char *fault = read_version(text, out);
    if (!fault) return STATUS_OK;
    return error_set(err, STATUS_INVALID, "\"%s\" is not a version: %s.", text, fault);
}

void version_print(struct version version, char out[VERSION_TEXT_MAX]) {
    snprintf(out, VERSION_TEXT_MAX, "%" PRIu32 ".%" PRIu32 ".%" PRIu32, version.major, version.minor, version.patch);
}

int version_compare(struct version a, struct version b) {
    if (a.major != b.major) return a.major < b.major ? -1 : 1;
    if (a.minor != b.minor) return a.minor < b.minor ? -1 : 1;
    if (a.patch != b.patch) return a.patch < b.patch ? -1 : 1;
    return 0;
}

bool version_equal(struct version a, struct version b) {
    return version_compare(a, b) == 0;
}

bool version_is_among(struct version version, const struct version *versions, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (version_equal(versions[i], version)) return true;
    return false;
}

struct version version_bump_major(struct version version) {
    if (version.major == VERSION_NUMBER_MAX) return version; /* there is no higher one */
    return (struct version){version.major + 1, 0, 0};
}

struct version version_bump_minor(struct version version) {
    if (version.minor == VERSION_NUMBER_MAX) return version_bump_major(version);
    return (struct version){version.major, version.minor + 1, 0};
}

struct version version_bump_patch(struct version version) {
    if (version.patch == VERSION_NUMBER_MAX) return version_bump_minor(version);
    return (struct version){version.major, version.minor, version.patch + 1};
}
