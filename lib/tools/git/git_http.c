/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A git connection is a few consecutive requests:
 *
 *   GET  URL/info/refs?service=git-upload-pack      the refs; redirects are followed here
 *   POST BASE/git-upload-pack                       wants and haves, answered by the pack; repeated during the negotiation
 *
 * and the same with git-receive-pack for a push. BASE is the GET's final URL. libgit2 writes a request completely, then reads
 * the answer in pieces; curl runs within those reads.
 */
#include "lib/tools/git/git_http.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/clock.h"
#include "lib/base/deadline.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/base/url.h"
#include "lib/tools/http/public_address.h"

enum {
    CONNECT_TIMEOUT_MS = 20000,
    REDIRECTS_MAX = 5,
    POLL_MS = 200, /* how soon a cancelled deadline is noticed */
    HTTPS_PORT = 443,
    HEAD_LIMIT_BYTES = 256 * 1024,       /* all headers of the answers to one request */
    REFS_LIMIT_BYTES = 32 * 1024 * 1024, /* advertised refs, which need several times as much memory */
};

struct service {
    const char *path; /* appended to the repository's URL */
    const char *request_type;
    const char *answer_type;
    bool is_first; /* a GET, which may be redirected */
};

static const struct service services[] = {
    [GIT_SERVICE_UPLOADPACK_LS] = {"/info/refs?service=git-upload-pack", NULL, "application/x-git-upload-pack-advertisement",
                                   true},
    [GIT_SERVICE_UPLOADPACK] = {"/git-upload-pack", "application/x-git-upload-pack-request",
                                "application/x-git-upload-pack-result", false},
    [GIT_SERVICE_RECEIVEPACK_LS] = {"/info/refs?service=git-receive-pack", NULL, "application/x-git-receive-pack-advertisement",
                                    true},
    [GIT_SERVICE_RECEIVEPACK] = {"/git-receive-pack", "application/x-git-receive-pack-request",
                                 "application/x-git-receive-pack-result", false},
};

/* libgit2 passes pointers to the `parent` of these structs, so it must come first. */
struct http_transport {
    git_smart_subtransport parent;
    struct git_session *session;
    CURLM *multi;          /* keeps the connection from one request to the next */
    char *base;            /* from the final URL of the first request; NULL before */
    bool base_is_own_host; /* scheme, host and port are those of the URL: credentials may go there */
};

struct http_stream {
    git_smart_subtransport_stream parent;
    struct http_transport *transport;
    const struct service *service;
    char *url;
    CURL *easy;
    struct curl_slist *headers;
    struct text request;
    struct text answer; /* of which `taken` bytes were read */
    size_t taken;
    size_t head_bytes;
    int64_t heard_ms; /* when bytes arrived last */
    bool has_started;
    bool has_ended;
    bool address_was_refused;
    char curl_error[CURL_ERROR_SIZE];
};

/* ---- Credentials ---- */

bool git_http_is_safe_for_token(const char *url) {
    struct url parts;
    if (!url_split(&parts, url)) return false;
    if (url_part_is(&parts.scheme, "https")) return true;
    bool is_here = url_part_is(&parts.host, "127.0.0.1") || url_part_is(&parts.host, "localhost") ||
                   (parts.has_brackets && url_part_is(&parts.host, "::1"));
    return url_part_is(&parts.scheme, "http") && !parts.account.bytes && is_here;
}

static bool may_send_token(const struct http_stream *stream) {
    const struct http_transport *transport = stream->transport;
    return transport->session->access->token && git_http_is_safe_for_token(transport->session->url) &&
           (stream->service->is_first || transport->base_is_own_host);
}

/* False also if the first request was redirected to another host, to which curl does not send it. */
static bool token_was_sent(const struct http_stream *stream) {
    const char *effective = NULL;
    curl_easy_getinfo(stream->easy, CURLINFO_EFFECTIVE_URL, &effective);
    return may_send_token(stream) && effective && url_is_same_server(stream->url, effective);
}

/* ---- Failures ---- */

/* The failure itself is in the session; the code only tells libgit2 that there is one. */
static int fail(struct git_session *session) {
    git_error_set_str(GIT_ERROR_HTTP, session->failure.message);
    return GIT_EUSER;
}

