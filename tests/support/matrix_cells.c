/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/matrix_cells.h"

#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/shell.h"

const json_t *matrix_cell(const json_t *version, const char *compiler) {
    const json_t *cell;
    size_t i;
    json_array_foreach(json_object_get(version, "matrix"), i, cell) {
        if (strcmp(server_job_text(cell, "compiler"), compiler) == 0) return cell;
    }
    fail_msg("the matrix has no cell of %s", compiler);
    return NULL;
}

struct watch {
    struct server *server;
    const char *path, *compiler, *key, *value;
    json_t *version;
};

/* A version that was published a moment ago is not known yet. */
static bool is_so(void *context) {
    struct watch *watch = context;
    struct http_response response = {0};
    json_decref(watch->version);
    server_call(watch->server, "GET", watch->path, NULL, &response);
    watch->version = response.status == 200 ? json_loads(text_view(&response.body), 0, NULL) : NULL;
    http_response_release(&response);
    return watch->version &&
           strcmp(server_job_text(matrix_cell(watch->version, watch->compiler), watch->key), watch->value) == 0;
}

json_t *matrix_cells_wait(struct server *server, const char *name, const char *compiler, const char *key, const char *value) {
    struct watch watch = {server, arena_format(&server->arena, "/api/v1/packages/%s/1.0.0", name), compiler, key, value, NULL};
    if (wait_until(is_so, &watch, PATIENCE_MS)) return watch.version;
    char *last = json_dumps(watch.version, JSON_INDENT(2));
    fail_msg("the %s of %s with %s is never %s: %s", key, name, compiler, value, last ? last : "there is none");
    return NULL;
}

int matrix_alarms(struct server *server) {
    char *ports = read_file(&server->arena, arena_format(&server->arena, "%s/gateway.ports", server->folder));
    const char *port = ports ? strstr(ports, "management=") : NULL;
    assert_non_null(port);
    return atoi(shell_output(&server->arena,
                             "curl -fsS http://127.0.0.1:%d/metrics | sed -n "
                             "'s/^registry_alarms_total{program=\"build-matrix\"} //p'",
                             atoi(port + strlen("management="))));
}
