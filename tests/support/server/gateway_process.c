/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/server/gateway_process.h"

#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/memory.h"
#include "lib/tools/http/http_client.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/server/child_process.h"
#include "tests/support/shell.h"

enum { PATIENCE_MS = 60000, SETTINGS_MAX = 32 };

struct gateway_process {
    struct child_process child;
    struct arena arena;
    const char *folder;
    const char *url, *management_url;
    int port;
};

static bool has_written_ports(void *context) {
    struct gateway_process *process = context;
    int management_port;
    char *ports = read_file(&process->arena, arena_format(&process->arena, "%s/gateway.ports", process->folder));
    if (!ports || sscanf(ports, "server=%d\nmanagement=%d", &process->port, &management_port) != 2)
        return !child_is_running(&process->child);
    process->url = arena_format(&process->arena, "http://127.0.0.1:%d", process->port);
    process->management_url = arena_format(&process->arena, "http://127.0.0.1:%d", management_port);
    return true;
}

struct gateway_process *gateway_process_start(const char *redis_url, const char *const *settings) {
    return gateway_process_start_from(NULL, redis_url, settings);
}

struct gateway_process *gateway_process_start_from(const char *programs, const char *redis_url, const char *const *settings) {
    struct gateway_process *process = memory_alloc(sizeof *process);
    struct arena *arena = &process->arena;
    char folder[] = "/tmp/gateway-test-XXXXXX";
    test_folder_make(folder);
    process->folder = arena_copy(arena, folder);
    const char *environment[SETTINGS_MAX] = {0};
    size_t count = 0;
    for (; settings && *settings; settings++) /* of two settings with the same name the first counts */
        environment[count++] = *settings;
    const char *const fixed[] = {
        arena_format(arena, "STATE_DIR=%s", folder),
#define SERVICE(NAME, field, name, LETTER)                                                                                     \
    arena_format(arena, #NAME "_ADDRESS=ipc://%s/publish.ipc", folder), /* one stand-in for all services */
#include "lib/base/programs.def"
        arena_format(arena, "REDIS_URL=%s", redis_url),
        "SERVER_PORT=0",
        "MANAGEMENT_PORT=0",
        "ASAN_OPTIONS=abort_on_error=0",
        "LSAN_OPTIONS=suppressions=" SOURCE_DIR "/tests/support/lsan.supp:print_suppressions=0",
        "TSAN_OPTIONS=halt_on_error=1:suppressions=" SOURCE_DIR "/tests/support/tsan.supp",
    };
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        assert_true(count + 1 < SETTINGS_MAX);
        environment[count++] = fixed[i];
    }
    const char *const arguments[] = {arena_format(arena, "%s/registry-gateway", programs ? programs : BUILD_DIR "/bin"), NULL};
    shell_run("mkdir %s/storage", folder);
    child_start(&process->child, arguments, environment, folder, arena_format(arena, "%s/gateway.log", folder));
    if (!wait_until(has_written_ports, process, PATIENCE_MS) || !process->url) fail_msg("The gateway did not start.");
    return process;
}

const char *gateway_process_folder(const struct gateway_process *process) {
    return process->folder;
}

const char *gateway_process_url(const struct gateway_process *process) {
    return process->url;
}

const char *gateway_process_management_url(const struct gateway_process *process) {
    return process->management_url;
}

int gateway_process_port(const struct gateway_process *process) {
    return process->port;
}

int gateway_process_id(const struct gateway_process *process) {
    return process->child.pid;
}

long gateway_process_memory_kib(const struct gateway_process *process, const char *name) {
    char path[64], line[256];
    long value = 0;
    snprintf(path, sizeof path, "/proc/%d/status", gateway_process_id(process));
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0) value = atol(line + strlen(name));
    fclose(file);
    assert_true(value > 0);
    return value;
}

int gateway_process_files(const struct gateway_process *process, const char *part) {
    char folder_path[64], path[PATH_MAX];
    int count = 0;
    snprintf(folder_path, sizeof folder_path, "/proc/%d/fd", gateway_process_id(process));
    DIR *folder = opendir(folder_path);
    assert_non_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder));) {
        ssize_t length = readlinkat(dirfd(folder), entry->d_name, path, sizeof path - 1);
        path[length > 0 ? length : 0] = '\0';
        count += strstr(path, part) != NULL;
    }
    closedir(folder);
    return count;
}

double gateway_process_metric(struct gateway_process *process, const char *name_and_labels) {
    struct http_response response = {0};
    struct error err;
    char url[64], line[256];
    snprintf(url, sizeof url, "%s/metrics", process->management_url);
    snprintf(line, sizeof line, "\n%s ", name_and_labels);
    const struct http_request request = {.url = url, .timeout_ms = PATIENCE_MS, .limit_bytes = 16 << 20};
    if (http_client_send(&request, &response, &err)) fail_msg("GET /metrics: %s", err.message);
    const char *found = strstr(text_view(&response.body), line);
    double value = found ? strtod(found + strlen(line), NULL) : 0;
    http_response_release(&response);
    return value;
}

struct awaited_metric {
    struct gateway_process *process;
    const char *name;
    double value;
};

static bool has_value(void *context) {
    const struct awaited_metric *awaited = context;
    return gateway_process_metric(awaited->process, awaited->name) == awaited->value;
}

void gateway_process_wait_for(struct gateway_process *process, const char *name_and_labels, double value) {
    struct awaited_metric awaited = {process, name_and_labels, value};
    if (!wait_until(has_value, &awaited, PATIENCE_MS))
        fail_msg("%s is %g, and not %g", name_and_labels, gateway_process_metric(process, name_and_labels), value);
}

void gateway_process_request_stop(struct gateway_process *process) {
    kill(process->child.pid, SIGTERM);
}

static void free_process(struct gateway_process *process) {
    arena_release(&process->arena);
    free(process);
}

int gateway_process_stop(struct gateway_process *process) {
    int ending = child_stop(&process->child, SIGTERM, PATIENCE_MS);
    int status = WIFEXITED(ending) ? WEXITSTATUS(ending) : 128 + WTERMSIG(ending);
    if (status == 0) test_folder_end(process->folder);
    free_process(process);
    return status;
}

void gateway_process_kill(struct gateway_process *process) {
    child_stop(&process->child, SIGKILL, PATIENCE_MS);
    test_folder_end(process->folder);
    free_process(process);
}
