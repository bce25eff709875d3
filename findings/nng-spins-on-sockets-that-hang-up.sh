#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# nng 1.5.2-2 (Debian 12): the thread that waits for all sockets spins while one has hung up and nothing is awaited of it.
#
# nng adds each new descriptor to its epoll set with `events = 0` (strace shows epoll_ctl(…, EPOLL_CTL_ADD, …, {events=0})). The
# kernel reports errors and hang-ups all the same, for as long as they last, unless EPOLLONESHOT is given, as nng does only where
# it awaits something. A stream socket that is not connected has hung up. So from a dial that failed until the reaper thread has
# freed its socket, epoll_wait() returns at once, nng finds nothing to do, and calls it again. The reaper in turn waits, for each
# socket, until that thread has come round.
#
# Output seen (a client that dials where nobody listens; the reaper sleeps for 20 ms at each unlock of a mutex, as on a busy
# machine; three runs):
#   dials 20 or more, more than 100 hang-ups reported for each
#
# Why it matters: on a busy machine closing the sockets of one program took over a minute, and each absent peer costs processor
# time. (A program that defines epoll_ctl() and adds EPOLLONESHOT gets one report for a dial. But then sockets that hang up are let
# go so much earlier that peers are refused more often, so the registry does not do so.)
#
# Fails if the behaviour has changed.
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
#define _GNU_SOURCE
#include <dlfcn.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DIALS = 20, EACH = 100 };

static atomic_int dials, hang_ups;

int connect(int file, const struct sockaddr *address, socklen_t length) {
    static int (*real)(int, const struct sockaddr *, socklen_t);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "connect");
    dials++;
    return real(file, address, length);
}

int epoll_wait(int set, struct epoll_event *events, int most, int timeout_ms) {
    static int (*real)(int, struct epoll_event *, int, int);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "epoll_wait");
    int count = real(set, events, most, timeout_ms);
    for (int i = 0; i < count; i++)
        if (events[i].events == EPOLLHUP) hang_ups++;
    return count;
}

int pthread_mutex_unlock(pthread_mutex_t *mutex) {
    static int (*real)(pthread_mutex_t *);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "pthread_mutex_unlock");
    char name[16] = "";
    int failure = real(mutex);
    if (prctl(PR_GET_NAME, name) == 0 && strcmp(name, "nng:reap2") == 0) usleep(20000);
    return failure;
}

int main(void) {
    nng_socket socket;
    if (nng_req0_open(&socket) || nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, 20)) exit(2);
    if (nng_dial(socket, "ipc:///nowhere/to/be/found.ipc", NULL, NNG_FLAG_NONBLOCK)) exit(2);
    for (int waited = 0; dials < DIALS && waited < 60000; waited++) usleep(1000);
    if (dials >= DIALS && hang_ups > EACH * dials)
        printf("dials %d or more, more than %d hang-ups reported for each\n", DIALS, EACH);
    else
        printf("dials %d, hang-ups %d\n", dials, hang_ups);
    fflush(stdout);
    _exit(0);
}
C
gcc look.c -o look -lnng -ldl
./look | tee seen
diff seen - <<'EXPECTED'
dials 20 or more, more than 100 hang-ups reported for each
EXPECTED
echo 'As described: nng 1.5.2 spins on a socket that has hung up.'
