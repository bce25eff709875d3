/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A bare server on h2o, for comparison with the gateway's live logs (bench_events.c): every GET is a stream that gets the body of
 * every POST. One event loop; it keeps all bodies.
 *
 *   bare_stream       prints its port and serves until it is killed
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "lib/base/memory.h"
#include "services/gateway/http/h2o_all.h"

enum { BODIES_MAX = 100000, SENT_AT_ONCE = 16 };

struct stream {
    h2o_generator_t super;
    h2o_linklist_t link;
    h2o_req_t *req;
    size_t next; /* body to send */
    bool is_sending;
};

static h2o_iovec_t bodies[BODIES_MAX];
static size_t body_count;
static h2o_linklist_t streams;
static h2o_globalconf_t config;
static h2o_context_t context;
static h2o_accept_ctx_t acceptor;

static void pump(struct stream *stream) {
    size_t count = body_count - stream->next;
    if (stream->is_sending || count == 0) return;
    if (count > SENT_AT_ONCE) count = SENT_AT_ONCE;
    h2o_iovec_t *parts = &bodies[stream->next];
    stream->next += count;
    stream->is_sending = true;
    h2o_send(stream->req, parts, count, H2O_SEND_STATE_IN_PROGRESS);
}

static void proceed(h2o_generator_t *generator, h2o_req_t *req) {
    (void)req;
    struct stream *stream = (struct stream *)generator;
    stream->is_sending = false;
    pump(stream);
}

static void forget(void *stream) {
    h2o_linklist_unlink(&((struct stream *)stream)->link);
}

static void begin_stream(h2o_req_t *req) {
    struct stream *stream = h2o_mem_alloc_shared(&req->pool, sizeof *stream, forget);
    *stream = (struct stream){.super = {.proceed = proceed}, .req = req, .next = body_count};
    h2o_linklist_insert(&streams, &stream->link);
    req->res.status = 200;
    req->res.reason = "OK";
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL, H2O_STRLIT("text/event-stream"));
    h2o_start_response(req, &stream->super);
    h2o_iovec_t comment = h2o_iovec_init(H2O_STRLIT(":\n\n"));
    stream->is_sending = true;
    h2o_send(req, &comment, 1, H2O_SEND_STATE_IN_PROGRESS);
}

static void take_body(h2o_req_t *req) {
    bodies[body_count++ % BODIES_MAX] = h2o_strdup(NULL, req->entity.base, req->entity.len);
    for (h2o_linklist_t *at = streams.next; at != &streams; at = at->next)
        pump(H2O_STRUCT_FROM_MEMBER(struct stream, link, at));
    req->res.status = 200;
    req->res.reason = "OK";
    h2o_send_inline(req, H2O_STRLIT("sent"));
}

static int take_request(h2o_handler_t *self, h2o_req_t *req) {
    (void)self;
    if (h2o_memis(req->method.base, req->method.len, H2O_STRLIT("POST")))
        take_body(req);
    else
        begin_stream(req);
    return 0;
}

static void accept_all(h2o_socket_t *listening, const char *problem) {
    if (problem) return;
    for (int i = 0; i < 16; i++) {
        h2o_socket_t *socket = h2o_evloop_socket_accept(listening);
        if (!socket) return;
        h2o_accept(&acceptor, socket);
    }
}

int main(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    h2o_linklist_init_anchor(&streams);
    h2o_config_init(&config);
    h2o_hostconf_t *host = h2o_config_register_host(&config, h2o_iovec_init(H2O_STRLIT("bare")), 65535);
    h2o_create_handler(&host->fallback_path, sizeof(h2o_handler_t))->on_req = take_request;
    h2o_context_init(&context, h2o_evloop_create(), &config);
    acceptor = (h2o_accept_ctx_t){.ctx = &context, .hosts = config.hosts};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(descriptor, (struct sockaddr *)&address, length) || listen(descriptor, 4096) ||
        getsockname(descriptor, (struct sockaddr *)&address, &length))
        abort();
    h2o_socket_t *listening = h2o_evloop_socket_create(context.loop, descriptor, H2O_SOCKET_FLAG_DONT_READ);
    h2o_socket_read_start(listening, accept_all);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    while (h2o_evloop_run(context.loop, INT32_MAX) == 0)
        ;
    return 0;
}
