/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Kills any one process of a working server (redis-server, the gateway, a service) at random moments of a batch of publications,
 * and starts it again at once. At the end every accepted job has ended, every package is published exactly once, by the job that
 * succeeded, and no temporary data is left (lib/store/README.md). Half of the packages depend on one shortly before them, which
 * is often still being published.
 *
 *   tests/chaos/kill [--kills N] [--publications N] [--seed S] [--bin DIR]
 *
 * The client behaves like real ones: it repeats a POST that got no answer, and posts a failed publication again. A job may fail
 * only because its service was killed under it three times, or that of its dependency's job. The same seed gives the same
 * packages and kills, not the same moments.
 */
#include "tests/support/cmocka_all.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "tests/support/event_check.h"
#include "tests/support/registry_check.h"
#include "tests/support/shell.h"

enum {
    PUBLICATIONS_MAX = 1000,
    JOBS_MAX = 20, /* of one publication */
    WINDOW = 4,    /* publications under way at once */
    POST_TIMEOUT_MS = 2000,
    SLEEP_MAX_MS = 500, /* of a compile */
    GAP_MIN_MS = 10,    /* between two kills */
    GAP_MAX_MS = 800,
    GAP_HURRY_MS = 150, /* the same if the kills lag behind the publications */
    POLL_MS = 5,
    LEASE_MS = 1000,
    END_MS = 300000, /* for the remaining work after the last kill */
};

/* One package to be published, and all that was done for it. */
struct publication {
    struct package package;
    char pragma[32];
    const char *request;
    int dependency; /* index of the publication that must have been accepted before; -1: none */
    const char *jobs[JOBS_MAX];
    int job_count;
    bool is_pending; /* the last of `jobs` has not ended yet */
    bool is_published;
};

struct chaos {
    struct server *server;
    struct publication publications[PUBLICATIONS_MAX];
    int publication_count;
    int kill_count;
    unsigned seed;
    int kills[SERVER_PROGRAM_COUNT];
    int killed;
    int killed_idle; /* of these, those while nothing was under way */
    int begun;
    int under_way;  /* posted and not ended, as of the last round */
    int resumed;    /* jobs that continued from the record of a killed run */
    int waited;     /* jobs that waited for a dependency's job */
    int unanswered; /* POSTs without an answer, or with 503 */
    int repeated;   /* jobs that failed and were posted again */
};

static int choose(struct chaos *chaos, int from, int to) {
    return from + (int)((unsigned)rand_r(&chaos->seed) % (unsigned)(to - from + 1));
}

/* ---- Before ---- */

static void prepare(struct chaos *chaos) {
    struct arena *arena = &chaos->server->arena;
    const char *sources = arena_format(arena, "%s/sources", chaos->server->folder);
    for (int i = 0; i < chaos->publication_count; i++) {
        struct publication *publication = &chaos->publications[i];
        /* Most compile at once, so that many kills happen during writes. */
        snprintf(publication->pragma, sizeof publication->pragma, "sleep %d",
                 choose(chaos, 0, 2) == 0 ? choose(chaos, 0, SLEEP_MAX_MS) : 0);
        publication->package =
            (struct package){.name = arena_format(arena, "chaos-%d", i), .version = "1.0.0", .pragma = publication->pragma};
        publication->dependency = i > 0 && choose(chaos, 0, 1) == 0 ? choose(chaos, i < WINDOW ? 0 : i - WINDOW, i - 1) : -1;
        if (publication->dependency >= 0)
            publication->package.dependencies[0] =
                (struct package_dependency){chaos->publications[publication->dependency].package.name, ">=1.0.0 <2.0.0"};
        publication->request = package_request(arena, &publication->package);
        package_push(sources, &publication->package);
    }
}

/* ---- The client ---- */

static void post(struct chaos *chaos, struct publication *publication) {
    struct http_response response = {0};
    if (!server_try_call(chaos->server, "POST", "/api/v1/publish", publication->request, POST_TIMEOUT_MS, &response) ||
        response.status == 503) {
        chaos->unanswered++;
    } else {
        json_t *answer = json_loads(text_view(&response.body), 0, NULL);
        const char *id = server_job_text(answer, "jobId");
        if (response.status != 200 || id[0] == '\0') fail_msg("POST: %d %s", response.status, text_view(&response.body));
        if (publication->job_count > 0 && strcmp(publication->jobs[publication->job_count - 1], id) == 0)
            fail_msg("the failed job %s stands in the way of its repeat", id);
        if (publication->job_count == JOBS_MAX) fail_msg("%s never gets done", publication->package.name);
        publication->jobs[publication->job_count++] = arena_copy(&chaos->server->arena, id);
        publication->is_pending = true;
        json_decref(answer);
    }
    http_response_release(&response);
}

