/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The whole registry server for a test: a private redis-server, the services (lib/base/programs.def),
 * `registry-gateway`, and build workers if requested, each a separate process, on free ports, with repositories, storage and
 * package sources in a temporary folder; and the calls of a client. Any failure here fails the test (in a benchmark it ends the
 * program); the children die with their parent.
 *
 * The compiler is `purs-stand-in`, as 0.15.14 and 0.15.15 unless the test chooses others. Sources are fetched from the folder
 * `sources` (tests/support/package_source.h makes them): directly, or by http, and then so are the two repositories.
 */
#ifndef TESTS_SUPPORT_SERVER_SERVER_FIXTURE_H
#define TESTS_SUPPORT_SERVER_SERVER_FIXTURE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/tools/http/http_client.h"
#include "tests/support/package_source.h"
#include "tests/support/server/child_process.h"
#include "tests/support/server/redis_server.h"

enum {
    SERVER_WORKERS_MAX = 8,
    PATIENCE_MS = 120000, /* limit of any wait: generous, because programs with sanitizers are slow on a busy machine */
    SERVER_SETTINGS_MAX = 48,
};

enum server_program {
    SERVER_REDIS,
#define SERVICE(NAME, field, name, LETTER) SERVER_##NAME,
#include "lib/base/programs.def"
    SERVER_GATEWAY,
    SERVER_PROGRAM_COUNT,
};

struct server_options {
    const char *programs;                /* folder of the programs; NULL: the build's */
    const char *const *settings;         /* "NAME=value", NULL at the end, for all programs; they override the fixture's own */
    const char *const *gateway_settings; /* the same, for the gateway alone */
    bool is_cut_off;                     /* its settings keep it from becoming ready: wait only until the gateway answers */
    bool has_git_server;                 /* sources and repositories are reached by http, through a server of the test */
    const char *compilers;               /* "0_14_0 0_15_15"; NULL: the standard ones */
    int workers;                         /* build workers, two slots each, with a store that they share */
    const char *make_repositories;       /* a program called with the folder to make them in; NULL: empty repositories */
};

/* How one build worker is started. All zero: like the workers in the server's options. */
struct server_worker {
    const char *const *settings; /* like the server's settings, which they override */
    pid_t network;               /* a process in the network that it runs in; 0: the test's network */
};

struct server {
    char folder[64]; /* STATE_DIR; `sources`, `work`, `compilers`, and the programs' logs are in it, too */
    char url[64];    /* http://127.0.0.1:PORT */
    int port;
    char management_url[64]; /* the same of the management port */
    struct redis_server *redis;
    struct git_server *git;                              /* NULL unless the options ask for it */
    struct child_process children[SERVER_PROGRAM_COUNT]; /* that of SERVER_REDIS is unused: see redis_server */
    const char *environments[SERVER_PROGRAM_COUNT][SERVER_SETTINGS_MAX];
    int worker_count;
    struct child_process workers[SERVER_WORKERS_MAX];
    const char *worker_environments[SERVER_WORKERS_MAX][SERVER_SETTINGS_MAX];
    pid_t worker_networks[SERVER_WORKERS_MAX];        /* 0: the test's network */
    const char *common_settings[SERVER_SETTINGS_MAX]; /* from the options */
    const char *programs;
    struct arena arena; /* lives as long as the server and holds the results of the calls below */
};

/* "publish" and so on, as in `registry-publish` and in the name of its log. */
const char *server_program_name(enum server_program program);

/* Starts everything and waits until it is ready. `options` may be NULL. The caller frees it by server_stop(). */
struct server *server_start(const struct server_options *options);

/* Stops everything by SIGTERM and removes the folder, unless tests/support/test_run.h keeps it. A program that does not exit
 * with 0 (a sanitizer's report) fails the test. */
void server_stop(struct server *server);

void server_kill(struct server *server, enum server_program program);      /* SIGKILL */
void server_terminate(struct server *server, enum server_program program); /* SIGTERM, and waits; it must exit with 0 */
void server_start_program(struct server *server, enum server_program program);

/* The same for one build worker, from 0; its log is read with server_worker_log(), in the server's arena. */
void server_kill_worker(struct server *server, int worker);
void server_terminate_worker(struct server *server, int worker);
void server_start_worker(struct server *server, int worker);
const char *server_worker_log(struct server *server, int worker);

/* Starts one more build worker, and returns its number. */
int server_add_worker(struct server *server, const struct server_worker *options);

/* Changes a setting, which the program must have, for its next start. */
void server_change_setting(struct server *server, enum server_program program, const char *name, const char *value);

/* For programs whose settings have a REGISTRY_FAULT (lib/base/fault.h): starts it with this fault instead ("none": no fault),
 * and waits until it has died of it. */
void server_start_with_fault(struct server *server, enum server_program program, const char *point);
void server_wait_for_death(struct server *server, enum server_program program);

/* An option for programs that run the compiler: NULL if this machine supports the sandbox, else the option that lets them start
 * without it. */
const char *server_sandbox_option(void);
void server_wait_until_ready(struct server *server);     /* by /readyz */
void server_wait_until_answering(struct server *server); /* by /api/v1/status */

/* ---- Calls of a client ---- */

/* Any call, to a path that begins with `/`. The caller releases the answer. Fails if there is none. */
void server_call(struct server *server, const char *method, const char *path, const char *body, struct http_response *out);

/* The same for a server that may be in the middle of a restart: false if there was no answer within `timeout_ms`. */
bool server_try_call(struct server *server, const char *method, const char *path, const char *body, int timeout_ms,
                     struct http_response *out);

/* GET that must be answered with 200 and JSON; the caller owns it. */
json_t *server_get(struct server *server, const char *path);

/* The output of /metrics, in the server's arena; and the value of one metric, named as there with its labels, or 0. */
const char *server_metrics(struct server *server);
double server_metric(struct server *server, const char *name_and_labels);

struct server_accepted {
    const char *id;
    bool created;
};

/* POST of a publication that must be accepted. */
struct server_accepted server_publish(struct server *server, const char *body);

/* POST of any body to `path` that must be accepted. */
struct server_accepted server_post(struct server *server, const char *path, const char *body);

/* Pushes the package's source and posts the request; returns the job's id. The one with `expect` in its name also waits for
 * success. */
const char *server_post_package(struct server *server, const struct package *package);
const char *server_expect_published(struct server *server, const struct package *package);

/* Waits for the job's end and returns the job with its lines from DEBUG up; the caller owns it. */
json_t *server_wait_for_job(struct server *server, const char *id);

/* The same for a job that must succeed (its log is printed otherwise); returns nothing. */
void server_expect_success(struct server *server, const char *id);

/* Waits until the job is in that state: "pending", "running", "succeeded", "failed". */
void server_wait_for_state(struct server *server, const char *id, const char *state);

int64_t server_job_time(const json_t *job, const char *key);             /* a time of the job in ms, which must exist */
const char *server_job_text(const json_t *job, const char *key);         /* "" if there is no such text */
const char *server_last_error(struct server *server, const json_t *job); /* the last line, which must be at ERROR */
const char *server_log_text(struct server *server, const json_t *job);   /* `LEVEL message` lines */

#endif
