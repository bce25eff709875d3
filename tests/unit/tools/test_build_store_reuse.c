/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Entries of the store are up to date for a compiler that reads them through links, in another folder: a build that reuses them
 * compiles only its own modules, and gives the same bytes as a full build.
 */
#include "tests/unit/tools/build_store_scene.h"

#include <unistd.h>

#include "lib/base/json.h"
#include "tests/support/shell.h"

static struct arena memory;

/* The modules that were compiled in that folder, in order. */
static const char *compile(const char *job) {
    return shell_output(
        &memory,
        "cd '%s/%s' && ln -sf '%s/bin/purs-stand-in' purs-0_15_15 && ./purs-0_15_15 compile "
        "'.registry/*/src/**/*.purs' --json-errors >report 2>lines; sed -n 's/.*Compiling //p' lines | tr '\\n' ' '",
        scene.path, job, BUILD_DIR);
}

/* Two packages: base has the modules Base and Base.More; top has Top, which imports them. */
static void write_sources(void) {
    temporary_folder_write(&scene, "sources/base-1.0.0/src/Base.purs", "module Base where\n");
    temporary_folder_write(&scene, "sources/base-1.0.0/src/Base/More.purs", "module Base.More where\nimport Base\n");
    temporary_folder_write(&scene, "sources/top-1.0.0/src/Top.purs", "module Top where\nimport Base\nimport Base.More\n");
    shell_run(
        "cd '%s' && find sources -exec touch -d @0 {} + && mkdir -p base/.registry top/.registry top/output whole/.registry && "
        "for job in base top whole; do ln -s ../../sources/base-1.0.0 $job/.registry/; done && "
        "for job in top whole; do ln -s ../../sources/top-1.0.0 $job/.registry/; done",
        scene.path);
}

/* A module's part of the cache-db.json that the compiler wrote. */
static const char *cache_part(const char *job, const char *module) {
    char *whole = read_file(&memory, arena_format(&memory, "%s/%s/output/cache-db.json", scene.path, job));
    json_t *cache = json_loads(whole, 0, NULL);
    char *part = json_dumps(json_object_get(cache, module), JSON_COMPACT);
    const char *copy = arena_copy(&memory, part);
    free(part);
    json_decref(cache);
    return copy;
}

static void link_entry(const struct build_entry *entry) {
    struct text cache = {0};
    for (size_t i = 0; i < entry->module_count; i++) {
        const char *name = entry->modules[i].name;
        shell_run("ln -s '%s/output/%s' '%s/top/output/'", entry->folder, name, scene.path);
        text_append_format(&cache, "%s\"%s\":%s", i ? "," : "{", name, entry->modules[i].cache_entry);
    }
    text_append(&cache, "}");
    temporary_folder_write(&scene, "top/output/cache-db.json", cache.bytes);
    text_release(&cache);
}

static void a_build_from_the_store_compiles_its_own_modules_only(void **state) {
    (void)state;
    struct build_store_hold hold = {0};
    struct build_entry found;
    write_sources();
    assert_string_equal(compile("base"), "Base Base.More ");
    const struct built_module modules[] = {
        {"Base", scene_imports + 2, cache_part("base", "Base")},
        {"Base.More", scene_imports, cache_part("base", "Base.More")},
    };
    const char *job = arena_format(&memory, "%s/base", scene.path);
    const struct build_entry entry = {.succeeded = true, .folder = job, .modules = modules, .module_count = 2};
    struct build_store *store = scene_open(SCENE_ROOMY);
    scene_add(store, scene_key(1), &entry);
    assert_true(build_store_find(store, scene_key(1), &memory, &hold, &found));
    link_entry(&found);
    assert_string_equal(compile("top"), "Top ");
    assert_true(scene_has(store, scene_key(1))); /* nothing was written through the links */
    assert_string_equal(compile("whole"), "Base Base.More Top ");
    shell_run("cd '%s' && diff -r top/output whole/output && diff top/report whole/report", scene.path);
    build_store_let_go(store, &hold);
    build_store_free(store);
    arena_release(&memory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_build_from_the_store_compiles_its_own_modules_only, scene_begin, scene_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
