/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/base/process.h"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

static void (*reload_function)(void *context);
static void *reload_context;

static void fill_awaited_signals(sigset_t *set) {
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
}

void process_start(void) {
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
    umask(022);
    signal(SIGPIPE, SIG_IGN);
    sigset_t set;
    fill_awaited_signals(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void process_on_reload(void (*reload)(void *context), void *context) {
    reload_function = reload;
    reload_context = context;
}

void process_wait_for_stop(void) {
    sigset_t set;
    fill_awaited_signals(&set);
    for (;;) {
        int received = 0;
        if (sigwait(&set, &received) != 0) continue;
        if (received != SIGHUP) return;
        if (reload_function) reload_function(reload_context);
    }
}
