/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Kills the two package-set services, build-matrix, the build worker and redis-server at random moments, and starts each again at
 * once, while trustees take packages of the set down to lower versions and the services' own schedules bring them up again. At
 * the end
 *   - every job has ended, and each that succeeded with a release has released one set, in one commit
 *   - no set was released by anything else, none is half: each is self-contained and differs from the one before
 *   - the latest set has the newest version of everything that compiles, and not the one package that does not
 *   - the repositories and the storage agree
 *
 *   tests/chaos/set [--kills N] [--seed S] [--bin DIR]
 *
 * The same seed gives the same requests and kills, not the same moments.
 */
#include "tests/support/cmocka_all.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/domain/registry/package_set.h"
#include "tests/support/registry_check.h"
#include "tests/support/server/second_service.h"
#include "tests/support/set_scene.h"
#include "tests/support/shell.h"

enum {
    PACKAGES = 16,
    SLEEP_MS = 40, /* of the stand-in compiler, for each module */
    GAP_MIN_MS = 20,
    GAP_MAX_MS = 2500,
    POLL_MS = 20,
    CALL_MS = 2000,
    STANDSTILL_MS = 180000,
};

struct chaos {
    struct server *server;
    struct child_process second;
    unsigned seed;
    int kills_wanted, kills;
    int64_t next_kill_ms;
    int requests, refused;
};

static int choose(struct chaos *chaos, int least, int most) {
    unsigned number = (unsigned)rand_r(&chaos->seed) >> 8;
    return least + (int)(number % (unsigned)(most - least + 1));
}

/* ---- Processes ---- */

static void start_second(struct chaos *chaos) {
    second_service_start(chaos->server, SERVER_PACKAGE_SET, NULL, &chaos->second);
}

static void kill_one(struct chaos *chaos) {
    static const enum server_program programs[] = {SERVER_PACKAGE_SET, SERVER_PACKAGE_SET, SERVER_REDIS, SERVER_BUILD_MATRIX};
    int target = choose(chaos, 0, 6);
    if (target < 4) {
        server_kill(chaos->server, programs[target]);
        server_start_program(chaos->server, programs[target]);
    } else if (target < 6) {
        child_stop(&chaos->second, SIGKILL, PATIENCE_MS);
        start_second(chaos);
    } else {
        server_kill_worker(chaos->server, 0);
        server_start_worker(chaos->server, 0);
    }
    chaos->kills++;
}

/* Sleeps, and kills where it is time. */
static void pass(struct chaos *chaos) {
    usleep(POLL_MS * 1000);
    if (chaos->kills >= chaos->kills_wanted || clock_monotonic_ms() < chaos->next_kill_ms) return;
    kill_one(chaos);
    chaos->next_kill_ms = clock_monotonic_ms() + choose(chaos, GAP_MIN_MS, GAP_MAX_MS);
}

/* ---- The registry ---- */

static const char *read_latest(struct chaos *chaos) {
    return shell_output(&chaos->server->arena,
                        "cd '%s/" REGISTRY_REPO
                        "' && git show HEAD:$(git ls-tree --name-only HEAD package-sets/ | sort -V | tail -1)",
                        chaos->server->folder);
}

static bool is_newest(struct chaos *chaos) {
    const char *set = read_latest(chaos);
    for (int i = 0; i < PACKAGES; i++) {
        char line[32];
        snprintf(line, sizeof line, "\"p%02d\": \"1.1.0\"", i);
        if (!strstr(set, line)) return false;
    }
    return true;
}

/* ---- Requests ---- */

static const char *choose_downgrades(struct chaos *chaos) {
    struct text packages = {0};
    int first = choose(chaos, 0, PACKAGES - 1), count = choose(chaos, 1, 3);
    for (int i = 0; i < count; i++)
        text_append_format(&packages, "%s\"p%02d\":\"1.0.0\"", i ? "," : "", (first + i * 5) % PACKAGES);
    const char *body = arena_format(
        &chaos->server->arena, "{\"action\":\"package-set\",\"actor\":\"me\",\"issue\":%d,\"payload\":{\"packages\":{%s}}}",
        chaos->requests + 1, text_view(&packages));
    text_release(&packages);
    return body;
}