static int fail_for_curl(struct http_stream *stream, CURLcode code) {
    static const struct {
        CURLcode code;
        enum status status;
        const char *what;
    } rows[] = {
        {CURLE_COULDNT_RESOLVE_HOST, STATUS_UNAVAILABLE, "has a host name that could not be resolved"},
        {CURLE_OPERATION_TIMEDOUT, STATUS_TIMEOUT, "did not answer in time"},
        {CURLE_TOO_MANY_REDIRECTS, STATUS_REFUSED, "redirects too often"},
        {CURLE_UNSUPPORTED_PROTOCOL, STATUS_REFUSED, "redirects to another scheme than https"},
        {CURLE_PEER_FAILED_VERIFICATION, STATUS_UNAVAILABLE, "has a certificate that could not be verified"},
        {CURLE_SSL_CACERT_BADFILE, STATUS_UNAVAILABLE,
         "has a certificate that could not be verified: the certificate authorities' file cannot be read"},
        {CURLE_PARTIAL_FILE, STATUS_UNAVAILABLE, "closed the connection before the end of its answer"},
        {CURLE_RECV_ERROR, STATUS_UNAVAILABLE, "closed the connection before the end of its answer"},
    };
    struct error *failure = &stream->transport->session->failure;
    const char *url = stream->transport->session->url;
    const char *detail = stream->curl_error[0] ? stream->curl_error : curl_easy_strerror(code);
    if (failure->status) return fail(stream->transport->session);
    if (stream->address_was_refused) {
        error_set(failure, STATUS_REFUSED, "%s leads to an address or port from which sources may not be fetched.", url);
        return fail(stream->transport->session);
    }
    enum status status = STATUS_UNAVAILABLE;
    const char *what = "could not be reached";
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].code != code) continue;
        status = rows[i].status;
        what = rows[i].what;
    }
    error_set(failure, status, "%s %s (%s).", url, what, detail);
    return fail(stream->transport->session);
}

/* With credentials, that is for the registry's own repositories, 401 and 403 are for operators to fix. */
static int fail_for_credentials(struct http_stream *stream, long code) {
    struct git_session *session = stream->transport->session;
    if (!token_was_sent(stream))
        error_set(&session->failure, STATUS_FORBIDDEN,
                  "%s asks for credentials, which are sent only over https and never to a host that it redirects to.",
                  session->url);
    else
        error_set(&session->failure, STATUS_FORBIDDEN,
                  "%s does not %s the token of %s (HTTP status %ld): PACCHETTIBOTTI_TOKEN is wrong, has expired, or lacks the "
                  "permission.",
                  session->url, code == 401 ? "accept" : "authorize", session->access->user, code);
    return fail(session);
}

static int fail_for_http_status(struct http_stream *stream, long code) {
    static const struct {
        long first, last; /* HTTP statuses */
        enum status status;
        const char *what;
    } rows[] = {
        {200, 200, STATUS_NOT_FOUND, "does not answer as a git repository"},
        {401, 401, STATUS_NOT_FOUND, "does not exist or is private"}, /* GitHub's answer for both without credentials */
        {403, 403, STATUS_FORBIDDEN, "refuses access"},
        {404, 404, STATUS_NOT_FOUND, "does not exist or is private"},
        {408, 408, STATUS_UNAVAILABLE, "is not available at the moment"},
        {410, 410, STATUS_NOT_FOUND, "no longer exists"},
        {429, 429, STATUS_UNAVAILABLE, "limits the number of requests at the moment"},
        {500, 599, STATUS_UNAVAILABLE, "is not available at the moment"},
    };
    struct git_session *session = stream->transport->session;
    enum status status = STATUS_REFUSED;
    const char *what = "gave an answer that is not of git's protocol";
    if (session->access->token && (code == 401 || code == 403)) return fail_for_credentials(stream, code);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (code < rows[i].first || code > rows[i].last) continue;
        status = rows[i].status;
        what = rows[i].what;
    }
    error_set(&session->failure, status, "%s %s (HTTP status %ld).", session->url, what, code);
    return fail(session);
}

/* ---- Redirects ---- */

/* Remembers the final URL of the first request for the following ones. False, with the failure set: it is no repository's. */
static bool keep_base(struct http_stream *stream) {
    struct http_transport *transport = stream->transport;
    const char *effective = NULL;
    curl_easy_getinfo(stream->easy, CURLINFO_EFFECTIVE_URL, &effective);
    if (!effective || !text_ends_with(effective, stream->service->path)) {
        error_set(&transport->session->failure, STATUS_NOT_FOUND, "%s redirects to an address that is not a git repository.",
                  transport->session->url);
        return false;
    }
    transport->base = memory_copy_text(effective);
    transport->base[strlen(effective) - strlen(stream->service->path)] = '\0';
    transport->base_is_own_host = url_is_same_server(stream->url, effective);
    return true;
}

