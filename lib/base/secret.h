/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Redaction of tokens and keys in logs. A program registers each of its secrets, once, at start and on reload; the writers of
 * log lines (lib/base/log.c, lib/store/job/log_stream.c) blank them (lib/store/README.md, Log).
 */
#ifndef LIB_BASE_SECRET_H
#define LIB_BASE_SECRET_H

#include <stddef.h>

struct text;

/* Registers `value` and returns a copy that lives as long as the process, so that a reader's pointer stays valid when the
 * secret is replaced. A value shorter than 8 bytes is copied, but never blanked, since it may occur in ordinary words. NULL for
 * NULL. Thread-safe. */
const char *secret_keep(const char *value);

/* Replaces every registered secret in `text` by `[secret]`. Thread-safe. */
void secret_blank(struct text *text);

/* Overwrites the bytes of a secret that is no longer needed; not optimised away. */
void secret_wipe(void *bytes, size_t length);

#endif
