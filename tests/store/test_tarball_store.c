/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The contract of lib/store/tarball/tarball_store.h, the same for every place that tarballs are kept in: each test runs over a
 * folder and over S3. The differences are tested by test_tarball_folder.c and test_tarball_s3.c.
 */
#include "tests/support/cmocka_all.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/settings.h"
#include "lib/base/text.h"
#include "lib/store/tarball/tarball_store.h"
#include "tests/support/s3/s3_server.h"
#include "tests/support/temporary_folder.h"

struct fixture {
    struct temporary_folder folder;
    struct s3_server *server; /* NULL: a folder is tested */
    struct settings settings;
    struct tarball_store *store;
    char name[64]; /* of a package; another one in each test, since objects may outlive an S3 server that only forwards */
    struct error err;
};

static struct fixture *create_fixture(void) {
    struct fixture *f = memory_alloc(sizeof *f);
    char unique[UUID_TEXT_MAX];
    hash_random_uuid(unique);
    snprintf(f->name, sizeof f->name, "prelude-%s", unique);
    temporary_folder_make(&f->folder);
    return f;
}

static int set_up_folder(void **state) {
    struct fixture *f = create_fixture();
    f->settings = (struct settings){.storage_dir = f->folder.path};
    assert_int_equal(tarball_store_open(&f->store, &f->settings, &f->err), STATUS_OK);
    *state = f;
    return 0;
}

static int set_up_s3(void **state) {
    struct fixture *f = create_fixture();
    f->server = s3_server_start();
    f->settings = (struct settings){
        .spaces_key = S3_SERVER_KEY,
        .spaces_secret = S3_SERVER_SECRET,
        .s3_bucket_url = memory_copy_text(s3_server_url(f->server)),
        .s3_api_url = memory_copy_text(s3_server_public_url(f->server)),
        .s3_bucket = memory_copy_text(S3_SERVER_BUCKET),
        .s3_region = memory_copy_text(S3_SERVER_REGION),
        .s3_timeout_ms = 20000,
    };
    assert_int_equal(tarball_store_open(&f->store, &f->settings, &f->err), STATUS_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    tarball_store_free(f->store);
    s3_server_stop(f->server);
    if (!f->server) f->settings.storage_dir = NULL; /* static, not from the settings */
    settings_release(&f->settings);
    temporary_folder_remove(&f->folder);
    free(f);
    return 0;
}

static enum status put(struct fixture *f, const char *version, const char *bytes) {
    return tarball_store_put(f->store, f->name, version, bytes, strlen(bytes), NULL, &f->err);
}

static enum status read_back(struct fixture *f, const char *expected, int64_t size_bytes, struct text *out) {
    char hash[SHA256_SRI_MAX];
    hash_sha256_sri(expected, strlen(expected), hash);
    return tarball_store_read(f->store, f->name, "1.0.0", hash, size_bytes, out, NULL, &f->err);
}

static void stored_objects_are_found_with_hash_and_size(void **state) {
    struct fixture *f = *state;
    struct stored_tarball stored;
    assert_int_equal(tarball_store_look_up(f->store, f->name, "1.0.0", &stored, NULL, &f->err), STATUS_NOT_FOUND);
    assert_int_equal(put(f, "1.0.0", "the tarball"), STATUS_OK);
    assert_int_equal(tarball_store_look_up(f->store, f->name, "1.0.0", &stored, NULL, &f->err), STATUS_OK);
    char hash[SHA256_SRI_MAX];
    hash_sha256_sri("the tarball", 11, hash);
    assert_string_equal(stored.hash, hash);
    assert_int_equal(stored.size_bytes, 11);
}

static void the_same_again_is_fine_and_another_is_refused(void **state) {
    struct fixture *f = *state;
    assert_int_equal(put(f, "1.0.0", "the tarball"), STATUS_OK);
    assert_int_equal(put(f, "1.0.0", "the tarball"), STATUS_OK);
    assert_int_equal(put(f, "1.0.0", "another one"), STATUS_REFUSED);
    assert_non_null(strstr(f->err.message, "@1.0.0"));
    struct text out = {0};
    assert_int_equal(read_back(f, "the tarball", 11, &out), STATUS_OK);
    text_release(&out);
}

static void a_tarball_that_differs_from_the_metadata_is_never_returned(void **state) {
    struct fixture *f = *state;
    struct text out = {0};
    text_append(&out, "before, ");
    assert_int_equal(read_back(f, "the tarball", 11, &out), STATUS_NOT_FOUND);
    assert_int_equal(put(f, "1.0.0", "the tarball"), STATUS_OK);
    assert_int_equal(read_back(f, "the tarball", 12, &out), STATUS_INTERNAL);
    assert_int_equal(read_back(f, "the tarball", 10, &out), STATUS_INTERNAL);
    assert_int_equal(read_back(f, "the tarbell", 11, &out), STATUS_INTERNAL);
    assert_non_null(strstr(f->err.message, "/1.0.0.tar.gz"));
    assert_string_equal(text_view(&out), "before, ");
    assert_int_equal(read_back(f, "the tarball", 11, &out), STATUS_OK);
    assert_string_equal(text_view(&out), "before, the tarball");
    text_release(&out);
}

static void bytes_of_any_kind_and_number_come_back_as_they_were(void **state) {
    struct fixture *f = *state;
    enum { LARGE = 3 << 20 }; /* more than curl sends without "Expect: 100-continue" */
    static const size_t lengths[] = {0, 1, LARGE};
    unsigned char *bytes = memory_alloc(LARGE);
    for (size_t i = 0; i < LARGE; i++)
        bytes[i] = (unsigned char)(i * 31 + i / 257);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char version[16], hash[SHA256_SRI_MAX];
        struct text out = {0};
        snprintf(version, sizeof version, "%zu.0.0", i);
        hash_sha256_sri(bytes, lengths[i], hash);
        assert_int_equal(tarball_store_put(f->store, f->name, version, bytes, lengths[i], NULL, &f->err), STATUS_OK);
        assert_int_equal(tarball_store_read(f->store, f->name, version, hash, (int64_t)lengths[i], &out, NULL, &f->err),
                         STATUS_OK);
        assert_int_equal(out.length, lengths[i]);
        assert_memory_equal(text_view(&out), bytes, lengths[i]);
        text_release(&out);
    }
    free(bytes);
}

