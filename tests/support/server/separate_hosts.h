/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: separate machines, simulated by network namespaces on one bridge. The test's process is on one of them, at
 * SEPARATE_HOSTS_OWN, and so are the processes that it starts afterwards, unless they are started on another one. Needs root
 * and a kernel that allows namespaces, bridges and pairs of links. All of it ends with the test's process, however that ends.
 */
#ifndef TESTS_SUPPORT_SERVER_SEPARATE_HOSTS_H
#define TESTS_SUPPORT_SERVER_SEPARATE_HOSTS_H

#include <stdbool.h>
#include <sys/types.h>

#define SEPARATE_HOSTS_OWN "10.77.0.1"

/* Moves the test's process into its own network. False: this machine does not allow it. Call it before any thread is
 * started. */
bool separate_hosts_begin(void);

/* Adds a host, numbered from 1, with the address 10.77.0.(100 + number); returns a process in its network, which lives as long
 * as the test. */
pid_t separate_hosts_add(int number);

/* Drops all packets to and from that host, without a notice to its connections; the second function ends that. */
void separate_hosts_cut_off(int number);
void separate_hosts_reconnect(int number);

#endif
