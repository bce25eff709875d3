/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/http/s3_client.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/percent.h"
#include "lib/base/secret.h"
#include "lib/base/text.h"
#include "lib/base/url.h"
#include "lib/tools/http/http_client.h"
#include "lib/tools/http/s3_answer.h"

enum {
    TRIES = 4,
    PAGE_NAMES_MAX = 1000,
    SMALL_ANSWER_BYTES = 1 << 16,
    PAGE_BYTES_MAX = 1 << 23, /* 1000 names of 1024 bytes, fully escaped, with room */
};

struct s3_client {
    char *base; /* "https://HOST/BUCKET" or "https://BUCKET.HOST" */
    char *bucket;
    char *scope; /* "aws:amz:REGION:s3" */
    int try_timeout_ms;
    struct http_connections *connections;

    pthread_mutex_t mutex; /* guards the next two, a pair; their texts are kept for ever (lib/base/secret.h) */
    const char *key, *secret;
};

/* ---- The client ---- */

static const char host_characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";

/* True for https://HOST:PORT or http://HOST:PORT, with or without a final slash. */
static bool is_endpoint(const char *url) {
    struct url parts;
    int port;
    if (!url_split(&parts, url) || parts.account.bytes || parts.has_brackets) return false;
    if (!url_part_is(&parts.scheme, "https") && !url_part_is(&parts.scheme, "http")) return false;
    bool is_host = parts.host.length > 0 && strspn(parts.host.bytes, host_characters) >= parts.host.length;
    bool is_port = !parts.port.length || url_port_parse(&port, &parts.port); /* `http://host:` is fine with curl */
    return is_host && is_port && (text_equal(parts.path, "") || text_equal(parts.path, "/"));
}

void s3_append_bucket_url(struct text *out, const struct s3_options *options) {
    struct url parts;
    url_split(&parts, options->endpoint);
    text_append_format(out, "%.*s://", (int)parts.scheme.length, parts.scheme.bytes);
    if (options->is_virtual_host) text_append_format(out, "%s.", options->bucket);
    text_append_bytes(out, parts.server.bytes, parts.server.length);
    if (!options->is_virtual_host) text_append_format(out, "/%s", options->bucket);
}

static enum status check_options(const struct s3_options *options, struct error *err) {
    size_t length = strspn(options->bucket, "abcdefghijklmnopqrstuvwxyz0123456789.-");
    if (options->bucket[length] || length < 3 || length > 63)
        return error_set_at(err, STATUS_INVALID, "S3_BUCKET",
                            "S3_BUCKET: \"%s\" is not a bucket's name: it must be 3 to 63 characters of a-z, 0-9, `.` and `-`.",
                            options->bucket);
    if (!*options->region || options->region[strspn(options->region, host_characters)])
        return error_set_at(err, STATUS_INVALID, "S3_REGION",
                            "S3_REGION: \"%s\" is not the name of a region, such as \"ams3\" or \"us-east-1\".",
                            options->region);
    if (text_is_blank(options->key))
        return error_set_at(err, STATUS_INVALID, "SPACES_KEY", "SPACES_KEY must be set to store tarballs on S3.");
    if (text_is_blank(options->secret))
        return error_set_at(err, STATUS_INVALID, "SPACES_SECRET", "SPACES_SECRET must be set if SPACES_KEY is.");
    return STATUS_OK;
}

enum status s3_client_create(struct s3_client **out, const struct s3_options *options, struct error *err) {
    struct arena arena = {0};
    enum status status = check_options(options, err);
    if (!status && !is_endpoint(options->endpoint))
        status =
            error_set_at(err, STATUS_INVALID, "S3_BUCKET_URL",
                         "S3_BUCKET_URL: \"%s\" must be the server's address alone, https://HOST or http://HOST:PORT, without "
                         "the bucket.",
                         options->endpoint);
    if (!status) {
        struct s3_client *client = memory_alloc(sizeof *client);
        struct text base = {0};
        s3_append_bucket_url(&base, options);
        client->base = base.bytes;
        client->bucket = memory_copy_text(options->bucket);
        client->scope = memory_copy_text(arena_format(&arena, "aws:amz:%s:s3", options->region));
        client->try_timeout_ms = options->try_timeout_ms;
        client->connections = http_connections_create();
        pthread_mutex_init(&client->mutex, NULL);
        s3_client_set_key(client, options->key, options->secret);
        *out = client;
    }
    arena_release(&arena);
    return status;
}

void s3_client_free(struct s3_client *client) {
    if (!client) return;
    http_connections_free(client->connections);
    pthread_mutex_destroy(&client->mutex);
    free(client->scope);
    free(client->bucket);
    free(client->base);
    free(client);
}

void s3_client_set_key(struct s3_client *client, const char *key, const char *secret) {
    pthread_mutex_lock(&client->mutex);
    client->key = secret_keep(key);
    client->secret = secret_keep(secret);
    pthread_mutex_unlock(&client->mutex);
}

