/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/server/separate_hosts.h"

#include "tests/support/cmocka_all.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/server/child_process.h"
#include "tests/support/shell.h"

enum { START_TIMEOUT_MS = 60000 };

bool separate_hosts_begin(void) {
    static const char make_network[] = "{ ip link set lo up && ip link add hosts type bridge && "
                                       "ip addr add " SEPARATE_HOSTS_OWN "/24 dev hosts && ip link set hosts up && "
                                       "command -v nsenter unshare; } >/dev/null 2>&1";
    return geteuid() == 0 && unshare(CLONE_NEWNET) == 0 && system(make_network) == 0;
}

/* True once the process that keeps the namespace is in its own network. */
static bool has_left(void *context) {
    const struct child_process *keeper = context;
    char path[64], own[64] = "", others[64] = "";
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)keeper->pid);
    return readlink("/proc/self/ns/net", own, sizeof own - 1) > 0 && readlink(path, others, sizeof others - 1) > 0 &&
           strcmp(own, others) != 0;
}

pid_t separate_hosts_add(int number) {
    static const char *const arguments[] = {"unshare", "--net", "sleep", "infinity", NULL}, *const environment[] = {NULL};
    struct child_process keeper = {0};
    child_start(&keeper, arguments, environment, "/", "/dev/null");
    if (!wait_until(has_left, &keeper, START_TIMEOUT_MS)) fail_msg("no network of its own for the host %d", number);
    shell_run("ip link add host-%d type veth peer name eth0 netns %d && ip link set host-%d master hosts up && "
              "nsenter --net=/proc/%d/ns/net sh -c 'ip link set lo up && ip addr add 10.77.0.%d/24 dev eth0 && "
              "ip link set eth0 up'",
              number, (int)keeper.pid, number, (int)keeper.pid, 100 + number);
    return keeper.pid;
}

void separate_hosts_cut_off(int number) {
    shell_run("ip link set host-%d down", number);
}

void separate_hosts_reconnect(int number) {
    shell_run("ip link set host-%d up", number);
}
