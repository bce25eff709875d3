/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Readers of live logs (services/gateway/README.md, Live logs) whose connections are cut at random, while the gateway and Redis
 * are restarted. Every reader ends with exactly its job's lines, in order and once, which is checked by the text of every line,
 * and with the end, after which the gateway tells it to stay away.
 *
 *   tests/chaos/streams [--cuts N] [--restarts N] [--redis-restarts N] [--readers N] [--jobs N] [--lines N] [--seed S] [--bin DIR]
 *
 * The driver runs the jobs itself, through lib/store: `--jobs` at once, of `--lines` lines each, again and again until all that
 * was to be broken was broken. Half of the gateway's restarts are by SIGTERM, half by SIGKILL; Redis is away for less or more time
 * than the gateway waits it out. A new gateway has another port, which the readers learn as from a proxy. Some readers are slow.
 *
 * Before that, nothing is broken, and the readers' delays are measured with and without one that takes 1 kB/s of the same job.
 * The figures are printed, not checked: they are the machine's, too.
 */
#include "tests/chaos/chaos_streams.h"

#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/store/job/log_stream.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/server/gateway_process.h"
#include "tests/support/server/redis_server.h"

enum {
    BATCH_MAX = 8,
    LINES_PER_SECOND = 20, /* of a job */
    LEASE_MS = 3600000,
    LOG_LINES_MAX = 1000000,
    LOG_BYTES_MAX = 1 << 30,
    CALL_MS = 1000, /* of a call of the driver's to Redis */
    AGAIN_MS = 20,
    START_MS = 3000, /* in which the readers of a round begin */
    GAP_MIN_MS = 5,  /* between two cuts */
    GAP_MAX_MS = 60,
    RESTART_GAP_MIN_MS = 500, /* between two restarts */
    RESTART_GAP_MAX_MS = 2500,
    AWAY_MAX_MS = 2500, /* of Redis; the gateway waits for 1500 */
    SLOW_ONE_IN = 40,   /* readers */
    PATIENCE_MS = 120000,
    POLL_MS = 5,
};

struct chaos {
    const char *programs;
    struct redis_server *redis;
    struct gateway_process *gateway;
    atomic_int port;
    atomic_int cuts_due;
    struct stream_counts counts;
    unsigned seed, writer_seed;
    int cuts, restarts, redis_restarts; /* to come */
    int readers, jobs, lines;
    int64_t next_cut_ms, next_restart_ms;
    int rounds, job_count;
    int repeated; /* calls of the driver's to Redis that had to be repeated */
    int64_t checked_lines;
};

/* A round, and the writers of its jobs. */
struct writer {
    struct chaos *chaos;
    struct stream_round *round;
    struct job_store *store;
};

static int choose(unsigned *seed, int from, int to) {
    return from + (int)((unsigned)rand_r(seed) % (unsigned)(to - from + 1));
}

/* ---- The jobs ---- */

/* True if the call must be repeated, as it is: it may have been carried out, and its reply lost. */
static bool is_away(struct chaos *chaos, enum status status, const struct error *err) {
    if (!status) return false;
    if (!job_store_is_away(status)) fail_msg("%s", err->message);
    chaos->repeated++;
    clock_sleep_ms(AGAIN_MS);
    return true;
}

static void begin_job(struct writer *writer, struct stream_job *job) {
    struct error err;
    struct job_accepted accepted;
    char package[32];
    snprintf(package, sizeof package, "streams-%d", job->number);
    struct job_request request = {
        .kind = JOB_KIND_PUBLISH, .payload = "{}", .package = package, .version = "1.0.0", .actor = "anonymous"};
    hash_random_uuid(request.id);
    while (is_away(writer->chaos, job_store_accept(writer->store, &request, NULL, &accepted, &err), &err)) {
    }
    memcpy(job->id, accepted.id, sizeof job->id);
    atomic_store(&job->is_accepted, true);
}

static void claim_job(struct writer *writer, struct stream_job *job) {
    struct error err;
    struct job claimed;
    struct arena arena = {0};
    while (is_away(writer->chaos,
                   job_store_claim(writer->store, job->id, "chaos", LEASE_MS, &arena, &job->lease, &claimed, &err), &err)) {
    }
    arena_release(&arena);
}

