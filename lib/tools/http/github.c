/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/http/github.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/deadline.h"
#include "lib/base/hash.h"
#include "lib/base/json.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/base/url.h"
#include "lib/tools/http/github_request.h"

enum {
    ANSWERS_MAX = 64, /* least recently used ones are evicted */
    LIMITS_MAX = 16,
    PAGES_MAX = 50,
    TIMEOUT_MS = 4000, /* of one request */
};

/* The cached answer to one question with one token. */
struct kept_answer {
    unsigned char question[SHA256_BYTES]; /* of token and path */
    char *etag;                           /* NULL: the slot is free */
    char *body;
    bool has_next;
    uint64_t used; /* github.uses at its last use */
};

/* A token that must not be used before `until_ms`, by GitHub's rate limit. */
struct limit {
    unsigned char token[SHA256_BYTES];
    int64_t until_ms;
};

struct github {
    const char *base_url;
    struct http_connections *connections;
    pthread_mutex_t mutex; /* guards the fields below */
    struct kept_answer answers[ANSWERS_MAX];
    struct limit limits[LIMITS_MAX];
    uint64_t uses;
};

/* ---- Forms ---- */

bool github_is_login(const char *text) {
    size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-");
    return length > 0 && length < GITHUB_LOGIN_MAX && text[length] == '\0';
}

bool github_is_token(const char *text) {
    static const char *const prefixes[] = {"ghp_", "gho_", "ghu_", "github_pat_"};
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    enum { REST_MIN = 16 };
    size_t length = strlen(text);
    if (length >= GITHUB_TOKEN_MAX || strspn(text, alphabet) != length) return false;
    if (length == 40 && strspn(text, "0123456789abcdef") == length) return true;
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (text_starts_with(text, prefixes[i])) return length >= strlen(prefixes[i]) + REST_MIN;
    return false;
}

/* ---- Cached answers ---- */

struct github *github_create(const char *base_url) {
    struct github *github = memory_alloc(sizeof *github);
    github->base_url = base_url;
    github->connections = http_connections_create();
    pthread_mutex_init(&github->mutex, NULL);
    return github;
}

void github_free(struct github *github) {
    if (!github) return;
    for (size_t i = 0; i < ANSWERS_MAX; i++) {
        free(github->answers[i].etag);
        free(github->answers[i].body);
    }
    pthread_mutex_destroy(&github->mutex);
    http_connections_free(github->connections);
    free(github);
}

/* One question in progress. */
struct question {
    struct github *github;
    const char *token;
    const char *path;
    unsigned char token_digest[SHA256_BYTES];
    unsigned char digest[SHA256_BYTES]; /* of token and path */
    struct deadline *deadline;
};

static void question_init(struct question *question, struct github *github, const char *token, const char *path,
                          struct deadline *deadline) {
    *question = (struct question){.github = github, .token = token, .path = path, .deadline = deadline};
    hash_sha256(token, strlen(token), question->token_digest);
    struct text both = {0};
    text_append_bytes(&both, question->token_digest, SHA256_BYTES);
    text_append(&both, path);
    hash_sha256(both.bytes, both.length, question->digest);
    text_release(&both);
}

/* The slot of the question's answer, or the one to use for it. Call with the mutex held. */
static struct kept_answer *find_place(const struct question *question) {
    struct github *github = question->github;
    struct kept_answer *oldest = &github->answers[0];
    for (size_t i = 0; i < ANSWERS_MAX; i++) {
        struct kept_answer *answer = &github->answers[i];
        if (answer->etag && memcmp(answer->question, question->digest, SHA256_BYTES) == 0) return answer;
        if (oldest->etag && (!answer->etag || answer->used < oldest->used)) oldest = answer;
    }
    return oldest;
}

static bool is_for(const struct kept_answer *answer, const struct question *question) {
    return answer->etag && memcmp(answer->question, question->digest, SHA256_BYTES) == 0;
}

/* Appends the cached answer's ETag; false if none is cached. */
static bool append_etag(const struct question *question, struct text *out) {
    struct github *github = question->github;
    pthread_mutex_lock(&github->mutex);
    const struct kept_answer *answer = find_place(question);
    bool is_kept = is_for(answer, question);
    if (is_kept) text_append(out, answer->etag);
    pthread_mutex_unlock(&github->mutex);
    return is_kept;
}

static void keep_answer(const struct question *question, const char *etag, const char *body, bool has_next) {
    struct github *github = question->github;
    pthread_mutex_lock(&github->mutex);
    struct kept_answer *answer = find_place(question);
    free(answer->etag);
    free(answer->body);
    memcpy(answer->question, question->digest, SHA256_BYTES);
    answer->etag = memory_copy_text(etag);
    answer->body = memory_copy_text(body);
    answer->has_next = has_next;
    answer->used = ++github->uses;
    pthread_mutex_unlock(&github->mutex);
}

static bool read_kept_answer(const struct question *question, struct text *body, bool *has_next) {
    struct github *github = question->github;
    pthread_mutex_lock(&github->mutex);
    struct kept_answer *answer = find_place(question);
    bool is_kept = is_for(answer, question);
    if (is_kept) {
        text_append(body, answer->body);
        *has_next = answer->has_next;
        answer->used = ++github->uses;
    }
    pthread_mutex_unlock(&github->mutex);
    return is_kept;
}

/* ---- Limits ---- */

static bool is_limited(const struct question *question) {
    struct github *github = question->github;
    bool is_limited = false;
    pthread_mutex_lock(&github->mutex);
    for (size_t i = 0; i < LIMITS_MAX; i++)
        if (github->limits[i].until_ms > clock_now_ms() &&
            memcmp(github->limits[i].token, question->token_digest, SHA256_BYTES) == 0)
            is_limited = true;
    pthread_mutex_unlock(&github->mutex);
    return is_limited;
}

