/* SPDX-License-Identifier: BSD-3-Clause
 *
 * registryctl: the registry from a terminal. Exit status 0: done; 1: the answer is no (a failed job, a refused request);
 * 2: the call was wrong.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/settings.h"
#include "lib/base/text.h"
#include "ops/registryctl/command.h"

static const struct {
    const char *name;
    int least, most; /* arguments, without options */
    const char *arguments;
    const char *help;
    enum status (*run)(struct invocation *call, struct error *err);
} commands[] = {
    {"publish", 3, 3, "NAME REF VERSION [--github OWNER/REPO | --git URL] [--subdir DIR] [--compiler V] [--follow]",
     "ask for a publication; with --follow print its log, and exit 1 if it fails", command_publish},
    {"status", 1, 1, "JOB", "what became of a job", command_status},
    {"logs", 1, 1, "JOB [-f] [--level LEVEL]", "a job's log; -f goes on until the job ends", command_logs},
    {"jobs", 0, 0, "[--all] [--package NAME]", "the unfinished jobs, or with --all the newest hundred", command_jobs},
    {"settings", 0, 0, "", "every setting of every program, as the table in README.md", command_settings},
};

enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static int print_usage(FILE *out, int exit_status) {
    fputs("usage: registryctl [--gateway URL] COMMAND …\n\n"
          "The gateway's address is taken from --gateway, REGISTRY_GATEWAY, or is http://127.0.0.1:9000.\n\n",
          out);
    for (int i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  registryctl %s %s\n      %s\n", commands[i].name, commands[i].arguments, commands[i].help);
    return exit_status;
}

static void remove_arguments(struct invocation *call, int at, int count) {
    for (int i = at; i + count <= call->count; i++)
        call->arguments[i] = call->arguments[i + count];
    call->count -= count;
}

const char *take_option(struct invocation *call, const char *name) {
    for (int i = 0; i + 1 < call->count; i++) {
        if (strcmp(call->arguments[i], name) != 0) continue;
        const char *value = call->arguments[i + 1];
        remove_arguments(call, i, 2);
        return value;
    }
    return NULL;
}

bool take_flag(struct invocation *call, const char *name, const char *short_name) {
    for (int i = 0; i < call->count; i++) {
        if (strcmp(call->arguments[i], name) != 0 && !text_equal(call->arguments[i], short_name)) continue;
        remove_arguments(call, i, 1);
        return true;
    }
    return false;
}

enum status command_settings(struct invocation *call, struct error *err) {
    (void)call, (void)err;
    struct text table = {0};
    settings_append_markdown(&table);
    fputs(text_view(&table), stdout);
    text_release(&table);
    return STATUS_OK;
}

/* Options have been taken when a command counts what is left; so the count is checked here only from below. */
static int run_command(int command, struct invocation *call) {
    struct error err = {0};
    enum status status = STATUS_OK;
    if (call->count < commands[command].least)
        status =
            error_set(&err, STATUS_INVALID, "usage: registryctl %s %s", commands[command].name, commands[command].arguments);
    if (!status) status = commands[command].run(call, &err);
    if (!status && call->count > commands[command].most)
        status = error_set(&err, STATUS_INVALID, "\"%s\" is not understood; usage: registryctl %s %s",
                           call->arguments[commands[command].most], commands[command].name, commands[command].arguments);
    arena_release(&call->arena);
    if (!status) return call->exit_status;
    fprintf(stderr, "registryctl: %s\n", err.message);
    return status == STATUS_INVALID ? 2 : 1;
}

int main(int count, char **arguments) {
    struct invocation call = {.arguments = arguments + 1, .count = count - 1};
    const char *from_environment = getenv("REGISTRY_GATEWAY");
    call.gateway = take_option(&call, "--gateway");
    if (!call.gateway) call.gateway = from_environment && *from_environment ? from_environment : "http://127.0.0.1:9000";
    if (call.count == 0) return print_usage(stderr, 2);
    if (strcmp(call.arguments[0], "--help") == 0) return print_usage(stdout, 0);
    for (int i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(call.arguments[0], commands[i].name) != 0) continue;
        remove_arguments(&call, 0, 1);
        return run_command(i, &call);
    }
    fprintf(stderr, "registryctl: there is no command \"%s\"\n\n", call.arguments[0]);
    return print_usage(stderr, 2);
}
