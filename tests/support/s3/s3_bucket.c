/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/s3/s3_bucket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/folder.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"

enum { PAGE_STANDARD = 1000 };

/* The position of the first object whose name is not before `name`. */
static size_t position_of(const struct s3_bucket *bucket, const char *name) {
    size_t at = 0;
    while (at < bucket->count && strcmp(bucket->objects[at].name, name) < 0)
        at++;
    return at;
}

struct s3_object *s3_bucket_find(const struct s3_bucket *bucket, const char *name) {
    size_t at = position_of(bucket, name);
    return at < bucket->count && strcmp(bucket->objects[at].name, name) == 0 ? &bucket->objects[at] : NULL;
}

void s3_bucket_put(struct s3_bucket *bucket, const char *name, const char *bytes, size_t length, bool is_public) {
    struct s3_object *object = s3_bucket_find(bucket, name);
    if (!object) {
        size_t at = position_of(bucket, name);
        bucket->objects = memory_resize(bucket->objects, bucket->count + 1, sizeof *bucket->objects);
        object = &bucket->objects[at];
        memmove(object + 1, object, (bucket->count++ - at) * sizeof *object);
        *object = (struct s3_object){.name = memory_copy_text(name)};
    }
    text_clear(&object->bytes);
    text_append_bytes(&object->bytes, bytes, length);
    object->is_public = is_public;
}

void s3_bucket_remove(struct s3_bucket *bucket, const char *name) {
    struct s3_object *object = s3_bucket_find(bucket, name);
    if (!object) return;
    free(object->name);
    text_release(&object->bytes);
    memmove(object, object + 1, (size_t)(bucket->objects + bucket->count - object - 1) * sizeof *object);
    bucket->count--;
}

void s3_bucket_release(struct s3_bucket *bucket) {
    for (size_t i = 0; i < bucket->count; i++) {
        free(bucket->objects[i].name);
        text_release(&bucket->objects[i].bytes);
    }
    free(bucket->objects);
    *bucket = (struct s3_bucket){0};
}

/* The value of a parameter, decoded; "" if there is none. */
static const char *find_parameter(struct arena *arena, const char *query, const char *name) {
    size_t length = strlen(name);
    for (const char *at = query; at; at = strchr(at, '&')) {
        at += *at == '&';
        if (strncmp(at, name, length) != 0 || at[length] != '=') continue;
        at += length + 1;
        char *value = arena_copy_bytes(arena, at, strcspn(at, "&")), *end = value;
        for (const char *from = value; *from; end++) {
            char digits[3] = {*from == '%' ? from[1] : '\0', *from == '%' ? from[2] : '\0', '\0'};
            *end = *digits ? (char)strtoul(digits, NULL, 16) : *from;
            from += *digits ? 3 : 1;
        }
        *end = '\0';
        return value;
    }
    return "";
}

/* A page begins after the name that is encoded in the token. */
static size_t start_of_page(const struct s3_bucket *bucket, struct arena *arena, const char *prefix, const char *token) {
    unsigned char *name;
    size_t length;
    if (!hash_base64_decode(arena, token, &name, &length)) return position_of(bucket, prefix);
    size_t at = position_of(bucket, arena_copy_bytes(arena, name, length));
    return at + 1;
}

