/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: machines of their own, as network namespaces on one bridge. The test's process is one of them, at
 * SEPARATE_HOSTS_OWN, and so is everything that it starts afterwards but for what is put on another one. Needs root and a
 * kernel that lets it make namespaces, bridges and pairs of links. All of it ends with the test's process, whatever becomes of
 * that.
 */
#ifndef TESTS_SUPPORT_SERVER_SEPARATE_HOSTS_H
#define TESTS_SUPPORT_SERVER_SEPARATE_HOSTS_H

#include <stdbool.h>
#include <sys/types.h>

#define SEPARATE_HOSTS_OWN "10.77.0.1"

/* Moves the test's process into a network of its own. False: that cannot be had here. Before any thread is started. */
bool separate_hosts_begin(void);

/* One more host, from 1, with the address 10.77.0.(100 + number); returns a process whose network it is, which lives as long as
 * the test. */
pid_t separate_hosts_add(int number);

/* Drops all packets to and from that host, without a notice to its connections; and the end of that. */
void separate_hosts_cut_off(int number);
void separate_hosts_reconnect(int number);

#endif
