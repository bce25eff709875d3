/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For the tests of sources: a repository `lib.git` with one file and the tag v1.0.0 behind a git server, and functions to fetch
 * it in this process.
 */
#ifndef TESTS_UNIT_TOOLS_GIT_SOURCE_SCENE_H
#define TESTS_UNIT_TOOLS_GIT_SOURCE_SCENE_H

#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/folder.h"
#include "lib/tools/git/git_source.h"
#include "tests/support/git/git_fixture.h"
#include "tests/support/git/git_server.h"

enum { TEST_TIMEOUT_MS = 60000 };

struct scene {
    struct git_fixture git;
    struct git_server *server;
    struct git_source source; /* tests may change it */
    int64_t timeout_ms;
    char url[200];
    char work[200];
    char commit[GIT_COMMIT_MAX];
    int64_t committed_ms;
    struct error err;
};

static inline int set_up(void **state) {
    static struct scene scene;
    scene = (struct scene){.timeout_ms = TEST_TIMEOUT_MS};
    git_fixture_make(&scene.git);
    scene.server = git_server_start(scene.git.folder);
    snprintf(scene.url, sizeof scene.url, "%s/lib.git", git_server_url(scene.server));
    snprintf(scene.work, sizeof scene.work, "%s/fetched", scene.git.folder);
    scene.source = (struct git_source){
        .url = scene.url, .ref = "v1.0.0", .allow_private = true, .limit_bytes = 1000000, .limit_files = 100};
    git_script(&scene.git, "mkdir -p lib/src && echo one >lib/src/Main.purs && push_files lib.git && git -C lib tag v1.0.0 && "
                           "git -C lib push -q ../lib.git v1.0.0");
    *state = &scene;
    return 0;
}

static inline int tear_down(void **state) {
    struct scene *scene = *state;
    git_server_stop(scene->server);
    git_fixture_remove(&scene->git);
    return 0;
}

static inline enum status fetch(struct scene *scene) {
    struct deadline deadline;
    folder_remove(scene->work);
    assert_int_equal(mkdir(scene->work, 0755), 0);
    scene->err = (struct error){0};
    deadline_start(&deadline, scene->timeout_ms);
    return git_source_fetch(&scene->source, scene->work, &deadline, scene->commit, &scene->committed_ms, &scene->err);
}

static inline void assert_fetched(struct scene *scene) {
    if (fetch(scene)) fail_msg("%s", scene->err.message);
}

static inline void assert_refused(struct scene *scene, enum status status, const char *part_of_message) {
    assert_int_equal(fetch(scene), status);
    assert_int_equal(scene->err.status, status);
    if (!strstr(scene->err.message, part_of_message)) fail_msg("not in '%s': %s", scene->err.message, part_of_message);
}

static inline const char *content(struct scene *scene, const char *path) {
    return git_output(&scene->git, "cat 'fetched/tree/%s'", path);
}

/* Commits the changes that `script` makes in lib/, and tags them v1.0.0. */
static inline void change(struct scene *scene, const char *script) {
    git_script(&scene->git,
               "(cd lib; %s) && push_files lib.git && git -C lib tag -f v1.0.0 >/dev/null && "
               "git -C lib push -q -f ../lib.git v1.0.0",
               script);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
