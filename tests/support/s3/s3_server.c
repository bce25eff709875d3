/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/s3/s3_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/tools/http/http_client.h"
#include "tests/support/s3/aws_signature.h"
#include "tests/support/s3/s3_bucket.h"

enum { PLANS_MAX = 32, HEAD_BYTES_MAX = 65536, KINDS = 5 };

struct s3_server {
    pthread_t thread;
    int listener;
    int wake[2]; /* closing [1] ends the threads, even while they wait */
    char url[64], named_url[64], public_url[80];
    const char *behind; /* NULL: the objects are kept here */

    pthread_mutex_t mutex; /* guards the fields below */
    pthread_cond_t ended;  /* signalled when a connection's thread ends */
    size_t threads, connections;
    struct s3_bucket bucket;
    struct s3_fault_plan plans[PLANS_MAX];
    size_t plan_count;
    size_t counts[KINDS];
    int forbidden;
    int64_t ahead_ms;
    const char *secret, *name;
    struct text log;
};

struct request {
    struct http_message message;
    enum s3_kind kind;
    const char *object; /* "" for the bucket itself */
    bool has_bucket;    /* the request is for our bucket */
};

struct connection {
    struct s3_server *server;
    int socket;
    struct text input; /* received, not yet parsed */
};

/* ---- Reading ---- */

/* True if there is something to read; false if the server is stopped, or after `timeout_ms` (-1: never). */
static bool wait_for_input(const struct connection *connection, int timeout_ms) {
    struct pollfd files[] = {{.fd = connection->socket, .events = POLLIN},
                             {.fd = connection->server->wake[0], .events = POLLIN}};
    return poll(files, 2, timeout_ms) > 0 && !files[1].revents;
}

static bool receive_more(struct connection *connection) {
    if (!wait_for_input(connection, -1)) return false;
    ssize_t received = recv(connection->socket, text_reserve(&connection->input, 65536), 65536, 0);
    if (received <= 0) return false;
    connection->input.length += (size_t)received;
    connection->input.bytes[connection->input.length] = '\0';
    return true;
}

