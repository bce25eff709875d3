/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One bucket of an S3 server (lib/store/README.md, Storage): AWS's own, DigitalOcean's Spaces, or anything else that speaks its
 * protocol with Signature v4. Objects are small and whole, in memory. What passes by itself (no connection, time-outs, 429,
 * 5xx) is tried several times within the caller's deadline. Any number of threads may use one client at once; its connections
 * stay open.
 *
 * It knows no rule of the registry (lib/store/tarball_s3.c does), but our settings: its sentences are for the operator who made
 * them.
 */
#ifndef LIB_TOOLS_S3_CLIENT_H
#define LIB_TOOLS_S3_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/deadline.h"
#include "lib/base/error.h"

struct arena;
struct text;
struct s3_client;

struct s3_options {
    const char *endpoint; /* "https://HOST" or "http://HOST:PORT", nothing behind it: S3_BUCKET_URL */
    const char *bucket;   /* S3_BUCKET */
    const char *region;   /* as the server calls it in signatures, "ams3", "us-east-1": S3_REGION */
    const char *key;      /* the access key's name: SPACES_KEY */
    const char *secret;   /* never in an error: SPACES_SECRET */
    bool is_virtual_host; /* http://BUCKET.HOST/OBJECT, rather than http://HOST/BUCKET/OBJECT: S3_VIRTUAL_HOST */
    int try_timeout_ms;   /* for one try of one request: S3_TIMEOUT_MS */
};

/* Sends nothing yet. Everything is copied. STATUS_INVALID with the setting as path, for what cannot be. */
CHECK_RESULT enum status s3_client_create(struct s3_client **out, const struct s3_options *options, struct error *err);
void s3_client_free(struct s3_client *client);

/* From the next request on. Any thread; never blocks. */
void s3_client_set_key(struct s3_client *client, const char *key, const char *secret);

/* All of the following: names of objects are of letters, digits and `-_.~/`. STATUS_UNAVAILABLE says what is wrong between us
 * and the server, refused keys included, and what can be done about it; the deadline (which may be NULL) has its own reasons.
 */

struct s3_upload {
    const void *bytes;
    size_t length;
    const char *content_type;
    bool is_public; /* anybody may download it */
};

/* Writes the object, over one that is there. */
CHECK_RESULT enum status s3_client_put(struct s3_client *client, const char *object, const struct s3_upload *upload,
                                       struct deadline *deadline, struct error *err);

/* Appends the object's bytes. STATUS_NOT_FOUND where there is none; STATUS_TOO_LARGE above `limit_bytes`. */
CHECK_RESULT enum status s3_client_get(struct s3_client *client, const char *object, size_t limit_bytes, struct text *out,
                                       struct deadline *deadline, struct error *err);

/* Fine where there is none. */
CHECK_RESULT enum status s3_client_remove(struct s3_client *client, const char *object, struct deadline *deadline,
                                          struct error *err);

struct s3_listing {
    char **names; /* in the arena */
    size_t count;
};

/* The objects whose names begin with `prefix`, in ascending order of bytes: all of them, or the first `most` where it is not 0.
 */
CHECK_RESULT enum status s3_client_list(struct s3_client *client, const char *prefix, size_t most, struct arena *arena,
                                        struct s3_listing *out, struct deadline *deadline, struct error *err);

#endif
