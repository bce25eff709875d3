/* SPDX-License-Identifier: BSD-3-Clause
 *
 * An index of a given size from a seed. Package N depends on some of 0 … N-1, mostly on low numbers, as everything depends on
 * prelude. A range begins at some version of the dependency and ends above its newest one, so that the newest versions of all
 * packages are a plan; older versions list fewer compilers, so that some builds remain to be done.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/text.h"
#include "lib/domain/registry/manifest_index.h"
#include "tests/support/generated_registry.h"
#include "tests/support/generated_source.h"

enum { VERSIONS_MAX = 6, DEPENDENCIES_MAX = 8, NAME_MAX_BYTES = 32 };

static const char *const compilers[] = {"0.15.8", "0.15.10", "0.15.13", "0.15.15"};
enum { COMPILER_COUNT = sizeof compilers / sizeof compilers[0] };

static void print_name(char out[NAME_MAX_BYTES], size_t package) {
    snprintf(out, NAME_MAX_BYTES, "made-up-%04zu", package);
}

/* A number below `bound` for the package and a purpose. */
static size_t draw(int64_t seed, size_t package, const char *purpose, size_t bound) {
    char name[NAME_MAX_BYTES * 2];
    snprintf(name, sizeof name, "%zu %s", package, purpose);
    return (size_t)(generated_number(seed, name, NULL) % bound);
}

static size_t count_versions(int64_t seed, size_t package) {
    return 1 + draw(seed, package, "versions", VERSIONS_MAX);
}

static void append_manifest(struct text *out, int64_t seed, size_t package, size_t major) {
    char name[NAME_MAX_BYTES], purpose[32];
    size_t wanted = package < DEPENDENCIES_MAX ? package : draw(seed, package, "dependencies", DEPENDENCIES_MAX);
    bool is_first = true;
    print_name(name, package);
    text_append_format(out,
                       "{\"name\":\"%s\",\"version\":\"%zu.0.0\",\"license\":\"MIT\",\"location\":{\"githubOwner\":\"owner\","
                       "\"githubRepo\":\"%s\"},\"ref\":\"v%zu.0.0\",\"dependencies\":{",
                       name, major, name, major);
    size_t step = wanted ? package / wanted : 0;
    for (size_t i = 0; i < wanted; i++) { /* one of each stretch, ascending; mostly early in the first stretches */
        snprintf(purpose, sizeof purpose, "dependency %zu", i);
        size_t other = i * step + draw(seed, package, purpose, step) / (i < 2 ? 8 : 1);
        size_t newest = count_versions(seed, other);
        print_name(name, other);
        text_append_format(out, "%s\"%s\":\">=%zu.0.0 <%zu.0.0\"", is_first ? "" : ",", name,
                           1 + draw(seed, package * VERSIONS_MAX + major, purpose, newest), newest + 1);
        is_first = false;
    }
    text_append(out, "}}\n");
}

/* The newest version lists all compilers, each older one a compiler less, but always the first. */
static void append_published(struct text *out, size_t major, size_t newest) {
    size_t missing = newest - major;
    text_append_format(out, "%s\"%zu.0.0\":{\"bytes\":1,\"compilers\":[", major > 1 ? "," : "", major);
    for (size_t i = 0; i == 0 || i + missing < COMPILER_COUNT; i++)
        text_append_format(out, "%s\"%s\"", i ? "," : "", compilers[i]);
    text_append(out, "],\"hash\":\"sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\","
                     "\"publishedTime\":\"2026-01-01T00:00:00.000Z\",\"ref\":\"\"}");
}

static void need(enum status status, const struct error *err) {
    if (!status) return;
    fprintf(stderr, "made-up index: %s\n", err->message);
    abort();
}

struct manifest_index *made_up_index_create(size_t package_count, int64_t seed) {
    struct manifest_index *index = manifest_index_create();
    for (size_t package = 0; package < package_count; package++) {
        struct text manifests = {0}, metadata = {0};
        struct error err = {0};
        char name[NAME_MAX_BYTES];
        size_t newest = count_versions(seed, package);
        print_name(name, package);
        text_append_format(&metadata, "{\"location\":{\"githubOwner\":\"owner\",\"githubRepo\":\"%s\"},\"published\":{", name);
        for (size_t major = 1; major <= newest; major++) {
            append_manifest(&manifests, seed, package, major);
            append_published(&metadata, major, newest);
        }
        text_append(&metadata, "},\"unpublished\":{}}");
        need(manifest_index_set_manifests(index, name, manifests.bytes, manifests.length, &err), &err);
        need(manifest_index_set_metadata(index, name, metadata.bytes, metadata.length, &err), &err);
        text_release(&manifests);
        text_release(&metadata);
    }
    return index;
}