static void removed_objects_are_gone_and_can_be_removed_again(void **state) {
    struct fixture *f = *state;
    struct stored_tarball stored;
    assert_int_equal(put(f, "1.0.0", "the tarball"), STATUS_OK);
    assert_int_equal(tarball_store_remove(f->store, f->name, "1.0.0", NULL, &f->err), STATUS_OK);
    assert_int_equal(tarball_store_remove(f->store, f->name, "1.0.0", NULL, &f->err), STATUS_OK);
    assert_int_equal(tarball_store_look_up(f->store, f->name, "1.0.0", &stored, NULL, &f->err), STATUS_NOT_FOUND);
    assert_int_equal(put(f, "1.0.0", "another one"), STATUS_OK); /* and its name is free again */
}

static void the_versions_of_one_package_are_listed(void **state) {
    struct fixture *f = *state;
    struct arena arena = {0};
    struct stored_versions versions;
    assert_int_equal(tarball_store_list(f->store, f->name, &arena, &versions, NULL, &f->err), STATUS_OK);
    assert_int_equal(versions.count, 0);
    static const char *const stored[] = {"2.0.0", "10.0.0", "1.2.3"};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(put(f, stored[i], "the tarball"), STATUS_OK);
    char longer[80]; /* a name with the same beginning */
    snprintf(longer, sizeof longer, "%s-more", f->name);
    assert_int_equal(tarball_store_put(f->store, longer, "3.0.0", "x", 1, NULL, &f->err), STATUS_OK);
    assert_int_equal(tarball_store_list(f->store, f->name, &arena, &versions, NULL, &f->err), STATUS_OK);
    assert_int_equal(versions.count, 3);
    assert_string_equal(versions.items[0], "1.2.3");
    assert_string_equal(versions.items[1], "10.0.0");
    assert_string_equal(versions.items[2], "2.0.0");
    arena_release(&arena);
}

static void nothing_is_done_when_time_is_up(void **state) {
    struct fixture *f = *state;
    struct deadline over;
    struct stored_tarball stored;
    struct stored_versions versions;
    struct arena arena = {0};
    struct text out = {0};
    deadline_start(&over, 0);
    assert_int_equal(tarball_store_put(f->store, f->name, "1.0.0", "x", 1, &over, &f->err), STATUS_TIMEOUT);
    assert_int_equal(tarball_store_look_up(f->store, f->name, "1.0.0", &stored, NULL, &f->err), STATUS_NOT_FOUND);
    assert_int_equal(put(f, "1.0.0", "the tarball"), STATUS_OK);
    deadline_start(&over, 100000);
    deadline_cancel(&over, STATUS_STALE);
    assert_int_equal(tarball_store_remove(f->store, f->name, "1.0.0", &over, &f->err), STATUS_STALE);
    assert_int_equal(tarball_store_look_up(f->store, f->name, "1.0.0", &stored, &over, &f->err), STATUS_STALE);
    assert_int_equal(tarball_store_list(f->store, f->name, &arena, &versions, &over, &f->err), STATUS_STALE);
    assert_int_equal(tarball_store_check(f->store, &over, &f->err), STATUS_STALE);
    assert_int_equal(tarball_store_read(f->store, f->name, "1.0.0", stored.hash, 11, &out, &over, &f->err), STATUS_STALE);
    assert_int_equal(read_back(f, "the tarball", 11, &out), STATUS_OK);
    text_release(&out);
    arena_release(&arena);
}

