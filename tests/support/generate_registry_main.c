/* SPDX-License-Identifier: BSD-3-Clause
 *
 * generate-registry FOLDER [--one-in N] [--made-up PACKAGES] [--seed N] [--broken N] [--sleep MS]
 *
 * Makes a registry that can be built (tests/support/generated_registry.h) in FOLDER, and prints a summary. It has the packages
 * of the real index, if that is available (tests/support/small_registry.h), or PACKAGES invented ones.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/domain/registry/manifest_index.h"
#include "tests/support/generated_registry.h"
#include "tests/support/generated_source.h"
#include "tests/support/small_registry.h"

enum { PACKAGES_WITHOUT_REAL_DATA = 1200, BROKEN_IN_THOUSAND = 20 };

static const struct option flags[] = {
    {"one-in", required_argument, NULL, 'n'}, {"made-up", required_argument, NULL, 'm'}, {"seed", required_argument, NULL, 's'},
    {"broken", required_argument, NULL, 'b'}, {"sleep", required_argument, NULL, 'l'},   {0},
};

static struct manifest_index *create_index(size_t made_up, int64_t seed) {
    struct manifest_index *index = made_up ? NULL : real_registry_create();
    return index ? index : made_up_index_create(made_up ? made_up : PACKAGES_WITHOUT_REAL_DATA, seed);
}

int main(int count, char **arguments) {
    struct generated_registry_options options = {.seed = 1, .broken_in_thousand = BROKEN_IN_THOUSAND};
    struct generated_registry_counts counts;
    struct error err = {0};
    size_t made_up = 0;
    for (int flag; (flag = getopt_long(count, arguments, "", flags, NULL)) != -1;) {
        long number = optarg ? strtol(optarg, NULL, 10) : 0;
        if (flag == 'n')
            options.one_in = (int)number;
        else if (flag == 'm')
            made_up = (size_t)number;
        else if (flag == 's')
            options.seed = number;
        else if (flag == 'b')
            options.broken_in_thousand = (int)number;
        else if (flag == 'l')
            options.sleep_ms = (int)number;
        else
            return EXIT_FAILURE;
    }
    if (optind + 1 != count) {
        fputs("usage: generate-registry FOLDER [--one-in N] [--made-up PACKAGES] [--seed N] [--broken N] [--sleep MS]\n",
              stderr);
        return EXIT_FAILURE;
    }
    int64_t begin_ms = clock_monotonic_ms();
    struct manifest_index *index = create_index(made_up, options.seed);
    enum status status = generated_registry_make(arguments[optind], index, &options, &counts, &err);
    manifest_index_free(index);
    if (status) {
        fprintf(stderr, "%s\n", err.message);
        return EXIT_FAILURE;
    }
    printf("%zu packages, %zu versions with %zu modules, %lld bytes of tarballs; broken: %zu types, %zu imports; %lld ms\n",
           counts.packages, counts.versions, counts.modules, (long long)counts.tarball_bytes,
           counts.broken[GENERATED_FAULT_TYPE], counts.broken[GENERATED_FAULT_IMPORT],
           (long long)(clock_monotonic_ms() - begin_ms));
    return EXIT_SUCCESS;
}
