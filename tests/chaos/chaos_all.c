/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Kills any process of a whole server, of which there are two of each (publish, transfer, package-set, build-matrix, gateway, build-worker)
 * and one redis-server, at random moments, and starts it again at once, while packages are published, unpublished, transferred
 * and revised by owners and trustees, and a new compiler's wave runs over them. At the end
 *   - every accepted job exists, and has ended; none has failed unless its runner was killed three times in a row
 *   - each act was carried out once: its commits exist exactly once, made by the job that succeeded
 *   - every published version has every compiler, each by one commit; every build has succeeded, except those of
 *     versions that were unpublished meanwhile, and those whose workers were killed three times
 *   - the repositories and the storage agree, and no manifest of the index lacks a dependency
 * So nothing is lost or done twice, and no request is refused because of an outdated view or a temporary outage. The checks are
 * in chaos_all_check.c.
 *
 *   tests/chaos/all [--kills N] [--packages N] [--seed S] [--bin DIR]
 *
 * Clients behave like real ones: they repeat a request that got no answer or a 503, at either gateway, and repeat failed
 * requests. The same seed gives the same requests and kills, not the same moments.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"
#include "tests/chaos/chaos_all.h"
#include "tests/support/server/second_service.h"
#include "tests/support/shell.h"

#define TOKEN "ghp_TheTokenOfTheTrusteesInThisTest01"
#define FIRST_COMPILERS "0_15_14 0_15_15"
#define NEW_COMPILER "0.15.16"
#define GIVEN_UP "times in a row, so it was given up"

enum {
    REFUSALS_MAX = 5, /* of one act: enough for an outdated view to catch up */
    WINDOW = 8,       /* packages under way at once */
    CALL_MS = 2000,
    SLEEP_MAX_MS = 300, /* of a compile */
    GAP_MIN_MS = 10,
    GAP_MAX_MS = 700,
    GAP_HURRY_MS = 120, /* if the kills lag behind the acts */
    POLL_MS = 10,
    LOOK_MS = 200,
    LEASE_MS = 2000,
    STANDSTILL_MS = 180000, /* after the last kill, without one job made, begun or ended */
};

const struct chaos_kind chaos_kinds[KIND_COUNT] = {
    [PUBLISH] = {"publications", "/api/v1/publish", 1, 1},
    [UNPUBLISH] = {"unpublishings", ROUTE_UNPUBLISH, 1, 1},
    [TRANSFER] = {"transfers", ROUTE_TRANSFER, 1, 0},
    [TRUSTEE_UNPUBLISH] = {"trustees' unpublishings", "/api/v1/trustee", 1, 1},
    [TRUSTEE_TRANSFER] = {"trustees' transfers", "/api/v1/trustee", 1, 0},
    [REVISE] = {"revisions", "/api/v1/trustee", 1, 1},
    [MATRIX] = {"trustees' builds", "/api/v1/trustee", -1, 0}, /* whether there is a commit depends on which build came first */
};

struct target {
    const char *name;
    enum server_program program; /* SERVER_PROGRAM_COUNT stands for a build worker */
    int worker;
    struct child_process *second; /* NULL: the fixture's own */
    int kills;
};

static struct target targets[] = {
    {"redis-server", SERVER_REDIS, 0, NULL, 0},
    {"publish 1", SERVER_PUBLISH, 0, NULL, 0},
    {"publish 2", SERVER_PUBLISH, 0, NULL, 0},
    {"transfer 1", SERVER_TRANSFER, 0, NULL, 0},
    {"transfer 2", SERVER_TRANSFER, 0, NULL, 0},
    {"package-set 1", SERVER_PACKAGE_SET, 0, NULL, 0},
    {"package-set 2", SERVER_PACKAGE_SET, 0, NULL, 0},
    {"build-matrix 1", SERVER_BUILD_MATRIX, 0, NULL, 0},
    {"build-matrix 2", SERVER_BUILD_MATRIX, 0, NULL, 0},
    {"gateway 1", SERVER_GATEWAY, 0, NULL, 0},
    {"gateway 2", SERVER_GATEWAY, 0, NULL, 0},
    {"build-worker 1", SERVER_PROGRAM_COUNT, 0, NULL, 0},
    {"build-worker 2", SERVER_PROGRAM_COUNT, 1, NULL, 0},
};

