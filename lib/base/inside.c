/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/base/inside.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/array.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/base/url.h"

enum { PLACE_BYTES_MIN = 4 }; /* shorter values may be parts of ordinary words */

struct place {
    char *value;
    const char *variable;
};

static pthread_rwlock_t places_lock = PTHREAD_RWLOCK_INITIALIZER;
static struct {
    struct place *items;
    size_t count, capacity;
} places; /* longest first, so that a nested folder is replaced before the one around it */

static void keep(const char *variable, const char *bytes, size_t length) {
    while (length > 1 && bytes[length - 1] == '/')
        length--;
    if (length < PLACE_BYTES_MIN) return;
    size_t at = 0;
    for (; at < places.count && strlen(places.items[at].value) >= length; at++)
        if (strlen(places.items[at].value) == length && memcmp(places.items[at].value, bytes, length) == 0) return;
    char *value = memory_alloc(length + 1);
    memcpy(value, bytes, length);
    *array_insert(&places, at) = (struct place){.value = value, .variable = variable};
}

/* Registers `HOST:PORT`, also with its account, and `HOST port PORT` as curl and others print it. A host without a port is not
 * registered: it may be an ordinary word. */
static void keep_server(const char *variable, const struct url *url) {
    if (url->account.bytes) keep(variable, url->authority.bytes, url->authority.length);
    if (!url->port.bytes) return;
    keep(variable, url->server.bytes, url->server.length);
    struct text words = {0};
    text_append_bytes(&words, url->host.bytes, url->host.length);
    text_append(&words, " port ");
    text_append_bytes(&words, url->port.bytes, url->port.length);
    keep(variable, words.bytes, words.length);
    text_release(&words);
}

static bool is_one_of(const struct url_part *scheme, const char *const *schemes) {
    while (*schemes && !url_part_is(scheme, *schemes))
        schemes++;
    return *schemes;
}

static void keep_value(const char *variable, const char *value, bool is_place) {
    static const char *const with_path[] = {"unix", "ipc", "file", NULL};
    static const char *const with_host[] = {"tcp", "tls+tcp", "redis", "http", NULL};
    struct url url;
    url_split(&url, value);
    bool has_host = is_one_of(&url.scheme, with_host), has_path = is_one_of(&url.scheme, with_path);
    if (!has_host && !has_path && !is_place && *value != '/') return;
    keep(variable, value, strlen(value));
    if (has_host) {
        keep_server(variable, &url);
        return;
    }
    if (has_path) {
        value = url.authority.bytes; /* a relative path has no slash before it */
        keep(variable, value, strlen(value));
    }
    char *real = realpath(value, NULL);
    if (real) keep(variable, real, strlen(real));
    free(real);
}

void inside_keep(const char *variable, const char *value, bool is_place) {
    if (!value) return;
    pthread_rwlock_wrlock(&places_lock);
    keep_value(variable, value, is_place);
    pthread_rwlock_unlock(&places_lock);
}

static bool is_part_of_name(char character) {
    return isalnum((unsigned char)character) || (character && strchr("_-.~", character));
}

/* True if the match is not in the middle of a longer name. A dot after it may end a sentence. */
static bool stands_alone(const char *begin, const char *found, const char *end) {
    if (found > begin && is_part_of_name(found[-1])) return false;
    return !is_part_of_name(*end) || (*end == '.' && !is_part_of_name(end[1]));
}

static void blank_one(struct text *text, const struct place *place) {
    const char *begin = text_view(text), *found = strstr(begin, place->value), *rest = begin;
    if (!found) return;
    struct text clean = {0};
    for (; found; found = strstr(found, place->value)) {
        const char *end = found + strlen(place->value);
        if (stands_alone(begin, found, end)) {
            text_append_bytes(&clean, rest, (size_t)(found - rest));
            text_append_format(&clean, "[%s]", place->variable);
            rest = end;
        }
        found = end;
    }
    text_append(&clean, rest);
    text_release(text);
    *text = clean;
}

void inside_blank(struct text *text) {
    pthread_rwlock_rdlock(&places_lock);
    for (size_t i = 0; i < places.count; i++)
        blank_one(text, &places.items[i]);
    pthread_rwlock_unlock(&places_lock);
}
