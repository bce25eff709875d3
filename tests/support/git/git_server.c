/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/git/git_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "tests/support/git/git_server_parts.h"

enum { HTTPS_PORT = 443 };

struct git_server {
    pthread_t thread;
    int listener;
    int wake[2]; /* closing [1] ends the thread, even during a hanging answer */
    SSL_CTX *tls;
    char url[64];
    char *folder;

    pthread_mutex_t watch_mutex; /* guards `watch` and its context, and is held while that is called */
    git_server_watch *watch;
    void *watch_context;

    pthread_mutex_t mutex;         /* guards the fields below */
    pthread_cond_t client_is_gone; /* signalled when a client ends */
    size_t active;
    enum git_server_mode mode;
    int number;
    const char *text;
    const char *part; /* of the paths that `mode` applies to; NULL: to all */
    const char *user, *password;
    void (*rival)(void *context);
    void *rival_context;
    int failures; /* number of requests still to fail with the status `number` */
    size_t connections, requests, logins;
    size_t working; /* requests that git works at */
    int64_t working_since_us, worked_us;
    struct text heads; /* of all requests, with decoded logins */
};

/* ---- A connection ---- */

static bool wait_for(const struct git_client *client, short events) {
    struct pollfd files[] = {{.fd = client->file, .events = events}, {.fd = client->stop, .events = POLLIN}};
    return poll(files, 2, -1) > 0 && !files[1].revents;
}

bool git_client_receive(struct git_client *client, struct text *input) {
    enum { CHUNK = 65536 };
    if (!(client->tls && SSL_pending(client->tls)) && !wait_for(client, POLLIN)) return false;
    char *place = text_reserve(input, CHUNK);
    ssize_t received = client->tls ? SSL_read(client->tls, place, CHUNK) : recv(client->file, place, CHUNK, 0);
    if (received <= 0) return false;
    input->length += (size_t)received;
    input->bytes[input->length] = '\0';
    return true;
}

bool git_client_send(struct git_client *client, const void *bytes, size_t length) {
    const char *at = bytes;
    while (length > 0) {
        if (!wait_for(client, POLLOUT)) return false;
        int piece = length < 16384 ? (int)length : 16384;
        ssize_t sent = client->tls ? SSL_write(client->tls, at, piece) : send(client->file, at, (size_t)piece, MSG_NOSIGNAL);
        if (sent <= 0) return false;
        at += sent;
        length -= (size_t)sent;
    }
    return true;
}

bool git_client_send_text(struct git_client *client, const char *text) {
    return git_client_send(client, text, strlen(text));
}

void git_client_hang(struct git_client *client) {
    struct text ignored = {0};
    while (git_client_receive(client, &ignored))
        text_clear(&ignored);
    text_release(&ignored);
}

/* ---- Reading ---- */

static const char *find_header(struct git_request *request, const char *head, const char *name) {
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, strlen(name)) != 0 || line[2 + strlen(name)] != ':') continue;
        const char *value = line + 3 + strlen(name);
        value += strspn(value, " ");
        return arena_copy_bytes(&request->arena, value, strcspn(value, "\r"));
    }
    return NULL;
}

static void note_head(struct git_server *server, struct git_request *request, const char *head) {
    unsigned char *plain = NULL;
    size_t length = 0;
    const char *login = request->login && strncmp(request->login, "Basic ", 6) == 0 ? request->login + 6 : "";
    bool is_decoded = *login && hash_base64_decode(&request->arena, login, &plain, &length);
    pthread_mutex_lock(&server->mutex);
    server->requests++;
    if (request->login) server->logins++;
    text_append(&server->heads, head);
    if (is_decoded) text_append_bytes(&server->heads, plain, length);
    pthread_mutex_unlock(&server->mutex);
}

static bool read_request(struct git_server *server, struct git_client *client, struct git_request *request) {
    struct text input = {0};
    bool is_whole = false;
    while (!strstr(text_view(&input), "\r\n\r\n"))
        if (!git_client_receive(client, &input)) goto out;
    size_t head_length = (size_t)(strstr(input.bytes, "\r\n\r\n") - input.bytes) + 4;
    char *head = arena_copy_bytes(&request->arena, input.bytes, head_length);
    const char *length = find_header(request, head, "Content-Length");
    request->type = find_header(request, head, "Content-Type");
    request->login = find_header(request, head, "Authorization");
    request->method = arena_copy_bytes(&request->arena, head, strcspn(head, " "));
    const char *target = head + strlen(request->method) + 1;
    request->path = arena_copy_bytes(&request->arena, target, strcspn(target, " ?"));
    target += strlen(request->path);
    request->query = *target == '?' ? arena_copy_bytes(&request->arena, target + 1, strcspn(target + 1, " ")) : NULL;
    note_head(server, request, head);
    size_t body_length = length ? strtoul(length, NULL, 10) : 0;
    while (input.length < head_length + body_length)
        if (!git_client_receive(client, &input)) goto out;
    text_append_bytes(&request->body, input.bytes + head_length, body_length);
    is_whole = true;
out:
    text_release(&input);
    return is_whole;
}