static void write_lines(struct writer *writer, struct stream_job *job, int count) {
    struct log_line lines[BATCH_MAX];
    struct text texts[BATCH_MAX] = {0};
    struct error err;
    for (int i = 0; i < count; i++) {
        stream_line_print(&texts[i], job, job->written + i + 1);
        lines[i] = (struct log_line){.level = LOG_INFO,
                                     .message = text_view(&texts[i]),
                                     .time_ms = clock_now_ms(),
                                     .attempt = 1,
                                     .number = job->written + i + 1};
        job->written_us[job->written + i] = clock_monotonic_us();
    }
    while (is_away(writer->chaos,
                   log_stream_append(writer->store, &job->lease, lines, (size_t)count, LOG_LINES_MAX, LOG_BYTES_MAX, &err),
                   &err)) {
    }
    job->written += count;
    for (int i = 0; i < count; i++)
        text_release(&texts[i]);
}

static void end_job(struct writer *writer, struct stream_job *job) {
    struct error err;
    const struct job_end end = {.success = true};
    while (is_away(writer->chaos, job_store_finish(writer->store, &job->lease, &end, &err), &err)) {
    }
    atomic_store(&job->is_ended, true);
}

/* Where delays are measured, all readers are there before the first line, and the lines come one by one. */
static void *write_jobs(void *context) {
    struct writer *writer = context;
    const struct stream_round *round = writer->round;
    struct error err;
    if (job_store_create(&writer->store, redis_server_url(writer->chaos->redis), CALL_MS, &err)) fail_msg("%s", err.message);
    for (int i = 0; i < round->job_count; i++)
        begin_job(writer, &round->jobs[i]);
    while (round->delays && atomic_load(&round->open_readers) < round->reader_count)
        clock_sleep_ms(POLL_MS);
    for (int left = round->job_count; left > 0;) {
        struct stream_job *job = &round->jobs[choose(&writer->chaos->writer_seed, 0, round->job_count - 1)];
        int most = round->delays ? 1 : choose(&writer->chaos->writer_seed, 1, BATCH_MAX), rest = job->lines - job->written;
        if (rest == 0) continue;
        if (job->written == 0) claim_job(writer, job);
        int count = most < rest ? most : rest;
        write_lines(writer, job, count);
        if (count == rest) {
            end_job(writer, job);
            left--;
        }
        clock_sleep_ms(count * 1000 / (LINES_PER_SECOND * round->job_count));
    }
    job_store_free(writer->store);
    return NULL;
}

/* ---- Restarts ---- */

static void start_gateway(struct chaos *chaos) {
    static const char *const settings[] = {"POST_LIMIT_PER_MINUTE=0", "GATEWAY_READERS_PER_ADDRESS=100000",
                                           "GATEWAY_CONNECTIONS_PER_ADDRESS=100000", "GATEWAY_REQUESTS_PER_ADDRESS=100000",
                                           NULL};
    chaos->gateway = gateway_process_start_from(chaos->programs, redis_server_url(chaos->redis), settings);
    atomic_store(&chaos->port, gateway_process_port(chaos->gateway));
}

static void stop_gateway(struct chaos *chaos) {
    int status = gateway_process_stop(chaos->gateway);
    if (status) fail_msg("The gateway ended with %d.", status);
    atomic_store(&chaos->port, 0);
}

static void restart_gateway(struct chaos *chaos) {
    if (chaos->restarts-- % 2 == 0) {
        stop_gateway(chaos);
    } else {
        atomic_store(&chaos->port, 0);
        gateway_process_kill(chaos->gateway);
    }
    start_gateway(chaos);
}

static void restart_redis(struct chaos *chaos) {
    chaos->redis_restarts--;
    redis_server_kill(chaos->redis);
    clock_sleep_ms(choose(&chaos->seed, 0, AWAY_MAX_MS));
    redis_server_restart(chaos->redis);
}

