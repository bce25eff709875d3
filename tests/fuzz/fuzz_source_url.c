/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as a source that a stranger names: the first line as a git URL, the second as a folder in it, the third as a
 * ref. A URL that may be fetched leads to a host by https and to nothing else, and the later checks agree.
 */
#include <stdlib.h>

#include "lib/base/url.h"
#include "lib/domain/package/location.h"
#include "lib/domain/package/ref.h"
#include "lib/tools/git/git_source.h"
#include "lib/tools/git/git_transport.h"
#include "tests/fuzz/fuzz.h"

/* For any text, the parts follow one another, and none lies outside it. */
static void check_parts(const char *text) {
    struct url url;
    assert(url_split(&url, text) == (strstr(text, "://") != NULL));
    assert(!url.scheme.bytes || url.scheme.bytes + url.scheme.length + strlen("://") == url.authority.bytes);
    assert(url.authority.bytes + url.authority.length == url.path && strchr("/", *url.path));
    assert(url.account.bytes ? url.account.bytes + url.account.length + 1 == url.server.bytes
                             : url.server.bytes == url.authority.bytes);
    assert(url.server.bytes + url.server.length == url.path);
    assert(url.host.bytes + url.host.length + url.has_brackets + (url.port.bytes != NULL) + url.port.length == url.path);
}

/* The URL given to curl has the host that was checked, without a port or an account. */
static void check_server(const char *url) {
    struct text server = {0};
    assert(url_append_server(&server, url) && text_starts_with(server.bytes, "https://"));
    assert(!strpbrk(server.bytes + strlen("https://"), ":@/"));
    text_release(&server);
}

static void check_url(const char *url, bool is_published) {
    static const char https[] = "https://";
    const char *host = strstr(url, "://") + 3;
    assert(host[0] && host[0] != '/');
    assert(!strpbrk(host, ":@?#%\\ \t\r\n"));
    assert(is_published || (text_starts_with(url, https) && git_transport_check_url(url, false, NULL) == STATUS_OK));
}

static void check_subdir(const char *subdir) {
    assert(subdir[0] && subdir[0] != '/' && !text_equal(subdir, "..") && !text_starts_with(subdir, "../"));
    assert(!strstr(subdir, "/../") && !text_ends_with(subdir, "/.."));
}

/* A location equals itself, and itself with a final slash. */
static void check_place(const struct location *location) {
    struct location other = *location;
    struct text url = {0};
    text_append_format(&url, "%s/", location->git_url);
    other.git_url = text_view(&url);
    assert(location_equal(location, location) && location_equal(location, &other) && location_equal(&other, location));
    text_release(&url);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    char *url = fuzz_take_line(&bytes, &length), *subdir = fuzz_take_line(&bytes, &length);
    char *ref = fuzz_take_line(&bytes, &length);
    struct location location = {.kind = LOCATION_GIT, .git_url = url, .subdir = subdir[0] ? subdir : NULL};
    enum status published = location_check_published(&location, NULL), source = location_check_source(&location, false, NULL);
    if (!published) check_url(url, true);
    if (!published) check_place(&location);
    if (!source) check_url(url, false);
    if (!source) check_server(url);
    check_parts(url);
    if ((!published || !source) && location.subdir) check_subdir(subdir);
    assert(source || !location_check_source(&location, true, NULL));
    assert(ref_check(ref, NULL) || !git_source_check_ref(ref, NULL));
    free(url);
    free(subdir);
    free(ref);
    return 0;
}
