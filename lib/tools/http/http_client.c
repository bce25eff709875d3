/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/http/http_client.h"

#include <curl/curl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/url.h"
#include "lib/tools/http/public_address.h"

enum {
    TIMEOUT_STANDARD_MS = 30000,
    CONNECT_TIMEOUT_MS = 10000,
    LIMIT_STANDARD_BYTES = 1 << 20,
    HEADERS_LIMIT_BYTES = 1 << 18,
    FIRST_WAIT_MS = 100, /* before the second try; doubled each time */
    LONGEST_WAIT_MS = 5000,
    IDLE_MAX = 16, /* pooled handles */
};

/* A connection pool. A curl handle keeps its connections; idle handles wait here for the next request, the last used first. */
struct http_connections {
    pthread_mutex_t mutex;
    CURL *idle[IDLE_MAX];
    size_t count;
};

struct transfer {
    const struct http_request *request;
    struct http_response *response;
    size_t limit_bytes;
    bool is_over_limit;
    bool has_long_headers; /* it is the header that is over */
    bool is_private;       /* the address that was tried last, where only public ones may be */

    /* Of a stream. */
    CURL *curl;
    int64_t began_ms;    /* monotonic, like the next two */
    int64_t received_ms; /* 0: nothing yet */
    int64_t ticked_ms;
    bool was_refused; /* stream->take() did not want more */
    bool is_idle;
};

static void start_curl(void) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* ---- Connections ---- */

struct http_connections *http_connections_create(void) {
    struct http_connections *connections = memory_alloc(sizeof *connections);
    pthread_mutex_init(&connections->mutex, NULL);
    return connections;
}

void http_connections_free(struct http_connections *connections) {
    if (!connections) return;
    while (connections->count > 0)
        curl_easy_cleanup(connections->idle[--connections->count]);
    pthread_mutex_destroy(&connections->mutex);
    free(connections);
}

static CURL *take_handle(struct http_connections *connections) {
    CURL *curl = NULL;
    if (connections) {
        pthread_mutex_lock(&connections->mutex);
        if (connections->count > 0) curl = connections->idle[--connections->count];
        pthread_mutex_unlock(&connections->mutex);
    }
    return curl ? curl : curl_easy_init();
}

/* Resets the handle, with all secrets of the request, but keeps its connections. */
static void put_handle_back(struct http_connections *connections, CURL *curl) {
    if (!curl) return;
    curl_easy_reset(curl);
    bool is_kept = false;
    if (connections) {
        pthread_mutex_lock(&connections->mutex);
        is_kept = connections->count < IDLE_MAX;
        if (is_kept) connections->idle[connections->count++] = curl;
        pthread_mutex_unlock(&connections->mutex);
    }
    if (!is_kept) curl_easy_cleanup(curl);
}

/* Close-on-exec: programs that other threads start must not inherit the connection. Called with each address that is tried, so after
 * the look-up of the name. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address) {
    struct transfer *transfer = context;
    (void)purpose;
    transfer->is_private = transfer->request->only_public && !address_is_public(&address->addr);
    if (transfer->is_private) return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* ---- One attempt ---- */

/* True if the part is for the stream: an error's body is kept. */
static bool is_streamed(struct transfer *transfer) {
    long http_status = 0;
    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &http_status);
    return transfer->request->stream && http_status == 200;
}

static size_t receive_body(char *bytes, size_t size, size_t count, void *context) {
    struct transfer *transfer = context;
    size_t length = size * count;
    if (is_streamed(transfer)) {
        const struct http_stream *stream = transfer->request->stream;
        transfer->received_ms = clock_monotonic_ms();
        transfer->was_refused = !stream->take(stream->context, bytes, length);
        return transfer->was_refused ? 0 : length;
    }
    transfer->is_over_limit = transfer->response->body.length + length > transfer->limit_bytes;
    if (transfer->is_over_limit) return 0;
    text_append_bytes(&transfer->response->body, bytes, length);
    return length;
}

