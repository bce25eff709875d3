/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/store/redis/github_store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/store/job/job_steps.h"

enum { KEPT_DAYS = 90, DAY_S = 24 * 3600 };

/* ---- Looks ---- */

enum status look_note_read(struct job_store *store, const char *work, const char *package, struct look_note *out,
                           struct error *err) {
    struct redis_reply *reply;
    *out = (struct look_note){0};
    enum status status = redis_call(store->redis, &reply, err, "HGET github:looks:%s %s", work, package);
    if (!status && sscanf(reply->text, "%" SCNd64 " %" SCNd64, &out->round_ms, &out->begun_ms) != 2)
        *out = (struct look_note){0};
    return status;
}

enum status look_note_write(struct job_store *store, const char *work, const char *package, const struct look_note *note,
                            struct error *err) {
    struct redis_reply *reply;
    char value[64];
    snprintf(value, sizeof value, "%" PRId64 " %" PRId64, note->round_ms, note->begun_ms);
    return redis_call(store->redis, &reply, err, "HSET github:looks:%s %s %s", work, package, value);
}

/* ---- ETags ---- */

enum status kept_etag_read(struct job_store *store, const char *question, struct kept_etag *out, struct error *err) {
    char key[SHA256_HEX_MAX];
    struct redis_reply *reply;
    *out = (struct kept_etag){0};
    hash_sha256_hex(question, strlen(question), key);
    enum status status = redis_call(store->redis, &reply, err, "GETEX github:etag:%s EX %d", key, KEPT_DAYS * DAY_S);
    if (status || reply->length < 3 || reply->length >= GITHUB_ETAG_MAX + 2) return status;
    out->has_next = reply->text[0] == '1';
    snprintf(out->etag, sizeof out->etag, "%s", reply->text + 2);
    return STATUS_OK;
}

enum status kept_etag_write(struct job_store *store, const char *question, const struct kept_etag *etag, struct error *err) {
    char key[SHA256_HEX_MAX], value[GITHUB_ETAG_MAX + 2];
    struct redis_reply *reply;
    hash_sha256_hex(question, strlen(question), key);
    snprintf(value, sizeof value, "%d %s", etag->has_next, etag->etag);
    return redis_call(store->redis, &reply, err, "SET github:etag:%s %s EX %d", key, value, KEPT_DAYS * DAY_S);
}

/* ---- Commits ---- */

enum status kept_commit_time_read(struct job_store *store, const char *commit, int64_t *time_ms, struct error *err) {
    struct redis_reply *reply;
    enum status status = redis_call(store->redis, &reply, err, "GETEX github:commit:%s EX %d", commit, KEPT_DAYS * DAY_S);
    *time_ms = status ? 0 : redis_reply_number(reply, 0);
    return status;
}

enum status kept_commit_time_write(struct job_store *store, const char *commit, int64_t time_ms, struct error *err) {
    struct redis_reply *reply;
    return redis_call(store->redis, &reply, err, "SET github:commit:%s %lld EX %d", commit, (long long)time_ms,
                      KEPT_DAYS * DAY_S);
}
