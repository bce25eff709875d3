/* SPDX-License-Identifier: BSD-3-Clause
 *
 * registryctl without a server: its output on both streams, and its exit status. The real registry is checked and solved if its
 * data is available (REGISTRY_DATA, see tests/support/small_registry.h); its plans themselves are checked in
 * tests/unit/domain/test_solver_real.c.
 */
#include "tests/support/cmocka_all.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/text.h"
#include "tests/support/run_program.h"
#include "tests/support/shell.h"
#include "tests/support/temporary_folder.h"

enum { ARGUMENTS_MAX = 20 };

static struct temporary_folder folder;
static struct command_result result; /* of the last run */

/* Runs registryctl in the test's folder; `line` is split at blanks, and `%` is replaced by `argument`. */
static int run_with(const char *argument, const char *input, const char *line) {
    char words[512], *rest = NULL;
    const char *arguments[ARGUMENTS_MAX + 1] = {NULL};
    size_t count = 0;
    snprintf(words, sizeof words, "%s", line);
    for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        assert_true(count < ARGUMENTS_MAX);
        arguments[count++] = strcmp(word, "%") == 0 ? argument : word;
    }
    return run_program(&result, &(struct program_call){"registryctl", arguments, NULL, folder.path, input});
}

static int run(const char *line) {
    return run_with(NULL, NULL, line);
}

static const char *output(void) {
    return text_view(&result.output);
}

static const char *errors(void) {
    return text_view(&result.errors);
}

static void expect_error(int status, const char *part) {
    assert_int_equal(result.exit_status, status);
    assert_string_equal(output(), "");
    if (!strstr(errors(), part)) fail_msg("\"%s\" is not in: %s", part, errors());
}

static int set_up(void **state) {
    (void)state;
    temporary_folder_make(&folder);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    command_result_release(&result);
    temporary_folder_remove(&folder);
    return 0;
}

/* ---- The program ---- */

static void a_wrong_call_is_told_apart_from_a_no(void **state) {
    (void)state;
    static const char *const calls[] = {"",
                                        "nonsense",
                                        "version",
                                        "version 1.0.0 2.0.0",
                                        "sign",
                                        "check",
                                        "verify --key x",
                                        "license --canon MIT",
                                        "solve here",
                                        "solve here a@1.0.0 --all",
                                        "solve here --all --threads 0",
                                        "solve here --all --threads +3",
                                        "logs -ffffffffff x",
                                        "package-set",
                                        "range --"};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (run(calls[i]) != 2) fail_msg("%s: exit status %d", calls[i], result.exit_status);
    char many[256] = "license MIT";
    for (int i = 0; i < 18; i++)
        strcat(many, " --canonical");
    assert_int_equal(run(many), 0);
    assert_int_equal(run("--help"), 0);
    assert_non_null(strstr(output(), "registryctl solve DIR"));
}

/* The URL would be another one: `&` and `#` have a meaning in URLs. */
static void a_package_that_cannot_be_is_not_asked_for(void **state) {
    (void)state;
    assert_int_equal(run("jobs --package a&state=failed"), 1);
    assert_non_null(strstr(errors(), "a&state=failed"));
    assert_null(strstr(errors(), "127.0.0.1"));
}

