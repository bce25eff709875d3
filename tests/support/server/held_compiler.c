/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/server/held_compiler.h"

#include "tests/support/cmocka_all.h"

#include <unistd.h>

#include "tests/support/shell.h"

/* The compilers' folder is the only folder of the server that is visible in the sandbox. */
static const char *path_of(struct server *server) {
    return arena_format(&server->arena, "%s/compilers/held", server->folder);
}

const char *held_compiler_pragma(struct server *server) {
    return arena_format(&server->arena, "wait %s", path_of(server));
}

void held_compiler_hold(struct server *server, const char *version) {
    write_file(arena_format(&server->arena, "%s-%s", path_of(server), version), "");
}

void held_compiler_release(struct server *server, const char *version) {
    assert_int_equal(unlink(arena_format(&server->arena, "%s-%s", path_of(server), version)), 0);
}
