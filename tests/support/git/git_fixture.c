/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/git/git_fixture.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/shell.h"
#include "tests/support/test_run.h"

static const char prelude[] = "set -e; export HOME=/nonexistent GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_COUNT=3"
                              " GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'"
                              " GIT_CONFIG_KEY_1=init.defaultBranch GIT_CONFIG_VALUE_1=main"
                              " GIT_CONFIG_KEY_2=advice.detachedHead GIT_CONFIG_VALUE_2=false"
                              " GIT_AUTHOR_NAME=stranger GIT_AUTHOR_EMAIL=stranger@example.org"
                              " GIT_COMMITTER_NAME=stranger GIT_COMMITTER_EMAIL=stranger@example.org\n"
                              "push_files() { work=${1%.git}; [ -d $work/.git ] || git init -q $work; git -C $work add -A;"
                              " git -C $work commit -q --allow-empty -m Change;"
                              " if [ -d $1 ]; then git -C $work push -q ../$1 HEAD; else git clone -q --bare $work $1;"
                              " git -C $1 config http.receivepack true; fi; }\n";

void git_fixture_make(struct git_fixture *fixture) {
    *fixture = (struct git_fixture){0};
    snprintf(fixture->folder, sizeof fixture->folder, "%s", "/tmp/registry-git-XXXXXX");
    test_folder_make(fixture->folder);
}

void git_fixture_remove(struct git_fixture *fixture) {
    test_folder_end(fixture->folder);
    arena_release(&fixture->arena);
}

char *git_fixture_file(struct git_fixture *fixture, const char *name) {
    return arena_format(&fixture->arena, "%s/%s", fixture->folder, name);
}

static char *run_script(struct git_fixture *fixture, const char *script) {
    char *output = shell_output(&fixture->arena, "cd '%s'\n%s%s", fixture->folder, prelude, script);
    size_t length = strlen(output);
    if (length > 0 && output[length - 1] == '\n') output[length - 1] = '\0';
    return output;
}

void git_script(struct git_fixture *fixture, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    run_script(fixture, arena_format_list(&fixture->arena, format, arguments));
    va_end(arguments);
}

char *git_output(struct git_fixture *fixture, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *output = run_script(fixture, arena_format_list(&fixture->arena, format, arguments));
    va_end(arguments);
    return output;
}

void git_fixture_make_authority(struct git_fixture *fixture) {
    git_script(fixture, "new_key() { openssl ecparam -name prime256v1 -genkey -noout -out $1; };"
                        "new_key authority.key; new_key host.key;"
                        "openssl req -x509 -new -key authority.key -subj '/CN=Authority of a test' -days 2 -out authority.pem;"
                        "openssl req -new -key host.key -subj /CN=localhost -out host.csr;"
                        "echo 'subjectAltName=DNS:localhost,DNS:*.example.org' >host.ext;"
                        "openssl x509 -req -in host.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 2"
                        " -extfile host.ext -out host.pem 2>openssl.log");
}
