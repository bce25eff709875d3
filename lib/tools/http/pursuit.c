/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/http/pursuit.h"

#include <string.h>

#include "lib/base/json.h"
#include "lib/base/text.h"
#include "lib/base/url.h"
#include "lib/tools/archive/gzip.h"
#include "lib/tools/http/http_client.h"

enum {
    ANSWER_BYTES_MAX = 4 << 20,
    QUOTED_BYTES_MAX = 300, /* of an answer, quoted in a message */
    LOOK_UPS = 2,           /* attempts if Pursuit does not answer: it is a small machine */
};

void pursuit_append_page(struct text *out, const char *base_url, const char *name, const char *version) {
    url_append_base(out, base_url);
    text_append_format(out, "/packages/purescript-%s/%s", name, version);
}

/* Sets the error for an unexpected answer. Quotes its first line, without control characters. */
static enum status explain_answer(const struct http_response *response, struct error *err) {
    char quoted[QUOTED_BYTES_MAX + 1];
    size_t length = 0;
    for (const char *at = text_view(&response->body); length < QUOTED_BYTES_MAX && *at && *at != '\n'; at++)
        quoted[length++] = (unsigned char)*at < ' ' || *at == 0x7f ? ' ' : *at;
    quoted[length] = '\0';
    text_mend_utf8(quoted, length);
    bool may_pass = response->status >= 500 || response->status == 429 || response->status == 408;
    return error_set(err, may_pass ? STATUS_UNAVAILABLE : STATUS_REFUSED, "Pursuit answered %d%s%s%s", response->status,
                     length ? ": \"" : "", quoted, length ? "\"." : ".");
}

/* ---- Lookup ---- */

enum status pursuit_find_version(bool *out, const char *json, size_t length, const char *version, struct error *err) {
    json_t *list = NULL;
    const json_t *entry;
    size_t index;
    *out = false;
    enum status status = json_read(&list, json, length, "Pursuit's list of versions", err);
    if (!status && !json_is_array(list))
        status =
            error_set(err, STATUS_INVALID, "Pursuit's list of versions must be an array, but it is %s.", json_type_name(list));
    json_array_foreach(list, index, entry) {
        const char *found = json_string_value(json_array_get(entry, 0));
        bool is_entry = found && json_array_size(entry) == 2 && json_is_string(json_array_get(entry, 1));
        if (!status && !is_entry)
            status = error_set(err, STATUS_INVALID,
                               "Pursuit's list of versions has an entry that is not of the form [VERSION, URL].");
        *out = *out || text_equal(found, version);
    }
    json_decref(list);
    if (status) *out = false;
    return status;
}

static enum status ask_for_versions(struct http_response *response, const struct pursuit *pursuit, const char *url,
                                    struct deadline *deadline, struct error *err) {
    static const char *const headers[] = {"Accept: application/json", NULL};
    const struct http_request request = {.url = url,
                                         .headers = headers,
                                         .timeout_ms = pursuit->timeout_ms,
                                         .limit_bytes = ANSWER_BYTES_MAX,
                                         .redirects = 3,
                                         .deadline = deadline,
                                         .tries = LOOK_UPS};
    enum status status = http_client_send(&request, response, err);
    if (!status && response->status != 200 && response->status != 404) {
        status = explain_answer(response, err);
        if (status == STATUS_REFUSED) err->status = status = STATUS_UNAVAILABLE; /* the request is not at fault */
    }
    return status;
}

enum status pursuit_has_version(bool *out, const struct pursuit *pursuit, const char *name, const char *version,
                                struct deadline *deadline, struct error *err) {
    struct text url = {0};
    struct http_response response = {0};
    *out = false;
    url_append_base(&url, pursuit->base_url);
    text_append_format(&url, "/packages/purescript-%s/available-versions", name);
    enum status status = ask_for_versions(&response, pursuit, text_view(&url), deadline, err);
    if (!status && response.status == 200)
        status = pursuit_find_version(out, text_view(&response.body), response.body.length, version, err);
    if (status == STATUS_INVALID) err->status = status = STATUS_UNAVAILABLE;
    http_response_release(&response);
    text_release(&url);
    return status;
}

/* ---- Sending ---- */

enum status pursuit_upload(const struct pursuit *pursuit, const char *json, size_t length, struct deadline *deadline,
                           struct error *err) {
    struct text url = {0}, authorization = {0}, packed = {0};
    struct http_response response = {0};
    url_append_base(&url, pursuit->base_url);
    text_append(&url, "/packages");
    text_append_format(&authorization, "Authorization: token %s", pursuit->token);
    gzip_pack(&packed, json, length);
    const char *const headers[] = {"Accept: application/json", "Content-Type: application/json", "Content-Encoding: gzip",
                                   text_view(&authorization), NULL};
    const struct http_request request = {.method = "POST",
                                         .url = text_view(&url),
                                         .headers = headers,
                                         .body = packed.bytes,
                                         .body_length = packed.length,
                                         .timeout_ms = pursuit->timeout_ms,
                                         .limit_bytes = ANSWER_BYTES_MAX,
                                         .deadline = deadline};
    enum status status = http_client_send(&request, &response, err);
    if (!status && response.status != 201) status = explain_answer(&response, err);
    http_response_release(&response);
    text_release(&packed);
    text_release(&authorization);
    text_release(&url);
    return status;
}
