/* SPDX-License-Identifier: BSD-3-Clause
 *
 * nng's thread that waits for sockets, while sockets that have hung up wait for the thread that frees them, which is slowed down
 * (lib/service/message/unarmed_events.h).
 */
#include <dlfcn.h>
#include <sys/epoll.h>
#include <sys/prctl.h>

#include "tests/unit/service/message_fixture.h"

static atomic_bool is_slow;
static atomic_int slowed, hang_ups, dials;

static bool is_thread(const char *name) {
    char own[16] = "";
    return prctl(PR_GET_NAME, own) == 0 && strcmp(own, name) == 0;
}

/* Replace the C library's functions, also within nng. */
int pthread_mutex_unlock(pthread_mutex_t *mutex) {
    static int (*real)(pthread_mutex_t *);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "pthread_mutex_unlock");
    int failure = real(mutex);
    if (!atomic_load(&is_slow) || !is_thread("nng:reap2")) return failure;
    atomic_fetch_add(&slowed, 1);
    usleep(20000);
    return failure;
}

int connect(int socket, const struct sockaddr *address, socklen_t length) {
    static int (*real)(int, const struct sockaddr *, socklen_t);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "connect");
    atomic_fetch_add(&dials, 1);
    return real(socket, address, length);
}

int epoll_wait(int set, struct epoll_event *events, int most, int timeout_ms) {
    static int (*real)(int, struct epoll_event *, int, int);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "epoll_wait");
    int count = real(set, events, most, timeout_ms);
    for (int i = 0; i < count; i++)
        if (events[i].events == EPOLLHUP) atomic_fetch_add(&hang_ups, 1);
    return count;
}

/* A socket that could not be connected has hung up. Used to be some ten thousand, as fast as the processor could. */
static void each_hang_up_is_told_once(void **state) {
    struct fixture *fixture = *state;
    enum { DIALS = 20 };
    atomic_store(&is_slow, true);
    struct message_client *client = start_client(fixture->ipc, NULL); /* nobody listens */
    for (int64_t until_ms = clock_monotonic_ms() + CALL_MS; atomic_load(&dials) < DIALS; usleep(1000))
        if (clock_monotonic_ms() > until_ms) fail_msg("%d dials", atomic_load(&dials));
    message_client_free(client);
    atomic_store(&is_slow, false);
    print_message("%d dials, %d hang-ups told\n", atomic_load(&dials), atomic_load(&hang_ups));
    assert_true(atomic_load(&slowed) > 0);
    assert_in_range(atomic_load(&hang_ups), 0, 2 * atomic_load(&dials));
}

int main(void) {
    alarm(580);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_hang_up_is_told_once, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