/* False: there was no answer, or a 503. */
static bool call(struct chaos *chaos, const char *method, const char *path, const char *body, json_t **answer) {
    struct http_response response = {0};
    struct error err;
    static const char *const headers[] = {"Accept: application/json", "Content-Type: application/json",
                                          "Authorization: Bearer " SET_TOKEN, NULL};
    const struct http_request request = {.method = method,
                                         .url = arena_format(&chaos->server->arena, "%s%s", chaos->server->url, path),
                                         .headers = headers,
                                         .body = body,
                                         .body_length = body ? strlen(body) : 0,
                                         .timeout_ms = CALL_MS,
                                         .limit_bytes = 1 << 20};
    bool is_answered = !http_client_send(&request, &response, &err) && response.status != 503;
    if (is_answered && response.status != 200)
        fail_msg("%s %s: %d %s", method, path, response.status, text_view(&response.body));
    *answer = is_answered ? json_loads(text_view(&response.body), 0, NULL) : NULL;
    http_response_release(&response);
    return is_answered;
}

static const char *post(struct chaos *chaos, const char *body) {
    json_t *answer;
    while (!call(chaos, "POST", "/api/v1/trustee", body, &answer))
        pass(chaos);
    const char *id = arena_copy(&chaos->server->arena, server_job_text(answer, "jobId"));
    json_decref(answer);
    return id;
}

static bool has_ended(struct chaos *chaos, const char *id, bool *succeeded) {
    json_t *status;
    if (!call(chaos, "GET", arena_format(&chaos->server->arena, "/status/%s", id), NULL, &status)) return false;
    bool has = json_object_get(status, "finishedAt");
    *succeeded = text_equal(server_job_text(status, "state"), "succeeded");
    if (has && !*succeeded) printf("%s: %s\n", id, server_job_text(status, "error"));
    json_decref(status);
    return has;
}

/* One request, and then what the schedules make of it. */
static void go_round(struct chaos *chaos) {
    const char *id = post(chaos, choose_downgrades(chaos));
    bool succeeded = false;
    int64_t until_ms = clock_monotonic_ms() + STANDSTILL_MS;
    chaos->requests++;
    while (!has_ended(chaos, id, &succeeded)) {
        pass(chaos);
        if (clock_monotonic_ms() > until_ms) fail_msg("the job %s does not end", id);
    }
    chaos->refused += !succeeded;
    while (!is_newest(chaos)) {
        pass(chaos);
        if (clock_monotonic_ms() > until_ms) fail_msg("no schedule brings the set up again:\n%s", read_latest(chaos));
    }
}

/* ---- The end ---- */

/* Every set but the first is the one change of one commit, by a job of its own. */
static int check_commits(struct chaos *chaos) {
    struct arena *arena = &chaos->server->arena;
    const char *folder = chaos->server->folder;
    int sets =
        atoi(shell_output(arena, "git -C '%s/" REGISTRY_REPO "' ls-tree --name-only HEAD package-sets/ | wc -l", folder));
    int commits = atoi(
        shell_output(arena, "git -C '%s/" REGISTRY_REPO "' log --format=%%s | grep -c '^Release .* package set.$'", folder));
    int jobs = atoi(shell_output(
        arena, "git -C '%s/" REGISTRY_REPO "' log --grep '^Release' --format=%%b | sed -n 's/^Job ID: //p' | sort -u | wc -l",
        folder));
    const char *changed =
        shell_output(arena,
                     "git -C '%s/" REGISTRY_REPO
                     "' log --grep '^Release' --format= --name-status | sort | uniq -c | awk '$1 != 1 || $2 != \"A\"'",
                     folder);
    if (commits != sets - 1 || jobs != commits || *changed)
        fail_msg("%d sets by %d commits of %d jobs; changed otherwise:\n%s", sets, commits, jobs, changed);
    return sets - 1;
}

static void check_sets(struct chaos *chaos) {
    const char *folder = chaos->server->folder;
    char *list = shell_output(&chaos->server->arena,
                              "git -C '%s/" REGISTRY_REPO "' ls-tree --name-only HEAD package-sets/ | sort -V", folder);
    const char *before = "";
    for (char *rest = NULL, *path = strtok_r(list, "\n", &rest); path; path = strtok_r(NULL, "\n", &rest)) {
        struct package_set set;
        struct error err;
        const char *file = registry_file(chaos->server, REGISTRY_REPO, path);
        if (package_set_parse(&set, file, strlen(file), &chaos->server->arena, &err)) fail_msg("%s: %s", path, err.message);
        if (set.packages.count != PACKAGES) fail_msg("%s has %zu packages", path, set.packages.count);
        const char *packages = strstr(file, "\"packages\"");
        if (strcmp(packages, before) == 0) fail_msg("%s is the set before once more", path);
        before = packages;
    }
}

