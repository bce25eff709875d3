/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: a temporary folder, and git commands in it, without this machine's configuration.
 */
#ifndef TESTS_SUPPORT_GIT_GIT_FIXTURE_H
#define TESTS_SUPPORT_GIT_GIT_FIXTURE_H

#include "lib/base/arena.h"

struct git_fixture {
    char folder[64];
    struct arena arena; /* holds the results of git_output() */
};

void git_fixture_make(struct git_fixture *fixture);
void git_fixture_remove(struct git_fixture *fixture);

/* The path of a file in the fixture's folder; in its arena. */
char *git_fixture_file(struct git_fixture *fixture, const char *name);

/* Runs a script by /bin/sh in the fixture's folder. The author of its commits is a stranger; `push_files REPOSITORY` commits
 * the content of the folder of the same name without `.git` and pushes it, making a bare repository if there is none:
 *   git_script(&fixture, "mkdir -p lib && echo text >lib/file && push_files lib.git"); */
void git_script(struct git_fixture *fixture, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Makes, in the fixture's folder, the certificate of an authority (authority.pem) and one of its for the hosts `localhost` and
 * `*.example.org` (host.pem, host.key). */
void git_fixture_make_authority(struct git_fixture *fixture);

/* The script's output, without the last line break; in the fixture's arena. */
char *git_output(struct git_fixture *fixture, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