static size_t receive_header(char *bytes, size_t size, size_t count, void *context) {
    struct transfer *transfer = context;
    size_t length = size * count;
    bool begins_an_answer = length > 5 && memcmp(bytes, "HTTP/", 5) == 0; /* the headers of a redirect are dropped */
    if (begins_an_answer) {
        text_clear(&transfer->response->headers);
        text_clear(&transfer->response->body);
    }
    transfer->has_long_headers = transfer->response->headers.length + length > HEADERS_LIMIT_BYTES;
    transfer->is_over_limit = transfer->has_long_headers;
    if (transfer->is_over_limit) return 0;
    text_append_bytes(&transfer->response->headers, bytes, length);
    return length;
}

/* Calls stream->tick(), and notices that nothing comes any more. */
static void watch_stream(struct transfer *transfer) {
    enum { TICK_MS = 1000 };
    const struct http_request *request = transfer->request;
    int64_t now_ms = clock_monotonic_ms();
    int64_t limit_ms = transfer->received_ms
                           ? transfer->received_ms + request->stream->idle_ms
                           : transfer->began_ms + (request->timeout_ms ? request->timeout_ms : TIMEOUT_STANDARD_MS);
    transfer->is_idle = now_ms > limit_ms;
    if (!request->stream->tick || now_ms - transfer->ticked_ms < TICK_MS) return;
    transfer->ticked_ms = now_ms;
    request->stream->tick(request->stream->context);
}

/* curl calls this several times a second, or once if nothing comes; a result other than 0 aborts the transfer. */
static int check_deadline(void *context, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up) {
    (void)down_all, (void)down, (void)up_all, (void)up;
    struct transfer *transfer = context;
    if (transfer->request->stream) watch_stream(transfer);
    if (transfer->is_idle) return 1;
    return transfer->request->deadline && deadline_check(transfer->request->deadline, NULL);
}

static enum status explain(CURLcode code, const char *detail, const char *server, const struct transfer *transfer,
                           struct error *err) {
    struct deadline *deadline = transfer->request->deadline;
    enum status over = deadline ? deadline_check(deadline, err) : STATUS_OK;
    if (over) return over;
    if (transfer->is_private)
        return error_set(err, STATUS_UNAVAILABLE, "%s is not on the public internet, so it is not asked.", server);
    if (transfer->was_refused) return error_set(err, STATUS_CANCELLED, "The answer of %s was not read to its end.", server);
    if (transfer->is_idle) return error_set(err, STATUS_TIMEOUT, "%s did not send anything in time.", server);
    if (transfer->is_over_limit)
        return error_set(err, STATUS_TOO_LARGE, "The %s of %s is larger than %zu bytes.",
                         transfer->has_long_headers ? "header of the answer" : "answer", server,
                         transfer->has_long_headers ? (size_t)HEADERS_LIMIT_BYTES : transfer->limit_bytes);
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT: return error_set(err, STATUS_TIMEOUT, "%s did not answer in time.", server);
    case CURLE_UNSUPPORTED_PROTOCOL: return error_set(err, STATUS_INVALID, "%s is not an http or https address.", server);
    default: return error_set(err, STATUS_UNAVAILABLE, "The request to %s failed: %s.", server, detail);
    }
}

static void set_method(CURL *curl, const struct http_request *request) {
    if (request->body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
    }
    if (request->method && strcmp(request->method, "HEAD") == 0)
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    else if (request->method)
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
}

static void set_signature(CURL *curl, const struct http_signature *signature) {
    if (!signature) return;
    curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, signature->scope);
    curl_easy_setopt(curl, CURLOPT_USERNAME, signature->key);
    curl_easy_setopt(curl, CURLOPT_PASSWORD, signature->secret);
}

static void set_limits(CURL *curl, struct transfer *transfer) {
    const struct http_request *request = transfer->request;
    int timeout_ms = request->timeout_ms ? request->timeout_ms : TIMEOUT_STANDARD_MS;
    /* One more than is left, so that the deadline has passed when curl times out. (0 means no limit to curl.) */
    if (request->deadline) timeout_ms = deadline_left_ms(request->deadline, timeout_ms - 1) + 1;
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, request->redirects > 0 ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)request->redirects);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, request->stream ? 0L : (long)timeout_ms); /* a stream: watch_stream() */
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(timeout_ms < CONNECT_TIMEOUT_MS ? timeout_ms : CONNECT_TIMEOUT_MS));
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, transfer);
    if (request->only_public) curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, receive_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, check_deadline);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer);
}

