/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For the tests of the build store: a folder as the compiler leaves it, entries made of it, and checks of a store from outside.
 */
#ifndef TESTS_UNIT_TOOLS_BUILD_STORE_SCENE_H
#define TESTS_UNIT_TOOLS_BUILD_STORE_SCENE_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/arena.h"
#include "lib/base/folder.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/tools/purs/build_store.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/temporary_folder.h"

enum { SCENE_MODULES = 3, SCENE_PATH_MAX = 320 };
#define SCENE_ROOMY INT64_C(1000000000)

static struct temporary_folder scene; /* SCENE/store, SCENE/job/output/… */
static const char *const scene_imports[] = {"Prelude", "Data.Maybe", NULL};
static const struct built_module scene_modules[SCENE_MODULES] = {
    {"Zebra", scene_imports, "{\"a.purs\":[\"1970-01-01T00:00:00Z\",\"00\"]}"},
    {"Apple.Tree", scene_imports + 2, "{}"},
    {"Data.Middle", scene_imports, "{\"b.purs\":[\"1970-01-01T00:00:00Z\",\"ab\\u00e4\"]}"},
};
static struct build_entry scene_entry = {.succeeded = true, .modules = scene_modules, .module_count = SCENE_MODULES};
static const struct build_entry scene_failure = {.errors = "[{\"errorCode\":\"TypesDoNotUnify\"}]"};
static char scene_store[SCENE_PATH_MAX], scene_job[SCENE_PATH_MAX];

static inline void scene_write_module(const char *module, const char *content) {
    char path[SCENE_PATH_MAX];
    snprintf(path, sizeof path, "job/output/%s/externs.cbor", module);
    temporary_folder_write(&scene, path, content);
    snprintf(path, sizeof path, "job/output/%s/index.js", module);
    temporary_folder_write(&scene, path, "export {};\n");
    snprintf(path, sizeof path, "job/output/%s/docs.json", module);
    temporary_folder_write(&scene, path, "");
}

static inline int scene_begin(void **state) {
    (void)state;
    temporary_folder_make(&scene);
    snprintf(scene_store, sizeof scene_store, "%s/store", scene.path);
    snprintf(scene_job, sizeof scene_job, "%s/job", scene.path);
    scene_entry.folder = scene_job;
    for (size_t i = 0; i < SCENE_MODULES; i++)
        scene_write_module(scene_modules[i].name, scene_modules[i].name);
    return 0;
}

/* Removes folders that are not writable, too. */
static inline void scene_remove(const char *path) {
    char command[2 * SCENE_PATH_MAX + 64];
    snprintf(command, sizeof command, "chmod -R u+rwX '%s'; rm -rf '%s'", path, path);
    assert_int_equal(system(command), 0);
}

static inline int scene_end(void **state) {
    (void)state;
    scene_remove(scene.path);
    return 0;
}

static inline struct build_store *scene_open(int64_t limit_bytes) {
    struct build_store *store = NULL;
    struct error err = {0};
    if (build_store_open(&store, scene_store, limit_bytes, &err)) fail_msg("%s", err.message);
    return store;
}

/* The key of that number: its hash in hex, so that keys are evenly spread. */
static inline const char *scene_key(int number) {
    static char keys[8][SHA256_HEX_MAX];
    static int next;
    char *key = keys[next++ % 8];
    hash_sha256_hex(&number, sizeof number, key);
    return key;
}

static inline void scene_add(struct build_store *store, const char *key, const struct build_entry *entry) {
    struct error err = {0};
    if (build_store_add(store, key, entry, &err)) fail_msg("%s", err.message);
}

/* Looks it up and releases it again. */
static inline bool scene_has(struct build_store *store, const char *key) {
    struct arena arena = {0};
    struct build_store_hold hold = {0};
    struct build_entry entry;
    bool is_there = build_store_find(store, key, &arena, &hold, &entry);
    assert_int_equal(hold.count, is_there);
    build_store_let_go(store, &hold);
    arena_release(&arena);
    return is_there;
}

/* The path of a file of an entry; in a buffer that later calls overwrite. */
static inline const char *scene_path(const char *key, const char *path) {
    static char paths[4][SCENE_PATH_MAX];
    static int next;
    char *out = paths[next++ % 4];
    snprintf(out, SCENE_PATH_MAX, "%s/%.2s/%s/%s", scene_store, key, key, path);
    return out;
}

/* The number of entries directly in the store's folder that are being written or removed, by their names. */
static inline int scene_count_leftovers(void) {
    DIR *folder = opendir(scene_store);
    int count = 0;
    assert_non_null(folder);
    for (struct dirent *item; (item = readdir(folder));)
        count += text_starts_with(item->d_name, "new-") || text_starts_with(item->d_name, "old-");
    closedir(folder);
    return count;
}

#endif
