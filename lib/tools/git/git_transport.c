/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/git/git_transport.h"

#include <git2/sys/repository.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/base/url.h"
#include "lib/tools/git/git_http.h"

enum { MAX_OBJECTS_IN_PACK = 5000000 };

struct git_connection {
    git_remote *remote;
    struct git_session session;
    char *url;
    git_buf default_branch;
};

/* ---- Start ---- */

static pthread_once_t start_once = PTHREAD_ONCE_INIT;
static int start_result;

static void start(void) {
    static const int levels[] = {GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG,
                                 GIT_CONFIG_LEVEL_GLOBAL};
    start_result = git_libgit2_init();
    if (start_result < 0) return;
    start_result = git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
    if (start_result == 0) start_result = git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECTS, (size_t)MAX_OBJECTS_IN_PACK);
    for (size_t i = 0; i < sizeof levels / sizeof *levels && start_result == 0; i++)
        start_result = git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "");
}

enum status git_transport_start(struct error *err) {
    pthread_once(&start_once, start);
    return start_result < 0 ? git_transport_failure(start_result, "Git could not be set up", err) : STATUS_OK;
}

/* ---- Errors ---- */

enum status git_transport_failure(int code, const char *doing, struct error *err) {
    static const struct {
        int code;
        enum status status;
    } rows[] = {
        {GIT_ENOTFOUND, STATUS_NOT_FOUND},      {GIT_ENONFASTFORWARD, STATUS_CONFLICT}, {GIT_ELOCKED, STATUS_CONFLICT},
        {GIT_EMODIFIED, STATUS_CONFLICT},       {GIT_EAUTH, STATUS_FORBIDDEN},          {GIT_EEOF, STATUS_UNAVAILABLE},
        {GIT_ECERTIFICATE, STATUS_UNAVAILABLE},
    };
    const git_error *last = git_error_last();
    enum status status = last && last->klass == GIT_ERROR_NET ? STATUS_UNAVAILABLE : STATUS_INTERNAL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].code == code) status = rows[i].status;
    return error_set(err, status, "%s: %s.", doing, last && last->message ? last->message : "git gave no reason");
}

/* The session's failure if there is one, else libgit2's. */
static enum status connection_failure(struct git_connection *connection, int code, const char *doing, struct error *err) {
    const struct error *failure = &connection->session.failure;
    if (failure->status) return error_set(err, failure->status, "%s", failure->message);
    char sentence[600];
    snprintf(sentence, sizeof sentence, "%s %.500s failed", doing, connection->url);
    return git_transport_failure(code, sentence, err);
}

/* ---- URLs ---- */

static bool is_http(const char *url) {
    return url_after_scheme(url, "https") || url_after_scheme(url, "http");
}

enum status git_transport_check_url(const char *url, bool allow_private, struct error *err) {
    struct url parts;
    bool has_scheme = url_split(&parts, url);
    if (has_scheme && parts.account.bytes)
        return error_set(err, STATUS_INVALID, "A git URL must not contain a user or password.");
    if (allow_private) return STATUS_OK;
    if (!has_scheme || !url_part_is(&parts.scheme, "https"))
        return error_set(err, STATUS_REFUSED, "'%s' cannot be fetched: the URL must begin with https://.", url);
    if (parts.authority.length == 0 || memchr(parts.authority.bytes, ':', parts.authority.length))
        return error_set(err, STATUS_REFUSED, "'%s' cannot be fetched: the URL must name a host and no port.", url);
    return STATUS_OK;
}

/* ---- Callbacks for libgit2 ---- */

/* A git_transport_cb: chooses the transport by the URL's scheme. */
static int choose_transport(git_transport **out, git_remote *owner, void *payload) {
    struct git_connection *connection = payload;
    git_smart_subtransport_definition http = {.callback = git_http_create, .rpc = 1, .param = &connection->session};
    git_smart_subtransport_definition git = {.callback = git_smart_subtransport_git, .rpc = 0};
    if (is_http(connection->url)) return git_transport_smart(out, owner, &http);
    if (url_after_scheme(connection->url, "git")) return git_transport_smart(out, owner, &git);
    return git_transport_local(out, owner, NULL);
}

static int check_deadline(struct git_connection *connection) {
    struct git_session *session = &connection->session;
    if (deadline_check(session->access->deadline, &session->failure) == STATUS_OK) return 0;
    error_prefix(&session->failure, "While talking to %.500s", connection->url);
    return GIT_EUSER;
}

