/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/domain/package/location.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "lib/base/arena.h"
#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/base/url.h"
#include "lib/domain/package/json_fields.h"

enum {
    GITHUB_OWNER_MAX = 39,
    GITHUB_REPO_MAX = 100,
    GIT_URL_MAX = 1000,
    SUBDIR_MAX = 500,
    PARTS_MAX = GIT_URL_MAX / 2,
};

enum status location_read(struct location *out, const json_t *object, struct arena *arena, struct error *err) {
    *out = (struct location){0};
    enum status status = json_must_be_object(object, "A location", err);
    if (status) return status;
    bool is_git = json_object_get(object, "gitUrl"), is_github = json_object_get(object, "githubOwner");
    if (is_git == is_github)
        return error_set(err, STATUS_INVALID, "A location must have either \"githubOwner\" and \"githubRepo\", or \"gitUrl\".");
    if (is_git) {
        out->kind = LOCATION_GIT;
        status = json_need_copy(object, "gitUrl", &out->git_url, arena, err);
    } else {
        out->kind = LOCATION_GITHUB;
        status = json_need_copy(object, "githubOwner", &out->github_owner, arena, err);
        if (!status) status = json_need_copy(object, "githubRepo", &out->github_repo, arena, err);
    }
    if (!status) status = json_want_copy(object, "subdir", &out->subdir, arena, err);
    return status;
}

/* True if `name` is valid as a GitHub owner or repository. */
static bool is_github_name(const char *name, size_t most, const char *more_characters) {
    size_t length = strlen(name);
    if (length == 0 || length > most || text_equal(name, ".") || text_equal(name, "..")) return false;
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr(more_characters, name[i])) return false;
    return true;
}

static enum status check_github(const struct location *location, struct error *err) {
    if (!is_github_name(location->github_owner, GITHUB_OWNER_MAX, "-_"))
        return error_set_at(
            err, STATUS_INVALID, "githubOwner",
            "\"%s\" is not the name of a GitHub user or organisation: it must be 1 to 39 letters, digits, hyphens "
            "and underscores.",
            location->github_owner);
    if (!is_github_name(location->github_repo, GITHUB_REPO_MAX, "-_."))
        return error_set_at(
            err, STATUS_INVALID, "githubRepo",
            "\"%s\" is not the name of a GitHub repository: it must be 1 to 100 letters, digits, dots, hyphens and "
            "underscores, without the owner.",
            location->github_repo);
    return STATUS_OK;
}

/* True for a relative path without empty parts, `.` and `..`. */
static bool is_inside_path(const char *path) {
    for (const char *part = path;;) {
        size_t length = strcspn(part, "/");
        if (length == 0 || strncmp(part, "..", length) == 0) return false; /* empty, `.` or `..` */
        part += length;
        if (*part++ == '\0') return true;
    }
}

static enum status check_subdir(const char *subdir, struct error *err) {
    if (!subdir) return STATUS_OK;
    bool is_plain = strlen(subdir) <= SUBDIR_MAX && text_is_utf8(subdir, strlen(subdir));
    for (const char *at = subdir; *at && is_plain; at++)
        is_plain = !iscntrl((unsigned char)*at) && *at != '\\';
    if (is_plain && is_inside_path(subdir)) return STATUS_OK;
    return error_set_at(err, STATUS_INVALID, "subdir",
                        "\"%s\" cannot be a folder of the repository: it must be a relative path such as \"packages/core\", "
                        "without \".\", \"..\" or backslashes, of at most %d bytes.",
                        subdir, SUBDIR_MAX);
}

/* Splits `url`; false if it has none of the schemes that may be published. */
static bool split_published(struct url *out, const char *url) {
    return url_split(out, url) &&
           (url_part_is(&out->scheme, "https") || url_part_is(&out->scheme, "http") || url_part_is(&out->scheme, "git"));
}

/* True if `.git` occurs at the very end of `address`, before a final slash, or not at all. */
static bool git_suffix_is_last(const char *address) {
    const char *at = strstr(address, ".git");
    return !at || text_equal(at, ".git") || text_equal(at, ".git/");
}

