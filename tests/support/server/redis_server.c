/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/server/redis_server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "tests/support/test_run.h"

enum { START_TIMEOUT_MS = 60000, POLL_MS = 5 };

struct redis_server {
    char folder[64];
    char socket[80];
    char url[96];
    char *option;
    char *value;
    bool loads_slowly;
    pid_t pid; /* 0: not running */
};

static void __attribute__((noreturn)) give_up(const struct redis_server *server, const char *what) {
    fprintf(stderr, "the test's redis-server: %s (%s); its log is %s/redis.log\n", what, strerror(errno), server->folder);
    abort();
}

static void __attribute__((noreturn)) run_server(const struct redis_server *server) {
    char log_path[96];
    snprintf(log_path, sizeof log_path, "%s/redis.log", server->folder);
    int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (log < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0) _exit(126);
    const char *arguments[24] = {"redis-server",
                                 SOURCE_DIR "/ops/redis.conf",
                                 "--dir",
                                 server->folder,
                                 "--unixsocket",
                                 server->socket,
                                 "--maxmemory",
                                 "256mb",
                                 server->option,
                                 server->value,
                                 NULL};
    size_t count = 0;
    while (arguments[count])
        count++;
    if (server->loads_slowly) {
        arguments[count++] = "--key-load-delay"; /* microseconds per command; clients are served at times */
        arguments[count] = "100";
    }
    execvp(arguments[0], (char *const *)arguments);
    _exit(127);
}

/* True once the server answers a PING with a PONG (while it loads its data it answers with an error). */
static bool server_answers(const struct redis_server *server) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", server->socket);
    char answer[8] = "";
    int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection < 0) give_up(server, "no socket");
    struct timeval patience = {.tv_sec = 1};
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(connection, (struct sockaddr *)&address, sizeof address) == 0 &&
        send(connection, "PING\r\n", 6, MSG_NOSIGNAL) == 6 && read(connection, answer, sizeof answer - 1) > 0)
        answer[sizeof answer - 1] = '\0';
    close(connection);
    return strncmp(answer, "+PONG", 5) == 0;
}

static void launch(struct redis_server *server) {
    pid_t pid = vfork(); /* as child_start() */
    if (pid < 0) give_up(server, "cannot fork");
    if (pid == 0) run_server(server);
    server->pid = pid;
    int64_t until_ms = clock_monotonic_ms() + START_TIMEOUT_MS;
    while (!server_answers(server)) {
        int result;
        if (waitpid(server->pid, &result, WNOHANG) == server->pid) give_up(server, "it ended by itself");
        if (clock_monotonic_ms() > until_ms) give_up(server, "it does not answer");
        poll(NULL, 0, POLL_MS);
    }
}

struct redis_server *redis_server_start_with(const char *option, const char *value) {
    signal(SIGPIPE, SIG_IGN); /* as process_start() does for the programs */
    struct redis_server *server = memory_alloc(sizeof *server);
    snprintf(server->folder, sizeof server->folder, "/tmp/registry-test-redis-XXXXXX");
    test_folder_make(server->folder);
    snprintf(server->socket, sizeof server->socket, "%s/redis.sock", server->folder);
    snprintf(server->url, sizeof server->url, "unix://%s", server->socket);
    if (option) {
        server->option = memory_copy_text(option);
        server->value = memory_copy_text(value);
    }
    launch(server);
    return server;
}

struct redis_server *redis_server_start(void) {
    return redis_server_start_with(NULL, NULL);
}

const char *redis_server_url(const struct redis_server *server) {
    return server->url;
}

const char *redis_server_folder(const struct redis_server *server) {
    return server->folder;
}

void redis_server_kill(struct redis_server *server) {
    if (!server->pid) return;
    kill(server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
    server->pid = 0;
}

void redis_server_restart(struct redis_server *server) {
    redis_server_kill(server);
    unlink(server->socket);
    launch(server);
}

void redis_server_restart_loading(struct redis_server *server) {
    server->loads_slowly = true;
    redis_server_restart(server);
    server->loads_slowly = false;
}

void redis_server_pause(struct redis_server *server) {
    kill(server->pid, SIGSTOP);
}

void redis_server_resume(struct redis_server *server) {
    kill(server->pid, SIGCONT);
}

void redis_server_stop(struct redis_server *server) {
    if (!server) return;
    redis_server_kill(server);
    test_folder_end(server->folder);
    free(server->option);
    free(server->value);
    free(server);
}
