/* SPDX-License-Identifier: BSD-3-Clause
 *
 * registryctl storage, the program itself, over a folder and over S3.
 */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "tests/support/s3/s3_server.h"
#include "tests/support/shell.h"
#include "tests/support/temporary_folder.h"

static struct temporary_folder folder;
static struct arena arena;

static int set_up(void **state) {
    (void)state;
    temporary_folder_make(&folder);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    temporary_folder_remove(&folder);
    arena_release(&arena);
    return 0;
}

/* The command's output, with its exit status in a line after it. */
static const char *storage(const char *environment, const char *arguments) {
    return shell_output(&arena, "cd %s && STATE_DIR=state %s " BUILD_DIR "/bin/registryctl storage %s 2>&1; echo $?",
                        folder.path, environment, arguments);
}

static const char *s3_environment(struct s3_server *server, const char *secret) {
    return arena_format(&arena,
                        "SPACES_KEY=" S3_SERVER_KEY
                        " SPACES_SECRET='%s' S3_BUCKET_URL=%s S3_API_URL=%s S3_BUCKET=" S3_SERVER_BUCKET
                        " S3_REGION=" S3_SERVER_REGION,
                        secret, s3_server_url(server), s3_server_public_url(server));
}

static void a_folder_is_looked_at_written_to_and_listed(void **state) {
    (void)state;
    assert_string_equal(storage("", ""), "Storage in the folder state/storage: it is accessible.\n0\n");
    assert_string_equal(storage("", "--write"),
                        "Storage in the folder state/storage: stored, read and removed an object.\n0\n");
    temporary_folder_write(&folder, "state/storage/prelude/6.0.1.tar.gz", "x");
    temporary_folder_write(&folder, "state/storage/prelude/6.0.0.tar.gz", "x");
    assert_string_equal(storage("", "prelude"), "6.0.0\n6.0.1\n0\n");
    assert_string_equal(storage("", "nothing"), "0\n");
    assert_non_null(strstr(storage("READONLY=true", "--write"), "READONLY"));
}

static void a_bucket_is_looked_at_written_to_and_listed(void **state) {
    (void)state;
    struct s3_server *server = s3_server_start();
    const char *environment = s3_environment(server, S3_SERVER_SECRET);
    assert_string_equal(storage(environment, ""), "Storage on S3, in the bucket " S3_SERVER_BUCKET ": it is accessible.\n0\n");
    assert_int_equal(s3_server_count(server, S3_PUT), 0);
    assert_string_equal(storage(environment, "--write"),
                        "Storage on S3, in the bucket " S3_SERVER_BUCKET ": stored, read and removed an object.\n0\n");
    assert_int_equal(s3_server_count(server, S3_PUT), 1);
    assert_int_equal(s3_server_object_count(server), 0);
    s3_server_write_object(server, "prelude/6.0.0.tar.gz", "x", 1);
    assert_string_equal(storage(environment, "prelude"), "6.0.0\n0\n");
    s3_server_stop(server);
}

static void faults_of_a_bucket_are_reported(void **state) {
    (void)state;
    struct s3_server *server = s3_server_start();
    const char *said = storage(s3_environment(server, "another secret"), "");
    assert_non_null(strstr(said, "SPACES_SECRET"));
    assert_true(text_ends_with(said, "\n1\n"));
    s3_server_forbid(server, S3_PUT); /* found only by trying to write */
    assert_true(text_ends_with(storage(s3_environment(server, S3_SERVER_SECRET), ""), "\n0\n"));
    said = storage(s3_environment(server, S3_SERVER_SECRET), "--write");
    assert_non_null(strstr(said, "AccessDenied"));
    assert_true(text_ends_with(said, "\n1\n"));
    s3_server_stop(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_folder_is_looked_at_written_to_and_listed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bucket_is_looked_at_written_to_and_listed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(faults_of_a_bucket_are_reported, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
