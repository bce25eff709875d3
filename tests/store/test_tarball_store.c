/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/hash.h"
#include "lib/base/settings.h"
#include "lib/base/text.h"
#include "lib/store/tarball_store.h"

struct fixture {
    char folder[64];
    char storage[96];
    struct tarball_store *store;
    struct error err;
};

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    snprintf(f->folder, sizeof f->folder, "/tmp/registry-storage-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->storage, sizeof f->storage, "%s/storage", f->folder);
    struct settings settings = {.storage_dir = f->storage};
    assert_int_equal(tarball_store_open(&f->store, &settings, &f->err), STATUS_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    tarball_store_free(f->store);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", f->folder);
    int done = system(command);
    free(f);
    return done;
}

static enum status put(struct fixture *f, const char *bytes) {
    return tarball_store_put(f->store, "prelude", "1.0.0", bytes, strlen(bytes), NULL, &f->err);
}

static void what_was_put_is_found_with_its_hash_and_size(void **state) {
    struct fixture *f = *state;
    struct stored_tarball stored;
    assert_int_equal(tarball_store_look_up(f->store, "prelude", "1.0.0", &stored, NULL, &f->err), STATUS_NOT_FOUND);
    assert_int_equal(put(f, "the tarball"), STATUS_OK);
    assert_int_equal(tarball_store_look_up(f->store, "prelude", "1.0.0", &stored, NULL, &f->err), STATUS_OK);
    char hash[SHA256_SRI_MAX];
    hash_sha256_sri("the tarball", 11, hash);
    assert_string_equal(stored.hash, hash);
    assert_int_equal(stored.size_bytes, 11);
}

static void the_same_again_is_fine_and_another_is_refused(void **state) {
    struct fixture *f = *state;
    assert_int_equal(put(f, "the tarball"), STATUS_OK);
    assert_int_equal(put(f, "the tarball"), STATUS_OK);
    assert_int_equal(put(f, "another one"), STATUS_REFUSED);
    assert_non_null(strstr(f->err.message, "prelude@1.0.0"));
    struct stored_tarball stored;
    assert_int_equal(tarball_store_look_up(f->store, "prelude", "1.0.0", &stored, NULL, &f->err), STATUS_OK);
    assert_int_equal(stored.size_bytes, 11);
    char command[192]; /* and no half-written file is left beside it */
    snprintf(command, sizeof command, "test \"$(ls -A %s/prelude)\" = 1.0.0.tar.gz", f->storage);
    assert_int_equal(system(command), 0);
}

static enum status read_back(struct fixture *f, const char *expected, int64_t size_bytes, struct text *out) {
    char hash[SHA256_SRI_MAX];
    hash_sha256_sri(expected, strlen(expected), hash);
    return tarball_store_read(f->store, "prelude", "1.0.0", hash, size_bytes, out, NULL, &f->err);
}

static void what_differs_from_the_metadata_is_never_handed_out(void **state) {
    struct fixture *f = *state;
    struct text out = {0};
    assert_int_equal(read_back(f, "the tarball", 11, &out), STATUS_NOT_FOUND);
    assert_int_equal(put(f, "the tarball"), STATUS_OK);
    assert_int_equal(read_back(f, "the tarball", 12, &out), STATUS_INTERNAL);
    assert_int_equal(read_back(f, "the tarball", 10, &out), STATUS_INTERNAL);
    assert_int_equal(read_back(f, "the tarbell", 11, &out), STATUS_INTERNAL);
    assert_int_equal(out.length, 0);
    assert_int_equal(read_back(f, "the tarball", 11, &out), STATUS_OK);
    assert_string_equal(text_view(&out), "the tarball");
    text_release(&out);
}

static void what_was_removed_is_gone_and_removing_it_again_is_fine(void **state) {
    struct fixture *f = *state;
    struct stored_tarball stored;
    assert_int_equal(put(f, "the tarball"), STATUS_OK);
    assert_int_equal(tarball_store_remove(f->store, "prelude", "1.0.0", NULL, &f->err), STATUS_OK);
    assert_int_equal(tarball_store_remove(f->store, "prelude", "1.0.0", NULL, &f->err), STATUS_OK);
    assert_int_equal(tarball_store_look_up(f->store, "prelude", "1.0.0", &stored, NULL, &f->err), STATUS_NOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_put_is_found_with_its_hash_and_size, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_same_again_is_fine_and_another_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_differs_from_the_metadata_is_never_handed_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_removed_is_gone_and_removing_it_again_is_fine, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