enum { TARGETS = sizeof targets / sizeof *targets };

static int choose(struct chaos *chaos, int least, int most) {
    unsigned number = (unsigned)rand_r(&chaos->seed) >> 8;
    return least + (int)(number % (unsigned)(most - least + 1));
}

void chaos_note_fault(struct chaos *chaos, const char *what, const char *words) {
    fprintf(stderr, "FAULT: %s: %s\n", what, words);
    if (chaos->fault_count < FAULTS_SHOWN)
        chaos->faults[chaos->fault_count] = arena_format(&chaos->server->arena, "%s: %s", what, words);
    chaos->fault_count++;
}

/* ---- Before ---- */

static struct act *add_act(struct chaos *chaos, struct story *story, enum kind kind, const char *body) {
    struct act *act = &story->acts[story->act_count++];
    *act = (struct act){.kind = kind, .body = body};
    chaos->act_count++;
    return act;
}

static const char *sign(struct chaos *chaos, const char *payload) {
    struct arena *arena = &chaos->server->arena;
    return signed_request_body(arena, payload, owner_key_sign(arena, &chaos->scene.owner, payload));
}

static const char *trustee_request(struct chaos *chaos, const char *action, const char *payload) {
    return arena_format(&chaos->server->arena, "{\"action\":\"%s\",\"actor\":\"me\",\"issue\":7,\"payload\":%s}", action,
                        payload);
}

/* Every sixth package is one that others depend on, and is never unpublished. */
static void write_story(struct chaos *chaos, int number) {
    struct arena *arena = &chaos->server->arena;
    struct story *story = &chaos->stories[number];
    const char *name = arena_format(arena, "chaos-%d", number);
    const char *place = arena_format(arena, "moved/purescript-%s", name);
    int turn = number % 6;
    *story = (struct story){.dependency = -1};
    story->package =
        (struct package){.name = name,
                         .version = "1.0.0",
                         .owners = owners_of(&chaos->scene, &chaos->scene.owner),
                         .pragma = arena_format(arena, "sleep %d", choose(chaos, 0, 2) ? 0 : choose(chaos, 0, SLEEP_MAX_MS))};
    if (number > 0 && (turn == 3 || choose(chaos, 0, 1))) story->dependency = choose(chaos, 0, (number - 1) / 6) * 6;
    if (story->dependency >= 0)
        story->package.dependencies[0] =
            (struct package_dependency){chaos->stories[story->dependency].package.name, ">=1.0.0 <2.0.0"};
    package_push(arena_format(arena, "%s/sources", chaos->server->folder), &story->package);
    add_act(chaos, story, PUBLISH, package_request(arena, &story->package));
    switch (turn) {
    case 0:
        if (story->dependency >= 0) break; /* no plan until the dependency has the compiler */
        add_act(chaos, story, MATRIX,
                trustee_request(chaos, "matrix",
                                arena_format(arena, "{\"name\":\"%s\",\"version\":\"1.0.0\",\"compiler\":\"0.15.14\"}", name)));
        break;
    case 1: add_act(chaos, story, UNPUBLISH, sign(chaos, unpublish_payload(&chaos->scene, name, "1.0.0"))); break;
    case 2: add_act(chaos, story, TRANSFER, sign(chaos, transfer_payload(&chaos->scene, name, place))); break;
    case 3:
        if (story->dependency < 0) break;
        add_act(chaos, story, REVISE,
                trustee_request(
                    chaos, "revise",
                    arena_format(arena, "{\"name\":\"%s\",\"version\":\"1.0.0\",\"dependencies\":{\"%s\":\">=1.0.0 <3.0.0\"}}",
                                 name, story->package.dependencies[0].name)));
        break;
    case 4:
        add_act(chaos, story, TRUSTEE_UNPUBLISH,
                trustee_request(chaos, "unpublish", arena_format(arena, "{\"name\":\"%s\",\"version\":\"1.0.0\"}", name)));
        break;
    default:
        add_act(chaos, story, TRUSTEE_TRANSFER,
                trustee_request(chaos, "transfer", transfer_payload(&chaos->scene, name, place)));
    }
}

