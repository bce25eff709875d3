/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A thousand changes to metadata by eight threads through the change queue, and the same by the git program with a work tree:
 * add, commit, push for each. With the real registry's data if it is available (../shared/data/make-repos), to a bare
 * repository on this disk and to one behind http, alone and beside a rival who pushes every 100 ms. Both sides must produce the
 * same tree, and a commit for each change that names its job; no commit of the rival may be lost.
 *
 * Then the cost of many packs that were never combined: a commit in a repository of 5,000 pushes, and again after its upkeep
 * (lib/store/registry/registry_repo_upkeep.h).
 *
 * "One by one": a thread waits for its change before it submits the next, so a push has eight at most. "All at once": it
 * submits all its changes. Takes some minutes because of git; `--changes 100` gives a first impression.
 *
 *   tests/bench/run commits      (bench_commits [--changes N] [--threads N])
 */
#include "tests/support/cmocka_all.h"

#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/folder.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/store/registry/change_queue.h"
#include "lib/store/registry/registry_repo_upkeep.h"
#include "tests/support/git/git_fixture.h"
#include "tests/support/git/git_server.h"
#include "tests/support/server/redis_server.h"

#define REAL_DATA SOURCE_DIR "/../shared/data/make-repos"

enum { TIMEOUT_MS = 600000, RIVAL_PAUSE_US = 100000, HOLD_MS = 30000, PUSHES = 5000, COMMITS_MEASURED = 100 };

static int change_count = 1000, thread_count = 8;

struct bench {
    struct git_fixture git;
    struct redis_server *redis;
    struct git_server *server;
    char **files; /* under metadata/: change I edits the file I modulo their number */
    int file_count;
    double git_ms[2]; /* over http, on this disk */
};

static void split_names(struct bench *bench, char *list) {
    for (char *name = strtok(list, "\n"); name; name = strtok(NULL, "\n")) {
        bench->files = memory_resize(bench->files, (size_t)bench->file_count + 1, sizeof *bench->files);
        bench->files[bench->file_count++] = name;
    }
}

static void set_up(struct bench *bench) {
    git_fixture_make(&bench->git);
    if (access(REAL_DATA, X_OK) == 0)
        git_script(&bench->git, "%s . && mv registry.git data.git", REAL_DATA);
    else
        git_script(&bench->git, "mkdir -p data/metadata && for i in $(seq 1000 2200); do echo \"{}\" "
                                ">data/metadata/package-$i.json; done && push_files data.git");
    git_script(&bench->git, "git -C data.git config http.receivepack true");
    split_names(bench, git_output(&bench->git, "git -C data.git ls-tree --name-only HEAD metadata/"));
    bench->redis = redis_server_start();
    bench->server = git_server_start(bench->git.folder);
}

/* Change number `i`, the same for both sides: adds a line at the end of the file. */
static const char *line_of(struct bench *bench, struct arena *arena, int i, const char **path) {
    *path = bench->files[i % bench->file_count];
    return arena_format(arena, "  \"change\": %d", i);
}

/* ---- The git program ---- */

static void measure_git(struct bench *bench, bool is_local) {
    struct arena arena = {0};
    struct text script = {0};
    struct error err;
    git_script(&bench->git,
               "rm -rf by-git.git work; git clone -q --bare data.git by-git.git; "
               "git -C by-git.git config http.receivepack true; git clone -q '%s/by-git.git' work",
               is_local ? bench->git.folder : git_server_url(bench->server));
    text_append(&script, "set -e; cd work\n");
    for (int i = 0; i < change_count; i++) {
        const char *path, *line = line_of(bench, &arena, i, &path);
        text_append_format(&script, "echo '%s' >>%s; git add %s; git commit -q -m 'Update\n\nJob ID: job-%d'; git push -q\n",
                           line, path, path, i);
    }
    const char *file = arena_format(&arena, "%s/script", bench->git.folder);
    if (file_write(file, script.bytes, script.length, &err)) fail_msg("%s", err.message);
    int64_t start_us = clock_monotonic_us();
    git_script(&bench->git, "sh script");
    double took_ms = (double)(clock_monotonic_us() - start_us) / 1000;
    bench->git_ms[is_local] = took_ms;
    printf("  %-7s %-22s %-22s %9.0f ms  %6.2f ms each\n", is_local ? "on disk" : "http", "git add, commit, push", "no rival",
           took_ms, took_ms / change_count);
    fflush(stdout);
    text_release(&script);
    arena_release(&arena);
}

/* ---- Ours ---- */

struct worker {
    pthread_t thread;
    struct bench *bench;
    struct change_queue *queue;
    int number, at_once;
};

static enum status add_line(struct registry_edit *out, const struct registry_file *current, void *context, struct arena *arena,
                            struct error *err) {
    (void)err;
    const char *whole = arena_format(arena, "%s%s\n", current->bytes ? current->bytes : "", (const char *)context);
    *out = (struct registry_edit){.kind = REGISTRY_WRITE, .content = {whole, strlen(whole)}};
    return STATUS_OK;
}

