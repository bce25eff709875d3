/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/base/program.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/log.h"
#include "lib/base/process.h"

enum {
    OPTIONS_MAX = 8,
    WRONG_CALL = 2, /* the exit status */
};

static void print_usage(FILE *out, const char *name, const struct program_option *options) {
    fprintf(out, "usage: registry-%s", name);
    for (const struct program_option *option = options; option && option->name; option++)
        fprintf(out, " [--%s%s%s]", option->name, option->argument ? " " : "", option->argument ? option->argument : "");
    fputs("\n       registry-", out);
    fprintf(out, "%s --help | --version\n", name);
}

static void print_help(const char *name, const struct program_option *options) {
    print_usage(stdout, name, options);
    puts("");
    for (const struct program_option *option = options; option && option->name; option++)
        printf("  --%s%s%s\n      %s\n", option->name, option->argument ? " " : "", option->argument ? option->argument : "",
               option->help);
    puts("Configured by environment variables and by ./.env; `registryctl settings` lists them all.");
}

static void refuse(const char *name, const struct program_option *options, const char *what, const char *argument) {
    fprintf(stderr, "registry-%s: %s \"%s\".\n", name, what, argument);
    print_usage(stderr, name, options);
    exit(WRONG_CALL);
}

static void take(const struct program_option *option, const char *value) {
    if (option->flag) *option->flag = true;
    if (option->variable) setenv(option->variable, value, true);
}

void program_read_options(const char *name, int count, char **arguments, const struct program_option *options) {
    enum { HELP = 1000, VERSION };
    struct option known[OPTIONS_MAX + 3] = {{.name = "help", .val = HELP}, {.name = "version", .val = VERSION}};
    int choice;
    for (int i = 0; options && options[i].name && i < OPTIONS_MAX; i++)
        known[i + 2] = (struct option){options[i].name, options[i].argument ? required_argument : no_argument, NULL, i};
    opterr = 0;
    while ((choice = getopt_long(count, arguments, ":", known, NULL)) != -1) {
        if (choice == '?') refuse(name, options, "Unknown option", arguments[optind - 1]);
        if (choice == ':') refuse(name, options, "A value is missing after", arguments[optind - 1]);
        if (choice == HELP) print_help(name, options);
        if (choice == VERSION) printf("registry-%s %s\n", name, REGISTRY_VERSION);
        if (choice == HELP || choice == VERSION) exit(EXIT_SUCCESS);
        take(&options[choice], optarg);
    }
    if (optind < count) refuse(name, options, "Unexpected argument", arguments[optind]);
}

enum status program_begin(struct settings *out, enum program program, int count, char **arguments,
                          const struct program_option *options, struct error *err) {
    enum log_level level = LOG_INFO;
    program_read_options(program_name(program), count, arguments, options);
    process_start();
    log_configure(program_name(program), level);
    enum status status = settings_load(out, program, err);
    if (!status && !log_level_parse(out->log_level, &level))
        status = error_set_at(err, STATUS_INVALID, "LOG_LEVEL",
                              "LOG_LEVEL must be DEBUG, INFO, WARN, NOTICE or ERROR, but it is \"%s\".", out->log_level);
    log_configure(program_name(program), level);
    return status;
}
