/* SPDX-License-Identifier: BSD-3-Clause
 *
 * registryctl: the registry on the command line. Exit status 0: done; 1: the answer is no (a failed job, a refused request), or
 * the command failed; 2: a wrong call.
 */
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
     "Ask for a publication, and print the job's id. With --follow also its log, each line as it comes, until the job\n"
     "      ends: exit 0 if it was published, else 1 with the job's last error on stderr. A gateway that is away, or says\n"
     "      when to come back, is asked again for a quarter of an hour. Ctrl-C ends the following, not the job.",
     command_publish},
    {"unpublish", 3, 3, "key: follow", "--key FILE [--follow] NAME VERSION REASON",
     "Ask for a version to be unpublished, signed with the OpenSSH private key of one of the package's owners.",
     command_unpublish},
    {"transfer", 1, 1, "key: github: git: subdir: follow",
     "--key FILE (--github OWNER/REPO | --git URL) [--subdir DIR] [--follow] NAME",
     "Ask for a package to be moved to this location, signed likewise.", command_transfer},
    {"trustee", 2, 2, "actor: issue: reason: token-file: follow",
     "--actor LOGIN [--issue NUMBER] [--reason TEXT] [--token-file FILE] [--follow] ACTION PAYLOAD",
     "What a trustee asks for: publish, unpublish, transfer, package-set, matrix, revise or retry, with its payload as\n"
     "      JSON. The token is in the file, or in the variable TRUSTEE_TOKEN.",
     command_trustee},
    {"status", 1, 1, "", "JOB", "What became of a job; exit 1 if it failed.", command_status},
    {"logs", 1, 1, "follow level:", "JOB [--follow | -f] [--level LEVEL]",
     "A job's log, and exit 1 with its last error if it failed; --follow goes on until the job ends, as publish does.",
     command_logs},
    {"jobs", 0, 0, "all package:", "[--all] [--package NAME]", "The unfinished jobs, or with --all the newest hundred.",
     command_jobs},
    {"settings", 0, 0, "", "", "Every setting of every program, as the table in ops/README.md.", command_settings},
    {"check", 1, 1, "", "DIR",
     "Read every file of a registry, and list what is wrong, one line each: `PATH: SENTENCE`; exit 1 if anything is.",
     command_check},
    {"solve", 1, 2,
     "compiler: dependencies: all threads:", "DIR [--compiler V] NAME@VERSION | --dependencies JSON | --all [--threads N]",
     "Choose versions: a line of JSON for each plan, {\"name\",\"version\",\"compiler\",\"plan\"}, or \"error\" in place of\n"
     "      \"plan\", and then exit 1. For a version, or for dependencies ({NAME: RANGE}; no name and version in the answer),\n"
     "      without --compiler with the newest that will do. With --all every published version with each compiler in its\n"
     "      metadata (with --compiler only that one), by name, version and compiler, and a line of times on stderr.",
     command_solve},
    {"manifest", 1, 1, "ref:", "FILE [--ref REF]",
     "Check a purs.json, or a spago.yaml (its ref is vVERSION unless given), as a new manifest, and print it as purs.json.",
     command_manifest},
    {"package-name", 1, 1, "", "-- TEXT", "Print TEXT if it is a package's name.", command_package_name},
    {"version", 1, 1, "", "-- TEXT", "The same for a version.", command_version},
    {"range", 1, 1, "", "-- TEXT", "The same for a range of versions.", command_range},
    {"hash", 1, 1, "", "-- TEXT", "The same for a tarball's hash.", command_hash},
    {"license", 1, 1, "canonical", "[--canonical] -- TEXT",
     "The same for an SPDX expression, which is judged as in a new manifest, and printed in its normal form; with\n"
     "      --canonical it is judged as in old ones, and deprecated identifiers are replaced.",
     command_license},
    {"verify", 0, 0, "key: signature:", "--key LINE --signature HEX < PAYLOAD",
     "Exit 0 if the signature is one of exactly these bytes by the public key LINE (as in a .pub file), else 1.",
     command_verify},
    {"sign", 0, 0, "key:", "--key FILE < PAYLOAD",
     "Sign these bytes with an OpenSSH private key without a passphrase; prints hex.", command_sign},
    {"pack", 2, 2, "ref:", "DIR OUT [--ref REF]",
     "Pack the package in the folder DIR as the server does, into the file OUT; prints the tarball's hash and size.",
     command_pack},
    {"unpack", 2, 2, "", "FILE DIR", "Unpack a tarball as the server does, into DIR/NAME-VERSION; prints that.",
     command_unpack},
    {"storage", 0, 1, "write", "[--write] [NAME]",
     "Is storage there, folder or S3, by the settings of the publish service? With --write also store, read and remove an\n"
     "      object; with NAME print the versions of which a tarball is stored.",
     command_storage},
    {"workers", 0, 0, "", "", "The build workers that the build-matrix service at BUILD_MATRIX_ADDRESS has heard of lately.",
     command_workers},
    {"matrix", 0, 1, "compiler: follow verify:", "NAME@VERSION | --compiler V [--follow | -f] | --verify N [--compiler V]",
     "What the build-matrix service knows: of one version what came of each compiler; how far a compiler has come, with\n"
     "      --follow until nothing is left to do. With --verify N builds that succeeded are done both from the build store\n"
     "      and from nothing; exit 1 unless all come out the same.",
     command_matrix},
};

enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static int print_usage(FILE *out, int exit_status) {
    fputs("usage: registryctl [--gateway URL] COMMAND …\n       registryctl [COMMAND] --help\n       registryctl --version\n\n"
          "The gateway's address is taken from --gateway, REGISTRY_GATEWAY, or is http://127.0.0.1:9000; only publish,\n"
          "unpublish, transfer, status, logs and jobs ask it. The registry in DIR is its two bare git repositories "
          "(registry.git,\n"
          "registry-index.git: their branch) or two folders (registry, registry-index: the files on disk). Exit status: 0 "
          "done, 1\n"
          "the answer is no or it failed, 2 the call was wrong.\n\n",
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

const char *take_option(const struct invocation *call, const char *name) {
    for (int i = 0; i < call->option_count; i++)
        if (strcmp(call->options[i].name, name) == 0) return call->options[i].value;
    return NULL;
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

/* Converts option names, separated by spaces, for getopt_long(); a name that ends in `:` has a value. The names are in the
 * arena; returns their number. */
static size_t list_options(struct option *out, const char *words, struct arena *arena) {
    size_t count = 0;
    while (*words) {
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
    size_t count = list_options(known, words, &call->arena);
    count += list_options(known + count, common_options, &call->arena);
    int choice, index = 0;
    optind = 0; /* restarts getopt_long() in each call */
    opterr = 0;
    while ((choice = getopt_long(call->count, call->arguments, short_options, known, &index)) != -1) {
        const char *given = call->arguments[optind - 1];
        if (choice == ':') return wrong_call(call, err, "The option \"%s\" needs a value.", given);
        if (choice == 0 && !is_written_out(call, known[index].name)) choice = '?';
        if (choice == '?') return wrong_call(call, err, "The option \"%s\" is not known here.", given);
        const char *name = choice == 'f' ? "follow" : known[index].name;
        if (call->option_count == OPTIONS_MAX) return wrong_call(call, err, "There are more than %d options.", OPTIONS_MAX);
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
    fprintf(stderr, "registryctl: there is no command \"%s\"\n\n", call->arguments[0]);
    return print_usage(stderr, 2);
}

int main(int count, char **arguments) {
    struct invocation call = {.arguments = arguments, .count = count};
    int exit_status = run(&call);
    arena_release(&call.arena);
    return exit_status;
}
