/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A new compiler is added to a whole registry (tests/support/generated_registry.h): its wave runs to the end with real
 * programs, while build workers and the build-matrix service are killed at random. At the end
 *   - every version that has a plan with the compiler has it in its metadata, except those that are broken on purpose, whose
 *     jobs say so; and nothing is pending or running
 *   - each was committed once, and after all versions in its plan
 *   - the modules that the jobs compiled are counted, and those of builds without reuse
 *
 * If the real data is not available, "real" and "tenth" use an invented registry of its size.
 *
 *   tests/chaos/wave [--size real | tenth | N packages made up] [--workers N] [--worker-kills N] [--service-kills N] [--seed S]
 *                    [--sleep MS of each module] [--batch N] [--bin DIR]
 */
#include "tests/support/cmocka_all.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/json.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/domain/matrix/matrix_plan.h"
#include "lib/domain/matrix/work_order.h"
#include "lib/store/job/job_store.h"
#include "lib/store/registry/registry_access.h"
#include "tests/support/generated_registry.h"
#include "tests/support/registry_check.h"
#include "tests/support/server/server_fixture.h"
#include "tests/support/shell.h"

#define COMPILER "0.16.0"

enum {
    POLL_MS = 50,
    GAP_MIN_MS = 20,
    GAP_MAX_MS = 250,
    LOOK_EVERY_MS = 500,
    HASH_EVERY_MS = 2000,
    STANDSTILL_MS = 90000, /* time without one job made, begun or ended: something is lost */
    SHOWN = 20,
    PAGE = 500,
};

static const struct version new_compiler = {0, 16, 0};

struct wave_run {
    struct server *server;
    struct job_store *store;
    json_t *broken; /* {"NAME@VERSION": KIND} */
    unsigned seed;
    int workers, worker_kills, service_kills;
    int killed_workers, killed_services;
    int64_t began_ms, ended_ms;
    double hash_ms_before, hash_ms_meanwhile; /* for comparison: see hash_cpu_ms() */
    int hashes_meanwhile;
};

/* Sums over the jobs. */
struct sums {
    size_t jobs, succeeded, failed, lost, attempts;
    int64_t compiled, reused, own_ms, batched;
};

static int choose(struct wave_run *run, int least, int most) {
    return least + rand_r(&run->seed) % (most - least + 1);
}

/* CPU time of 100 MB of SHA-256, taken from a fifth of it: the processor's speed at the moment, which is less while
 * compilers run beside it. */
static double hash_cpu_ms(void) {
    enum { PARTS = 5, BYTES = 100000000 / PARTS };
    char hash[SHA256_SRI_MAX], *bytes = memory_alloc(BYTES);
    struct timespec begun, ended;
    memset(bytes, 1, BYTES);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begun);
    hash_sha256_sri(bytes, BYTES, hash);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ended);
    free(bytes);
    return PARTS * ((double)(ended.tv_sec - begun.tv_sec) * 1e3 + (double)(ended.tv_nsec - begun.tv_nsec) / 1e6);
}

/* ---- Before ---- */

/* A program that makes the registry in the folder given as its argument. */
static const char *write_maker(const char *bin, const char *size, int sleep_ms, struct arena *arena) {
    char *path = arena_copy(arena, "/tmp/registry-wave-XXXXXX");
    int file = mkstemp(path);
    assert_true(file >= 0);
    char *of_size = arena_copy(arena, "");
    if (strcmp(size, "tenth") == 0)
        of_size = arena_format(arena, "--one-in %d", GENERATED_TENTH);
    else if (strcmp(size, "real") != 0)
        of_size = arena_format(arena, "--made-up %d", atoi(size));
    dprintf(file, "#!/bin/sh\nexec '%s/generate-registry' \"$1\" %s --sleep %d >&2\n", bin, of_size, sleep_ms);
    assert_int_equal(fchmod(file, 0755), 0);
    close(file);
    return path;
}

static void read_broken(struct wave_run *run) {
    char *list = read_file(&run->server->arena, arena_format(&run->server->arena, "%s/broken", run->server->folder)),
         *rest = NULL;
    run->broken = json_object();
    for (char *line = list ? strtok_r(list, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest)) {
        char *blank = strchr(line, ' ');
        if (blank) *blank = '\0';
        json_object_set_new(run->broken, line, json_string(blank ? blank + 1 : ""));
    }
}

