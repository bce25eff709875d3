/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: trustees who change bounds, on a server with build workers and the compilers 0.15.14 and 0.15.15.
 */
#ifndef TESTS_SUPPORT_REVISE_SCENE_H
#define TESTS_SUPPORT_REVISE_SCENE_H

#include "tests/support/server/server_fixture.h"

#define REVISE_TOKEN "ghp_TheTokenOfTrusteesInTests0123456"
#define REVISE_ACTOR "a-trustee"

/* `settings` as in struct server_options. */
struct server *revise_scene_start(const char *const *settings);

/* Publishes the package, and waits until the metadata has both compilers. */
void revise_scene_publish(struct server *server, const struct package *package);

/* Asks for these ranges, `"base": ">=1.0.0 <3.0.0"` and more; returns the job's id. With `expect`: and waits for its success.
 */
const char *revise_ask(struct server *server, const char *name, const char *version, const char *ranges);
const char *revise_expect_done(struct server *server, const char *name, const char *version, const char *ranges);

/* The manifest in the index is the package's. */
void revise_expect_indexed(struct server *server, const struct package *package);

/* The metadata's `revision`; 0 if there is none. */
int revise_number(struct server *server, const char *name, const char *version);

/* The builds that a revision of the package has asked for; the caller owns the array of jobs. */
json_t *revise_builds(struct server *server, const char *name);

/* Waits until the revision's log has these words. */
void revise_wait_for_line(struct server *server, const char *id, const char *words);

#endif
