/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Redaction of internal paths and addresses. The folders, sockets and private addresses of a program's settings must not appear
 * in a job's log, which is public (lib/store/README.md, Log): each is replaced by its setting's name, `[WORK_DIR]/runs/…`. The
 * programs' own logs, for operators, keep them.
 */
#ifndef LIB_BASE_INSIDE_H
#define LIB_BASE_INSIDE_H

#include <stdbool.h>

struct text;

/* Registers, for the life of the process, the internal parts of the value of the setting `variable`: an absolute path, a
 * `unix:`, `ipc:` or `file:` address, or a private one (`tcp:`, `tls+tcp:`, `redis:`, `http:`); of an address also the path or
 * the host and port in it. Any other value, for instance an https address, is ignored, unless `is_place` says that it is a path
 * of this machine (a relative one). `value` is copied and may be NULL; `variable` is borrowed for ever. Thread-safe, like
 * inside_blank(). */
void inside_keep(const char *variable, const char *value, bool is_place);

/* Replaces every registered value in `text`, where it is a whole word or the beginning of a path, by its setting's name in
 * brackets. */
void inside_blank(struct text *text);

#endif
