/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Shared by the files of the stand-in for GitHub, and private to them: github_server.c has the server, users, teams and issues,
 * github_server_repos.c the repositories.
 */
#ifndef TESTS_SUPPORT_SERVER_GITHUB_SERVER_PARTS_H
#define TESTS_SUPPORT_SERVER_GITHUB_SERVER_PARTS_H

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>

#include "lib/base/text.h"
#include "tests/support/http/http_message.h"
#include "tests/support/server/github_server.h"

enum { GITHUB_TOKENS_MAX = 16 };

struct token {
    const char *text, *login;
    bool may_see_team;
};

struct github_server {
    pthread_t thread;
    int listener;
    char url[64];
    atomic_bool is_stopping;
    atomic_int mode;
    atomic_size_t page_size, unchanged;
    pthread_mutex_t mutex; /* guards the fields below */
    struct token tokens[GITHUB_TOKENS_MAX];
    json_t *members; /* {LOGIN: true} */
    json_t
        *repositories; /* {owner/name in lower case: {"id", "name": OWNER/NAME, "tags": [{"name", "commit", "date"}]}}; one that
                             has moved has "to" in place of tags */
    int64_t last_id;   /* of a repository */
    size_t calls_left; /* before the rate limit is used up */
    int64_t limit_s, limited_until_s; /* how long it then is; 0: it is not */
    char failing[128];                /* calls whose path begins so are answered 502, so many times */
    size_t failures_left;
    struct text calls; /* `METHOD PATH` lines of all calls */
    struct text lines; /* of successful calls */
    struct text taken;
};

/* One call being answered. */
struct call {
    struct github_server *server;
    int connection;
    const struct http_message *message;
    struct token token; /* login NULL: an unknown token */
};

/* Sends an answer. */
void github_server_answer(struct call *call, const char *status, const char *headers, const char *body);

/* The JSON, or 304 if the client has it. */
void github_server_answer_kept(struct call *call, const char *more_headers, const char *json);

/* The number after `name` in a query; 0: there is none. */
size_t github_server_query_number(const char *query, const char *name);

/* Answers a call about a repository; false: it is about something else. */
bool github_server_answer_repository(struct call *call);

void github_server_count_against_limit(struct call *call);

/* Answers a call that is made to fail, or that the rate limit refuses. */
bool github_server_refuse(struct call *call);

#endif
