/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/publish/trustee_lookup.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/clock.h"
#include "lib/base/deadline.h"
#include "lib/base/digest_set.h"
#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/secret.h"
#include "lib/base/text.h"
#include "lib/domain/identity/sealed_secret.h"
#include "lib/domain/identity/signer.h"
#include "lib/store/redis/known_tokens.h"
#include "lib/tools/http/github.h"

enum {
    LOOK_UPS_PER_MINUTE = 30, /* of unknown tokens; as many again of tokens known to be a trustee's */
    OWNERS_MAX = 1024,
    TIMEOUT_MS = 6000,
    REDIS_TIMEOUT_MS = 500, /* without an answer, a token counts as unknown */
};
static const char organization[] = "purescript", team_name[] = "packaging";

/* A cached answer of GitHub about a token. */
struct token_owner {
    unsigned char token[SHA256_BYTES]; /* its hash */
    char login[GITHUB_LOGIN_MAX];      /* "": the token is not valid */
    int64_t until_ms;                  /* expiry, monotonic; 0: unused entry */
};

struct trustee_lookup {
    const struct settings *settings;
    struct github *github;
    pthread_mutex_t mutex; /* guards the fields below; never held during a request to GitHub */
    struct token_owner owners[OWNERS_MAX];
    struct arena team_arena; /* of `team` */
    struct github_team team;
    int64_t team_until_ms; /* expiry; 0: not loaded */
    int64_t minute_begins_ms;
    int new_look_ups, known_look_ups; /* in the current minute */
    struct digest_set *trustees;      /* hashes of trustees' tokens: unknown tokens do not use up their look-ups */
    pthread_mutex_t store_mutex;
    struct job_store *store; /* guarded by store_mutex; keeps those hashes across restarts */
};

enum status trustee_lookup_create(struct trustee_lookup **out, const struct settings *settings, struct error *err) {
    struct trustee_lookup *lookup = memory_alloc(sizeof *lookup);
    *out = lookup;
    lookup->settings = settings;
    lookup->github = github_create(settings->github_api_url);
    lookup->trustees = digest_set_create();
    pthread_mutex_init(&lookup->mutex, NULL);
    pthread_mutex_init(&lookup->store_mutex, NULL);
    return job_store_create(&lookup->store, settings->redis_url, REDIS_TIMEOUT_MS, err);
}

void trustee_lookup_free(struct trustee_lookup *lookup) {
    if (!lookup) return;
    github_free(lookup->github);
    digest_set_free(lookup->trustees);
    job_store_free(lookup->store);
    arena_release(&lookup->team_arena);
    pthread_mutex_destroy(&lookup->store_mutex);
    pthread_mutex_destroy(&lookup->mutex);
    free(lookup);
}

/* ---- The owner of a token ---- */

static bool find_owner(struct trustee_lookup *lookup, const unsigned char digest[SHA256_BYTES], char out[GITHUB_LOGIN_MAX]) {
    bool is_known = false;
    int64_t now_ms = clock_monotonic_ms();
    pthread_mutex_lock(&lookup->mutex);
    for (size_t i = 0; i < OWNERS_MAX && !is_known; i++) {
        const struct token_owner *owner = &lookup->owners[i];
        is_known = owner->until_ms > now_ms && hash_equal(owner->token, digest);
        if (is_known) memcpy(out, owner->login, GITHUB_LOGIN_MAX);
    }
    pthread_mutex_unlock(&lookup->mutex);
    return is_known;
}

static void keep_owner(struct trustee_lookup *lookup, const unsigned char digest[SHA256_BYTES],
                       const char login[GITHUB_LOGIN_MAX]) {
    pthread_mutex_lock(&lookup->mutex);
    struct token_owner *place = &lookup->owners[0];
    for (size_t i = 1; i < OWNERS_MAX; i++)
        if (lookup->owners[i].until_ms < place->until_ms) place = &lookup->owners[i];
    memcpy(place->token, digest, SHA256_BYTES);
    memcpy(place->login, login, GITHUB_LOGIN_MAX);
    place->until_ms = clock_monotonic_ms() + lookup->settings->trustee_lookup_ms;
    pthread_mutex_unlock(&lookup->mutex);
}

/* ---- Tokens known to be a trustee's ---- */

static void keep_known(struct trustee_lookup *lookup, const unsigned char digest[SHA256_BYTES]) {
    struct error err;
    digest_set_add(lookup->trustees, digest);
    pthread_mutex_lock(&lookup->store_mutex);
    enum status status = known_token_keep(lookup->store, digest, &err);
    pthread_mutex_unlock(&lookup->store_mutex);
    if (status) log_line(LOG_DEBUG, "known_token_not_stored", log_field("error", err.message));
}

static bool is_known(struct trustee_lookup *lookup, const unsigned char digest[SHA256_BYTES]) {
    struct error err;
    bool is_there = digest_set_has(lookup->trustees, digest);
    if (is_there) return true;
    pthread_mutex_lock(&lookup->store_mutex);
    enum status status = known_token_find(lookup->store, digest, &is_there, &err);
    pthread_mutex_unlock(&lookup->store_mutex);
    if (status) log_line(LOG_DEBUG, "known_token_read_failed", log_field("error", err.message));
    if (is_there) digest_set_add(lookup->trustees, digest);
    return is_there;
}

