/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which system calls a command in the sandbox does not get (seccomp). Bubblewrap's walls are namespaces and mounts; this takes
 * away what would reach around them, or around the counting of what a run takes: sockets and files that are only memory, which
 * belong to no process, space on disk without writing, namespaces of its own, and parts of the kernel that no compiler needs.
 *
 * Not for others than sandbox.c.
 */
#ifndef LIB_TOOLS_SANDBOX_FILTER_H
#define LIB_TOOLS_SANDBOX_FILTER_H

#include <stddef.h>

#include "lib/base/error.h"

/* The program for the kernel, as bubblewrap's --seccomp wants it: made once, by libseccomp, and kept for the life of the
 * process. STATUS_UNAVAILABLE with the reason, as a part of a sentence, where libseccomp cannot make it for this machine. Any
 * thread. */
CHECK_RESULT enum status sandbox_filter(const void **out, size_t *length, struct error *err);

#endif
