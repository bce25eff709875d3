/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Limits for one client over HTTP/2 (services/gateway/README.md, What one client may take).
 */
#include "tests/store/gateway/raw_client.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <time.h>

#include "services/gateway/backend/store_executor.h"
#include "tests/support/http/http2_frames.h"

/* Replaces libc's function, from which h2o gets the time: the wall clock seems to have stepped. */
static atomic_long stepped_s;

int gettimeofday(struct timeval *restrict out, void *restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    *out = (struct timeval){.tv_sec = now.tv_sec - atomic_load(&stepped_s), .tv_usec = now.tv_nsec / 1000};
    return 0;
}

static size_t taken; /* bytes of the newest connection's input that were read as frames */

static void begin_http2(struct gateway_scene *s, struct http_connection *connection, struct text *bytes) {
    taken = 0;
    open_as(s, connection, 2);
    http2_append_preface(bytes);
}

static void streams_over_the_limit_are_refused_and_the_limit_is_told(void **state) {
    struct gateway_scene *s = *state;
    enum { STREAMS = 3 };
    struct http_connection connection;
    struct text bytes = {0};
    s->settings.gateway_streams_per_connection = STREAMS;
    serve(s);
    begin_http2(s, &connection, &bytes);
    for (uint32_t i = 0; i < STREAMS + 1; i++)
        http2_append_request(&bytes, 2 * i + 1, "POST", "/api/v1/publish", -1, false); /* their bodies do not come */
    send_and_clear(&connection, &bytes);
    int64_t told = -1;
    struct http2_frame frame;
    while ((frame = http2_next_frame(&connection, &taken, true)).type == HTTP2_SETTINGS)
        if (http2_setting(&frame, 3) >= 0) told = http2_setting(&frame, 3);
    assert_int_equal(told, STREAMS);
    assert_int_equal(frame.type, HTTP2_RST_STREAM);
    assert_int_equal(frame.stream, 2 * STREAMS + 1); /* the newest */
    assert_int_equal(http2_error(&frame), HTTP2_REFUSED_STREAM);
    http2_append_data(&bytes, 1, 2, true);
    send_and_clear(&connection, &bytes);
    http2_expect_answer(&connection, &taken, 1, 400, "invalid_request");
    http_connection_close(&connection);
    text_release(&bytes);
}

static void an_http_2_body_over_the_limit_is_dropped_and_answered_413(void **state) {
    struct gateway_scene *s = *state;
    struct http_connection connection;
    struct text bytes = {0};
    serve(s);
    begin_http2(s, &connection, &bytes);
    http2_append_request(&bytes, 1, "POST", "/api/v1/publish", -1, false);
    for (int i = 0; i < 9; i++)
        http2_append_data(&bytes, 1, 8000, i == 8);
    send_and_clear(&connection, &bytes);
    http2_expect_answer(&connection, &taken, 1, 413, "has 72000 bytes");
    http_connection_close(&connection);
    text_release(&bytes);
}

/* More than a megabyte over the limit: the answer comes before the body's end. */
static void an_http_2_body_far_over_the_limit_is_answered_at_once(void **state) {
    struct gateway_scene *s = *state;
    struct http_connection connection;
    struct text bytes = {0};
    serve(s);
    begin_http2(s, &connection, &bytes);
    http2_append_request(&bytes, 1, "POST", "/api/v1/publish", 2 << 20, false);
    http2_append_data(&bytes, 1, 8000, false);
    send_and_clear(&connection, &bytes);
    http2_expect_answer(&connection, &taken, 1, 413, "has 2097152 bytes");
    http_connection_close(&connection);
    text_release(&bytes);
}

static void too_many_headers_are_400(void **state) {
    struct gateway_scene *s = *state;
    struct http_connection connection;
    struct text bytes = {0};
    serve(s);
    begin_http2(s, &connection, &bytes);
    http2_append_headers(&bytes, 1, "/healthz", 101);
    send_and_clear(&connection, &bytes);
    http2_expect_answer(&connection, &taken, 1, 400, "headers; at most 100 are allowed");
    http2_append_headers(&bytes, 3, "/healthz", 90);
    send_and_clear(&connection, &bytes);
    http2_expect_answer(&connection, &taken, 3, 200, "alive");
    http_connection_close(&connection);
    text_release(&bytes);
}