/* ---- Answering ---- */

static void send_status(struct git_client *client, int status, const char *headers) {
    char head[1024];
    snprintf(head, sizeof head, "HTTP/1.1 %d Status\r\nContent-Length: 0\r\nConnection: close\r\n%s\r\n", status, headers);
    git_client_send_text(client, head);
}

/* Runs `git http-backend` (a CGI program) and appends what it prints. */
static void run_backend(struct git_server *server, const struct git_request *request, struct text *out) {
    struct arena arena = {0};
    char *const arguments[] = {"git", "http-backend", NULL};
    char *const environment[] = {
        arena_format(&arena, "GIT_PROJECT_ROOT=%s", server->folder),
        "GIT_HTTP_EXPORT_ALL=1",
        "GIT_CONFIG_COUNT=1",
        "GIT_CONFIG_KEY_0=safe.directory",
        "GIT_CONFIG_VALUE_0=*",
        "PATH=/usr/bin:/bin",
        arena_format(&arena, "REQUEST_METHOD=%s", request->method),
        arena_format(&arena, "PATH_INFO=%s", request->path),
        arena_format(&arena, "QUERY_STRING=%s", request->query ? request->query : ""),
        arena_format(&arena, "CONTENT_TYPE=%s", request->type ? request->type : ""),
        arena_format(&arena, "CONTENT_LENGTH=%zu", request->body.length),
        NULL,
    };
    int input = memfd_create("request", MFD_CLOEXEC), output[2];
    if (input < 0 || pipe2(output, O_CLOEXEC) != 0) abort();
    if (write(input, text_view(&request->body), request->body.length) < 0 || lseek(input, 0, SEEK_SET) != 0) abort();
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, 0);
    posix_spawn_file_actions_adddup2(&actions, output[1], 1);
    pid_t child = 0;
    if (posix_spawnp(&child, "git", &actions, NULL, arguments, environment) != 0) abort();
    close(output[1]);
    ssize_t received;
    while ((received = read(output[0], text_reserve(out, 65536), 65536)) > 0) {
        out->length += (size_t)received;
        out->bytes[out->length] = '\0';
    }
    close(output[0]);
    close(input);
    waitpid(child, NULL, 0);
    posix_spawn_file_actions_destroy(&actions);
    arena_release(&arena);
}

static void begin_work(struct git_server *server) {
    pthread_mutex_lock(&server->mutex);
    if (server->working++ == 0) server->working_since_us = clock_monotonic_us();
    pthread_mutex_unlock(&server->mutex);
}

static void end_work(struct git_server *server) {
    pthread_mutex_lock(&server->mutex);
    if (--server->working == 0) server->worked_us += clock_monotonic_us() - server->working_since_us;
    pthread_mutex_unlock(&server->mutex);
}

static void serve(struct git_server *server, struct git_client *client, const struct git_request *request, bool stalls) {
    struct text answer = {0}, head = {0};
    begin_work(server);
    run_backend(server, request, &answer);
    end_work(server);
    const char *line = strstr(text_view(&answer), "Status: "), *end = strstr(text_view(&answer), "\r\n\r\n");
    int status = line && end && line < end ? atoi(line + strlen("Status: ")) : 200;
    text_append_format(&head, "HTTP/1.1 %d Status\r\nConnection: close\r\n", status);
    if (git_client_send(client, head.bytes, head.length))
        git_client_send(client, text_view(&answer), answer.length / (stalls ? 2 : 1));
    if (stalls) git_client_hang(client);
    text_release(&answer);
    text_release(&head);
}

static bool login_is_right(struct git_server *server, const struct git_request *request) {
    if (!server->user) return true;
    struct arena arena = {0};
    const char *plain = arena_format(&arena, "%s:%s", server->user, server->password);
    const char *expected = arena_format(&arena, "Basic %s", hash_base64_encode(&arena, plain, strlen(plain)));
    bool is_right = request->login && strcmp(request->login, expected) == 0;
    arena_release(&arena);
    return is_right;
}

/* Decides how the next request is answered; may call the rival. */
static enum git_server_mode choose_mode(struct git_server *server, const struct git_request *request, int *number,
                                        bool *may_enter) {
    pthread_mutex_lock(&server->mutex);
    bool is_meant = !server->part || strstr(request->path, server->part);
    enum git_server_mode mode = server->failures > 0 ? GIT_SERVER_STATUS : is_meant ? server->mode : GIT_SERVER_SERVE;
    if (server->failures > 0) server->failures--;
    *number = server->number;
    *may_enter = login_is_right(server, request);
    void (*rival)(void *context) = text_ends_with(request->path, "/git-receive-pack") ? server->rival : NULL;
    void *rival_context = server->rival_context;
    if (rival) server->rival = NULL;
    pthread_mutex_unlock(&server->mutex);
    if (rival) rival(rival_context);
    return mode;
}