/* ---- Processes ---- */

/* A restarted program must listen at the same address, which the others know. */
static const char *pin_port(struct server *server, const char **environment, int port) {
    for (; *environment; environment++)
        if (text_equal(*environment, "SERVER_PORT=0")) break;
    const char *setting = arena_format(&server->arena, "SERVER_PORT=%d", port);
    if (*environment) *environment = setting;
    return setting;
}

static void start_second(struct chaos *chaos, enum server_program program) {
    const char *const settings[] = {program == SERVER_GATEWAY ? chaos->second_gateway_port : NULL, NULL};
    second_service_start(chaos->server, program, settings, &chaos->seconds[program]);
}

static bool has_second_port(void *context) {
    struct chaos *chaos = context;
    struct arena arena = {0};
    char *ports = read_file(&arena, second_service_path(chaos->server, "gateway.ports"));
    bool is_there = ports && sscanf(ports, "server=%d", &chaos->ports[1]) == 1;
    arena_release(&arena);
    return is_there;
}

static void start_seconds(struct chaos *chaos) {
    chaos->ports[0] = chaos->server->port;
    for (enum server_program program = SERVER_REDIS + 1; program <= SERVER_GATEWAY; program++)
        start_second(chaos, program);
    if (!wait_until(has_second_port, chaos, PATIENCE_MS)) fail_msg("the second gateway does not start");
    pin_port(chaos->server, chaos->server->environments[SERVER_GATEWAY], chaos->ports[0]);
    chaos->second_gateway_port = arena_format(&chaos->server->arena, "SERVER_PORT=%d", chaos->ports[1]);
    const char *const settings[] = {arena_format(&chaos->server->arena, "BUILD_WORKER_ADDRESS=ipc://%s",
                                                 second_service_path(chaos->server, "build-worker.ipc")),
                                    NULL};
    server_add_worker(chaos->server, &(struct server_worker){.settings = settings});
    enum server_program last = SERVER_PROGRAM_COUNT;
    for (int i = 0; i < TARGETS; i++) { /* the second with a program's name */
        if (targets[i].program == last && last != SERVER_PROGRAM_COUNT) targets[i].second = &chaos->seconds[last];
        last = targets[i].program;
    }
}

static void kill_and_start(struct chaos *chaos, struct target *target) {
    if (target->second) {
        child_stop(target->second, SIGKILL, PATIENCE_MS);
        start_second(chaos, target->program);
    } else if (target->program == SERVER_PROGRAM_COUNT) {
        server_kill_worker(chaos->server, target->worker);
        server_start_worker(chaos->server, target->worker);
    } else {
        server_kill(chaos->server, target->program);
        server_start_program(chaos->server, target->program);
    }
    target->kills++;
}

static void expect_programs(struct chaos *chaos) {
    for (int i = 0; i < TARGETS; i++) {
        struct target *target = &targets[i];
        if (target->program == SERVER_REDIS) continue;
        struct child_process *child = target->second                            ? target->second
                                      : target->program == SERVER_PROGRAM_COUNT ? &chaos->server->workers[target->worker]
                                                                                : &chaos->server->children[target->program];
        if (!child_is_running(child)) fail_msg("%s ended by itself, see its log in %s", target->name, chaos->server->folder);
    }
}

/* Programs read the list of compilers when they start. */
static void bring_new_compiler(struct chaos *chaos) {
    shell_run("cp '%s/purs-stand-in' '%s/compilers/purs-0_15_16'", chaos->server->programs, chaos->server->folder);
    for (int i = 0; i < TARGETS; i++)
        if (targets[i].program == SERVER_PUBLISH || targets[i].program == SERVER_PROGRAM_COUNT)
            kill_and_start(chaos, &targets[i]);
    chaos->has_new_compiler = true;
}

/* ---- The clients ---- */