static void *work(void *argument) {
    struct worker *worker = argument;
    struct job_store *store = NULL;
    struct arena arena = {0};
    struct deadline deadline;
    struct error err;
    struct queued_change *changes = memory_alloc((size_t)worker->at_once * sizeof *changes);
    deadline_start(&deadline, TIMEOUT_MS);
    assert_int_equal(job_store_create(&store, redis_server_url(worker->bench->redis), 5000, &err), STATUS_OK);
    for (int i = worker->number; i < change_count;) {
        size_t count = 0;
        for (; i < change_count && count < (size_t)worker->at_once; i += thread_count) {
            struct registry_change *change = &changes[count++].change;
            *change = (struct registry_change){.edit = add_line};
            change->context = (void *)(uintptr_t)line_of(worker->bench, &arena, i, &change->path);
            change->message = arena_format(&arena, "Update\n\nJob ID: job-%d", i);
        }
        if (change_queue_commit(worker->queue, store, changes, count, &deadline, &err)) fail_msg("%s", err.message);
    }
    free(changes);
    arena_release(&arena);
    job_store_free(store);
    return NULL;
}

struct rival {
    pthread_t thread;
    struct git_fixture *git;
    atomic_bool is_over;
    int pushed;
};

/* Pushes a change of its own file every 100 ms; after a refused push, again on top of the new head. */
static void *push_as_rival(void *argument) {
    struct rival *rival = argument;
    struct git_fixture git = {0}; /* with an arena for this thread */
    memcpy(git.folder, rival->git->folder, sizeof git.folder);
    while (!atomic_load(&rival->is_over)) {
        git_script(&git,
                   "cd rival; echo %d >>rival-was-here; git add rival-was-here; git commit -q -m 'Rival %d'; "
                   "until git push -q 2>/dev/null; do git pull -q --rebase || exit 1; done",
                   rival->pushed, rival->pushed);
        rival->pushed++;
        usleep(RIVAL_PAUSE_US);
    }
    arena_release(&git.arena);
    return NULL;
}

static double run_workers(struct bench *bench, struct change_queue *queue, int at_once) {
    struct worker *workers = memory_alloc((size_t)thread_count * sizeof *workers);
    int64_t start_us = clock_monotonic_us();
    for (int i = 0; i < thread_count; i++) {
        workers[i] = (struct worker){.bench = bench, .queue = queue, .number = i, .at_once = at_once};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < thread_count; i++)
        pthread_join(workers[i].thread, NULL);
    free(workers);
    return (double)(clock_monotonic_us() - start_us) / 1000;
}

/* Checks for the same tree as git's except the rival's file, a commit for each job, and all commits of the rival. */
static void check(struct bench *bench, const struct rival *rival) {
    git_script(&bench->git,
               "git -C ours.git fsck --no-dangling 2>&1; "
               "for repo in ours by-git; do git -C $repo.git ls-tree -r HEAD | grep -v rival-was-here >$repo.tree; "
               "git -C $repo.git log --format=%%B | grep '^Job ID' | sort >$repo.jobs; done; "
               "cmp ours.tree by-git.tree; cmp ours.jobs by-git.jobs; test $(wc -l <ours.jobs) = %d; "
               "test \"$(git -C ours.git log --format=%%s | grep -c Rival)\" = %d",
               change_count, rival->pushed);
}

static void measure(struct bench *bench, bool is_local, int at_once, bool has_rival) {
    struct arena arena = {0};
    struct deadline deadline;
    struct error err;
    struct rival rival = {.git = &bench->git};
    struct registry_repo *repo = NULL;
    git_script(&bench->git, "rm -rf ours.git clone.git; git clone -q --bare data.git ours.git; "
                            "git -C ours.git config http.receivepack true; "
                            "git -C ours.git config receive.autogc false"); /* it would repack during the check */
    struct registry_repo_options options = {
        .url = arena_format(&arena, "%s/ours.git", is_local ? bench->git.folder : git_server_url(bench->server)),
        .clone_folder = arena_format(&arena, "%s/clone.git", bench->git.folder)};
    deadline_start(&deadline, TIMEOUT_MS);
    if (registry_repo_open(&repo, &options, &deadline, &err)) fail_msg("%s", err.message);
    struct change_queue *queue = change_queue_create(&(struct change_queue_options){
        .repo = repo, .lock_name = CHANGE_QUEUE_REGISTRY, .hold_ms = HOLD_MS, .wait_ms = TIMEOUT_MS});
    if (has_rival) git_script(&bench->git, "rm -rf rival; git clone -q ours.git rival");
    if (has_rival) assert_int_equal(pthread_create(&rival.thread, NULL, push_as_rival, &rival), 0);
    double took_ms = run_workers(bench, queue, at_once);
    if (has_rival) {
        atomic_store(&rival.is_over, true);
        pthread_join(rival.thread, NULL);
    }
    struct change_queue_counts counts = change_queue_counts(queue);
    printf("  %-7s %-22s %-22s %9.0f ms  %6.2f ms each  %5lld pushes %5lld refused  %6.1f times as fast as git\n",
           is_local ? "on disk" : "http", at_once == 1 ? "one by one" : "all at once",
           has_rival ? arena_format(&arena, "rival pushed %d times", rival.pushed) : "no rival", took_ms,
           took_ms / change_count, (long long)counts.pushes, (long long)counts.refused_pushes,
           bench->git_ms[is_local] / took_ms);
    fflush(stdout);
    change_queue_free(queue);
    registry_repo_free(repo);
    check(bench, &rival);
    arena_release(&arena);
}

