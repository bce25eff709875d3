/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/http/http.h"

#include <string.h>

#include "lib/base/json.h"
#include "tests/support/cmocka_all.h"

struct http_response http_ask(const char *method, const char *base, const char *path, const char *const *headers,
                              const char *body) {
    struct text url = {0};
    text_append(&url, base);
    text_append(&url, path);
    struct http_request request = {
        .method = method, .url = url.bytes, .headers = headers, .body = body, .limit_bytes = 64 << 20, .timeout_ms = 60000};
    if (body) request.body_length = strlen(body);
    struct http_response response;
    struct error err;
    if (http_client_send(&request, &response, &err)) fail_msg("%s %s: %s", method ? method : "GET", path, err.message);
    text_release(&url);
    return response;
}

json_t *http_json(const struct http_response *response) {
    json_t *json = NULL;
    struct error err;
    if (json_read(&json, text_view(&response->body), response->body.length, "The answer", &err)) fail_msg("%s", err.message);
    return json;
}

const char *http_json_text(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

json_t *http_get_json(const char *base, const char *path, int *status) {
    struct http_response response = http_ask(NULL, base, path, NULL, NULL);
    if (status)
        *status = response.status;
    else if (response.status != 200)
        fail_msg("GET %s: %d %s", path, response.status, text_view(&response.body));
    json_t *json = http_json(&response);
    http_response_release(&response);
    return json;
}

const char *http_header(const struct http_response *response, const char *name) {
    static char value[1024];
    struct text found = {0};
    http_response_header(response, name, &found);
    assert_true(found.length < sizeof value);
    memcpy(value, text_view(&found), found.length + 1);
    text_release(&found);
    return value;
}

void http_expect_error(const struct http_response *response, int status, const char *code, const char *path) {
    assert_int_equal(response->status, status);
    assert_string_equal(http_header(response, "content-type"), "application/json");
    json_t *json = http_json(response);
    assert_string_equal(http_json_text(json, "error"), code);
    assert_true(strlen(http_json_text(json, "message")) > 10);
    if (path)
        assert_string_equal(http_json_text(json, "path"), path);
    else
        assert_null(json_object_get(json, "path"));
    json_decref(json);
}
