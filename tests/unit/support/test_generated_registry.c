/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The generated registry (tests/support/generated_registry.h) is valid: `registryctl check` finds no fault, its tarballs match
 * its metadata, and its lists of compilers are true for the stand-in: each version compiles with its plan, except the few that
 * are broken on purpose.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/folder.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"
#include "lib/domain/registry/manifest_index.h"
#include "lib/domain/solver/build_plan.h"
#include "lib/tools/archive/archive.h"
#include "tests/support/generated_registry.h"
#include "tests/support/shell.h"
#include "tests/support/small_registry.h"
#include "tests/support/temporary_folder.h"

enum { MADE_UP_PACKAGES = 120, SAMPLE = 40 };

/* One registry for all tests, made from the real data if available. */
static struct temporary_folder folder;
static struct manifest_index *index_of_all;
static struct generated_registry_options options = {.seed = 1, .broken_in_thousand = 20};
static struct generated_registry_counts counts;
static struct arena arena;
static const char *broken; /* the lines of the file, with a line break before the first */

static int begin(void **state) {
    (void)state;
    struct error err = {0};
    temporary_folder_make(&folder);
    index_of_all = real_registry_create();
    if (index_of_all)
        options.one_in = GENERATED_TENTH;
    else
        index_of_all = made_up_index_create(MADE_UP_PACKAGES, 1);
    if (generated_registry_make(folder.path, index_of_all, &options, &counts, &err)) fail_msg("%s", err.message);
    broken = shell_output(&arena, "echo; cat '%s/broken'", folder.path);
    return 0;
}

static int end(void **state) {
    (void)state;
    manifest_index_free(index_of_all);
    temporary_folder_remove(&folder);
    arena_release(&arena);
    return 0;
}

static void it_is_a_consistent_registry(void **state) {
    (void)state;
    const char *said = shell_output(&arena, "%s/bin/registryctl check '%s' 2>&1", BUILD_DIR, folder.path);
    assert_non_null(strstr(said, "problems=0"));
    assert_non_null(strstr(said, arena_format(&arena, "metadata_files=%zu ", counts.packages)));
    assert_non_null(strstr(said, arena_format(&arena, "manifests=%zu ", counts.versions)));
    shell_run("git -C '%s/registry.git' fsck --strict >/dev/null 2>&1", folder.path);
    shell_run("git -C '%s/registry-index.git' fsck --strict >/dev/null 2>&1", folder.path);
}

static struct metadata read_metadata(const char *name) {
    const char *text = shell_output(&arena, "git -C '%s/registry.git' show main:metadata/%s.json", folder.path, name);
    struct metadata metadata;
    assert_int_equal(metadata_parse(&metadata, text, strlen(text), &arena, NULL), STATUS_OK);
    return metadata;
}

static const char *tarball_of(const char *name, struct version version) {
    char printed[VERSION_TEXT_MAX];
    version_print(version, printed);
    return arena_format(&arena, "%s/storage/%s/%s.tar.gz", folder.path, name, printed);
}

/* Calls `visit` for every package that was kept. */
static void for_each_package(void (*visit)(const struct indexed_package *package)) {
    for (uint32_t id = 0; id < manifest_index_package_count(index_of_all); id++) {
        const struct indexed_package *package = manifest_index_package(index_of_all, id);
        const char *path = arena_format(&arena, "%s/storage/%s", folder.path, package->name);
        if (access(path, F_OK) == 0) visit(package);
    }
}

static size_t tarballs_seen;

static void check_tarballs(const struct indexed_package *package) {
    struct metadata metadata = read_metadata(package->name);
    for (size_t i = 0; i < metadata.published_count; i++) {
        const struct published_version *version = &metadata.published[i], *real;
        char hash[SHA256_SRI_MAX];
        int64_t size_bytes;
        const char *path = tarball_of(package->name, version->version);
        assert_int_equal(hash_sha256_sri_file(path, hash, &size_bytes, NULL), STATUS_OK);
        assert_string_equal(version->hash, hash);
        assert_int_equal(version->size_bytes, size_bytes);
        real = metadata_find_published(package->metadata, version->version);
        assert_int_equal(version->compiler_count, real->compiler_count);
        tarballs_seen++;
    }
}

static void the_metadata_is_that_of_the_tarballs(void **state) {
    (void)state;
    tarballs_seen = 0;
    for_each_package(check_tarballs);
    assert_int_equal(tarballs_seen, counts.versions);
}

/* ---- Compiling ---- */

static void unpack(const char *name, struct version version) {
    static const struct archive_limits limits = {.bytes = 1 << 20, .entries = 100};
    char printed[VERSION_TEXT_MAX];
    struct text tarball = {0};
    version_print(version, printed);
    const char *sources = arena_format(&arena, "%s/job/.registry", folder.path);
    const char *top = arena_format(&arena, "%s-%s", name, printed);
    assert_int_equal(folder_make(sources, NULL), STATUS_OK);
    assert_int_equal(file_read(tarball_of(name, version), 1 << 20, &tarball, NULL), STATUS_OK);
    assert_int_equal(archive_unpack(tarball.bytes, tarball.length, sources, top, &limits, NULL), STATUS_OK);
    text_release(&tarball);
}

