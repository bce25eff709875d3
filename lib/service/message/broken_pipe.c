/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/service/message/broken_pipe.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "lib/base/log.h"

typedef ssize_t send_message(int file, const struct msghdr *message, int flags);

static send_message *library_sendmsg(void) {
    static _Atomic(send_message *) known;
    send_message *found = atomic_load_explicit(&known, memory_order_relaxed);
    if (found) return found;
    found = (send_message *)dlsym(RTLD_NEXT, "sendmsg"); /* the C library's, or a sanitizer's interceptor */
    if (!found) abort();
    atomic_store_explicit(&known, found, memory_order_relaxed);
    return found;
}

ssize_t sendmsg(int file, const struct msghdr *message, int flags) {
    ssize_t sent = library_sendmsg()(file, message, flags);
    if (sent < 0 && errno == EPIPE) errno = ECONNRESET;
    return sent;
}

void broken_pipe_check(void) {
    if ((send_message *)dlsym(RTLD_DEFAULT, "sendmsg") == sendmsg) return;
    log_line(LOG_ERROR, "symbol_not_interposed", log_field("reason", "The libraries do not call this program's sendmsg()."));
    abort();
}
