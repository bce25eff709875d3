/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/server/server_fixture.h"

#include "tests/support/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/deadline.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/tools/sandbox/sandbox.h"
#include "tests/support/git/git_server.h"
#include "tests/support/inside_check.h"
#include "tests/support/server/server_folder.h"
#include "tests/support/shell.h"

enum { STOP_TIMEOUT_MS = 60000, CALL_TIMEOUT_MS = 60000 };

static const char *const program_names[SERVER_PROGRAM_COUNT] = {
    [SERVER_REDIS] = "redis",
    [SERVER_GATEWAY] = "gateway",
#define SERVICE(NAME, field, name, LETTER) [SERVER_##NAME] = name,
#include "lib/base/programs.def"
};

const char *server_program_name(enum server_program program) {
    return program_names[program];
}

/* ---- Starting and stopping ---- */

/* An environment: settings with NULL at the end. */
static void add_setting(struct server *server, const char **environment, const char *setting) {
    const char **place = environment;
    while (*place != NULL)
        place++;
    assert_true(place - environment < SERVER_SETTINGS_MAX - 1);
    *place = arena_copy(&server->arena, setting);
}

static void add_settings(struct server *server, const char **environment, const char *const *settings) {
    for (; settings != NULL && *settings != NULL; settings++)
        add_setting(server, environment, *settings);
}

static void add_inherited(struct server *server, const char **environment) {
    const char *const inherited[] = {"PATH", "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"};
    for (size_t i = 0; i < sizeof inherited / sizeof inherited[0]; i++) {
        const char *value = getenv(inherited[i]);
        if (value != NULL) add_setting(server, environment, arena_format(&server->arena, "%s=%s", inherited[i], value));
    }
}

/* Of two settings with the same name the first counts, so those of the test come first. */
static void make_environment(struct server *server, enum server_program program, const struct server_options *options) {
    struct arena *arena = &server->arena;
    const char **environment = server->environments[program];
    if (program == SERVER_GATEWAY) add_settings(server, environment, options->gateway_settings);
    add_settings(server, environment, options->settings);
    add_setting(server, environment, arena_format(arena, "STATE_DIR=%s", server->folder));
    add_setting(server, environment, arena_format(arena, "WORK_DIR=%s/work", server->folder));
    add_setting(server, environment, arena_format(arena, "REDIS_URL=%s", redis_server_url(server->redis)));
    if (server->git != NULL) {
        const char *url = git_server_url(server->git);
        add_setting(server, environment, arena_format(arena, "GITHUB_GIT_URL=%s/sources", url));
        add_setting(server, environment, arena_format(arena, "REGISTRY_REPO=%s/registry.git", url));
        add_setting(server, environment, arena_format(arena, "REGISTRY_INDEX_REPO=%s/registry-index.git", url));
    } else {
        add_setting(server, environment, arena_format(arena, "GITHUB_GIT_URL=file://%s/sources", server->folder));
    }
    add_setting(server, environment, arena_format(arena, "REGISTRY_COMPILERS=%s/compilers", server->folder));
    const char *const fixed[] = {"SOURCE_ALLOW_PRIVATE=true",
                                 "PURSUIT_API_URL=http://127.0.0.1:9", /* an address without a server */
                                 "SERVER_PORT=0",
                                 "MANAGEMENT_PORT=0",
                                 "POST_LIMIT_PER_MINUTE=0",
                                 NULL};
    add_settings(server, environment, fixed);
    add_setting(server, environment, arena_format(arena, "PATH=%s/licensee:%s", server->folder, getenv("PATH")));
    add_inherited(server, environment);
}