/* ---- Callbacks for curl ---- */

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address) {
    struct http_stream *stream = context;
    in_port_t port = 0; /* at the same place in sockaddr_in and sockaddr_in6 */
    memcpy(&port, (const char *)&address->addr + offsetof(struct sockaddr_in, sin_port), sizeof port);
    if (!stream->transport->session->access->allow_private &&
        (purpose != CURLSOCKTYPE_IPCXN || !address_is_public(&address->addr) || ntohs(port) != HTTPS_PORT)) {
        stream->address_was_refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t take_head(char *bytes, size_t size, size_t count, void *context) {
    struct http_stream *stream = context;
    (void)bytes;
    stream->heard_ms = clock_monotonic_ms();
    stream->head_bytes += size * count;
    if (stream->head_bytes <= HEAD_LIMIT_BYTES) return size * count;
    error_set(&stream->transport->session->failure, STATUS_TOO_LARGE, "%s sends headers of more than %d bytes.",
              stream->transport->session->url, HEAD_LIMIT_BYTES);
    return 0;
}

/* True if the answer has the expected status and content type. */
static bool answer_is_expected(struct http_stream *stream) {
    long code = 0;
    const char *type = NULL;
    curl_easy_getinfo(stream->easy, CURLINFO_RESPONSE_CODE, &code);
    curl_easy_getinfo(stream->easy, CURLINFO_CONTENT_TYPE, &type);
    return code == 200 && type && strcasecmp(type, stream->service->answer_type) == 0;
}

static size_t take_answer(char *bytes, size_t size, size_t count, void *context) {
    struct http_stream *stream = context;
    struct git_session *session = stream->transport->session;
    size_t length = size * count;
    if (!answer_is_expected(stream)) return 0; /* its text is not used; see stream_end() */
    if (stream->service->is_first && !stream->transport->base && !keep_base(stream)) return 0;
    session->received_bytes += (int64_t)length;
    stream->heard_ms = clock_monotonic_ms();
    if (stream->service->is_first && session->received_bytes > REFS_LIMIT_BYTES) {
        error_set(&session->failure, STATUS_TOO_LARGE, "%s has more than %d bytes of refs.", session->url, REFS_LIMIT_BYTES);
        return 0;
    }
    if (session->access->limit_bytes && session->received_bytes > session->access->limit_bytes) {
        error_set(&session->failure, STATUS_TOO_LARGE, "%s sends more than %lld bytes.", session->url,
                  (long long)session->access->limit_bytes);
        return 0;
    }
    text_append_bytes(&stream->answer, bytes, length);
    return length;
}

/* ---- A request ---- */

static void set_access(struct http_stream *stream) {
    const struct git_access *access = stream->transport->session->access;
    CURL *easy = stream->easy;
    const char *schemes = access->allow_private ? "http,https" : "https";
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, schemes);
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, schemes);
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* a proxy would connect for us, without our check of the address */
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, stream);
    if (access->authorities) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, access->authorities);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    if (may_send_token(stream)) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(easy, CURLOPT_USERNAME, access->user ? access->user : "");
        curl_easy_setopt(easy, CURLOPT_PASSWORD, access->token); /* curl does not send it to another host */
    }
}

static void set_body(struct http_stream *stream) {
    char type[100];
    snprintf(type, sizeof type, "Content-Type: %s", stream->service->request_type);
    stream->headers = curl_slist_append(stream->headers, type);
    stream->headers = curl_slist_append(stream->headers, "Expect:"); /* no extra round trip */
    curl_easy_setopt(stream->easy, CURLOPT_POST, 1L);
    curl_easy_setopt(stream->easy, CURLOPT_POSTFIELDS, text_view(&stream->request));
    curl_easy_setopt(stream->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)stream->request.length);
}

static void stream_start(struct http_stream *stream) {
    CURL *easy = stream->easy;
    stream->has_started = true;
    curl_easy_setopt(easy, CURLOPT_URL, stream->url);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, stream->curl_error);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "git/registry-" REGISTRY_VERSION); /* hosts expect the prefix git/ */
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, stream->service->is_first ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_head);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, stream);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, stream);
    set_access(stream);
    if (!stream->service->is_first) set_body(stream);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, stream->headers);
    curl_multi_add_handle(stream->transport->multi, easy);
}

static int stream_end(struct http_stream *stream, CURLcode code) {
    stream->has_ended = true;
    long http_status = 0;
    curl_easy_getinfo(stream->easy, CURLINFO_RESPONSE_CODE, &http_status);
    bool was_dropped = code == CURLE_WRITE_ERROR && !stream->transport->session->failure.status;
    if (code != CURLE_OK && !was_dropped) return fail_for_curl(stream, code);
    if (!answer_is_expected(stream)) return fail_for_http_status(stream, http_status);
    return 0;
}

