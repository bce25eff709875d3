/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Owners whose requests conflict, round by round, with a few rounds under way at the same time:
 *
 *   needed    a version is unpublished while a package that depends on it is published: one succeeds, never both
 *   moving    a package is transferred while a version of it is published from its old location: only if it came first
 *   unwanted  a version is unpublished twice, with two reasons: one succeeds, with its reason
 *
 * Afterwards the repositories and the storage agree, and no manifest of the index lacks a dependency.
 *
 *   tests/chaos/race [--rounds N] [--seed S] [--bin DIR]
 */
#include "tests/support/cmocka_all.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "tests/support/owners_scene.h"
#include "tests/support/registry_check.h"
#include "tests/support/shell.h"

enum {
    ROUNDS_AT_ONCE = 4,
    CONTESTS = 3,     /* of a round: needed, moving, unwanted */
    SLEEP_MAX_MS = 6, /* of a compile */
    PAUSE_MAX_MS = 2000,
};

struct contestant {
    const char *route, *body, *id;
    bool has_won;
    const char *error; /* of the one that failed */
};

struct contest {
    const char *package;
    struct contestant first, second; /* not in the order of sending */
};

struct race {
    struct owners_scene scene;
    unsigned seed;
    int rounds;
    int publish_ms;        /* recent duration of a publication */
    int wins[CONTESTS][2]; /* of the first, of the second */
    int both_won;          /* of "moving" */
};

static int choose(struct race *race, int least, int most) {
    unsigned number = (unsigned)rand_r(&race->seed) >> 8; /* its lowest bits are less random */
    return least + (int)(number % (unsigned)(most - least + 1));
}

/* ---- The requests ---- */

static const char *sign(struct race *race, const char *payload) {
    struct arena *arena = &race->scene.server->arena;
    return signed_request_body(arena, payload, owner_key_sign(arena, &race->scene.owner, payload));
}

static struct contestant unpublishing(struct race *race, const char *name, const char *reason) {
    const char *payload =
        arena_format(&race->scene.server->arena, "{\"name\":\"%s\",\"version\":\"1.0.0\",\"reason\":\"%s\"}", name, reason);
    return (struct contestant){.route = ROUTE_UNPUBLISH, .body = sign(race, payload)};
}

static struct contestant publication(struct race *race, const char *name, const char *version, const char *dependency) {
    struct arena *arena = &race->scene.server->arena;
    struct package package = {.name = name,
                              .version = version,
                              .owners = owners_of(&race->scene, &race->scene.owner),
                              .pragma = arena_format(arena, "sleep %d", choose(race, 0, SLEEP_MAX_MS))};
    if (dependency != NULL) package.dependencies[0] = (struct package_dependency){dependency, ">=1.0.0 <2.0.0"};
    package_push(arena_format(arena, "%s/sources", race->scene.server->folder), &package);
    return (struct contestant){.route = "/api/v1/publish", .body = package_request(arena, &package)};
}

/* ---- A round ---- */

/* Publishes the packages of a round, and prepares its requests. */
static void prepare(struct race *race, int round, struct contest contests[CONTESTS]) {
    struct arena *arena = &race->scene.server->arena;
    static const char *const names[CONTESTS] = {"needed", "moving", "unwanted"};
    const char *ids[CONTESTS];
    for (int i = 0; i < CONTESTS; i++) {
        contests[i].package = arena_format(arena, "%s-%d", names[i], round);
        struct contestant base = publication(race, contests[i].package, "1.0.0", NULL);
        ids[i] = server_post(race->scene.server, base.route, base.body).id;
    }
    for (int i = 0; i < CONTESTS; i++) {
        server_expect_success(race->scene.server, ids[i]);
        json_t *job = server_wait_for_job(race->scene.server, ids[i]);
        race->publish_ms = (int)(race->publish_ms + server_job_time(job, "finishedAt") - server_job_time(job, "createdAt")) / 2;
        json_decref(job);
    }
    contests[0].first = unpublishing(race, contests[0].package, "Nobody needs it.");
    contests[0].second = publication(race, arena_format(arena, "needing-%d", round), "1.0.0", contests[0].package);
    const char *place = arena_format(arena, "moved/purescript-%s", contests[1].package);
    contests[1].first = (struct contestant){.route = ROUTE_TRANSFER,
                                            .body = sign(race, transfer_payload(&race->scene, contests[1].package, place))};
    contests[1].second = publication(race, contests[1].package, "1.1.0", NULL);
    contests[2].first = unpublishing(race, contests[2].package, "One reason.");
    contests[2].second = unpublishing(race, contests[2].package, "Another reason.");
}

