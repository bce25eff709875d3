/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/server/github_server_parts.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "tests/support/cmocka_all.h"

enum { NAME_MAX_BYTES = 160 };

/* ---- What the test says ---- */

static void make_key(char out[NAME_MAX_BYTES], const char *repository) {
    size_t i = 0;
    for (; repository[i] && i < NAME_MAX_BYTES - 1; i++)
        out[i] = (char)tolower((unsigned char)repository[i]);
    out[i] = '\0';
}

/* Call with the mutex held; so do the functions below. */
static json_t *find(struct github_server *server, const char *repository) {
    char key[NAME_MAX_BYTES];
    make_key(key, repository);
    return json_object_get(server->repositories, key);
}

static json_t *must_find(struct github_server *server, const char *repository) {
    json_t *found = find(server, repository);
    if (!found || !json_object_get(found, "tags")) fail_msg("the stand-in has no repository %s", repository);
    return found;
}

static void put(struct github_server *server, const char *repository, json_t *value) {
    char key[NAME_MAX_BYTES];
    make_key(key, repository);
    assert_int_equal(json_object_set_new(server->repositories, key, value), 0);
}

void github_server_add_repository(struct github_server *server, const char *repository) {
    pthread_mutex_lock(&server->mutex);
    put(server, repository, json_pack("{s:I, s:s, s:[]}", "id", (json_int_t)++server->last_id, "name", repository, "tags"));
    pthread_mutex_unlock(&server->mutex);
}

void github_server_remove_repository(struct github_server *server, const char *repository) {
    char key[NAME_MAX_BYTES];
    make_key(key, repository);
    pthread_mutex_lock(&server->mutex);
    json_object_del(server->repositories, key);
    pthread_mutex_unlock(&server->mutex);
}

void github_server_tag(struct github_server *server, const char *repository, const char *tag, const char *commit,
                       int64_t time_ms) {
    char date[TIME_TEXT_MAX];
    time_print(time_ms, date);
    pthread_mutex_lock(&server->mutex);
    json_t *tags = json_object_get(must_find(server, repository), "tags"), *old;
    size_t i;
    json_array_foreach(tags, i, old) {
        if (!text_equal(json_string_value(json_object_get(old, "name")), tag)) continue;
        json_array_remove(tags, i);
        break;
    }
    /* GitHub's dates have no fractional digits. */
    json_t *value = json_pack("{s:s, s:s, s:s}", "name", tag, "commit", commit, "date", strcat(strtok(date, "."), "Z"));
    assert_int_equal(json_array_append_new(tags, value), 0);
    pthread_mutex_unlock(&server->mutex);
}

void github_server_move_repository(struct github_server *server, const char *repository, const char *to) {
    pthread_mutex_lock(&server->mutex);
    json_t *moved = json_deep_copy(must_find(server, repository));
    json_object_set_new(moved, "name", json_string(to));
    put(server, repository, json_pack("{s:s}", "to", to));
    put(server, to, moved);
    pthread_mutex_unlock(&server->mutex);
}

void github_server_limit(struct github_server *server, size_t calls, int64_t seconds) {
    pthread_mutex_lock(&server->mutex);
    server->calls_left = calls;
    server->limit_s = seconds;
    server->limited_until_s = 0;
    pthread_mutex_unlock(&server->mutex);
}

void github_server_fail(struct github_server *server, const char *path, size_t count) {
    pthread_mutex_lock(&server->mutex);
    snprintf(server->failing, sizeof server->failing, "%s", path);
    server->failures_left = count;
    pthread_mutex_unlock(&server->mutex);
}

/* ---- Limits and failures ---- */

void github_server_count_against_limit(struct call *call) {
    struct github_server *server = call->server;
    pthread_mutex_lock(&server->mutex);
    if (server->calls_left > 0 && server->calls_left < SIZE_MAX) server->calls_left--;
    pthread_mutex_unlock(&server->mutex);
}

/* Until when calls are refused, in seconds; 0: they are not. */
static int64_t limited_until_s(struct github_server *server) {
    int64_t now_s = clock_now_ms() / 1000;
    if (server->calls_left > 0) return 0;
    if (server->limited_until_s == 0) server->limited_until_s = now_s + server->limit_s;
    if (now_s < server->limited_until_s) return server->limited_until_s;
    server->calls_left = SIZE_MAX;
    return 0;
}

bool github_server_refuse(struct call *call) {
    struct github_server *server = call->server;
    pthread_mutex_lock(&server->mutex);
    bool fails = server->failures_left > 0 && text_starts_with(call->message->path, server->failing);
    int64_t until_s = limited_until_s(server);
    if (fails) server->failures_left--;
    pthread_mutex_unlock(&server->mutex);
    if (fails) github_server_answer(call, "502 Bad Gateway", "", "<html>Unicorn</html>");
    if (fails || until_s == 0) return fails;
    struct text headers = {0};
    text_append_format(&headers, "X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: %lld\r\n", (long long)until_s);
    github_server_answer(call, "403 Forbidden", text_view(&headers), "{\"message\":\"API rate limit exceeded\"}");
    text_release(&headers);
    return true;
}

