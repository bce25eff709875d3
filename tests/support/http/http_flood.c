/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/http/http_flood.h"

#include "tests/support/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "lib/base/memory.h"
#include "tests/support/http/http2_frames.h"
#include "tests/support/http/http_connection.h"

enum { PER_ADDRESS = 25 };

/* Each kind of request that does not end. */
enum request { REQUEST_STREAMS, REQUEST_LARGE_STREAMS, REQUEST_CHUNKS, REQUEST_LENGTH, REQUEST_HEAD, REQUEST_COUNT };

struct attacker {
    struct http_connection connection;
    const struct text *bytes; /* to be sent; NULL: no more */
    size_t sent;
    bool is_ended; /* by the gateway */
};

struct http_flood {
    int port, timeout_ms;
    struct text requests[REQUEST_COUNT];
    size_t count;
    struct attacker attackers[];
};

/* ---- Their requests ---- */

static void append_http_2(struct text *out, uint32_t streams, size_t length) {
    http2_append_preface(out);
    for (uint32_t i = 0; i < streams; i++) {
        http2_append_request(out, 2 * i + 1, "POST", "/api/v1/publish", -1, false);
        http2_append_data(out, 2 * i + 1, length, false);
    }
}

static void append_blanks(struct text *out, size_t length) {
    memset(text_reserve(out, length + 1), ' ', length);
    out->length += length;
    out->bytes[out->length] = '\0';
}

static void prepare(struct text requests[REQUEST_COUNT]) {
    append_http_2(&requests[REQUEST_STREAMS], 32, 30000);
    append_http_2(&requests[REQUEST_LARGE_STREAMS], 100, 1 << 20);
    text_append(&requests[REQUEST_CHUNKS],
                "POST /api/v1/publish HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n");
    append_blanks(&requests[REQUEST_CHUNKS], 65000);
    text_append(&requests[REQUEST_LENGTH], "POST /api/v1/publish HTTP/1.1\r\nHost: x\r\nContent-Length: 65536\r\n\r\n");
    append_blanks(&requests[REQUEST_LENGTH], 65000);
    text_append(&requests[REQUEST_HEAD], "GET /api/v1/status HTTP/1.1\r\nHost: x\r\nX-Much: ");
    append_blanks(&requests[REQUEST_HEAD], 300000);
}

static enum request choose(size_t number) {
    return number % 100 == 0 ? REQUEST_LARGE_STREAMS
           : number % 2 == 0 ? REQUEST_STREAMS
           : number % 3 == 0 ? REQUEST_CHUNKS
           : number % 5 == 0 ? REQUEST_HEAD
                             : REQUEST_LENGTH;
}

/* ---- The connections ---- */

static void open_attacker(struct http_flood *flood, size_t number) {
    struct attacker *attacker = &flood->attackers[number];
    unsigned client = 0x100 + (unsigned)(number / PER_ADDRESS);
    *attacker = (struct attacker){.bytes = &flood->requests[choose(number)]};
    assert_true(http_connection_open_as(&attacker->connection, client, flood->port, flood->timeout_ms));
    assert_int_equal(fcntl(attacker->connection.socket, F_SETFL, O_NONBLOCK), 0);
}

static void allow_descriptors(void) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

struct http_flood *http_flood_start(int port, size_t count, int timeout_ms) {
    struct http_flood *flood = memory_alloc(sizeof *flood + count * sizeof flood->attackers[0]);
    allow_descriptors();
    flood->port = port;
    flood->timeout_ms = timeout_ms;
    flood->count = count;
    prepare(flood->requests);
    for (size_t i = 0; i < count; i++)
        open_attacker(flood, i);
    return flood;
}

/* False: there is no more to send, or the gateway reads no more. */
static bool go_on(struct attacker *attacker) {
    char answer[4096];
    ssize_t got = recv(attacker->connection.socket, answer, sizeof answer, MSG_DONTWAIT);
    attacker->is_ended = got == 0 || (got < 0 && errno != EAGAIN);
    if (attacker->is_ended) return false;
    ssize_t sent = send(attacker->connection.socket, attacker->bytes->bytes + attacker->sent,
                        attacker->bytes->length - attacker->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    attacker->is_ended = sent < 0 && errno != EAGAIN;
    if (sent < 0) return !attacker->is_ended;
    attacker->sent += (size_t)sent;
    return attacker->sent < attacker->bytes->length;
}

size_t http_flood_go_on(struct http_flood *flood) {
    size_t going_on = 0;
    for (size_t i = 0; i < flood->count; i++) {
        struct attacker *attacker = &flood->attackers[i];
        if (attacker->bytes && !go_on(attacker)) attacker->bytes = NULL;
        going_on += attacker->bytes != NULL;
    }
    return going_on;
}

void http_flood_renew(struct http_flood *flood) {
    for (size_t i = 0; i < flood->count; i++) {
        if (!flood->attackers[i].is_ended) continue;
        http_connection_close(&flood->attackers[i].connection);
        open_attacker(flood, i);
    }
}

void http_flood_stop(struct http_flood *flood) {
    for (size_t i = 0; i < flood->count; i++)
        http_connection_close(&flood->attackers[i].connection);
    for (size_t i = 0; i < REQUEST_COUNT; i++)
        text_release(&flood->requests[i]);
    free(flood);
}
