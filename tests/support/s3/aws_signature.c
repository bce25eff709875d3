/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/s3/aws_signature.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/hash.h"

enum { SKEW_MAX_MS = 15 * 60 * 1000, PARAMETERS_MAX = 32 };

/* The Authorization header's content. */
struct authorization {
    const char *key, *date, *region, *service, *end;
    const char *signed_headers; /* "host;x-amz-date" */
    const char *signature;
    const char *time; /* of the x-amz-date header */
};

/* ---- Spelling: not by lib/base/percent.h, whose output is checked here ---- */

static void append_escaped(struct text *out, const char *bytes, size_t length, const char *kept) {
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (isalnum(byte) || strchr("-_.~", byte) || strchr(kept, byte))
            text_append_character(out, (char)byte);
        else
            text_append_format(out, "%%%02X", byte);
    }
}

/* Converts any escapes that the client chose to the one spelling that is signed. */
static void append_respelled(struct text *out, const char *escaped, size_t length, const char *kept) {
    for (size_t i = 0; i < length; i++) {
        char byte = escaped[i];
        if (byte == '%' && i + 2 < length && isxdigit((unsigned char)escaped[i + 1]) &&
            isxdigit((unsigned char)escaped[i + 2])) {
            char digits[3] = {escaped[i + 1], escaped[i + 2], '\0'};
            byte = (char)strtoul(digits, NULL, 16);
            i += 2;
        }
        append_escaped(out, &byte, 1, kept);
    }
}

static int compare_texts(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void append_query(struct text *out, struct http_message *message) {
    const char *parameters[PARAMETERS_MAX];
    size_t count = 0;
    for (const char *at = message->query; *at && count < PARAMETERS_MAX;) {
        size_t length = strcspn(at, "&"), name_length = strcspn(at, "=&");
        struct text parameter = {0};
        append_respelled(&parameter, at, name_length, "");
        text_append_character(&parameter, '=');
        if (name_length < length) append_respelled(&parameter, at + name_length + 1, length - name_length - 1, "");
        parameters[count++] = arena_copy(&message->arena, text_view(&parameter));
        text_release(&parameter);
        at += length + (at[length] == '&');
    }
    qsort(parameters, count, sizeof *parameters, compare_texts);
    for (size_t i = 0; i < count; i++)
        text_append_format(out, "%s%s", i ? "&" : "", parameters[i]);
}

static void append_header(struct text *out, const struct http_message *message, const char *name) {
    const char *separator = "";
    text_append_format(out, "%s:", name);
    for (size_t i = 0; i < message->header_count; i++) {
        if (strcmp(message->headers[i].name, name) != 0) continue;
        text_append(out, separator);
        for (const char *at = message->headers[i].value; *at; at++)
            if (at[0] != ' ' || at[1] != ' ') text_append_character(out, *at);
        separator = ",";
    }
    text_append_character(out, '\n');
}

/* ---- Signing ---- */

static void print_request(struct text *out, struct http_message *message, const struct authorization *authorization) {
    text_append_format(out, "%s\n", message->method);
    append_respelled(out, message->path, strlen(message->path), "/");
    text_append_character(out, '\n');
    append_query(out, message);
    text_append_character(out, '\n');
    char *rest = NULL, *names = arena_copy(&message->arena, authorization->signed_headers);
    for (char *name = strtok_r(names, ";", &rest); name; name = strtok_r(NULL, ";", &rest))
        append_header(out, message, name);
    text_append_format(out, "\n%s\n%s", authorization->signed_headers, http_message_header(message, "x-amz-content-sha256"));
}

static void sign(const struct authorization *authorization, const char *secret, const struct text *request, char out[65]) {
    struct arena arena = {0};
    char request_hash[SHA256_HEX_MAX];
    hash_sha256_hex(request->bytes, request->length, request_hash);
    const char *scope = arena_format(&arena, "%s/%s/%s/%s", authorization->date, authorization->region, authorization->service,
                                     authorization->end);
    const char *links[] = {
        authorization->date,
        authorization->region,
        authorization->service,
        authorization->end,
        arena_format(&arena, "AWS4-HMAC-SHA256\n%s\n%s\n%s", authorization->time, scope, request_hash),
    };
    const char *start = arena_format(&arena, "AWS4%s", secret);
    unsigned char key[EVP_MAX_MD_SIZE];
    unsigned key_length = (unsigned)strlen(start);
    const void *key_bytes = start;
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        unsigned char link[EVP_MAX_MD_SIZE];
        HMAC(EVP_sha256(), key_bytes, (int)key_length, (const unsigned char *)links[i], strlen(links[i]), link, &key_length);
        memcpy(key, link, key_length);
        key_bytes = key;
    }
    hash_hex(key, key_length, out);
    arena_release(&arena);
}