/* Breaks what is due. The kinds of restarts are mixed in proportion to those that are left. */
static void break_something(struct chaos *chaos) {
    int64_t now_ms = clock_monotonic_ms();
    int restarts = chaos->restarts + chaos->redis_restarts;
    if (chaos->cuts > 0 && now_ms >= chaos->next_cut_ms && atomic_load(&chaos->cuts_due) == 0) {
        chaos->cuts--;
        atomic_fetch_add(&chaos->cuts_due, 1);
        chaos->next_cut_ms = now_ms + choose(&chaos->seed, GAP_MIN_MS, GAP_MAX_MS);
    }
    if (restarts == 0 || now_ms < chaos->next_restart_ms) return;
    if (choose(&chaos->seed, 1, restarts) <= chaos->restarts)
        restart_gateway(chaos);
    else
        restart_redis(chaos);
    chaos->next_restart_ms = clock_monotonic_ms() + choose(&chaos->seed, RESTART_GAP_MIN_MS, RESTART_GAP_MAX_MS);
}

/* ---- Rounds ---- */

static struct stream_job *make_jobs(struct chaos *chaos, int count, int lines) {
    struct stream_job *jobs = memory_alloc((size_t)count * sizeof *jobs);
    for (int i = 0; i < count; i++) {
        jobs[i].number = ++chaos->job_count;
        jobs[i].lines = lines;
        jobs[i].written_us = memory_alloc((size_t)lines * sizeof jobs[i].written_us[0]);
    }
    return jobs;
}

static void free_jobs(struct stream_job *jobs, int count) {
    for (int i = 0; i < count; i++)
        free(jobs[i].written_us);
    free(jobs);
}

/* Waits for the readers, and breaks things meanwhile unless delays are measured. */
static void see_to_the_end(struct chaos *chaos, struct stream_round *round) {
    int ended = 0;
    int64_t since_ms = clock_monotonic_ms();
    while (ended < round->reader_count) {
        if (!round->delays) break_something(chaos);
        clock_sleep_ms(POLL_MS);
        int now = atomic_load(&round->ended_readers), is_broken = chaos->cuts + chaos->restarts + chaos->redis_restarts > 0;
        bool is_written = true;
        for (int i = 0; i < round->job_count; i++)
            is_written = is_written && atomic_load(&round->jobs[i].is_ended);
        if (now > ended || is_broken || !is_written) since_ms = clock_monotonic_ms();
        ended = now;
        if (clock_monotonic_ms() - since_ms > PATIENCE_MS) fail_msg("%d readers never end", round->reader_count - ended);
    }
}

static void run_round(struct chaos *chaos, int jobs, int lines, int slow, struct samples *delays) {
    struct stream_round round = {.jobs = make_jobs(chaos, jobs, lines),
                                 .job_count = jobs,
                                 .reader_count = chaos->readers + (delays ? slow : 0),
                                 .slow_count = slow,
                                 .start_ms = delays ? 0 : START_MS,
                                 .seed = (unsigned)choose(&chaos->seed, 0, RAND_MAX - 1),
                                 .delays = delays,
                                 .port = &chaos->port,
                                 .cuts_due = &chaos->cuts_due,
                                 .counts = &chaos->counts};
    struct writer writer = {chaos, &round, NULL};
    if (delays) {
        size_t most = delays->count + (size_t)chaos->readers * (size_t)lines;
        delays->values = memory_resize(delays->values, most, sizeof delays->values[0]);
    }
    pthread_t readers_thread, writer_thread;
    assert_int_equal(pthread_create(&writer_thread, NULL, write_jobs, &writer), 0);
    assert_int_equal(pthread_create(&readers_thread, NULL, stream_readers_run, &round), 0);
    see_to_the_end(chaos, &round);
    pthread_join(readers_thread, NULL);
    pthread_join(writer_thread, NULL);
    chaos->rounds++;
    chaos->checked_lines += (int64_t)round.reader_count * lines;
    free_jobs(round.jobs, jobs);
}

static void measure_delays(struct chaos *chaos, int slow) {
    struct samples delays = {0};
    run_round(chaos, 1, (chaos->lines + 1) / 2, slow, &delays);
    samples_print(&delays, slow ? "one more that takes 1 kB/s" : "all fast", "ms");
    samples_release(&delays);
}

/* In turns, to show how much the figures change by themselves. */
static void compare_delays(struct chaos *chaos) {
    enum { TURNS = 2 };
    printf("delay from a line's writing to its reading, %d readers:   median   99th percentile\n", chaos->readers);
    for (int i = 0; i < TURNS; i++) {
        measure_delays(chaos, 0);
        measure_delays(chaos, 1);
    }
}