static void limit_token(const struct question *question, int64_t until_ms) {
    struct github *github = question->github;
    pthread_mutex_lock(&github->mutex);
    struct limit *place = &github->limits[0];
    for (size_t i = 1; i < LIMITS_MAX; i++)
        if (github->limits[i].until_ms < place->until_ms) place = &github->limits[i];
    memcpy(place->token, question->token_digest, SHA256_BYTES);
    place->until_ms = until_ms;
    pthread_mutex_unlock(&github->mutex);
}

static void obey_limits(const struct question *question, const struct http_response *response) {
    int64_t until_ms = github_limited_until_ms(response);
    if (until_ms > 0) limit_token(question, until_ms);
}

/* ---- Questions ---- */

static enum status send_question(const struct question *question, struct http_response *response, struct error *err) {
    struct text url = {0}, etag = {0};
    url_append_base(&url, question->github->base_url);
    text_append(&url, question->path);
    bool is_conditional = append_etag(question, &etag);
    const struct github_request request = {.url = text_view(&url),
                                           .token = question->token,
                                           .etag = is_conditional ? text_view(&etag) : NULL,
                                           .timeout_ms = TIMEOUT_MS,
                                           .deadline = question->deadline,
                                           .connections = question->github->connections};
    enum status status = github_request_send(&request, response, err);
    text_release(&etag);
    text_release(&url);
    return status;
}

/* Appends the answer's body, new or cached. */
static enum status take_answer(const struct question *question, const struct http_response *response, struct text *body,
                               bool *has_next, struct error *err) {
    if (response->status == 401) return error_set(err, STATUS_UNAUTHORIZED, "GitHub does not accept this token.");
    if (response->status == 304 && read_kept_answer(question, body, has_next)) return STATUS_OK;
    if (response->status != 200)
        return error_set(err, STATUS_UNAVAILABLE, "GitHub answered %d to GET %s.", response->status, question->path);
    struct text link = {0}, etag = {0};
    *has_next = http_response_header(response, "link", &link) && strstr(link.bytes, "rel=\"next\"");
    text_append_bytes(body, text_view(&response->body), response->body.length);
    if (http_response_header(response, "etag", &etag) && etag.length > 0)
        keep_answer(question, etag.bytes, text_view(body), *has_next);
    text_release(&etag);
    text_release(&link);
    return STATUS_OK;
}

/* GET PATH with the token; parses the answer, which the caller owns. */
static enum status ask(json_t **out, bool *has_next, const struct question *question, struct error *err) {
    struct http_response response = {0};
    struct text body = {0};
    enum status status = STATUS_OK;
    *has_next = false;
    if (is_limited(question)) return error_set(err, STATUS_UNAVAILABLE, "GitHub's rate limit is used up at the moment.");
    status = send_question(question, &response, err);
    if (!status) obey_limits(question, &response);
    if (!status) status = take_answer(question, &response, &body, has_next, err);
    if (!status && json_read(out, text_view(&body), body.length, "GitHub's answer", err))
        status = err->status = STATUS_UNAVAILABLE;
    text_release(&body);
    http_response_release(&response);
    return status;
}

static enum status misunderstood(const struct question *question, struct error *err) {
    return error_set(err, STATUS_UNAVAILABLE, "GitHub's answer to GET %s is malformed.", question->path);
}

/* The object's login; NULL if it is missing or malformed. */
static const char *login_of(const json_t *object) {
    const char *login = json_string_value(json_object_get(object, "login"));
    return login && github_is_login(login) ? login : NULL;
}

enum status github_read_login(struct github *github, const char *token, char out[GITHUB_LOGIN_MAX], struct deadline *deadline,
                              struct error *err) {
    json_t *user = NULL;
    bool has_next;
    struct question question;
    question_init(&question, github, token, "/user", deadline);
    enum status status = ask(&user, &has_next, &question, err);
    const char *login = login_of(user);
    if (!status && !login) status = misunderstood(&question, err);
    if (!status) memcpy(out, login, strlen(login) + 1);
    json_decref(user);
    return status;
}

static enum status add_members(struct github_team *out, const json_t *page, const struct question *question,
                               struct arena *arena, struct error *err) {
    size_t index;
    json_t *member;
    if (!json_is_array(page)) return misunderstood(question, err);
    const char **logins = arena_alloc(arena, (out->count + json_array_size(page) + 1) * sizeof *logins);
    if (out->count > 0) memcpy(logins, out->logins, out->count * sizeof *logins);
    out->logins = logins;
    json_array_foreach(page, index, member) {
        /* Bots can be members: their logins have brackets, and are of no use here. */
        const char *login = login_of(member);
        if (login) logins[out->count++] = arena_copy(arena, login);
    }
    return STATUS_OK;
}

enum status github_read_team(struct github *github, const char *token, const char *organization, const char *team,
                             struct arena *arena, struct github_team *out, struct deadline *deadline, struct error *err) {
    *out = (struct github_team){0};
    bool has_next = true;
    for (int number = 1; has_next; number++) {
        json_t *page = NULL;
        struct question question;
        const char *path = arena_format(arena, "/orgs/%s/teams/%s/members?per_page=100&page=%d", organization, team, number);
        question_init(&question, github, token, path, deadline);
        enum status status = number <= PAGES_MAX ? ask(&page, &has_next, &question, err) : misunderstood(&question, err);
        if (status == STATUS_UNAUTHORIZED)
            status = error_set(err, STATUS_UNAVAILABLE, "GitHub does not accept the server's own token, PACCHETTIBOTTI_TOKEN.");
        if (!status) status = add_members(out, page, &question, arena, err);
        json_decref(page);
        if (status) return status;
    }
    return STATUS_OK;
}