/* ---- Errors ---- */

struct refusal {
    const char *code; /* S3's error code */
    const char *advice;
};

static const struct refusal refusals[] = {
    {"AccessControlListNotSupported",
     "The bucket does not allow access control lists, but tarballs must be public: enable them for the bucket."},
    {"AccessDenied", "The key SPACES_KEY must be allowed to list the bucket, and to read, write and delete its objects and set "
                     "their access lists."},
    {"AuthorizationHeaderMalformed", "Check that S3_REGION is the server's region."},
    {"InvalidAccessKeyId", "The server does not know the access key in SPACES_KEY."},
    {"NoSuchBucket", "Check S3_BUCKET, and S3_BUCKET_URL, which must not contain the bucket."},
    {"PermanentRedirect", "The bucket is in another region: set S3_BUCKET_URL and S3_REGION."},
    {"QuotaExceeded", "The server has no space left."},
    {"RequestTimeTooSkewed", "The clock of this machine or of the server is wrong."},
    {"SignatureDoesNotMatch", "Check that SPACES_SECRET belongs to SPACES_KEY, and that S3_REGION is the server's region."},
    {"SlowDown", "The server limits the number of requests; the request is repeated later."},
    {"TemporaryRedirect", "The bucket is in another region: set S3_BUCKET_URL and S3_REGION."},
};

static enum status refuse(const struct s3_client *client, const char *what, const char *object,
                          const struct http_response *response, struct error *err) {
    struct s3_error said;
    s3_answer_read_error(&said, text_view(&response->body), response->body.length);
    const char *advice = said.message;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (strcmp(refusals[i].code, said.code) == 0) advice = refusals[i].advice;
    return error_set(err, STATUS_UNAVAILABLE, "The S3 bucket %s cannot %s%s%s: the server answered %d%s%s.%s%s", client->bucket,
                     what, *object ? " " : "", object, response->status, *said.code ? " " : "", said.code, *advice ? " " : "",
                     advice);
}

/* ---- Requests ---- */

struct call {
    const char *method, *object;
    const char *query;              /* "" or "?…" */
    const char *what;               /* the verb for error messages: "store" */
    const struct s3_upload *upload; /* NULL: no body */
    size_t limit_bytes;             /* of the answer */
};

/* Sends a signed request; STATUS_OK for any answer of the server. curl (7.88) signs the headers given here; its own handling
 * of others (a hash of the body, an empty `Expect:`) does not work with S3. */
static enum status send_call(struct s3_client *client, const struct call *call, struct http_response *out,
                             struct deadline *deadline, struct error *err) {
    struct arena arena = {0};
    char hash[SHA256_HEX_MAX];
    const struct s3_upload *upload = call->upload;
    assert(percent_is_plain(call->object, PERCENT_PATH)); /* the signature is of the encoded name */
    hash_sha256_hex(upload ? upload->bytes : "", upload ? upload->length : 0, hash);
    const char *headers[] = {
        arena_format(&arena, "x-amz-content-sha256: %s", hash),
        upload ? arena_format(&arena, "Content-Type: %s", upload->content_type) : NULL,
        upload && upload->is_public ? "x-amz-acl: public-read" : NULL,
        NULL,
    };
    struct http_signature signature = {.scope = client->scope};
    pthread_mutex_lock(&client->mutex);
    signature.key = client->key;
    signature.secret = client->secret;
    pthread_mutex_unlock(&client->mutex);
    struct http_request request = {
        .method = call->method,
        .url = arena_format(&arena, "%s/%s%s", client->base, call->object, call->query),
        .headers = headers,
        .body = upload ? upload->bytes : NULL,
        .body_length = upload ? upload->length : 0,
        .timeout_ms = client->try_timeout_ms,
        .tries = TRIES,
        .limit_bytes = call->limit_bytes > SMALL_ANSWER_BYTES ? call->limit_bytes : SMALL_ANSWER_BYTES,
        .deadline = deadline,
        .connections = client->connections,
        .signature = &signature,
    };
    enum status status = http_client_send(&request, out, err);
    bool is_over = deadline && deadline_check(deadline, NULL);
    if (status == STATUS_TIMEOUT && !is_over) /* the server is slow, but our deadline has not passed */
        status =
            error_set(err, STATUS_UNAVAILABLE, "The S3 server did not answer within %d ms, also when the request was repeated.",
                      client->try_timeout_ms);
    else if (status == STATUS_TIMEOUT && err)
        status = error_prefix(err, "The S3 server did not answer in time");
    arena_release(&arena);
    return status;
}

/* True if the object, rather than the bucket, is missing. Some servers and proxies answer 404 without a code. */
static bool is_missing(const struct http_response *response) {
    struct s3_error said;
    s3_answer_read_error(&said, text_view(&response->body), response->body.length);
    return response->status == 404 && (!*said.code || strcmp(said.code, "NoSuchKey") == 0);
}

