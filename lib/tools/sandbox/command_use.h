/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Resource use of all descendants of a process: memory, processes, bytes in a folder. For the process that watches a command
 * (command_watcher.h): forked from a multithreaded program, it may call only async-signal-safe functions, so nothing here
 * allocates, and files are read by plain system calls.
 *
 * The limits are polled: use that grows between two samples exceeds them for that long. Control groups would enforce them, but
 * in containers, where this mostly runs, they are not writable, and with version 2 a program must first move itself into a
 * group of its own; operators can limit the whole program with them.
 */
#ifndef LIB_TOOLS_SANDBOX_COMMAND_USE_H
#define LIB_TOOLS_SANDBOX_COMMAND_USE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { COMMAND_USE_PROCESSES_MAX = 16384 }; /* visited at most; above any limit */

struct process_use {
    int64_t memory_bytes; /* resident or swapped out, with page tables; memory shared by two processes counts twice */
    int64_t count;        /* processes and threads */
};

/* Measures the descendants of the calling process, without itself. Stops when their number is over `most`. */
struct process_use process_use_measure(int64_t most);

/* Sends SIGKILL to all descendants of the calling process. False: the kernel does not list children. */
bool process_use_kill(void);

/* Monitors the size of a folder: the free space of its file system is polled often, which is cheap, and the folder is walked
 * only if that has shrunk, or after some time. */
struct folder_use {
    int folder;         /* open */
    int64_t bytes;      /* at the last walk */
    int64_t free_bytes; /* of its file system at the last walk; free inodes count, too */
    int64_t measured_ms, took_ms;
};

/* Opens it; false with errno. */
bool folder_use_open(struct folder_use *use, const char *path);

/* Bytes in unlinked files on the folder's file system that descendants of the calling process hold open (or, if we are root,
 * mapped). Expensive: visits all their open files. */
int64_t folder_use_measure_unlinked(const struct folder_use *use);

/* Bytes in the folder: links are not followed, sparse files count with their full size, and any entry counts as 8 KiB at
 * least. INT64_MAX: not measurable, because a folder is unreadable or nested too deeply. Stops when over `most`. */
int64_t folder_use_measure(struct folder_use *use, int64_t most);

/* True if the folder may hold more than `most` now and should be measured. */
bool folder_use_is_suspect(const struct folder_use *use, int64_t most);

#endif
