/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A private redis-server for tests: ops/redis.conf on a unix socket in a temporary folder. A failure here (no redis-server
 * installed, no room in /tmp) stops the test program with a message.
 *
 * The server dies with the thread that started it, so start and restart it from a thread that lives as long as the test.
 */
#ifndef TESTS_SUPPORT_SERVER_REDIS_SERVER_H
#define TESTS_SUPPORT_SERVER_REDIS_SERVER_H

struct redis_server;

/* Returns when the server accepts commands. `option` and `value` change one setting (`"--maxmemory", "20mb"`); NULL: none. */
struct redis_server *redis_server_start(void);
struct redis_server *redis_server_start_with(const char *option, const char *value);

const char *redis_server_url(const struct redis_server *server);    /* for REDIS_URL; borrowed until the server is stopped */
const char *redis_server_folder(const struct redis_server *server); /* the temporary folder, the same */

/* SIGKILL: writes that were not on disk are lost. */
void redis_server_kill(struct redis_server *server);

/* After redis_server_kill(): the same data, the same address. Returns when the data is loaded. */
void redis_server_restart(struct redis_server *server);

/* The same, but loading is slow: for some tenths of a second or more it answers with LOADING, or not at all. */
void redis_server_restart_loading(struct redis_server *server);

/* SIGSTOP and SIGCONT: alive, but not answering. */
void redis_server_pause(struct redis_server *server);
void redis_server_resume(struct redis_server *server);

/* Kills it if it runs, and removes the folder. NULL is fine. */
void redis_server_stop(struct redis_server *server);

#endif
