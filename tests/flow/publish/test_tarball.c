/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Step 10 of lib/domain/README.md, Publish, up to the upload: the content of tarballs (lib/source/README.md, Packing),
 * refusals, and that the same source gives the same bytes on every machine. (The rest of the step: test_races.c.)
 */
#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/refusal.h"
#include "tests/support/registry_check.h"
#include "tests/support/shell.h"

static struct server *server;

#define GLOBS(name, fields)                                                                                                    \
    { "purs.json", REFUSAL_PURS_JSON(name, "1.0.0", "BSD-3-Clause", "purescript-" name, fields ", ") }

static const struct refusal refusals[] = {
    {.holds = "included_files_are_in_the_package",
     .package = {"outside", "1.0.0", .files = {GLOBS("outside", "\"includeFiles\": [\"docs/*\", \"../other/*\"]")}},
     .sentence = "includeFiles: The glob \"../other/*\" contains \"..\": only files in the package's folder can be included."},
    {.holds = "included_files_have_no_absolute_paths",
     .package = {"absolute", "1.0.0", .files = {GLOBS("absolute", "\"includeFiles\": [\"/etc/passwd\"]")}},
     .sentence = "includeFiles: The glob \"/etc/passwd\" is absolute: it must be relative to the package's folder."},
    {.holds = "a_glob_takes_nothing_back",
     .package = {"negative", "1.0.0", .files = {GLOBS("negative", "\"includeFiles\": [\"docs/*\", \"!docs/secret\"]")}},
     .sentence = "includeFiles: The glob \"!docs/secret\" has a \"!\" in it (use excludeFiles to leave files out), which is "
                 "not supported."},
    {.holds = "excluded_files_neither",
     .package = {"positive", "1.0.0", .files = {GLOBS("positive", "\"excludeFiles\": [\"!docs/good\"]")}},
     .sentence = "excludeFiles: The glob \"!docs/good\" has a \"!\" in it (use excludeFiles to leave files out), which is not "
                 "supported."},
    {.holds = "a_glob_is_not_empty",
     .package = {"nothing", "1.0.0", .files = {GLOBS("nothing", "\"includeFiles\": [\"\"]")}},
     .sentence =
         "In purs.json, at includeFiles: \"includeFiles\" has an empty pattern, which package managers cannot read: remove "
         "it."},
    {.holds = "an_included_link_leads_to_a_file",
     .package = {"dangling", "1.0.0", .files = {GLOBS("dangling", "\"includeFiles\": [\"docs/*\"]")},
                 .script = "mkdir docs && ln -s gone docs/here"},
     .sentence = "The globs of includeFiles match docs/here, which is a link, but its target is not a file or folder of the "
                 "repository that can be packed."},
    {.holds = "an_included_link_leads_to_no_folder_that_it_is_in",
     .package = {"winding", "1.0.0", .files = {GLOBS("winding", "\"includeFiles\": [\"docs\"]")},
                 .script = "mkdir docs && ln -s .. docs/up"},
     .sentence = "The globs of includeFiles match docs/up, which is a link, but its target is not a file or folder of the "
                 "repository that can be packed."},
    {.holds = "a_link_in_src_leads_to_a_file",
     .package = {"broken", "1.0.0", .script = "ln -s ../Gone.purs src/Here.purs"},
     .sentence = "src/Here.purs is a link, but its target is not a file or folder of the repository that can be packed."},
    {.holds = "folders_are_not_nested_for_ever",
     .package = {"nested", "1.0.0",
                 .script = "folder=$(yes deep | head -70 | paste -sd /) && mkdir -p $folder && touch $folder/file"},
     .words = {"deep/deep/deep is nested too deeply: more than 64 levels."}},
};

static void start(void) {
    server = server_start(&(struct server_options){.has_git_server = true});
}

/* ---- Size ---- */

/* Random letters, each of which takes six bits when compressed. */
static const char *make_noise(char *out, size_t length) {
    unsigned seed = 1;
    for (size_t i = 0; i < length; i++) {
        seed = seed * 1103515245 + 12345;
        out[i] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"[seed >> 16 & 63];
    }
    out[length] = '\0';
    return out;
}

static void a_tarball_over_two_megabytes_is_refused(void **state) {
    (void)state;
    static char noise[2900000 + 1];
    const struct refusal refusal = {
        .package = {"large", "1.0.0", .files = {{"src/data.txt", make_noise(noise, sizeof noise - 1)}}},
        .words = {"The package's tarball has 21",
                  " bytes; more than 2000000 are not allowed. Leave files out with \"excludeFiles\", "
                  "or include fewer."},
    };
    refusal_expect(server, &refusal);
}

