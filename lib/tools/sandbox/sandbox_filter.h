/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The seccomp filter of commands in the sandbox. Bubblewrap isolates by namespaces and mounts; the filter blocks system calls
 * that would bypass these, or the accounting of a run: sockets and files in memory, which belong to no process, disk space
 * without writing, new namespaces, and parts of the kernel that no compiler needs.
 *
 * Only for sandbox.c.
 */
#ifndef LIB_TOOLS_SANDBOX_SANDBOX_FILTER_H
#define LIB_TOOLS_SANDBOX_SANDBOX_FILTER_H

#include <stddef.h>

#include "lib/base/error.h"

/* The filter in the form of bubblewrap's --seccomp, *length in bytes: made once by libseccomp, and kept for the life of the
 * process. STATUS_UNAVAILABLE with the reason, as a part of a sentence: libseccomp cannot make it for this machine.
 * Thread-safe. */
CHECK_RESULT enum status sandbox_filter(const void **out, size_t *length, struct error *err);

#endif
