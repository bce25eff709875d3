/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/set_scene.h"

#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"
#include "lib/domain/matrix/work_order.h"
#include "lib/domain/registry/manifest_index.h"
#include "lib/store/job/job_store.h"
#include "tests/support/registry_check.h"
#include "tests/support/shell.h"
#include "tests/support/small_registry.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/trustee_call.h"

enum { STORE_TIMEOUT_MS = 10000, PAGE = 100, POLL_MS = 50, END_PATIENCE_MS = 10 * 60 * 1000 };

/* ---- The server ---- */

/* A member of the set, a newer version, or one of a package that is not in it, known to build with the set's compiler. */
static bool may_be_in_a_set(void *context, const char *name, struct version version) {
    const struct set_scene_options *options = context;
    const struct package_version *member = package_versions_find(&options->set->packages, name);
    if (member && version_compare(version, member->version) <= 0) return version_equal(version, member->version);
    return metadata_has_compiler(manifest_index_find_metadata(options->index, name), version, options->set->compiler);
}

/* Makes the registry, and beside it the program `make`, which copies it. */
static void make_registry(const struct temporary_folder *folder, const struct set_scene_options *options) {
    struct arena arena = {0};
    struct package_set set = {0};
    struct generated_registry_counts counts;
    struct error err = {0};
    if (options->members) set = small_package_set(options->members, &arena);
    if (options->set) set = *options->set;
    const struct generated_registry_options generated = {.seed = 1,
                                                         .thread_count = 1,
                                                         .sleep_ms = options->sleep_ms,
                                                         .is_kept = options->set ? may_be_in_a_set : NULL,
                                                         .context = (void *)options,
                                                         .extras = options->extras,
                                                         .extra_count = options->extra_count,
                                                         .sets = &set,
                                                         .set_count = options->members || options->set};
    struct manifest_index *small = options->index ? NULL : small_registry_create(options->rows, options->row_count);
    if (generated_registry_make(folder->path, small ? small : options->index, &generated, &counts, &err))
        fail_msg("%s", err.message);
    manifest_index_free(small);
    const char *script =
        arena_format(&arena, "#!/bin/sh\ncd '%s' && cp -a registry.git registry-index.git storage \"$1\"\n", folder->path);
    temporary_folder_write(folder, "make", script);
    shell_run("chmod 755 '%s/make'", folder->path);
    arena_release(&arena);
}

/* Nothing happens by itself unless the test's settings, which come first and win, ask for it. */
static const char *const quiet[] = {"PACKAGE_SET_TIME=never", "PACKAGE_SET_AFTER_MS=0", "MATRIX_SWEEP_JOBS=0",
                                    "PENDING_SCAN_MS=200"};
enum { QUIET = sizeof quiet / sizeof quiet[0], SETTINGS_MAX = 32 };

static void list_settings(const char *out[SETTINGS_MAX], const char *const *first) {
    size_t count = 0;
    while (first && *first && count < SETTINGS_MAX - QUIET - 1)
        out[count++] = *first++;
    for (size_t i = 0; i < QUIET; i++)
        out[count++] = quiet[i];
    out[count] = NULL;
}

struct server *set_scene_start(const struct set_scene_options *options) {
    const char *settings[SETTINGS_MAX];
    list_settings(settings, options->settings);
    struct temporary_folder folder;
    struct arena arena = {0};
    char digest[SHA256_HEX_MAX];
    temporary_folder_make(&folder);
    make_registry(&folder, options);
    hash_sha256_hex(SET_TOKEN, strlen(SET_TOKEN), digest);
    const char *key = options->public_key ? options->public_key : "";
    const char *const gateway[] = {
        arena_format(&arena, "PACCHETTIBOTTI_TOKEN_SHA256=%s", digest),
        arena_format(&arena, "PACCHETTIBOTTI_ED25519_PUB=%s", hash_base64_encode(&arena, key, strlen(key))), NULL};
    struct server *server =
        server_start(&(struct server_options){.workers = options->workers ? options->workers : 1,
                                              .programs = options->programs,
                                              .settings = settings,
                                              .gateway_settings = gateway,
                                              .compilers = options->compilers ? options->compilers : "0_15_15 0_15_16",
                                              .make_repositories = arena_format(&arena, "%s/make", folder.path)});
    temporary_folder_remove(&folder);
    arena_release(&arena);
    return server;
}

