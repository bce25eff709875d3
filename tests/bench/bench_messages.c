/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Speed of requests and answers between two threads of this process, over ipc and tcp, with SERVICE_KEY. The request is a job
 * of ordinary size, the answer `done`. Then the time to write and read a build worker's work order as a message: of a small
 * package, of an ordinary batch, of nearly the whole registry. Prints `key=value`, one on each line.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/service/message/message_client.h"
#include "lib/service/message/message_server.h"
#include "lib/service/message/message_work.h"

enum { CALLS = 2000, CALLERS = 64, DURATION_MS = 2000, TIMEOUT_MS = 10000, POSTS = 5000, IN_FLIGHT = 512 };

static const char key[] = "a key for this benchmark";
static atomic_int handled;

static void need(enum status status, const struct error *err) {
    if (status == STATUS_OK) return;
    fprintf(stderr, "%s\n", err->message);
    exit(1);
}

static enum status take_job(void *context, const struct message *request, struct arena *arena, struct message *answer,
                            struct error *err) {
    (void)context, (void)request, (void)arena, (void)err;
    answer->tag = MESSAGE_done;
    atomic_fetch_add(&handled, 1);
    return STATUS_OK;
}

static struct message make_request(void) {
    static char payload[400];
    memset(payload, 'x', sizeof payload - 1);
    return (struct message){.tag = MESSAGE_job_accepted,
                            .job_accepted = {.job_id = "00000000-0000-4000-8000-000000000000",
                                             .kind = "publish",
                                             .package = "prelude",
                                             .version = "6.0.0",
                                             .payload = payload}};
}

static void call(struct message_client *client) {
    struct message request = make_request(), answer;
    struct arena arena = {0};
    struct error err = {0};
    need(message_client_call(client, &request, TIMEOUT_MS, &arena, &answer, &err), &err);
    arena_release(&arena);
}

static int compare(const void *a, const void *b) {
    int64_t difference = *(const int64_t *)a - *(const int64_t *)b;
    return difference < 0 ? -1 : difference > 0;
}

static int64_t measure_one_caller(struct message_client *client, const char *name) {
    static int64_t times_us[CALLS];
    for (int i = 0; i < CALLS; i++) {
        int64_t before_us = clock_monotonic_us();
        call(client);
        times_us[i] = clock_monotonic_us() - before_us;
    }
    qsort(times_us, CALLS, sizeof times_us[0], compare);
    printf("%s_call_median_us=%lld\n%s_call_p99_us=%lld\n", name, (long long)times_us[CALLS / 2], name,
           (long long)times_us[CALLS * 99 / 100]);
    return times_us[CALLS / 2];
}

static void *call_for_a_while(void *client) {
    for (int64_t until_ms = clock_monotonic_ms() + DURATION_MS; clock_monotonic_ms() < until_ms;)
        call(client);
    return NULL;
}

/* A request that is held until another thread answers it: measures from the answer to its arrival at the client. */

struct held {
    pthread_mutex_t mutex;
    pthread_cond_t came;
    struct message_pending *pending;
    int64_t answered_us; /* when the holder began its answer */
    bool is_over;
};

static void hold(void *context, const struct message *request, struct message_pending *pending) {
    struct held *held = context;
    (void)request;
    pthread_mutex_lock(&held->mutex);
    held->pending = pending;
    pthread_cond_signal(&held->came);
    pthread_mutex_unlock(&held->mutex);
}

static void *answer_held(void *argument) {
    struct held *held = argument;
    const struct message done = {.tag = MESSAGE_done};
    pthread_mutex_lock(&held->mutex);
    while (!held->is_over) {
        struct message_pending *pending = held->pending;
        if (pending) {
            held->pending = NULL;
            held->answered_us = clock_monotonic_us();
            message_pending_answer(pending, &done);
        } else {
            pthread_cond_wait(&held->came, &held->mutex);
        }
    }
    pthread_mutex_unlock(&held->mutex);
    return NULL;
}

static void measure_held(struct message_client *client, struct held *held, const char *name, int64_t immediate_us) {
    static int64_t times_us[CALLS];
    pthread_t holder;
    if (pthread_create(&holder, NULL, answer_held, held) != 0) abort();
    struct message request = {.tag = MESSAGE_package_query, .package_query.name = "a worker"}, answer;
    struct error err;
    for (int i = 0; i < CALLS; i++) {
        need(message_client_call(client, &request, TIMEOUT_MS, NULL, &answer, &err), &err);
        int64_t now_us = clock_monotonic_us();
        pthread_mutex_lock(&held->mutex);
        times_us[i] = now_us - held->answered_us;
        pthread_mutex_unlock(&held->mutex);
    }
    pthread_mutex_lock(&held->mutex);
    held->is_over = true;
    pthread_cond_signal(&held->came);
    pthread_mutex_unlock(&held->mutex);
    pthread_join(holder, NULL);
    qsort(times_us, CALLS, sizeof times_us[0], compare);
    printf("%s_later_answer_median_us=%lld\n%s_later_answer_to_call_ratio=%.2f\n", name, (long long)times_us[CALLS / 2], name,
           (double)times_us[CALLS / 2] / (double)immediate_us);
}

static void measure_many_callers(struct message_client *client, const char *name) {
    pthread_t threads[CALLERS];
    int before = atomic_load(&handled);
    for (int i = 0; i < CALLERS; i++)
        if (pthread_create(&threads[i], NULL, call_for_a_while, client) != 0) abort();
    for (int i = 0; i < CALLERS; i++)
        pthread_join(threads[i], NULL);
    printf("%s_calls_per_s=%lld\n", name, (long long)(atomic_load(&handled) - before) * 1000 / DURATION_MS);
}

