/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/service/message/connection_guard.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"

enum { PORTS_MAX = 16, LOG_INTERVAL_MS = 1000 };

/* An address of either family: IPv4 is stored as an IPv4-mapped IPv6 address. */
struct peer_address {
    struct in6_addr host;
    in_port_t port; /* network byte order */
};

struct unproven {
    int file;
    struct peer_address peer;
    int64_t since_ms; /* clock_monotonic_ms() */
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards everything below */
static int ports[PORTS_MAX], port_count;
static struct unproven unproven[CONNECTIONS_UNPROVEN_MAX];
static int unproven_count;
static int file_limit; /* accepted connections must have descriptors below this */
static int64_t logged_ms;
static int64_t proven_count, shut_count; /* since the program started */

/* ---- Addresses ---- */

static void map_address(struct peer_address *out, const struct in_addr *host, in_port_t port) {
    *out = (struct peer_address){.port = port};
    out->host.s6_addr[10] = out->host.s6_addr[11] = 0xFF;
    memcpy(&out->host.s6_addr[12], host, sizeof *host);
}

static bool read_address(struct peer_address *out, const struct sockaddr_storage *address) {
    const struct sockaddr_in *in = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
    if (address->ss_family == AF_INET) {
        map_address(out, &in->sin_addr, in->sin_port);
        return true;
    }
    if (address->ss_family != AF_INET6) return false;
    *out = (struct peer_address){.host = in6->sin6_addr, .port = in6->sin6_port};
    return true;
}

static bool read_nng_address(struct peer_address *out, const nng_sockaddr *address) {
    if (address->s_family == NNG_AF_INET) {
        const struct in_addr host = {.s_addr = address->s_in.sa_addr};
        map_address(out, &host, address->s_in.sa_port);
        return true;
    }
    if (address->s_family != NNG_AF_INET6) return false;
    *out = (struct peer_address){.port = address->s_in6.sa_port};
    memcpy(&out->host, address->s_in6.sa_addr, sizeof out->host);
    return true;
}

static bool is_same_host(const struct peer_address *a, const struct peer_address *b) {
    return memcmp(&a->host, &b->host, sizeof a->host) == 0;
}

static bool is_same(const struct peer_address *a, const struct peer_address *b) {
    return a->port == b->port && is_same_host(a, b);
}

static bool is_connected_to(int file, const struct peer_address *peer) {
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    struct peer_address found;
    return getpeername(file, (struct sockaddr *)&address, &length) == 0 && read_address(&found, &address) &&
           is_same(&found, peer);
}

/* ---- Connections that have not proved the key; with the mutex held ---- */

static void forget(int at) {
    unproven[at] = unproven[--unproven_count];
}

/* nng may have closed the socket, and its descriptor number may be in use again: so a duplicate is checked, and shut down. */
static void shut(int at) {
    int held = fcntl(unproven[at].file, F_DUPFD_CLOEXEC, 0);
    if (held >= 0 && is_connected_to(held, &unproven[at].peer)) shutdown(held, SHUT_RDWR);
    if (held >= 0) close(held);
    shut_count++;
    forget(at);
}

static void forget_ended(void) {
    for (int i = unproven_count - 1; i >= 0; i--)
        if (!is_connected_to(unproven[i].file, &unproven[i].peer)) forget(i);
}

static int count_of_host(const struct peer_address *peer) {
    int count = 0;
    for (int i = 0; i < unproven_count; i++)
        count += is_same_host(&unproven[i].peer, peer);
    return count;
}

/* The oldest connection of the address that has the most. */
static int find_victim(void) {
    int victim = 0, most = 0;
    for (int i = 0; i < unproven_count; i++) {
        int count = count_of_host(&unproven[i].peer);
        if (count > most || (count == most && unproven[i].since_ms < unproven[victim].since_ms)) victim = i;
        if (count > most) most = count;
    }
    return victim;
}

/* Makes room for a connection from `peer`. False: `peer` itself has the most, and its oldest one is younger than
 * CONNECTIONS_GRACE_MS. */
static bool make_room_for(const struct peer_address *peer, int64_t now_ms) {
    int victim = find_victim();
    if (is_same_host(&unproven[victim].peer, peer) && now_ms - unproven[victim].since_ms < CONNECTIONS_GRACE_MS) return false;
    shut(victim);
    return true;
}

static void log_flood(const char *reason) {
    int64_t now_ms = clock_monotonic_ms();
    if (logged_ms > 0 && now_ms - logged_ms < LOG_INTERVAL_MS) return;
    logged_ms = now_ms;
    log_line(LOG_WARN, "connections_refused", log_field("reason", reason));
}

/* Registers an accepted connection. False: it must be refused. */
static bool take(int file, const struct peer_address *peer) {
    if (file >= file_limit) {
        log_flood("Too many connections are open.");
        shut_count++;
        return false;
    }
    for (int i = unproven_count - 1; i >= 0; i--)
        if (unproven[i].file == file) forget(i); /* the number was reused, so that connection has ended */
    if (unproven_count == CONNECTIONS_UNPROVEN_MAX) forget_ended();
    int64_t now_ms = clock_monotonic_ms();
    if (unproven_count == CONNECTIONS_UNPROVEN_MAX) {
        log_flood("Too many connections have not proved the key.");
        if (!make_room_for(peer, now_ms)) {
            shut_count++;
            return false;
        }
    }
    unproven[unproven_count++] = (struct unproven){.file = file, .peer = *peer, .since_ms = now_ms};
    return true;
}

static bool is_guarded(int file) {
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    struct peer_address own;
    if (getsockname(file, (struct sockaddr *)&address, &length) != 0 || !read_address(&own, &address)) return false;
    for (int i = 0; i < port_count; i++)
        if (htons((uint16_t)ports[i]) == own.port) return true;
    return false;
}

/* ---- accept() ---- */

typedef int accept_connection(int file, struct sockaddr *address, socklen_t *length);

static accept_connection *library_accept(void) {
    static _Atomic(accept_connection *) known;
    accept_connection *found = atomic_load_explicit(&known, memory_order_relaxed);
    if (found) return found;
    found = (accept_connection *)dlsym(RTLD_NEXT, "accept"); /* the C library's, or a sanitizer's interceptor */
    if (!found) abort();
    atomic_store_explicit(&known, found, memory_order_relaxed);
    return found;
}

int accept(int listening, struct sockaddr *restrict address, socklen_t *restrict length) {
    int file = library_accept()(listening, address, length);
    if (file < 0) return file;
    struct sockaddr_storage remote;
    socklen_t remote_length = sizeof remote;
    struct peer_address peer;
    bool has_room = true;
    pthread_mutex_lock(&mutex);
    if (port_count > 0 && is_guarded(file) && getpeername(file, (struct sockaddr *)&remote, &remote_length) == 0 &&
        read_address(&peer, &remote))
        has_room = take(file, &peer);
    pthread_mutex_unlock(&mutex);
    if (has_room) return file;
    close(file);
    errno = ECONNABORTED; /* nng then accepts the next one */
    return -1;
}

/* ---- For the message server ---- */

/* Raises the limit of open files as far as allowed, and sets the part of it that connections may use. */
static void set_file_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = limit.rlim_max = 1024;
    if (limit.rlim_cur < CONNECTIONS_FILES_WANTED) {
        rlim_t before = limit.rlim_cur;
        limit.rlim_cur = limit.rlim_max < CONNECTIONS_FILES_WANTED ? limit.rlim_max : CONNECTIONS_FILES_WANTED;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = before;
    }
    file_limit = (int)((limit.rlim_cur < 1 << 20 ? limit.rlim_cur : 1 << 20) / 4 * 3);
}