static bool may_look_up(struct trustee_lookup *lookup, const unsigned char digest[SHA256_BYTES]) {
    enum { MINUTE_MS = 60000 };
    bool was_trustee = is_known(lookup, digest);
    int64_t now_ms = clock_monotonic_ms();
    pthread_mutex_lock(&lookup->mutex);
    if (now_ms - lookup->minute_begins_ms >= MINUTE_MS) {
        lookup->minute_begins_ms = now_ms;
        lookup->new_look_ups = lookup->known_look_ups = 0;
    }
    int *look_ups = was_trustee ? &lookup->known_look_ups : &lookup->new_look_ups;
    bool is_allowed = *look_ups < LOOK_UPS_PER_MINUTE;
    if (is_allowed) ++*look_ups;
    pthread_mutex_unlock(&lookup->mutex);
    return is_allowed;
}

/* Sets `out` to the login of the token's owner, or "" if the token is not valid. STATUS_UNAVAILABLE: rate limit reached. */
static enum status look_up_owner(struct trustee_lookup *lookup, const char *token, const unsigned char digest[SHA256_BYTES],
                                 bool is_last_chance, char out[GITHUB_LOGIN_MAX], struct deadline *deadline,
                                 struct error *err) {
    memset(out, 0, GITHUB_LOGIN_MAX);
    if (!github_is_token(token)) return STATUS_OK;
    if (find_owner(lookup, digest, out) || is_last_chance) return STATUS_OK;
    if (!may_look_up(lookup, digest))
        return error_set(err, STATUS_UNAVAILABLE, "Too many tokens had to be looked up at GitHub in this minute.");
    enum status status = github_read_login(lookup->github, token, out, deadline, err);
    if (status == STATUS_UNAUTHORIZED) status = STATUS_OK;
    if (!status) keep_owner(lookup, digest, out);
    return status;
}

/* ---- The team ---- */

static bool team_has(const struct github_team *team, const char *login) {
    for (size_t i = 0; i < team->count; i++)
        if (strcasecmp(team->logins[i], login) == 0) return true;
    return false;
}

static enum status refresh_team(struct trustee_lookup *lookup, struct deadline *deadline, struct error *err) {
    const char *token = lookup->settings->pacchettibotti_token;
    if (!token)
        return error_set(err, STATUS_UNAVAILABLE,
                         "PACCHETTIBOTTI_TOKEN is not set, so GitHub cannot be asked for the members of the packaging team.");
    struct arena arena = {0};
    struct github_team team;
    enum status status = github_read_team(lookup->github, token, organization, team_name, &arena, &team, deadline, err);
    if (status) {
        arena_release(&arena);
        return status;
    }
    pthread_mutex_lock(&lookup->mutex);
    arena_release(&lookup->team_arena);
    lookup->team_arena = arena;
    lookup->team = team;
    lookup->team_until_ms = clock_monotonic_ms() + lookup->settings->trustee_lookup_ms;
    pthread_mutex_unlock(&lookup->mutex);
    return STATUS_OK;
}

/* Sets `out`: is `login` a trustee? False for "" and NULL. */
static enum status look_up_trustee(struct trustee_lookup *lookup, const char *login, bool *out, struct deadline *deadline,
                                   struct error *err) {
    *out = login && strcasecmp(login, SIGNER_PACCHETTIBOTTI) == 0;
    if (*out || !login || !*login) return STATUS_OK;
    pthread_mutex_lock(&lookup->mutex);
    bool is_known = lookup->team_until_ms > clock_monotonic_ms();
    pthread_mutex_unlock(&lookup->mutex);
    enum status status = is_known ? STATUS_OK : refresh_team(lookup, deadline, err);
    if (status) return status;
    pthread_mutex_lock(&lookup->mutex);
    *out = team_has(&lookup->team, login);
    pthread_mutex_unlock(&lookup->mutex);
    return STATUS_OK;
}

/* ---- The message ---- */

static enum status unseal(struct trustee_lookup *lookup, const struct message_trustee_query *query, struct arena *arena,
                          char **token, struct error *err) {
    *token = NULL;
    if (!query->token) return STATUS_OK;
    return secret_unseal(token, arena, lookup->settings->service_key, "trustee_query", query->token, err);
}

enum status trustee_lookup_answer(struct trustee_lookup *lookup, const struct message_trustee_query *query, struct arena *arena,
                                  struct message_trustee_answer *out, struct error *err) {
    struct deadline deadline;
    char *token, owner[GITHUB_LOGIN_MAX] = "";
    unsigned char digest[SHA256_BYTES];
    deadline_start(&deadline, TIMEOUT_MS);
    *out = (struct message_trustee_answer){0};
    enum status status = unseal(lookup, query, arena, &token, err);
    if (!status && token) {
        hash_sha256(token, strlen(token), digest);
        status = look_up_owner(lookup, token, digest, query->is_last_chance, owner, &deadline, err);
        secret_wipe(token, strlen(token));
    }
    out->token_is_known = *owner != '\0';
    out->owner = out->token_is_known ? arena_copy(arena, owner) : NULL;
    if (!status && *owner) status = look_up_trustee(lookup, owner, &out->owner_may, &deadline, err);
    if (!status && out->owner_may) keep_known(lookup, digest);
    /* A caller with a token learns about team members only if the token's owner is a trustee. */
    bool is_asked_for_actor = query->actor && (!token || out->owner_may);
    if (!status && is_asked_for_actor) status = look_up_trustee(lookup, query->actor, &out->actor_may, &deadline, err);
    if (status) log_line(LOG_WARN, "trustee_lookup_failed", log_field("error", err->message));
    return status;
}
