/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/server/server_folder.h"

#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/folder.h"
#include "lib/base/text.h"
#include "tests/support/git/bare_repository.h"
#include "tests/support/shell.h"
#include "tests/support/test_run.h"

enum { PROGRAM_BYTES_MAX = 16 << 20 };

static void copy_program(struct server *server, const char *from, const char *to) {
    struct text program = {0};
    struct error err;
    const char *path = arena_format(&server->arena, "%s/%s", server->folder, to);
    if (file_read(from, PROGRAM_BYTES_MAX, &program, &err) || file_write(path, program.bytes, program.length, &err))
        fail_msg("%s", err.message);
    assert_int_equal(chmod(path, 0755), 0);
    text_release(&program);
}

static void make_folder_in(struct server *server, const char *name) {
    assert_int_equal(mkdir(arena_format(&server->arena, "%s/%s", server->folder, name), 0755), 0);
}

/* One stand-in of the compiler for each version, "0_15_14 0_15_15". */
static void make_compilers(struct server *server, const char *versions) {
    char *list = arena_copy(&server->arena, versions), *rest = NULL;
    const char *stand_in = arena_format(&server->arena, "%s/purs-stand-in", server->programs);
    make_folder_in(server, "compilers");
    for (char *version = strtok_r(list, " ", &rest); version != NULL; version = strtok_r(NULL, " ", &rest))
        copy_program(server, stand_in, arena_format(&server->arena, "compilers/purs-%s", version));
}

/* The compiler, licensee and the fetching of sources may run as another user that needs access to the folder. */
void server_folder_make(struct server *server, const struct server_options *options) {
    snprintf(server->folder, sizeof server->folder, "/tmp/registry-flow-XXXXXX");
    test_folder_make(server->folder);
    make_folder_in(server, "sources");
    make_folder_in(server, "work");
    make_compilers(server, options->compilers != NULL ? options->compilers : "0_15_14 0_15_15");
    make_folder_in(server, "licensee");
    if (options->programs == NULL) copy_program(server, BUILD_DIR "/stand-ins/licensee", "licensee/licensee");
    if (options->make_repositories != NULL) {
        shell_run("'%s' '%s'", options->make_repositories, server->folder);
    } else {
        bare_repository_make_first(arena_format(&server->arena, "%s/registry.git", server->folder));
        bare_repository_make_first(arena_format(&server->arena, "%s/registry-index.git", server->folder));
    }
}
