#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# nng 1.5.2-2 (Debian 12): every other redial comes at once, with any NNG_OPT_RECONNMINT and NNG_OPT_RECONNMAXT.
#
# nng_options(5) calls the first "the minimum amount of time (milliseconds) to wait before attempting to establish a connection
# after a previous attempt has failed"; from there the waits grow up to the second. But dialer_timer_start_locked() in
# src/core/socket.c sleeps for `(int) nni_random() % back_off`: the cast comes before the modulo, so a half of all waits are
# negative, and end as soon as they begin. The other half are random between 0 and the current limit: the minimum acts as a
# maximum. The cast is there from 1.5 to 1.9; the random wait below the minimum is still there.
#
# Output seen (100 dialers, both options at an hour; the listener closes each connection before the greeting. All connections
# came within 0.2 s: 187 to 260 of them in ten runs. The count stops at 140):
#   dialers 100, connections 140
#
# Why it matters: when a service ends to which many others connect, half of them dial again in the same millisecond, a quarter a
# second time, and so on, instead of pausing, so it restarts under a storm of connections. A higher minimum does not help. A
# reliable pause needs a separate timer around nng_dial(). This server makes handshakes cheap, and limits how many connections
# that have proved nothing are open (lib/service/message/connection_guard.c).
#
# Fails if the behaviour has changed: with waits of at least the minimum there would be 100 connections in the observed minute,
# with random ones below it 102. A slow machine only takes longer to count.
set -eu
for package in libnng1=1.5.2-2 libnng-dev=1.5.2-2 gcc; do
  found=$(dpkg-query -W -f '${Package}=${Version}' "${package%=*}" 2>/dev/null || true)
  case $found in "$package" | "$package="?*) ;; *) missing="${missing-} $package" ;; esac
done
# shellcheck disable=SC2086 # a list of words
[ -z "${missing-}" ] || apt-get install -qq -y --no-install-recommends $missing >/dev/null
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >look.c <<'C'
#include <netinet/in.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { DIALERS = 100, ENOUGH = 140, HOUR_MS = 3600 * 1000, WATCH_SECONDS = 60 };

static void check(int failure) {
    if (!failure) return;
    printf("%s\n", nng_strerror(failure));
    exit(2);
}

static int listen_on_loopback(char *url, size_t size) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (void *)&address, length) || listen(listener, 2 * ENOUGH)) exit(2);
    getsockname(listener, (void *)&address, &length);
    snprintf(url, size, "tcp://127.0.0.1:%d", ntohs(address.sin_port));
    return listener;
}

int main(void) {
    char url[64];
    int connections = 0, listener = listen_on_loopback(url, sizeof url);
    nng_socket socket;
    check(nng_req0_open(&socket));
    check(nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, HOUR_MS));
    check(nng_socket_set_ms(socket, NNG_OPT_RECONNMAXT, HOUR_MS));
    for (int i = 0; i < DIALERS; i++) check(nng_dial(socket, url, NULL, NNG_FLAG_NONBLOCK));
    for (time_t end = time(NULL) + WATCH_SECONDS; connections < ENOUGH && time(NULL) < end;) {
        struct pollfd ready = {.fd = listener, .events = POLLIN};
        if (poll(&ready, 1, 100) != 1) continue;
        close(accept(listener, NULL, NULL));
        connections++;
    }
    printf("dialers %d, connections %d\n", DIALERS, connections);
    fflush(stdout);
    _exit(0); /* the closing of dialers that are dialling is beside the point */
}
C
gcc look.c -o look -lnng
./look | tee seen
diff seen - <<'EXPECTED'
dialers 100, connections 140
EXPECTED
echo 'As described: nng 1.5.2 dials again at once every other time.'
