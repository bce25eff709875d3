/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/http/github_repos.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/memory.h"
#include "lib/base/metrics.h"
#include "lib/base/percent.h"
#include "lib/base/text.h"
#include "lib/base/url.h"
#include "lib/tools/http/github_request.h"

enum {
    TIMEOUT_MS = 20000,   /* of one request */
    TRIES = 3,            /* of one that may pass */
    FIRST_PAUSE_MS = 500, /* before the second try; doubled */
    LIMIT_BYTES = 4 << 20,
    HOPS_MAX = 3, /* redirects from one repository */
};

/* Kinds of answers, for the metrics. */
enum answer { ANSWER_FOUND, ANSWER_UNCHANGED, ANSWER_GONE, ANSWER_MOVED, ANSWER_LIMITED, ANSWER_FAILED, ANSWER_COUNT };
static const char *const answer_names[ANSWER_COUNT] = {"found", "unchanged", "gone", "moved", "limited", "failed"};

struct github_repos {
    const char *base_url;
    struct http_connections *connections;
    atomic_llong limited_until_ms;
    atomic_llong answers[ANSWER_COUNT];
};

struct github_repos *github_repos_create(const char *base_url) {
    struct github_repos *repos = memory_alloc(sizeof *repos);
    repos->base_url = base_url;
    repos->connections = http_connections_create();
    return repos;
}

void github_repos_free(struct github_repos *repos) {
    if (!repos) return;
    http_connections_free(repos->connections);
    free(repos);
}

int64_t github_repos_limited_until_ms(struct github_repos *repos) {
    return atomic_load(&repos->limited_until_ms);
}

void github_repos_measure(struct github_repos *repos, struct metrics *metrics) {
    if (!repos) return;
    for (size_t i = 0; i < ANSWER_COUNT; i++) {
        const char *const labels[] = {"answer", answer_names[i], NULL};
        metrics_add(metrics, METRIC_COUNTER, "registry_github_answers_total",
                    "Requests about repositories to the GitHub API, by the kind of answer.", labels,
                    (double)atomic_load(&repos->answers[i]));
    }
}

/* ---- One request ---- */

/* An answer being read. */
struct exchange {
    struct github_repos *repos;
    const struct github_question *question;
    struct text url;
    struct http_response response;
    json_t *json; /* of a 200 */
};

static void exchange_release(struct exchange *exchange) {
    json_decref(exchange->json);
    http_response_release(&exchange->response);
    text_release(&exchange->url);
}

/* `path` follows /repos/OWNER/REPO. */
static void exchange_init(struct exchange *out, struct github_repos *repos, const struct github_question *question,
                          const char *path) {
    *out = (struct exchange){.repos = repos, .question = question};
    url_append_base(&out->url, repos->base_url);
    text_append(&out->url, "/repos/");
    percent_encode(&out->url, question->repository.owner, PERCENT_VALUE);
    text_append_character(&out->url, '/');
    percent_encode(&out->url, question->repository.name, PERCENT_VALUE);
    text_append(&out->url, path);
}

static enum status count(struct exchange *exchange, enum answer answer, enum status status) {
    atomic_fetch_add(&exchange->repos->answers[answer], 1);
    return status;
}

static enum status check_limit(struct exchange *exchange, struct error *err) {
    if (atomic_load(&exchange->repos->limited_until_ms) <= clock_now_ms()) return STATUS_OK;
    return error_set(err, STATUS_BUSY, "GitHub's rate limit is used up at the moment.");
}

static enum status send_once(struct exchange *exchange, const char *etag, struct error *err) {
    const struct github_request request = {.url = text_view(&exchange->url),
                                           .token = exchange->question->token,
                                           .etag = etag,
                                           .timeout_ms = TIMEOUT_MS,
                                           .limit_bytes = LIMIT_BYTES,
                                           .deadline = exchange->question->deadline,
                                           .connections = exchange->repos->connections};
    http_response_release(&exchange->response);
    enum status status = check_limit(exchange, err);
    if (!status) status = github_request_send(&request, &exchange->response, err);
    if (status) return status;
    int64_t until_ms = github_limited_until_ms(&exchange->response);
    if (until_ms > 0) atomic_store(&exchange->repos->limited_until_ms, until_ms);
    if (github_is_limit(&exchange->response))
        return count(exchange, ANSWER_LIMITED, error_set(err, STATUS_BUSY, "GitHub's rate limit is used up at the moment."));
    if (exchange->response.status >= 500)
        return error_set(err, STATUS_UNAVAILABLE, "GitHub answered %d.", exchange->response.status);
    return STATUS_OK;
}

