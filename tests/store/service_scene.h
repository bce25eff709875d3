/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Common setup of the tests of services that change published packages (services/publish, services/transfer), without their
 * processes: the job store's fixture, both repositories with the versions that a test lists, the keys of owners, and a job
 * runner with the service's handlers. The service itself is added by tests/store/publish/publish_scene.h and the like, which
 * have a struct service_scene as their first field.
 */
#ifndef TESTS_STORE_SERVICE_SCENE_H
#define TESTS_STORE_SERVICE_SCENE_H

#include "tests/store/fixture.h"

#include "lib/base/text.h"
#include "lib/domain/registry/index_file.h"
#include "lib/domain/registry/metadata.h"
#include "lib/service/job/job_runner.h"
#include "lib/store/redis/events.h"
#include "tests/support/git/bare_repository.h"
#include "tests/support/owner_key.h"
#include "tests/support/server/server_fixture.h"
#include "tests/support/shell.h"
#include "tests/support/small_registry.h"
#include "tests/support/temporary_folder.h"

struct service_scene {
    struct fixture f;                     /* first: tests/store/fixture.h casts */
    struct temporary_folder group_folder; /* of all tests of a program */
    struct arena group_arena;
    struct owner_key_pair owner, stranger, pacchettibotti; /* ed25519 */
    struct temporary_folder folder;                        /* of one test: STATE_DIR */
    const char *registry, *index;                          /* the repositories */
    struct job_runner *runner;
};

/* ---- Beginning and end ---- */

static inline void scene_start(struct service_scene *s) {
    s->f.server = redis_server_start();
    connect_fixture(&s->f);
    temporary_folder_make(&s->group_folder);
    s->owner = owner_key_make(&s->group_arena, s->group_folder.path, "owner", "-t ed25519", "owner");
    s->stranger = owner_key_make(&s->group_arena, s->group_folder.path, "stranger", "-t ed25519", "stranger");
    s->pacchettibotti =
        owner_key_make(&s->group_arena, s->group_folder.path, "bot", "-t ed25519", "pacchettibotti@purescript.org");
}

static inline void scene_stop(struct service_scene *s) {
    temporary_folder_remove(&s->group_folder);
    arena_release(&s->group_arena);
}

/* Before each test: two empty repositories, and the settings that all services have. */
static inline void scene_open(struct service_scene *s) {
    void *state = s;
    empty_fixture(&state);
    temporary_folder_make(&s->folder);
    s->registry = arena_format(&s->f.arena, "%s/registry.git", s->folder.path);
    s->index = arena_format(&s->f.arena, "%s/registry-index.git", s->folder.path);
    bare_repository_make_first(s->registry);
    bare_repository_make_first(s->index);
    setenv("STATE_DIR", s->folder.path, true);
    setenv("REDIS_URL", redis_server_url(s->f.server), true);
    setenv("PENDING_SCAN_MS", "20", true);
    setenv("PACCHETTIBOTTI_ED25519_PUB",
           hash_base64_encode(&s->f.arena, s->pacchettibotti.line, strlen(s->pacchettibotti.line)), true);
    const char *key = read_file(&s->f.arena, s->pacchettibotti.path);
    setenv("PACCHETTIBOTTI_ED25519", hash_base64_encode(&s->f.arena, key, strlen(key)), true);
}

static inline void scene_stop_runner(struct service_scene *s) {
    job_runner_free(s->runner, PATIENCE_MS);
    s->runner = NULL;
}

static inline void scene_start_runner(struct service_scene *s, const struct settings *settings, int slots,
                                      const struct job_handler *handlers, void *context) {
    struct fixture *f = &s->f;
    assert_ok(job_runner_create(&s->runner, settings, "test", slots, handlers, context, &f->err));
}

/* After each test; the runner and then the service must have been released. */
static inline void scene_close(struct service_scene *s) {
    temporary_folder_remove(&s->folder);
}

/* ---- The registry ---- */

#define SCENE_HASH "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

/* A version that others have published, built with 0.15.15. */
struct listed_version {
    const char *name, *version;
    const char *dependencies; /* `NAME RANGE, …` (tests/support/small_registry.h); NULL: none */
    const char *owners;       /* of the package from this version on, a JSON array; NULL: none */
    const char *hash;         /* of its tarball; NULL: SCENE_HASH, of a tarball that does not exist */
    int64_t size_bytes;
    int64_t age_ms; /* published this long ago */
};