static void with_readonly_nothing_is_written_and_all_is_readable(void **state) {
    struct fixture *f = *state;
    struct stored_tarball stored;
    assert_int_equal(put(f, "1.0.0", "the tarball"), STATUS_OK);
    tarball_store_free(f->store);
    f->store = NULL;
    f->settings.readonly = true;
    assert_int_equal(tarball_store_open(&f->store, &f->settings, &f->err), STATUS_OK);
    assert_int_equal(put(f, "2.0.0", "the tarball"), STATUS_FORBIDDEN);
    assert_int_equal(tarball_store_remove(f->store, f->name, "1.0.0", NULL, &f->err), STATUS_FORBIDDEN);
    assert_non_null(strstr(f->err.message, "READONLY"));
    assert_int_equal(tarball_store_look_up(f->store, f->name, "1.0.0", &stored, NULL, &f->err), STATUS_OK);
    assert_int_equal(tarball_store_look_up(f->store, f->name, "2.0.0", &stored, NULL, &f->err), STATUS_NOT_FOUND);
}

static void storage_that_is_there_is_fine(void **state) {
    struct fixture *f = *state;
    assert_int_equal(tarball_store_check(f->store, NULL, &f->err), STATUS_OK);
}

struct user {
    struct fixture *f;
    int number;
    bool went_well;
};

static void *put_and_read(void *argument) {
    struct user *user = argument;
    struct error err;
    user->went_well = true;
    for (int i = 0; i < 5 && user->went_well; i++) {
        char version[32], bytes[64], hash[SHA256_SRI_MAX];
        struct text out = {0};
        snprintf(version, sizeof version, "%d.%d.0", user->number, i);
        int length = snprintf(bytes, sizeof bytes, "the tarball of %s", version);
        hash_sha256_sri(bytes, (size_t)length, hash);
        user->went_well = !tarball_store_put(user->f->store, user->f->name, version, bytes, (size_t)length, NULL, &err) &&
                          !tarball_store_read(user->f->store, user->f->name, version, hash, length, &out, NULL, &err) &&
                          strcmp(text_view(&out), bytes) == 0;
        text_release(&out);
    }
    return NULL;
}

static void several_threads_may_use_it_at_once(void **state) {
    enum { THREADS = 4 };
    struct fixture *f = *state;
    pthread_t threads[THREADS];
    struct user users[THREADS];
    for (int i = 0; i < THREADS; i++) {
        users[i] = (struct user){f, i, false};
        assert_int_equal(pthread_create(&threads[i], NULL, put_and_read, &users[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_true(users[i].went_well);
    }
}

static void the_address_is_where_everyone_gets_it(void **state) {
    (void)state;
    static const struct {
        const char *public_base, *key, *endpoint;
        bool is_virtual_host;
        const char *address;
        bool is_public;
    } rows[] = {
        {NULL, NULL, "https://s3.example.org", false, "/aff/1.0.0.tar.gz", false},
        {"https://packages.example.org/a//", NULL, "https://s3.example.org", false,
         "https://packages.example.org/a/aff/1.0.0.tar.gz", true},
        {"http://cache:8080", "key", "https://s3.example.org", true, "http://cache:8080/aff/1.0.0.tar.gz", true},
        {NULL, "key", "https://s3.example.org", false, "https://s3.example.org/bucket/aff/1.0.0.tar.gz", true},
        {NULL, "key", "http://s3.example.org:9000/", true, "http://bucket.s3.example.org:9000/aff/1.0.0.tar.gz", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct settings settings = {.s3_api_url = (char *)rows[i].public_base,
                                    .spaces_key = rows[i].key,
                                    .s3_bucket_url = (char *)rows[i].endpoint,
                                    .s3_bucket = (char *)"bucket",
                                    .s3_virtual_host = rows[i].is_virtual_host};
        struct text address = {0};
        assert_int_equal(tarball_store_append_address(&address, &settings, "aff", "1.0.0"), rows[i].is_public);
        assert_string_equal(text_view(&address), rows[i].address);
        text_release(&address);
    }
}

#define OVER_EACH(test)                                                                                                        \
    {"folder: " #test, test, set_up_folder, tear_down, NULL}, {                                                                \
        "s3: " #test, test, set_up_s3, tear_down, NULL                                                                         \
    }

int main(void) {
    const struct CMUnitTest tests[] = {
        OVER_EACH(stored_objects_are_found_with_hash_and_size),
        OVER_EACH(the_same_again_is_fine_and_another_is_refused),
        OVER_EACH(a_tarball_that_differs_from_the_metadata_is_never_returned),
        OVER_EACH(bytes_of_any_kind_and_number_come_back_as_they_were),
        OVER_EACH(removed_objects_are_gone_and_can_be_removed_again),
        OVER_EACH(the_versions_of_one_package_are_listed),
        OVER_EACH(nothing_is_done_when_time_is_up),
        OVER_EACH(with_readonly_nothing_is_written_and_all_is_readable),
        OVER_EACH(storage_that_is_there_is_fine),
        OVER_EACH(several_threads_may_use_it_at_once),
        cmocka_unit_test(the_address_is_where_everyone_gets_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
