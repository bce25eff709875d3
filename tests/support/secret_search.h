/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: looks for secrets where none may be (lib/store/README.md, Log): in files, in answers, and in the command lines and
 * environments of all processes of this machine while something runs. A secret is found as it is, and in base64 wherever in the
 * text that begins, as logins have it.
 *
 * Environments are looked at of all processes but our own programs, which get their settings there: that is, of every program
 * that they run.
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

/* A thread that looks at the processes again and again. */
void secret_search_watch_processes(struct secret_search *search);
void secret_search_stop_watching(struct secret_search *search);

/* How many processes of a program, by its file's name or the beginning of that, had their environment looked at. */
size_t secret_search_seen(struct secret_search *search, const char *program);
size_t secret_search_files(const struct secret_search *search); /* that were looked through */

/* `NAME in WHERE` lines, "" for nothing; borrowed until the next call. */
const char *secret_search_findings(struct secret_search *search);

#endif