static inline const char *metadata_path(struct service_scene *s, const char *name) {
    return arena_format(&s->f.arena, "metadata/%s.json", name);
}

static inline const char *index_path(struct service_scene *s, const char *name) {
    char path[INDEX_PATH_MAX];
    index_file_path(name, path);
    return arena_copy(&s->f.arena, path);
}

/* The files at the head of the repositories; NULL if there is none. */
static inline const char *metadata_file(struct service_scene *s, const char *name) {
    return bare_repository_read(s->registry, metadata_path(s, name), &s->f.arena);
}

static inline const char *index_file(struct service_scene *s, const char *name) {
    return bare_repository_read(s->index, index_path(s, name), &s->f.arena);
}

/* Commits one file as another author; NULL removes it. */
static inline void write_registry_file(struct service_scene *s, const char *name, const char *content) {
    bare_repository_write(s->registry, metadata_path(s, name), content, "stranger");
}

static inline void write_index_file(struct service_scene *s, const char *name, const char *content) {
    bare_repository_write(s->index, index_path(s, name), content, "stranger");
}

/* Empty, with a new location, if the package is not there. */
static inline struct metadata read_metadata(struct service_scene *s, const char *name) {
    struct fixture *f = &s->f;
    struct metadata metadata = {.location = {.kind = LOCATION_GITHUB,
                                             .github_owner = PACKAGE_OWNER,
                                             .github_repo = arena_format(&f->arena, "purescript-%s", name)}};
    const char *file = metadata_file(s, name);
    if (file) assert_ok(metadata_parse(&metadata, file, strlen(file), &f->arena, &f->err));
    return metadata;
}

static inline void write_metadata(struct service_scene *s, const char *name, const struct metadata *metadata) {
    struct text text = {0};
    metadata_append_file(&text, metadata);
    write_registry_file(s, name, text_view(&text));
    text_release(&text);
}

static inline struct owners read_owners(struct service_scene *s, const char *json) {
    struct fixture *f = &s->f;
    struct owners owners = {0};
    json_t *list = json_loads(json, 0, NULL);
    assert_non_null(list);
    assert_ok(owners_read(&owners, list, &f->arena, &f->err));
    json_decref(list);
    return owners;
}

/* Adds it to both repositories. */
static inline void list_version(struct service_scene *s, const struct listed_version *listed) {
    struct fixture *f = &s->f;
    struct metadata metadata = read_metadata(s, listed->name);
    struct version compiler = {0, 15, 15};
    struct published_version published = {.size_bytes = listed->size_bytes ? listed->size_bytes : 1000,
                                          .compilers = &compiler,
                                          .compiler_count = 1,
                                          .hash = listed->hash ? listed->hash : SCENE_HASH,
                                          .published_ms = clock_now_ms() - listed->age_ms,
                                          .ref = ""};
    struct manifest manifest =
        small_registry_manifest(listed->name, listed->version, listed->dependencies ? listed->dependencies : "", &f->arena);
    published.version = manifest.version;
    manifest.location = metadata.location;
    assert_ok(metadata_add_published(&metadata, &published, &f->arena, &f->err));
    metadata.owners = listed->owners ? read_owners(s, listed->owners) : (struct owners){0};
    write_metadata(s, listed->name, &metadata);
    const char *before = index_file(s, listed->name);
    struct text text = {0};
    assert_ok(index_file_put(&text, before ? before : "", before ? strlen(before) : 0, &manifest, &f->err));
    write_index_file(s, listed->name, text_view(&text));
    text_release(&text);
}

static inline const char *owners_of_key(struct service_scene *s, const struct owner_key_pair *key) {
    return arena_format(&s->f.arena, "[%s]", key->json);
}

/* Both heads, to check that nothing was committed. */
static inline const char *heads_of(struct service_scene *s) {
    return arena_format(&s->f.arena, "registry=%s index=%s", bare_repository_head(s->registry, &s->f.arena),
                        bare_repository_head(s->index, &s->f.arena));
}

/* ---- Jobs ---- */