static void run_chaos(struct chaos *chaos) {
    int slow = (chaos->readers + SLOW_ONE_IN - 1) / SLOW_ONE_IN;
    chaos->next_cut_ms = chaos->next_restart_ms = clock_monotonic_ms() + RESTART_GAP_MAX_MS;
    do {
        run_round(chaos, chaos->jobs, chaos->lines, slow, NULL);
    } while (chaos->cuts + chaos->restarts + chaos->redis_restarts > 0);
}

/* ---- */

static int usage(void) {
    fprintf(stderr,
            "usage: tests/chaos/streams [--cuts N] [--restarts N] [--redis-restarts N] [--readers N] [--jobs N] [--lines N] "
            "[--seed S] [--bin DIR]\n");
    return 2;
}

static bool read_options(struct chaos *chaos, int argument_count, char **arguments) {
    static const struct option options[] = {{"cuts", required_argument, NULL, 'c'},
                                            {"restarts", required_argument, NULL, 'g'},
                                            {"redis-restarts", required_argument, NULL, 'R'},
                                            {"readers", required_argument, NULL, 'r'},
                                            {"jobs", required_argument, NULL, 'j'},
                                            {"lines", required_argument, NULL, 'l'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"bin", required_argument, NULL, 'b'},
                                            {0}};
    for (int option; (option = getopt_long(argument_count, arguments, "", options, NULL)) != -1;) {
        switch (option) {
        case 'c': chaos->cuts = atoi(optarg); break;
        case 'g': chaos->restarts = atoi(optarg); break;
        case 'R': chaos->redis_restarts = atoi(optarg); break;
        case 'r': chaos->readers = atoi(optarg); break;
        case 'j': chaos->jobs = atoi(optarg); break;
        case 'l': chaos->lines = atoi(optarg); break;
        case 's': chaos->seed = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'b': chaos->programs = realpath(optarg, NULL); break; /* the programs run in other folders */
        default: return false;
        }
    }
    return optind == argument_count && chaos->readers >= chaos->jobs && chaos->jobs > 0 && chaos->lines > 1;
}

static void print_counts(const struct chaos *chaos, const struct chaos *asked, int64_t duration_ms) {
    const struct {
        const char *what;
        int count;
    } rows[] = {{"connections cut", asked->cuts},
                {"restarts of the gateway", asked->restarts},
                {"restarts of Redis", asked->redis_restarts},
                {"rounds", chaos->rounds},
                {"jobs", chaos->job_count},
                {"streams", atomic_load(&chaos->counts.connections)},
                {"streams that ended early", atomic_load(&chaos->counts.broken)},
                {"of these, for a slow reader", atomic_load(&chaos->counts.slow)},
                {"connections refused", atomic_load(&chaos->counts.refused)},
                {"calls of Redis repeated", chaos->repeated},
                {"lines checked, in thousands", (int)(chaos->checked_lines / 1000)},
                {"seconds", (int)(duration_ms / 1000)}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        printf("%-34s %7d\n", rows[i].what, rows[i].count);
}

int main(int argument_count, char **arguments) {
    static struct chaos chaos = {.cuts = 500, .restarts = 20, .redis_restarts = 5, .readers = 1000, .jobs = 10, .lines = 400};
    chaos.seed = (unsigned)time(NULL) ^ (unsigned)getpid();
    if (!read_options(&chaos, argument_count, arguments)) return usage();
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    setvbuf(stdout, NULL, _IOLBF, 0);
    setenv("CMOCKA_TEST_ABORT", "1", 1); /* makes cmocka report failures outside of a test */
    unsigned seed = chaos.writer_seed = chaos.seed;
    printf("seed %u\n", seed);
    int64_t start_ms = clock_monotonic_ms();
    chaos.redis = redis_server_start();
    start_gateway(&chaos);
    struct chaos asked = {.cuts = chaos.cuts, .restarts = chaos.restarts, .redis_restarts = chaos.redis_restarts};
    compare_delays(&chaos);
    run_chaos(&chaos);
    stop_gateway(&chaos);
    redis_server_stop(chaos.redis);
    print_counts(&chaos, &asked, clock_monotonic_ms() - start_ms);
    printf("every reader got exactly its job's lines, in order and once (seed %u)\n", seed);
    return 0;
}
