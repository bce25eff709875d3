/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Tarballs on S3 beyond the contract (test_tarball_store.c): where downloads come from, objects that are never overwritten, and
 * servers that answer wrongly, late or not at all.
 */
#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/settings.h"
#include "lib/base/text.h"
#include "lib/store/tarball/tarball_store.h"
#include "tests/support/s3/s3_server.h"

static const char object[] = "prelude/1.0.0.tar.gz";

struct fixture {
    struct s3_server *server;
    struct settings settings;
    struct tarball_store *store;
    struct error err;
};

static enum status open_store(struct fixture *f) {
    tarball_store_free(f->store);
    f->store = NULL;
    return tarball_store_open(&f->store, &f->settings, &f->err);
}

static void set_text(char **setting, const char *value) {
    free(*setting);
    *setting = value ? memory_copy_text(value) : NULL;
}

static int set_up(void **state) {
    struct fixture *f = memory_alloc(sizeof *f);
    f->server = s3_server_start();
    f->settings = (struct settings){.spaces_key = S3_SERVER_KEY, .spaces_secret = S3_SERVER_SECRET, .s3_timeout_ms = 20000};
    set_text(&f->settings.s3_bucket_url, s3_server_url(f->server));
    set_text(&f->settings.s3_api_url, s3_server_public_url(f->server));
    set_text(&f->settings.s3_bucket, S3_SERVER_BUCKET);
    set_text(&f->settings.s3_region, S3_SERVER_REGION);
    assert_int_equal(open_store(f), STATUS_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    tarball_store_free(f->store);
    s3_server_stop(f->server);
    settings_release(&f->settings);
    free(f);
    return 0;
}

static enum status put(struct fixture *f, const char *bytes) {
    return tarball_store_put(f->store, "prelude", "1.0.0", bytes, strlen(bytes), NULL, &f->err);
}

/* Reads "the tarball" back, with the size and hash in the metadata. */
static enum status read_back(struct fixture *f, struct deadline *deadline) {
    struct text out = {0};
    char hash[SHA256_SRI_MAX];
    hash_sha256_sri("the tarball", 11, hash);
    enum status status = tarball_store_read(f->store, "prelude", "1.0.0", hash, 11, &out, deadline, &f->err);
    assert_string_equal(text_view(&out), status ? "" : "the tarball");
    text_release(&out);
    return status;
}

static void fail_next(struct fixture *f, int kinds, size_t count, enum s3_fault fault, int number) {
    struct s3_fault_plan plan = {.kinds = kinds, .count = count, .fault = fault, .number = number};
    s3_server_plan_fault(f->server, &plan);
}

/* ---- Where downloads come from ---- */

static void downloads_are_anonymous_from_the_public_base(void **state) {
    struct fixture *f = *state;
    assert_int_equal(put(f, "the tarball"), STATUS_OK);
    size_t signed_before = s3_server_count(f->server, S3_GET);
    assert_int_equal(read_back(f, NULL), STATUS_OK);
    assert_int_equal(s3_server_count(f->server, S3_DOWNLOAD), 1);
    assert_int_equal(s3_server_count(f->server, S3_GET), signed_before);
}

static void without_a_public_base_they_come_from_the_bucket(void **state) {
    struct fixture *f = *state;
    set_text(&f->settings.s3_api_url, NULL);
    assert_int_equal(open_store(f), STATUS_OK);
    assert_int_equal(put(f, "the tarball"), STATUS_OK);
    assert_int_equal(read_back(f, NULL), STATUS_OK);
    assert_int_equal(s3_server_count(f->server, S3_DOWNLOAD), 0);
}

static void where_the_public_base_is_wrong_the_bucket_is_asked(void **state) {
    struct fixture *f = *state;
    assert_int_equal(put(f, "the tarball"), STATUS_OK);
    static const struct {
        enum s3_fault fault;
        int number;
    } faults[] = {{S3_FAULT_CHANGE, 0}, {S3_FAULT_STATUS, 404}, {S3_FAULT_STATUS, 503}, {S3_FAULT_DROP, 0}};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        fail_next(f, S3_DOWNLOAD, SIZE_MAX, faults[i].fault, faults[i].number);
        size_t before = s3_server_count(f->server, S3_GET);
        assert_int_equal(read_back(f, NULL), STATUS_OK);
        assert_int_equal(s3_server_count(f->server, S3_GET), before + 1);
        s3_server_clear_faults(f->server);
    }
    set_text(&f->settings.s3_api_url, "http://127.0.0.1:1/nobody-there");
    assert_int_equal(open_store(f), STATUS_OK);
    assert_int_equal(read_back(f, NULL), STATUS_OK);
}

static void a_tarball_wrong_at_both_addresses_is_never_returned(void **state) {
    struct fixture *f = *state;
    s3_server_write_object(f->server, object, "the tarbell", 11);
    assert_int_equal(read_back(f, NULL), STATUS_INTERNAL);
    s3_server_write_object(f->server, object, "the tarball, and more", 21);
    assert_int_equal(read_back(f, NULL), STATUS_INTERNAL);
    s3_server_write_object(f->server, object, "", 0);
    assert_int_equal(read_back(f, NULL), STATUS_INTERNAL);
}

