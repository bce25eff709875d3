/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Common setup of the tests of services/gateway without its process: the job store's fixture, stand-ins for all services, and
 * the gateway in this process, with a folder. A test changes the settings, starts to serve, and sends requests by libcurl
 * (tests/support/http/http.h) or, to misbehave as a client, byte by byte (tests/support/http/http_connection.h).
 */
#ifndef TESTS_STORE_GATEWAY_GATEWAY_SCENE_H
#define TESTS_STORE_GATEWAY_GATEWAY_SCENE_H

#include "tests/store/fixture.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/base/json.h"
#include "lib/base/settings.h"
#include "lib/base/text.h"
#include "lib/store/job/log_stream.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/server.h"
#include "tests/support/http/http.h"
#include "tests/support/http/http_connection.h"
#include "tests/support/stub_services.h"
#include "tests/support/temporary_folder.h"

enum { PATIENCE_MS = 60000 };

struct gateway_scene {
    struct fixture f; /* first: tests/store/fixture.h casts */
    struct temporary_folder folder;
    struct settings settings;
    struct stub_services *services;
    struct gateway gateway;
    bool serves;
    char url[64], management_url[64];
};

/* ---- Setup and teardown ---- */

static inline int start_scene(void **state) {
    struct gateway_scene *s = memory_alloc(sizeof *s);
    s->f.server = redis_server_start();
    connect_fixture(&s->f);
    *state = s;
    return 0;
}

static inline int stop_scene(void **state) {
    return stop_fixture(state);
}

/* Before each test. */
static inline int open_scene(void **state) {
    struct gateway_scene *s = *state;
    struct fixture *f = &s->f;
    empty_fixture(state);
    temporary_folder_make(&s->folder);
    setenv("STATE_DIR", s->folder.path, true);
    setenv("REDIS_URL", redis_server_url(f->server), true);
    setenv("SERVER_PORT", "0", true);
    setenv("MANAGEMENT_PORT", "0", true);
    assert_ok(settings_load(&s->settings, PROGRAM_GATEWAY, &f->err));
    s->settings.gateway_page_ms = 0; /* each page is made anew */
    s->settings.gateway_connections = 500; /* few enough for the process's limit of open files */
    temporary_folder_write(&s->folder, "storage/_", "");
    s->services = stub_services_start(&s->settings);
    return 0;
}

static inline void stop_serving(struct gateway_scene *s) {
    if (s->serves) gateway_stop(&s->gateway);
    s->serves = false;
}

/* After each test. */
static inline int close_scene(void **state) {
    struct gateway_scene *s = *state;
    stub_services_stop(s->services);
    s->services = NULL;
    stop_serving(s);
    settings_release(&s->settings);
    temporary_folder_remove(&s->folder);
    return 0;
}

#define gateway_test(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)

/* Replaces a text among the settings. */
static inline void set_text(char **setting, const char *text) {
    free(*setting);
    *setting = memory_copy_text(text);
}

static inline void serve(struct gateway_scene *s) {
    struct fixture *f = &s->f;
    s->serves = true;
    assert_ok(gateway_start(&s->gateway, &s->settings, &f->err));
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:%d", server_port(s->gateway.server));
    snprintf(s->management_url, sizeof s->management_url, "http://127.0.0.1:%d", server_management_port(s->gateway.server));
}

/* ---- Requests ---- */

/* An answer; texts are in the scene's arena. */
struct answered {
    int status;
    const char *body;
    const char *headers;
};

static inline struct answered keep_answer(struct gateway_scene *s, struct http_response *response) {
    const struct answered answered = {response->status, arena_copy(&s->f.arena, text_view(&response->body)),
                                      arena_copy(&s->f.arena, text_view(&response->headers))};
    http_response_release(response);
    return answered;
}

static inline struct answered ask_with(struct gateway_scene *s, const char *method, const char *path,
                                       const char *const *headers, const char *body) {
    struct http_response response = http_ask(method, s->url, path, headers, body);
    return keep_answer(s, &response);
}

static inline struct answered get(struct gateway_scene *s, const char *path) {
    return ask_with(s, NULL, path, NULL, NULL);
}

