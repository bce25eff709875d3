/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The only file of lib/base that sees curl, of which it uses the URL parser alone: that has no state and does no I/O.
 */
#include "lib/base/url.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#include "lib/base/percent.h"
#include "lib/base/text.h"

/* ---- As written ---- */

/* Host and port of `server`. */
static void split_server(struct url *out) {
    const char *bytes = out->server.bytes, *end = bytes + out->server.length;
    const char *bracket = *bytes == '[' ? memchr(bytes, ']', out->server.length) : NULL;
    out->has_brackets = bracket && (bracket + 1 == end || bracket[1] == ':');
    const char *colon = out->has_brackets ? bracket + 1 : memrchr(bytes, ':', out->server.length);
    if (!colon) colon = end;
    if (colon < end) out->port = (struct url_part){colon + 1, (size_t)(end - colon - 1)};
    if (out->has_brackets)
        out->host = (struct url_part){bytes + 1, (size_t)(bracket - bytes - 1)};
    else
        out->host = (struct url_part){bytes, (size_t)(colon - bytes)};
}

bool url_split(struct url *out, const char *text) {
    const char *mark = strstr(text, "://"), *begin = mark ? mark + 3 : text;
    *out = (struct url){0};
    if (mark) out->scheme = (struct url_part){text, (size_t)(mark - text)};
    const char *last_at = url_part_is(&out->scheme, "redis") ? strrchr(begin, '@') : NULL;
    const char *end = last_at ? last_at : begin;
    end += strcspn(end, "/");
    out->authority = (struct url_part){begin, (size_t)(end - begin)};
    const char *at = memrchr(begin, '@', out->authority.length);
    if (at) out->account = (struct url_part){begin, (size_t)(at - begin)};
    const char *server = at ? at + 1 : begin;
    out->server = (struct url_part){server, (size_t)(end - server)};
    out->path = end;
    split_server(out);
    return mark != NULL;
}

bool url_part_is(const struct url_part *part, const char *text) {
    return part->bytes && strlen(text) == part->length && memcmp(part->bytes, text, part->length) == 0;
}

bool url_port_parse(int *out, const struct url_part *port) {
    enum { DIGITS_MAX = 5, PORT_MAX = 65535 };
    int number = 0;
    if (!port->bytes || port->length > DIGITS_MAX) return false;
    for (size_t i = 0; i < port->length; i++) {
        if (port->bytes[i] < '0' || port->bytes[i] > '9') return false;
        number = number * 10 + (port->bytes[i] - '0');
    }
    *out = number;
    return number >= 1 && number <= PORT_MAX;
}

const char *url_after_scheme(const char *url, const char *scheme) {
    struct url parts;
    return url_split(&parts, url) && url_part_is(&parts.scheme, scheme) ? parts.authority.bytes : NULL;
}

/* ---- Putting together ---- */

void url_append_base(struct text *out, const char *base) {
    const char *authority = strstr(base, "://");
    size_t least = authority ? (size_t)(authority - base) + 3 : 0, length = strlen(base); /* `file:///` is no host's */
    while (length > least && base[length - 1] == '/')
        length--;
    text_append_bytes(out, base, length);
}

void url_append_parameter(struct text *url, const char *name, const char *value) {
    text_append_format(url, "%c%s=", strchr(text_view(url), '?') ? '&' : '?', name);
    percent_encode(url, value, PERCENT_VALUE);
}

/* ---- As curl reads it ---- */

bool url_append_server(struct text *out, const char *url) {
    CURLU *parts = curl_url();
    char *scheme = NULL, *host = NULL, *port = NULL;
    bool is_read = parts && !curl_url_set(parts, CURLUPART_URL, url, 0) && !curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) &&
                   !curl_url_get(parts, CURLUPART_HOST, &host, 0);
    if (is_read) {
        text_append_format(out, "%s://%s", scheme, host);
        if (curl_url_get(parts, CURLUPART_PORT, &port, 0) == CURLUE_OK) text_append_format(out, ":%s", port);
    }
    curl_free(port);
    curl_free(host);
    curl_free(scheme);
    curl_url_cleanup(parts);
    return is_read;
}

bool url_is_same_server(const char *a, const char *b) {
    static const CURLUPart parts[] = {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT};
    CURLU *first = curl_url(), *second = curl_url();
    bool same = first && second && !curl_url_set(first, CURLUPART_URL, a, 0) && !curl_url_set(second, CURLUPART_URL, b, 0);
    for (size_t i = 0; same && i < sizeof parts / sizeof *parts; i++) {
        char *one = NULL, *other = NULL;
        curl_url_get(first, parts[i], &one, CURLU_DEFAULT_PORT);
        curl_url_get(second, parts[i], &other, CURLU_DEFAULT_PORT);
        same = one && other && strcasecmp(one, other) == 0;
        curl_free(one);
        curl_free(other);
    }
    curl_url_cleanup(first);
    curl_url_cleanup(second);
    return same;
}
