/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Effects of a job's end: one event for the build matrix, delivered until it is acknowledged; none after a failure. And
 * READONLY, under which a job succeeds without effects.
 */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/store/redis/events.h"
#include "tests/support/registry_check.h"
#include "tests/support/shell.h"

enum { STORE_TIMEOUT_MS = 60000 };

struct listener {
    struct job_store *store;
    struct arena arena;
    struct error err;
};

static void listener_init(struct listener *listener, const struct server *server) {
    *listener = (struct listener){0};
    if (job_store_create(&listener->store, redis_server_url(server->redis), STORE_TIMEOUT_MS, &listener->err))
        fail_msg("%s", listener->err.message);
}

static void listener_release(struct listener *listener) {
    job_store_free(listener->store);
    arena_release(&listener->arena);
}

/* Reads as the build matrix does. Events taken by another consumer count as lost at once. */
static size_t read_events(struct listener *listener, const char *consumer, struct event **events) {
    size_t count = 0;
    if (events_read(listener->store, &(struct event_consumer){"build-matrix", consumer, 0}, 0, 10, &listener->arena, events,
                    &count, &listener->err))
        fail_msg("%s", listener->err.message);
    return count;
}

/* A server whose build matrix does not read the events. */
static struct server *start_without_listener(const struct server_options *options) {
    struct server *server = server_start(options);
    server_terminate(server, SERVER_BUILD_MATRIX);
    return server;
}

static const char *head(struct server *server, const char *repo) {
    char *id = shell_output(&server->arena, "git -C '%s/%s' rev-parse HEAD", server->folder, repo);
    id[strcspn(id, "\n")] = '\0';
    return id;
}

static void a_publication_leaves_one_event_until_it_is_acknowledged(void **state) {
    (void)state;
    struct server *server = start_without_listener(NULL);
    const struct package package = {"eventful", "1.0.0", .pragma = NULL};
    const char *id = server_expect_published(server, &package);
    struct listener listener;
    listener_init(&listener, server);
    struct event *events = NULL;
    assert_int_equal(read_events(&listener, "first", &events), 1);
    assert_string_equal(events[0].job_id, id);
    json_t *payload = json_loads(events[0].payload, 0, NULL);
    assert_string_equal(server_job_text(payload, "name"), "eventful");
    assert_string_equal(server_job_text(payload, "version"), "1.0.0");
    assert_string_equal(server_job_text(payload, "compiler"), "0.15.15");
    assert_string_equal(server_job_text(payload, "registryCommit"), head(server, REGISTRY_REPO));
    assert_string_equal(server_job_text(payload, "indexCommit"), head(server, INDEX_REPO));
    json_decref(payload);

    /* The first has died, say: the second is given the same. So is a third after Redis was killed. */
    assert_int_equal(read_events(&listener, "second", &events), 1);
    assert_string_equal(events[0].job_id, id);
    server_kill(server, SERVER_REDIS);
    server_start_program(server, SERVER_REDIS);
    listener_release(&listener);
    listener_init(&listener, server);
    assert_int_equal(read_events(&listener, "third", &events), 1);
    assert_string_equal(events[0].job_id, id);

    assert_int_equal(events_acknowledge(listener.store, "build-matrix", &events[0].id, 1, &listener.err), STATUS_OK);
    assert_int_equal(read_events(&listener, "third", &events), 0);
    assert_int_equal(read_events(&listener, "fourth", &events), 0);
    listener_release(&listener);
    server_stop(server);
}

static void a_failed_publication_and_a_repeated_request_leave_none(void **state) {
    (void)state;
    struct server *server = start_without_listener(NULL);
    const struct package good = {"once", "1.0.0", .pragma = NULL}, bad = {"never", "1.0.0", .pragma = "fail No."};
    const char *id = server_expect_published(server, &good);
    assert_string_equal(server_publish(server, package_request(&server->arena, &good)).id, id);
    json_decref(server_wait_for_job(server, server_post_package(server, &bad)));
    struct listener listener;
    listener_init(&listener, server);
    struct event *events = NULL;
    assert_int_equal(read_events(&listener, "first", &events), 1);
    assert_string_equal(events[0].job_id, id);
    listener_release(&listener);
    server_stop(server);
}

/* A line for each write that was left out. */
static const char *const left_out[] = {
    "WARN Read-only: the tarball is not stored.\n",
    "WARN Read-only: the metadata is not committed.\n",
    "WARN Read-only: the manifest is not committed to the index.\n",
    "NOTICE looked-at@1.0.0 would be published now, but this server is read-only.\n",
};

static void under_readonly_a_job_succeeds_and_writes_nothing(void **state) {
    (void)state;
    const char *const settings[] = {"READONLY=true", NULL};
    struct server *server = start_without_listener(&(struct server_options){.settings = settings});
    const struct package package = {"looked-at", "1.0.0", .pragma = NULL};
    char *before = registry_snapshot(server);
    const char *id = server_post_package(server, &package);
    json_t *job = server_wait_for_job(server, id);
    assert_true(json_is_true(json_object_get(job, "success")));
    assert_null(json_object_get(job, "disposition")); /* it is not published */
    const char *log = server_log_text(server, job);
    for (size_t i = 0; i < sizeof left_out / sizeof left_out[0]; i++)
        if (strstr(log, left_out[i]) == NULL) fail_msg("no \"%s\" in:\n%s", left_out[i], log);
    json_decref(job);
    assert_string_equal(registry_snapshot(server), before);

    struct server_accepted again = server_publish(server, package_request(&server->arena, &package));
    assert_true(again.created); /* a job under READONLY is no duplicate */
    server_expect_success(server, again.id);
    struct listener listener;
    listener_init(&listener, server);
    struct event *events = NULL;
    assert_int_equal(read_events(&listener, "first", &events), 0);
    listener_release(&listener);
    server_stop(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_publication_leaves_one_event_until_it_is_acknowledged),
        cmocka_unit_test(a_failed_publication_and_a_repeated_request_leave_none),
        cmocka_unit_test(under_readonly_a_job_succeeds_and_writes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
