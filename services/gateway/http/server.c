/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/http/server.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/http/listen.h"
#include "services/gateway/http/loop.h"
#include "services/gateway/http/response_filter.h"

enum {
    BODY_MARGIN_BYTES = 1 << 20 /* see make_config() */
};

struct port_handler {
    h2o_handler_t super;
    struct gateway *gateway;
    enum port port;
};

struct server {
    h2o_globalconf_t config;
    h2o_hostconf_t *public_hosts[2]; /* terminated by NULL */
    h2o_hostconf_t *management_hosts[2];
    SSL_CTX *tls;
    int public_socket, management_socket; /* -1: passed to the first loop */
    int port, management_port;
    struct traffic traffic;
    bool is_stuck; /* a loop could not free its connections or calls */
    size_t loop_count;
    struct loop loops[];
};

static int take_request(h2o_handler_t *super, h2o_req_t *req) {
    struct port_handler *handler = H2O_STRUCT_FROM_MEMBER(struct port_handler, super, super);
    struct loop *loop = H2O_STRUCT_FROM_MEMBER(struct loop, context, req->conn->ctx);
    call_start(loop, handler->gateway, handler->port, req);
    return 0;
}

/* Adds a host with one handler for all paths, since router.h does the routing (h2o only matches prefixes). It is registered on
 * the fallback path, so that the response filter sees h2o's own errors, too. */
static h2o_hostconf_t *add_host(struct server *server, struct gateway *gateway, enum port port, const char *name) {
    h2o_hostconf_t *host = h2o_config_register_host(&server->config, h2o_iovec_init(name, strlen(name)), 65535);
    h2o_pathconf_t *path = &host->fallback_path;
    struct port_handler *handler = (struct port_handler *)h2o_create_handler(path, sizeof *handler);
    handler->super.on_req = take_request;
    handler->gateway = gateway;
    handler->port = port;
    response_filter_register(path);
    return host;
}

/* h2o reads the body before it calls a handler. A body over h2o's own limit is answered 413 at once over HTTP/1, where that
 * limit is set to the route's (connection.c). Over HTTP/2, h2o would refuse the stream, which makes clients send it again; so
 * the limit set here is above that of every route, and http2_streams.c and call.c check the routes' limits. */
static void make_config(struct server *server, struct gateway *gateway) {
    h2o_config_init(&server->config);
    server->config.server_name = h2o_iovec_init(H2O_STRLIT("registry"));
    server->config.max_request_entity_size = router_largest_body_bytes() + BODY_MARGIN_BYTES;
    server->config.http1.req_timeout = (uint64_t)gateway->settings->gateway_request_ms;
    server->config.http2.idle_timeout = (uint64_t)gateway->settings->gateway_request_ms;
    server->config.http2.max_concurrent_requests_per_connection = (size_t)gateway->settings->gateway_streams_per_connection;
    server->public_hosts[0] = add_host(server, gateway, PORT_PUBLIC, "public");
    server->management_hosts[0] = add_host(server, gateway, PORT_MANAGEMENT, "management");
}

static enum status open_ports(struct server *server, const struct settings *settings, struct error *err) {
    if (!settings->tls_certificate != !settings->tls_key)
        return error_set_at(err, STATUS_INVALID, settings->tls_key ? "TLS_CERTIFICATE" : "TLS_KEY",
                            "TLS_CERTIFICATE and TLS_KEY must be set together: %s is not set.",
                            settings->tls_key ? "TLS_CERTIFICATE" : "TLS_KEY");
    enum status status = STATUS_OK;
    if (settings->tls_key) status = listen_tls(&server->tls, settings->tls_certificate, settings->tls_key, err);
    if (!status)
        status =
            listen_open(&server->public_socket, settings->server_address, settings->server_port, "SERVER", &server->port, err);
    if (!status) listen_limit(server->public_socket, settings->gateway_stall_ms);
    int64_t management_port = settings->management_port;
    if (management_port < 0) management_port = settings->server_port == 0 ? 0 : settings->server_port + 1;
    if (!status)
        status = listen_open(&server->management_socket, settings->management_address, management_port, "MANAGEMENT",
                             &server->management_port, err);
    return status;
}