enum status s3_client_put(struct s3_client *client, const char *object, const struct s3_upload *upload,
                          struct deadline *deadline, struct error *err) {
    struct http_response response = {0};
    struct call call = {.method = "PUT", .object = object, .query = "", .what = "store", .upload = upload};
    enum status status = send_call(client, &call, &response, deadline, err);
    if (!status && response.status != 200) status = refuse(client, call.what, object, &response, err);
    http_response_release(&response);
    return status;
}

enum status s3_client_get(struct s3_client *client, const char *object, size_t limit_bytes, struct text *out,
                          struct deadline *deadline, struct error *err) {
    struct http_response response = {0};
    struct call call = {.method = "GET", .object = object, .query = "", .what = "give", .limit_bytes = limit_bytes};
    enum status status = send_call(client, &call, &response, deadline, err);
    if (!status && is_missing(&response))
        status = error_set(err, STATUS_NOT_FOUND, "There is no %s in the S3 bucket %s.", object, client->bucket);
    else if (!status && response.status != 200)
        status = refuse(client, call.what, object, &response, err);
    else if (!status && response.body.length > limit_bytes)
        status = error_set(err, STATUS_TOO_LARGE, "%s in the S3 bucket %s is larger than %zu bytes.", object, client->bucket,
                           limit_bytes);
    if (!status) text_append_bytes(out, text_view(&response.body), response.body.length);
    http_response_release(&response);
    return status;
}

enum status s3_client_remove(struct s3_client *client, const char *object, struct deadline *deadline, struct error *err) {
    struct http_response response = {0};
    struct call call = {.method = "DELETE", .object = object, .query = "", .what = "remove"};
    enum status status = send_call(client, &call, &response, deadline, err);
    bool is_gone = response.status == 204 || response.status == 200;
    if (!status && !is_gone && !is_missing(&response)) status = refuse(client, call.what, object, &response, err);
    http_response_release(&response);
    return status;
}

/* ---- Lists ---- */

static enum status get_page(struct s3_client *client, const char *prefix, const char *continuation, size_t most,
                            struct arena *arena, struct s3_page *out, struct deadline *deadline, struct error *err) {
    struct http_response response = {0};
    struct text query = {0};
    if (continuation) url_append_parameter(&query, "continuation-token", continuation);
    url_append_parameter(&query, "list-type", "2"); /* the parameters are sorted, as the signature requires */
    url_append_parameter(&query, "max-keys", arena_format(arena, "%zu", most));
    url_append_parameter(&query, "prefix", prefix);
    struct call call = {
        .method = "GET", .object = "", .query = text_view(&query), .what = "be listed", .limit_bytes = PAGE_BYTES_MAX};
    enum status status = send_call(client, &call, &response, deadline, err);
    if (!status && response.status != 200)
        status = refuse(client, call.what, "", &response, err);
    else if (!status && (status = s3_answer_read_page(out, text_view(&response.body), response.body.length, arena, err)))
        status = error_prefix(err, "The S3 bucket %s cannot be listed", client->bucket);
    text_release(&query);
    http_response_release(&response);
    return status;
}

/* Appends a page. Names that do not ascend, or an empty page, could make the list endless: STATUS_UNAVAILABLE. */
static enum status add_page(struct s3_client *client, struct s3_listing *listing, const struct s3_page *page,
                            struct arena *arena, struct error *err) {
    char **names = arena_alloc(arena, (listing->count + page->count + 1) * sizeof *names);
    if (listing->count) memcpy(names, listing->names, listing->count * sizeof *names);
    for (size_t i = 0; i < page->count; i++) {
        if (listing->count && strcmp(names[listing->count - 1], page->names[i]) >= 0)
            return error_set(err, STATUS_UNAVAILABLE, "The S3 bucket %s cannot be listed: the server's list is not sorted.",
                             client->bucket);
        names[listing->count++] = page->names[i];
    }
    listing->names = names;
    if (page->continuation && page->count == 0)
        return error_set(err, STATUS_UNAVAILABLE, "The S3 bucket %s cannot be listed: a page of the server's list is empty.",
                         client->bucket);
    return STATUS_OK;
}

enum status s3_client_list(struct s3_client *client, const char *prefix, size_t most, struct arena *arena,
                           struct s3_listing *out, struct deadline *deadline, struct error *err) {
    struct s3_page page = {0};
    enum status status;
    *out = (struct s3_listing){0};
    do {
        size_t wanted = most && most - out->count < PAGE_NAMES_MAX ? most - out->count : PAGE_NAMES_MAX;
        status = get_page(client, prefix, page.continuation, wanted, arena, &page, deadline, err);
        if (!status) status = add_page(client, out, &page, arena, err);
    } while (!status && page.continuation && (!most || out->count < most));
    return status;
}
