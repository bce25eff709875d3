/* SPDX-License-Identifier: BSD-3-Clause
 *
 * message_client_free() while requests run out of time: nng's thread for time-outs is slowed down, so that it is always about
 * to cancel a request.
 */
#include <dlfcn.h>
#include <sys/prctl.h>

#include "tests/unit/service/message_fixture.h"

static atomic_bool is_slow;
static atomic_int slowed;

/* Replaces the C library's function, also within nng. */
int pthread_mutex_unlock(pthread_mutex_t *mutex) {
    static int (*real)(pthread_mutex_t *);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "pthread_mutex_unlock");
    int failure = real(mutex);
    char name[16] = "";
    if (!atomic_load(&is_slow) || prctl(PR_GET_NAME, name) != 0 || strcmp(name, "nng:aio:expire") != 0) return failure;
    atomic_fetch_add(&slowed, 1);
    usleep(20000);
    return failure;
}

/* Used to abort in nng 1.5: "pthread_mutex_lock: Invalid argument". */
static void requests_that_time_out_while_a_client_is_freed_are_no_panic(void **state) {
    struct fixture *fixture = *state;
    enum { ROUNDS = 2, POSTS = 16, POST_MS = 950 }; /* slightly less than the client's time limit for posts */
    for (int round = 1; round <= ROUNDS; round++) {
        struct message_client *client = start_client(fixture->ipc, NULL);
        struct message message = {.tag = MESSAGE_job_accepted, .job_accepted.job_id = "a job"};
        for (int i = 0; i < POSTS; i++)
            message_client_post(client, &message, POST_MS);
        atomic_store(&is_slow, true);
        message_client_free(client);
        atomic_store(&is_slow, false);
        assert_true(atomic_load(&slowed) >= round * POSTS);
    }
}

int main(void) {
    alarm(580);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(requests_that_time_out_while_a_client_is_freed_are_no_panic, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
