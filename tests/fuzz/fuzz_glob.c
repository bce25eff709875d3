/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input's first line as a glob, the second as a path. The answer must be that of a naive matcher, which tries
 * everything and would take too long on longer input; and the number of comparisons stays within the bound that the lengths
 * give.
 */
#include <limits.h>
#include <stdlib.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "lib/source/glob.h"
#include "tests/fuzz/fuzz.h"

enum { LINE_MAX_BYTES = 12 };

/* Matches one name of a path; there are no brackets. `*` is nothing, or one more character. `start`: at the name's
 * beginning. */
static bool name_fits(const char *glob, const char *glob_end, const char *name, const char *name_end, bool start) {
    bool is_hidden = start && name < name_end && *name == '.';
    if (glob == glob_end) return name == name_end;
    if (*glob == '*')
        return !is_hidden && (name_fits(glob + 1, glob_end, name, name_end, start) ||
                              (name < name_end && name_fits(glob, glob_end, name + 1, name_end, false)));
    if (name == name_end || (*glob == '?' ? is_hidden : *glob != *name)) return false;
    return name_fits(glob + 1, glob_end, name + 1, name_end, false);
}

static const char *skip_slashes(const char *text) {
    return text + strspn(text, "/");
}

/* `is_plain`: the glob's names so far have no wildcards. */
static bool path_fits(const char *glob, const char *path, bool is_folder, bool is_plain) {
    const char *glob_end = glob + strcspn(glob, "/"), *path_end = path + strcspn(path, "/");
    const char *glob_rest = skip_slashes(glob_end), *path_rest = skip_slashes(path_end);
    size_t length = (size_t)(glob_end - glob);
    if (*glob == '\0') return *path == '\0';
    if (length == 0 || (length == 1 && *glob == '.')) return path_fits(glob_rest, path, is_folder, is_plain);
    if (length == 2 && strncmp(glob, "**", 2) == 0) {
        bool is_last = *glob_rest == '\0';
        if (*path == '\0') return is_folder && !is_plain && path_fits(glob_rest, path, is_folder, false);
        return (!is_last && path_fits(glob_rest, path, is_folder, is_plain)) ||
               (*path != '.' &&
                (path_fits(glob, path_rest, is_folder, false) || path_fits(glob_rest, path_rest, is_folder, false)));
    }
    if (*path == '\0') return false;
    is_plain = is_plain && !memchr(glob, '*', length) && !memchr(glob, '?', length);
    return name_fits(glob, glob_end, path, path_end, true) && path_fits(glob_rest, path_rest, is_folder, is_plain);
}

static bool is_simple(const char *glob) {
    for (const char *at = glob; *at; at++)
        if (strchr("[]{}", *at) || (unsigned char)*at >= 0x80) return false;
    return glob[0] != '/' && !strstr(glob, "..");
}

static bool is_simple_path(const char *path) {
    for (const char *at = path; *at; at++)
        if ((unsigned char)*at >= 0x80) return false;
    return true;
}

static void check(const struct glob *glob, const char *path, bool is_folder) {
    uint64_t steps = 0, most = glob->count * 2 * (strlen(glob->text) + 1) * (strlen(path) + 2);
    bool matches = glob_matches(glob, path, is_folder, &steps);
    bool must_be_folder = text_ends_with(glob->text, "/") && strpbrk(glob->text, "*?");
    assert(steps <= most);
    assert(!matches || !glob_check_inside(glob, NULL) || glob->count > 1);
    if (!is_simple(glob->text) || !is_simple_path(path) || strlen(glob->text) > LINE_MAX_BYTES || strlen(path) > LINE_MAX_BYTES)
        return;
    assert(matches == ((is_folder || !must_be_folder) && path_fits(glob->text, path, is_folder, true)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct arena arena = {0};
    struct glob glob;
    char *text = fuzz_take_line(&bytes, &length), *path = fuzz_take_line(&bytes, &length);
    bool is_path = path[0] && path[0] != '/' && !strstr(path, "//") && !text_ends_with(path, "/") && strlen(path) < PATH_MAX;
    if (!glob_parse(&glob, &arena, text, NULL)) {
        assert(glob.count <= GLOB_ALTERNATIVES_MAX);
        if (is_path) check(&glob, path, false);
        if (is_path) check(&glob, path, true);
        if (is_path) glob_names_folder(&glob, path);
    }
    free(text);
    free(path);
    arena_release(&arena);
    return 0;
}