/* ListObjectsV2: the page that the query asks for. */
static void append_page(const struct s3_bucket *bucket, const char *query, struct text *out) {
    struct arena arena = {0};
    const char *prefix = find_parameter(&arena, query, "prefix");
    const char *token = find_parameter(&arena, query, "continuation-token");
    size_t most = strtoul(find_parameter(&arena, query, "max-keys"), NULL, 10);
    size_t page = bucket->page ? bucket->page : PAGE_STANDARD;
    if (most == 0 || most > page) most = page;
    size_t first = start_of_page(bucket, &arena, prefix, token), end = first;
    text_append(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                     "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (; end < bucket->count && text_starts_with(bucket->objects[end].name, prefix) && end - first < most; end++)
        text_append_format(out, "<Contents><Key>%s</Key><Size>%zu</Size><Owner><ID>1</ID></Owner></Contents>",
                           bucket->objects[end].name, bucket->objects[end].bytes.length);
    bool is_cut = end > first && end < bucket->count && text_starts_with(bucket->objects[end].name, prefix);
    text_append_format(out, "<Prefix>%s</Prefix><KeyCount>%zu</KeyCount><IsTruncated>%s</IsTruncated>", prefix, end - first,
                       is_cut ? "true" : "false");
    if (is_cut) {
        const char *last = bucket->objects[end - 1].name;
        text_append_format(out, "<NextContinuationToken>%s</NextContinuationToken>",
                           hash_base64_encode(&arena, last, strlen(last)));
    }
    text_append(out, "</ListBucketResult>");
    arena_release(&arena);
}

void s3_bucket_save(const struct s3_bucket *bucket, const char *folder) {
    for (size_t i = 0; i < bucket->count; i++) {
        const struct s3_object *object = &bucket->objects[i];
        struct arena arena = {0};
        struct error err;
        const char *path = arena_format(&arena, "%s/%s", folder, object->name);
        const char *parent = arena_copy_bytes(&arena, path, (size_t)(strrchr(path, '/') - path));
        if (folder_make(parent, &err) || file_write(path, text_view(&object->bytes), object->bytes.length, &err)) {
            fprintf(stderr, "s3_bucket: %s\n", err.message);
            abort();
        }
        arena_release(&arena);
    }
}

/* ---- Requests ---- */

/* S3's errors; the last one of each status is the default. */
static const struct {
    const char *code;
    int status;
} errors[] = {
    {"AuthorizationHeaderMalformed", 400},
    {"XAmzContentSHA256Mismatch", 400},
    {"InvalidRequest", 400},
    {"InvalidAccessKeyId", 403},
    {"RequestTimeTooSkewed", 403},
    {"SignatureDoesNotMatch", 403},
    {"AccessDenied", 403},
    {"NoSuchBucket", 404},
    {"NoSuchKey", 404},
    {"MethodNotAllowed", 405},
    {"TooManyRequests", 429},
    {"InternalError", 500},
    {"SlowDown", 503},
};

static void reply_error(struct s3_reply *reply, int status, const char *code) {
    reply->status = status;
    reply->type = "application/xml";
    text_clear(&reply->body);
    text_append_format(
        &reply->body,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code><Message>This request was refused for "
        "a test: %s.</Message><RequestId>1</RequestId></Error>",
        code, code);
}

void s3_reply_error(struct s3_reply *reply, const char *code) {
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (strcmp(errors[i].code, code) == 0) reply_error(reply, errors[i].status, code);
}

void s3_reply_status(struct s3_reply *reply, int status) {
    reply_error(reply, status, "Whatever");
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].status == status) reply_error(reply, status, errors[i].code);
}

void s3_bucket_carry_out(struct s3_bucket *bucket, enum s3_kind kind, const char *name, const struct http_message *message,
                         struct s3_reply *reply) {
    const char *access = http_message_header(message, "x-amz-acl");
    struct s3_object *object = *name ? s3_bucket_find(bucket, name) : NULL;
    *reply = (struct s3_reply){.status = 200, .type = "application/xml"};
    switch ((int)kind) {
    case S3_LIST:
        if (strcmp(message->method, "GET") != 0 || !strstr(message->query, "list-type=2"))
            s3_reply_error(reply, "MethodNotAllowed");
        else
            append_page(bucket, message->query, &reply->body);
        break;
    case S3_PUT:
        if (!*name)
            s3_reply_error(reply, "MethodNotAllowed");
        else
            s3_bucket_put(bucket, name, text_view(&message->body), message->body.length,
                          access && strcmp(access, "public-read") == 0);
        break;
    case S3_DELETE:
        if (*name) s3_bucket_remove(bucket, name);
        reply->status = 204;
        break;
    default:
        if (kind == S3_DOWNLOAD && (!object || !object->is_public)) {
            s3_reply_error(reply, "AccessDenied");
        } else if (!object) {
            s3_reply_error(reply, "NoSuchKey");
        } else {
            reply->type = "application/gzip";
            text_append_bytes(&reply->body, text_view(&object->bytes), object->bytes.length);
        }
    }
}