/* The payload as `key` signs it. */
static inline struct job_request signed_job(struct service_scene *s, enum job_kind kind, const char *package,
                                            const char *payload, const struct owner_key_pair *key) {
    struct arena *arena = &s->f.arena;
    struct job_request request = {.kind = kind,
                                  .package = package,
                                  .version = kind == JOB_KIND_UNPUBLISH ? "1.0.0" : NULL,
                                  .actor = "anonymous",
                                  .payload = signed_request_body(arena, payload, owner_key_sign(arena, key, payload))};
    hash_random_uuid(request.id);
    return request;
}

/* The same request by a trustee, which has no signature. */
static inline struct job_request trustee_job(struct service_scene *s, enum job_kind kind, const char *package,
                                             const char *payload, const char *reason) {
    struct job_request request = signed_job(s, kind, package, payload, &s->stranger);
    request.payload = signed_request_body(&s->f.arena, payload, "");
    request.actor = "a-trustee";
    request.issue = "7";
    request.reason = reason;
    request.authority = JOB_AUTHORITY_TRUSTEE;
    request.credential = "github token of a-trustee";
    return request;
}

/* The lines of the job's log as `LEVEL message`, one below the other. */
static inline const char *log_of(struct service_scene *s, const char *id) {
    return print_log(&s->f, id, true);
}

static inline void expect_line(struct service_scene *s, const char *id, const char *words) {
    const char *log = log_of(s, id);
    if (!strstr(log, words)) fail_msg("There is no \"%s\" in\n%s", words, log);
}

static inline void expect_no_line(struct service_scene *s, const char *id, const char *words) {
    const char *log = log_of(s, id);
    if (strstr(log, words)) fail_msg("There is \"%s\" in\n%s", words, log);
}

static inline void await_line(struct service_scene *s, const char *id, const char *words) {
    for (int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS; !strstr(log_of(s, id), words); wait_ms(5))
        if (clock_monotonic_ms() > until_ms) fail_msg("There is no \"%s\" in\n%s", words, log_of(s, id));
}

static inline struct job expect_success(struct service_scene *s, const char *id) {
    const struct job job = await_end(&s->f, id);
    if (job.state != JOB_STATE_SUCCEEDED) fail_msg("The job has failed:\n%s", log_of(s, id));
    return job;
}

/* Accepts the job, and notifies the runner. */
static inline void begin_job(struct service_scene *s, const struct job_request *request) {
    accept_job(&s->f, request);
    job_runner_announce(s->runner, request->id);
}

/* Also waits for its success. */
static inline struct job run_to_success(struct service_scene *s, const struct job_request *request) {
    begin_job(s, request);
    return expect_success(s, request->id);
}

/* The job must fail with an error that has `words` and is the last line of its log, and commit nothing. */
static inline struct job run_to_refusal(struct service_scene *s, const struct job_request *request, const char *words) {
    const char *before = heads_of(s);
    begin_job(s, request);
    const struct job job = await_end(&s->f, request->id);
    if (job.state != JOB_STATE_FAILED) fail_msg("The job has succeeded:\n%s", log_of(s, request->id));
    if (!strstr(job.error, words))
        fail_msg("There is no \"%s\" in\n%s\nwhich follows\n%s", words, job.error, log_of(s, request->id));
    int length = (int)strlen(job.error);
    while (length > 0 && job.error[length - 1] == '\n') /* as in the log */
        length--;
    const char *log = log_of(s, request->id), *last = arena_format(&s->f.arena, "ERROR %.*s", length, job.error);
    if (!text_ends_with(log, last)) fail_msg("\"%s\" is not the end of\n%s", last, log);
    assert_string_equal(heads_of(s), before);
    return job;
}

/* All events that were not read yet. */
static inline size_t read_events(struct service_scene *s, struct event **events) {
    struct fixture *f = &s->f;
    size_t count = 0;
    assert_ok(
        events_read(f->store, &(struct event_consumer){"test", "test", LEASE_MS}, 0, 100, &f->arena, events, &count, &f->err));
    return count;
}

/* Leaves the job in the state in which a service leaves it that is killed right after the record. No runner may run. */
static inline void leave_record(struct service_scene *s, const struct job_request *request, const char *record) {
    struct fixture *f = &s->f;
    accept_job(f, request);
    const struct lease lease = claim_job(f, request->id);
    assert_ok(job_store_record(f->store, &lease, record, &f->err));
    assert_ok(job_store_release(f->store, &lease, &f->err));
}

#endif
