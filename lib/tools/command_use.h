/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a process and everything below it take of the machine: memory, processes, bytes in a folder. For the process that
 * watches a command (command_watcher.h): forked from a program with threads, it may only do what is safe in a signal handler,
 * so nothing here allocates, and files are read by plain system calls.
 *
 * This is a look now and then, not a wall: what grows between two looks is over the limit for that long. Control groups would
 * be a wall, but in containers, where this mostly runs, they cannot be written to, and with version 2 a program must first move
 * itself into one of its own; who runs it can limit all of it with them.
 */
#ifndef LIB_TOOLS_COMMAND_USE_H
#define LIB_TOOLS_COMMAND_USE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { COMMAND_USE_PROCESSES_MAX = 16384 }; /* looked at; more are more than any limit */

struct process_use {
    int64_t memory_bytes; /* in memory or swapped out, page tables included; what two share counts twice */
    int64_t count;        /* processes and threads */
};

/* What is below the calling process, which itself is left out. Stops counting where it is over `most`. */
struct process_use process_use_measure(int64_t most);

/* Sends SIGKILL to all that is below the calling process. False where the kernel does not tell who that is. */
bool process_use_kill(void);

/* What a folder holds, watched: the file system is asked often how much is free, which costs nothing, and the folder is walked
 * through only where that has shrunk, or some time has gone by. */
struct folder_use {
    int folder;         /* open */
    int64_t bytes;      /* when it was last walked through */
    int64_t free_bytes; /* on its file system, then; a free place for a file counts, too */
    int64_t measured_ms, took_ms;
};

/* Opens it; false with errno. */
bool folder_use_open(struct folder_use *use, const char *path);

/* Bytes on the folder's file system in files that have no name any more, held open (or, where we are root, mapped) by what is
 * below the calling process. Dear: only for where more is gone from the file system than the folder holds. */
int64_t folder_use_measure_unlinked(const struct folder_use *use);

/* Bytes in the folder, links not followed, a file with holes counted whole and any entry as a few kilobytes; INT64_MAX where it
 * is not to be measured, being closed or nested too deeply. Walks until it is over `most`. */
int64_t folder_use_measure(struct folder_use *use, int64_t most);

/* Whether it may hold more than `most` by now, so that measuring is worth its while. */
bool folder_use_is_suspect(const struct folder_use *use, int64_t most);

#endif