/* Records the end of the publication's job. */
static void look(struct chaos *chaos, struct publication *publication) {
    const char *id = publication->jobs[publication->job_count - 1];
    char path[128];
    snprintf(path, sizeof path, "/api/v1/jobs/%s", id);
    struct http_response response = {0};
    if (server_try_call(chaos->server, "GET", path, NULL, POST_TIMEOUT_MS, &response)) {
        json_t *job = json_loads(text_view(&response.body), 0, NULL);
        if (response.status == 404) fail_msg("the accepted job %s is gone", id);
        if (response.status == 200 && json_object_get(job, "finishedAt") != NULL) {
            publication->is_pending = false;
            publication->is_published = json_is_true(json_object_get(job, "success"));
            if (!publication->is_published) {
                chaos->repeated++;
                printf("%s: %s\n", publication->package.name, server_last_error(chaos->server, job));
            }
        }
        json_decref(job);
    }
    http_response_release(&response);
}

/* True if, in proportion, more kills than publications are left. */
static bool kills_are_behind(const struct chaos *chaos) {
    return chaos->killed * chaos->publication_count < chaos->begun * chaos->kill_count;
}

static bool may_begin(const struct chaos *chaos, const struct publication *publication, int under_way) {
    const struct publication *dependency = publication->dependency < 0 ? NULL : &chaos->publications[publication->dependency];
    if (dependency && !dependency->is_published && !dependency->is_pending) return false;
    if (publication->job_count > 0) return true; /* repeats a failed one */
    return under_way == 0 || (under_way < WINDOW && !kills_are_behind(chaos));
}

/* One round over all publications; returns the number that are not done yet. Some are always under way until the end. */
static int work(struct chaos *chaos) {
    int left = 0, under_way = 0;
    for (int i = 0; i < chaos->publication_count; i++) {
        struct publication *publication = &chaos->publications[i];
        if (publication->is_pending) look(chaos, publication);
        left += !publication->is_published;
        under_way += publication->is_pending;
    }
    for (int i = 0; i < chaos->publication_count; i++) {
        struct publication *publication = &chaos->publications[i];
        if (publication->is_pending || publication->is_published || !may_begin(chaos, publication, under_way)) continue;
        chaos->begun += publication->job_count == 0;
        post(chaos, publication);
        chaos->begun -= publication->job_count == 0; /* there was no answer */
        under_way++;
    }
    chaos->under_way = under_way;
    return left;
}

/* ---- The killer ---- */

static void kill_one(struct chaos *chaos) {
    enum server_program program = (enum server_program)choose(chaos, 0, SERVER_PROGRAM_COUNT - 1);
    server_kill(chaos->server, program);
    server_start_program(chaos->server, program);
    chaos->kills[program]++;
    chaos->killed++;
    chaos->killed_idle += chaos->under_way == 0;
}

static int64_t next_moment_ms(struct chaos *chaos) {
    return clock_monotonic_ms() + choose(chaos, GAP_MIN_MS, kills_are_behind(chaos) ? GAP_HURRY_MS : GAP_MAX_MS);
}

static void run(struct chaos *chaos) {
    int64_t next_kill_ms = next_moment_ms(chaos), end_ms = 0;
    for (int left = chaos->publication_count; left > 0 || chaos->killed < chaos->kill_count;) {
        if (chaos->killed < chaos->kill_count && clock_monotonic_ms() >= next_kill_ms) {
            kill_one(chaos);
            next_kill_ms = next_moment_ms(chaos);
            end_ms = clock_monotonic_ms() + END_MS;
        }
        for (enum server_program program = SERVER_REDIS + 1; program <= SERVER_GATEWAY; program++)
            if (!child_is_running(&chaos->server->children[program])) fail_msg("a program ended by itself, see its log");
        left = work(chaos);
        if (chaos->killed == chaos->kill_count && clock_monotonic_ms() > end_ms) fail_msg("%d publications never end", left);
        nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000}, NULL);
    }
}

/* ---- After ---- */

/* Each accepted job has ended; the package's one commit in each repository is by the job that succeeded. */
static void check_publications(struct chaos *chaos) {
    for (int i = 0; i < chaos->publication_count; i++) {
        const struct publication *publication = &chaos->publications[i];
        for (int j = 0; j < publication->job_count; j++) {
            json_t *job = server_wait_for_job(chaos->server, publication->jobs[j]);
            const char *log = server_log_text(chaos->server, job);
            chaos->resumed += strstr(log, "Timings: resume=") != NULL;
            chaos->waited += strstr(log, "NOTICE Waiting for the publication of ") != NULL;
            json_decref(job);
        }
        const char *id = shell_output(&chaos->server->arena,
                                      "git -C '%s/" INDEX_REPO "' log --format=%%B --grep='^Update manifest for %s@1.0.0$' | "
                                      "sed -n 's/^Job ID: //p'",
                                      chaos->server->folder, publication->package.name);
        assert_string_equal(id, arena_format(&chaos->server->arena, "%s\n", publication->jobs[publication->job_count - 1]));
    }
}

