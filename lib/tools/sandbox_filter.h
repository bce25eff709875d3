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

/* The program for the kernel, as bubblewrap's --seccomp wants it; NULL where there is none for this kind of processor. */
const void *sandbox_filter(size_t *length);

#endif
