/* SPDX-License-Identifier: BSD-3-Clause
 *
 * registryctl: the registry on the command line. Exit status 0: done; 1: the answer is no (a failed job, a refused request), or
 * the command failed; 2: a wrong call.
 */
#include <assert.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/settings.h"
#include "lib/base/text.h"
#include "ops/registryctl/command.h"

static const struct command commands[] = {
    {"publish", 3, 3, "github: git: subdir: compiler: follow",
     "NAME REF VERSION [--github OWNER/REPO | --git URL] [--subdir DIR] [--compiler V] [--follow]",
     "Request a publication and print the job's id. With --follow, also print its log line by line until the job ends:\n"
     "      exit 0 if the version was published, else 1 with the job's last error on stderr. If the gateway is unreachable or\n"
     "      busy, the request is repeated for up to 15 minutes. Ctrl-C ends the following, not the job.",
     command_publish},
    {"unpublish", 3, 3, "key: follow", "--key FILE [--follow] NAME VERSION REASON",
     "Request that a version be unpublished, signed with the OpenSSH private key of one of the package's owners.",
     command_unpublish},
    {"transfer", 1, 1, "key: github: git: subdir: follow",
     "--key FILE (--github OWNER/REPO | --git URL) [--subdir DIR] [--follow] NAME",
     "Request that a package be moved to this location, signed with the key of one of its owners.", command_transfer},
    {"trustee", 2, 2, "actor: issue: reason: token-file: follow",
     "--actor LOGIN [--issue NUMBER] [--reason TEXT] [--token-file FILE] [--follow] ACTION PAYLOAD",
     "Request an action as a trustee: publish, unpublish, transfer, package-set, matrix, revise or retry, with its payload\n"
     "      as JSON. The token is read from the file, or from the variable TRUSTEE_TOKEN.",
     command_trustee},
    {"package-set", 0, ARGUMENTS_ANY,
     "request remove: compiler: key: actor: issue: reason: token-file: excuses dry-run propose: build follow",
     "--request [NAME@VERSION]… [--remove NAME]… [--compiler V] [--key FILE | --actor LOGIN …] [--follow]\n"
     "  registryctl package-set --excuses [NAME] | --dry-run | --propose compiler=V [--build [--follow]]",
     "Request an update of the package set: versions to add or raise, packages to remove, another compiler. A compiler or a\n"
     "      removal needs pacchettibotti's signature (--key), or a trustee's token (--actor, and the other options of "
     "trustee).\n"
     "      Or print why packages are not in the latest set (--excuses); which candidates the next update would try, by which\n"
     "      builds (--dry-run); or a request for a higher compiler (--propose), which with --build a job tries without\n"
     "      releasing anything. The last two ask the package-set service at PACKAGE_SET_ADDRESS.",
     command_package_set},
    {"status", 1, 1, "", "JOB", "Print the state of a job; exit 1 if it failed.", command_status},
    {"logs", 1, 1, "follow level:", "JOB [--follow | -f] [--level LEVEL]",
     "Print a job's log; exit 1 with its last error if it failed. With --follow, continue until the job ends.", command_logs},
    {"jobs", 0, 0, "all package:", "[--all] [--package NAME]", "List the unfinished jobs, or with --all the newest 100 jobs.",
     command_jobs},
    {"settings", 0, 0, "", "", "Print the settings of all programs, as the table in ops/README.md.", command_settings},
    {"check", 1, 1, "", "DIR",
     "Check every file of a registry and print each problem as a line `PATH: SENTENCE`; exit 1 if there are any.",
     command_check},
    {"solve", 1, 2,
     "compiler: dependencies: all threads:", "DIR [--compiler V] NAME@VERSION | --dependencies JSON | --all [--threads N]",
     "Choose versions. Prints a line of JSON for each plan, {\"name\",\"version\",\"compiler\",\"plan\"}, or with \"error\"\n"
     "      instead of \"plan\" and exit status 1. For one version, or for dependencies ({NAME: RANGE}; the output then lacks\n"
     "      name and version); without --compiler, the newest compiler that fits is chosen. With --all, for every published\n"
     "      version and each compiler in its metadata (with --compiler, only that one), in a fixed order; times on stderr.",
     command_solve},
    {"manifest", 1, 1, "ref: lines", "FILE [--ref REF] | --lines FILE",
     "Check a purs.json or spago.yaml as a new manifest and print it as purs.json (default ref: vVERSION). With --lines,\n"
     "      here and in the next five commands, check each line of FILE (for this command the text of a purs.json), and print\n"
     "      a line of JSON for it, {\"text\"} with what would be printed or {\"error\"}; exit 1 if there is an error.",
     command_manifest},
    {"package-name", 1, 1, "lines", "-- TEXT | --lines FILE", "Print TEXT if it is a valid package name.",
     command_package_name},
    {"version", 1, 1, "lines", "-- TEXT | --lines FILE", "Print TEXT if it is a valid version.", command_version},
    {"range", 1, 1, "lines", "-- TEXT | --lines FILE", "Print TEXT if it is a valid range of versions.", command_range},
    {"hash", 1, 1, "lines", "-- TEXT | --lines FILE", "Print TEXT if it is a valid hash of a tarball.", command_hash},
    {"license", 1, 1, "canonical lines", "[--canonical] (-- TEXT | --lines FILE)",
     "Print the normal form of an SPDX expression if it is valid in new manifests; with --canonical, if it is valid in old\n"
     "      ones, with deprecated identifiers replaced.",
     command_license},
    {"verify", 0, 0, "key: signature:", "--key LINE --signature HEX < PAYLOAD",
     "Exit 0 if the key with the public part LINE (as in a .pub file) has signed exactly these bytes, else 1.", command_verify},
    {"sign", 0, 0, "key:", "--key FILE < PAYLOAD",
     "Sign these bytes with an OpenSSH private key without a passphrase, and print the signature in hex.", command_sign},
    {"pack", 2, 2, "ref:", "DIR OUT [--ref REF]",
     "Pack the package in the folder DIR into the file OUT, as the server does, and print the tarball's hash and size.",
     command_pack},
    {"unpack", 2, 2, "", "FILE DIR", "Unpack a tarball into DIR/NAME-VERSION, as the server does, and print that path.",
     command_unpack},
    {"storage", 0, 1, "write", "[--write] [NAME]",
     "Check the storage (folder or S3) in the publish service's settings. With --write, also store, read and remove an\n"
     "      object; with NAME, print the versions that have a stored tarball.",
     command_storage},
    {"dmca", 1, 3, "all", "list [--all] | show REFERENCE | close REFERENCE DECISION",
     "List the open takedown cases, or all; print one with what its sender wrote; close one with a sentence that says what\n"
     "      was decided, which everybody can read. With the gateway's settings REDIS_URL and DMCA_DIR; cases that only one of\n"
     "      these has are put into the other.",
     command_dmca},
    {"webhook", 1, 2, "events: package:", "add URL [--events NAME,…] [--package NAME] | list | remove ID | test ID",
     "Add a webhook, to which the package-set service sends events (published, unpublished, package-set, takedown; all by\n"
     "      default), and print its id and secret; list all, with their failures; remove one; or send a test message, after\n"
     "      which a paused one goes on. With the package-set service's settings.",
     command_webhook},
    {"workers", 0, 0, "", "",
     "List the build workers that are registered with the build-matrix service at BUILD_MATRIX_ADDRESS.", command_workers},
    {"matrix", 0, 1, "compiler: follow verify:", "NAME@VERSION | --compiler V [--follow | -f] | --verify N [--compiler V]",
     "Ask the build-matrix service for the build results of a version (or `latest`), or for the progress of a compiler (with --follow,\n"
     "      until all its builds are done). With --verify, make N successful builds again, with the build store and without;\n"
     "      exit 1 unless the results are the same.",
     command_matrix},
};

enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static int print_usage(FILE *out, int exit_status) {
    fputs("usage: registryctl [--gateway URL] COMMAND …\n       registryctl [COMMAND] --help\n       registryctl --version\n\n"
          "publish, unpublish, transfer, trustee, package-set, status, logs and jobs ask the gateway at --gateway,\n"
          "REGISTRY_GATEWAY or http://127.0.0.1:9000. DIR has the registry's two repositories, either bare (registry.git and\n"
          "registry-index.git, of which the branch is read) or as folders (registry and registry-index, of which the files on\n"
          "disk are read).\n"
          "Exit status: 0 success; 1 failure, or a negative answer; 2 wrong usage.\n\n",
          out);
    for (int i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  registryctl %s%s%s\n      %s\n", commands[i].name, *commands[i].arguments ? " " : "",
                commands[i].arguments, commands[i].help);
    return exit_status;
}

static int print_version(void) {
    puts("registryctl " REGISTRY_VERSION);
    return 0;
}

static int print_help_of(const struct command *command) {
    printf("usage: registryctl %s %s\n\n      %s\n", command->name, command->arguments, command->help);
    return 0;
}

const char *take_next_option(const struct invocation *call, const char *name, int *position) {
    while (*position < call->option_count) {
        const struct given_option *option = &call->options[(*position)++];
        if (strcmp(option->name, name) == 0) return option->value;
    }
    return NULL;
}

const char *take_option(const struct invocation *call, const char *name) {
    return take_next_option(call, name, &(int){0});
}

bool take_flag(const struct invocation *call, const char *name) {
    return take_option(call, name) != NULL;
}

enum status wrong_call(struct invocation *call, struct error *err, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *why = arena_format_list(&call->arena, format, arguments);
    va_end(arguments);
    call->exit_status = 2;
    if (!call->command) return error_set(err, STATUS_INVALID, "%s\nusage: registryctl [--gateway URL] COMMAND …", why);
    return error_set(err, STATUS_INVALID, "%s\nusage: registryctl %s %s", why, call->command->name, call->command->arguments);
}