static void measure_posts(struct message_client *client, const char *name) {
    struct message request = make_request();
    int before = atomic_load(&handled);
    int64_t before_us = clock_monotonic_us(), posting_us = 0;
    for (int i = 0; i < POSTS; i++) {
        while (i - (atomic_load(&handled) - before) >= IN_FLIGHT)
            usleep(100);
        int64_t start_us = clock_monotonic_us();
        message_client_post(client, &request, TIMEOUT_MS);
        posting_us += clock_monotonic_us() - start_us;
    }
    while (atomic_load(&handled) - before < POSTS)
        usleep(100);
    printf("%s_post_us=%.1f\n", name, (double)posting_us / POSTS);
    printf("%s_posts_per_s=%.0f\n", name, POSTS * 1e6 / (double)(clock_monotonic_us() - before_us));
}

static void measure(const char *address, const char *name) {
    static const struct message_handler handlers[] = {
        {MESSAGE_job_accepted, .handle = take_job}, {MESSAGE_package_query, .handle_later = hold}, {0}};
    struct held held = {.mutex = PTHREAD_MUTEX_INITIALIZER, .came = PTHREAD_COND_INITIALIZER};
    struct message_server *server = NULL;
    struct message_client *client = NULL;
    struct error err = {0};
    need(message_server_create(&server, &(struct message_server_options){.address = address, .service_key = key}, handlers,
                               &held, &err),
         &err);
    need(message_client_create(&client, &(struct message_client_options){.address = address, .service_key = key}, &err), &err);
    call(client);
    int64_t immediate_us = measure_one_caller(client, name);
    measure_held(client, &held, name, immediate_us);
    measure_many_callers(client, name);
    measure_posts(client, name);
    message_client_free(client);
    message_server_free(server);
}

/* ---- Work orders ---- */

enum { DEPENDENCIES = 8 };

static void make_work(struct work_order *out, size_t package_count, size_t job_count, struct arena *arena) {
    struct build_package *packages = arena_alloc(arena, package_count * sizeof *packages);
    struct build_job *jobs = arena_alloc(arena, job_count * sizeof *jobs);
    for (size_t i = 0; i < package_count; i++) {
        size_t count = i < DEPENDENCIES ? i : DEPENDENCIES,
               *dependencies = arena_alloc(arena, (count + 1) * sizeof *dependencies);
        for (size_t j = 0; j < count; j++)
            dependencies[j] = j * i / count;
        packages[i] = (struct build_package){.name = arena_format(arena, "package-number-%zu", i),
                                             .version = {6, 0, (uint32_t)i},
                                             .hash = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
                                             .size_bytes = 23456,
                                             .dependencies = dependencies,
                                             .dependency_count = count};
    }
    for (size_t i = 0; i < job_count; i++) {
        jobs[i] = (struct build_job){.fence = (int64_t)(1000 + i), .attempt = 1, .package = package_count - 1 - i};
        memcpy(jobs[i].job_id, "00000000-0000-4000-8000-000000000000", sizeof jobs[i].job_id);
    }
    *out = (struct work_order){.compiler = {0, 15, 15},
                               .time_limit_ms = 3600000,
                               .lease_ms = 30000,
                               .downloads = "https://packages.registry.purescript.org",
                               .packages = packages,
                               .package_count = package_count,
                               .jobs = jobs,
                               .job_count = job_count};
}

static void measure_work(const char *name, size_t package_count, size_t job_count, int times) {
    struct arena made = {0};
    struct work_order work, again;
    struct text bytes = {0};
    struct error err = {0};
    int64_t encode_us = 0, decode_us = 0;
    make_work(&work, package_count, job_count, &made);
    for (int i = 0; i < times; i++) {
        struct arena arena = {0};
        struct message sent, received;
        int64_t begin_us = clock_monotonic_us();
        text_clear(&bytes);
        message_write_work(&sent, &work, &arena);
        need(message_pack(&sent, &bytes, &err), &err);
        int64_t written_us = clock_monotonic_us();
        need(message_unpack(MESSAGE_work_order, bytes.bytes, bytes.length, &arena, &received, &err), &err);
        need(message_read_work(&again, &received.work_order, &arena, &err), &err);
        decode_us += clock_monotonic_us() - written_us;
        encode_us += written_us - begin_us;
        arena_release(&arena);
    }
    printf("work_%s_bytes=%zu\nwork_%s_write_us=%.1f\nwork_%s_read_us=%.1f\n", name, bytes.length, name,
           (double)encode_us / times, name, (double)decode_us / times);
    text_release(&bytes);
    arena_release(&made);
}

int main(void) {
    char folder[] = "/tmp/registry-bench-XXXXXX", address[64];
    if (!mkdtemp(folder)) return EXIT_FAILURE;
    snprintf(address, sizeof address, "ipc://%s/bench.ipc", folder);
    measure(address, "ipc");
    rmdir(folder);
    snprintf(address, sizeof address, "tcp://127.0.0.1:%d", 20000 + (int)(getpid() % 10000));
    measure(address, "tcp");
    measure_work("small", 10, 1, 3000);
    measure_work("batch", 230, 16, 300);
    measure_work("large", 4000, 16, 20);
    return EXIT_SUCCESS;
}