static void pause_for(int ms) {
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

/* A publication works for a while before it writes, so the request that must conflict with the write is sent a little later. */
static void send_both(struct race *race, struct contest *contest) {
    bool is_swapped = choose(race, 0, 2) > 0;
    struct contestant *order[2] = {is_swapped ? &contest->second : &contest->first,
                                   is_swapped ? &contest->first : &contest->second};
    for (int i = 0; i < 2; i++) {
        order[i]->id = server_post(race->scene.server, order[i]->route, order[i]->body).id;
        int most_ms = strcmp(order[i]->route, "/api/v1/publish") == 0 ? race->publish_ms : race->publish_ms / 8;
        if (i == 0) pause_for(choose(race, 0, most_ms < PAUSE_MAX_MS ? most_ms : PAUSE_MAX_MS));
    }
}

static void see_end(struct race *race, struct contestant *contestant) {
    json_t *job = server_wait_for_job(race->scene.server, contestant->id);
    contestant->has_won = json_is_true(json_object_get(job, "success"));
    contestant->error = contestant->has_won ? "" : server_last_error(race->scene.server, job);
    json_decref(job);
}

static void expect_words(const struct contestant *loser, const char *words) {
    if (strstr(loser->error, words) == NULL) fail_msg("it lost for another reason than \"%s\": %s", words, loser->error);
}

/* Each contest must have one consistent outcome. */
static void judge(struct race *race, int kind, struct contest *contest) {
    see_end(race, &contest->first);
    see_end(race, &contest->second);
    bool first = contest->first.has_won, second = contest->second.has_won;
    if (!first && !second) fail_msg("%s: both lost: %s / %s", contest->package, contest->first.error, contest->second.error);
    if (first && second && kind != 1) fail_msg("%s: both won", contest->package);
    static const char *const why_first_lost[CONTESTS] = {"unsatisfied dependencies", "", "already unpublished"};
    static const char *const why_second_lost[CONTESTS] = {NULL, "transfer", "already unpublished"};
    if (!first) expect_words(&contest->first, why_first_lost[kind]);
    if (!second) expect_words(&contest->second, kind == 0 ? contest->package : why_second_lost[kind]);
    if (kind == 1 && !first) fail_msg("%s: the transfer lost: %s", contest->package, contest->first.error);
    race->wins[kind][0] += first;
    race->wins[kind][1] += second;
    race->both_won += first && second;
}

static void run_rounds(struct race *race, int from, int count) {
    struct contest contests[ROUNDS_AT_ONCE][CONTESTS] = {0};
    for (int i = 0; i < count; i++)
        prepare(race, from + i, contests[i]);
    for (int i = 0; i < count; i++)
        for (int kind = 0; kind < CONTESTS; kind++)
            send_both(race, &contests[i][kind]);
    for (int i = 0; i < count; i++)
        for (int kind = 0; kind < CONTESTS; kind++)
            judge(race, kind, &contests[i][kind]);
}

/* ---- After ---- */

static void check_registry(struct race *race) {
    struct server *server = race->scene.server;
    registry_expect_consistency(server);
    char *problems = shell_output(&server->arena, "'%s/registryctl' check '%s' 2>&1 || true", server->programs, server->folder);
    if (strstr(problems, "problems=0") == NULL) fail_msg("%s", problems);
}

static int usage(void) {
    fprintf(stderr, "usage: tests/chaos/race [--rounds N] [--seed S] [--bin DIR]\n");
    return 2;
}

int main(int argument_count, char **arguments) {
    static const struct option options[] = {{"rounds", required_argument, NULL, 'r'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"bin", required_argument, NULL, 'b'},
                                            {0}};
    static const char *const settings[] = {"PENDING_SCAN_MS=200", "PUBLISH_SLOTS=12", NULL};
    struct server_options how = {.settings = settings};
    static struct race race = {.rounds = 200};
    race.seed = (unsigned)time(NULL) ^ (unsigned)getpid();
    for (int option; (option = getopt_long(argument_count, arguments, "", options, NULL)) != -1;) {
        switch (option) {
        case 'r': race.rounds = atoi(optarg); break;
        case 's': race.seed = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'b': how.programs = optarg; break;
        default: return usage();
        }
    }
    if (optind < argument_count || race.rounds < 1) return usage();

    unsigned seed = race.seed;
    setvbuf(stdout, NULL, _IOLBF, 0);
    setenv("CMOCKA_TEST_ABORT", "1", 1); /* makes cmocka report failures outside of a test */
    owners_scene_start(&race.scene, &how);
    printf("seed %u, in %s\n", seed, race.scene.server->folder);
    int64_t start_ms = clock_monotonic_ms();
    for (int round = 0; round < race.rounds; round += ROUNDS_AT_ONCE)
        run_rounds(&race, round, race.rounds - round < ROUNDS_AT_ONCE ? race.rounds - round : ROUNDS_AT_ONCE);
    check_registry(&race);
    owners_scene_stop(&race.scene);

    printf("%d rounds in %d s\n", race.rounds, (int)((clock_monotonic_ms() - start_ms) / 1000));
    printf("needed:   unpublished %d times, depended on %d times\n", race.wins[0][0], race.wins[0][1]);
    printf("moving:   moved %d times, published before that %d times\n", race.wins[1][0], race.both_won);
    printf("unwanted: unpublished for the one reason %d times, for the other %d times\n", race.wins[2][0], race.wins[2][1]);
    printf("one outcome each, no dependency is missing, the repositories and the storage agree (seed %u)\n", seed);
    return 0;
}