static bool send_bytes(const struct connection *connection, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t sent = send(connection->socket, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

static bool read_message(struct connection *connection, struct http_message *out) {
    struct text *input = &connection->input;
    *out = (struct http_message){0};
    const char *end;
    while (!(end = strstr(text_view(input), "\r\n\r\n")))
        if (input->length > HEAD_BYTES_MAX || !receive_more(connection)) return false;
    size_t head_length = (size_t)(end - input->bytes) + 4;
    if (!http_message_parse_head(out, input->bytes, head_length)) return false;
    const char *length = http_message_header(out, "content-length"), *expect = http_message_header(out, "expect");
    size_t body_length = length ? strtoul(length, NULL, 10) : 0;
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (expect && !send_bytes(connection, go_on, strlen(go_on))) return false;
    while (input->length < head_length + body_length)
        if (!receive_more(connection)) return false;
    text_append_bytes(&out->body, input->bytes + head_length, body_length);
    input->length -= head_length + body_length;
    memmove(input->bytes, input->bytes + head_length + body_length, input->length + 1);
    return true;
}

/* http://HOST/BUCKET/OBJECT, or http://BUCKET.HOST/OBJECT */
static void find_object(struct s3_server *server, struct request *request) {
    const char *host = http_message_header(&request->message, "host"), *path = request->message.path + 1;
    pthread_mutex_lock(&server->mutex);
    const char *name = server->name;
    pthread_mutex_unlock(&server->mutex);
    size_t length = strlen(name), path_length = strcspn(path, "/");
    if (host && strncmp(host, name, length) == 0 && host[length] == '.') {
        request->has_bucket = true;
        request->object = path;
        return;
    }
    request->has_bucket = path_length == length && strncmp(path, name, length) == 0;
    path += path_length;
    request->object = path + (*path == '/');
}

static enum s3_kind kind_of(const struct request *request) {
    const char *method = request->message.method;
    bool is_signed = http_message_header(&request->message, "authorization");
    if (strcmp(method, "PUT") == 0) return S3_PUT;
    if (strcmp(method, "DELETE") == 0) return S3_DELETE;
    if (!*request->object) return S3_LIST;
    return is_signed ? S3_GET : S3_DOWNLOAD;
}

/* ---- Answering ---- */

/* Why the request is refused; NULL if it is accepted. */
static const char *find_fault(struct s3_server *server, struct request *request) {
    pthread_mutex_lock(&server->mutex);
    struct aws_account account = {S3_SERVER_KEY, server->secret, S3_SERVER_REGION};
    int64_t now_ms = clock_now_ms() + server->ahead_ms;
    bool is_forbidden = server->forbidden & (int)request->kind;
    pthread_mutex_unlock(&server->mutex);
    const char *fault = request->kind == S3_DOWNLOAD ? NULL : aws_signature_fault(&request->message, &account, now_ms);
    if (!fault && is_forbidden) fault = "AccessDenied";
    if (!fault && !request->has_bucket) fault = "NoSuchBucket";
    return fault;
}

/* Forwards the request to the server behind, anonymously and in path style. False if that does not answer. */
static bool hand_on(struct s3_server *server, struct request *request, struct s3_reply *answer) {
    static const char *const handed_on[] = {"x-amz-content-sha256", "x-amz-acl", "content-type"};
    enum { COUNT = sizeof handed_on / sizeof *handed_on };
    struct http_message *message = &request->message;
    const char *headers[COUNT + 1] = {NULL};
    size_t count = 0;
    for (size_t i = 0; i < COUNT; i++) {
        const char *value = http_message_header(message, handed_on[i]);
        if (value) headers[count++] = arena_format(&message->arena, "%s: %s", handed_on[i], value);
    }
    struct http_request onward = {
        .method = message->method,
        .url = arena_format(&message->arena, "%s/" S3_SERVER_BUCKET "/%s%s%s", server->behind, request->object,
                            *message->query ? "?" : "", message->query),
        .headers = headers,
        .body = request->kind == S3_PUT ? text_view(&message->body) : NULL,
        .body_length = message->body.length,
        .limit_bytes = (size_t)1 << 28,
    };
    struct http_response response;
    struct error err;
    enum status status = http_client_send(&onward, &response, &err);
    *answer = (struct s3_reply){.status = response.status, .type = "application/octet-stream", .body = response.body};
    text_release(&response.headers);
    if (status) fprintf(stderr, "s3_server: %s\n", err.message);
    return !status;
}

static bool send_answer(struct connection *connection, const struct request *request, const struct s3_reply *answer,
                        bool is_cut) {
    struct text out = {0};
    bool has_body = strcmp(request->message.method, "HEAD") != 0 && answer->status != 204;
    text_append_format(&out, "HTTP/1.1 %d Status\r\nContent-Type: %s\r\n", answer->status, answer->type);
    if (answer->status != 204) text_append_format(&out, "Content-Length: %zu\r\n", answer->body.length);
    text_append(&out, "\r\n");
    if (has_body) text_append_bytes(&out, text_view(&answer->body), answer->body.length / (is_cut ? 2 : 1));
    bool is_sent = send_bytes(connection, out.bytes, out.length);
    text_release(&out);
    return is_sent && !is_cut;
}

/* ---- Misbehaving ---- */

static size_t index_of(enum s3_kind kind) {
    return (size_t)ffs((int)kind) - 1;
}

/* Counts the request. `out` is unchanged if no fault applies to the request. */
static void take_fault(struct s3_server *server, enum s3_kind kind, struct s3_fault_plan *out) {
    bool is_found = false;
    pthread_mutex_lock(&server->mutex);
    server->counts[index_of(kind)]++;
    for (size_t i = 0; i < server->plan_count && !is_found; i++) {
        struct s3_fault_plan *plan = &server->plans[i];
        if (!(plan->kinds & (int)kind) || plan->count == 0) continue;
        if (plan->after > 0) {
            plan->after--;
            continue;
        }
        plan->count--;
        *out = *plan;
        is_found = true;
    }
    pthread_mutex_unlock(&server->mutex);
}

static void note(struct s3_server *server, const struct request *request, int status) {
    const struct http_message *message = &request->message;
    pthread_mutex_lock(&server->mutex);
    text_append_format(&server->log, "%s %s%s%s %d\n", message->method, message->path, *message->query ? "?" : "",
                       message->query, status);
    pthread_mutex_unlock(&server->mutex);
}

/* The answer to the request without a fault. */
static bool find_answer(struct s3_server *server, struct request *request, struct s3_reply *answer) {
    const char *refusal = find_fault(server, request);
    if (refusal) {
        s3_reply_error(answer, refusal);
        return true;
    }
    if (server->behind) return hand_on(server, request, answer);
    pthread_mutex_lock(&server->mutex);
    s3_bucket_carry_out(&server->bucket, request->kind, request->object, &request->message, answer);
    pthread_mutex_unlock(&server->mutex);
    return true;
}

/* The final answer to the request; false: none. */
static bool choose_answer(struct connection *connection, struct request *request, const struct s3_fault_plan *plan,
                          struct s3_reply *answer) {
    switch (plan->fault) {
    case S3_FAULT_DROP: return false;
    case S3_FAULT_HANG: wait_for_input(connection, -1); return false;
    case S3_FAULT_WAIT:
        if (plan->number > 0 && wait_for_input(connection, plan->number)) return false; /* the client left */
        return find_answer(connection->server, request, answer);
    case S3_FAULT_STATUS: s3_reply_status(answer, plan->number); return true;
    case S3_FAULT_LOSE: find_answer(connection->server, request, answer); return false;
    case S3_FAULT_TRUNCATE: return find_answer(connection->server, request, answer);
    case S3_FAULT_CHANGE:
        if (!find_answer(connection->server, request, answer)) return false;
        if (answer->body.length > 0) answer->body.bytes[answer->body.length / 2] ^= 1;
        return true;
    }
    return false;
}

/* True if the connection stays open. */
static bool serve(struct connection *connection, struct request *request) {
    struct s3_reply answer = {0};
    struct s3_fault_plan plan = {.fault = S3_FAULT_WAIT}; /* waits for 0 ms: no fault */
    take_fault(connection->server, request->kind, &plan);
    bool is_answered = choose_answer(connection, request, &plan, &answer);
    note(connection->server, request, is_answered ? answer.status : 0);
    bool stays_open = is_answered && send_answer(connection, request, &answer, plan.fault == S3_FAULT_TRUNCATE);
    text_release(&answer.body);
    return stays_open;
}

/* ---- The server ---- */

static void *run_connection(void *argument) {
    struct connection *connection = argument;
    struct s3_server *server = connection->server;
    bool is_open = true;
    while (is_open) {
        struct request request = {0};
        is_open = read_message(connection, &request.message);
        if (is_open) {
            find_object(server, &request);
            request.kind = kind_of(&request);
            is_open = serve(connection, &request);
        }
        http_message_release(&request.message);
    }
    shutdown(connection->socket, SHUT_RDWR);
    close(connection->socket);
    text_release(&connection->input);
    free(connection);
    pthread_mutex_lock(&server->mutex);
    server->threads--;
    pthread_cond_broadcast(&server->ended);
    pthread_mutex_unlock(&server->mutex);
    return NULL;
}

static void *run(void *argument) {
    struct s3_server *server = argument;
    struct pollfd files[] = {{.fd = server->listener, .events = POLLIN}, {.fd = server->wake[0], .events = POLLIN}};
    while (poll(files, 2, -1) > 0 && !files[1].revents) {
        int client = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
        if (client < 0) continue;
        struct connection *connection = memory_alloc(sizeof *connection);
        *connection = (struct connection){.server = server, .socket = client};
        pthread_t thread;
        pthread_mutex_lock(&server->mutex);
        server->threads++;
        server->connections++;
        pthread_mutex_unlock(&server->mutex);
        if (pthread_create(&thread, NULL, run_connection, connection) != 0) abort();
        pthread_detach(thread);
    }
    return NULL;
}

struct s3_server *s3_server_start(void) {
    struct s3_server *server = memory_alloc(sizeof *server);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    server->behind = getenv("S3_SERVER_BEHIND");
    server->secret = S3_SERVER_SECRET;
    server->name = S3_SERVER_BUCKET;
    pthread_mutex_init(&server->mutex, NULL);
    pthread_cond_init(&server->ended, NULL);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(server->listener, (struct sockaddr *)&address, length) != 0 || listen(server->listener, 64) != 0 ||
        getsockname(server->listener, (struct sockaddr *)&address, &length) != 0 || pipe2(server->wake, O_CLOEXEC) != 0)
        abort();
    snprintf(server->url, sizeof server->url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    snprintf(server->named_url, sizeof server->named_url, "http://localhost:%d", ntohs(address.sin_port));
    snprintf(server->public_url, sizeof server->public_url, "%s/" S3_SERVER_BUCKET, server->url);
    if (pthread_create(&server->thread, NULL, run, server) != 0) abort();
    return server;
}

void s3_server_stop(struct s3_server *server) {
    if (!server) return;
    close(server->wake[1]);
    pthread_join(server->thread, NULL);
    pthread_mutex_lock(&server->mutex);
    while (server->threads > 0)
        pthread_cond_wait(&server->ended, &server->mutex);
    pthread_mutex_unlock(&server->mutex);
    close(server->wake[0]);
    close(server->listener);
    s3_bucket_release(&server->bucket);
    text_release(&server->log);
    pthread_cond_destroy(&server->ended);
    pthread_mutex_destroy(&server->mutex);
    free(server);
}

const char *s3_server_url(const struct s3_server *server) {
    return server->url;
}

const char *s3_server_named_url(const struct s3_server *server) {
    return server->named_url;
}

const char *s3_server_public_url(const struct s3_server *server) {
    return server->public_url;
}

void s3_server_plan_fault(struct s3_server *server, const struct s3_fault_plan *plan) {
    pthread_mutex_lock(&server->mutex);
    if (server->plan_count == PLANS_MAX) abort();
    server->plans[server->plan_count++] = *plan;
    pthread_mutex_unlock(&server->mutex);
}

void s3_server_clear_faults(struct s3_server *server) {
    pthread_mutex_lock(&server->mutex);
    server->plan_count = 0;
    pthread_mutex_unlock(&server->mutex);
}

void s3_server_set_clock(struct s3_server *server, int64_t ahead_ms) {
    pthread_mutex_lock(&server->mutex);
    server->ahead_ms = ahead_ms;
    pthread_mutex_unlock(&server->mutex);
}

void s3_server_set_page(struct s3_server *server, size_t names) {
    pthread_mutex_lock(&server->mutex);
    server->bucket.page = names;
    pthread_mutex_unlock(&server->mutex);
}

void s3_server_set_secret(struct s3_server *server, const char *secret) {
    pthread_mutex_lock(&server->mutex);
    server->secret = secret ? secret : S3_SERVER_SECRET;
    pthread_mutex_unlock(&server->mutex);
}

void s3_server_set_bucket(struct s3_server *server, const char *bucket) {
    pthread_mutex_lock(&server->mutex);
    server->name = bucket ? bucket : S3_SERVER_BUCKET;
    pthread_mutex_unlock(&server->mutex);
}

void s3_server_forbid(struct s3_server *server, int kinds) {
    pthread_mutex_lock(&server->mutex);
    server->forbidden = kinds;
    pthread_mutex_unlock(&server->mutex);
}

size_t s3_server_count(struct s3_server *server, int kinds) {
    size_t count = 0;
    pthread_mutex_lock(&server->mutex);
    for (size_t i = 0; i < KINDS; i++)
        if (kinds & (1 << i)) count += server->counts[i];
    pthread_mutex_unlock(&server->mutex);
    return count;
}

size_t s3_server_connections(struct s3_server *server) {
    pthread_mutex_lock(&server->mutex);
    size_t count = server->connections;
    pthread_mutex_unlock(&server->mutex);
    return count;
}

void s3_server_append_log(struct s3_server *server, struct text *out) {
    pthread_mutex_lock(&server->mutex);
    text_append(out, text_view(&server->log));
    pthread_mutex_unlock(&server->mutex);
}

size_t s3_server_object_count(struct s3_server *server) {
    pthread_mutex_lock(&server->mutex);
    size_t count = server->bucket.count;
    pthread_mutex_unlock(&server->mutex);
    return count;
}

bool s3_server_read_object(struct s3_server *server, const char *object, struct text *out) {
    pthread_mutex_lock(&server->mutex);
    const struct s3_object *found = s3_bucket_find(&server->bucket, object);
    if (found) text_append_bytes(out, text_view(&found->bytes), found->bytes.length);
    pthread_mutex_unlock(&server->mutex);
    return found;
}

void s3_server_write_object(struct s3_server *server, const char *object, const char *bytes, size_t length) {
    pthread_mutex_lock(&server->mutex);
    s3_bucket_put(&server->bucket, object, bytes, length, true);
    pthread_mutex_unlock(&server->mutex);
}

void s3_server_save(struct s3_server *server, const char *folder) {
    pthread_mutex_lock(&server->mutex);
    s3_bucket_save(&server->bucket, folder);
    pthread_mutex_unlock(&server->mutex);
}
