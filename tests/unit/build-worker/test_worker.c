/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A build worker and a stub of build-matrix: the messages that the worker sends and when, its reaction to each answer, and
 * tarballs that cannot be downloaded. Whole workers: tests/flow/matrix/.
 */
#include "tests/unit/build-worker/worker_scene.h"

/* ---- Joining, building, leaving ---- */

static void it_joins_with_its_compilers_and_leaves_when_it_stops(void **state) {
    (void)state;
    await_more(&matrix.asks, 2 * SLOTS);
    await_event("join 0.15.15 slots=2 program=" REGISTRY_VERSION "\n");
    stop_worker(0);
    assert_true(has(&matrix.events, "leave busy=0\nleave busy=0\n")); /* once for the worker's start, once for its end */
}

static void it_joins_again_where_the_service_does_not_know_it(void **state) {
    (void)state;
    await_event("join ");
    pthread_mutex_lock(&matrix.mutex);
    text_clear(&matrix.events);
    matrix.is_joined = false; /* the service has started again */
    pthread_mutex_unlock(&matrix.mutex);
    await_event("join ");
}

static void a_job_is_built_from_its_tarball_and_its_log_comes_with_its_end(void **state) {
    (void)state;
    give_package(JOB, "good", "module A where\n");
    await_event("end " JOB " succeeded ");
    assert_true(has(&matrix.lines, "INFO Compiled the package's 1 module with compiler 0.15.15"));
    assert_int_equal(s3_server_count(storage, S3_DOWNLOAD), 1);
    give_package(OTHER_JOB, "good", "module A where\n");
    await_event("end " OTHER_JOB " succeeded ");
    assert_true(has(&matrix.lines, "INFO The same build is in the build store."));
    assert_int_equal(s3_server_count(storage, S3_DOWNLOAD), 1);
}

/* ---- The service's answers ---- */

static void an_end_is_sent_again_until_it_is_taken(void **state) {
    (void)state;
    refuse_next_end(STATUS_UNAVAILABLE);
    give_package(JOB, "good", "module A where\n");
    await_event("end " JOB " succeeded ");
    assert_true(has(&matrix.events, "refused " JOB " succeeded "));
    assert_true(has(&matrix.lines, "INFO Compiled the package's 1 module"));
}

static void an_end_that_comes_too_late_is_dropped(void **state) {
    (void)state;
    refuse_next_end(STATUS_STALE);
    give_package(JOB, "good", "module A where\n");
    await_event("refused " JOB " succeeded ");
    give_package(OTHER_JOB, "other", "module B where\n");
    await_event("end " OTHER_JOB " succeeded ");
    assert_false(has(&matrix.events, "end " JOB));
}

static void a_job_that_another_has_is_built_no_further(void **state) {
    (void)state;
    give_endless();
    pthread_mutex_lock(&matrix.mutex);
    matrix.lost = JOB;
    pthread_mutex_unlock(&matrix.mutex);
    await_leases(0);
    stop_worker(LONG_MS); /* would wait for a running build */
    assert_false(has(&matrix.events, "end "));
    assert_false(has(&matrix.events, "return "));
}

static void work_that_cannot_be_read_is_passed_over(void **state) {
    (void)state;
    give_order(&(struct work_order){.downloads = s3_server_public_url(storage)}); /* without jobs */
    for (int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;; poll(NULL, 0, 5)) {
        pthread_mutex_lock(&matrix.mutex);
        bool is_taken = matrix.work.length == 0;
        pthread_mutex_unlock(&matrix.mutex);
        if (is_taken) break;
        if (clock_monotonic_ms() > until_ms) fail_msg("Nobody asks.");
    }
    give_package(JOB, "good", "module A where\n");
    await_event("end " JOB " succeeded ");
}

/* ---- Stopping ---- */

static void a_build_is_given_back_when_the_time_of_the_drain_is_over(void **state) {
    (void)state;
    give_endless();
    stop_worker(0);
    assert_true(has(&matrix.events, "leave busy=1\nreturn " JOB "\nleave busy=0\n"));
    assert_false(has(&matrix.events, "end "));
}

static void giving_up_ends_a_drain_at_once(void **state) {
    (void)state;
    give_endless();
    worker_give_up(worker);
    stop_worker(LONG_MS); /* less than the build takes, and more than the test's limit */
    assert_true(has(&matrix.events, "return " JOB));
    assert_true(has(&matrix.lines, "WARN Handed back by the build worker without a build: "));
}

static void a_build_that_ends_within_it_is_sent(void **state) {
    (void)state;
    give_package(JOB, "brief", "-- stand-in: sleep 300\nmodule A where\n");
    await_leases(1);
    stop_worker(LONG_MS);
    assert_true(has(&matrix.events, "leave busy=1\nend " JOB " succeeded "));
}

/* ---- Tarballs ---- */