/* Sends the request, a few times if it fails in a way that may pass. */
static enum status send_request(struct exchange *exchange, const char *etag, struct error *err) {
    int pause_ms = FIRST_PAUSE_MS;
    enum status status = send_once(exchange, etag, err);
    for (int tries = 1; tries < TRIES && (status == STATUS_UNAVAILABLE || status == STATUS_TIMEOUT); tries++) {
        enum status over = deadline_pause(exchange->question->deadline, pause_ms, err);
        if (over) return over;
        pause_ms *= 2;
        status = send_once(exchange, etag, err);
    }
    if (status == STATUS_TOO_LARGE) status = err->status = STATUS_UNAVAILABLE;
    if (status == STATUS_UNAVAILABLE || status == STATUS_TIMEOUT) count(exchange, ANSWER_FAILED, status);
    return status;
}

static enum status malformed(const struct exchange *exchange, struct error *err) {
    return error_set(err, STATUS_UNAVAILABLE, "GitHub's answer about the repository %s/%s is malformed.",
                     exchange->question->repository.owner, exchange->question->repository.name);
}

/* True for a repository that does not exist, that is private, or that GitHub has blocked. (A 422 is for a commit.) */
static bool is_gone(int status) {
    return status == 404 || status == 410 || status == 403 || status == 451 || status == 409 || status == 422;
}

/* Reads an answer that is no redirect to follow. */
static enum status read_answer(struct exchange *exchange, enum github_found *found, struct error *err) {
    int status = exchange->response.status;
    if (status == 401)
        return count(exchange, ANSWER_FAILED, error_set(err, STATUS_UNAUTHORIZED, "GitHub does not accept GITHUB_TOKEN."));
    if (status == 304) {
        *found = GITHUB_UNCHANGED;
        return count(exchange, ANSWER_UNCHANGED, STATUS_OK);
    }
    if (is_gone(status)) {
        *found = GITHUB_GONE;
        return count(exchange, ANSWER_GONE, STATUS_OK);
    }
    if (status == 301 || status == 308) {
        *found = GITHUB_MOVED;
        return count(exchange, ANSWER_MOVED, STATUS_OK);
    }
    *found = GITHUB_FOUND;
    const struct text *body = &exchange->response.body;
    if (status != 200) return count(exchange, ANSWER_FAILED, error_set(err, STATUS_UNAVAILABLE, "GitHub answered %d.", status));
    if (json_read(&exchange->json, text_view(body), body->length, "GitHub's answer", err))
        return count(exchange, ANSWER_FAILED, malformed(exchange, err));
    return count(exchange, ANSWER_FOUND, STATUS_OK);
}

static enum status ask(struct exchange *exchange, enum github_found *found, struct error *err) {
    enum status status = send_request(exchange, exchange->question->etag, err);
    return status ? status : read_answer(exchange, found, err);
}

static void copy_etag(const struct exchange *exchange, char out[GITHUB_ETAG_MAX]) {
    struct text etag = {0};
    *out = '\0';
    if (http_response_header(&exchange->response, "etag", &etag) && etag.length < GITHUB_ETAG_MAX)
        memcpy(out, etag.bytes, etag.length + 1);
    text_release(&etag);
}

/* ---- Tags ---- */

static enum status read_tag_list(const struct exchange *exchange, struct arena *arena, struct github_tags *out,
                                 struct error *err) {
    size_t index;
    json_t *tag;
    if (!json_is_array(exchange->json)) return malformed(exchange, err);
    out->tags = arena_alloc(arena, (json_array_size(exchange->json) + 1) * sizeof *out->tags);
    json_array_foreach(exchange->json, index, tag) {
        const char *name = json_string_value(json_object_get(tag, "name"));
        const char *commit = json_string_value(json_object_get(json_object_get(tag, "commit"), "sha"));
        if (!name || !commit) return malformed(exchange, err);
        out->tags[out->count++] = (struct repository_tag){arena_copy(arena, name), arena_copy(arena, commit)};
    }
    return STATUS_OK;
}

