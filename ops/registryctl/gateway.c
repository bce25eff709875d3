/* SPDX-License-Identifier: BSD-3-Clause */
#include "ops/registryctl/gateway.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/number.h"
#include "lib/base/percent.h"
#include "lib/base/text.h"
#include "lib/base/url.h"
#include "lib/tools/http/http_client.h"
#include "ops/registryctl/command.h"

enum { ANSWER_BYTES_MAX = 256 << 20, RETRY_MS = 1000, RETRY_AFTER_MAX_S = 300, ANSWER_TIMEOUT_MS = 30000 };

const char *gateway_text(const json_t *object, const char *key) {
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "";
}

const char *gateway_job_path(struct arena *arena, const char *name, const char *id) {
    struct text path = {0};
    text_append_format(&path, "/%s/", name);
    percent_encode(&path, id, PERCENT_VALUE);
    const char *copy = arena_copy(arena, text_view(&path));
    text_release(&path);
    return copy;
}

/* ---- Untrusted texts ---- */

/* Replaces control characters by `?`, except line breaks and tabs. */
static void blank_controls(json_t *text) {
    const char *value = json_string_value(text);
    struct text clean = {0};
    for (const char *at = value; *at; at++) {
        bool is_second = at[0] == '\xC2' && (unsigned char)at[1] < 0xA0; /* U+0080 to U+009F */
        bool is_control = ((unsigned char)*at < 0x20 && *at != '\n' && *at != '\t') || *at == 0x7F || is_second;
        text_append_character(&clean, is_control ? '?' : *at);
        at += is_second;
    }
    if (clean.length) json_string_set(text, text_view(&clean));
    text_release(&clean);
}

/* Does so in all texts of the value: they come from authors and compilers, and would steer the terminal that shows them. */
void gateway_clean(json_t *value) {
    const char *key;
    json_t *item;
    size_t index;
    if (json_is_string(value)) blank_controls(value);
    json_array_foreach(value, index, item) gateway_clean(item);
    json_object_foreach(value, key, item) gateway_clean(item);
}

/* ---- Requests ---- */

/* The delay that the gateway asks for. */
static int64_t retry_after_ms(const struct http_response *response) {
    struct text value = {0};
    int64_t seconds = 0; /* also if it is a date */
    if (http_response_header(response, "Retry-After", &value)) number_parse(&seconds, text_view(&value));
    text_release(&value);
    if (seconds > RETRY_AFTER_MAX_S) seconds = RETRY_AFTER_MAX_S;
    return seconds > 0 ? seconds * 1000 : RETRY_MS;
}

/* Sets the error for an answer other than 200, which may come from another program. */
static enum status read_failure(const struct http_response *response, struct error *err) {
    bool may_pass = response->status == 429 || response->status >= 500;
    json_t *value = NULL;
    const char *message = NULL;
    if (!json_read(&value, text_view(&response->body), response->body.length, "The gateway's answer", NULL)) {
        gateway_clean(value);
        message = json_string_value(json_object_get(value, "message"));
    }
    enum status status = error_set(err, may_pass ? STATUS_UNAVAILABLE : STATUS_REFUSED, "%s (HTTP status %d.)",
                                   message ? message : "The gateway gave no reason.", response->status);
    json_decref(value);
    return status;
}

/* One attempt; *wait_ms is the delay before the next one. */
static enum status ask_once(const struct http_request *request, json_t **answer, int64_t *wait_ms, struct error *err) {
    struct http_response response = {0};
    *wait_ms = RETRY_MS;
    enum status status = http_client_send(request, &response, err);
    if (!status && response.status == 200) {
        status = json_read(answer, text_view(&response.body), response.body.length, "The gateway's answer", err);
        if (!status) gateway_clean(*answer);
    } else if (!status) {
        *wait_ms = retry_after_ms(&response);
        status = read_failure(&response, err);
    }
    http_response_release(&response);
    return status;
}

enum status gateway_ask(struct invocation *call, const char *path, const char *body, int64_t patience_ms, json_t **answer,
                        struct error *err) {
    const char *const headers[] = {"Content-Type: application/json", "Accept: application/json", call->authorization, NULL};
    struct text url = {0};
    url_append_base(&url, call->gateway);
    text_append(&url, path);
    const char *address = arena_copy(&call->arena, text_view(&url));
    text_release(&url);
    const struct http_request request = {.method = body ? "POST" : "GET",
                                         .url = address,
                                         .headers = headers,
                                         .body = body,
                                         .body_length = body ? strlen(body) : 0,
                                         .timeout_ms = ANSWER_TIMEOUT_MS,
                                         .limit_bytes = ANSWER_BYTES_MAX};
    int64_t until_ms = clock_monotonic_ms() + patience_ms, wait_ms;
    for (bool is_first = true;; is_first = false) {
        enum status status = ask_once(&request, answer, &wait_ms, err);
        bool may_pass = status == STATUS_UNAVAILABLE || status == STATUS_TIMEOUT;
        if (!may_pass || clock_monotonic_ms() + wait_ms > until_ms) return status;
        if (is_first) fprintf(stderr, "registryctl: %s\nregistryctl: retrying\n", err->message);
        clock_sleep_ms(wait_ms);
    }
}

enum status gateway_stream(struct invocation *call, const char *path, const struct http_stream *stream, bool *is_over,
                           struct error *err) {
    const char *const headers[] = {"Accept: text/event-stream", call->authorization, NULL};
    struct text url = {0};
    struct http_response response = {0};
    url_append_base(&url, call->gateway);
    text_append(&url, path);
    const struct http_request request = {.url = text_view(&url), .headers = headers, .stream = stream};
    enum status status = http_client_send(&request, &response, err);
    *is_over = !status && response.status == 204;
    if (!status && response.status != 200 && !*is_over) status = read_failure(&response, err);
    http_response_release(&response);
    text_release(&url);
    return status;
}