static int on_sideband(const char *text, int length, void *payload) {
    (void)text;
    (void)length;
    return check_deadline(payload);
}

static int on_progress(const git_indexer_progress *progress, void *payload) {
    struct git_connection *connection = payload;
    int64_t limit = connection->session.access->limit_bytes;
    if (limit && progress->received_bytes > (uint64_t)limit) { /* counted here for remotes other than HTTP, too */
        error_set(&connection->session.failure, STATUS_TOO_LARGE, "%.500s sends more than %lld bytes.", connection->url,
                  (long long)limit);
        return GIT_EUSER;
    }
    return check_deadline(connection);
}

static git_remote_callbacks callbacks_for(struct git_connection *connection) {
    git_remote_callbacks callbacks;
    git_remote_init_callbacks(&callbacks, GIT_REMOTE_CALLBACKS_VERSION);
    callbacks.transport = choose_transport;
    callbacks.sideband_progress = on_sideband;
    callbacks.transfer_progress = on_progress;
    callbacks.payload = connection;
    return callbacks;
}

/* ---- Connections ---- */

/* The repository's own configuration is not needed, and libgit2 1.5 leaks 20 kB for each entry that it compares with
 * `insteadOf` without a match. */
static int ignore_configuration(git_repository *repository) {
    git_config *empty = NULL;
    int code = git_config_new(&empty);
    if (code == 0) code = git_repository_set_config(repository, empty);
    git_config_free(empty);
    return code;
}

/* For a path that does not exist or holds no repository, libgit2 gives only a text. */
static enum status connect_failure(struct git_connection *connection, int code, struct error *err) {
    const git_error *last = git_error_last();
    bool is_absent = last && (last->klass == GIT_ERROR_REPOSITORY || last->klass == GIT_ERROR_OS);
    if (is_absent && !connection->session.failure.status && !url_after_scheme(connection->url, "git"))
        return error_set(err, STATUS_NOT_FOUND, "%s does not exist or is private.", connection->url);
    return connection_failure(connection, code, "Connecting to", err);
}

enum status git_connection_open(struct git_connection **out, git_repository *repository, const char *url,
                                const struct git_access *access, struct error *err) {
    enum status status = git_transport_start(err);
    if (!status) status = git_transport_check_url(url, access->allow_private, err);
    if (status) return status;

    struct git_connection *connection = memory_alloc(sizeof *connection);
    connection->session.access = access;
    connection->url = memory_copy_text(url);
    connection->session.url = connection->url;
    git_remote_connect_options options;
    git_remote_connect_options_init(&options, GIT_REMOTE_CONNECT_OPTIONS_VERSION);
    options.callbacks = callbacks_for(connection);
    int code = ignore_configuration(repository);
    if (code == 0) code = git_remote_create_anonymous(&connection->remote, repository, url);
    if (code == 0) code = git_remote_connect_ext(connection->remote, GIT_DIRECTION_FETCH, &options);
    if (code < 0) {
        status = connect_failure(connection, code, err);
        git_connection_free(connection);
        return status;
    }
    *out = connection;
    return STATUS_OK;
}

void git_connection_free(struct git_connection *connection) {
    if (!connection) return;
    git_remote_free(connection->remote);
    git_buf_dispose(&connection->default_branch);
    free(connection->url);
    free(connection);
}

bool git_connection_find(struct git_connection *connection, const char *ref, git_oid *out) {
    const git_remote_head **heads = NULL;
    size_t count = 0;
    if (git_remote_ls(&heads, &count, connection->remote) < 0) return false;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(heads[i]->name, ref) != 0) continue;
        git_oid_cpy(out, &heads[i]->oid);
        return true;
    }
    return false;
}

const char *git_connection_default_branch(struct git_connection *connection) {
    if (connection->default_branch.ptr) return connection->default_branch.ptr;
    return git_remote_default_branch(&connection->default_branch, connection->remote) < 0 ? NULL
                                                                                          : connection->default_branch.ptr;
}

enum status git_connection_fetch(struct git_connection *connection, const char *ref, struct error *err) {
    char *refs[] = {(char *)ref};
    git_strarray refspecs = {.strings = refs, .count = 1};
    git_fetch_options options;
    git_fetch_options_init(&options, GIT_FETCH_OPTIONS_VERSION);
    options.callbacks = callbacks_for(connection);
    options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
    options.update_fetchhead = 0;
    int code = git_remote_download(connection->remote, &refspecs, &options);
    return code < 0 ? connection_failure(connection, code, "Fetching from", err) : STATUS_OK;
}
