/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Common setup of the tests of services/publish: tests/store/service_scene.h, the service's state in this process, the
 * stand-ins of the compiler, as 0.15.14 and 0.15.15, and of licensee, sources in git repositories, storage in a folder.
 * Pursuit's address has no server.
 */
#ifndef TESTS_STORE_PUBLISH_PUBLISH_SCENE_H
#define TESTS_STORE_PUBLISH_PUBLISH_SCENE_H

#include "tests/store/service_scene.h"

#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/folder.h"
#include "services/publish/publish_service.h"
#include "tests/support/package_source.h"

enum { PROGRAM_BYTES_MAX = 100000000 };

struct publish_scene {
    struct service_scene s; /* first: tests/store/service_scene.h casts */
    struct publish_service service;
};

static const struct job_handler publish_handlers[] = {
    {JOB_KIND_PUBLISH, publish_job_run}, {JOB_KIND_UNPUBLISH, unpublish_job_run}, {0}};

/* ---- Beginning and end ---- */

static inline void install(struct publish_scene *p, const char *program, const char *path) {
    struct fixture *f = &p->s.f;
    struct text bytes = {0};
    assert_ok(file_read(program, PROGRAM_BYTES_MAX, &bytes, &f->err));
    temporary_folder_write_bytes(&p->s.group_folder, path, bytes.bytes, bytes.length);
    assert_int_equal(chmod(arena_format(&p->s.group_arena, "%s/%s", p->s.group_folder.path, path), 0755), 0);
    text_release(&bytes);
}

static inline int start_publish(void **state) {
    struct publish_scene *p = memory_alloc(sizeof *p);
    scene_start(&p->s);
    install(p, BUILD_DIR "/bin/purs-stand-in", "compilers/purs-0_15_14");
    install(p, BUILD_DIR "/bin/purs-stand-in", "compilers/purs-0_15_15");
    install(p, BUILD_DIR "/stand-ins/licensee", "licensee/licensee");
    setenv("REGISTRY_COMPILERS", arena_format(&p->s.group_arena, "%s/compilers", p->s.group_folder.path), true);
    setenv("PATH", arena_format(&p->s.group_arena, "%s/licensee:%s", p->s.group_folder.path, getenv("PATH")), true);
    setenv("SOURCE_ALLOW_PRIVATE", "true", true);
    setenv("SOURCE_RETRY_MS", "1", true);
    setenv("PURSUIT_API_URL", "http://127.0.0.1:9", true);
    *state = p;
    return 0;
}

static inline int stop_publish(void **state) {
    struct publish_scene *p = *state;
    scene_stop(&p->s);
    return stop_fixture(state);
}

/* Before each test of the service itself, or of the state left by an earlier run. */
static inline int open_publish(void **state) {
    struct publish_scene *p = *state;
    struct fixture *f = &p->s.f;
    scene_open(&p->s);
    setenv("GITHUB_GIT_URL", arena_format(&f->arena, "file://%s/sources", p->s.folder.path), true);
    p->service = (struct publish_service){.accepts_no_sandbox = server_sandbox_option() != NULL};
    assert_ok(settings_load(&p->service.settings, PROGRAM_PUBLISH, &f->err));
    assert_ok(publish_service_init(&p->service, &f->err));
    return 0;
}

static inline void start_publish_runner(struct publish_scene *p) {
    scene_start_runner(&p->s, &p->service.settings, 2, publish_handlers, &p->service);
}

/* Before each other test. */
static inline int open_publish_runner(void **state) {
    open_publish(state);
    start_publish_runner(*state);
    return 0;
}

/* After each test. */
static inline int close_publish(void **state) {
    struct publish_scene *p = *state;
    scene_stop_runner(&p->s);
    publish_service_release(&p->service);
    scene_close(&p->s);
    return 0;
}

#define publish_test(name) cmocka_unit_test_setup_teardown(name, open_publish_runner, close_publish)
#define publish_test_without_runner(name) cmocka_unit_test_setup_teardown(name, open_publish, close_publish)

/* ---- Jobs ---- */

/* Commits the package's source, and tags it vVERSION. */
static inline void push_source(struct publish_scene *p, const struct package *package) {
    package_push(arena_format(&p->s.f.arena, "%s/sources", p->s.folder.path), package);
}

static inline struct job_request publish_job(const char *name, const char *version, const char *payload) {
    struct job_request request = {
        .kind = JOB_KIND_PUBLISH, .package = name, .version = version, .actor = "anonymous", .payload = payload};
    hash_random_uuid(request.id);
    return request;
}

/* The default request for a package, with a location and the compiler 0.15.15. */
static inline struct job_request request_of(struct publish_scene *p, const struct package *package) {
    return publish_job(package->name, package->version, package_request(&p->s.f.arena, package));
}

/* A request without location, compiler and resolutions, with the further fields `more`, each of which begins with a comma. */
static inline struct job_request short_request(struct publish_scene *p, const struct package *package, const char *more) {
    return publish_job(package->name, package->version,
                       arena_format(&p->s.f.arena, "{\"name\":\"%s\",\"version\":\"%s\",\"ref\":\"v%s\"%s}", package->name,
                                    package->version, package->version, more));
}

/* Pushes the source and publishes it. */
static inline struct job publish_package(struct publish_scene *p, const struct package *package) {
    push_source(p, package);
    const struct job_request request = request_of(p, package);
    return run_to_success(&p->s, &request);
}

/* ---- The state outside ---- */

static inline const char *tarball_path(struct publish_scene *p, const char *name, const char *version) {
    return arena_format(&p->s.f.arena, "%s/storage/%s/%s.tar.gz", p->s.folder.path, name, version);
}

static inline bool is_stored(struct publish_scene *p, const char *name, const char *version) {
    return access(tarball_path(p, name, version), F_OK) == 0;
}

/* `out` is released by the caller. */
static inline void read_tarball(struct publish_scene *p, const char *name, const char *version, struct text *out) {
    struct fixture *f = &p->s.f;
    assert_ok(file_read(tarball_path(p, name, version), PROGRAM_BYTES_MAX, out, &f->err));
}

/* NULL: that version is not published. */
static inline const struct published_version *find_published(struct publish_scene *p, const char *name, const char *version) {
    struct fixture *f = &p->s.f;
    struct metadata *metadata = arena_alloc(&f->arena, sizeof *metadata);
    struct version parsed;
    *metadata = read_metadata(&p->s, name);
    assert_ok(version_parse(&parsed, version, &f->err));
    return metadata_find_published(metadata, parsed);
}

static inline bool is_empty_folder(const char *path) {
    return rmdir(path) == 0 && mkdir(path, 0755) == 0;
}

/* Waits until nothing of a job is left in WORK_DIR: neither folders of runs (removed after the job's end) nor tarballs. */
static inline void expect_no_work(struct publish_scene *p) {
    static const char *const folders[] = {"runs", "tarballs"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        const char *path = arena_format(&p->s.f.arena, "%s/%s", p->service.settings.work_dir, folders[i]);
        for (int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS; !is_empty_folder(path); wait_ms(5))
            if (clock_monotonic_ms() > until_ms) fail_msg("%s is not empty", path);
    }
}

#endif
