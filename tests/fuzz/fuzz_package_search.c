/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The first line is what a person typed, the second a package's name, the rest its description. A score is within its bits; a name
 * is found best by itself; a description can only help; the distance of two texts is the same from both sides, and no higher with
 * a higher limit than it is. The first line is also read as a cursor, which is printed as it was read.
 */
#include <stdlib.h>

#include "lib/base/arena.h"
#include "lib/domain/search/package_order.h"
#include "lib/domain/search/package_search.h"
#include "tests/fuzz/fuzz.h"

static void check_distance(const char *one, const char *other) {
    size_t one_length = strlen(one), other_length = strlen(other);
    for (size_t most = 0; most < 4; most++) {
        size_t distance = edit_distance(one, one_length, other, other_length, most);
        assert(distance <= most + 1);
        assert(distance == edit_distance(other, other_length, one, one_length, most));
        if (distance <= most) assert(distance == edit_distance(one, one_length, other, other_length, most + 1));
        if (distance == 0) assert(strcmp(one, other) == 0);
    }
}

static void check_cursor(const char *text) {
    struct package_place place, again;
    struct error err;
    char printed[PACKAGE_CURSOR_MAX];
    if (package_place_parse(&place, text, &err)) return;
    package_place_print(&place, printed);
    assert(package_place_parse(&again, printed, &err) == STATUS_OK);
    assert(package_place_compare(&place, &again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    char *typed = fuzz_take_line(&bytes, &length), *name = fuzz_take_line(&bytes, &length);
    char *description = fuzz_copy_text(bytes, length);
    struct arena arena = {0};
    struct package_search search, own;
    package_search_read(&search, typed, &arena);
    int score = package_search_score(&search, name, NULL), described = package_search_score(&search, name, description);
    assert(0 <= score && score <= described && described < 1 << SEARCH_SCORE_BITS);
    assert(search.count > 0 || described == 0);
    if (package_name_check(name, NULL) == STATUS_OK) {
        package_search_read(&own, name, &arena);
        assert(package_search_score(&own, name, NULL) > 0);
    }
    check_distance(typed, name);
    check_cursor(typed);
    arena_release(&arena);
    free(description);
    free(name);
    free(typed);
    return 0;
}