static void show_watch(struct git_server *server, const struct git_request *request) {
    bool is_push = text_ends_with(request->path, "/git-receive-pack");
    bool is_look = text_ends_with(request->path, "/info/refs") && text_equal(request->query, "service=git-upload-pack");
    pthread_mutex_lock(&server->watch_mutex);
    if (server->watch && (is_push || is_look)) server->watch(server->watch_context, request->path, is_push);
    pthread_mutex_unlock(&server->watch_mutex);
}

static void redirect(struct git_server *server, struct git_client *client, const struct git_request *request) {
    char location[600];
    pthread_mutex_lock(&server->mutex);
    snprintf(location, sizeof location, "Location: %s%s?%s\r\n", server->text ? server->text : "", request->path,
             request->query ? request->query : "");
    pthread_mutex_unlock(&server->mutex);
    send_status(client, 302, location);
}

static void answer(struct git_server *server, struct git_client *client, const struct git_request *request) {
    static const char page[] = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 7\r\n\r\nWelcome";
    int number = 0;
    bool may_enter = false;
    enum git_server_mode mode = choose_mode(server, request, &number, &may_enter);
    show_watch(server, request);
    if (!may_enter) {
        send_status(client, 401, "WWW-Authenticate: Basic realm=\"git\"\r\n");
        return;
    }
    switch (mode) {
    case GIT_SERVER_SERVE: serve(server, client, request, false); break;
    case GIT_SERVER_STALL: serve(server, client, request, true); break;
    case GIT_SERVER_HANG: git_client_hang(client); break;
    case GIT_SERVER_DROP: break;
    case GIT_SERVER_TRICKLE: git_client_trickle(client, request); break;
    case GIT_SERVER_FLOOD: git_client_flood(client, request); break;
    case GIT_SERVER_ENDLESS_HEAD: git_client_send_endless_head(client); break;
    case GIT_SERVER_ENDLESS_PACK:
        if (text_ends_with(request->path, "/git-upload-pack"))
            git_client_send_endless_pack(client);
        else
            serve(server, client, request, false);
        break;
    case GIT_SERVER_STATUS: send_status(client, number, ""); break;
    case GIT_SERVER_REDIRECT: redirect(server, client, request); break;
    case GIT_SERVER_PAGE: git_client_send_text(client, page); break;
    }
}

/* ---- The server ---- */

static void serve_client(struct git_server *server, int file) {
    struct git_client client = {.file = file, .stop = server->wake[0]};
    struct git_request request = {0};
    if (server->tls) {
        client.tls = SSL_new(server->tls);
        SSL_set_fd(client.tls, file);
    }
    if (!client.tls || SSL_accept(client.tls) == 1)
        if (read_request(server, &client, &request)) answer(server, &client, &request);
    if (client.tls) SSL_shutdown(client.tls);
    SSL_free(client.tls);
    text_release(&request.body);
    arena_release(&request.arena);
    shutdown(file, SHUT_WR);
    close(file);
}

struct visit {
    struct git_server *server;
    int file;
};

static void *run_visit(void *argument) {
    struct visit visit = *(struct visit *)argument;
    free(argument);
    serve_client(visit.server, visit.file);
    pthread_mutex_lock(&visit.server->mutex);
    visit.server->active--;
    pthread_cond_signal(&visit.server->client_is_gone);
    pthread_mutex_unlock(&visit.server->mutex);
    return NULL;
}

static void start_visit(struct git_server *server, int file) {
    struct visit *visit = memory_alloc(sizeof *visit);
    pthread_t thread;
    *visit = (struct visit){server, file};
    pthread_mutex_lock(&server->mutex);
    server->active++;
    server->connections++;
    pthread_mutex_unlock(&server->mutex);
    if (pthread_create(&thread, NULL, run_visit, visit) != 0) abort();
    pthread_detach(thread);
}

static void *run(void *argument) {
    struct git_server *server = argument;
    struct pollfd files[] = {{.fd = server->listener, .events = POLLIN}, {.fd = server->wake[0], .events = POLLIN}};
    while (poll(files, 2, -1) > 0 && !files[1].revents) {
        int client = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
        if (client >= 0) start_visit(server, client);
    }
    return NULL;
}