static enum status check_arguments(struct invocation *call, struct error *err) {
    const struct command *command = call->command;
    if (call->count > command->most)
        return wrong_call(call, err, "Unexpected argument \"%s\".", call->arguments[command->most]);
    if (call->count >= command->least) return STATUS_OK;
    return wrong_call(call, err, "%s needs %d argument%s, got %d.", command->name, command->least,
                      command->least == 1 ? "" : "s", call->count);
}

enum status command_settings(struct invocation *call, struct error *err) {
    struct text table = {0};
    (void)call, (void)err;
    settings_append_markdown(&table);
    fputs(text_view(&table), stdout);
    text_release(&table);
    return STATUS_OK;
}

/* ---- Options ---- */

/* Options of every command. */
static const char common_options[] = "gateway: help";

/* Adds option names, separated by spaces, to the `count` that are there already for getopt_long(); a name that ends in `:` has a
 * value. The names are in the arena; returns the number of all. */
static size_t list_options(struct option out[OPTIONS_MAX], size_t count, const char *words, struct arena *arena) {
    while (*words) {
        assert(count < OPTIONS_MAX);
        size_t length = strcspn(words, " ");
        bool has_value = words[length - 1] == ':';
        out[count++] = (struct option){.name = arena_copy_bytes(arena, words, length - has_value),
                                       .has_arg = has_value ? required_argument : no_argument};
        words += length + strspn(words + length, " ");
    }
    return count;
}

/* False for an abbreviation, which getopt_long() accepts: a new option could change its meaning. */
static bool is_written_out(const struct invocation *call, const char *name) {
    const char *word = call->arguments[optind - 1];
    if (optarg && word == optarg) word = call->arguments[optind - 2];
    size_t length = strlen(name);
    return strncmp(word, "--", 2) == 0 && strncmp(word + 2, name, length) == 0 && strchr("=", word[2 + length]);
}

/* Moves the options named by `words`, and the common ones, from the call's arguments to its options. Removes the first
 * argument, too, which is the name of the program or command. */
static enum status read_options(struct invocation *call, const char *words, const char *short_options, struct error *err) {
    struct option known[OPTIONS_MAX + 1] = {0};
    size_t count = list_options(known, 0, words, &call->arena);
    list_options(known, count, common_options, &call->arena);
    int choice, index = 0;
    optind = 0; /* restarts getopt_long() in each call */
    opterr = 0;
    while ((choice = getopt_long(call->count, call->arguments, short_options, known, &index)) != -1) {
        const char *given = call->arguments[optind - 1];
        if (choice == ':') return wrong_call(call, err, "The option \"%s\" needs a value.", given);
        if (choice == 0 && !is_written_out(call, known[index].name)) choice = '?';
        if (choice == '?') return wrong_call(call, err, "Unknown option \"%s\".", given);
        const char *name = choice == 'f' ? "follow" : known[index].name;
        if (call->option_count == call->options_most) /* -fff is one argument */
            return wrong_call(call, err, "There are too many options.");
        call->options[call->option_count++] = (struct given_option){name, optarg ? optarg : ""};
    }
    call->arguments += optind;
    call->count -= optind;
    return STATUS_OK;
}

static int end_call(struct invocation *call, enum status status, const struct error *err) {
    if (status) fprintf(stderr, "registryctl: %s%s%s\n", err->path, err->path[0] ? ": " : "", err->message);
    return status && !call->exit_status ? 1 : call->exit_status;
}

static int run_command(struct invocation *call) {
    struct error err = {0};
    bool can_follow = strstr(call->command->options, "follow");
    enum status status = read_options(call, call->command->options, can_follow ? ":f" : ":", &err);
    if (!status && take_flag(call, "help")) return print_help_of(call->command);
    const char *gateway = take_option(call, "gateway");
    if (gateway) call->gateway = gateway;
    if (!status) status = check_arguments(call, &err);
    if (!status) status = call->command->run(call, &err);
    if ((fflush(stdout) || ferror(stdout)) && !status)
        status = error_set(&err, STATUS_INTERNAL, "The output cannot be written.");
    return end_call(call, status, &err);
}

static int run(struct invocation *call) {
    struct error err = {0};
    const char *from_environment = getenv("REGISTRY_GATEWAY");
    enum status status = read_options(call, "version", "+:", &err);
    if (status) return end_call(call, status, &err);
    if (take_flag(call, "help")) return print_usage(stdout, 0);
    if (take_flag(call, "version")) return print_version();
    call->gateway = take_option(call, "gateway");
    if (!call->gateway) call->gateway = from_environment && *from_environment ? from_environment : "http://127.0.0.1:9000";
    if (call->count == 0) return print_usage(stderr, 2);
    for (int i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(call->arguments[0], commands[i].name) != 0) continue;
        call->command = &commands[i];
        return run_command(call);
    }
    fprintf(stderr, "registryctl: unknown command \"%s\"\n\n", call->arguments[0]);
    return print_usage(stderr, 2);
}

int main(int count, char **arguments) {
    struct invocation call = {.arguments = arguments, .count = count, .options_most = count};
    call.options = arena_alloc(&call.arena, (size_t)count * sizeof *call.options);
    int exit_status = run(&call);
    arena_release(&call.arena);
    return exit_status;
}
