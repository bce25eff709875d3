/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The checks of chaos_all.c, while it waits and when everything has stopped.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "tests/chaos/chaos_all.h"
#include "tests/support/registry_check.h"
#include "tests/support/shell.h"

enum { PAGE = 500, COMPILERS = 3 };

int chaos_count_missing(struct chaos *chaos) {
    int missing = 0;
    for (int i = 0; i < chaos->story_count; i++) {
        struct arena arena = {0};
        const struct story *story = &chaos->stories[i];
        enum kind last = story->acts[story->act_count - 1].kind;
        if (last == UNPUBLISH || last == TRUSTEE_UNPUBLISH) continue;
        char *text = shell_output(&arena, "git -C '%s/" REGISTRY_REPO "' show 'HEAD:metadata/%s.json'", chaos->server->folder,
                                  story->package.name);
        json_t *metadata = json_loads(text, 0, NULL);
        const json_t *version = json_object_get(json_object_get(metadata, "published"), "1.0.0");
        if (!version) chaos_note_fault(chaos, story->package.name, "is not published in the metadata");
        missing += json_array_size(json_object_get(version, "compilers")) != COMPILERS;
        json_decref(metadata);
        arena_release(&arena);
    }
    return missing;
}

static int count_commits(struct chaos *chaos, const char *repository, const char *job) {
    return atoi(shell_output(&chaos->server->arena,
                             "git -C '%s/%s' log --format=%%B --grep='^Job ID: %s$' | grep -c '^Job ID: %s$' || true",
                             chaos->server->folder, repository, job, job));
}

static void check_commits(struct chaos *chaos, const struct act *act, int job) {
    bool has_succeeded = job == act->job_count - 1;
    const struct {
        const char *repository;
        int expected;
    } rows[] = {{REGISTRY_REPO, chaos_kinds[act->kind].metadata_commits}, {INDEX_REPO, chaos_kinds[act->kind].index_commits}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int expected = has_succeeded ? rows[i].expected : 0, count = count_commits(chaos, rows[i].repository, act->jobs[job]);
        if (expected >= 0 && count != expected)
            chaos_note_fault(
                chaos, arena_format(&chaos->server->arena, "job %s (%s)", act->jobs[job], chaos_kinds[act->kind].name),
                arena_format(&chaos->server->arena, "%d commits in %s, not %d", count, rows[i].repository, expected));
    }
}

void chaos_check_acts(struct chaos *chaos) {
    for (int i = 0; i < chaos->story_count; i++)
        for (int a = 0; a < chaos->stories[i].act_count; a++)
            for (int j = 0; j < chaos->stories[i].acts[a].job_count; j++) {
                const struct act *act = &chaos->stories[i].acts[a];
                json_decref(server_wait_for_job(chaos->server, act->jobs[j]));
                check_commits(chaos, act, j);
            }
}

/* True for the end of a build of a version that was unpublished, as every third is: a worker that had begun finds no
 * tarball. */
static bool is_of_unpublished(const struct job *job) {
    static const char *const ends[] = {"is no longer published", "was unpublished meanwhile"};
    int number = -1;
    bool is_such = (job->error && (strstr(job->error, ends[0]) || strstr(job->error, ends[1]))) ||
                   text_equal(job->verdict, "dependency_missing");
    return is_such && sscanf(job->package, "chaos-%d", &number) == 1 && (number % 6 == 1 || number % 6 == 4);
}

static void check_build(struct chaos *chaos, const struct job *job) {
    struct arena *arena = &chaos->server->arena;
    const char *what = arena_format(arena, "build %s of %s@%s with %s", job->id, job->package, job->version, job->compiler);
    if (job->state != JOB_STATE_SUCCEEDED && job->state != JOB_STATE_FAILED)
        chaos_note_fault(chaos, what, "has not ended");
    else if (job->state == JOB_STATE_FAILED && !text_equal(job->verdict, "worker_lost") && !is_of_unpublished(job))
        chaos_note_fault(chaos, what, job->error ? job->error : "");
}

int chaos_check_builds(struct chaos *chaos) {
    struct job_filter filter = {.include_finished = true, .has_kind = true, .kind = JOB_KIND_MATRIX, .limit = PAGE};
    int count = 0;
    for (bool has_more = true; has_more;) {
        struct arena arena = {0};
        struct job_list list;
        struct error err;
        if (job_store_list(chaos->store, &filter, &arena, &list, &err)) fail_msg("%s", err.message);
        for (size_t i = 0; i < list.count; i++, count++)
            check_build(chaos, &list.jobs[i]);
        has_more = list.more && list.count > 0;
        if (has_more) {
            filter.after_id = arena_copy(&chaos->server->arena, list.jobs[list.count - 1].id);
            filter.since_ms = list.jobs[list.count - 1].created_ms;
        }
        arena_release(&arena);
    }
    return count;
}

void chaos_check_registry(struct chaos *chaos) {
    struct server *server = chaos->server;
    char *twice =
        shell_output(&server->arena, "git -C '%s/" REGISTRY_REPO "' log --format=%%s | grep '^Add compiler ' | sort | uniq -d",
                     server->folder);
    if (*twice) chaos_note_fault(chaos, "commits made twice", twice);
    registry_expect_consistency(server);
    char *problems = shell_output(&server->arena, "'%s/registryctl' check '%s' 2>&1 || true", server->programs, server->folder);
    if (!strstr(problems, "problems=0")) chaos_note_fault(chaos, "registryctl check", problems);
}