static SSL_CTX *make_tls(const char *certificate, const char *key) {
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes to sockets that the client has closed */
    if (!tls || SSL_CTX_use_certificate_chain_file(tls, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1)
        abort();
    return tls;
}

static struct git_server *start(struct sockaddr_in address, const char *folder, SSL_CTX *tls) {
    struct git_server *server = memory_alloc(sizeof *server);
    socklen_t length = sizeof address;
    server->folder = memory_copy_text(folder);
    server->tls = tls;
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pthread_mutex_init(&server->watch_mutex, NULL);
    pthread_mutex_init(&server->mutex, NULL);
    pthread_cond_init(&server->client_is_gone, NULL);
    if (bind(server->listener, (struct sockaddr *)&address, length) != 0 || listen(server->listener, 64) != 0 ||
        getsockname(server->listener, (struct sockaddr *)&address, &length) != 0 || pipe2(server->wake, O_CLOEXEC) != 0)
        abort();
    snprintf(server->url, sizeof server->url, tls ? "https://localhost:%d" : "http://127.0.0.1:%d", ntohs(address.sin_port));
    if (pthread_create(&server->thread, NULL, run, server) != 0) abort();
    return server;
}

static struct sockaddr_in loopback(void) {
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

struct git_server *git_server_start(const char *folder) {
    return start(loopback(), folder, NULL);
}

struct git_server *git_server_start_tls(const char *folder, const char *certificate, const char *key) {
    return start(loopback(), folder, make_tls(certificate, key));
}

struct git_server *git_server_start_at(const char *address, const char *folder, const char *certificate, const char *key) {
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons(HTTPS_PORT)};
    if (inet_pton(AF_INET, address, &place.sin_addr) != 1) abort();
    struct git_server *server = start(place, folder, make_tls(certificate, key));
    snprintf(server->url, sizeof server->url, "https://%s", address);
    return server;
}

void git_server_stop(struct git_server *server) {
    if (!server) return;
    close(server->wake[1]);
    pthread_join(server->thread, NULL);
    pthread_mutex_lock(&server->mutex);
    while (server->active > 0)
        pthread_cond_wait(&server->client_is_gone, &server->mutex);
    pthread_mutex_unlock(&server->mutex);
    pthread_cond_destroy(&server->client_is_gone);
    close(server->wake[0]);
    close(server->listener);
    pthread_mutex_destroy(&server->mutex);
    SSL_CTX_free(server->tls);
    text_release(&server->heads);
    free(server->folder);
    free(server);
}

const char *git_server_url(const struct git_server *server) {
    return server->url;
}

void git_server_behave(struct git_server *server, enum git_server_mode mode, int number, const char *text) {
    git_server_behave_for(server, NULL, mode, number, text);
}

void git_server_behave_for(struct git_server *server, const char *part, enum git_server_mode mode, int number,
                           const char *text) {
    pthread_mutex_lock(&server->mutex);
    server->part = part;
    server->mode = mode;
    server->number = number;
    server->text = text;
    pthread_mutex_unlock(&server->mutex);
}

void git_server_need_login(struct git_server *server, const char *user, const char *password) {
    pthread_mutex_lock(&server->mutex);
    server->user = user;
    server->password = password;
    pthread_mutex_unlock(&server->mutex);
}

void git_server_before_next_push(struct git_server *server, void (*rival)(void *context), void *context) {
    pthread_mutex_lock(&server->mutex);
    server->rival = rival;
    server->rival_context = context;
    pthread_mutex_unlock(&server->mutex);
}

void git_server_set_watch(struct git_server *server, git_server_watch *watch, void *context) {
    pthread_mutex_lock(&server->watch_mutex);
    server->watch = watch;
    server->watch_context = context;
    pthread_mutex_unlock(&server->watch_mutex);
}

void git_server_fail_next(struct git_server *server, int count, int number) {
    pthread_mutex_lock(&server->mutex);
    server->failures = count;
    server->number = number;
    pthread_mutex_unlock(&server->mutex);
}

size_t git_server_connections(struct git_server *server) {
    pthread_mutex_lock(&server->mutex);
    size_t count = server->connections;
    pthread_mutex_unlock(&server->mutex);
    return count;
}

size_t git_server_requests(struct git_server *server) {
    pthread_mutex_lock(&server->mutex);
    size_t count = server->requests;
    pthread_mutex_unlock(&server->mutex);
    return count;
}

size_t git_server_logins(struct git_server *server) {
    pthread_mutex_lock(&server->mutex);
    size_t count = server->logins;
    pthread_mutex_unlock(&server->mutex);
    return count;
}

bool git_server_has_seen(struct git_server *server, const char *text) {
    pthread_mutex_lock(&server->mutex);
    bool has_seen = strstr(text_view(&server->heads), text) != NULL;
    pthread_mutex_unlock(&server->mutex);
    return has_seen;
}

int64_t git_server_worked_us(struct git_server *server) {
    pthread_mutex_lock(&server->mutex);
    int64_t worked_us = server->worked_us;
    pthread_mutex_unlock(&server->mutex);
    return worked_us;
}
