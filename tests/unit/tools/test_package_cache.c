/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/tools/archive/archive.h"
#include "lib/tools/archive/package_cache.h"
#include "tests/support/temporary_folder.h"

enum { THREADS = 8, ROUNDS = 50, PACKAGES = 6 };

static struct temporary_folder folder;
static char cache_folder[128];

static struct package_cache *make_cache(int64_t limit_bytes) {
    struct package_cache *cache = NULL;
    struct error err = {0};
    if (package_cache_create(&cache, cache_folder, limit_bytes, &err)) fail_msg("%s", err.message);
    return cache;
}

static void pack(struct text *out, const char *top) {
    struct error err = {0};
    const struct archive_item item = {"src/A.purs", top, strlen(top)};
    if (archive_pack(out, folder.path, top, &item, 1, 1000, &err)) fail_msg("%s", err.message);
}

/* The hash is given by the caller and not checked, so these tests use any text. */
static const char *add(struct package_cache *cache, const char *hash, const char *top, struct package_cache_hold *hold) {
    struct text tarball = {0};
    struct error err = {0};
    const char *found = NULL;
    pack(&tarball, top);
    if (package_cache_add(cache, hash, top, tarball.bytes, tarball.length, hold, &found, &err)) fail_msg("%s", err.message);
    text_release(&tarball);
    return found;
}

static bool holds_source(const char *package, const char *content) {
    char path[256], bytes[64] = "";
    snprintf(path, sizeof path, "%s/src/A.purs", package);
    FILE *file = fopen(path, "r");
    if (!file) return false;
    size_t length = fread(bytes, 1, sizeof bytes - 1, file);
    fclose(file);
    return length == strlen(content) && memcmp(bytes, content, length) == 0;
}

static void added_packages_are_found_by_hash_and_name(void **state) {
    (void)state;
    struct package_cache *cache = make_cache(1000000);
    struct package_cache_hold hold = {0};
    assert_null(package_cache_find(cache, "sha256-a/b=", "demo-1.0.0", &hold));
    const char *added = add(cache, "sha256-a/b=", "demo-1.0.0", &hold);
    assert_true(holds_source(added, "demo-1.0.0"));
    assert_string_equal(package_cache_find(cache, "sha256-a/b=", "demo-1.0.0", &hold), added);
    assert_null(package_cache_find(cache, "sha256-a/c=", "demo-1.0.0", &hold));
    assert_null(package_cache_find(cache, "sha256-a/b=", "demo-1.0.1", &hold));
    assert_string_equal(add(cache, "sha256-a/b=", "demo-1.0.0", &hold), added); /* another caller added it first */
    assert_int_equal(package_cache_counts(cache).added, 1);
    package_cache_let_go(cache, &hold);
    package_cache_free(cache);
    assert_int_equal(access(cache_folder, F_OK), -1);
}

static void held_packages_stay_and_the_least_recently_used_goes(void **state) {
    (void)state;
    struct package_cache *cache = make_cache(0);
    struct package_cache_hold first = {0}, second = {0};
    const char *one = add(cache, "one", "one-1.0.0", &first);
    char *two = strdup(add(cache, "two", "two-1.0.0", &second));
    assert_true(holds_source(one, "one-1.0.0"));
    package_cache_let_go(cache, &second);
    assert_int_equal(access(two, F_OK), -1);
    assert_true(holds_source(one, "one-1.0.0"));
    package_cache_let_go(cache, &first);
    assert_int_equal(package_cache_counts(cache).removed, 2);
    assert_int_equal(package_cache_counts(cache).bytes, 0);
    free(two);
    package_cache_free(cache);

    struct text tarball = {0};
    pack(&tarball, "one-1.0.0");
    cache = make_cache((int64_t)tarball.length * 2 + 20);
    add(cache, "one", "one-1.0.0", &first);
    add(cache, "two", "two-1.0.0", &first);
    assert_non_null(package_cache_find(cache, "one", "one-1.0.0", &first));
    package_cache_let_go(cache, &first);
    add(cache, "six", "six-1.0.0", &first);
    assert_null(package_cache_find(cache, "two", "two-1.0.0", &first));
    assert_non_null(package_cache_find(cache, "one", "one-1.0.0", &first));
    package_cache_let_go(cache, &first);
    text_release(&tarball);
    package_cache_free(cache);
}

static void a_malformed_tarball_leaves_nothing(void **state) {
    (void)state;
    struct package_cache *cache = make_cache(1000000);
    struct package_cache_hold hold = {0};
    struct error err = {0};
    const char *found = NULL;
    assert_int_equal(package_cache_add(cache, "x", "x-1.0.0", "nonsense", 8, &hold, &found, &err), STATUS_REFUSED);
    assert_int_equal(hold.count, 0);
    assert_int_equal(rmdir(cache_folder), 0);
    package_cache_free(cache);
}

static void a_cache_begins_empty(void **state) {
    (void)state;
    temporary_folder_write(&folder, "cache/1/old-1.0.0/src/A.purs", "half of it");
    struct package_cache *cache = make_cache(1000000);
    assert_int_equal(rmdir(cache_folder), 0);
    package_cache_free(cache);
}

static void *use_in_thread(void *context) {
    struct package_cache *cache = context;
    char hash[16], top[32];
    intptr_t wrong = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct package_cache_hold hold = {0};
        for (int j = 0; j < PACKAGES; j++) {
            snprintf(hash, sizeof hash, "hash-%d", j);
            snprintf(top, sizeof top, "package-%d", j);
            const char *found = package_cache_find(cache, hash, top, &hold);
            if (!found) found = add(cache, hash, top, &hold);
            wrong += !holds_source(found, top);
        }
        package_cache_let_go(cache, &hold);
    }
    return (void *)wrong;
}

static void threads_share_it_while_packages_come_and_go(void **state) {
    (void)state;
    struct package_cache *cache = make_cache(0);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_in_thread, cache), 0);
    for (int i = 0; i < THREADS; i++) {
        void *wrong = NULL;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    assert_int_equal(package_cache_counts(cache).bytes, 0);
    package_cache_free(cache);
}

static int make_folder(void **state) {
    (void)state;
    temporary_folder_make(&folder);
    snprintf(cache_folder, sizeof cache_folder, "%s/cache", folder.path);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    temporary_folder_remove(&folder);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(added_packages_are_found_by_hash_and_name),
        cmocka_unit_test(held_packages_stay_and_the_least_recently_used_goes),
        cmocka_unit_test(a_malformed_tarball_leaves_nothing),
        cmocka_unit_test(a_cache_begins_empty),
        cmocka_unit_test(threads_share_it_while_packages_come_and_go),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