static enum status send_once(const struct http_request *request, struct http_response *out, struct error *err) {
    *out = (struct http_response){0};
    struct transfer transfer = {
        .request = request, .response = out, .limit_bytes = request->limit_bytes ? request->limit_bytes : LIMIT_STANDARD_BYTES};
    struct curl_slist *headers = NULL;
    struct text server = {0};
    char detail[CURL_ERROR_SIZE] = "";
    CURL *curl = NULL;
    enum status status = STATUS_OK;
    if (!url_append_server(&server, request->url)) {
        status = error_set(err, STATUS_INVALID, "An HTTP address is malformed: it must be http://HOST/… or https://HOST/….");
        goto out;
    }

    curl = take_handle(request->connections);
    if (!curl) {
        status = error_set(err, STATUS_INTERNAL, "The HTTP client cannot be started.");
        goto out;
    }
    transfer.curl = curl;
    transfer.began_ms = clock_monotonic_ms();
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "purescript-registry/" REGISTRY_VERSION);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
    set_method(curl, request);
    set_signature(curl, request->signature);
    set_limits(curl, &transfer);
    for (const char *const *header = request->headers; header && *header; header++)
        headers = curl_slist_append(headers, *header);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);

    CURLcode code = curl_easy_perform(curl);
    if (code) {
        status = explain(code, *detail ? detail : curl_easy_strerror(code), text_view(&server), &transfer, err);
        goto out;
    }
    long http_status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http_status);
    out->status = (int)http_status;
out:
    put_handle_back(request->connections, curl);
    curl_slist_free_all(headers);
    text_release(&server);
    return status;
}

/* ---- Retries ---- */

/* True if a retry may help. */
static bool may_pass(enum status status, const struct http_response *response) {
    if (status) return status == STATUS_UNAVAILABLE || status == STATUS_TIMEOUT;
    return response->status == 429 || response->status >= 500;
}

/* Backoff with jitter after attempt number `tries` (from 1). False: the deadline leaves too little time, or was cancelled. */
static bool wait_to_try_again(int tries, struct deadline *deadline) {
    unsigned char chance;
    hash_random_bytes(&chance, sizeof chance);
    int wait_ms = FIRST_WAIT_MS;
    for (int i = 1; i < tries && wait_ms < LONGEST_WAIT_MS; i++)
        wait_ms *= 2;
    wait_ms = wait_ms / 2 + wait_ms / 2 * chance / UCHAR_MAX;
    if (deadline && deadline_left_ms(deadline, wait_ms + 1) <= wait_ms) return false;
    if (deadline) return deadline_pause(deadline, wait_ms, NULL) == STATUS_OK;
    clock_sleep_ms(wait_ms);
    return true;
}

enum status http_client_send(const struct http_request *request, struct http_response *out, struct error *err) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_curl);
    enum status status = send_once(request, out, err);
    for (int tries = 1; tries < request->tries && may_pass(status, out); tries++) {
        if (!wait_to_try_again(tries, request->deadline)) break;
        http_response_release(out);
        status = send_once(request, out, err);
    }
    return status;
}

/* ---- Answers ---- */

void http_response_release(struct http_response *response) {
    text_release(&response->body);
    text_release(&response->headers);
}

bool http_response_header(const struct http_response *response, const char *name, struct text *out) {
    size_t name_length = strlen(name);
    for (const char *line = text_view(&response->headers); *line;) {
        size_t length = strcspn(line, "\r\n");
        if (length > name_length && line[name_length] == ':' && strncasecmp(line, name, name_length) == 0) {
            const char *value = line + name_length + 1;
            value += strspn(value, " \t");
            text_append_bytes(out, value, (size_t)(line + length - value));
            return true;
        }
        line += length + strspn(line + length, "\r\n");
    }
    return false;
}