static enum status check_published_url(const char *url, struct error *err) {
    struct url parts;
    if (!split_published(&parts, url))
        return error_set_at(err, STATUS_INVALID, "gitUrl",
                            "The git URL \"%s\" must begin with \"https://\", \"http://\" or \"git://\".", url);
    if (parts.authority.length == 0 || strlen(url) > GIT_URL_MAX)
        return error_set_at(err, STATUS_INVALID, "gitUrl",
                            "The git URL \"%s\" must have a host name and at most %d characters.", url, GIT_URL_MAX);
    for (const char *at = parts.authority.bytes; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("./_-~", *at))
            return error_set_at(
                err, STATUS_INVALID, "gitUrl",
                "The git URL \"%s\" may have only letters, digits and the characters . / _ - ~ after its \"://\": no "
                "port, user or query.",
                url);
    if (!git_suffix_is_last(parts.authority.bytes))
        return error_set_at(err, STATUS_INVALID, "gitUrl", "The git URL \"%s\" may contain \".git\" only at its very end.",
                            url);
    return STATUS_OK;
}

enum status location_check_published(const struct location *location, struct error *err) {
    enum status status =
        location->kind == LOCATION_GIT ? check_published_url(location->git_url, err) : check_github(location, err);
    return status ? status : check_subdir(location->subdir, err);
}

/* True for SCHEME://HOST:PORT/… with a publishable scheme. */
static bool is_url_with_port(const char *url) {
    struct url parts;
    int port;
    if (!split_published(&parts, url) || !url_port_parse(&port, &parts.port) || *parts.path == '\0') return false;
    const char *colon = memchr(parts.authority.bytes, ':', parts.authority.length);
    return colon > parts.authority.bytes && colon + 1 == parts.port.bytes;
}

static enum status check_private_url(const char *url, struct error *err) {
    struct url parts;
    bool is_path = url_split(&parts, url) && url_part_is(&parts.scheme, "file") && parts.authority.length == 0 && *parts.path;
    if (!is_path && !is_url_with_port(url)) return check_published_url(url, err);
    for (const char *at = parts.authority.bytes; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("./_-~:", *at))
            return error_set_at(err, STATUS_INVALID, "gitUrl",
                                "The git URL \"%s\" may have only letters, digits and the characters . / _ - ~ in its path.",
                                url);
    return STATUS_OK;
}

enum status location_check_source(const struct location *location, bool allow_private, struct error *err) {
    enum status status;
    if (location->kind == LOCATION_GITHUB)
        status = check_github(location, err);
    else if (allow_private)
        status = check_private_url(location->git_url, err);
    else if (url_after_scheme(location->git_url, "https"))
        status = check_published_url(location->git_url, err);
    else
        status = error_set_at(err, STATUS_INVALID, "gitUrl",
                              "The git URL \"%s\" cannot be fetched: sources are fetched by https only.", location->git_url);
    return status ? status : check_subdir(location->subdir, err);
}

void location_write(struct json_writer *writer, const struct location *location) {
    json_writer_open(writer, '{');
    json_writer_text_field(writer, "githubOwner", location->github_owner);
    json_writer_text_field(writer, "githubRepo", location->github_repo);
    json_writer_text_field(writer, "gitUrl", location->git_url);
    json_writer_text_field(writer, "subdir", location->subdir);
    json_writer_close(writer, '}');
}

/* ---- The same place ---- */

static void append_lower(struct text *out, const char *bytes, size_t length) {
    for (size_t i = 0; i < length; i++)
        text_append_character(out, (char)tolower((unsigned char)bytes[i]));
}

/* The parts of a path as an HTTP client resolves it: `.` and `..` are applied, empty parts skipped. No published URL has more
 * than PARTS_MAX. */
struct path_parts {
    size_t count;
    struct {
        const char *bytes;
        size_t length;
    } parts[PARTS_MAX];
};

static void split_path(struct path_parts *out, const char *path) {
    out->count = 0;
    for (;;) {
        path += strspn(path, "/");
        size_t length = strcspn(path, "/");
        if (length == 0) return;
        if (length == 2 && strncmp(path, "..", 2) == 0)
            out->count -= out->count > 0;
        else if ((length != 1 || *path != '.') && out->count < PARTS_MAX) {
            out->parts[out->count].bytes = path;
            out->parts[out->count++].length = length;
        }
        path += length;
    }
}

