/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: looks for secrets where none may be (lib/store/README.md, Log): in files, in answers, and in the command lines and
 * environments of all processes of this machine while something runs. A secret is found as it is, and in base64 at any
 * alignment, as in logins.
 *
 * The environments of all processes are searched, except those of our own programs, which get their settings there; so the
 * programs that ours start are covered.
 */
#ifndef TESTS_SUPPORT_SECRET_SEARCH_H
#define TESTS_SUPPORT_SECRET_SEARCH_H

#include <stdbool.h>
#include <stddef.h>

struct secret_search;

struct secret {
    const char *name;
    const char *value; /* distinctive */
};

/* `secrets` end with a row without a name; borrowed. */
struct secret_search *secret_search_create(const struct secret *secrets);
void secret_search_free(struct secret_search *search); /* ends watching, too */

void secret_search_bytes(struct secret_search *search, const char *where, const char *bytes, size_t length);
void secret_search_folder(struct secret_search *search, const char *folder); /* every file below it */

/* Starts a thread that searches the processes again and again. */
void secret_search_watch_processes(struct secret_search *search);
void secret_search_stop_watching(struct secret_search *search);

/* The number of processes of a program, given by its file's name or the beginning of it, whose environment was searched. */
size_t secret_search_seen(struct secret_search *search, const char *program);
size_t secret_search_files(const struct secret_search *search); /* files searched so far */

/* `NAME in WHERE` lines, "" for nothing; borrowed until the next call. */
const char *secret_search_findings(struct secret_search *search);

#endif