static void an_http_2_request_in_drops_is_cancelled(void **state) {
    struct gateway_scene *s = *state;
    struct http_connection connection;
    struct text bytes = {0};
    s->settings.gateway_request_ms = 300;
    serve(s);
    begin_http2(s, &connection, &bytes);
    http2_append_request(&bytes, 1, "POST", "/api/v1/publish", -1, false);
    struct http2_frame frame = {0};
    for (int i = 0; i < 600 && frame.type != HTTP2_RST_STREAM; i++) {
        http2_append_data(&bytes, 1, 1, false);
        send_and_clear(&connection, &bytes);
        wait_ms(10);
        if (recv(connection.socket, (char[1]){0}, 1, MSG_PEEK | MSG_DONTWAIT) <= 0) continue;
        char *place = text_reserve(&connection.input, 65536);
        connection.input.length += (size_t)recv(connection.socket, place, 65536, 0);
        while (frame.type != HTTP2_RST_STREAM && http2_take_frame(&connection.input, &taken, &frame))
            continue;
    }
    assert_int_equal(frame.type, HTTP2_RST_STREAM);
    assert_int_equal(http2_error(&frame), HTTP2_CANCEL);
    http_connection_close(&connection);
    text_release(&bytes);
}

/* The wall clock steps between the beginning of a request and the check of its age. */
static void a_step_of_the_clock_cancels_no_request(void **state) {
    struct gateway_scene *s = *state;
    struct http_connection connection;
    struct text bytes = {0};
    atomic_store(&stepped_s, 3600);
    serve(s);
    begin_http2(s, &connection, &bytes);
    http2_append_request(&bytes, 1, "POST", "/api/v1/publish", -1, false);
    send_and_clear(&connection, &bytes);
    wait_ms(100); /* so that it is read separately */
    http2_append_data(&bytes, 1, 2, true);
    send_and_clear(&connection, &bytes);
    http2_expect_answer(&connection, &taken, 1, 400, "invalid_request");
    http_connection_close(&connection);
    text_release(&bytes);
    stop_serving(s);
    atomic_store(&stepped_s, 0);
}

static void a_client_that_gives_up_hundreds_of_requests_is_closed(void **state) {
    struct gateway_scene *s = *state;
    enum { GIVEN_UP = 220 };
    struct http_connection connection;
    struct text bytes = {0};
    const struct job_request request = publish_of("aff");
    const char *path = arena_format(&s->f.arena, "/logs/%s?wait=60", accept_job(&s->f, &request).id);
    serve(s);
    begin_http2(s, &connection, &bytes);
    for (uint32_t i = 0; i < GIVEN_UP; i++) {
        http2_append_request(&bytes, 2 * i + 1, "GET", path, -1, true);
        http2_append_reset(&bytes, 2 * i + 1);
    }
    http_connection_send_bytes(&connection, bytes.bytes, bytes.length);
    await_metric(s, ENDED("too many requests given up"), 1);
    await_metric(s, CONNECTIONS, 0);
    await_requests(s, 0);
    http_connection_close(&connection);
    text_release(&bytes);
}

/* Blocks one of the threads that the client's address may use. */
struct holding {
    struct store_task task;
    sem_t has_begun, may_end;
};

static void hold(struct store_task *task, struct job_store *store) {
    (void)store;
    struct holding *holding = (struct holding *)task;
    sem_post(&holding->has_begun);
    sem_wait(&holding->may_end);
    sem_post(&holding->has_begun); /* this thread does not use it afterwards */
}

enum { HELD = 3 };

static void hold_threads(struct gateway_scene *s, struct holding *holdings) {
    for (int i = 0; i < HELD; i++) {
        struct store_executor *pool = s->gateway.pool;
        holdings[i].task = (struct store_task){.run = hold, .lane = store_executor_lane(pool, "127.0.0.2")};
        sem_init(&holdings[i].has_begun, 0, 0);
        sem_init(&holdings[i].may_end, 0, 0);
        assert_true(store_executor_submit(pool, &holdings[i].task));
        sem_wait(&holdings[i].has_begun);
    }
}

static void let_threads_go(struct holding *holdings) {
    for (int i = 0; i < HELD; i++) {
        sem_post(&holdings[i].may_end);
        sem_wait(&holdings[i].has_begun);
        sem_destroy(&holdings[i].has_begun);
        sem_destroy(&holdings[i].may_end);
    }
}

