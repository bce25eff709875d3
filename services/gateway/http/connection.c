/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/http/connection.h"

#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/metrics.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/call.h"
#include "services/gateway/http/clients.h"
#include "services/gateway/http/http2_streams.h"
#include "services/gateway/http/loop.h"
#include "services/gateway/http/request_form.h"
#include "services/gateway/http/router.h"
#include "services/gateway/stream/reader.h"

enum {
    /* Limits for reading from a client whose request was refused: bytes, time between two reads, and time in all. A client that
     * sends a large body over a slow line gets its answer, too. */
    LINGER_BYTES = 64 << 20,
    LINGER_QUIET_MS = 5000,
    LINGER_MS = 30000,
    ABANDONED_MAX = 200, /* requests that the client of one connection may abandon within … */
    ABANDONED_MS = 10000,
    IDLE_MS = 200,                                          /* idle for less: probably about to be used */
    BUSY_MS = 500,                                          /* most requests take less, waits for a log take longer */
    FEW = 16,                                               /* connections: more than a normal client needs */
    SMALL_BYTES = 3 * H2O_SOCKET_INITIAL_INPUT_BUFFER_SIZE, /* buffer of a usual request received in two pieces */
    TRIM_BYTES = 4 << 20,
};

static const struct settings *settings_of(const struct loop *loop) {
    return loop->options.gateway->settings;
}

static enum port port_of(const struct connection *connection) {
    return connection->is_public ? PORT_PUBLIC : PORT_MANAGEMENT;
}

static void read_watched(h2o_socket_t *socket, const char *problem);
static void look(struct connection *connection);

/* ---- Lists ---- */

static void set_listed(h2o_linklist_t *list, h2o_linklist_t *place, bool is_listed) {
    if (is_listed == (bool)h2o_linklist_is_linked(place)) return;
    if (is_listed)
        h2o_linklist_insert(list, place); /* h2o inserts before the anchor, i.e. at the end */
    else
        h2o_linklist_unlink(place);
}

static void touch(struct connection *connection) {
    set_listed(&connection->loop->connections.touched, &connection->touched, true);
}

/* ---- Intake ---- */

static void set_intake(struct connection *connection, int64_t bytes) {
    struct connections *connections = &connection->loop->connections;
    int64_t more = bytes - connection->intake_bytes;
    if (more == 0) return;
    connection->intake_bytes = bytes;
    connections->intake_bytes += more;
    if (more < 0) connections->released_bytes -= more;
    atomic_fetch_add(&connection->client->intake_bytes, more);
    atomic_fetch_add(&connection->loop->options.traffic->intake_bytes, more);
    set_listed(&connections->holding, &connection->holding, bytes > 0);
}

/* h2o's connection. NULL during the TLS handshake, and while h2o does not read from it: then h2o may have freed it, since a TLS
 * socket can outlive its connection. */
static h2o_conn_t *conn_of(const struct connection *connection) {
    if (!connection->socket->_cb.read || connection->read == connection->handshake_read) return NULL;
    return connection->socket->data;
}

static int64_t measure(struct connection *connection) {
    const struct loop *loop = connection->loop;
    const struct http2_limits limits = {.port = port_of(connection),
                                        .streams = (size_t)settings_of(loop)->gateway_streams_per_connection,
                                        .time_ms = settings_of(loop)->gateway_request_ms};
    h2o_conn_t *conn = conn_of(connection);
    const h2o_buffer_t *input = connection->socket->input;
    int64_t bytes = input->bytes ? (int64_t)input->capacity : 0;
    if (!conn || !http2_is(conn)) return connection->calls == 0 || bytes > SMALL_BYTES ? bytes : 0;
    connection->is_http2 = true;
    if (!connection->is_announced) connection->is_announced = http2_announce(conn, limits.streams);
    return bytes + (int64_t)http2_look(conn, &limits);
}

/* ---- The end of a connection ---- */

static void set_counted(struct connection *connection, bool is_counted) {
    if (is_counted == connection->is_counted) return;
    connection->is_counted = is_counted;
    atomic_fetch_add(&connection->loop->options.traffic->connections, is_counted ? 1 : -1);
}

static void free_connection(struct connection *connection) {
    struct loop *loop = connection->loop;
    h2o_linklist_unlink(&connection->all);
    set_counted(connection, false);
    atomic_fetch_sub(&connection->client->connections, 1);
    clients_drop(loop->options.gateway->clients, connection->client);
    free(connection);
}