/* Appends `github.com/OWNER/REPO` in lower case, without a final `.git`. */
static void append_github_place(struct text *out, const char *owner, size_t owner_length, const char *repo,
                                size_t repo_length) {
    static const char suffix[] = ".git";
    enum { SUFFIX_LENGTH = sizeof suffix - 1 };
    text_append(out, "github.com/");
    append_lower(out, owner, owner_length);
    text_append_character(out, '/');
    append_lower(out, repo, repo_length);
    if (text_ends_with(text_view(out), suffix)) {
        out->length -= SUFFIX_LENGTH;
        out->bytes[out->length] = '\0';
    }
}

static bool is_github_host(const char *host, size_t length) {
    static const char *const names[] = {"github.com", "www.github.com"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strlen(names[i]) == length && strncasecmp(host, names[i], length) == 0) return true;
    return false;
}

/* The length of a host name without the dots at its end. */
static size_t length_without_dots(const struct url_part *host) {
    size_t length = host->length;
    while (length > 0 && host->bytes[length - 1] == '.')
        length--;
    return length;
}

/* For other hosts than GitHub only scheme and host are compared without case, and `.git` is significant: they may distinguish
 * both. A dot at the end of the host name is ignored. */
static void append_url_place(struct text *out, const char *url) {
    struct url parts;
    struct path_parts path;
    url_split(&parts, url);
    const char *host = parts.authority.bytes;
    size_t host_length = length_without_dots(&parts.authority);
    split_path(&path, parts.path);
    if (is_github_host(host, host_length) && path.count == 2) {
        append_github_place(out, path.parts[0].bytes, path.parts[0].length, path.parts[1].bytes, path.parts[1].length);
        return;
    }
    append_lower(out, url, (size_t)(host - url) + host_length);
    for (size_t i = 0; i < path.count; i++) {
        text_append_character(out, '/');
        text_append_bytes(out, path.parts[i].bytes, path.parts[i].length);
    }
}

static void append_place(struct text *out, const struct location *location) {
    if (location->kind == LOCATION_GITHUB)
        append_github_place(out, location->github_owner, strlen(location->github_owner), location->github_repo,
                            strlen(location->github_repo));
    else
        append_url_place(out, location->git_url);
}

bool location_equal(const struct location *a, const struct location *b) {
    if (!text_equal(a->subdir, b->subdir)) return false;
    struct text place_a = {0}, place_b = {0};
    append_place(&place_a, a);
    append_place(&place_b, b);
    bool answer = text_equal(text_view(&place_a), text_view(&place_b));
    text_release(&place_a);
    text_release(&place_b);
    return answer;
}

bool location_find_github(struct github_repository *out, const struct location *location, struct arena *arena) {
    static const char suffix[] = ".git";
    struct url parts;
    struct path_parts path;
    if (location->kind == LOCATION_GITHUB) {
        out->owner = arena_copy(arena, location->github_owner);
        out->name = arena_copy(arena, location->github_repo);
    } else {
        if (!split_published(&parts, location->git_url)) return false;
        split_path(&path, parts.path);
        if (!is_github_host(parts.authority.bytes, length_without_dots(&parts.authority)) || path.count != 2) return false;
        out->owner = arena_copy_bytes(arena, path.parts[0].bytes, path.parts[0].length);
        out->name = arena_copy_bytes(arena, path.parts[1].bytes, path.parts[1].length);
    }
    if (text_ends_with(out->name, suffix)) out->name = arena_copy_bytes(arena, out->name, strlen(out->name) - strlen(suffix));
    return true;
}

void location_append_text(struct text *out, const struct location *location) {
    if (location->kind == LOCATION_GITHUB)
        text_append_format(out, "github.com/%s/%s", location->github_owner, location->github_repo);
    else
        text_append(out, location->git_url);
    if (location->subdir) text_append_format(out, " (folder %s)", location->subdir);
}
