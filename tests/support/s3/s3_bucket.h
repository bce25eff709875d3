/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: an S3 server's handling of an authenticated request, on the objects of one bucket in memory. Used by
 * s3_server.c, which does the rest. Not for use by two threads at a time.
 */
#ifndef TESTS_SUPPORT_S3_S3_BUCKET_H
#define TESTS_SUPPORT_S3_S3_BUCKET_H

#include "tests/support/http/http_message.h"
#include "tests/support/s3/s3_server.h"

struct s3_object {
    char *name;
    struct text bytes;
    bool is_public;
};

/* A zeroed struct is an empty bucket. */
struct s3_bucket {
    struct s3_object *objects; /* in ascending order of their names' bytes */
    size_t count;
    size_t page; /* most names in one answer to a list; 0: 1000 */
};

void s3_bucket_release(struct s3_bucket *bucket);

struct s3_object *s3_bucket_find(const struct s3_bucket *bucket, const char *name); /* NULL: there is none */
void s3_bucket_put(struct s3_bucket *bucket, const char *name, const char *bytes, size_t length, bool is_public);
void s3_bucket_remove(struct s3_bucket *bucket, const char *name);

/* The answer to a request; the body is released by the caller. */
struct s3_reply {
    int status;
    const char *type;
    struct text body;
};

void s3_reply_error(struct s3_reply *reply, const char *code); /* one of S3's: "NoSuchKey" */
void s3_reply_status(struct s3_reply *reply, int status);      /* with S3's error for that status, or an invented one */

/* Carries out a request of that kind on the object, "" being the bucket itself. */
void s3_bucket_carry_out(struct s3_bucket *bucket, enum s3_kind kind, const char *name, const struct http_message *message,
                         struct s3_reply *reply);

/* A file for each object, below the folder. */
void s3_bucket_save(const struct s3_bucket *bucket, const char *folder);

#endif
