/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests of updates of the package set: a whole server with build workers on a small registry that was made beforehand, with
 * a package set and all tarballs (tests/support/generated_registry.h).
 */
#ifndef TESTS_SUPPORT_SET_SCENE_H
#define TESTS_SUPPORT_SET_SCENE_H

#include "lib/store/redis/set_store.h"
#include "tests/support/generated_registry.h"
#include "tests/support/server/server_fixture.h"

struct manifest_index;
struct package_set;

#define SET_TOKEN "ghp_TheTokenOfTrusteesInTests0123456"

struct set_scene_options {
    const char *const *rows; /* as of small_registry_create() */
    size_t row_count;
    const char *members; /* `NAME VERSION …` of the set 1.0.0 for compiler 0.15.15; NULL: there is no set */
    /* Or, in place of these: an index, of which only the versions that may come into the set's successors are made. */
    const struct manifest_index *index;
    const struct package_set *set;
    const struct generated_extra *extras;
    size_t extra_count;
    int sleep_ms;                /* of the stand-in compiler, for each module */
    const char *programs;        /* as in struct server_options */
    const char *compilers;       /* the same */
    const char *const *settings; /* the same */
    const char *public_key;      /* pacchettibotti's, a line of OpenSSH; NULL: it has none */
    int workers;                 /* 0: one */
};

/* The caller frees it by set_scene_stop(). */
struct server *set_scene_start(const struct set_scene_options *options);
void set_scene_stop(struct server *server);

/* Makes a job like those of the service's own schedule, whose candidates are the update's own; returns its id. */
const char *set_scene_update(struct server *server);

/* Requests these changes, a payload `{compiler?, packages}`, as anybody, without a signature; returns the job's id. */
const char *set_scene_ask(struct server *server, const char *payload);

/* The same as a trustee. */
const char *set_scene_request(struct server *server, const char *payload);

/* Waits for the job's end, and fails unless it succeeded, or failed, and its log has these words (NULL: any). */
void set_scene_expect_done(struct server *server, const char *id, const char *words);
void set_scene_expect_failed(struct server *server, const char *id, const char *words);

/* The latest set is this version, with exactly these members, `NAME VERSION …` by name. */
void set_scene_expect_set(struct server *server, const char *version, const char *members);

/* Someone else's commit of a set with these members, for compiler 0.15.15; without members the set's file is removed. */
void set_scene_write_set(struct server *server, const char *version, const char *members);

/* The package's versions that are known to build with 0.15.14 are known to build with 0.15.15 instead. */
void set_scene_make_known(struct server *server, const char *package);

/* A trustee unpublishes version 1.0.0 of the package. */
void set_scene_unpublish(struct server *server, const char *package);

/* What the last update found out; in the server's arena. */
struct set_findings set_scene_findings(struct server *server);

/* What the last update decided about, as a hash (lib/store/redis/set_store.h). */
const char *set_scene_decided(struct server *server);

/* How many commits the registry repository has. */
size_t set_scene_commits(struct server *server);

/* The message of the newest commit of the registry repository, without its last paragraph, `Job ID: …`. */
const char *set_scene_message(struct server *server);

/* All builds so far, and the sums over them. */
struct set_scene_builds {
    size_t count;
    int64_t compiled_modules, own_modules;
};

struct set_scene_builds set_scene_builds(struct server *server);

#endif