static struct server *start(const char *programs) {
    static const char *rows[2 * PACKAGES + 1];
    static char lines[2 * PACKAGES + 1][80];
    struct text members = {0};
    size_t count = 0;
    for (int i = 0; i < PACKAGES; i++)
        for (int minor = 0; minor < 2; minor++) {
            char needs[48] = "";
            if (i > 0) snprintf(needs, sizeof needs, "p%02d >=1.0.0 <2.0.0", i / 3);
            snprintf(lines[count], sizeof lines[count], "p%02d 1.%d.0 [0.15.15] %s", i, minor, needs);
            rows[count] = lines[count];
            count++;
            if (minor == 1) text_append_format(&members, "%sp%02d 1.1.0", i ? " " : "", i);
        }
    rows[count++] = "zbroken 1.0.0 [0.15.15] p00 >=1.0.0 <2.0.0";
    static const struct generated_extra extra = {"zbroken", "1.0.0", .module = NULL, .import = "Nowhere.At.All"};
    static const char *const settings[] = {"LEASE_MS=2000", "PENDING_SCAN_MS=200", "PACKAGE_SET_AFTER_MS=300",
                                           "PACKAGE_SETS_PER_DAY=1000", NULL};
    struct server *server = set_scene_start(&(struct set_scene_options){.rows = rows,
                                                                        .row_count = count,
                                                                        .members = members.bytes,
                                                                        .extras = &extra,
                                                                        .extra_count = 1,
                                                                        .sleep_ms = SLEEP_MS,
                                                                        .programs = programs,
                                                                        .settings = settings});
    text_release(&members);
    return server;
}

static void run(struct chaos *chaos) {
    int64_t begun_ms = clock_monotonic_ms();
    chaos->next_kill_ms = begun_ms + GAP_MAX_MS;
    start_second(chaos);
    while (chaos->kills < chaos->kills_wanted || chaos->requests == 0)
        go_round(chaos);
    go_round(chaos); /* and once undisturbed */
    int sets = check_commits(chaos);
    check_sets(chaos);
    registry_expect_consistency(chaos->server);
    printf("%-40s %6d\n%-40s %6d\n%-40s %6d\n%-40s %6d\n%-40s %6lld\n", "requests", chaos->requests, "… that failed",
           chaos->refused, "package sets", sets, "kills", chaos->kills, "seconds",
           (long long)(clock_monotonic_ms() - begun_ms) / 1000);
    if (chaos->refused > 0) fail_msg("%d requests failed", chaos->refused);
    child_stop(&chaos->second, SIGTERM, PATIENCE_MS);
}

static int usage(void) {
    fprintf(stderr, "usage: tests/chaos/set [--kills N] [--seed S] [--bin DIR]\n");
    return 2;
}

int main(int argument_count, char **arguments) {
    static const struct option options[] = {{"kills", required_argument, NULL, 'k'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"bin", required_argument, NULL, 'b'},
                                            {0}};
    struct chaos chaos = {.kills_wanted = 50, .seed = (unsigned)time(NULL) ^ (unsigned)getpid()};
    const char *programs = NULL;
    for (int option; (option = getopt_long(argument_count, arguments, "", options, NULL)) != -1;) {
        switch (option) {
        case 'k': chaos.kills_wanted = atoi(optarg); break;
        case 's': chaos.seed = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'b': programs = optarg; break;
        default: return usage();
        }
    }
    if (optind < argument_count || chaos.kills_wanted < 0) return usage();
    setvbuf(stdout, NULL, _IOLBF, 0);
    setenv("CMOCKA_TEST_ABORT", "1", 1); /* cmocka: outside of a test, say what failed */
    unsigned seed = chaos.seed;
    chaos.server = start(programs);
    printf("seed %u, in %s\n", seed, chaos.server->folder);
    run(&chaos);
    set_scene_stop(chaos.server);
    return 0;
}
