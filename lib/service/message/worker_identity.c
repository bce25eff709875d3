/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/service/message/worker_identity.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/secret.h"

static const char host_characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";

static void print_digest(const char *secret, char out[WORKER_DIGEST_DIGITS + 1]) {
    char hex[SHA256_HEX_MAX];
    hash_sha256_hex(secret, strlen(secret), hex);
    snprintf(out, WORKER_DIGEST_DIGITS + 1, "%.*s", WORKER_DIGEST_DIGITS, hex);
}

void worker_identity_make(struct worker_identity *out, const char *host) {
    unsigned char bytes[(WORKER_SECRET_MAX - 1) / 2];
    char digest[WORKER_DIGEST_DIGITS + 1];
    hash_random_bytes(bytes, sizeof bytes);
    hash_hex(bytes, sizeof bytes, out->secret);
    secret_keep(out->secret);
    print_digest(out->secret, digest);
    snprintf(out->name, sizeof out->name, "%.*s-%s", WORKER_HOST_MAX - 1, *host ? host : "worker", digest);
    for (char *at = out->name; *at; at++)
        if (!strchr(host_characters, *at)) *at = '-';
}

/* The digest at the name's end, or NULL. */
static const char *digest_of(const char *name) {
    size_t length = name ? strlen(name) : 0;
    bool is_name = length > WORKER_DIGEST_DIGITS + 1 && length < WORKER_NAME_MAX && strspn(name, host_characters) == length &&
                   name[length - WORKER_DIGEST_DIGITS - 1] == '-';
    return is_name ? name + length - WORKER_DIGEST_DIGITS : NULL;
}

enum status worker_identity_check(const char *name, const char *secret, struct error *err) {
    char digest[WORKER_DIGEST_DIGITS + 1];
    const char *expected = digest_of(name);
    if (!expected)
        return error_set_at(err, STATUS_INVALID, "worker",
                            "The field \"worker\" must be of the form HOST-DIGEST, with %d digits.", WORKER_DIGEST_DIGITS);
    print_digest(secret ? secret : "", digest);
    if (secret && strcmp(digest, expected) == 0) return STATUS_OK;
    return error_set_at(err, STATUS_INVALID, "secret", "The message does not come from the worker that it names.");
}