enum status github_read_tags(struct github_repos *repos, const struct github_question *question, int page, struct arena *arena,
                             struct github_tags *out, struct error *err) {
    struct exchange exchange;
    struct text link = {0};
    char path[64];
    *out = (struct github_tags){0};
    snprintf(path, sizeof path, "/tags?per_page=%d&page=%d", GITHUB_TAGS_PER_PAGE, page);
    exchange_init(&exchange, repos, question, path);
    enum status status = ask(&exchange, &out->found, err);
    if (!status && out->found == GITHUB_FOUND) {
        status = read_tag_list(&exchange, arena, out, err);
        out->has_next = http_response_header(&exchange.response, "link", &link) && strstr(link.bytes, "rel=\"next\"");
        copy_etag(&exchange, out->etag);
    }
    text_release(&link);
    exchange_release(&exchange);
    return status;
}

enum status github_read_commit_time(struct github_repos *repos, const struct github_question *question, const char *commit,
                                    enum github_found *found, int64_t *time_ms, struct error *err) {
    struct exchange exchange;
    struct text path = {0};
    text_append(&path, "/commits/");
    percent_encode(&path, commit, PERCENT_VALUE);
    exchange_init(&exchange, repos, question, path.bytes);
    enum status status = ask(&exchange, found, err);
    if (!status && *found == GITHUB_FOUND) {
        const json_t *committer = json_object_get(json_object_get(exchange.json, "commit"), "committer");
        const char *date = json_string_value(json_object_get(committer, "date"));
        if (!date || !time_parse(date, time_ms)) status = malformed(&exchange, err);
    }
    text_release(&path);
    exchange_release(&exchange);
    return status;
}

/* ---- Moved repositories ---- */

/* Follows the answer's redirect; only to GitHub itself, since the token goes along. */
static enum status follow(struct exchange *exchange, struct error *err) {
    struct text to = {0};
    bool is_followed = http_response_header(&exchange->response, "location", &to) &&
                       url_is_same_server(text_view(&to), exchange->repos->base_url);
    if (is_followed) {
        text_clear(&exchange->url);
        text_append(&exchange->url, to.bytes);
    }
    text_release(&to);
    return is_followed ? send_request(exchange, NULL, err) : malformed(exchange, err);
}

static enum status read_place(const struct exchange *exchange, struct arena *arena, struct github_place *out,
                              struct error *err) {
    const char *name = json_string_value(json_object_get(exchange->json, "name"));
    const char *owner = json_string_value(json_object_get(json_object_get(exchange->json, "owner"), "login"));
    if (!name || !owner) return malformed(exchange, err);
    out->repository = (struct github_repository){arena_copy(arena, owner), arena_copy(arena, name)};
    return STATUS_OK;
}

static bool is_permanent(int status) {
    return status == 301 || status == 308;
}

enum status github_find_repository(struct github_repos *repos, const struct github_question *question, struct arena *arena,
                                   struct github_place *out, struct error *err) {
    struct exchange exchange;
    *out = (struct github_place){0};
    exchange_init(&exchange, repos, question, "");
    enum status status = send_request(&exchange, question->etag, err);
    bool has_moved = !status && is_permanent(exchange.response.status);
    if (!status && (exchange.response.status == 302 || exchange.response.status == 307)) goto out; /* it stays where it is */
    for (int hops = 0; !status && is_permanent(exchange.response.status) && hops < HOPS_MAX; hops++)
        status = follow(&exchange, err);
    if (!status) status = read_answer(&exchange, &out->found, err);
    if (!status && out->found == GITHUB_MOVED) status = malformed(&exchange, err);
    if (!status && out->found == GITHUB_FOUND && !has_moved) copy_etag(&exchange, out->etag);
    if (!status && out->found == GITHUB_FOUND && has_moved) {
        status = read_place(&exchange, arena, out, err);
        out->found = GITHUB_MOVED;
    }
out:
    exchange_release(&exchange);
    return status;
}