/* ---- Meanwhile ---- */

static bool kills_are_left(const struct wave_run *run) {
    return run->killed_workers < run->worker_kills || run->killed_services < run->service_kills;
}

static void kill_one(struct wave_run *run) {
    int workers_left = run->worker_kills - run->killed_workers, services_left = run->service_kills - run->killed_services;
    if (choose(run, 1, workers_left + services_left) <= services_left) {
        server_kill(run->server, SERVER_BUILD_MATRIX);
        server_start_program(run->server, SERVER_BUILD_MATRIX);
        run->killed_services++;
        return;
    }
    int worker = choose(run, 0, run->workers - 1);
    server_kill_worker(run->server, worker);
    server_start_worker(run->server, worker);
    run->killed_workers++;
}

/* Pairs that have a plan, do not have the compiler, and are not broken; the first of them in `example`. */
static size_t count_missing(struct wave_run *run, char example[256], size_t *has_it) {
    struct settings settings = {.registry_repo = arena_format(&run->server->arena, "%s/registry.git", run->server->folder),
                                .registry_index_repo =
                                    arena_format(&run->server->arena, "%s/registry-index.git", run->server->folder),
                                .redis_url = arena_copy(&run->server->arena, redis_server_url(run->server->redis)),
                                .lease_ms = 30000};
    struct registry_access access = {0};
    struct error err;
    struct deadline deadline;
    struct matrix_pairs pairs = {0};
    struct matrix_sweep sweep = {0};
    size_t missing = 0;
    deadline_start(&deadline, PATIENCE_MS);
    if (registry_access_open(&access, &settings, "/nowhere", &deadline, &err) ||
        registry_view_refresh(access.view, &deadline, &err))
        fail_msg("%s", err.message);
    const struct manifest_index *index = registry_view_lock(access.view);
    while (!sweep.is_over)
        matrix_plan_sweep(&pairs, &sweep, index, &new_compiler, 1, 100000);
    for (size_t i = 0; i < pairs.count; i++) {
        struct arena arena = {0};
        struct build_plan plan;
        char version[VERSION_TEXT_MAX], name[256];
        version_print(pairs.items[i].version, version);
        snprintf(name, sizeof name, "%s@%s", pairs.items[i].package, version);
        bool is_missing = !matrix_plan_solve(&plan, index, &pairs.items[i], 0, &arena) && !json_object_get(run->broken, name);
        if (is_missing && missing++ == 0) snprintf(example, 256, "%s", name);
        arena_release(&arena);
    }
    *has_it = 0;
    for (uint32_t id = 0; id < manifest_index_package_count(index); id++) {
        const struct metadata *metadata = manifest_index_package(index, id)->metadata;
        for (size_t i = 0; metadata && i < metadata->published_count; i++)
            for (size_t j = 0; j < metadata->published[i].compiler_count; j++)
                *has_it += version_equal(metadata->published[i].compilers[j], new_compiler);
    }
    registry_view_unlock(access.view);
    matrix_pairs_release(&pairs);
    registry_access_close(&access);
    return missing;
}

static void count_jobs(struct wave_run *run, struct job_counts *out) {
    struct error err;
    if (job_store_count(run->store, out, &err)) fail_msg("%s", err.message);
}

static bool is_idle(const struct job_counts *counts) {
    return counts->pending[JOB_KIND_MATRIX] == 0 && counts->running[JOB_KIND_MATRIX] == 0;
}

/* Describes a wave that makes no progress; its folder is kept. */
static void fail_at_standstill(struct wave_run *run, const struct job_counts *counts) {
    struct job_filter filter = {.has_kind = true, .kind = JOB_KIND_MATRIX, .limit = SHOWN};
    struct job_list list;
    struct error err;
    size_t has_it;
    char example[256] = "";
    size_t missing = count_missing(run, example, &has_it);
    if (job_store_list(run->store, &filter, &run->server->arena, &list, &err)) fail_msg("%s", err.message);
    for (size_t i = 0; i < list.count; i++)
        fprintf(stderr, "%s %s@%s is %s, attempt %d\n", list.jobs[i].id, list.jobs[i].package, list.jobs[i].version,
                job_state_text(list.jobs[i].state), list.jobs[i].attempts);
    fail_msg("nothing moves: %lld pending, %lld running, %zu versions without the compiler, %s among them; see %s",
             (long long)counts->pending[JOB_KIND_MATRIX], (long long)counts->running[JOB_KIND_MATRIX], missing, example,
             run->server->folder);
}

