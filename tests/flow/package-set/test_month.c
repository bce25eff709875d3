/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A month of a registry, under a clock that this test moves: a publication every few hours, one day on which the package-set
 * service is away, and one on which the build workers are. Measured is how long it takes from a publication to the first set
 * that has it; checked are
 *   - the delay: at most 1 h at the median, and 26 h at the 90th percentile
 *   - daily work, the looks at GitHub too, ran once for each day, also for the one on which the service was away at its time
 *   - at no time was the last decision of an update older than 25 h
 *
 * SET_DAYS: how many days (4 where it is not set).
 */
#include "tests/support/cmocka_all.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/store/job/job_store.h"
#include "lib/store/redis/set_store.h"
#include "tests/support/matrix_scene.h"
#include "tests/support/registry_check.h"
#include "tests/support/server/github_server.h"
#include "tests/support/set_scene.h"
#include "tests/support/shell.h"

enum {
    DAYS = 4,
    PUBLICATIONS_MAX = 400,
    PACKAGES = 12,
    GAP_MIN_MINUTES = 100,
    GAP_MAX_MINUTES = 500,
    SET_MINUTE = 4 * 60, /* PACKAGE_SET_TIME */
    STEP_MINUTES = 60,
};

static const int64_t minute_ms = 60000, hour_ms = 3600000, day_ms = 24 * 3600000, begin_ms = 1811808000000; /* 2027-06-01 */

struct publication {
    char name[16], version[16];
    int64_t at_ms, in_set_ms; /* 0: not yet */
};

struct month {
    struct server *server;
    struct job_store *store;
    atomic_llong *clock; /* in a file that all programs see */
    char clock_path[64];
    struct publication publications[PUBLICATIONS_MAX];
    size_t count;
    int versions[PACKAGES];
    int64_t oldest_decision_ms; /* the greatest age of the last update */
    unsigned seed;
    bool is_service_away, is_worker_away;
};

static int64_t now_ms(const struct month *month) {
    return atomic_load(month->clock);
}

static int choose(struct month *month, int least, int most) {
    unsigned number = (unsigned)rand_r(&month->seed) >> 8;
    return least + (int)(number % (unsigned)(most - least + 1));
}