static void stop_lingering(struct connection *connection) {
    h2o_timeout_unlink(&connection->timer);
    h2o_socket_close(connection->lingering);
    free_connection(connection);
}

/* Called every second. */
static void check_lingering(h2o_timeout_entry_t *timer) {
    struct connection *connection = H2O_STRUCT_FROM_MEMBER(struct connection, timer, timer);
    h2o_context_t *context = &connection->loop->context;
    uint64_t now_ms = h2o_now(context->loop);
    if (now_ms >= connection->heard_ms + LINGER_QUIET_MS || now_ms >= connection->closed_ms + LINGER_MS)
        stop_lingering(connection);
    else
        h2o_timeout_link(context->loop, &context->one_sec_timeout, timer);
}

static void forget_bytes(h2o_socket_t *socket, const char *problem) {
    struct connection *connection = socket->data;
    size_t length = socket->input->size;
    h2o_buffer_consume(&socket->input, length);
    connection->heard_ms = h2o_now(connection->loop->context.loop);
    if (problem || length >= connection->bytes_left)
        stop_lingering(connection);
    else
        connection->bytes_left -= length;
}

/* h2o has closed the socket. If the connection must linger, goes on reading through the second descriptor; else frees it. */
static void on_close(void *argument) {
    struct connection *connection = argument;
    struct loop *loop = connection->loop;
    h2o_context_t *context = &loop->context;
    if (loop->connections.reading == connection) loop->connections.reading = NULL;
    connection->socket = NULL;
    set_intake(connection, 0);
    set_listed(NULL, &connection->touched, false);
    loop->connections.released_bytes += SMALL_BYTES;
    if (connection->second_descriptor < 0 || connection->is_ending) {
        if (connection->second_descriptor >= 0) close(connection->second_descriptor);
        free_connection(connection);
        return;
    }
    connection->descriptor = connection->second_descriptor;
    shutdown(connection->descriptor, SHUT_WR);
    connection->lingering = h2o_evloop_socket_create(context->loop, connection->descriptor, 0);
    connection->lingering->data = connection;
    connection->timer.cb = check_lingering;
    connection->bytes_left = LINGER_BYTES;
    connection->closed_ms = connection->heard_ms = h2o_now(context->loop);
    h2o_timeout_link(context->loop, &context->one_sec_timeout, &connection->timer);
    h2o_socket_read_start(connection->lingering, forget_bytes);
}

struct connection *connection_of(h2o_req_t *req) {
    return req->conn->callbacks->get_socket(req->conn)->on_close.data;
}

void connection_linger(h2o_req_t *req) {
    struct connection *connection = connection_of(req);
    if (connection->second_descriptor < 0) connection->second_descriptor = fcntl(connection->descriptor, F_DUPFD_CLOEXEC, 0);
}

/* h2o's read callback, through which it learns that a client has disconnected. NULL: none can be called now. */
static h2o_socket_cb reader_of(const struct connection *connection) {
    h2o_socket_cb read = connection->socket->_cb.read;
    if (read) return read == read_watched ? connection->read : read;
    /* over HTTP/1, h2o restores the callback after the answer */
    bool is_answering = connection->calls > 0 && !connection->is_http2 && connection->read != connection->handshake_read;
    return is_answering ? connection->read : NULL;
}

/* Closes the connection as if its client had disconnected, and stops counting it. It is usually freed at once; otherwise when
 * h2o's pending write has failed. */
static void hang_up(struct connection *connection) {
    connection->is_ending = true;
    set_counted(connection, false);
    set_intake(connection, 0);
    shutdown(connection->descriptor, SHUT_RDWR);
    h2o_socket_cb read = reader_of(connection);
    if (read) read(connection->socket, h2o_socket_error_closed);
}

static void end(struct connection *connection, enum connection_end reason) {
    atomic_fetch_add(&connection->loop->options.traffic->ended[reason], 1);
    hang_up(connection);
}

/* ---- Limits ---- */

