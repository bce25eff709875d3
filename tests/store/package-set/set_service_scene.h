/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests of the package-set service's answers, without its process: a redis-server for all tests of a program, and for each
 * a service on the git repositories of a registry that is written down as rows, or of the real one.
 */
#ifndef TESTS_STORE_PACKAGE_SET_SET_SERVICE_SCENE_H
#define TESTS_STORE_PACKAGE_SET_SET_SERVICE_SCENE_H

#include "tests/store/fixture.h"

#include <unistd.h>

#include "services/package-set/package_set_service.h"
#include "tests/support/generated_registry.h"
#include "tests/support/git/git_fixture.h"
#include "tests/support/small_registry.h"

struct set_service_scene {
    struct fixture f; /* first: tests/store/fixture.h casts */
    struct git_fixture git;
    struct package_set_service service;
    struct message answer;
};

static inline int start_set_scene(void **state) {
    struct set_service_scene *s = memory_alloc(sizeof *s);
    s->f.server = redis_server_start();
    connect_fixture(&s->f);
    *state = s;
    return 0;
}

/* Before each test; it opens a service by one of the functions below, after it has set what it wants in the environment. */
static inline int empty_set_scene(void **state) {
    struct set_service_scene *s = *state;
    empty_fixture(state);
    git_fixture_make(&s->git);
    s->service = (struct package_set_service){.folder_claim = -1};
    setenv("PACKAGE_SET_TIME", "never", true);
    setenv("PACKAGE_SET_AFTER_MS", "0", true);
    return 0;
}

static inline int close_set_scene(void **state) {
    struct set_service_scene *s = *state;
    package_set_service_release(&s->service);
    git_fixture_remove(&s->git);
    return 0;
}

#define set_scene_test(name) cmocka_unit_test_setup_teardown(name, empty_set_scene, close_set_scene)

/* On registry.git and registry-index.git in the scene's folder. */
static inline void open_set_service(struct set_service_scene *s) {
    struct fixture *f = &s->f;
    setenv("STATE_DIR", s->git.folder, true);
    setenv("REDIS_URL", redis_server_url(f->server), true);
    assert_ok(settings_load(&s->service.settings, PROGRAM_PACKAGE_SET, &f->err));
    assert_ok(package_set_service_init(&s->service, &f->err));
}

/* Rows as of small_registry_create(); `members`: of the set 1.0.0 for compiler 0.15.15, NULL: there is none. */
static inline void open_small_registry(struct set_service_scene *s, const char *const *rows, size_t row_count,
                                       const char *members) {
    struct fixture *f = &s->f;
    struct package_set set = {0};
    struct generated_registry_counts counts;
    if (members) set = small_package_set(members, &f->arena);
    const struct generated_registry_options options = {
        .seed = 1, .thread_count = 1, .sets = &set, .set_count = members != NULL};
    struct manifest_index *index = small_registry_create(rows, row_count);
    const char *folder = git_fixture_file(&s->git, "made");
    assert_ok(generated_registry_make(folder, index, &options, &counts, &f->err));
    git_script(&s->git, "mv made/*.git .");
    manifest_index_free(index);
    open_set_service(s);
}

#define OPEN_SMALL_REGISTRY(s, members, ...)                                                                                   \
    open_small_registry(s, (const char *const[]){__VA_ARGS__},                                                                 \
                        sizeof(const char *const[]){__VA_ARGS__} / sizeof(const char *), members)

/* False, and a message on standard output, if there is no such data. */
static inline bool open_real_registry(struct set_service_scene *s) {
    static const char make_repos[] = SOURCE_DIR "/../shared/data/make-repos";
    if (access(make_repos, X_OK) != 0) {
        printf("There is no %s.\n", make_repos);
        return false;
    }
    git_script(&s->git, "%s . >made.log 2>&1", make_repos);
    open_set_service(s);
    return true;
}

#endif