/* Requests that a client cancels while its threads are blocked are removed from the queue and never carried out. */
static void requests_that_were_given_up_are_dropped_from_the_queue(void **state) {
    struct gateway_scene *s = *state;
    enum { LEFT = 150 };
    struct holding holdings[HELD];
    struct http_connection connection;
    struct text bytes = {0};
    s->settings.gateway_store_threads = HELD + 1;
    s->settings.gateway_requests_per_address = 50;
    serve(s);
    hold_threads(s, holdings);
    begin_http2(s, &connection, &bytes);
    for (uint32_t i = 0; i < LEFT; i++) { /* far more than its share, if they were kept */
        const char *path = arena_format(&s->f.arena, "/left/1.0.%u.tar.gz", i);
        temporary_folder_write(&s->folder, arena_format(&s->f.arena, "storage%s", path), path);
        http2_append_request(&bytes, 2 * i + 1, "GET", path, -1, true);
        http2_append_reset(&bytes, 2 * i + 1);
    }
    http2_append_request(&bytes, 2 * LEFT + 1, "GET", "/nothing", -1, true);
    send_and_clear(&connection, &bytes);
    http2_expect_answer(&connection, &taken, 2 * LEFT + 1, 404, "nothing");
    let_threads_go(holdings);
    http2_append_request(&bytes, 2 * LEFT + 3, "GET", "/left/1.0.0.tar.gz", -1, true); /* queued after all of them */
    send_and_clear(&connection, &bytes);
    http2_expect_answer(&connection, &taken, 2 * LEFT + 3, 200, "/left/1.0.0.tar.gz");
    assert_true(metric_of(s, "registry_tarballs_hashed_total{program=\"gateway\"}") == 1);
    http_connection_close(&connection);
    text_release(&bytes);
}

#define LARGE "storage/large/1.0.0.tar.gz"
enum { LENGTH = 1 << 20, WINDOW_SETTING = 4 };

static void put_large(struct gateway_scene *s) {
    char *bytes = memory_alloc(LENGTH + 1);
    memset(bytes, 'a', LENGTH);
    temporary_folder_write(&s->folder, LARGE, bytes);
    free(bytes);
}

static void an_answer_behind_a_shut_window_is_cancelled(void **state) {
    struct gateway_scene *s = *state;
    struct http_connection connection;
    struct text bytes = {0};
    put_large(s);
    s->settings.gateway_stall_ms = 300;
    serve(s);
    begin_http2(s, &connection, &bytes);
    http2_append_setting(&bytes, WINDOW_SETTING, 0);
    http2_append_request(&bytes, 1, "GET", "/large/1.0.0.tar.gz", -1, true);
    send_and_clear(&connection, &bytes);
    struct http2_frame frame = http2_next_frame(&connection, &taken, false);
    assert_int_equal(http2_status(&frame), 200);
    frame = http2_next_frame(&connection, &taken, false);
    assert_int_equal(frame.type, HTTP2_RST_STREAM);
    assert_int_equal(http2_error(&frame), HTTP2_CANCEL);
    http2_append_request(&bytes, 3, "HEAD", "/healthz", -1, true); /* the connection is usable as before */
    send_and_clear(&connection, &bytes);
    frame = http2_next_frame(&connection, &taken, false);
    assert_int_equal(http2_status(&frame), 200);
    assert_true(metric_of(s, ENDED("answers not taken")) == 0);
    http_connection_close(&connection);
    text_release(&bytes);
}

static void a_connection_whose_window_stays_shut_is_ended(void **state) {
    struct gateway_scene *s = *state;
    struct http_connection connection;
    struct text bytes = {0};
    put_large(s);
    s->settings.gateway_stall_ms = 300;
    serve(s);
    begin_http2(s, &connection, &bytes);
    http2_append_setting(&bytes, WINDOW_SETTING, 2 * LENGTH); /* of streams; the connection's own window stays small */
    http2_append_request(&bytes, 1, "GET", "/large/1.0.0.tar.gz", -1, true);
    send_and_clear(&connection, &bytes);
    await_metric(s, ENDED("answers not taken"), 1);
    await_metric(s, CONNECTIONS, 0);
    await_requests(s, 0);
    http_connection_close(&connection);
    text_release(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        gateway_test(streams_over_the_limit_are_refused_and_the_limit_is_told),
        gateway_test(an_http_2_body_over_the_limit_is_dropped_and_answered_413),
        gateway_test(an_http_2_body_far_over_the_limit_is_answered_at_once),
        gateway_test(too_many_headers_are_400),
        gateway_test(an_http_2_request_in_drops_is_cancelled),
        gateway_test(a_step_of_the_clock_cancels_no_request),
        gateway_test(a_client_that_gives_up_hundreds_of_requests_is_closed),
        gateway_test(requests_that_were_given_up_are_dropped_from_the_queue),
        gateway_test(an_answer_behind_a_shut_window_is_cancelled),
        gateway_test(a_connection_whose_window_stays_shut_is_ended),
    };
    return cmocka_run_group_tests(tests, start_scene, stop_scene);
}
