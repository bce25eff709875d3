/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Folders, sockets and private addresses are inside this machine, or behind it, and never reach a job's log, which the world
 * reads (lib/store/README.md, Log): where one of a program's settings stands in a line, its name is shown instead,
 * `[WORK_DIR]/runs/…`. The programs' own logs, for operators, keep them.
 */
#ifndef LIB_BASE_INSIDE_H
#define LIB_BASE_INSIDE_H

#include <stdbool.h>

struct text;

/* Remembers, for ever, what the value of the setting `variable` shows of the inside: a path, a `unix:`, `ipc:` or `file:`
 * address, or one that is not for the world (`tcp:`, `tls+tcp:`, `redis:`, `http:`); of an address also the path or the host
 * and port in it. Nothing where the value is another text, such as an https address. `is_place`: it is a path or address of
 * this machine even where it does not look like one (a relative path). NULL is fine. Safe from any thread, like the next. */
void inside_keep(const char *variable, const char *value, bool is_place);

/* Puts the setting's name, in brackets, for every such value in `text`, where it stands as a whole or begins a longer path. */
void inside_blank(struct text *text);

#endif
