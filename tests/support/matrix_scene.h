/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests of the build matrix with a whole server: its jobs, and their changes of the metadata. A wait that times out fails
 * the test.
 */
#ifndef TESTS_SUPPORT_MATRIX_SCENE_H
#define TESTS_SUPPORT_MATRIX_SCENE_H

#include "tests/support/server/server_fixture.h"

/* The matrix jobs of that package, finished ones too; the caller owns the array. */
json_t *matrix_jobs(struct server *server, const char *package);

/* Waits until there is a matrix job of that version and compiler, and returns its id. */
const char *matrix_wait_for_job(struct server *server, const char *package, const char *version, const char *compiler);

/* Waits for its end, and returns it with its lines; the caller owns it. */
json_t *matrix_wait_for_build(struct server *server, const char *package, const char *version, const char *compiler);
void matrix_expect_verdict(struct server *server, const char *package, const char *version, const char *compiler,
                           const char *verdict);

/* Publishes 1.0.0 of the package with that compiler, so that the builds with the other compilers remain for the matrix. */
void matrix_publish_with(struct server *server, const struct package *package, const char *compiler);

/* The compilers of a version as the metadata has them, with blanks between. */
const char *matrix_compilers_of(struct server *server, const char *package, const char *version);
void matrix_expect_compilers(struct server *server, const char *package, const char *version, const char *compilers);

/* How many commits of the registry repository have that subject. */
int matrix_count_commits(struct server *server, const char *subject);

/* Waits until the text occurs `times` times in the log of that build worker, to which a restarted worker appends. */
void matrix_wait_for_worker_log(struct server *server, int worker, const char *text, int times);

/* How often `text` occurs in `log`. */
int matrix_count_in(const char *log, const char *text);

#endif