static void a_tarball_that_is_missing_among_others_fails_the_job(void **state) {
    (void)state;
    const struct build_package other = store_package("other", "module B where\n");
    const struct build_package package = {"gone", {1, 0, 0}, other.hash, other.size_bytes, NULL, 0};
    give(JOB, &package, &other);
    await_event("end " JOB " dependency_missing ");
    assert_true(has(&matrix.events, "gone@1.0.0"));
}

static void where_there_is_no_tarball_at_all_the_job_is_given_back(void **state) {
    (void)state;
    const struct build_package package = {"gone", {1, 0, 0}, "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", 9, NULL, 0};
    give(JOB, &package, NULL);
    await_event("return " JOB);
    assert_true(has(&matrix.lines, "The other tarballs are missing, too: check BUILD_DOWNLOAD_URL and what is stored there."));
}

static void a_tarball_that_is_not_the_one_of_the_metadata_is_not_built(void **state) {
    (void)state;
    const struct build_package other = store_package("other", "module B where\n");
    struct build_package package = store_package("changed", "module A where\n");
    package.hash = other.hash;
    give(JOB, &package, &other);
    await_event("end " JOB " dependency_missing ");
    assert_true(has(&matrix.events, "in storage does not match the metadata"));
    package = store_package("longer", "module A where\n");
    package.size_bytes--;
    give(OTHER_JOB, &package, &other);
    await_event("end " OTHER_JOB " dependency_missing ");
}

static void storage_that_answers_nothing_definite_says_nothing_about_a_package(void **state) {
    enum { TRIES = 4 };
    (void)state;
    const struct build_package other = store_package("other", "module B where\n");
    const struct build_package package = store_package("good", "module A where\n");
    s3_server_plan_fault(storage, &(struct s3_fault_plan){S3_DOWNLOAD, 0, TRIES, S3_FAULT_STATUS, 500});
    give(JOB, &package, &other); /* which can be downloaded again */
    await_event("return " JOB);
    assert_int_equal(s3_server_count(storage, S3_DOWNLOAD), TRIES);
    assert_true(has(&matrix.lines, "WARN Handed back by the build worker without a build: "));
    give(OTHER_JOB, &package, &other);
    await_event("end " OTHER_JOB " succeeded ");
}

/* ---- Settings and metrics ---- */

static void it_does_not_start_with_an_open_address_and_no_key(void **state) {
    struct error err;
    (void)state;
    const char *const own = settings.build_worker_address;
    settings.build_worker_address = (char *)"tcp://192.0.2.1:9100";
    assert_int_equal(worker_start(&worker, &settings, &environment, &err), STATUS_INVALID);
    assert_non_null(strstr(err.message, "BUILD_WORKER_KEY"));
    settings.build_worker_address = (char *)own;
    worker = NULL;
}

static void builds_and_downloads_are_counted(void **state) {
    struct metrics *metrics = metrics_create();
    struct text text = {0};
    (void)state;
    give_package(JOB, "good", "module A where\n");
    await_event("end " JOB " succeeded ");
    build_environment_measure(&environment, metrics);
    metrics_append_prometheus(&text, metrics);
    assert_non_null(strstr(text_view(&text), "registry_builds_total{verdict=\"succeeded\"} 1\n"));
    assert_non_null(strstr(text_view(&text), "registry_modules_compiled_total 1\n"));
    assert_non_null(strstr(text_view(&text), "registry_build_packages_added_total 1\n"));
    assert_non_null(strstr(text_view(&text), BUILD_METRIC_DISK_FULL "{setting=\"BUILD_DIR\"} 0\n"));
    text_release(&text);
    metrics_free(metrics);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        worker_test(it_joins_with_its_compilers_and_leaves_when_it_stops),
        worker_test(it_joins_again_where_the_service_does_not_know_it),
        worker_test(a_job_is_built_from_its_tarball_and_its_log_comes_with_its_end),
        worker_test(an_end_is_sent_again_until_it_is_taken),
        worker_test(an_end_that_comes_too_late_is_dropped),
        worker_test(a_job_that_another_has_is_built_no_further),
        worker_test(work_that_cannot_be_read_is_passed_over),
        worker_test(a_build_is_given_back_when_the_time_of_the_drain_is_over),
        worker_test(giving_up_ends_a_drain_at_once),
        worker_test(a_build_that_ends_within_it_is_sent),
        worker_test(a_tarball_that_is_missing_among_others_fails_the_job),
        worker_test(where_there_is_no_tarball_at_all_the_job_is_given_back),
        worker_test(a_tarball_that_is_not_the_one_of_the_metadata_is_not_built),
        worker_test(storage_that_answers_nothing_definite_says_nothing_about_a_package),
        cmocka_unit_test_setup_teardown(it_does_not_start_with_an_open_address_and_no_key, set_up, tear_down),
        worker_test(builds_and_downloads_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