void connection_guard_add(int port) {
    if ((accept_connection *)dlsym(RTLD_DEFAULT, "accept") != accept) {
        log_line(LOG_ERROR, "symbol_not_interposed", log_field("reason", "The libraries do not call this program's accept()."));
        abort();
    }
    pthread_mutex_lock(&mutex);
    if (port_count == PORTS_MAX) abort();
    ports[port_count++] = port;
    set_file_limit();
    pthread_mutex_unlock(&mutex);
}

void connection_guard_remove(int port) {
    pthread_mutex_lock(&mutex);
    for (int i = 0; i < port_count; i++) {
        if (ports[i] != port) continue;
        ports[i] = ports[--port_count];
        break;
    }
    pthread_mutex_unlock(&mutex);
}

void connection_guard_prove(nng_pipe pipe) {
    nng_sockaddr address;
    struct peer_address peer;
    if (nng_pipe_get_addr(pipe, NNG_OPT_REMADDR, &address) != 0 || !read_nng_address(&peer, &address)) return;
    pthread_mutex_lock(&mutex);
    for (int i = unproven_count - 1; i >= 0; i--)
        if (is_same(&unproven[i].peer, &peer)) {
            proven_count++;
            forget(i);
        }
    pthread_mutex_unlock(&mutex);
}

struct connection_counts connection_guard_counts(void) {
    pthread_mutex_lock(&mutex);
    forget_ended();
    struct connection_counts out = {.unproven = unproven_count, .proven = proven_count, .shut = shut_count};
    pthread_mutex_unlock(&mutex);
    return out;
}

void connection_guard_tend(void) {
    int64_t now_ms = clock_monotonic_ms();
    pthread_mutex_lock(&mutex);
    for (int i = unproven_count - 1; i >= 0; i--)
        if (now_ms - unproven[i].since_ms >= CONNECTIONS_UNPROVEN_MS) shut(i);
    pthread_mutex_unlock(&mutex);
}
