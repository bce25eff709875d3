/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Common setup of the tests of the registry's repositories: repositories in a temporary folder, on this disk or behind an http
 * server (most tests run with both), and edits.
 */
#ifndef TESTS_STORE_REPO_SCENE_H
#define TESTS_STORE_REPO_SCENE_H

#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/store/registry/registry_repo.h"
#include "tests/support/git/git_fixture.h"
#include "tests/support/git/git_server.h"

struct repo_scene {
    struct git_fixture git;
    struct git_server *server;            /* NULL: the repositories are on this disk */
    struct registry_repo_options options; /* of `repo` */
    struct registry_repo *repo;           /* data.git */
    struct registry_repo *index;          /* NULL if a test needs no second one */
    struct deadline deadline;
    struct error err;
};

/* Rows of a test program that has `set_up`, whose *state tells it which of the two to use, and `tear_down`. */
#define LOCAL(name)                                                                                                            \
    { #name "/on_this_disk", name, set_up, tear_down, NULL }
#define HTTP(name)                                                                                                             \
    { #name "/over_http", name, set_up, tear_down, (void *)"http" }
#define BOTH(name) LOCAL(name), HTTP(name)

static inline struct registry_repo_options repo_scene_options(struct repo_scene *scene, const char *name) {
    const char *base = scene->server ? git_server_url(scene->server) : scene->git.folder;
    return (struct registry_repo_options){.url = arena_format(&scene->git.arena, "%s/%s.git", base, name),
                                          .clone_folder =
                                              arena_format(&scene->git.arena, "%s/clones/%s.git", scene->git.folder, name)};
}

/* Opens a separate handle each time, as another process would. */
static inline struct registry_repo *repo_scene_open(struct repo_scene *scene, const char *name) {
    struct registry_repo *repo = NULL;
    struct registry_repo_options options = repo_scene_options(scene, name);
    if (registry_repo_open(&repo, &options, &scene->deadline, &scene->err)) fail_msg("%s", scene->err.message);
    return repo;
}

/* Opens `repo` by its options, or opens it again as a restarted process does. */
static inline enum status repo_scene_reopen(struct repo_scene *scene) {
    registry_repo_free(scene->repo);
    scene->repo = NULL;
    return registry_repo_open(&scene->repo, &scene->options, &scene->deadline, &scene->err);
}

/* Runs the script (tests/support/git/git_fixture.h), and starts a server in front of its repositories if `is_remote`; opens
 * nothing. */
static inline void repo_scene_start(struct repo_scene *scene, const char *script, bool is_local, int64_t timeout_ms) {
    *scene = (struct repo_scene){0};
    git_fixture_make(&scene->git);
    git_script(&scene->git, "%s", script);
    if (!is_local) scene->server = git_server_start(scene->git.folder);
    scene->options = repo_scene_options(scene, "data");
    deadline_start(&scene->deadline, timeout_ms);
}

static inline void repo_scene_stop(struct repo_scene *scene) {
    registry_repo_free(scene->index);
    registry_repo_free(scene->repo);
    git_server_stop(scene->server);
    git_fixture_remove(&scene->git);
}

/* Starts a scene and opens data.git; *state says where, and then is the scene. */
static inline int repo_scene_set_up(void **state, const char *script, int64_t timeout_ms) {
    static struct repo_scene scene;
    repo_scene_start(&scene, script, *state == NULL, timeout_ms);
    if (repo_scene_reopen(&scene)) fail_msg("%s", scene.err.message);
    *state = &scene;
    return 0;
}

static inline int repo_scene_tear_down(void **state) {
    repo_scene_stop(*state);
    return 0;
}

/* ---- Edits: functions for registry_change ---- */

/* Sets the file's content to the text `context`; NULL: removes the file. */
static inline enum status set_content(struct registry_edit *out, const struct registry_file *current, void *context,
                                      struct arena *arena, struct error *err) {
    (void)current, (void)arena, (void)err;
    const char *content = context;
    out->kind = content ? REGISTRY_WRITE : REGISTRY_REMOVE;
    out->content = (struct registry_file){.bytes = content, .length = content ? strlen(content) : 0};
    return STATUS_OK;
}

/* Adds a line. */
static inline enum status add_line(struct registry_edit *out, const struct registry_file *current, void *context,
                                   struct arena *arena, struct error *err) {
    (void)err;
    const char *whole = arena_format(arena, "%s%s\n", current->bytes ? current->bytes : "", (const char *)context);
    *out = (struct registry_edit){.kind = REGISTRY_WRITE, .content = {whole, strlen(whole)}};
    return STATUS_OK;
}

/* Adds a line, unless it is there. */
static inline enum status ensure_line(struct registry_edit *out, const struct registry_file *current, void *context,
                                      struct arena *arena, struct error *err) {
    if (!current->bytes || !strstr(current->bytes, context)) return add_line(out, current, context, arena, err);
    out->kind = REGISTRY_KEEP;
    return STATUS_OK;
}

static inline enum status refuse_edit(struct registry_edit *out, const struct registry_file *current, void *context,
                                      struct arena *arena, struct error *err) {
    (void)out, (void)current, (void)context, (void)arena;
    return error_set(err, STATUS_REFUSED, "It cannot be.");
}

#endif