/* The compiler's report on a version and its plan; NULL: there is no plan. */
static const char *compile(const struct indexed_version *version, struct version compiler, struct version run_with) {
    struct build_plan plan;
    struct arena memory = {0};
    struct error err = {0};
    char printed[VERSION_TEXT_MAX];
    const char *said = NULL;
    if (!build_plan_for_compiler(&plan, index_of_all, version->manifest, compiler, &memory, &err)) {
        shell_run("rm -rf '%s/job'", folder.path);
        for (size_t i = 0; i < plan.packages.count; i++)
            unpack(plan.packages.items[i].name, plan.packages.items[i].version);
        unpack(version->manifest->name, version->version);
        version_print(run_with, printed);
        for (char *at = printed; *at; at++)
            if (*at == '.') *at = '_';
        said = shell_output(&arena,
                            "cd '%s/job' && ln -s '%s/bin/purs-stand-in' purs-%s && (./purs-%s compile "
                            "'.registry/*/src/**/*.purs' --json-errors 2>lines || true)",
                            folder.path, BUILD_DIR, printed, printed);
    }
    arena_release(&memory);
    return said;
}

static enum generated_fault fault_of(const char *name, struct version version) {
    char printed[VERSION_TEXT_MAX];
    version_print(version, printed);
    for (enum generated_fault fault = GENERATED_FAULT_NONE; fault < GENERATED_FAULT_COUNT; fault++)
        if (strstr(broken, arena_format(&arena, "\n%s@%s %s\n", name, printed, generated_fault_text(fault)))) return fault;
    return GENERATED_FAULT_NONE;
}

/* True for a compiler that prints its report on standard output. */
static bool is_usable(struct version compiler) {
    return version_compare(compiler, (struct version){0, 14, 0}) >= 0;
}

static size_t compiled_count;

/* Compiles the newest version with its newest compiler, and with one that is newer. */
static void check_compiling(const struct indexed_package *package) {
    const struct indexed_version *version = &package->versions[package->version_count - 1];
    const struct published_version *published = metadata_find_published(package->metadata, version->version);
    if (!published || compiled_count >= SAMPLE) return;
    struct version newest = published->compilers[published->compiler_count - 1];
    enum generated_fault fault = fault_of(package->name, version->version);
    const char *said = is_usable(newest) ? compile(version, newest, newest) : NULL;
    if (!said) return;
    compiled_count++;
    bool is_good = strstr(said, "\"errors\":[]") != NULL;
    if (is_good != (fault != GENERATED_FAULT_IMPORT)) fail_msg("%s: %s", package->name, said);
    if (fault == GENERATED_FAULT_IMPORT) assert_non_null(strstr(said, "\"errorCode\":\"ModuleNotFound\""));
}

static void versions_compile_by_their_plans(void **state) {
    (void)state;
    compiled_count = 0;
    for_each_package(check_compiling);
    assert_int_equal(compiled_count, SAMPLE);
}

static size_t broken_count;

static void check_broken(const struct indexed_package *package) {
    for (size_t i = 0; i < package->version_count; i++) {
        const struct indexed_version *version = &package->versions[i];
        const struct published_version *published = metadata_find_published(package->metadata, version->version);
        if (!published || broken_count >= 3 || fault_of(package->name, version->version) != GENERATED_FAULT_TYPE) continue;
        struct version newest = published->compilers[published->compiler_count - 1];
        if (!is_usable(newest)) continue;
        const char *said = compile(version, newest, version_bump_patch(newest));
        if (!said) continue;
        assert_non_null(strstr(said, "\"errorCode\":\"TypesDoNotUnify\""));
        broken_count++;
    }
}

static void broken_versions_fail_with_a_newer_compiler(void **state) {
    (void)state;
    broken_count = 0;
    for_each_package(check_broken);
    assert_int_equal(broken_count, 3);
}

static void the_same_options_make_the_same_registry(void **state) {
    (void)state;
    struct generated_registry_options with_one_thread = options;
    struct generated_registry_counts again;
    struct error err = {0};
    with_one_thread.thread_count = 1;
    const char *other = arena_format(&arena, "%s/again", folder.path);
    if (generated_registry_make(other, index_of_all, &with_one_thread, &again, &err)) fail_msg("%s", err.message);
    shell_run("cd '%s' && diff -r storage again/storage && diff broken again/broken", folder.path);
    static const char *const repositories[] = {"registry.git", "registry-index.git"};
    for (size_t i = 0; i < 2; i++)
        shell_run("cd '%s' && test $(git -C %s rev-parse main) = $(git -C again/%s rev-parse main)", folder.path,
                  repositories[i], repositories[i]);
    shell_run("rm -rf '%s'", other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_a_consistent_registry),
        cmocka_unit_test(the_metadata_is_that_of_the_tarballs),
        cmocka_unit_test(versions_compile_by_their_plans),
        cmocka_unit_test(broken_versions_fail_with_a_newer_compiler),
        cmocka_unit_test(the_same_options_make_the_same_registry),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