static inline struct answered post(struct gateway_scene *s, const char *path, const char *body) {
    return ask_with(s, NULL, path, NULL, body);
}

/* The value of a header, NULL if there is none. */
static inline const char *header_of(struct gateway_scene *s, const struct answered *answered, const char *name) {
    struct http_response response = {0};
    struct text value = {0};
    text_append(&response.headers, answered->headers);
    bool is_there = http_response_header(&response, name, &value);
    const char *copy = is_there ? arena_copy(&s->f.arena, text_view(&value)) : NULL;
    text_release(&value);
    text_release(&response.headers);
    return copy;
}

static inline void expect_header(struct gateway_scene *s, const struct answered *answered, const char *name,
                                 const char *value) {
    const char *is = header_of(s, answered, name);
    if (!is != !value || (value && strcmp(is, value) != 0))
        fail_msg("%s: %s, and not %s", name, is ? is : "(none)", value ? value : "(none)");
}

static inline void expect_status(struct answered answered, int status) {
    if (answered.status != status) fail_msg("%d, and not %d: %s", answered.status, status, answered.body);
}

static inline void expect_json(struct answered answered, int status, const char *json) {
    expect_status(answered, status);
    assert_string_equal(answered.body, json);
}

static inline void expect_within(const char *text, const char *part) {
    if (!strstr(text, part)) fail_msg("no \"%s\" in: %s", part, text);
}

static inline void expect_not_within(const char *text, const char *part) {
    if (strstr(text, part)) fail_msg("\"%s\" is in: %s", part, text);
}

/* A text of the JSON object, in the arena; "" if there is none. */
static inline const char *text_of(struct gateway_scene *s, const char *object, const char *name) {
    struct error err;
    json_t *json = NULL;
    if (json_read(&json, object, strlen(object), "The answer", &err)) fail_msg("%s", err.message);
    const char *text = arena_copy(&s->f.arena, http_json_text(json, name));
    json_decref(json);
    return text;
}

/* The body must be `{"error", "message", "path"?}`, with these words in the message; `path` NULL: none. */
static inline void expect_error(struct gateway_scene *s, struct answered answered, int status, const char *path,
                                const char *words) {
    expect_status(answered, status);
    expect_within(text_of(s, answered.body, "message"), words);
    assert_string_not_equal(text_of(s, answered.body, "error"), "");
    assert_string_equal(text_of(s, answered.body, "path"), path ? path : "");
}

/* ---- Jobs ---- */

/* The id of the job that was made from a request. */
static inline const char *job_of(struct gateway_scene *s, struct answered answered) {
    expect_status(answered, 200);
    const char *id = text_of(s, answered.body, "jobId");
    assert_string_not_equal(id, "");
    return id;
}

static inline void add_line(struct gateway_scene *s, const struct lease *lease, int number, enum log_level level,
                            const char *message) {
    struct fixture *f = &s->f;
    const struct log_line line = {
        .level = level, .message = message, .time_ms = clock_now_ms(), .attempt = 1, .number = number};
    assert_ok(log_stream_append(f->store, lease, &line, 1, 1000, 1 << 20, &f->err));
}

/* ---- Metrics ---- */

/* The value of a sample in /metrics, by its name and labels; 0 if there is none. */
static inline double metric_of(struct gateway_scene *s, const char *sample) {
    struct http_response response = http_ask(NULL, s->management_url, "/metrics", NULL, NULL);
    const struct answered answered = keep_answer(s, &response);
    size_t length = strlen(sample);
    const char *at = answered.body;
    expect_status(answered, 200);
    while (at && (strncmp(at, sample, length) != 0 || at[length] != ' '))
        if ((at = strchr(at, '\n'))) at++;
    return at ? atof(at + length) : 0;
}

static inline void await_metric(struct gateway_scene *s, const char *sample, double value) {
    int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    for (double is; (is = metric_of(s, sample)) != value; wait_ms(5))
        if (clock_monotonic_ms() > until_ms) fail_msg("%s is %g, and not %g", sample, is, value);
}

/* Waits until `count` requests are being answered, not counting the request for the metrics. */
static inline void await_requests(struct gateway_scene *s, int count) {
    await_metric(s, "registry_http_answers_under_way{program=\"gateway\"}", count + 1);
}

#endif
