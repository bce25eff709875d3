/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Tokens and keys never reach a log. A program registers each secret that it was given, once, at start and on reload; whatever
 * writes a line for somebody to read (lib/base/log.c, lib/store/log_stream.c) blanks them first (lib/store/README.md, Log).
 */
#ifndef LIB_BASE_SECRET_H
#define LIB_BASE_SECRET_H

#include <stddef.h>

struct text;

/* Remembers `value` for ever and returns the copy that is kept, so that who reads a secret need not care when it is replaced by
 * a newer one. One shorter than 8 bytes is kept, too, but not blanked: it would blank ordinary words. NULL stays NULL. Safe
 * from any thread. */
const char *secret_keep(const char *value);

/* Replaces every registered secret in `text` by `[secret]`. Safe from any thread. */
void secret_blank(struct text *text);

/* Overwrites the bytes of a secret that is no longer needed; the compiler leaves this in. */
void secret_wipe(void *bytes, size_t length);

#endif