/* One event for each publication, by the job that succeeded. */
static void check_events(struct chaos *chaos) {
    static const char *jobs[PUBLICATIONS_MAX];
    for (int i = 0; i < chaos->publication_count; i++) {
        const struct publication *publication = &chaos->publications[i];
        jobs[i] = publication->jobs[publication->job_count - 1];
    }
    event_check_expect_one_each(chaos->server, jobs, (size_t)chaos->publication_count);
}

/* No lock is held for ever: one more publication succeeds, and removes remains that are old enough to be unused. And no
 * temporary folder outlives the next start. */
static void check_leftovers(struct chaos *chaos) {
    struct server *server = chaos->server;
    nanosleep(&(struct timespec){.tv_sec = LEASE_MS / 1000 + 1}, NULL);
    server_terminate(server, SERVER_PUBLISH);
    server_start_program(server, SERVER_PUBLISH);
    server_wait_until_ready(server);
    const struct package last = {"chaos-last", "1.0.0", .pragma = NULL};
    server_expect_published(server, &last);
    server_terminate(server, SERVER_PUBLISH);
    assert_string_equal(shell_output(&server->arena, "find '%s/work' -mindepth 2", server->folder), "");
    server_start_program(server, SERVER_PUBLISH);
    server_wait_until_ready(server);
}

static int usage(void) {
    fprintf(stderr, "usage: tests/chaos/kill [--kills N] [--publications N] [--seed S] [--bin DIR]\n");
    return 2;
}

int main(int argument_count, char **arguments) {
    static const struct option options[] = {{"kills", required_argument, NULL, 'k'},
                                            {"publications", required_argument, NULL, 'p'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"bin", required_argument, NULL, 'b'},
                                            {0}};
    char lease[32];
    snprintf(lease, sizeof lease, "LEASE_MS=%d", LEASE_MS);
    const char *const settings[] = {lease, "PENDING_SCAN_MS=200", "PUBLISH_SLOTS=4", NULL};
    struct server_options how = {.settings = settings};
    static struct chaos chaos = {.publication_count = 30, .kill_count = 100};
    chaos.seed = (unsigned)time(NULL) ^ (unsigned)getpid();
    for (int option; (option = getopt_long(argument_count, arguments, "", options, NULL)) != -1;) {
        switch (option) {
        case 'k': chaos.kill_count = atoi(optarg); break;
        case 'p': chaos.publication_count = atoi(optarg); break;
        case 's': chaos.seed = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'b': how.programs = optarg; break;
        default: return usage();
        }
    }
    if (optind < argument_count || chaos.publication_count < 1 || chaos.publication_count >= PUBLICATIONS_MAX) return usage();

    unsigned seed = chaos.seed;
    setvbuf(stdout, NULL, _IOLBF, 0);
    setenv("CMOCKA_TEST_ABORT", "1", 1); /* makes cmocka report failures outside of a test */
    chaos.server = server_start(&how);
    printf("seed %u, in %s\n", seed, chaos.server->folder);
    event_check_begin(chaos.server);
    prepare(&chaos);
    int64_t start_ms = clock_monotonic_ms();
    run(&chaos);
    int64_t end_ms = clock_monotonic_ms();
    server_wait_until_ready(chaos.server);
    check_publications(&chaos);
    check_events(&chaos);
    check_leftovers(&chaos);
    registry_expect_consistency(chaos.server);
    registry_expect_one_commit_each(chaos.server);
    server_stop(chaos.server);

    const struct {
        const char *what;
        int count;
    } rows[] = {{"publications", chaos.publication_count},     {"POSTs without an answer", chaos.unanswered},
                {"jobs failed and repeated", chaos.repeated},  {"jobs resumed from their record", chaos.resumed},
                {"jobs that waited for others", chaos.waited}, {"kills while nothing was going on", chaos.killed_idle},
                {"seconds", (int)((end_ms - start_ms) / 1000)}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        printf("%-34s %5d\n", rows[i].what, rows[i].count);
    for (enum server_program program = SERVER_REDIS; program < SERVER_PROGRAM_COUNT; program++)
        printf("kills of %-25s %5d\n", server_program_name(program), chaos.kills[program]);
    printf("every accepted job ended, every package is published once, the repositories and the storage agree (seed %u)\n",
           seed);
    return 0;
}