static void expect_programs(struct wave_run *run) {
    for (int worker = 0; worker < run->workers; worker++)
        if (!child_is_running(&run->server->workers[worker])) fail_msg("the worker %d ended by itself, see its log", worker);
    if (!child_is_running(&run->server->children[SERVER_BUILD_MATRIX])) fail_msg("build-matrix ended by itself, see its log");
}

/* Runs until no work and no kills are left. Returns the number of versions with the compiler. */
static size_t run_to_the_end(struct wave_run *run) {
    int64_t next_kill_ms = clock_monotonic_ms() + GAP_MAX_MS, looked_ms = 0, moved_ms = clock_monotonic_ms();
    int64_t hashed_ms = moved_ms;
    struct job_counts last = {0};
    for (;; usleep(POLL_MS * 1000)) {
        int64_t now_ms = clock_monotonic_ms();
        if (kills_are_left(run) && now_ms >= next_kill_ms) {
            kill_one(run);
            next_kill_ms = clock_monotonic_ms() + choose(run, GAP_MIN_MS, GAP_MAX_MS);
            moved_ms = next_kill_ms;
        }
        if (now_ms - hashed_ms >= HASH_EVERY_MS) {
            hashed_ms = now_ms;
            run->hash_ms_meanwhile += hash_cpu_ms();
            run->hashes_meanwhile++;
        }
        expect_programs(run);
        if (now_ms - looked_ms < LOOK_EVERY_MS) continue;
        looked_ms = now_ms;
        struct job_counts counts;
        char example[256];
        size_t has_it;
        count_jobs(run, &counts);
        if (is_idle(&counts) && count_missing(run, example, &has_it) == 0 && has_it > 0) {
            if (kills_are_left(run)) fail_msg("the wave was over before all kills: use --sleep");
            return has_it;
        }
        if (counts.pending[JOB_KIND_MATRIX] != last.pending[JOB_KIND_MATRIX] ||
            counts.running[JOB_KIND_MATRIX] != last.running[JOB_KIND_MATRIX])
            moved_ms = now_ms;
        last = counts;
        if (now_ms - moved_ms > STANDSTILL_MS) fail_at_standstill(run, &counts);
    }
}

/* ---- After ---- */

static void add_job(struct wave_run *run, const struct job *job, const json_t *places, struct sums *sums) {
    struct arena arena = {0};
    struct build_result result;
    char name[256];
    snprintf(name, sizeof name, "%s@%s", job->package, job->version);
    sums->jobs++;
    sums->attempts += (size_t)job->attempts;
    sums->succeeded += job->state == JOB_STATE_SUCCEEDED;
    sums->lost += text_equal(job->verdict, "worker_lost");
    if (job->result && build_result_parse(&result, job->result, strlen(job->result), &arena, NULL) == STATUS_OK) {
        sums->compiled += result.compiled_modules;
        sums->reused += result.reused_modules;
        sums->own_ms += result.own_ms;
        sums->batched += result.batch_jobs > 1;
    }
    if (text_equal(job->verdict, "failed_to_compile")) {
        sums->failed++;
        if (!json_object_get(run->broken, name)) fail_msg("%s does not compile, and should: %s", name, job->error);
    }
    const json_t *place = json_object_get(places, name);
    if (job->state == JOB_STATE_SUCCEEDED && json_object_get(run->broken, name)) fail_msg("%s compiles, and should not", name);
    if (job->state == JOB_STATE_SUCCEEDED && !place) fail_msg("%s succeeded, and is not committed", name);
    json_t *plan = NULL;
    if (json_read(&plan, job->payload, strlen(job->payload), "the plan", NULL)) fail_msg("%s has no plan", name);
    const char *package;
    const json_t *version;
    json_object_foreach(plan, package, version) {
        char dependency[256];
        snprintf(dependency, sizeof dependency, "%s@%s", package, json_string_value(version));
        const json_t *before = json_object_get(places, dependency);
        if (place && (!before || json_integer_value(before) > json_integer_value(place)))
            fail_msg("%s was built before %s, which it depends on", name, dependency);
    }
    json_decref(plan);
    arena_release(&arena);
}