static struct connection *find_largest(struct loop *loop, const struct client *client) {
    struct connection *largest = NULL;
    h2o_linklist_t *list = &loop->connections.holding;
    for (h2o_linklist_t *at = list->next; at != list; at = at->next) {
        struct connection *connection = H2O_STRUCT_FROM_MEMBER(struct connection, holding, at);
        if (connection->is_ending || (client && connection->client != client)) continue;
        if (!largest || connection->intake_bytes > largest->intake_bytes) largest = connection;
    }
    return largest;
}

/* Closes the connection with the largest intake while the address of `cause`, or this loop, exceeds its limit. Connections with
 * requests being answered are not spared: a client that reads no answers could keep the bodies in memory. */
static void enforce_intake(struct loop *loop, struct connection *cause) {
    const struct settings *settings = settings_of(loop);
    struct client *client = clients_keep(cause->client);
    struct connection *victim;
    bool has_limit = !cause->is_of_proxy; /* `cause` may be freed by the loops below */
    while (has_limit && atomic_load(&client->intake_bytes) > settings->gateway_intake_bytes_per_address &&
           (victim = find_largest(loop, client)))
        end(victim, CONNECTION_END_INTAKE);
    while (loop->connections.intake_bytes > settings->gateway_intake_bytes / settings->gateway_threads &&
           (victim = find_largest(loop, NULL)))
        end(victim, CONNECTION_END_INTAKE);
    clients_drop(loop->options.gateway->clients, client);
}

/* The limit that h2o must apply to the body of the request just read. */
static size_t entity_limit(const struct connection *connection) {
    static const char http2_method[] = "PRI"; /* the HTTP/2 preface looks like a request */
    const struct loop *loop = connection->loop;
    const h2o_conn_t *conn = conn_of(connection);
    const h2o_buffer_t *input = connection->socket->input;
    struct request_head head;
    if (!conn || http2_is(conn)) return loop->config.max_request_entity_size;
    request_head_read(&head, input->bytes, input->size);
    if (!head.is_complete || h2o_memis(head.method.base, head.method.len, http2_method, sizeof http2_method - 1))
        return loop->config.max_request_entity_size;
    /* h2o refuses a larger content-length, and chunked bodies of this size already */
    bool is_chunked = head.transfer_encodings > 0;
    return router_body_limit(port_of(connection), head.method.base, head.method.len, head.target.base, head.target.len) +
           is_chunked;
}

static void read_watched(h2o_socket_t *socket, const char *problem) {
    struct connection *connection = socket->on_close.data;
    struct loop *loop = connection->loop;
    size_t usual = loop->config.max_request_entity_size;
    if (!problem) loop->config.max_request_entity_size = entity_limit(connection);
    loop->connections.reading = connection;
    connection->read(socket, problem);
    loop->config.max_request_entity_size = usual;
    if (loop->connections.reading != connection) return; /* it was closed */
    loop->connections.reading = NULL;
    look(connection);
}

/* Replaces h2o's read callback by read_watched(). */
static void watch(struct connection *connection) {
    h2o_socket_t *socket = connection->socket;
    if (!socket->_cb.read || socket->_cb.read == read_watched) return;
    connection->read = socket->_cb.read;
    socket->_cb.read = read_watched;
}

/* Measures the intake and enforces the limits. The connection may be freed afterwards. */
static void look(struct connection *connection) {
    struct loop *loop = connection->loop;
    watch(connection);
    bool is_reading = connection->socket->_cb.read != NULL;
    /* Over HTTP/1, h2o does not read while it answers a request; the end of the call touches the connection. */
    if (!is_reading && (connection->is_http2 || connection->calls == 0)) touch(connection);
    if (connection->is_ending) return;
    int64_t before = connection->intake_bytes, now = before;
    if (is_reading || !connection->is_http2) now = measure(connection);
    set_intake(connection, now);
    if (!connection->is_public) return;
    if (connection->abandoned > ABANDONED_MAX && !connection->is_of_proxy)
        end(connection, CONNECTION_END_RESETS);
    else if (now > before)
        enforce_intake(loop, connection);
}

void connections_look(struct loop *loop) {
    h2o_linklist_t touched;
    h2o_linklist_init_anchor(&touched);
    h2o_linklist_insert_list(&touched, &loop->connections.touched);
    while (!h2o_linklist_is_empty(&touched)) {
        struct connection *connection = H2O_STRUCT_FROM_MEMBER(struct connection, touched, touched.next);
        h2o_linklist_unlink(&connection->touched);
        look(connection);
    }
}