static void a_text_is_printed_in_its_normal_form_or_refused(void **state) {
    (void)state;
    static const struct {
        const char *command, *text, *normal, *error;
    } rows[] = {
        {"package-name -- %", "prelude", "prelude\n", NULL},
        {"package-name -- %", "-prelude", NULL, "\"-prelude\" is not a package name"},
        {"version -- %", "1.20.3", "1.20.3\n", NULL},
        {"version %", "1.20.3", "1.20.3\n", NULL},
        {"version -- %", "v1.20.3", NULL, "\"v1.20.3\" is not a version"},
        {"version -- %", "--all", NULL, "\"--all\" is not a version"},
        {"range -- %", ">=1.0.0 <2.0.0", ">=1.0.0 <2.0.0\n", NULL},
        {"range -- %", ">=2.0.0 <2.0.0", NULL, "\">=2.0.0 <2.0.0\" is not a range"},
        {"hash -- %",
         "sha256-fN9RUAzN21ZY4Y0UwqUSxwUPVz1g7/pcqoDvbJZoT04=", "sha256-fN9RUAzN21ZY4Y0UwqUSxwUPVz1g7/pcqoDvbJZoT04=\n", NULL},
        {"hash -- %", "sha256-short=", NULL, "\"sha256-short=\" is not a hash"},
        {"license -- %", " (MIT) or  Apache-2.0", "MIT OR Apache-2.0\n", NULL},
        {"license -- %", "GPL-3.0", NULL, "GPL-3.0-only"},
        {"license --canonical -- %", "GPL-3.0", "GPL-3.0-only\n", NULL},
        {"license --canonical -- %", "My own", NULL, "My"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int status = run_with(rows[i].text, NULL, rows[i].command);
        if (rows[i].error) {
            expect_error(1, rows[i].error);
        } else {
            assert_int_equal(status, 0);
            assert_string_equal(output(), rows[i].normal);
        }
    }
}

/* ---- Manifests and tarballs ---- */

#define PURS_JSON                                                                                                              \
    "{\n  \"name\": \"demo\",\n  \"version\": \"1.2.3\",\n  \"license\": \"MIT\",\n  \"location\": {\n"                        \
    "    \"githubOwner\": \"me\",\n    \"githubRepo\": \"purescript-demo\"\n  },\n  \"ref\": \"v1.2.3\",\n"                    \
    "  \"dependencies\": {\n    \"prelude\": \">=6.0.0 <7.0.0\"\n  }\n}\n"

static const char spago_yaml[] = "package:\n"
                                 "  name: demo\n"
                                 "  dependencies:\n"
                                 "    - prelude: \">=6.0.0 <7.0.0\"\n"
                                 "  publish:\n"
                                 "    version: 1.2.3\n"
                                 "    license: MIT\n"
                                 "    location:\n"
                                 "      githubOwner: me\n"
                                 "      githubRepo: purescript-demo\n";

static void a_manifest_is_printed_as_purs_json(void **state) {
    (void)state;
    temporary_folder_write(&folder, "demo/spago.yaml", spago_yaml);
    temporary_folder_write(&folder, "purs.json", PURS_JSON);
    assert_int_equal(run("manifest demo/spago.yaml"), 0);
    assert_string_equal(output(), PURS_JSON);
    assert_int_equal(run("manifest purs.json"), 0);
    assert_string_equal(output(), PURS_JSON);
    assert_int_equal(run("manifest demo/spago.yaml --ref main"), 0);
    assert_non_null(strstr(output(), "\"ref\": \"main\""));
}

static void a_bad_manifest_is_refused_with_field_and_value(void **state) {
    (void)state;
    static const struct {
        const char *content, *error;
    } rows[] = {
        {"{\"name\":\"demo\",\"version\":\"1.2\"}", "version: "},
        {"{\"name\":\"demo\",\"version\":\"1.2\"}", "\"1.2\" is not a version"},
        {"{\"name\":\"De\",\"version\":\"1.2.3\"}", "name: "},
        {"{", "purs.json"},
        {"{\"name\":\"demo\",\"version\":\"1.2.3\",\"license\":\"GPL-3.0\",\"location\":{\"githubOwner\":\"me\",\"githubRepo\":"
         "\"x\"},\"ref\":\"v1\",\"dependencies\":{}}",
         "license: "},
        {"{\"name\":\"demo\",\"version\":\"1.2.3\",\"license\":\"MIT\",\"location\":{\"githubOwner\":\"me\",\"githubRepo\":"
         "\"x\"},\"ref\":\"v1\",\"dependencies\":{\"prelude\":\"^6.0.0\"}}",
         "dependencies.prelude: "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        temporary_folder_write(&folder, "bad.json", rows[i].content);
        run("manifest bad.json");
        expect_error(1, rows[i].error);
    }
    run("manifest nowhere.json");
    expect_error(1, "nowhere.json");
}

static void a_package_comes_out_as_it_was_packed(void **state) {
    (void)state;
    temporary_folder_write(&folder, "demo/spago.yaml", spago_yaml);
    temporary_folder_write(&folder, "demo/src/Demo.purs", "module Demo where\n");
    temporary_folder_write(&folder, "demo/node_modules/x.js", "left out");
    assert_int_equal(run("pack demo one.tar.gz"), 0);
    assert_true(text_starts_with(output(), "sha256-"));
    char *printed = strdup(output());
    assert_int_equal(run("pack demo two.tar.gz"), 0);
    assert_string_equal(output(), printed);
    free(printed);
    assert_int_equal(run("unpack one.tar.gz out"), 0);
    assert_string_equal(output(), "out/demo-1.2.3\n");
    char *manifest = temporary_folder_read(&folder, "out/demo-1.2.3/purs.json");
    char *module = temporary_folder_read(&folder, "out/demo-1.2.3/src/Demo.purs");
    assert_string_equal(manifest, PURS_JSON);
    assert_string_equal(module, "module Demo where\n");
    assert_null(temporary_folder_read(&folder, "out/demo-1.2.3/node_modules/x.js"));
    free(manifest);
    free(module);
    run("unpack one.tar.gz out");
    expect_error(1, "out/demo-1.2.3");
}

static void files_that_are_no_package_are_neither_packed_nor_unpacked(void **state) {
    (void)state;
    temporary_folder_write(&folder, "empty/notes.txt", "nothing");
    run("pack empty out.tar.gz");
    expect_error(1, "no manifest");
    temporary_folder_write(&folder, "empty/purs.json", PURS_JSON);
    run("pack empty out.tar.gz");
    expect_error(1, ".purs");
    run("unpack empty/notes.txt out");
    expect_error(1, "The tarball cannot be read");
    shell_run("cd %s && tar -czf flat.tar.gz -C empty notes.txt && tar -czPf up.tar.gz ../%s/empty/notes.txt", folder.path,
              strrchr(folder.path, '/') + 1);
    run("unpack flat.tar.gz out");
    expect_error(1, "is in no folder");
    run("unpack up.tar.gz out");
    expect_error(1, "\"..\"");
}

/* ---- Signatures ---- */

static void valid_signatures_are_verified(void **state) {
    (void)state;
    shell_run("cd %s && ssh-keygen -q -t ed25519 -N '' -C me -f key", folder.path);
    char *line = temporary_folder_read(&folder, "key.pub");
    assert_int_equal(run_with(NULL, "payload", "sign --key key"), 0);
    char *signature = strndup(output(), strcspn(output(), "\n"));
    char call[256];
    snprintf(call, sizeof call, "verify --key %% --signature %s", signature);
    assert_int_equal(run_with(line, "payload", call), 0);
    run_with(line, "payload\n", call);
    expect_error(1, "has not signed exactly this payload");
    run_with(line, "payload", "verify --key % --signature 00");
    expect_error(1, "has not signed exactly this payload");
    run_with(line, "payload", "verify --key % --signature x");
    expect_error(1, "signature: ");
    run_with("ssh-dss AAAA", "payload", call);
    expect_error(1, "keytype: ");
    run_with(NULL, "payload", "sign --key key.pub");
    expect_error(1, "OPENSSH PRIVATE KEY");
    free(signature);
    free(line);
}

/* ---- A registry ---- */

#define AT(repo) "\"location\":{\"githubOwner\":\"me\",\"githubRepo\":\"" repo "\"}"
#define PUBLISHED(version)                                                                                                     \
    "    \"" version "\": {\n      \"bytes\": 100,\n      \"compilers\": [\n        \"0.15.4\",\n        \"0.15.15\"\n"        \
    "      ],\n      \"hash\": \"sha256-fN9RUAzN21ZY4Y0UwqUSxwUPVz1g7/pcqoDvbJZoT04=\",\n"                                     \
    "      \"publishedTime\": \"2026-01-02T03:04:05.678Z\",\n      \"ref\": \"\"\n    }"
#define METADATA(repo, published)                                                                                              \
    "{\n  \"location\": {\n    \"githubOwner\": \"me\",\n    \"githubRepo\": \"" repo                                          \
    "\"\n  },\n  \"published\": {\n" published "\n  },\n  \"unpublished\": {}\n}\n"
#define LINE(name, version, dependencies)                                                                                      \
    "{\"name\":\"" name "\",\"version\":\"" version                                                                            \
    "\",\"license\":\"MIT\"," AT(name) ",\"ref\":\"v" version "\",\"dependencies\":{" dependencies "}}\n"

/* A registry without a fault, in which `demo` depends on `base`. */
static const struct file {
    const char *path, *content;
} files[] = {
    {"registry/metadata/base.json", METADATA("base", PUBLISHED("1.0.0") ",\n" PUBLISHED("1.1.0"))},
    {"registry/metadata/demo.json", METADATA("demo", PUBLISHED("0.1.0"))},
    {"registry/package-sets/2.0.0.json",
     "{\n  \"version\": \"2.0.0\",\n  \"compiler\": \"0.15.15\",\n  \"published\": \"2026-02-03\",\n"
     "  \"packages\": {\n    \"base\": \"1.1.0\",\n    \"demo\": \"0.1.0\"\n  }\n}\n"},
    {"registry-index/README.md", "Not an entry.\n"},
    {"registry-index/ba/se/base", LINE("base", "1.0.0", "") LINE("base", "1.1.0", "")},
    {"registry-index/de/mo/demo", LINE("demo", "0.1.0", "\"base\":\">=1.0.0 <2.0.0\"")},
};
enum { FILE_COUNT = sizeof files / sizeof files[0] };

/* Writes the registry again, with `from` replaced by `to` in the file at `path` (NULL: nowhere). */
static void write_registry(const char *path, const char *from, const char *to) {
    shell_run("cd %s && rm -rf registry registry-index", folder.path);
    for (int i = 0; i < FILE_COUNT; i++) {
        struct text content = {0};
        const char *at = path && strcmp(path, files[i].path) == 0 ? strstr(files[i].content, from) : NULL;
        if (path && strcmp(path, files[i].path) == 0) assert_non_null(at);
        text_append_bytes(&content, files[i].content, at ? (size_t)(at - files[i].content) : strlen(files[i].content));
        if (at) text_append_format(&content, "%s%s", to, at + strlen(from));
        temporary_folder_write(&folder, files[i].path, text_view(&content));
        text_release(&content);
    }
}

static void a_registry_without_a_fault_is_found_good(void **state) {
    (void)state;
    write_registry(NULL, NULL, NULL);
    assert_int_equal(run("check ."), 0);
    assert_string_equal(output(), "");
    assert_non_null(strstr(errors(), "metadata_files=2 package_sets=1 manifests=3 problems=0"));
    run("check registry");
    expect_error(1, "neither a bare git repository registry.git nor a folder registry in registry");
}

static void every_kind_of_fault_is_one_line(void **state) {
    (void)state;
    static const struct {
        const char *path, *from, *to, *line;
    } rows[] = {
        {"registry/metadata/base.json", "{\n", "{", "registry/metadata/base.json: The file is not in its normal form: it "},
        {"registry/metadata/base.json", "\"bytes\": 100", "\"bytes\": \"100\"",
         "registry/metadata/base.json: published.1.0.0.bytes: "},
        {"registry/metadata/base.json", "\"githubOwner\": \"me\",\n    \"githubRepo\": \"base\"",
         "\"gitUrl\": \"https://example.org:8080/base.git\"", "registry/metadata/base.json: location: gitUrl: "},
        {"registry/metadata/base.json", "  \"published\": {",
         "  \"owners\": [\n    {\n      \"keytype\": \"ssh-ed25519\",\n      \"public\": \"AAAA\"\n    }\n  ],\n  "
         "\"published\": {",
         "registry/metadata/base.json: owners: [0].public: "},
        {"registry/metadata/demo.json", "\"0.1.0\"", "\"0.2.0\"",
         "registry/metadata/demo.json: 0.2.0: The version is published but not in the index"},
        {"registry/metadata/demo.json", "\"0.1.0\"", "\"0.2.0\"",
         "registry-index/de/mo/demo: 0.1.0: The version is in the index, but not in any metadata."},
        {"registry-index/ba/se/base", "}\n", "} \n", "registry-index/ba/se/base: The file is not in its normal form"},
        {"registry-index/ba/se/base", "1.0.0\"", "1.2.0\"", "registry-index/ba/se/base: The file is not in its normal form"},
        {"registry-index/ba/se/base", "\"MIT\"", "\"Mine\"", "registry-index/ba/se/base: 1.0.0: "},
        {"registry-index/de/mo/demo", ">=1.0.0 <2.0.0", ">=2.0.0 <3.0.0",
         "registry-index/de/mo/demo: 0.1.0: demo@0.1.0 has unsatisfied"},
        {"registry-index/de/mo/demo", "\"dependencies\":{", "\"dependencies\":{\"nobody\":\">=1.0.0 <2.0.0\",",
         "registry-index/de/mo/demo: 0.1.0: demo@0.1.0 has unsatisfied"},
        {"registry/package-sets/2.0.0.json", "    \"base\": \"1.1.0\",\n", "",
         "registry/package-sets/2.0.0.json: demo@0.1.0 depends on base, which is not in the set."},
        {"registry/package-sets/2.0.0.json", "1.1.0", "1.3.0",
         "registry/package-sets/2.0.0.json: base@1.3.0 was never published."},
        {"registry/package-sets/2.0.0.json", "\"version\": \"2.0.0\"", "\"version\": \"2.0.1\"",
         "registry/package-sets/2.0.0.json: The file has the package set 2.0.1."},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_registry(rows[i].path, rows[i].from, rows[i].to);
        assert_int_equal(run("check ."), 1);
        const char *found = strstr(output(), rows[i].line);
        if (!found || (found > output() && found[-1] != '\n')) fail_msg("\"%s\" is not in:\n%s", rows[i].line, output());
    }
}

static void files_out_of_place_are_found(void **state) {
    (void)state;
    write_registry(NULL, NULL, NULL);
    temporary_folder_write(&folder, "registry-index/ba/base", LINE("base", "1.0.0", ""));
    temporary_folder_write(&folder, "registry-index/em/pt/empty", "");
    temporary_folder_write(&folder, "registry/metadata/Upper.json", "{}");
    temporary_folder_write(&folder, "registry-index/.github/workflow", "hidden");
    assert_int_equal(run("check ."), 1);
    assert_string_equal(
        output(), "registry/metadata/Upper.json: The file's name must be a package's name and "
                  "\".json\".\nregistry-index/ba/base: A package's manifests cannot be at this "
                  "path.\nregistry-index/em/pt/empty: The file is empty, but a package without manifests must have no file.\n");
}

static void bare_repositories_are_read_at_their_branch(void **state) {
    (void)state;
    write_registry("registry/metadata/demo.json", "\"0.1.0\"", "\"0.2.0\"");
    assert_int_equal(run("check ."), 1);
    char *from_folders = strdup(output());
    shell_run("cd %s && for name in registry registry-index; do git init -q -b main $name && git -C $name add -A && "
              "git -C $name -c user.name=me -c user.email=me@localhost commit -q -m all && "
              "git clone -q --bare $name bare/$name.git; done",
              folder.path);
    assert_int_equal(run("check bare"), 1);
    assert_string_equal(output(), from_folders);
    free(from_folders);
}

static void one_question_gets_one_line(void **state) {
    (void)state;
    write_registry(NULL, NULL, NULL);
    assert_int_equal(run("solve . --compiler 0.15.4 demo@0.1.0"), 0);
    assert_string_equal(output(),
                        "{\"name\":\"demo\",\"version\":\"0.1.0\",\"compiler\":\"0.15.4\",\"plan\":{\"base\":\"1.1.0\"}}\n");
    assert_int_equal(run("solve . demo@0.1.0"), 0);
    assert_non_null(strstr(output(), "\"compiler\":\"0.15.15\""));
    assert_int_equal(run_with("{\"base\":\">=1.0.0 <1.1.0\"}", NULL, "solve . --dependencies %"), 0);
    assert_string_equal(output(), "{\"compiler\":\"0.15.15\",\"plan\":{\"base\":\"1.0.0\"}}\n");
    assert_int_equal(run_with("{\"base\":\">=2.0.0 <3.0.0\"}", NULL, "solve . --dependencies %"), 1);
    assert_true(text_starts_with(output(), "{\"error\":\"The registry has no version of base"));
    assert_int_equal(run("solve . --compiler 0.15.4 demo@0.9.0"), 1);
    assert_string_equal(output(),
                        "{\"name\":\"demo\",\"version\":\"0.9.0\",\"compiler\":\"0.15.4\",\"error\":\"The registry index "
                        "has no demo@0.9.0.\"}\n");
    run("solve . --compiler 0.15.5 demo@0.1.0");
    expect_error(1, "Compiler 0.15.5 is not supported.");
    run_with("{\"base\":\"1\"}", NULL, "solve . --dependencies %");
    expect_error(1, "base: \"1\" is not a range");
}

static void all_plans_come_in_order(void **state) {
    (void)state;
    write_registry("registry/metadata/demo.json", PUBLISHED("0.1.0"), PUBLISHED("0.1.0") ",\n" PUBLISHED("0.2.0"));
    assert_int_equal(run("solve . --all --threads 3"), 1); /* demo 0.2.0 is not in the index */
    char shapes[1024] = "";
    for (const char *at = output(); *at; at = strchr(at, '\n') + 1) {
        char name[32], version[32], compiler[32], rest[8];
        assert_int_equal(sscanf(at, "{\"name\":\"%31[^\"]\",\"version\":\"%31[^\"]\",\"compiler\":\"%31[^\"]\",\"%5[^\"]", name,
                                version, compiler, rest),
                         4);
        size_t length = strlen(shapes);
        snprintf(shapes + length, sizeof shapes - length, "%s@%s %s %s\n", name, version, compiler, rest);
    }
    assert_string_equal(shapes, "base@1.0.0 0.15.4 plan\nbase@1.0.0 0.15.15 plan\n"
                                "base@1.1.0 0.15.4 plan\nbase@1.1.0 0.15.15 plan\n"
                                "demo@0.1.0 0.15.4 plan\ndemo@0.1.0 0.15.15 plan\n"
                                "demo@0.2.0 0.15.4 error\ndemo@0.2.0 0.15.15 error\n");
    assert_non_null(strstr(errors(), "plans=6 errors=2 threads=3"));
}

/* ---- The real registry ---- */

/* Unpacks the real registry into the test's folder; false if there is none. */
static bool unpack_real_registry(void) {
    const char *data = getenv("REGISTRY_DATA");
    char pattern[512];
    glob_t found = {0};
    snprintf(pattern, sizeof pattern, "%s/registry-*.tar.xz", data ? data : SOURCE_DIR "/../shared/data");
    bool is_here = glob(pattern, 0, NULL, &found) == 0;
    if (is_here) shell_run("mkdir -p %s/real && tar -xJf '%s' -C %s/real", folder.path, found.gl_pathv[0], folder.path);
    if (!is_here) printf("There is no real registry data at %s (REGISTRY_DATA names the folder).\n", pattern);
    globfree(&found);
    return is_here;
}

static void the_real_registry_has_its_one_known_fault(void **state) {
    (void)state;
    if (!unpack_real_registry()) skip();
    assert_int_equal(run("check real"), 1);
    assert_string_equal(output(), "registry/metadata/harmonia.json: 0.1.0: The version is published but not in the index: its "
                                  "publication was not completed.\n");
}

static void the_real_registry_has_the_same_plans_at_any_number_of_threads(void **state) {
    (void)state;
    static const char harmonia[] = "{\"name\":\"harmonia\",\"version\":\"0.1.0\",";
    if (!unpack_real_registry()) skip();
    assert_int_equal(run("solve real --all --threads 1"), 1); /* for harmonia 0.1.0, see above */
    struct text alone = result.output;
    result.output = (struct text){0};
    size_t plan_count = 0, error_count = 0;
    const char *end = alone.bytes + alone.length;
    for (const char *at = alone.bytes, *newline; at < end; at = newline + 1) {
        newline = memchr(at, '\n', (size_t)(end - at));
        assert_non_null(newline);
        bool is_harmonia = strncmp(at, harmonia, strlen(harmonia)) == 0;
        error_count += is_harmonia;
        plan_count += !is_harmonia && memmem(at, (size_t)(newline - at), "\"plan\":{", 8) != NULL;
    }
    assert_int_equal(plan_count, 58646);
    assert_int_equal(error_count, 16);
    assert_int_equal(run("solve real --all --threads 5"), 1);
    assert_int_equal(result.output.length, alone.length);
    assert_memory_equal(result.output.bytes, alone.bytes, alone.length);
    text_release(&alone);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_wrong_call_is_told_apart_from_a_no, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_package_that_cannot_be_is_not_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_text_is_printed_in_its_normal_form_or_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_manifest_is_printed_as_purs_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bad_manifest_is_refused_with_field_and_value, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_package_comes_out_as_it_was_packed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_that_are_no_package_are_neither_packed_nor_unpacked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(valid_signatures_are_verified, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_registry_without_a_fault_is_found_good, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_kind_of_fault_is_one_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_out_of_place_are_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bare_repositories_are_read_at_their_branch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_question_gets_one_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_plans_come_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_real_registry_has_its_one_known_fault, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_real_registry_has_the_same_plans_at_any_number_of_threads, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
