/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/source/glob.h"

#include <stddef.h>
#include <string.h>

static bool part_is(const char *part, size_t length, const char *word) {
    return strlen(word) == length && memcmp(part, word, length) == 0;
}

/* The first name of `path`, and behind its slashes the rest. */
static const char *next_part(const char *path, size_t *length) {
    *length = strcspn(path, "/");
    const char *rest = path + *length;
    return rest + strspn(rest, "/");
}

/* `*` within one name. On a mismatch only the last star needs to take more: linear in practice, quadratic at worst. */
static bool part_matches(const char *glob, size_t glob_length, const char *name, size_t name_length) {
    size_t g = 0, n = 0, star = glob_length, star_name = 0;
    while (n < name_length) {
        if (g < glob_length && glob[g] == '*') {
            star = g++;
            star_name = n;
        } else if (g < glob_length && glob[g] == name[n]) {
            g++;
            n++;
        } else if (star < glob_length) {
            g = star + 1;
            n = ++star_name;
        } else {
            return false;
        }
    }
    while (g < glob_length && glob[g] == '*')
        g++;
    return g == glob_length;
}

/* The same over names, with `**` as the star. */
bool glob_matches(const char *glob, const char *path) {
    const char *star = NULL, *star_path = NULL;
    for (;;) {
        size_t glob_length, path_length;
        const char *glob_rest = next_part(glob, &glob_length), *path_rest = next_part(path, &path_length);
        if (part_is(glob, glob_length, ".")) {
            glob = glob_rest;
        } else if (part_is(glob, glob_length, "**")) {
            star = glob = glob_rest;
            star_path = path;
        } else if (*path == '\0' && *glob == '\0') {
            return true;
        } else if (*path && *glob && part_matches(glob, glob_length, path, path_length)) {
            glob = glob_rest;
            path = path_rest;
        } else if (star && *star_path) {
            glob = star;
            path = star_path = next_part(star_path, &path_length);
        } else {
            return false;
        }
    }
}

enum status glob_check(const char *glob, struct error *err) {
    if (glob[0] == '\0') return error_set(err, STATUS_INVALID, "A glob is empty.");
    if (strchr(glob, '!'))
        return error_set(err, STATUS_INVALID, "The glob \"%s\" has a \"!\" in it, which is not supported.", glob);
    return STATUS_OK;
}

enum status glob_check_inside(const char *glob, struct error *err) {
    if (glob[0] == '/')
        return error_set(err, STATUS_INVALID, "The glob \"%s\" is absolute: it must be relative to the package's folder.",
                         glob);
    for (const char *part = glob; *part;) {
        size_t length;
        const char *rest = next_part(part, &length);
        if (part_is(part, length, ".."))
            return error_set(err, STATUS_INVALID,
                             "The glob \"%s\" has a \"..\" in it: only what is in the package's folder can be included.", glob);
        part = rest;
    }
    return STATUS_OK;
}