/* Calls either gateway. False if there was no answer, or a 503. */
static bool call(struct chaos *chaos, const char *method, const char *path, const char *body, struct http_response *out) {
    char url[256];
    struct error err;
    static const char *const headers[] = {"Accept: application/json", "Content-Type: application/json",
                                          "Authorization: Bearer " TOKEN, NULL};
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", chaos->ports[choose(chaos, 0, GATEWAYS - 1)], path);
    struct http_request request = {.method = method,
                                   .url = url,
                                   .headers = headers,
                                   .body = body,
                                   .body_length = body ? strlen(body) : 0,
                                   .timeout_ms = CALL_MS,
                                   .limit_bytes = 64 << 20};
    bool is_answered = !http_client_send(&request, out, &err) && out->status != 503;
    chaos->unanswered += !is_answered;
    return is_answered;
}

static void post(struct chaos *chaos, const struct story *story, struct act *act) {
    struct http_response response = {0};
    if (call(chaos, "POST", chaos_kinds[act->kind].route, act->body, &response)) {
        json_t *answer = json_loads(text_view(&response.body), 0, NULL);
        const char *id = server_job_text(answer, "jobId");
        if (response.status != 200 || id[0] == '\0') {
            if (++act->refused_count == REFUSALS_MAX)
                fail_msg("%s is never accepted: %s", story->package.name, text_view(&response.body));
            chaos_note_fault(
                chaos,
                arena_format(&chaos->server->arena, "a request for %s is answered %d", story->package.name, response.status),
                text_view(&response.body));
        } else {
            if (act->job_count == JOBS_MAX) fail_msg("%s never gets done", story->package.name);
            if (act->job_count > 0 && strcmp(act->jobs[act->job_count - 1], id) == 0)
                fail_msg("the failed job %s stands in the way of its repeat", id);
            act->jobs[act->job_count++] = arena_copy(&chaos->server->arena, id);
            act->is_pending = true;
        }
        json_decref(answer);
    }
    http_response_release(&response);
}

static void see_end(struct chaos *chaos, const struct story *story, struct act *act, const json_t *status) {
    act->is_pending = false;
    act->is_done = strcmp(server_job_text(status, "state"), "succeeded") == 0;
    chaos->acts_done += act->is_done;
    if (act->is_done) return;
    const char *error = server_job_text(status, "error");
    if (strstr(error, GIVEN_UP))
        chaos->given_up++;
    else
        chaos_note_fault(chaos,
                         arena_format(&chaos->server->arena, "job %s of %s (%s)", server_job_text(status, "jobId"),
                                      story->package.name, chaos_kinds[act->kind].name),
                         error);
}

static void look(struct chaos *chaos, const struct story *story, struct act *act) {
    const char *id = act->jobs[act->job_count - 1];
    char path[128];
    struct http_response response = {0};
    snprintf(path, sizeof path, "/status/%s", id);
    if (call(chaos, "GET", path, NULL, &response)) {
        json_t *status = json_loads(text_view(&response.body), 0, NULL);
        if (response.status != 200) fail_msg("the accepted job %s: %d %s", id, response.status, text_view(&response.body));
        if (json_object_get(status, "finishedAt")) see_end(chaos, story, act, status);
        json_decref(status);
    }
    http_response_release(&response);
}

static bool kills_are_behind(const struct chaos *chaos) {
    return chaos->killed * chaos->act_count < chaos->acts_done * chaos->kill_count;
}

static bool may_begin(const struct chaos *chaos, const struct story *story) {
    if (story->current > 0 || story->acts[0].job_count > 0) return true;
    if (story->dependency >= 0 && !chaos->stories[story->dependency].acts[0].is_done) return false;
    return chaos->under_way == 0 || (chaos->under_way < WINDOW && !kills_are_behind(chaos));
}