static void a_truncated_download_is_tried_again(void **state) {
    struct fixture *f = *state;
    assert_int_equal(put(f, "the tarball"), STATUS_OK);
    fail_next(f, S3_DOWNLOAD, 1, S3_FAULT_TRUNCATE, 0);
    assert_int_equal(read_back(f, NULL), STATUS_OK);
    assert_int_equal(s3_server_count(f->server, S3_DOWNLOAD), 2);
}

/* ---- Writing ---- */

static void an_object_with_other_bytes_is_not_written_over(void **state) {
    struct fixture *f = *state;
    struct text there = {0};
    s3_server_write_object(f->server, object, "somebody else's", 15);
    assert_int_equal(put(f, "the tarball"), STATUS_REFUSED);
    assert_int_equal(s3_server_count(f->server, S3_PUT), 0);
    assert_true(s3_server_read_object(f->server, object, &there));
    assert_string_equal(text_view(&there), "somebody else's");
    text_release(&there);
}

/* If the existing object cannot be read, nothing is written. */
static void without_an_answer_to_the_look_nothing_is_written(void **state) {
    struct fixture *f = *state;
    fail_next(f, S3_GET, SIZE_MAX, S3_FAULT_STATUS, 500);
    assert_int_equal(put(f, "the tarball"), STATUS_UNAVAILABLE);
    assert_int_equal(s3_server_count(f->server, S3_PUT), 0);
}

static void an_upload_whose_answer_is_lost_is_done_again(void **state) {
    struct fixture *f = *state;
    fail_next(f, S3_PUT, 1, S3_FAULT_LOSE, 0);
    assert_int_equal(put(f, "the tarball"), STATUS_OK);
    assert_int_equal(s3_server_count(f->server, S3_PUT), 2);
    assert_int_equal(s3_server_object_count(f->server), 1);
    assert_int_equal(read_back(f, NULL), STATUS_OK);
}

static void temporary_failures_are_waited_for(void **state) {
    struct fixture *f = *state;
    static const struct {
        enum s3_fault fault;
        int number;
    } faults[] = {{S3_FAULT_STATUS, 503}, {S3_FAULT_STATUS, 500}, {S3_FAULT_STATUS, 429}, {S3_FAULT_DROP, 0}};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        fail_next(f, S3_ANY, 2, faults[i].fault, faults[i].number);
        assert_int_equal(put(f, "the tarball"), STATUS_OK);
        fail_next(f, S3_ANY, 2, faults[i].fault, faults[i].number);
        assert_int_equal(tarball_store_remove(f->store, "prelude", "1.0.0", NULL, &f->err), STATUS_OK);
    }
    assert_int_equal(s3_server_object_count(f->server), 0);
}

static void an_upload_ends_with_its_deadline(void **state) {
    struct fixture *f = *state;
    struct deadline deadline;
    int64_t start_ms = clock_monotonic_ms();
    fail_next(f, S3_PUT, SIZE_MAX, S3_FAULT_HANG, 0);
    deadline_start(&deadline, 300);
    assert_int_equal(tarball_store_put(f->store, "prelude", "1.0.0", "x", 1, &deadline, &f->err), STATUS_TIMEOUT);
    assert_non_null(strstr(f->err.message, "S3"));
    assert_true(clock_monotonic_ms() - start_ms < 20000); /* which a single attempt would take */
}

/* ---- Messages for operators ---- */

static void a_new_key_is_used_from_then_on(void **state) {
    struct fixture *f = *state;
    s3_server_set_secret(f->server, "the secret that came after it");
    assert_int_equal(tarball_store_check(f->store, NULL, &f->err), STATUS_UNAVAILABLE);
    assert_non_null(strstr(f->err.message, "SPACES_SECRET"));
    assert_null(strstr(f->err.message, S3_SERVER_SECRET));
    tarball_store_set_key(f->store, S3_SERVER_KEY, "the secret that came after it");
    assert_int_equal(tarball_store_check(f->store, NULL, &f->err), STATUS_OK);
}

static void settings_that_do_not_go_together_are_named(void **state) {
    struct fixture *f = *state;
    f->settings.spaces_secret = NULL;
    assert_int_equal(open_store(f), STATUS_INVALID);
    assert_string_equal(f->err.path, "SPACES_SECRET");
    f->settings.spaces_secret = S3_SERVER_SECRET;
    f->settings.spaces_key = NULL;
    assert_int_equal(open_store(f), STATUS_INVALID);
    assert_string_equal(f->err.path, "SPACES_KEY");
    f->settings.spaces_key = S3_SERVER_KEY;
    set_text(&f->settings.s3_bucket_url, "http://localhost/" S3_SERVER_BUCKET);
    assert_int_equal(open_store(f), STATUS_INVALID);
    assert_string_equal(f->err.path, "S3_BUCKET_URL");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(downloads_are_anonymous_from_the_public_base, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_public_base_they_come_from_the_bucket, set_up, tear_down),
        cmocka_unit_test_setup_teardown(where_the_public_base_is_wrong_the_bucket_is_asked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_tarball_wrong_at_both_addresses_is_never_returned, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_truncated_download_is_tried_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_object_with_other_bytes_is_not_written_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_an_answer_to_the_look_nothing_is_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_upload_whose_answer_is_lost_is_done_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(temporary_failures_are_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_upload_ends_with_its_deadline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_key_is_used_from_then_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(settings_that_do_not_go_together_are_named, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