/* True for settings that no build worker gets. */
static bool is_for_services_alone(const char *setting) {
    static const char *const names[] = {"PACCHETTIBOTTI_", "SPACES_", "SERVICE_KEY", "REDIS_URL"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (text_starts_with(setting, names[i])) return true;
    return false;
}

/* Build workers get as few settings as possible. */
static void make_worker_environment(struct server *server, int worker, const struct server_worker *options) {
    struct arena *arena = &server->arena;
    const char **environment = server->worker_environments[worker];
    add_settings(server, environment, options->settings);
    for (const char *const *setting = server->common_settings; *setting != NULL; setting++)
        if (!is_for_services_alone(*setting)) add_setting(server, environment, *setting);
    add_setting(server, environment, arena_format(arena, "STATE_DIR=%s", server->folder));
    add_setting(server, environment, arena_format(arena, "BUILD_DIR=%s/build-%d", server->folder, worker));
    add_setting(server, environment, arena_format(arena, "REGISTRY_COMPILERS=%s/compilers", server->folder));
    add_inherited(server, environment);
}

/* Workers download from the gateway, whose port is known once it has started. */
static void start_matrix(struct server *server, const struct server_options *options) {
    const char **environment = server->environments[SERVER_BUILD_MATRIX];
    if (options->workers > 0) {
        server_wait_until_answering(server);
        add_setting(server, environment, arena_format(&server->arena, "BUILD_DOWNLOAD_URL=%s", server->url));
    }
    server_start_program(server, SERVER_BUILD_MATRIX);
    while (server->worker_count < options->workers)
        server_add_worker(server, &(struct server_worker){0});
}

struct server *server_start(const struct server_options *options) {
    static const struct server_options standard = {0};
    if (options == NULL) options = &standard;
    struct server *server = memory_alloc(sizeof *server);
    char *programs = realpath(options->programs != NULL ? options->programs : BUILD_DIR "/bin", NULL);
    if (programs == NULL) fail_msg("there is no folder %s with the programs", options->programs);
    server->programs = arena_copy(&server->arena, programs);
    free(programs);
    add_settings(server, server->common_settings, options->settings);
    server_folder_make(server, options);
    if (options->has_git_server) server->git = git_server_start(server->folder);
    server->redis = redis_server_start();
    for (enum server_program program = SERVER_REDIS + 1; program <= SERVER_GATEWAY; program++) {
        make_environment(server, program, options);
        if (program != SERVER_BUILD_MATRIX) server_start_program(server, program);
    }
    start_matrix(server, options);
    if (options->is_cut_off)
        server_wait_until_answering(server);
    else
        server_wait_until_ready(server);
    return server;
}

static const char *log_path(struct server *server, enum server_program program) {
    return arena_format(&server->arena, "%s/%s.log", server->folder, program_names[program]);
}

const char *server_sandbox_option(void) {
    static bool is_known, has_sandbox;
    struct sandbox sandbox;
    struct deadline deadline;
    struct error err;
    if (!is_known) {
        deadline_start(&deadline, CALL_TIMEOUT_MS);
        has_sandbox = !sandbox_init(&sandbox, "nobody", &deadline, &err) && sandbox.is_isolating;
        is_known = true;
    }
    return has_sandbox ? NULL : SANDBOX_UNSAFE_OPTION;
}

void server_start_program(struct server *server, enum server_program program) {
    if (program == SERVER_REDIS) {
        redis_server_restart(server->redis);
        return;
    }
    if (program == SERVER_GATEWAY) unlink(arena_format(&server->arena, "%s/gateway.ports", server->folder));
    const char *const arguments[] = {arena_format(&server->arena, "%s/registry-%s", server->programs, program_names[program]),
                                     program == SERVER_PUBLISH ? server_sandbox_option() : NULL, NULL};
    child_start(&server->children[program], arguments, server->environments[program], server->folder,
                log_path(server, program));
}

void server_change_setting(struct server *server, enum server_program program, const char *name, const char *value) {
    const char **setting = server->environments[program];
    size_t length = strlen(name);
    while (*setting != NULL && (strncmp(*setting, name, length) != 0 || (*setting)[length] != '='))
        setting++;
    if (*setting == NULL) fail_msg("%s is not among the settings", name);
    *setting = arena_format(&server->arena, "%s=%s", name, value);
}

void server_start_with_fault(struct server *server, enum server_program program, const char *point) {
    server_change_setting(server, program, "REGISTRY_FAULT", point);
    server_start_program(server, program);
}

static bool has_died(void *context) {
    return !child_is_running(context);
}

void server_wait_for_death(struct server *server, enum server_program program) {
    if (!wait_until(has_died, &server->children[program], PATIENCE_MS))
        fail_msg("%s does not die of its fault", program_names[program]);
}

void server_kill(struct server *server, enum server_program program) {
    if (program == SERVER_REDIS)
        redis_server_kill(server->redis);
    else
        child_stop(&server->children[program], SIGKILL, STOP_TIMEOUT_MS);
}

static void expect_good_end(const char *program, int status) {
    if (status != 0) fail_msg("%s has ended (wait status %d); its log follows at the end", program, status);
}

void server_terminate(struct server *server, enum server_program program) {
    int status = child_stop(&server->children[program], SIGTERM, STOP_TIMEOUT_MS);
    expect_good_end(program_names[program], status);
}

static const char *worker_log_path(struct server *server, int worker) {
    return arena_format(&server->arena, "%s/worker-%d.log", server->folder, worker);
}

void server_start_worker(struct server *server, int worker) {
    pid_t network = server->worker_networks[worker];
    const char *const arguments[] = {"nsenter", arena_format(&server->arena, "--net=/proc/%d/ns/net", (int)network),
                                     arena_format(&server->arena, "%s/registry-build-worker", server->programs),
                                     server_sandbox_option(), NULL};
    child_start(&server->workers[worker], network ? arguments : arguments + 2, server->worker_environments[worker],
                server->folder, worker_log_path(server, worker));
}

int server_add_worker(struct server *server, const struct server_worker *options) {
    int worker = server->worker_count++;
    assert_true(worker < SERVER_WORKERS_MAX);
    make_worker_environment(server, worker, options);
    server->worker_networks[worker] = options->network;
    server_start_worker(server, worker);
    return worker;
}

const char *server_worker_log(struct server *server, int worker) {
    const char *log = read_file(&server->arena, worker_log_path(server, worker));
    return log ? log : "";
}

void server_kill_worker(struct server *server, int worker) {
    child_stop(&server->workers[worker], SIGKILL, STOP_TIMEOUT_MS);
}

void server_terminate_worker(struct server *server, int worker) {
    int status = child_stop(&server->workers[worker], SIGTERM, STOP_TIMEOUT_MS);
    expect_good_end("a build worker", status);
}

void server_stop(struct server *server) {
    for (int worker = 0; worker < server->worker_count; worker++)
        if (server->workers[worker].pid != 0) server_terminate_worker(server, worker);
    for (enum server_program program = SERVER_GATEWAY; program > SERVER_REDIS; program--)
        if (server->children[program].pid != 0) server_terminate(server, program);
    redis_server_stop(server->redis);
    if (server->git != NULL) git_server_stop(server->git);
    test_folder_end(server->folder);
    arena_release(&server->arena);
    free(server);
}

/* ---- Being ready ---- */

static bool read_ports(struct server *server) {
    struct arena arena = {0};
    char *ports = read_file(&arena, arena_format(&arena, "%s/gateway.ports", server->folder));
    int management_port = 0;
    bool are_there = ports != NULL && sscanf(ports, "server=%d\nmanagement=%d", &server->port, &management_port) == 2;
    arena_release(&arena);
    if (!are_there) return false;
    snprintf(server->url, sizeof server->url, "http://127.0.0.1:%d", server->port);
    snprintf(server->management_url, sizeof server->management_url, "http://127.0.0.1:%d", management_port);
    return true;
}

static enum status send_request(struct server *server, const char *method, const char *path, const char *body, int timeout_ms,
                                struct http_response *out, struct error *err) {
    const char *const headers[] = {"Accept: application/json", "Content-Type: application/json", NULL};
    char url[512];
    snprintf(url, sizeof url, "%s%s", server->url, path);
    struct http_request request = {.method = method,
                                   .url = url,
                                   .headers = headers,
                                   .body = body,
                                   .body_length = body == NULL ? 0 : strlen(body),
                                   .timeout_ms = timeout_ms,
                                   .limit_bytes = 64 << 20};
    return http_client_send(&request, out, err);
}

/* GET; NULL if there was no answer, or a status other than 200. The caller owns it. */
static json_t *try_get(struct server *server, const char *path) {
    json_t *json = NULL;
    struct http_response response = {0};
    struct error err;
    if (send_request(server, "GET", path, NULL, CALL_TIMEOUT_MS, &response, &err) == STATUS_OK && response.status == 200)
        json = json_loads(text_view(&response.body), JSON_DECODE_ANY, NULL);
    http_response_release(&response);
    return json;
}

static bool answers(struct server *server, const char *path) {
    for (enum server_program program = SERVER_REDIS + 1; program <= SERVER_GATEWAY; program++)
        if (server->children[program].pid != 0 && !child_is_running(&server->children[program]))
            fail_msg("%s has ended too early; its log follows at the end", program_names[program]);
    struct http_response response = {0};
    struct error err;
    bool is_good = read_ports(server) && !send_request(server, "GET", path, NULL, CALL_TIMEOUT_MS, &response, &err) &&
                   response.status == 200;
    http_response_release(&response);
    return is_good;
}

static bool is_ready(void *context) {
    return answers(context, "/readyz");
}

static bool is_answering(void *context) {
    return answers(context, "/api/v1/status");
}

void server_wait_until_answering(struct server *server) {
    if (!wait_until(is_answering, server, PATIENCE_MS)) fail_msg("the gateway does not answer");
}

void server_wait_until_ready(struct server *server) {
    if (wait_until(is_ready, server, PATIENCE_MS)) return;
    struct http_response response = {0};
    server_call(server, "GET", "/readyz", NULL, &response);
    fail_msg("the server does not become ready: %s", text_view(&response.body));
}

/* ---- Calls of a client ---- */

void server_call(struct server *server, const char *method, const char *path, const char *body, struct http_response *out) {
    struct error err;
    if (send_request(server, method, path, body, CALL_TIMEOUT_MS, out, &err)) fail_msg("%s %s: %s", method, path, err.message);
}

bool server_try_call(struct server *server, const char *method, const char *path, const char *body, int timeout_ms,
                     struct http_response *out) {
    struct error err;
    return read_ports(server) && !send_request(server, method, path, body, timeout_ms, out, &err);
}

json_t *server_get(struct server *server, const char *path) {
    struct http_response response = {0};
    server_call(server, "GET", path, NULL, &response);
    json_t *json = json_loads(text_view(&response.body), 0, NULL);
    if (response.status != 200 || json == NULL) fail_msg("GET %s: %d %s", path, response.status, text_view(&response.body));
    http_response_release(&response);
    return json;
}

const char *server_metrics(struct server *server) {
    struct http_response response = {0};
    struct error err;
    struct http_request request = {.url = arena_format(&server->arena, "%s/metrics", server->management_url),
                                   .timeout_ms = CALL_TIMEOUT_MS,
                                   .limit_bytes = 16 << 20};
    if (http_client_send(&request, &response, &err)) fail_msg("GET /metrics: %s", err.message);
    const char *copy = arena_copy(&server->arena, text_view(&response.body));
    http_response_release(&response);
    return copy;
}

double server_metric(struct server *server, const char *name_and_labels) {
    const char *line = arena_format(&server->arena, "\n%s ", name_and_labels), *found = strstr(server_metrics(server), line);
    return found ? strtod(found + strlen(line), NULL) : 0;
}

struct server_accepted server_post(struct server *server, const char *path, const char *body) {
    struct http_response response = {0};
    server_call(server, "POST", path, body, &response);
    json_t *json = json_loads(text_view(&response.body), 0, NULL);
    const char *id = json_string_value(json_object_get(json, "jobId"));
    const json_t *created = json_object_get(json, "created");
    if (response.status != 200 || id == NULL || !json_is_boolean(created))
        fail_msg("POST %s %s: %d %s", path, body, response.status, text_view(&response.body));
    struct server_accepted accepted = {arena_copy(&server->arena, id), json_is_true(created)};
    json_decref(json);
    http_response_release(&response);
    return accepted;
}

struct server_accepted server_publish(struct server *server, const char *body) {
    return server_post(server, "/api/v1/publish", body);
}

const char *server_post_package(struct server *server, const struct package *package) {
    package_push(arena_format(&server->arena, "%s/sources", server->folder), package);
    return server_publish(server, package_request(&server->arena, package)).id;
}

const char *server_expect_published(struct server *server, const struct package *package) {
    const char *id = server_post_package(server, package);
    server_expect_success(server, id);
    return id;
}

/* The condition of a wait: `is_there` is true for the JSON that GET `path` answers. */
struct watch {
    struct server *server;
    const char *path;
    const char *words;
    bool (*is_there)(const json_t *answer, const char *words);
    json_t *answer;
};

static bool look(void *context) {
    struct watch *watch = context;
    json_decref(watch->answer);
    watch->answer = try_get(watch->server, watch->path);
    return watch->answer != NULL && watch->is_there(watch->answer, watch->words);
}

static json_t *wait_for(struct watch *watch) {
    if (!wait_until(look, watch, PATIENCE_MS)) {
        char *answer = json_dumps(watch->answer, JSON_INDENT(2));
        fail_msg("waited in vain for %s %s; the last answer: %s", watch->path, watch->words, answer == NULL ? "none" : answer);
    }
    return watch->answer;
}

static const char *job_path(struct server *server, const char *id) {
    return arena_format(&server->arena, "/api/v1/jobs/%s?level=DEBUG", id);
}

static const char *status_path(struct server *server, const char *id) {
    return arena_format(&server->arena, "/status/%s", id);
}

static bool has_ended(const json_t *status, const char *words) {
    (void)words;
    return strcmp(server_job_text(status, "state"), "succeeded") == 0 ||
           strcmp(server_job_text(status, "state"), "failed") == 0;
}

static bool has_finished(const json_t *job, const char *words) {
    (void)words;
    return json_object_get(job, "finishedAt") != NULL;
}

/* Polls the job's state, which is a short answer, and reads the whole job with its log once. */
json_t *server_wait_for_job(struct server *server, const char *id) {
    json_decref(wait_for(&(struct watch){server, status_path(server, id), "its end", has_ended, NULL}));
    json_t *job = wait_for(&(struct watch){server, job_path(server, id), "its end", has_finished, NULL});
    inside_check_job(server, job);
    return job;
}

static bool has_state(const json_t *status, const char *words) {
    return strcmp(server_job_text(status, "state"), words) == 0;
}

void server_wait_for_state(struct server *server, const char *id, const char *state) {
    json_decref(wait_for(&(struct watch){server, status_path(server, id), state, has_state, NULL}));
}

void server_expect_success(struct server *server, const char *id) {
    json_t *job = server_wait_for_job(server, id);
    if (!json_is_true(json_object_get(job, "success"))) fail_msg("job %s failed:\n%s", id, server_log_text(server, job));
    json_decref(job);
}

const char *server_job_text(const json_t *job, const char *key) {
    const char *text = json_string_value(json_object_get(job, key));
    return text == NULL ? "" : text;
}

int64_t server_job_time(const json_t *job, const char *key) {
    int64_t time_ms = 0;
    if (!time_parse(server_job_text(job, key), &time_ms)) fail_msg("%s is no time: %s", key, server_job_text(job, key));
    return time_ms;
}

const char *server_last_error(struct server *server, const json_t *job) {
    const json_t *lines = json_object_get(job, "logs");
    if (json_array_size(lines) == 0) fail_msg("the job has no log");
    const json_t *last = json_array_get(lines, json_array_size(lines) - 1);
    if (json_object_get(job, "success") == NULL || json_is_true(json_object_get(job, "success")) ||
        strcmp(server_job_text(last, "level"), "ERROR") != 0)
        fail_msg("the job did not fail with an error:\n%s", server_log_text(server, job));
    return arena_copy(&server->arena, server_job_text(last, "message"));
}

const char *server_log_text(struct server *server, const json_t *job) {
    struct text out = {0};
    size_t i;
    const json_t *line;
    json_array_foreach(json_object_get(job, "logs"), i, line) {
        text_append_format(&out, "%s %s\n", server_job_text(line, "level"), server_job_text(line, "message"));
    }
    const char *copy = arena_copy(&server->arena, text_view(&out));
    text_release(&out);
    return copy;
}
