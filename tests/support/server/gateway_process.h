/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A registry-gateway for one test: the real program, on free ports, with a folder and a Redis. Any failure here fails the test.
 * `settings` are "NAME=VALUE" lines ending with NULL; NULL: none.
 */
#ifndef TESTS_SUPPORT_SERVER_GATEWAY_PROCESS_H
#define TESTS_SUPPORT_SERVER_GATEWAY_PROCESS_H

struct gateway_process;

/* Answers when the gateway listens. The program dies with the thread that started it. */
struct gateway_process *gateway_process_start(const char *redis_url, const char *const *settings);

/* The same with the program in the folder `programs`; NULL: that of the test's own build. */
struct gateway_process *gateway_process_start_from(const char *programs, const char *redis_url, const char *const *settings);

const char *gateway_process_folder(const struct gateway_process *process); /* STATE_DIR; borrowed, like the next two */
const char *gateway_process_url(const struct gateway_process *process);    /* "http://127.0.0.1:PORT" */
const char *gateway_process_management_url(const struct gateway_process *process);
int gateway_process_port(const struct gateway_process *process);

/* The process's id. */
int gateway_process_id(const struct gateway_process *process);

/* A line of /proc/PID/status about its memory, such as "VmRSS:", in KiB. */
long gateway_process_memory_kib(const struct gateway_process *process, const char *name);

/* The number of its open files with `part` in their path. */
int gateway_process_files(const struct gateway_process *process, const char *part);

/* The value of one metric in /metrics, named as there with its labels, or 0. */
double gateway_process_metric(struct gateway_process *process, const char *name_and_labels);

/* Polls the metric until it is `value`; a time-out fails the test. */
void gateway_process_wait_for(struct gateway_process *process, const char *name_and_labels, double value);

/* SIGTERM, without waiting. */
void gateway_process_request_stop(struct gateway_process *process);

/* SIGTERM, and waits: the exit status, or 128 + the number of the signal that ended it. Frees, and removes the folder after
 * success. */
int gateway_process_stop(struct gateway_process *process);

/* The same by SIGKILL. */
void gateway_process_kill(struct gateway_process *process);

#endif
