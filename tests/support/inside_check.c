/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/inside_check.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/cmocka_all.h"
#include "tests/support/git/git_server.h"
#include "tests/support/server/redis_server.h"

enum { NAMES_MAX = 5, NAME_BYTES = 160 };

static void check_text(const char *text, char names[NAMES_MAX][NAME_BYTES]) {
    for (size_t i = 0; i < NAMES_MAX; i++)
        if (*names[i] && strstr(text, names[i])) fail_msg("a public text names \"%s\", which is inside:\n%s", names[i], text);
}

static void check_value(const json_t *value, char names[NAMES_MAX][NAME_BYTES]) {
    const char *key;
    size_t index;
    json_t *item;
    if (json_is_string(value)) check_text(json_string_value(value), names);
    json_array_foreach(value, index, item) check_value(item, names);
    json_object_foreach((json_t *)value, key, item) if (strcmp(key, "payload") != 0) check_value(item, names);
}

void inside_check_job(const struct server *server, const json_t *job) {
    char names[NAMES_MAX][NAME_BYTES] = {"", "", "ipc://", "unix://", ""};
    snprintf(names[0], NAME_BYTES, "%s", server->folder);
    if (server->redis) snprintf(names[1], NAME_BYTES, "%s", redis_server_folder(server->redis));
    if (server->git) snprintf(names[4], NAME_BYTES, "%s/", git_server_url(server->git));
    check_value(job, names);
}
