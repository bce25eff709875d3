/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/server/second_service.h"

#include "tests/support/cmocka_all.h"

#include "tests/support/registry_check.h"
#include "tests/support/shell.h"

enum { OWN_SETTINGS = 5, ENVIRONMENT_MAX = SERVER_SETTINGS_MAX + OWN_SETTINGS };

const char *second_service_path(struct server *server, const char *name) {
    return arena_format(&server->arena, "%s/second/%s", server->folder, name);
}

void second_service_start(struct server *server, enum server_program program, const char *const *settings,
                          struct child_process *child) {
    struct arena *arena = &server->arena;
    const char *const own[OWN_SETTINGS] = {
        arena_format(arena, "STATE_DIR=%s/second", server->folder),
        arena_format(arena, "WORK_DIR=%s/second/work", server->folder),
        arena_format(arena, "STORAGE_DIR=%s/storage", server->folder),
        arena_format(arena, "REGISTRY_REPO=%s/" REGISTRY_REPO, server->folder),
        arena_format(arena, "REGISTRY_INDEX_REPO=%s/" INDEX_REPO, server->folder),
    };
    const char *environment[ENVIRONMENT_MAX + 1] = {0};
    size_t count = 0;
    for (; settings && *settings; settings++)
        environment[count++] = *settings;
    for (size_t i = 0; i < OWN_SETTINGS; i++)
        environment[count++] = own[i];
    for (const char *const *setting = server->environments[program]; *setting; setting++) {
        assert_true(count < ENVIRONMENT_MAX);
        environment[count++] = *setting;
    }
    shell_run("mkdir -p '%s/second/work'", server->folder);
    const char *const arguments[] = {arena_format(arena, "%s/registry-%s", server->programs, server_program_name(program)),
                                     program == SERVER_PUBLISH ? server_sandbox_option() : NULL, NULL};
    child_start(child, arguments, environment, server->folder,
                arena_format(arena, "%s/second-%s.log", server->folder, server_program_name(program)));
}
