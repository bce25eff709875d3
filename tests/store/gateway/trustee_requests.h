/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Requests of trustees to the gateway in this process.
 */
#ifndef TESTS_STORE_GATEWAY_TRUSTEE_REQUESTS_H
#define TESTS_STORE_GATEWAY_TRUSTEE_REQUESTS_H

#include "tests/store/gateway/gateway_scene.h"

#include "lib/base/secret.h"

#define TOKEN "ghp_TheTokenOfTrusteesInTests0123456"
#define OTHER "ghp_AnotherTokenThatIsNotConfigured0"
#define BODY(action, payload) "{\"action\":\"" action "\",\"actor\":\"a-trustee\",\"issue\":7,\"payload\":" payload "}"
#define TRANSFER BODY("transfer", "{\"name\":\"aff\",\"newLocation\":{\"githubOwner\":\"new\",\"githubRepo\":\"place\"}}")
#define UNPUBLISHING BODY("unpublish", "{\"name\":\"aff\",\"version\":\"1.0.0\"}")
#define UNAUTHORIZED 401
#define ADDRESS_1 "192.0.2.1"
#define ADDRESS_2 "192.0.2.2"

static inline void configure_token(struct gateway_scene *s, const char *token) {
    char digest[SHA256_HEX_MAX];
    hash_sha256_hex(token, strlen(token), digest);
    s->settings.trustee_token_sha256 = secret_keep(digest);
}

/* Serves with a setting by which every request can choose its address. */
static inline void serve_trustees(struct gateway_scene *s) {
    set_text(&s->settings.trusted_proxies, "127.0.0.1");
    serve(s);
}

/* `token` NULL: without; `address` NULL: 127.0.0.1. */
static inline struct answered ask_as(struct gateway_scene *s, const char *token, const char *address, const char *body) {
    struct arena *arena = &s->f.arena;
    const char *headers[3] = {0};
    size_t count = 0;
    if (token) headers[count++] = arena_format(arena, "Authorization: Bearer %s", token);
    if (address) headers[count++] = arena_format(arena, "X-Forwarded-For: %s", address);
    return ask_with(s, NULL, "/api/v1/trustee", headers, body);
}

static inline struct job trustee_job(struct gateway_scene *s, const char *body) {
    return get_job(&s->f, job_of(s, ask_as(s, TOKEN, NULL, body)));
}

#endif