static const char *publish(const struct package *package) {
    json_t *job = server_wait_for_job(server, server_post_package(server, package));
    const char *log = server_log_text(server, job);
    if (!json_is_true(json_object_get(job, "success"))) fail_msg("%s failed:\n%s", package->name, log);
    json_decref(job);
    return log;
}

static void a_tarball_over_200_kilobytes_is_warned_of(void **state) {
    (void)state;
    static char noise[270000 + 1];
    const struct package package = {"heavy", "1.0.0", .files = {{"src/data.txt", make_noise(noise, sizeof noise - 1)}}};
    const char *log = publish(&package);
    if (strstr(log, "WARN The tarball has 20") == NULL) fail_msg("%s", log);
    assert_non_null(strstr(log, " bytes, more than the recommended 200000. Consider excludeFiles."));
}

/* A link counts as its target, so a tarball can be larger than its source. */
static void files_that_are_too_large_together_are_refused(void **state) {
    (void)state;
    static char noise[60000 + 1];
    static const char *const settings[] = {"SOURCE_LIMIT_BYTES=100000", NULL};
    struct server *small = server_start(&(struct server_options){.settings = settings});
    const struct refusal refusal = {
        .package = {"doubled", "1.0.0", .files = {{"src/data.txt", make_noise(noise, sizeof noise - 1)}},
                    .script = "ln -s data.txt src/more.txt"},
        .sentence = "The files of the tarball have more than the 100000 bytes that are allowed: doubled-1.0.0/src/more.txt "
                    "exceeds them.",
    };
    refusal_expect(small, &refusal);
    server_stop(small);
}

/* ---- Its content ---- */

static const char *list_tarball(const char *name, const char *version) {
    return shell_output(&server->arena, "tar -tzf '%s/storage/%s/%s.tar.gz'", server->folder, name, version);
}