/* ---- Checking ---- */

/* "AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/s3/aws4_request, SignedHeaders=a;b, Signature=HEX", blanks after commas or not
 */
static bool parse(struct authorization *out, struct http_message *message) {
    const char *header = http_message_header(message, "authorization");
    static const char algorithm[] = "AWS4-HMAC-SHA256 ";
    if (!header || !text_starts_with(header, algorithm)) return false;
    char *rest = NULL, *fields = arena_copy(&message->arena, header + strlen(algorithm));
    for (char *field = strtok_r(fields, ", ", &rest); field; field = strtok_r(NULL, ", ", &rest)) {
        if (text_starts_with(field, "SignedHeaders=")) out->signed_headers = field + strlen("SignedHeaders=");
        if (text_starts_with(field, "Signature=")) out->signature = field + strlen("Signature=");
        if (text_starts_with(field, "Credential=")) {
            char *parts = field + strlen("Credential=");
            out->key = strsep(&parts, "/");
            out->date = strsep(&parts, "/");
            out->region = strsep(&parts, "/");
            out->service = strsep(&parts, "/");
            out->end = parts;
        }
    }
    out->time = http_message_header(message, "x-amz-date");
    return out->signed_headers && out->signature && out->end && out->time;
}

static bool is_signed(const struct authorization *authorization, const char *name) {
    size_t length = strlen(name);
    for (const char *at = authorization->signed_headers; at; at = strchr(at, ';')) {
        at += *at == ';';
        if (strncmp(at, name, length) == 0 && (at[length] == ';' || at[length] == '\0')) return true;
    }
    return false;
}

static bool all_is_signed(const struct authorization *authorization, const struct http_message *message) {
    if (!is_signed(authorization, "host")) return false;
    for (size_t i = 0; i < message->header_count; i++) {
        const char *name = message->headers[i].name;
        bool must_be = text_starts_with(name, "x-amz-") || strcmp(name, "content-type") == 0;
        if (must_be && !is_signed(authorization, name)) return false;
    }
    return true;
}

static bool is_about_now(const char *time_text, int64_t now_ms) {
    struct tm parts = {0};
    const char *end = strptime(time_text, "%Y%m%dT%H%M%SZ", &parts);
    if (!end || *end) return false;
    int64_t difference_ms = (int64_t)timegm(&parts) * 1000 - now_ms;
    return difference_ms <= SKEW_MAX_MS && difference_ms >= -SKEW_MAX_MS;
}

const char *aws_signature_fault(struct http_message *message, const struct aws_account *account, int64_t now_ms) {
    struct authorization authorization = {0};
    const char *body_hash = http_message_header(message, "x-amz-content-sha256");
    char hash[SHA256_HEX_MAX], signature[65];
    if (!http_message_header(message, "authorization")) return "AccessDenied";
    if (!parse(&authorization, message)) return "AuthorizationHeaderMalformed";
    if (strcmp(authorization.key, account->key) != 0) return "InvalidAccessKeyId";
    if (strcmp(authorization.region, account->region) != 0 || strcmp(authorization.service, "s3") != 0 ||
        strcmp(authorization.end, "aws4_request") != 0 || strncmp(authorization.time, authorization.date, 8) != 0)
        return "AuthorizationHeaderMalformed";
    if (!is_about_now(authorization.time, now_ms)) return "RequestTimeTooSkewed";
    if (!body_hash) return "InvalidRequest";
    if (!all_is_signed(&authorization, message)) return "AccessDenied";
    struct text request = {0};
    print_request(&request, message, &authorization);
    sign(&authorization, account->secret, &request, signature);
    text_release(&request);
    if (strcmp(signature, authorization.signature) != 0) return "SignatureDoesNotMatch";
    hash_sha256_hex(text_view(&message->body), message->body.length, hash);
    return strcmp(hash, body_hash) == 0 ? NULL : "XAmzContentSHA256Mismatch";
}