/* ---- Many packs ---- */

static struct registry_repo *open_on_disk(struct bench *bench, struct deadline *deadline) {
    struct registry_repo *repo = NULL;
    struct error err;
    struct registry_repo_options options = {.url = arena_format(&bench->git.arena, "%s/ours.git", bench->git.folder)};
    deadline_start(deadline, TIMEOUT_MS);
    if (registry_repo_open(&repo, &options, deadline, &err)) fail_msg("%s", err.message);
    return repo;
}

static void commit_each(struct bench *bench, struct registry_repo *repo, int count, struct deadline *deadline) {
    struct arena arena = {0};
    struct error err;
    for (int i = 0; i < count; i++) {
        struct registry_change change = {.message = "Update", .edit = add_line};
        change.context = (void *)(uintptr_t)line_of(bench, &arena, i, &change.path);
        if (registry_repo_apply(repo, &change, 1, 1, deadline, &err)) fail_msg("%s", err.message);
    }
    arena_release(&arena);
}

/* Measures a process that starts and makes commits one after the other. */
static void measure_commits_in_packs(struct bench *bench) {
    struct deadline deadline;
    int64_t start_us = clock_monotonic_us();
    struct registry_repo *repo = open_on_disk(bench, &deadline);
    commit_each(bench, repo, 1, &deadline);
    int64_t first_us = clock_monotonic_us();
    commit_each(bench, repo, COMMITS_MEASURED, &deadline);
    int64_t end_us = clock_monotonic_us();
    git_script(&bench->git, "git -C ours.git log --format=%%T >/dev/null");
    int64_t git_us = clock_monotonic_us();
    printf("  %5s packs: open and commit %8.2f ms, a commit %6.2f ms, git log %8.2f ms\n",
           git_output(&bench->git, "ls ours.git/objects/pack/*.pack | wc -l"), (double)(first_us - start_us) / 1000,
           (double)(end_us - first_us) / 1000 / COMMITS_MEASURED, (double)(git_us - end_us) / 1000);
    fflush(stdout);
    registry_repo_free(repo);
}

static void measure_packs(struct bench *bench) {
    struct deadline deadline;
    struct error err;
    git_script(&bench->git, "rm -rf ours.git; git clone -q --bare data.git ours.git");
    measure_commits_in_packs(bench);
    struct registry_repo *repo = open_on_disk(bench, &deadline);
    commit_each(bench, repo, PUSHES, &deadline);
    registry_repo_free(repo);
    measure_commits_in_packs(bench);
    repo = open_on_disk(bench, &deadline);
    if (registry_repo_tidy(repo, REGISTRY_PACKS_MAX, NULL, &deadline, &err)) fail_msg("%s", err.message);
    registry_repo_free(repo);
    measure_commits_in_packs(bench);
    git_script(&bench->git, "git -C ours.git fsck --no-dangling 2>&1");
}

static void read_options(int argument_count, char **arguments) {
    static const struct option options[] = {
        {"changes", required_argument, NULL, 'c'}, {"threads", required_argument, NULL, 't'}, {0}};
    for (int option; (option = getopt_long(argument_count, arguments, "", options, NULL)) != -1;) {
        if (option == 't')
            thread_count = atoi(optarg);
        else
            change_count = option == 'c' ? atoi(optarg) : 0;
    }
    if (optind < argument_count || change_count < 1 || thread_count < 1) {
        fprintf(stderr, "usage: %s [--changes N] [--threads N]\n", arguments[0]);
        exit(2);
    }
}

int main(int argument_count, char **arguments) {
    static struct bench bench;
    read_options(argument_count, arguments);
    set_up(&bench);
    printf("%d changes in a registry of %d packages, %d threads:\n", change_count, bench.file_count, thread_count);
    for (int i = 0; i < 10; i++) {
        bool is_local = i < 5;
        if (i % 5 == 0)
            measure_git(&bench, is_local);
        else
            measure(&bench, is_local, i % 5 % 2 ? 1 : change_count, i % 5 > 2);
    }
    printf("One commit and push at a time, on disk:\n");
    measure_packs(&bench);
    free(bench.files);
    git_server_stop(bench.server);
    redis_server_stop(bench.redis);
    git_fixture_remove(&bench.git);
    return 0;
}