/* True, with the failure set, if waiting must end. */
static bool is_over(struct http_stream *stream) {
    struct git_session *session = stream->transport->session;
    int64_t silence_ms = session->access->silence_ms;
    if (deadline_check(session->access->deadline, &session->failure)) {
        error_prefix(&session->failure, "While talking to %.500s", session->url);
        return true;
    }
    if (!silence_ms || clock_monotonic_ms() - stream->heard_ms < silence_ms) return false;
    error_set(&session->failure, STATUS_TIMEOUT, "%.500s sent nothing for %lld ms.", session->url, (long long)silence_ms);
    return true;
}

/* Runs curl until there is something to read or the answer has ended. */
static int stream_wait(struct http_stream *stream) {
    struct git_session *session = stream->transport->session;
    CURLM *multi = stream->transport->multi;
    stream->heard_ms = clock_monotonic_ms(); /* silence counts from here */
    while (stream->taken == stream->answer.length && !stream->has_ended) {
        if (is_over(stream)) return fail(session);
        text_clear(&stream->answer);
        stream->taken = 0;
        int running = 0, left = 0;
        if (curl_multi_perform(multi, &running)) return fail_for_curl(stream, CURLE_FAILED_INIT);
        CURLMsg *message = curl_multi_info_read(multi, &left);
        if (message && message->msg == CURLMSG_DONE) {
            int failed = stream_end(stream, message->data.result);
            if (failed) return failed;
        } else if (stream->answer.length == 0) {
            curl_multi_poll(multi, NULL, 0, deadline_left_ms(session->access->deadline, POLL_MS), NULL);
        }
    }
    return 0;
}

/* ---- Callbacks for libgit2 ---- */

static int stream_read(git_smart_subtransport_stream *parent, char *buffer, size_t capacity, size_t *length) {
    struct http_stream *stream = (struct http_stream *)parent;
    if (!stream->has_started) stream_start(stream);
    int failed = stream_wait(stream);
    if (failed) return failed;
    size_t left = stream->answer.length - stream->taken;
    *length = left < capacity ? left : capacity;
    memcpy(buffer, text_view(&stream->answer) + stream->taken, *length);
    stream->taken += *length;
    return 0;
}

static int stream_write(git_smart_subtransport_stream *parent, const char *bytes, size_t length) {
    struct http_stream *stream = (struct http_stream *)parent;
    text_append_bytes(&stream->request, bytes, length);
    return 0;
}

static void stream_free(git_smart_subtransport_stream *parent) {
    struct http_stream *stream = (struct http_stream *)parent;
    if (stream->has_started) curl_multi_remove_handle(stream->transport->multi, stream->easy);
    curl_easy_cleanup(stream->easy);
    curl_slist_free_all(stream->headers);
    text_release(&stream->request);
    text_release(&stream->answer);
    free(stream->url);
    free(stream);
}

static int transport_action(git_smart_subtransport_stream **out, git_smart_subtransport *parent, const char *url,
                            git_smart_service_t action) {
    struct http_transport *transport = (struct http_transport *)parent;
    const struct service *service = &services[action];
    struct http_stream *stream = memory_alloc(sizeof *stream);
    stream->parent.subtransport = parent;
    stream->parent.read = stream_read;
    stream->parent.write = stream_write;
    stream->parent.free = stream_free;
    stream->transport = transport;
    stream->service = service;
    stream->easy = curl_easy_init();

    const char *base = service->is_first || !transport->base ? url : transport->base;
    struct text whole = {0};
    url_append_base(&whole, base);
    text_append(&whole, service->path);
    stream->url = whole.bytes;
    *out = &stream->parent;
    return 0;
}

static int transport_close(git_smart_subtransport *parent) {
    struct http_transport *transport = (struct http_transport *)parent;
    free(transport->base);
    transport->base = NULL;
    return 0;
}

static void transport_free(git_smart_subtransport *parent) {
    struct http_transport *transport = (struct http_transport *)parent;
    curl_multi_cleanup(transport->multi);
    free(transport->base);
    free(transport);
}

int git_http_create(git_smart_subtransport **out, git_transport *owner, void *session) {
    (void)owner;
    struct http_transport *transport = memory_alloc(sizeof *transport);
    transport->parent.action = transport_action;
    transport->parent.close = transport_close;
    transport->parent.free = transport_free;
    transport->session = session;
    transport->multi = curl_multi_init();
    *out = &transport->parent;
    return 0;
}