/* Raises the process's limit of open files for `wanted` connections, and returns how many connections it allows. A connection
 * needs a second descriptor for a file that is downloaded, or to linger. */
static int64_t allow_connections(int64_t wanted) {
    enum { PER_CONNECTION = 2, OTHERS = 512 };
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
    rlim_t needed = (rlim_t)wanted * PER_CONNECTION + OTHERS;
    if (limit.rlim_cur < needed) {
        limit.rlim_cur = limit.rlim_max < needed ? limit.rlim_max : needed;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur >= needed) return wanted;
    int64_t allowed = ((int64_t)limit.rlim_cur - OTHERS) / PER_CONNECTION;
    if (allowed < 1) allowed = 1;
    log_line(LOG_WARN, "connection_limit_reduced", log_field("wanted", wanted), log_field("allowed", allowed),
             log_field("open_files", limit.rlim_cur));
    return allowed;
}

/* Starts the next loop. The first one gets the server's sockets, which stay the server's if it cannot be started; each other
 * one listens on the public socket through a descriptor of its own. */
static enum status start_loop(struct server *server, struct loop_options *options, struct error *err) {
    bool is_first = server->loop_count == 0;
    options->public_socket =
        is_first ? server->public_socket : fcntl(server->loops[0].options.public_socket, F_DUPFD_CLOEXEC, 0);
    options->management_socket = is_first ? server->management_socket : -1;
    if (options->public_socket < 0)
        return error_set(err, STATUS_INTERNAL, "An event loop cannot share the public port: %s.", strerror(errno));
    server->loops[server->loop_count].index = server->loop_count;
    enum status status = loop_start(&server->loops[server->loop_count], options, err);
    if (status && !is_first) close(options->public_socket);
    if (status) return status;
    server->loop_count++;
    server->public_socket = server->management_socket = -1;
    return STATUS_OK;
}

static enum status start_loops(struct server *server, struct gateway *gateway, struct error *err) {
    struct loop_options options = {.gateway = gateway,
                                   .config = &server->config,
                                   .public_hosts = server->public_hosts,
                                   .management_hosts = server->management_hosts,
                                   .tls = server->tls,
                                   .connection_limit = allow_connections(gateway->settings->gateway_connections),
                                   .traffic = &server->traffic};
    enum status status = STATUS_OK;
    for (int64_t i = 0; i < gateway->settings->gateway_threads && !status; i++)
        status = start_loop(server, &options, err);
    return status;
}

enum status server_create(struct server **out, struct gateway *gateway, struct error *err) {
    struct server *server = memory_alloc(sizeof *server + (size_t)gateway->settings->gateway_threads * sizeof server->loops[0]);
    *out = server;
    server->public_socket = server->management_socket = -1;
    make_config(server, gateway);
    enum status status = open_ports(server, gateway->settings, err);
    if (!status) status = start_loops(server, gateway, err);
    return status;
}

void server_measure(struct server *server, struct metrics *metrics) {
    traffic_measure(&server->traffic, metrics);
}

int server_port(const struct server *server) {
    return server->port;
}

int server_management_port(const struct server *server) {
    return server->management_port;
}

void server_drain(struct server *server) {
    for (size_t i = 0; i < server->loop_count; i++)
        loop_request_stop(&server->loops[i]);
    for (size_t i = 0; i < server->loop_count; i++)
        server->is_stuck = !loop_join(&server->loops[i]) || server->is_stuck;
    server->loop_count = 0;
}

bool server_free(struct server *server) {
    if (!server) return true;
    server_drain(server);
    if (server->public_socket >= 0) close(server->public_socket);
    if (server->management_socket >= 0) close(server->management_socket);
    if (server->is_stuck) return false;
    SSL_CTX_free(server->tls);
    h2o_config_dispose(&server->config);
    free(server);
    return true;
}