void set_scene_stop(struct server *server) {
    server_stop(server);
}

/* ---- Updates ---- */

static struct job_store *open_store(struct server *server) {
    struct job_store *store;
    struct error err = {0};
    if (job_store_create(&store, redis_server_url(server->redis), STORE_TIMEOUT_MS, &err)) fail_msg("%s", err.message);
    return store;
}

const char *set_scene_ask(struct server *server, const char *payload) {
    struct job_store *store = open_store(server);
    struct error err = {0};
    struct job_accepted accepted;
    struct job_request request = {.kind = JOB_KIND_PACKAGE_SET, .payload = payload, .actor = "anonymous"};
    hash_random_uuid(request.id);
    if (job_store_accept(store, &request, NULL, &accepted, &err)) fail_msg("%s", err.message);
    job_store_free(store);
    return arena_copy(&server->arena, accepted.id);
}

const char *set_scene_update(struct server *server) {
    return set_scene_ask(server, "{\"packages\":{}}");
}

const char *set_scene_request(struct server *server, const char *payload) {
    return trustee_expect_job(server, SET_TOKEN, trustee_body(server, "package-set", payload, "a-trustee", NULL));
}

/* The whole build of a large set takes minutes on a busy machine. */
static void wait_for_end(struct server *server, const char *id) {
    const char *path = arena_format(&server->arena, "/status/%s", id);
    for (int64_t until_ms = clock_monotonic_ms() + END_PATIENCE_MS; clock_monotonic_ms() < until_ms; clock_sleep_ms(POLL_MS)) {
        json_t *status = server_get(server, path);
        bool has_ended = json_object_get(status, "finishedAt");
        json_decref(status);
        if (has_ended) return;
    }
}

static void expect_ended(struct server *server, const char *id, const char *state, const char *words) {
    wait_for_end(server, id);
    json_t *job = server_wait_for_job(server, id);
    const char *log = server_log_text(server, job);
    bool has_succeeded = json_is_true(json_object_get(job, "success"));
    bool is_so = has_succeeded == text_equal(state, "succeeded"), has_words = !words || strstr(log, words);
    if (!is_so || !has_words) fprintf(stderr, "The log of %s:\n%s\n", id, log); /* too long for cmocka */
    if (!is_so) fail_msg("the job %s has not %s", id, state);
    if (!has_words) fail_msg("the log of %s has no \"%s\"", id, words);
    json_decref(job);
}

void set_scene_expect_done(struct server *server, const char *id, const char *words) {
    expect_ended(server, id, "succeeded", words);
}

void set_scene_expect_failed(struct server *server, const char *id, const char *words) {
    expect_ended(server, id, "failed", words);
}

/* ---- The repository ---- */

void set_scene_expect_set(struct server *server, const char *version, const char *members) {
    struct package_set set;
    struct text found = {0};
    struct error err = {0};
    const char *newest =
        shell_output(&server->arena, "git -C '%s/" REGISTRY_REPO "' ls-tree --name-only HEAD package-sets/ | sort -V | tail -1",
                     server->folder);
    const char *path = arena_format(&server->arena, "package-sets/%s.json", version);
    if (strncmp(newest, path, strlen(path)) != 0) fail_msg("the latest set is %s, not %s", newest, path);
    const char *file = registry_file(server, REGISTRY_REPO, path);
    if (package_set_parse(&set, file, strlen(file), &server->arena, &err)) fail_msg("%s: %s", path, err.message);
    for (size_t i = 0; i < set.packages.count; i++) {
        char printed[VERSION_TEXT_MAX];
        version_print(set.packages.items[i].version, printed);
        text_append_format(&found, "%s%s %s", i ? " " : "", set.packages.items[i].name, printed);
    }
    assert_string_equal(text_view(&found), members);
    text_release(&found);
}