/* {"NAME@VERSION": position} of the commits that add the compiler, each once. */
static json_t *list_commits(struct wave_run *run) {
    char *log =
        shell_output(&run->server->arena,
                     "git -C '%s/registry.git' log --reverse --format=%%s | sed -n 's/^Add compiler " COMPILER " to //p'",
                     run->server->folder);
    json_t *places = json_object();
    char *rest = NULL;
    int place = 0;
    for (char *line = strtok_r(log, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (json_object_get(places, line)) fail_msg("%s was committed twice", line);
        json_object_set_new(places, line, json_integer(place++));
    }
    return places;
}

static void check_jobs(struct wave_run *run, size_t has_it, struct sums *sums) {
    json_t *places = list_commits(run);
    struct job_filter filter = {.include_finished = true, .has_kind = true, .kind = JOB_KIND_MATRIX, .limit = PAGE};
    if (json_object_size(places) != has_it)
        fail_msg("%zu versions have the compiler, and there are %zu commits", has_it, json_object_size(places));
    for (bool has_more = true; has_more;) {
        struct arena arena = {0};
        struct job_list list;
        struct error err;
        if (job_store_list(run->store, &filter, &arena, &list, &err)) fail_msg("%s", err.message);
        for (size_t i = 0; i < list.count; i++)
            add_job(run, &list.jobs[i], places, sums);
        has_more = list.more && list.count > 0;
        if (has_more) {
            filter.after_id = arena_copy(&run->server->arena, list.jobs[list.count - 1].id);
            filter.since_ms = list.jobs[list.count - 1].created_ms;
        }
        arena_release(&arena);
    }
    if (sums->succeeded < has_it) fail_msg("%zu jobs succeeded, and %zu versions have the compiler", sums->succeeded, has_it);
    json_decref(places);
}

/* CPU time that the process has used, in ms; 0 if it was restarted. */
static int64_t cpu_ms(pid_t pid) {
    char path[64];
    unsigned long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    if (fscanf(file, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2) user = system = 0;
    fclose(file);
    return (int64_t)(user + system) * 1000 / sysconf(_SC_CLK_TCK);
}

static int64_t service_cpu_ms(const struct wave_run *run) {
    return run->service_kills ? 0 : cpu_ms(run->server->children[SERVER_BUILD_MATRIX].pid);
}

static void print(const struct wave_run *run, const struct sums *sums, size_t has_it, int64_t service_ms) {
    double seconds = (double)(run->ended_ms - run->began_ms) / 1000;
    int64_t from_nothing = sums->compiled + sums->reused;
    printf("versions with the compiler         %9zu\n", has_it);
    printf("jobs                               %9zu\n", sums->jobs);
    printf("… that did not compile, on purpose %9zu\n", sums->failed);
    printf("… given up, their workers lost     %9zu\n", sums->lost);
    printf("… built together with others       %9lld\n", (long long)sums->batched);
    printf("times that jobs were taken up      %9zu\n", sums->attempts);
    printf("kills of workers                   %9d\n", run->killed_workers);
    printf("kills of the service               %9d\n", run->killed_services);
    printf("modules compiled                   %9lld\n", (long long)sums->compiled);
    printf("… from nothing it would have been  %9lld, %.1f times as many\n", (long long)from_nothing,
           (double)from_nothing / (double)(sums->compiled ? sums->compiled : 1));
    printf("a worker's own time for a job, ms  %9.1f\n", (double)sums->own_ms / (double)sums->jobs);
    if (service_ms) {
        double meanwhile_ms = run->hashes_meanwhile ? run->hash_ms_meanwhile / run->hashes_meanwhile : run->hash_ms_before;
        printf("CPU time of the service a job, ms  %9.2f\n", (double)service_ms / (double)sums->jobs);
        printf("… yardstick: SHA-256 of 100 MB     %9.1f before, %.1f meanwhile: a job takes %.3f of that\n",
               run->hash_ms_before, meanwhile_ms, (double)service_ms / (double)sums->jobs / meanwhile_ms);
    }
    printf("seconds                            %9.1f, %.0f jobs a second\n", seconds, (double)sums->jobs / seconds);
}

static int usage(void) {
    fprintf(stderr,
            "usage: tests/chaos/wave [--size real | tenth | PACKAGES] [--workers N] [--worker-kills N] [--service-kills N] "
            "[--seed S] [--sleep MS] [--batch N] [--bin DIR]\n");
    return 2;
}

int main(int argument_count, char **arguments) {
    static const struct option options[] = {{"size", required_argument, NULL, 'z'},
                                            {"workers", required_argument, NULL, 'w'},
                                            {"worker-kills", required_argument, NULL, 'k'},
                                            {"service-kills", required_argument, NULL, 'm'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"sleep", required_argument, NULL, 'l'},
                                            {"batch", required_argument, NULL, 'a'},
                                            {"bin", required_argument, NULL, 'b'},
                                            {0}};
    static struct wave_run run = {.workers = 2};
    struct arena arena = {0};
    const char *size = "tenth", *batch = "16", *bin = BUILD_DIR "/bin";
    int sleep_ms = 0;
    run.seed = (unsigned)time(NULL) ^ (unsigned)getpid();
    for (int option; (option = getopt_long(argument_count, arguments, "", options, NULL)) != -1;) {
        switch (option) {
        case 'z': size = optarg; break;
        case 'w': run.workers = atoi(optarg); break;
        case 'k': run.worker_kills = atoi(optarg); break;
        case 'm': run.service_kills = atoi(optarg); break;
        case 's': run.seed = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'l': sleep_ms = atoi(optarg); break;
        case 'a': batch = optarg; break;
        case 'b': bin = optarg; break;
        default: return usage();
        }
    }
    bool is_of_real_data = strcmp(size, "real") == 0 || strcmp(size, "tenth") == 0;
    if (optind < argument_count || run.workers < 1 || run.workers > SERVER_WORKERS_MAX || (!is_of_real_data && atoi(size) < 1))
        return usage();

    setvbuf(stdout, NULL, _IOLBF, 0);
    setenv("CMOCKA_TEST_ABORT", "1", 1); /* makes cmocka report failures outside of a test */
    const char *maker = write_maker(BUILD_DIR "/bin", size, sleep_ms, &arena);
    const char *const settings[] = {"LEASE_MS=3000", "PENDING_SCAN_MS=200",
                                    /* sweeps retry the jobs of killed workers; without kills the wave alone must be enough */
                                    run.worker_kills + run.service_kills > 0 ? "MATRIX_SWEEP_INTERVAL_MS=5000"
                                                                             : "MATRIX_SWEEP_INTERVAL_MS=3600000",
                                    "MATRIX_SWEEP_JOBS=100000", arena_format(&arena, "MATRIX_BATCH=%s", batch), NULL};
    unsigned seed = run.seed;
    run.hash_ms_before = hash_cpu_ms();
    run.server = server_start(&(struct server_options){
        .programs = bin, .settings = settings, .compilers = "0_16_0", .make_repositories = maker, .workers = run.workers});
    unlink(maker);
    struct error err;
    if (job_store_create(&run.store, redis_server_url(run.server->redis), 10000, &err)) fail_msg("%s", err.message);
    read_broken(&run);
    printf("seed %u, in %s\n", seed, run.server->folder);
    struct sums sums = {0};
    run.began_ms = clock_monotonic_ms();
    size_t has_it = run_to_the_end(&run);
    run.ended_ms = clock_monotonic_ms();
    int64_t service_ms = service_cpu_ms(&run);
    check_jobs(&run, has_it, &sums);
    print(&run, &sums, has_it, service_ms);
    registry_expect_consistency(run.server);
    json_decref(run.broken);
    job_store_free(run.store);
    server_stop(run.server);
    arena_release(&arena);
    printf("the wave came to its end, and nothing was lost or written twice (seed %u)\n", seed);
    return 0;
}
