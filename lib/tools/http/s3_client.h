/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One bucket of an S3 server (lib/store/README.md, Storage): AWS, DigitalOcean's Spaces, or any compatible server with
 * Signature v4. Objects are small, and whole in memory. Temporary failures (no connection, timeouts, 429, 5xx) are retried with
 * backoff within the caller's deadline. Thread-safe; a connection pool keeps connections open.
 *
 * It applies no rule of the registry (lib/store/tarball/tarball_s3.c does), but its messages name the settings, for operators.
 */
#ifndef LIB_TOOLS_HTTP_S3_CLIENT_H
#define LIB_TOOLS_HTTP_S3_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/deadline.h"
#include "lib/base/error.h"

struct arena;
struct text;
struct s3_client;

struct s3_options {
    const char *endpoint; /* S3_BUCKET_URL: "https://HOST" or "http://HOST:PORT", without a path */
    const char *bucket;   /* S3_BUCKET */
    const char *region;   /* S3_REGION: the server's name for it in signatures, "ams3", "us-east-1" */
    const char *key;      /* the access key's name: SPACES_KEY */
    const char *secret;   /* never in an error: SPACES_SECRET */
    bool is_virtual_host; /* http://BUCKET.HOST/OBJECT, rather than http://HOST/BUCKET/OBJECT: S3_VIRTUAL_HOST */
    int try_timeout_ms;   /* per attempt of a request: S3_TIMEOUT_MS */
};

/* Sends nothing yet. The options are copied. STATUS_INVALID with the setting as path: a malformed option. */
CHECK_RESULT enum status s3_client_create(struct s3_client **out, const struct s3_options *options, struct error *err);
void s3_client_free(struct s3_client *client);

/* Appends the bucket's URL, https://HOST/BUCKET or https://BUCKET.HOST, of options that s3_client_create() accepts. */
void s3_append_bucket_url(struct text *out, const struct s3_options *options);

/* Takes effect with the next request. Thread-safe. */
void s3_client_set_key(struct s3_client *client, const char *key, const char *secret);

/* For all functions below: object names consist of letters, digits and `-_.~/`. STATUS_UNAVAILABLE: the server cannot be
 * reached, or refuses (also the key), with advice; the deadline (may be NULL) has its own statuses. */

struct s3_upload {
    const void *bytes;
    size_t length;
    const char *content_type;
    bool is_public; /* readable without credentials */
};

/* Writes the object, replacing an existing one. */
CHECK_RESULT enum status s3_client_put(struct s3_client *client, const char *object, const struct s3_upload *upload,
                                       struct deadline *deadline, struct error *err);

/* Appends the object's bytes. STATUS_NOT_FOUND: there is no such object; STATUS_TOO_LARGE above `limit_bytes`. */
CHECK_RESULT enum status s3_client_get(struct s3_client *client, const char *object, size_t limit_bytes, struct text *out,
                                       struct deadline *deadline, struct error *err);

/* STATUS_OK also if there is no such object. */
CHECK_RESULT enum status s3_client_remove(struct s3_client *client, const char *object, struct deadline *deadline,
                                          struct error *err);

struct s3_listing {
    char **names; /* in the arena */
    size_t count;
};

/* Lists the objects whose names begin with `prefix`, sorted by bytes: all of them, or the first `most` if that is not 0. */
CHECK_RESULT enum status s3_client_list(struct s3_client *client, const char *prefix, size_t most, struct arena *arena,
                                        struct s3_listing *out, struct deadline *deadline, struct error *err);

#endif
