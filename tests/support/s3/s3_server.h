/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: an S3 server on a free port of 127.0.0.1, with one bucket whose objects are kept in memory. It trusts nothing:
 * every request that is not an anonymous download must carry an AWS Signature v4 that is valid for the bytes received
 * (tests/support/s3/aws_signature.h). It can fail in the ways real servers do, counts requests, and keeps a log.
 *
 * With S3_SERVER_BEHIND=http://HOST:PORT in the environment it is a proxy: the S3 server at that address keeps the objects, and
 * this one forwards each request that it has checked (tests/clients/s3 does that with a server that checks nothing itself).
 *
 * It does: PUT, GET, HEAD, DELETE of objects, ListObjectsV2, path and virtual-host style (BUCKET.localhost), `x-amz-acl:
 * public-read`, keep-alive, Expect: 100-continue. It does not: TLS, ranges, copies, parts, versions, signed queries, chunked
 * signatures, unsigned payloads, other buckets.
 */
#ifndef TESTS_SUPPORT_S3_S3_SERVER_H
#define TESTS_SUPPORT_S3_S3_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/text.h"

#define S3_SERVER_BUCKET "tarballs"
#define S3_SERVER_REGION "test-1"
#define S3_SERVER_KEY "TESTKEY0123456789"
#define S3_SERVER_SECRET "a-secret/of+the-tests-0123456789"

struct s3_server;

struct s3_server *s3_server_start(void);
void s3_server_stop(struct s3_server *server); /* NULL is fine */

const char *s3_server_url(const struct s3_server *server);        /* for S3_BUCKET_URL; borrowed, as the next two */
const char *s3_server_named_url(const struct s3_server *server);  /* the same by a name, for S3_VIRTUAL_HOST */
const char *s3_server_public_url(const struct s3_server *server); /* for S3_API_URL: anonymous downloads, below a path */

/* ---- Misbehaving ---- */

/* Kinds of requests, combined by `|`. */
enum s3_kind {
    S3_PUT = 1,
    S3_GET = 2, /* of an object, signed; HEAD, too */
    S3_DELETE = 4,
    S3_LIST = 8,
    S3_DOWNLOAD = 16, /* of an object, anonymous */
    S3_ANY = 31,
};

enum s3_fault {
    S3_FAULT_STATUS,   /* answers with the HTTP status `number` and S3's error for it: 503 SlowDown, 500 InternalError… */
    S3_FAULT_DROP,     /* closes the connection instead of carrying the request out */
    S3_FAULT_LOSE,     /* carries it out, and closes the connection instead of answering */
    S3_FAULT_TRUNCATE, /* closes the connection in the middle of the answer's body */
    S3_FAULT_CHANGE,   /* changes a byte of the answer's body */
    S3_FAULT_WAIT,     /* answers `number` ms later */
    S3_FAULT_HANG,     /* sends nothing until the client leaves */
};

/* Of the next requests of these kinds the first `after` succeed, then `count` get the fault. Several plans can be active; the
 * first one that applies to a request is used. */
struct s3_fault_plan {
    int kinds; /* enum s3_kind */
    size_t after, count;
    enum s3_fault fault;
    int number;
};
void s3_server_plan_fault(struct s3_server *server, const struct s3_fault_plan *plan);
void s3_server_clear_faults(struct s3_server *server);

void s3_server_set_clock(struct s3_server *server, int64_t ahead_ms);    /* sets the server's clock ahead */
void s3_server_set_page(struct s3_server *server, size_t names);         /* most names in one answer to a list */
void s3_server_set_secret(struct s3_server *server, const char *secret); /* borrowed; NULL: the standard one */
void s3_server_set_bucket(struct s3_server *server, const char *bucket); /* the same */
void s3_server_forbid(struct s3_server *server, int kinds);              /* the key may not do these: AccessDenied */

/* ---- Looking ---- */

size_t s3_server_count(struct s3_server *server, int kinds); /* requests so far, including those with a fault */
size_t s3_server_connections(struct s3_server *server);      /* opened so far */

/* Appends a line for each request: `PUT /tarballs/prelude/1.0.0.tar.gz 200`; 0 if it was not answered. */
void s3_server_append_log(struct s3_server *server, struct text *out);

/* ---- The objects themselves (not with S3_SERVER_BEHIND) ---- */

size_t s3_server_object_count(struct s3_server *server);
bool s3_server_read_object(struct s3_server *server, const char *object, struct text *out); /* appends; false: none */
void s3_server_write_object(struct s3_server *server, const char *object, const char *bytes, size_t length); /* public */

/* Writes every object as a file of its name below `folder`, which must exist, so that checks of a storage folder work on it. */
void s3_server_save(struct s3_server *server, const char *folder);

#endif