/* ---- Calls ---- */

void connection_begin_call(struct connection *connection) {
    if (connection->calls++ == 0) connection->since_ms = h2o_now(connection->loop->context.loop);
    atomic_fetch_add(&connection->loop->options.traffic->calls, 1);
}

void connection_end_call(struct connection *connection, bool was_answered) {
    if (--connection->calls == 0) connection->since_ms = h2o_now(connection->loop->context.loop);
    connection->poll = NULL;
    atomic_fetch_sub(&connection->loop->options.traffic->calls, 1);
    touch(connection);
    if (was_answered) return;
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms - connection->abandoned_since_ms > ABANDONED_MS) {
        connection->abandoned = 0;
        connection->abandoned_since_ms = now_ms;
    }
    connection->abandoned++;
}

/* ---- New connections ---- */

static struct client *find_client(struct loop *loop, h2o_socket_t *socket, bool *is_of_proxy) {
    struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
    char address[CLIENT_ADDRESS_MAX];
    h2o_socket_getpeername(socket, (struct sockaddr *)&peer);
    client_address_find(loop->options.gateway->proxies, (struct sockaddr *)&peer, NULL, address);
    *is_of_proxy = client_address_is_proxy(loop->options.gateway->proxies, (struct sockaddr *)&peer);
    return clients_take(loop->options.gateway->clients, address);
}

void connection_serve(struct listener *listener, h2o_socket_t *socket) {
    struct loop *loop = listener->loop;
    struct connection *connection = memory_alloc(sizeof *connection);
    connection->loop = loop;
    connection->socket = socket;
    connection->client = find_client(loop, socket, &connection->is_of_proxy);
    connection->is_public = listener == &loop->listeners[0];
    connection->descriptor = h2o_socket_get_fd(socket);
    connection->second_descriptor = -1;
    h2o_linklist_insert(&loop->connections.all, &connection->all);
    connection->since_ms = h2o_now(loop->context.loop);
    set_counted(connection, connection->is_public);
    int64_t count = atomic_fetch_add(&connection->client->connections, 1) + 1;
    socket->on_close.cb = on_close;
    socket->on_close.data = connection;
    if (connection->is_public && !connection->is_of_proxy && count > settings_of(loop)->gateway_connections_per_address) {
        atomic_fetch_add(&loop->options.traffic->ended[CONNECTION_END_ADDRESS], 1);
        h2o_socket_close(socket);
        return;
    }
    h2o_accept(&listener->accept, socket);
    if (listener->accept.ssl_ctx) connection->handshake_read = socket->_cb.read;
    watch(connection);
}

/* ---- Making room ---- */

/* The number of connections of its address; 1 for a proxy, whose connections belong to many clients. */
static int64_t connections_of_address(const struct connection *connection) {
    return connection->is_of_proxy ? 1 : atomic_load(&connection->client->connections);
}

static bool is_idle(const struct connection *connection) {
    return connection->calls == 0 && h2o_now(connection->loop->context.loop) - connection->since_ms >= IDLE_MS;
}

static bool may_make_room(const struct connection *connection) {
    if (!connection->is_counted) return false;
    return connections_of_address(connection) > FEW || is_idle(connection) ||
           (connection->calls > 0 && h2o_now(connection->loop->context.loop) - connection->since_ms >= BUSY_MS);
}

static bool goes_before(const struct connection *connection, const struct connection *other) {
    int64_t more = connections_of_address(connection) - connections_of_address(other);
    if (more != 0) return more > 0;
    if (is_idle(connection) != is_idle(other)) return is_idle(connection);
    return connection->since_ms < other->since_ms;
}

/* Finds the connection to close. NULL: none in this loop; another loop may have one and accepts the next connection. */
static struct connection *find_room(struct loop *loop) {
    struct connection *found = NULL;
    h2o_linklist_t *list = &loop->connections.all;
    for (h2o_linklist_t *at = list->next; at != list; at = at->next) {
        struct connection *connection = H2O_STRUCT_FROM_MEMBER(struct connection, all, at);
        if (may_make_room(connection) && (!found || goes_before(connection, found))) found = connection;
    }
    return found;
}

