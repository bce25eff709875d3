/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The input's first line as a glob, the second as a path. The answer must be that of the plainest way to tell, which tries
 * everything and would take for ever on long ones.
 */
#include <stdlib.h>

#include "lib/source/glob.h"
#include "tests/fuzz/fuzz.h"

enum { LINE_MAX_BYTES = 12 };

/* `*` within a name: none of it, or one more character. */
static bool name_fits(const char *glob, const char *glob_end, const char *name, const char *name_end) {
    if (glob == glob_end) return name == name_end;
    if (*glob == '*')
        return name_fits(glob + 1, glob_end, name, name_end) ||
               (name < name_end && name_fits(glob, glob_end, name + 1, name_end));
    return name < name_end && *glob == *name && name_fits(glob + 1, glob_end, name + 1, name_end);
}

static const char *skip_slashes(const char *text) {
    return text + strspn(text, "/");
}

static bool path_fits(const char *glob, const char *path) {
    const char *glob_end = glob + strcspn(glob, "/"), *path_end = path + strcspn(path, "/");
    size_t length = (size_t)(glob_end - glob);
    if (*glob == '\0') return *path == '\0';
    if (length == 1 && *glob == '.') return path_fits(skip_slashes(glob_end), path);
    if (length == 2 && strncmp(glob, "**", 2) == 0)
        return path_fits(skip_slashes(glob_end), path) || (*path && path_fits(glob, skip_slashes(path_end)));
    return *path && name_fits(glob, glob_end, path, path_end) && path_fits(skip_slashes(glob_end), skip_slashes(path_end));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    char *glob = fuzz_take_line(&bytes, &length), *path = fuzz_take_line(&bytes, &length);
    bool is_path = path[0] && path[0] != '/' && !strstr(path, "//") && !text_ends_with(path, "/");
    if (!glob_check(glob, NULL) && is_path) {
        bool matches = glob_matches(glob, path);
        if (strlen(glob) <= LINE_MAX_BYTES && strlen(path) <= LINE_MAX_BYTES) assert(matches == path_fits(glob, path));
    }
    free(glob);
    free(path);
    return 0;
}
