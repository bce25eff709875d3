/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/http/header_lists.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool header_list_has_tag(const char *if_none_match, const char *tag) {
    return if_none_match && (strcmp(if_none_match, "*") == 0 || strstr(if_none_match, tag));
}

/* One `CODING[;q=WEIGHT]` of a list. */
struct coding {
    const char *name;
    size_t length;
    double weight;
};

/* Reads the next one, and moves *at behind it. False: there is none. */
static bool next_coding(const char **at, struct coding *out) {
    *at += strspn(*at, ", \t");
    if (!**at) return false;
    const char *end = *at + strcspn(*at, ",");
    *out = (struct coding){.name = *at, .length = strcspn(*at, ";, \t"), .weight = 1};
    const char *parameter = *at + out->length + strspn(*at + out->length, "; \t");
    if (parameter < end && strncasecmp(parameter, "q=", 2) == 0) out->weight = strtod(parameter + 2, NULL);
    *at = end;
    return true;
}

bool header_list_accepts_gzip(const char *accept_encoding) {
    struct coding coding;
    bool is_any_allowed = false;
    for (const char *at = accept_encoding ? accept_encoding : ""; next_coding(&at, &coding);) {
        if (coding.length == 4 && strncasecmp(coding.name, "gzip", 4) == 0) return coding.weight > 0;
        if (coding.length == 1 && *coding.name == '*') is_any_allowed = coding.weight > 0;
    }
    return is_any_allowed;
}
