/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as a package name, version, range, ref, time and hash. An accepted value has one spelling, so printing it
 * gives the input; only a time may have fewer fractional digits, and then its printed form reads as the same time. Arithmetic
 * on versions and ranges agrees with their order.
 */
#include <ctype.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/domain/package/range.h"
#include "lib/domain/package/ref.h"
#include "lib/domain/registry/index_file.h"
#include "tests/fuzz/fuzz.h"

static void read_name(const char *text) {
    if (package_name_check(text, NULL)) return;
    assert(strlen(text) <= PACKAGE_NAME_MAX);
    assert(isalnum((unsigned char)text[0]) && isalnum((unsigned char)text[strlen(text) - 1]) && !strstr(text, "--"));
    char path[INDEX_PATH_MAX];
    index_file_path(text, path);
    assert(text_equal(index_file_package(path), text));
}

/* The largest major version cannot be bumped. */
static void bump(struct version version) {
    if (version.major == VERSION_NUMBER_MAX) return;
    struct version major = version_bump_major(version), minor = version_bump_minor(version);
    struct version patch = version_bump_patch(version);
    assert(version_compare(version, patch) < 0 && version_compare(patch, minor) <= 0 && version_compare(minor, major) <= 0);
}

static void make_ranges(struct version version) {
    struct range exact = range_exact(version);
    assert(range_is_valid(exact) == range_includes(exact, version));
}

static void read_version(const char *text) {
    struct version version;
    if (version_parse(&version, text, NULL)) return;
    char printed[VERSION_TEXT_MAX];
    version_print(version, printed);
    assert(text_equal(printed, text));
    bump(version);
    make_ranges(version);
}

static void read_range(const char *text) {
    struct range range;
    if (range_parse(&range, text, NULL)) return;
    char printed[RANGE_TEXT_MAX];
    range_print(range, printed);
    assert(text_equal(printed, text));
    assert(range_is_valid(range) && range_includes(range, range.low) && !range_includes(range, range.high));
    struct range either = range_union(range, range_exact(range.low));
    assert(range_equal(either, range));
    bump(range.low);
    bump(range.high);
}

static void read_time(const char *text) {
    int64_t time_ms = 0, again_ms = 0;
    if (!time_parse(text, &time_ms)) return;
    char printed[TIME_TEXT_MAX];
    time_print(time_ms, printed);
    assert(time_parse(printed, &again_ms) && again_ms == time_ms);
    assert(strncmp(printed, text, strlen("2026-07-25T15:11:12")) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    char *text = fuzz_copy_text(bytes, length);
    read_name(text);
    read_version(text);
    read_range(text);
    read_time(text);
    assert(hash_check_sha256_sri(text, NULL) || hash_is_sha256_sri(text));
    assert(ref_check(text, NULL) || (strlen(text) <= REF_MAX && !strpbrk(text, " \t\n~^:?*[\\")));
    free(text);
    return 0;
}