void set_scene_write_set(struct server *server, const char *version, const char *members) {
    struct package_set set = small_package_set(members ? members : "", &server->arena);
    struct text file = {0};
    assert_int_equal(version_parse(&set.version, version, NULL), STATUS_OK);
    package_set_append_file(&file, &set);
    registry_write(server, REGISTRY_REPO, arena_format(&server->arena, "package-sets/%s.json", version),
                   members ? file.bytes : NULL);
    text_release(&file);
}

void set_scene_make_known(struct server *server, const char *package) {
    const char *path = arena_format(&server->arena, "metadata/%s.json", package);
    char *file = registry_file(server, REGISTRY_REPO, path);
    for (char *at = file; (at = strstr(at, "0.15.14"));)
        memcpy(at, "0.15.15", strlen("0.15.15"));
    registry_write(server, REGISTRY_REPO, path, file);
}

void set_scene_unpublish(struct server *server, const char *package) {
    const char *payload = arena_format(&server->arena, "{\"name\":\"%s\",\"version\":\"1.0.0\"}", package);
    server_expect_success(
        server, trustee_expect_job(server, SET_TOKEN, trustee_body(server, "unpublish", payload, "a-trustee", "A test.")));
}

static void read_findings(struct server *server, struct set_findings *findings, struct set_update_state *update) {
    struct job_store *store = open_store(server);
    struct error err = {0};
    if (set_findings_read(store, findings, update, &server->arena, &err)) fail_msg("%s", err.message);
    job_store_free(store);
}

struct set_findings set_scene_findings(struct server *server) {
    struct set_findings findings;
    struct set_update_state update;
    read_findings(server, &findings, &update);
    return findings;
}

const char *set_scene_decided(struct server *server) {
    struct set_findings findings;
    struct set_update_state update;
    read_findings(server, &findings, &update);
    return arena_copy(&server->arena, update.candidates);
}

size_t set_scene_commits(struct server *server) {
    return (size_t)atoi(shell_output(&server->arena, "git -C '%s/" REGISTRY_REPO "' rev-list --count HEAD", server->folder));
}

const char *set_scene_message(struct server *server) {
    char *message = shell_output(&server->arena, "git -C '%s/" REGISTRY_REPO "' log -1 --format=%%B", server->folder);
    char *last = strstr(message, "\n\nJob ID: ");
    if (!last) fail_msg("a message without a job:\n%s", message);
    *last = '\0';
    return message;
}

static void add_build(struct set_scene_builds *builds, const struct job *job, struct arena *arena) {
    struct build_result result;
    struct error err;
    builds->count++;
    if (!job->result) return;
    if (build_result_parse(&result, job->result, strlen(job->result), arena, &err)) fail_msg("%s", err.message);
    builds->compiled_modules += result.compiled_modules;
    builds->own_modules += result.own_modules;
}

struct set_scene_builds set_scene_builds(struct server *server) {
    struct set_scene_builds builds = {0};
    struct job_store *store = open_store(server);
    struct job_filter filter = {.include_finished = true, .has_kind = true, .kind = JOB_KIND_MATRIX, .limit = PAGE};
    struct job_list list = {.more = true};
    while (list.more) {
        struct error err;
        if (job_store_list(store, &filter, &server->arena, &list, &err)) fail_msg("%s", err.message);
        for (size_t i = 0; i < list.count; i++)
            add_build(&builds, &list.jobs[i], &server->arena);
        if (list.count == 0) break;
        filter.after_id = list.jobs[list.count - 1].id;
        filter.since_ms = list.jobs[list.count - 1].created_ms;
    }
    job_store_free(store);
    return builds;
}