static void a_tarball_has_what_it_should_and_nothing_else(void **state) {
    (void)state;
    const struct package package = {
        "choosy", "1.0.0",
        .files = {GLOBS("choosy", "\"includeFiles\": [\"docs/**\", \"./a?b\", \"*.js\", \"assets/*/icon.png\", \"..notes\"], "
                                  "\"excludeFiles\": [\"docs/*/b.md\", \"src/**\", \"LICENSE\", \"../docs/**\"]")},
        .script = "mkdir -p src/deep docs/in assets/one/two node_modules/x b/node_modules .spago CVS && "
                  "touch README.md readme LICENCE.txt License-MIT spago.dhall packages.dhall spago.lock CHANGELOG.md "
                  "bower_components package-lock.json yarn.lock pnpm-lock.yaml node_modules/x/y.js .spago/a CVS/b "
                  "src/A.js src/deep/c.txt src/.A.purs.swp src/._A src/.DS_Store src/Deep.swp "
                  "docs/a.md docs/b.md docs/in/a.md docs/in/b.md docs/.DS_Store docs/._c docs/.d "
                  "assets/icon.png assets/one/icon.png assets/one/two/icon.png 'a?b~' acb index.js b/index.js "
                  "b/node_modules/z.js ..notes && "
                  "echo '{}' >package.json && echo '{\"name\": \"choosy\"}' >bower.json && echo 'package: {}' >spago.yaml && "
                  "ln -s docs/a.md README.txt && ln -s gone LICENSE.old"};
    const char *log = publish(&package);
    assert_string_equal(list_tarball("choosy", "1.0.0"), "choosy-1.0.0/\n"
                                                         "choosy-1.0.0/..notes\n"
                                                         "choosy-1.0.0/LICENCE.txt\n"
                                                         "choosy-1.0.0/LICENSE\n"
                                                         "choosy-1.0.0/License-MIT\n"
                                                         "choosy-1.0.0/README.md\n"
                                                         "choosy-1.0.0/README.txt\n"
                                                         "choosy-1.0.0/acb\n"
                                                         "choosy-1.0.0/assets/\n"
                                                         "choosy-1.0.0/assets/one/\n"
                                                         "choosy-1.0.0/assets/one/icon.png\n"
                                                         "choosy-1.0.0/bower.json\n"
                                                         "choosy-1.0.0/docs/\n"
                                                         "choosy-1.0.0/docs/a.md\n"
                                                         "choosy-1.0.0/docs/b.md\n"
                                                         "choosy-1.0.0/docs/in/\n"
                                                         "choosy-1.0.0/docs/in/a.md\n"
                                                         "choosy-1.0.0/index.js\n"
                                                         "choosy-1.0.0/package.json\n"
                                                         "choosy-1.0.0/packages.dhall\n"
                                                         "choosy-1.0.0/purs.json\n"
                                                         "choosy-1.0.0/readme\n"
                                                         "choosy-1.0.0/spago.dhall\n"
                                                         "choosy-1.0.0/spago.yaml\n"
                                                         "choosy-1.0.0/src/\n"
                                                         "choosy-1.0.0/src/A.js\n"
                                                         "choosy-1.0.0/src/Deep.swp\n"
                                                         "choosy-1.0.0/src/Main.purs\n"
                                                         "choosy-1.0.0/src/deep/\n"
                                                         "choosy-1.0.0/src/deep/c.txt\n");
    static const char *const lines[] = {
        "WARN LICENSE.old is left out: it is a link, but its target is not a file or folder of the repository that can be "
        "packed.",
        "WARN excludeFiles: \"LICENSE\" matches LICENSE, which is always packed, and is not left out.",
        "WARN excludeFiles: \"src/**\" matches src/A.js, which is always packed, and is not left out.",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (strstr(log, lines[i]) == NULL) fail_msg("no \"%s\" in:\n%s", lines[i], log);
}

/* In a monorepo, shared files are above the packages. Other parts of the repository do not matter to a package. */
static void a_package_of_a_monorepo_has_what_it_shares_and_is_not_judged_by_the_rest(void **state) {
    (void)state;
    const struct package package = {
        "shared", "1.0.0",
        .files = {{"purs.json", NULL},
                  {"src/Main.purs", NULL},
                  {"LICENSE", "BSD 3-Clause\n"},
                  {"core/purs.json",
                   "{\"name\": \"shared\", \"version\": \"1.0.0\", \"license\": \"BSD-3-Clause\", \"location\": "
                   "{\"githubOwner\": \"flow\", \"githubRepo\": \"purescript-shared\", \"subdir\": \"core\"}, \"ref\": "
                   "\"v1.0.0\", \"includeFiles\": [\"docs\", \"assests/**\"], \"dependencies\": {}}"},
                  {"core/src/Main.purs", "module Shared where\n"}},
        .script =
            "echo readme >README.md && mkdir -p docs images core/images && echo guide >docs/guide.md && "
            "ln -s ../README.md core/README.md && ln -s ../LICENSE core/LICENSE && ln -s ../docs core/docs && "
            "ln -s /etc core/elsewhere && ln -s gone core/gone && echo 1 >core/images/a.png && echo 2 >core/images/A.png && "
            "touch core/images/aux.png core/images/a:b && "
            "printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:0\\nsize 9\\n' | tee docs/logo.png "
            ">core/images/b.png"};
    package_push(arena_format(&server->arena, "%s/sources", server->folder), &package);
    static const char request[] =
        "{\"name\": \"shared\", \"version\": \"1.0.0\", \"ref\": \"v1.0.0\", \"compiler\": \"0.15.15\", "
        "\"location\": {\"githubOwner\": \"flow\", \"githubRepo\": \"purescript-shared\", "
        "\"subdir\": \"core\"}}";
    json_t *job = server_wait_for_job(server, server_publish(server, request).id);
    const char *log = server_log_text(server, job);
    if (!json_is_true(json_object_get(job, "success"))) fail_msg("%s", log);
    json_decref(job);
    assert_string_equal(list_tarball("shared", "1.0.0"), "shared-1.0.0/\n"
                                                         "shared-1.0.0/LICENSE\n"
                                                         "shared-1.0.0/README.md\n"
                                                         "shared-1.0.0/docs/\n"
                                                         "shared-1.0.0/docs/guide.md\n"
                                                         "shared-1.0.0/docs/logo.png\n"
                                                         "shared-1.0.0/purs.json\n"
                                                         "shared-1.0.0/src/\n"
                                                         "shared-1.0.0/src/Main.purs\n");
    const char *line = "WARN includeFiles: \"assests/**\" matches no file that can be packed.";
    if (strstr(log, line) == NULL) fail_msg("no \"%s\" in:\n%s", line, log);
}

static void a_tarball_has_the_manifest_printed_and_plain_entries(void **state) {
    (void)state;
    const struct package package = {"plain", "1.0.0",
                                    .files = {{"purs.json", NULL},
                                              {"spago.yaml", "package:\n  name: plain\n  dependencies: []\n  publish:\n"
                                                             "    version: 1.0.0\n    license: MIT\n    location: "
                                                             "{githubOwner: flow, githubRepo: purescript-plain}\n"}},
                                    .script = "touch src/run && chmod 755 src/run && ln -s Main.purs src/Again.txt"};
    publish(&package);
    const char *tarball = arena_format(&server->arena, "%s/storage/plain/1.0.0.tar.gz", server->folder);
    assert_string_equal(shell_output(&server->arena, "TZ=UTC tar --numeric-owner -tvzf '%s' | sed -E 's/ +/ /g'", tarball),
                        "drwxr-xr-x 0/0 0 1970-01-01 00:00 plain-1.0.0/\n"
                        "-rw-r--r-- 0/0 13 1970-01-01 00:00 plain-1.0.0/LICENSE\n"
                        "-rw-r--r-- 0/0 190 1970-01-01 00:00 plain-1.0.0/purs.json\n"
                        "-rw-r--r-- 0/0 153 1970-01-01 00:00 plain-1.0.0/spago.yaml\n"
                        "drwxr-xr-x 0/0 0 1970-01-01 00:00 plain-1.0.0/src/\n"
                        "-rw-r--r-- 0/0 62 1970-01-01 00:00 plain-1.0.0/src/Again.txt\n"
                        "-rw-r--r-- 0/0 62 1970-01-01 00:00 plain-1.0.0/src/Main.purs\n"
                        "-rw-r--r-- 0/0 0 1970-01-01 00:00 plain-1.0.0/src/run\n");
    assert_string_equal(
        shell_output(&server->arena, "tar -xzOf '%s' plain-1.0.0/purs.json", tarball),
        "{\n  \"name\": \"plain\",\n  \"version\": \"1.0.0\",\n  \"license\": \"MIT\",\n  \"location\": {\n"
        "    \"githubOwner\": \"flow\",\n    \"githubRepo\": \"purescript-plain\"\n  },\n  \"ref\": \"v1.0.0\",\n"
        "  \"dependencies\": {}\n}\n");
}

static void a_long_path_is_packed_whole(void **state) {
    (void)state;
    const struct package package = {
        "lengthy", "1.0.0",
        .script =
            "folder=src/$(yes a-rather-long-name | head -20 | paste -sd /) && mkdir -p $folder && touch $folder/file.txt"};
    publish(&package);
    assert_string_equal(
        shell_output(&server->arena, "tar -tzf '%s/storage/lengthy/1.0.0.tar.gz' | tail -1 | wc -c", server->folder), "407\n");
}

/* ---- The same bytes everywhere ---- */

#define FIXTURE_HASH "sha256-Ivo3TXVXBch2KWlnBO32cOccu7TBtDRG5Dly2EMuL4Y="

static const struct package fixture = {
    "reproducible", "1.0.0", .files = {GLOBS("reproducible", "\"includeFiles\": [\"docs/**\"]")},
    .script =
        "mkdir -p docs/b docs/a src/B && for i in 3 1 2; do echo \"module B.M$i where\" >src/B/M$i.purs; done && "
        "echo z >docs/z && echo a >docs/a/a && echo b >docs/b/b && echo '\xC3\xA4' >'docs/\xC3\xA4' && ln -s z docs/link"};

/* The output of `registryctl pack` for the package's source, in an environment that differs in everything but the source. */
static const char *pack_in(const char *before, const char *command) {
    const char *program = arena_format(&server->arena, "%s/registryctl", server->programs);
    return shell_output(&server->arena,
                        "cd '%s' && rm -rf again && mkdir -m 777 again && cp '%s' again/ && cp -r sources/flow/"
                        "purescript-reproducible.tree again/tree && rm -rf again/tree/.git && cd again && { %s; } && "
                        "%s ./registryctl pack tree out.tar.gz",
                        server->folder, program, before, command);
}

static void the_same_source_gives_the_same_bytes_everywhere(void **state) {
    (void)state;
    publish(&fixture);
    json_t *entry = registry_published(server, "reproducible", "1.0.0");
    assert_string_equal(server_job_text(entry, "hash"), FIXTURE_HASH);
    const char *expected =
        arena_format(&server->arena, FIXTURE_HASH " %d\n", (int)json_integer_value(json_object_get(entry, "bytes")));
    json_decref(entry);
    static const struct {
        const char *before, *command;
    } places[] = {
        {"true", ""},
        {"true", "umask 077;"},
        {"true", "umask 000;"},
        {"true", "env LC_ALL=C"},
        {"true", "env LC_ALL=C.UTF-8 LANG=C.UTF-8"},
        {"true", "env LC_ALL=de_DE.ISO-8859-1"},
        {"true", "env TZ=Pacific/Kiritimati"},
        {"true", "env -i SOURCE_DATE_EPOCH=86400"},
        {"find tree -exec touch -h -d '1999-12-31 23:59:59.5' {} +", ""},
        {"find tree -type f -exec chmod 600 {} + && find tree -type d -exec chmod 700 {} +", ""},
        {"find tree -type f -exec chmod 755 {} +", ""},
        {"mv tree first && mkdir tree && (cd first && find . | sort -r >../list && tar --no-recursion -cf - -T ../list | tar "
         "-xf - -C ../tree)",
         ""},
        {"mv tree first && mkdir tree && (cd first && find . | sort >../list && tar --no-recursion -cf - -T ../list | tar -xf "
         "- -C ../tree)",
         ""},
        {"memory=$(mktemp -d -p /dev/shm) && cp -r tree $memory/tree && rm -rf tree && cp -r $memory/tree tree && rm -r "
         "$memory",
         ""},
        {"chown -R 12345:54321 tree", "setpriv --reuid=65534 --regid=65534 --clear-groups"},
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (strncmp(places[i].before, "chown", 5) == 0 && geteuid() != 0) continue; /* only root may do that */
        const char *said = pack_in(places[i].before, places[i].command);
        if (strcmp(said, expected) != 0) fail_msg("after \"%s\", %s: %s", places[i].before, places[i].command, said);
    }
}

static void a_tarball_in_the_way_is_never_overwritten(void **state) {
    (void)state;
    const struct refusal refusal = {.package = {"occupied", "1.0.0"},
                                    .words = {"The storage already holds a different tarball for occupied@1.0.0 (sha256-",
                                              ", this one is sha256-", "), and a stored tarball is never overwritten."}};
    const char *tarball = arena_format(&server->arena, "%s/storage/occupied/1.0.0.tar.gz", server->folder);
    write_file(tarball, "not one of ours\n");
    refusal_expect(server, &refusal);
    assert_int_equal(unlink(tarball), 0);
}

/* ---- Metadata ---- */

#define KEY "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"

static void the_owners_in_the_metadata_follow_the_manifest(void **state) {
    (void)state;
    const struct package owned = {
        "owned", "1.0.0",
        .files = {GLOBS("owned", "\"owners\": [{\"public\": \"" KEY "\", \"keytype\": \"ssh-ed25519\", \"id\": \"me\"}]")}};
    const struct package unowned = {"owned", "1.1.0", .pragma = NULL};
    publish(&owned);
    assert_non_null(
        strstr(registry_file(server, REGISTRY_REPO, "metadata/owned.json"),
               "  \"owners\": [\n    {\n      \"id\": \"me\",\n      \"keytype\": \"ssh-ed25519\",\n      \"public\": \"" KEY
               "\"\n    }\n  ],\n"));
    publish(&unowned);
    assert_null(strstr(registry_file(server, REGISTRY_REPO, "metadata/owned.json"), "owners"));
}

int main(void) {
    const struct CMUnitTest others[] = {
        cmocka_unit_test(a_tarball_over_two_megabytes_is_refused),
        cmocka_unit_test(files_that_are_too_large_together_are_refused),
        cmocka_unit_test(a_tarball_over_200_kilobytes_is_warned_of),
        cmocka_unit_test(a_tarball_has_what_it_should_and_nothing_else),
        cmocka_unit_test(a_package_of_a_monorepo_has_what_it_shares_and_is_not_judged_by_the_rest),
        cmocka_unit_test(a_tarball_has_the_manifest_printed_and_plain_entries),
        cmocka_unit_test(a_long_path_is_packed_whole),
        cmocka_unit_test(the_same_source_gives_the_same_bytes_everywhere),
        cmocka_unit_test(a_tarball_in_the_way_is_never_overwritten),
        cmocka_unit_test(the_owners_in_the_metadata_follow_the_manifest),
    };
    return REFUSALS_RUN(server, start, refusals, others);
}