static void make_clock(struct month *month) {
    snprintf(month->clock_path, sizeof month->clock_path, "/tmp/registry-clock-XXXXXX");
    int file = mkstemp(month->clock_path);
    assert_true(file >= 0 && ftruncate(file, sizeof *month->clock) == 0);
    month->clock = mmap(NULL, sizeof *month->clock, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    assert_true(month->clock != MAP_FAILED);
    close(file);
    shell_run("chmod 644 '%s'", month->clock_path);
    atomic_store(month->clock, begin_ms);
}

/* ---- What happened ---- */

static const char *read_latest(struct month *month, struct arena *arena) {
    return shell_output(
        arena, "cd '%s/" REGISTRY_REPO "' && git show HEAD:$(git ls-tree --name-only HEAD package-sets/ | sort -V | tail -1)",
        month->server->folder);
}

/* Notes the time for the publications that are in the latest set now. */
static void note_set(struct month *month) {
    struct arena arena = {0};
    const char *set = read_latest(month, &arena);
    for (size_t i = 0; i < month->count; i++) {
        struct publication *publication = &month->publications[i];
        if (publication->in_set_ms) continue;
        for (size_t j = i; j < month->count && !publication->in_set_ms; j++) { /* or a later version of it */
            const struct publication *later = &month->publications[j];
            if (!text_equal(later->name, publication->name)) continue;
            if (strstr(set, arena_format(&arena, "\"%s\": \"%s\"", later->name, later->version)))
                publication->in_set_ms = now_ms(month);
        }
    }
    arena_release(&arena);
}

static bool is_quiet(void *context) {
    struct month *month = context;
    struct job_counts counts;
    struct error err;
    if (job_store_count(month->store, &counts, &err)) return false;
    return counts.pending[JOB_KIND_PACKAGE_SET] + counts.running[JOB_KIND_PACKAGE_SET] == 0 &&
           (month->is_worker_away || counts.pending[JOB_KIND_MATRIX] + counts.running[JOB_KIND_MATRIX] == 0);
}

/* Lets the schedule look at the new time (it does so every PENDING_SCAN_MS), and waits until nothing is left to do. */
static void settle(struct month *month) {
    if (month->is_service_away) return;
    int64_t looked_ms = clock_monotonic_ms();
    do {
        clock_sleep_ms(250);
        if (!month->is_worker_away && !wait_until(is_quiet, month, PATIENCE_MS)) fail_msg("the update does not end");
    } while (clock_monotonic_ms() - looked_ms < 700);
    note_set(month);
}

static void check_age(struct month *month) {
    struct arena arena = {0};
    struct set_findings findings;
    struct set_update_state update;
    struct error err;
    if (set_findings_read(month->store, &findings, &update, &arena, &err)) fail_msg("%s", err.message);
    int64_t age_ms = now_ms(month) - (update.time_ms ? update.time_ms : begin_ms);
    if (age_ms > month->oldest_decision_ms) month->oldest_decision_ms = age_ms;
    arena_release(&arena);
}

static bool is_within(const struct month *month, int64_t first_ms, int64_t length_ms) {
    return now_ms(month) >= begin_ms + first_ms && now_ms(month) < begin_ms + first_ms + length_ms;
}

/* The service is away at the time of the second day's daily update, the build workers at that of the third. */
static void make_outages(struct month *month) {
    bool should_be_away = is_within(month, day_ms + 2 * hour_ms, 12 * hour_ms);
    if (should_be_away && !month->is_service_away) server_terminate(month->server, SERVER_PACKAGE_SET);
    if (!should_be_away && month->is_service_away) server_start_program(month->server, SERVER_PACKAGE_SET);
    month->is_service_away = should_be_away;
    should_be_away = is_within(month, 2 * day_ms + 2 * hour_ms, 8 * hour_ms);
    if (should_be_away && !month->is_worker_away) server_terminate_worker(month->server, 0);
    if (!should_be_away && month->is_worker_away) server_start_worker(month->server, 0);
    month->is_worker_away = should_be_away;
}

static void move_to(struct month *month, int64_t to_ms) {
    while (now_ms(month) < to_ms) {
        int64_t next_ms = now_ms(month) + STEP_MINUTES * minute_ms;
        int64_t daily_ms = (now_ms(month) - SET_MINUTE * minute_ms) / day_ms * day_ms + day_ms + SET_MINUTE * minute_ms;
        int64_t due_ms = month->count ? month->publications[month->count - 1].at_ms + hour_ms : 0;
        if (daily_ms > now_ms(month) && daily_ms < next_ms) next_ms = daily_ms;
        if (due_ms > now_ms(month) && due_ms < next_ms) next_ms = due_ms;
        atomic_store(month->clock, next_ms < to_ms ? next_ms : to_ms);
        bool is_of_interest = now_ms(month) == daily_ms || now_ms(month) == due_ms || now_ms(month) == to_ms;
        check_age(month);
        make_outages(month);
        if (is_of_interest) settle(month);
    }
}

/* ---- What is done ---- */

static void publish(struct month *month) {
    int number = choose(month, 0, PACKAGES - 1);
    struct publication *publication = &month->publications[month->count];
    assert_true(month->count < PUBLICATIONS_MAX);
    snprintf(publication->name, sizeof publication->name, "q%02d", number);
    snprintf(publication->version, sizeof publication->version, "1.0.%d", ++month->versions[number]);
    publication->at_ms = now_ms(month);
    month->count++;
    const struct package package = {.name = publication->name, .version = publication->version};
    server_expect_published(month->server, &package);
}

static void run(struct month *month, int days) {
    int64_t next_ms = begin_ms + 30 * minute_ms, end_ms = begin_ms + days * day_ms;
    while (next_ms < end_ms) {
        move_to(month, next_ms);
        settle(month);
        publish(month);
        next_ms += choose(month, GAP_MIN_MINUTES, GAP_MAX_MINUTES) * minute_ms;
    }
    move_to(month, end_ms);
}

/* ---- The result ---- */

static int compare(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void check_delays(const struct month *month) {
    int64_t delays[PUBLICATIONS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < month->count; i++) {
        const struct publication *publication = &month->publications[i];
        if (publication->in_set_ms)
            delays[count++] = publication->in_set_ms - publication->at_ms;
        else if (publication->at_ms < now_ms(month) - 26 * hour_ms)
            fail_msg("%s@%s never came into a set", publication->name, publication->version);
    }
    qsort(delays, count, sizeof *delays, compare);
    int64_t median_ms = delays[count / 2], tail_ms = delays[count * 9 / 10];
    print_message("%zu publications: in a set after %.2f h at the median, %.2f h at the 90th percentile\n", count,
                  (double)median_ms / (double)hour_ms, (double)tail_ms / (double)hour_ms);
    print_message("the last decision was at most %.1f h old\n", (double)month->oldest_decision_ms / (double)hour_ms);
    assert_in_range(median_ms, 0, hour_ms);
    assert_in_range(tail_ms, 0, 26 * hour_ms);
    assert_in_range(month->oldest_decision_ms, 0, 25 * hour_ms);
}

/* The service's log has the time of this test. */
static void check_daily_work(struct month *month, int days) {
    const char *log =
        read_file(&month->server->arena, arena_format(&month->server->arena, "%s/package-set.log", month->server->folder));
    static const char *const works[] = {"package-set", "new-tags", "moved-repositories"};
    for (size_t i = 0; i < sizeof works / sizeof works[0]; i++) {
        const char *line = arena_format(&month->server->arena, "event=daily_work_ended work=%s outcome=", works[i]);
        int ended = matrix_count_in(log, arena_format(&month->server->arena, "%ssucceeded", line));
        int failed = matrix_count_in(log, arena_format(&month->server->arena, "%sfailed", line));
        /* One more: at the beginning, for the time of the day before. */
        if (ended != days + 1 || failed > 0)
            fail_msg("%s ended %d times in %d days, and failed %d times", works[i], ended, days, failed);
    }
}

static bool has_begun(void *context) {
    struct month *month = context;
    const char *log =
        read_file(&month->server->arena, arena_format(&month->server->arena, "%s/package-set.log", month->server->folder));
    return matrix_count_in(log, "event=daily_work_ended work=package-set") == 1;
}

static void a_month_goes_by(void **state) {
    (void)state;
    static struct month month;
    static const char *const rows[] = {"base 1.0.0 [0.15.15] "};
    struct arena arena = {0};
    struct error err;
    const char *wanted = getenv("SET_DAYS");
    int days = wanted ? atoi(wanted) : DAYS;
    month.seed = 7;
    make_clock(&month);
    struct github_server *github = github_server_start(); /* without a repository: all are gone */
    github_server_set_token(github, "ghp_ReadsRepositories0123456789abcdef", "reader", false);
    const char *const settings[] = {arena_format(&arena, "REGISTRY_CLOCK=%s", month.clock_path),
                                    arena_format(&arena, "GITHUB_API_URL=%s", github_server_url(github)),
                                    "GITHUB_TOKEN=ghp_ReadsRepositories0123456789abcdef",
                                    "PACKAGE_SET_TIME=04:00",
                                    "PACKAGE_SET_AFTER_MS=3600000",
                                    NULL};
    month.server = set_scene_start(&(struct set_scene_options){
        .rows = rows, .row_count = 1, .members = "base 1.0.0", .compilers = "0_15_15", .settings = settings});
    if (job_store_create(&month.store, redis_server_url(month.server->redis), PATIENCE_MS, &err)) fail_msg("%s", err.message);
    if (!wait_until(has_begun, &month, PATIENCE_MS)) fail_msg("the work of the day before is not made up for");
    run(&month, days);
    check_delays(&month);
    check_daily_work(&month, days);
    job_store_free(month.store);
    set_scene_stop(month.server);
    github_server_stop(github);
    unlink(month.clock_path);
    arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_month_goes_by)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
