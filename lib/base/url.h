/* SPDX-License-Identifier: BSD-3-Clause
 *
 * URLs: the one place that takes them apart and puts them together. Two readings, for two questions:
 *
 *   what is written    url_split(): the parts as they are, nothing decoded or repaired. Rules of the registry are about these:
 *   a
 *                      location is refused for its spelling, shown as it was given, and compared by its text.
 *   where curl goes    url_append_server(), url_is_same_server(): by libcurl's own parser (CURLU), since the answer must be that
 *                      of the transfer, whatever the spelling.
 *
 * CURLU is not used for the first, because it accepts and repairs URLs that must be refused, without telling the caller:
 * `HTTPS://h`, `https:/h`, `https:///h`, `h:0080`, `h:`, `127.1` (for 127.0.0.1), `%41` (for A) in a host, a final `#`. It also
 * takes `unix:///run/x` for the host `run`, and refuses `*` as a host, which nng listens on, and a `/` in Redis's password
 * (findings/curl-mends-urls.sh).
 */
#ifndef LIB_BASE_URL_H
#define LIB_BASE_URL_H

#include <stdbool.h>
#include <stddef.h>

struct text;

/* A part of the text that was split, so not NUL-terminated. `bytes` is NULL if the URL has no such part. */
struct url_part {
    const char *bytes;
    size_t length;
};

/* Of https://me:secret@example.org:8443/a/b?c: */
struct url {
    struct url_part scheme;    /* "https": all before the first `://` */
    struct url_part authority; /* "me:secret@example.org:8443": to the next `/` or the end; no `?` or `#` ends it */
    struct url_part account;   /* "me:secret": to the authority's last `@`. Of redis:// to the last one of the whole text, up to
                                * which all is authority: a password may hold any character there */
    struct url_part server;    /* "example.org:8443" */
    struct url_part host;      /* "example.org"; an IPv6 address without its brackets */
    struct url_part port;      /* "8443": after the server's last colon. Any text, or none */
    const char *path;          /* "/a/b?c": all that follows; "" if nothing does */
    bool has_brackets;         /* else a colon in the host is an error of the writer */
};

/* Splits any text. False if it has no `://`: then the authority begins with the text. */
bool url_split(struct url *out, const char *text);

bool url_part_is(const struct url_part *part, const char *text); /* exactly; a part that is missing is no text */

/* Reads a port: up to five decimal digits and nothing else, from 1 to 65535. False for any other text, or a part that is
 * missing. */
bool url_port_parse(int *out, const struct url_part *port);

/* What follows SCHEME://, or NULL if the URL has another scheme. */
const char *url_after_scheme(const char *url, const char *scheme);

/* Appends a base URL without its final slashes, so that a path can follow. */
void url_append_base(struct text *out, const char *base);

/* Appends NAME=VALUE, with the value encoded, to a URL: after `?` if it has none yet, else after `&`. */
void url_append_parameter(struct text *url, const char *name, const char *value);

/* Appends scheme, host and port as curl reads them, `http://host:80`: the part that messages may show. False, with nothing
 * appended, if curl cannot read the URL or does not know its scheme. */
bool url_append_server(struct text *out, const char *url);

/* True if curl would go to the same server, with the same scheme, for both. */
bool url_is_same_server(const char *a, const char *b);

#endif