/* One round over all packages; returns the number that are not done yet. */
static int work(struct chaos *chaos) {
    int left = 0;
    bool is_time = clock_monotonic_ms() - chaos->looked_ms >= LOOK_MS;
    if (is_time) chaos->looked_ms = clock_monotonic_ms();
    chaos->under_way = 0;
    for (int i = 0; i < chaos->story_count; i++) {
        struct story *story = &chaos->stories[i];
        if (story->current < story->act_count) {
            struct act *act = &story->acts[story->current];
            if (is_time && act->is_pending) look(chaos, story, act);
            if (act->is_done) story->current++;
        }
        left += story->current < story->act_count;
        chaos->under_way += story->current < story->act_count && (story->current > 0 || story->acts[0].job_count > 0);
    }
    for (int i = 0; i < chaos->story_count; i++) {
        struct story *story = &chaos->stories[i];
        if (story->current == story->act_count || story->acts[story->current].is_pending || !may_begin(chaos, story)) continue;
        if (story->acts[story->current].job_count + story->acts[story->current].refused_count > 0 && !is_time)
            continue; /* again */
        chaos->under_way += story->current == 0 && story->acts[0].job_count == 0;
        post(chaos, story, &story->acts[story->current]);
    }
    return left;
}

/* ---- Meanwhile ---- */

static int64_t next_moment_ms(struct chaos *chaos) {
    return clock_monotonic_ms() + choose(chaos, GAP_MIN_MS, kills_are_behind(chaos) ? GAP_HURRY_MS : GAP_MAX_MS);
}

static void wait_for_wave(struct chaos *chaos) {
    struct job_counts last = {0}, counts;
    struct error err;
    int missing = 0;
    for (int64_t moved_ms = clock_monotonic_ms(); clock_monotonic_ms() - moved_ms < STANDSTILL_MS; usleep(LOOK_MS * 1000)) {
        expect_programs(chaos);
        if (job_store_count(chaos->store, &counts, &err)) fail_msg("%s", err.message);
        bool is_idle = counts.pending[JOB_KIND_MATRIX] == 0 && counts.running[JOB_KIND_MATRIX] == 0;
        if (is_idle && (missing = chaos_count_missing(chaos)) == 0) return;
        if (counts.pending[JOB_KIND_MATRIX] != last.pending[JOB_KIND_MATRIX] ||
            counts.running[JOB_KIND_MATRIX] != last.running[JOB_KIND_MATRIX])
            moved_ms = clock_monotonic_ms();
        last = counts;
    }
    chaos_note_fault(chaos, "the wave stands still",
                     arena_format(&chaos->server->arena, "%lld pending, %lld running, %d versions lack a compiler",
                                  (long long)last.pending[JOB_KIND_MATRIX], (long long)last.running[JOB_KIND_MATRIX], missing));
}

static void run(struct chaos *chaos) {
    int64_t next_kill_ms = next_moment_ms(chaos), last_ms = 0;
    int last_done = 0;
    for (int left = chaos->story_count; left > 0 || chaos->killed < chaos->kill_count; usleep(POLL_MS * 1000)) {
        int64_t now_ms = clock_monotonic_ms();
        if (chaos->killed < chaos->kill_count && now_ms >= next_kill_ms) {
            kill_and_start(chaos, &targets[choose(chaos, 0, TARGETS - 1)]);
            chaos->killed++;
            chaos->killed_idle += left == 0;
            next_kill_ms = next_moment_ms(chaos);
        }
        if (!chaos->has_new_compiler && chaos->killed >= chaos->kill_count / 2) bring_new_compiler(chaos);
        expect_programs(chaos);
        left = work(chaos);
        if (chaos->acts_done != last_done || chaos->killed < chaos->kill_count || last_ms == 0) last_ms = now_ms;
        last_done = chaos->acts_done;
        if (now_ms - last_ms > STANDSTILL_MS) fail_msg("%d packages never get done", left);
    }
}

/* ---- After ---- */

/* Stops every process, each before those that it calls. Repacking is switched off for the checks afterwards. */
static void stop(struct chaos *chaos) {
    for (int worker = 0; worker < chaos->server->worker_count; worker++)
        server_terminate_worker(chaos->server, worker);
    for (enum server_program program = SERVER_GATEWAY; program > SERVER_REDIS; program--) {
        if (child_stop(&chaos->seconds[program], SIGTERM, PATIENCE_MS))
            chaos_note_fault(chaos, "a second service", "does not end well: see its log");
        server_terminate(chaos->server, program);
    }
}

