/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/service/message/unarmed_events.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "lib/base/log.h"

typedef int control_epoll(int set, int operation, int file, struct epoll_event *event);

static control_epoll *library_epoll_ctl(void) {
    static _Atomic(control_epoll *) known;
    control_epoll *found = atomic_load_explicit(&known, memory_order_relaxed);
    if (found) return found;
    found = (control_epoll *)dlsym(RTLD_NEXT, "epoll_ctl"); /* the C library's, or a sanitizer's interceptor */
    if (!found) abort();
    atomic_store_explicit(&known, found, memory_order_relaxed);
    return found;
}

int epoll_ctl(int set, int operation, int file, struct epoll_event *event) {
    if (operation == EPOLL_CTL_DEL || !event || event->events != 0) return library_epoll_ctl()(set, operation, file, event);
    struct epoll_event once = *event;
    once.events = EPOLLONESHOT;
    return library_epoll_ctl()(set, operation, file, &once);
}

void unarmed_events_check(void) {
    if ((control_epoll *)dlsym(RTLD_DEFAULT, "epoll_ctl") == epoll_ctl) return;
    log_line(LOG_ERROR, "symbol_not_interposed", log_field("reason", "The libraries do not call this program's epoll_ctl()."));
    abort();
}