/* ---- Answers ---- */

static void answer_json(struct call *call, const char *headers, json_t *json) {
    char *text = json_dumps(json, JSON_COMPACT);
    github_server_answer_kept(call, headers, text);
    free(text);
    json_decref(json);
}

static void answer_missing(struct call *call) {
    github_server_count_against_limit(call);
    github_server_answer(call, "404 Not Found", "", "{\"message\":\"Not Found\"}");
}

static void answer_tags(struct call *call, const json_t *repository) {
    const json_t *tags = json_object_get(repository, "tags");
    size_t wanted = github_server_query_number(call->message->query, "per_page=");
    size_t page = github_server_query_number(call->message->query, "&page=");
    size_t limit = atomic_load(&call->server->page_size), size = limit < wanted ? limit : wanted, i;
    struct text link = {0};
    json_t *list = json_array(), *tag;
    json_array_foreach(tags, i, tag) {
        if (size == 0 || i / size + 1 != page) continue;
        json_array_append_new(list, json_pack("{s:O, s:{s:O}}", "name", json_object_get(tag, "name"), "commit", "sha",
                                              json_object_get(tag, "commit")));
    }
    if (page * size < json_array_size(tags))
        text_append_format(&link, "Link: <%s%s?per_page=%zu&page=%zu>; rel=\"next\"\r\n", call->server->url,
                           call->message->path, wanted, page + 1);
    answer_json(call, text_view(&link), list);
    text_release(&link);
}

static void answer_commit(struct call *call, const json_t *repository, const char *commit) {
    size_t i;
    json_t *tag;
    json_array_foreach(json_object_get(repository, "tags"), i, tag) {
        if (!text_equal(json_string_value(json_object_get(tag, "commit")), commit)) continue;
        answer_json(call, "",
                    json_pack("{s:s, s:{s:{s:s}, s:{s:O}}}", "sha", commit, "commit", "author", "date", "2001-01-01T00:00:00Z",
                              "committer", "date", json_object_get(tag, "date")));
        return;
    }
    github_server_answer(call, "422 Unprocessable Entity", "", "{\"message\":\"No commit found for SHA\"}");
}

static void answer_itself(struct call *call, const json_t *repository) {
    const char *name = json_string_value(json_object_get(repository, "name")), *slash = strchr(name, '/');
    answer_json(call, "",
                json_pack("{s:O, s:s, s:s, s:{s:s%}}", "id", json_object_get(repository, "id"), "full_name", name, "name",
                          slash + 1, "owner", "login", name, (size_t)(slash - name)));
}

/* A repository that has moved: to the address by its id, as GitHub does. */
static void answer_moved(struct call *call, const json_t *repository, const char *rest) {
    struct github_server *server = call->server;
    struct text headers = {0};
    pthread_mutex_lock(&server->mutex);
    const json_t *target = find(server, json_string_value(json_object_get(repository, "to")));
    long long id = json_integer_value(json_object_get(target, "id"));
    pthread_mutex_unlock(&server->mutex);
    github_server_count_against_limit(call);
    text_append_format(&headers, "Location: %s/repositories/%lld%s\r\n", server->url, id, rest);
    github_server_answer(call, "301 Moved Permanently", text_view(&headers), "{\"message\":\"Moved Permanently\"}");
    text_release(&headers);
}

static json_t *find_by_id(struct github_server *server, long long id) {
    const char *key;
    json_t *repository;
    json_object_foreach(server->repositories, key, repository) {
        const json_t *number = json_object_get(repository, "id");
        if (number && json_integer_value(number) == id) return repository;
    }
    return NULL;
}

/* A repository that the test changes meanwhile may be answered in either state. */
bool github_server_answer_repository(struct call *call) {
    char owner[64], name[96], full[NAME_MAX_BYTES + 1];
    const char *path = call->message->path;
    long long id = 0;
    int length = 0;
    json_t *repository = NULL;
    if (strcmp(call->message->method, "GET") != 0) return false;
    bool is_by_id = sscanf(path, "/repositories/%lld%n", &id, &length) == 1;
    if (!is_by_id && sscanf(path, "/repos/%63[^/]/%95[^/]%n", owner, name, &length) != 2) return false;
    snprintf(full, sizeof full, "%s/%s", owner, name);
    pthread_mutex_lock(&call->server->mutex);
    repository = json_incref(is_by_id ? find_by_id(call->server, id) : find(call->server, full));
    pthread_mutex_unlock(&call->server->mutex);
    const char *rest = path + length;
    if (!repository)
        answer_missing(call);
    else if (json_object_get(repository, "to"))
        answer_moved(call, repository, rest);
    else if (*rest == '\0')
        answer_itself(call, repository);
    else if (strcmp(rest, "/tags") == 0)
        answer_tags(call, repository);
    else if (text_starts_with(rest, "/commits/"))
        answer_commit(call, repository, rest + strlen("/commits/"));
    else
        answer_missing(call);
    json_decref(repository);
    return true;
}
