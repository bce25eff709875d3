/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: a server that knows pacchettibotti's key, an owner of packages and a stranger, and the requests that they sign.
 */
#ifndef TESTS_SUPPORT_OWNERS_SCENE_H
#define TESTS_SUPPORT_OWNERS_SCENE_H

#include "tests/support/owner_key.h"
#include "tests/support/server/server_fixture.h"

#define ROUTE_UNPUBLISH "/api/v1/unpublish"
#define ROUTE_TRANSFER "/api/v1/transfer"

struct owners_scene {
    char folder[64];
    struct arena arena;                                    /* of the keys */
    struct owner_key_pair owner, stranger, pacchettibotti; /* ed25519 */
    struct server *server;
};

/* `options` as server_start() takes them, without NULL; the bot's keys are added to the settings. */
void owners_scene_start(struct owners_scene *scene, const struct server_options *options);
void owners_scene_stop(struct owners_scene *scene);
int owners_scene_tear_down(void **state); /* stops the scene in *state, after a group of tests */

/* Publishes the package with these owners (a JSON array; NULL: none). */
void owners_scene_publish(struct owners_scene *scene, const char *name, const char *version, const char *owners);
const char *owners_of(struct owners_scene *scene, const struct owner_key_pair *key); /* the array with this one */

/* Payloads, in the server's arena; a location is `OWNER/REPO` at GitHub. */
const char *unpublish_payload(struct owners_scene *scene, const char *name, const char *version);
const char *transfer_payload(struct owners_scene *scene, const char *name, const char *repository);

/* Posts the payload, signed with the key. The one with `expect` in its name also waits for the job's success and returns its
 * id. */
struct server_accepted owners_scene_send(struct owners_scene *scene, const char *route, const char *payload,
                                         const struct owner_key_pair *key);
const char *owners_scene_expect_done(struct owners_scene *scene, const char *route, const char *payload,
                                     const struct owner_key_pair *key);

/* The job fails with all of `words` (NULL at the end) in the last line of its log, and has changed no byte of repositories and
 * storage. Returns the job's id. */
const char *owners_scene_expect_refused(struct owners_scene *scene, const char *route, const char *payload,
                                        const char *signature, const char *const *words);

/* Starts the service again with READONLY, or without it. */
void owners_scene_set_readonly(struct owners_scene *scene, enum server_program program, bool is_readonly);

/* The package's metadata; the caller owns it. The one with `write` in its name replaces it by a commit of another author. */
json_t *owners_scene_metadata(struct owners_scene *scene, const char *name);
void owners_scene_write_metadata(struct owners_scene *scene, const char *name, const json_t *metadata);

/* Changes a version's time of publication in the metadata, by a commit of another author. */
void owners_scene_backdate(struct owners_scene *scene, const char *name, const char *version, int64_t published_ms);

#endif
