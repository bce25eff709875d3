/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests of the daily look at GitHub: a whole server whose package-set service asks a stand-in for GitHub, and reports to a
 * stand-in for healthchecks.io. Nothing is looked at until the test asks for a round.
 */
#ifndef TESTS_SUPPORT_GITHUB_SCENE_H
#define TESTS_SUPPORT_GITHUB_SCENE_H

#include "tests/support/http/http_stub.h"
#include "tests/support/owners_scene.h"
#include "tests/support/server/github_server.h"

struct github_scene {
    struct owners_scene owners;
    struct server *server; /* that of `owners` */
    struct github_server *github;
    struct http_stub *health; /* pinged by the package-set service */
    const char *work;         /* "new-tags", and the setting of its time */
    const char *variable;
    int hour; /* of the last round */
};

void github_scene_start(struct github_scene *scene, const char *work, const char *variable);
void github_scene_stop(struct github_scene *scene);

/* Publishes the package by a request, and makes its repository at the stand-in, with the tag vVERSION. */
void github_scene_publish(struct github_scene *scene, const char *name, const char *version);

/* A tag that was pushed, with the source that it is of, `hours_ago`. */
void github_scene_push(struct github_scene *scene, const char *name, const char *version, int hours_ago);

/* The repository's name, `OWNER/NAME`, of a package. In the server's arena. */
const char *github_scene_repository(struct github_scene *scene, const char *name);

/* Lets a time of day pass that the work is due at: restarts the service with the next hour. Every call is another round. The one
 * with `end` in its name waits for the end of the round, which must have this outcome. */
void github_scene_begin_round(struct github_scene *scene);
void github_scene_end_round(struct github_scene *scene, const char *outcome);

/* Ends the lock of an instance that was killed, which would hold the work for a minute. */
void github_scene_free_lock(struct github_scene *scene);

/* The number of lines in both services' logs with these words. */
size_t github_scene_count_lines(struct github_scene *scene, const char *words);
void github_scene_wait_for_lines(struct github_scene *scene, const char *words, size_t count);

/* The jobs of this kind about the package, a JSON array that the caller owns. */
json_t *github_scene_jobs(struct github_scene *scene, const char *kind, const char *package);

/* Waits for the only one of them for the version (NULL: any), which must succeed; returns its id. */
const char *github_scene_expect_job(struct github_scene *scene, const char *kind, const char *package, const char *version);

#endif