static void print(const struct chaos *chaos, int builds, int seconds) {
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        int count = 0;
        for (int i = 0; i < chaos->story_count; i++)
            for (int a = 0; a < chaos->stories[i].act_count; a++)
                count += (int)chaos->stories[i].acts[a].kind == kind;
        printf("%-40s %6d\n", chaos_kinds[kind].name, count);
    }
    printf("%-40s %6d\n", "builds", builds);
    printf("%-40s %6d\n", "jobs given up and asked for again", chaos->given_up);
    printf("%-40s %6d\n", "calls without an answer, or with 503", chaos->unanswered);
    printf("%-40s %6d\n", "kills", chaos->killed);
    printf("%-40s %6d\n", "… after the last act", chaos->killed_idle);
    for (int i = 0; i < TARGETS; i++)
        printf("… of %-35s %6d\n", targets[i].name, targets[i].kills);
    printf("%-40s %6d\n", "seconds", seconds);
}

static int usage(void) {
    fprintf(stderr, "usage: tests/chaos/all [--kills N] [--packages N] [--seed S] [--bin DIR]\n");
    return 2;
}

int main(int argument_count, char **arguments) {
    static const struct option options[] = {{"kills", required_argument, NULL, 'k'},
                                            {"packages", required_argument, NULL, 'p'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"bin", required_argument, NULL, 'b'},
                                            {0}};
    char lease[32];
    snprintf(lease, sizeof lease, "LEASE_MS=%d", LEASE_MS);
    const char *const settings[] = {
        lease, "PENDING_SCAN_MS=200", "PUBLISH_SLOTS=4", "MATRIX_SWEEP_INTERVAL_MS=5000", "MATRIX_SWEEP_JOBS=100000", NULL};
    static char digest[128] = "PACCHETTIBOTTI_TOKEN_SHA256=";
    hash_sha256_hex(TOKEN, strlen(TOKEN), digest + strlen(digest));
    const char *const gateway_settings[] = {digest, NULL};
    struct server_options how = {
        .settings = settings, .gateway_settings = gateway_settings, .compilers = FIRST_COMPILERS, .workers = 1};
    static struct chaos chaos = {.story_count = 120, .kill_count = 500};
    chaos.seed = (unsigned)time(NULL) ^ (unsigned)getpid();
    for (int option; (option = getopt_long(argument_count, arguments, "", options, NULL)) != -1;) {
        switch (option) {
        case 'k': chaos.kill_count = atoi(optarg); break;
        case 'p': chaos.story_count = atoi(optarg); break;
        case 's': chaos.seed = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'b': how.programs = optarg; break;
        default: return usage();
        }
    }
    if (optind < argument_count || chaos.story_count < 1 || chaos.story_count > PACKAGES_MAX) return usage();

    unsigned seed = chaos.seed;
    struct error err;
    setvbuf(stdout, NULL, _IOLBF, 0);
    setenv("CMOCKA_TEST_ABORT", "1", 1); /* makes cmocka report failures outside of a test */
    owners_scene_start(&chaos.scene, &how);
    chaos.server = chaos.scene.server;
    printf("seed %u, in %s\n", seed, chaos.server->folder);
    if (job_store_create(&chaos.store, redis_server_url(chaos.server->redis), PATIENCE_MS, &err)) fail_msg("%s", err.message);
    start_seconds(&chaos);
    for (int i = 0; i < chaos.story_count; i++)
        write_story(&chaos, i);
    int64_t start_ms = clock_monotonic_ms();
    run(&chaos);
    server_wait_until_ready(chaos.server);
    wait_for_wave(&chaos);
    int seconds = (int)((clock_monotonic_ms() - start_ms) / 1000);
    chaos_check_acts(&chaos);
    int builds = chaos_check_builds(&chaos);
    stop(&chaos);
    chaos_check_registry(&chaos);
    print(&chaos, builds, seconds);
    if (chaos.fault_count > 0) {
        for (int i = 0; i < chaos.fault_count && i < FAULTS_SHOWN; i++)
            fprintf(stderr, "%s\n", chaos.faults[i]);
        fail_msg("%d faults (seed %u); see %s", chaos.fault_count, seed, chaos.server->folder);
    }
    job_store_free(chaos.store);
    owners_scene_stop(&chaos.scene);
    printf("nothing was lost, done twice, refused or judged wrongly (seed %u)\n", seed);
    return 0;
}