static void make_room(struct connection *connection) {
    enum connection_end reason = connection->calls ? CONNECTION_END_BUSY : CONNECTION_END_IDLE;
    if (!connection->socket) {
        atomic_fetch_add(&connection->loop->options.traffic->ended[reason], 1);
        stop_lingering(connection);
        return;
    }
    if (connection->poll) call_end_wait(connection->poll);
    end(connection, reason);
}

bool connections_make_room(struct loop *loop) {
    while (atomic_load(&loop->options.traffic->connections) >= loop->options.connection_limit) {
        struct connection *connection = find_room(loop);
        if (!connection) return false;
        make_room(connection);
    }
    return true;
}

/* ---- Every second ---- */

static void check_poll(struct connection *connection) {
    struct pollfd client = {.fd = connection->descriptor, .events = POLLRDHUP};
    if (poll(&client, 1, 0) <= 0) return;
    if (client.revents & (POLLERR | POLLHUP))
        hang_up(connection);
    else
        call_end_wait(connection->poll);
}

/* The connection may be freed afterwards. */
static void check_connection(struct connection *connection) {
    if (!connection->socket || connection->is_ending) return;
    if (connection->intake_bytes > 0) touch(connection);
    if (connection->poll) {
        check_poll(connection);
        return;
    }
    h2o_conn_t *conn = connection->is_http2 ? conn_of(connection) : NULL;
    if (conn && http2_is_stalled(conn, settings_of(connection->loop)->gateway_stall_ms, &connection->moved_ms))
        end(connection, CONNECTION_END_STALL);
}

static void check_all(struct loop *loop) {
    h2o_linklist_t *list = &loop->connections.all;
    for (h2o_linklist_t *at = list->next, *next; at != list; at = next) {
        next = at->next;
        check_connection(H2O_STRUCT_FROM_MEMBER(struct connection, all, at));
    }
}

/* Returns memory to the system, which otherwise stays in the thread's heap as fragments. */
static void give_memory_back(struct loop *loop) {
    if (loop->connections.released_bytes < TRIM_BYTES) return;
    loop->connections.released_bytes = 0;
    malloc_trim(0);
}

static void pass_second(h2o_timeout_entry_t *entry) {
    struct loop *loop = H2O_STRUCT_FROM_MEMBER(struct loop, connections.second, entry);
    check_all(loop);
    readers_pass_second(loop);
    give_memory_back(loop);
    h2o_timeout_link(loop->context.loop, &loop->context.one_sec_timeout, entry);
}

void connections_open(struct loop *loop) {
    struct connections *connections = &loop->connections;
    h2o_linklist_init_anchor(&connections->all);
    h2o_linklist_init_anchor(&connections->touched);
    h2o_linklist_init_anchor(&connections->holding);
    connections->second.cb = pass_second;
    h2o_timeout_link(loop->context.loop, &loop->context.one_sec_timeout, &connections->second);
}

void connections_close(struct loop *loop) {
    h2o_timeout_unlink(&loop->connections.second);
}

void connections_cut(struct loop *loop) {
    h2o_linklist_t *list = &loop->connections.all;
    for (h2o_linklist_t *at = list->next; at != list; at = at->next)
        shutdown(H2O_STRUCT_FROM_MEMBER(struct connection, all, at)->descriptor, SHUT_RDWR);
}

/* ---- Metrics ---- */

void traffic_measure(struct traffic *traffic, struct metrics *metrics) {
    static const char *const reasons[] = {
#define END(name, text) text,
        CONNECTION_END_TABLE(END)
#undef END
    };
    metrics_add(metrics, METRIC_GAUGE, "registry_http_connections", "Client connections, without those of the management port.",
                NULL, (double)atomic_load(&traffic->connections));
    metrics_add(metrics, METRIC_GAUGE, "registry_http_answers_under_way", "Requests that are being answered.", NULL,
                (double)atomic_load(&traffic->calls));
    metrics_add(metrics, METRIC_GAUGE, "registry_http_intake_bytes", "Memory of incomplete requests.", NULL,
                (double)atomic_load(&traffic->intake_bytes));
    for (size_t i = 0; i < CONNECTION_END_COUNT; i++)
        metrics_add(metrics, METRIC_COUNTER, "registry_http_connections_ended_total",
                    "Connections that the gateway closed, by reason.", (const char *const[]){"reason", reasons[i], NULL},
                    (double)atomic_load(&traffic->ended[i]));
}
