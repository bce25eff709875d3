/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A stand-in for the PureScript compiler, for tests and for machines that have none. Its arguments, its output and its files in
 * `output` are as in lib/tools/README.md, The compiler, so the server cannot tell the difference; but it compiles nothing.
 *
 * It does: expands globs, reads module headers and imports, and reports headers that do not parse, unknown and duplicate
 * modules and cycles in the compiler's JSON; writes `output/MODULE/`, `output/cache-db.json`; skips modules that are up to
 * date, by the compiler's three rules; `graph`; `publish`, which asks git the same questions as the real one and prints the
 * documentation's frame, with one declaration for each module; `--version`, which it takes from the name it is called by
 * (`purs-0_15_15`). At a folder whose name the glob matches, and at a module, or a foreign module that something is imported
 * from, that is not UTF-8, it ends without a report.
 *
 * It does not: read anything after the imports. So no type errors, no missing foreign modules, no warnings of its
 * own, no code in index.js, nothing in externs.cbor but a few lines of text, no real declarations in the documentation. No
 * `docs`, `bundle`, `ide`, `repl`; of the flags only those below. Names imported from a module are not checked to exist.
 *
 * Tests steer it by comment lines at the left margin of a source, since it runs with an empty environment:
 *   -- stand-in: sleep MS        takes that long to compile this module
 *   -- stand-in: sleep-from VERSION MS       the same, from that version of the compiler on
 *   -- stand-in: wait PATH       compiles this module when there is no file PATH-VERSION, with this compiler's version
 *   -- stand-in: fail MESSAGE    a type error in this line
 *   -- stand-in: fail-from VERSION MESSAGE   the same, from that version of the compiler on
 *   -- stand-in: warn MESSAGE    a warning in this line, when the module is compiled
 *   -- stand-in: inline          the output of this module includes the outputs of the modules that it imports
 *   -- stand-in: fail-publish MESSAGE   `publish` ends with that
 *   -- stand-in: die WORDS       prints WORDS and ends, without a report, when the module is compiled, as the real one does
 *                                when it cannot read a file
 *   -- stand-in: die-from VERSION WORDS      the same, from that version of the compiler on
 *   -- stand-in: garble N        the first N runs on this `output` end with text in place of JSON, as after a race in the real
 *   one
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/domain/package/version.h"
#include "tests/support/purs/purs_output.h"
#include "tests/support/purs/purs_publish.h"
#include "tests/support/purs/purs_sources.h"

static const struct version newest = {0, 15, 16}; /* if the name has no version */
static const struct version first_to_report_on_stdout = {0, 14, 0};
static const struct version first_with_graph = {0, 14, 0};

struct options {
    struct version version;
    const char *output, *manifest, *resolutions;
    const char **globs;
    size_t glob_count;
    bool wants_json;
};

static struct version version_of_name(const char *name) {
    const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
    struct version version;
    if (!text_starts_with(base, "purs-")) return newest;
    char *text = memory_copy_text(base + strlen("purs-"));
    for (char *at = text; *at; at++)
        if (*at == '_') *at = '.';
    if (version_parse(&version, text, NULL)) version = newest;
    free(text);
    return version;
}

/* False for a flag that it does not know. */
static bool read_options(struct options *out, char **arguments) {
    bool is_for_runtime = false;
    for (; *arguments; arguments++) {
        const char *argument = *arguments;
        if (text_equal(argument, "+RTS") || text_equal(argument, "-RTS"))
            is_for_runtime = argument[0] == '+';
        else if (is_for_runtime)
            continue;
        else if (text_equal(argument, "--json-errors"))
            out->wants_json = true;
        else if ((text_equal(argument, "--output") || text_equal(argument, "-o")) && arguments[1])
            out->output = *++arguments;
        else if (text_equal(argument, "--manifest") && arguments[1])
            out->manifest = *++arguments;
        else if (text_equal(argument, "--resolutions") && arguments[1])
            out->resolutions = *++arguments;
        else if ((text_equal(argument, "--codegen") || text_equal(argument, "-g")) && arguments[1])
            arguments++;
        else if (argument[0] == '-') {
            fprintf(stderr, "Invalid option `%s'\n", argument);
            return false;
        } else
            out->globs[out->glob_count++] = argument;
    }
    return true;
}

/* Prints the report: as JSON if that was requested, else as words. */
static void print_report(FILE *file, const struct options *options, const json_t *errors, const json_t *warnings) {
    if (options->wants_json) {
        json_t *report = json_pack("{s:O,s:O}", "warnings", warnings, "errors", errors);
        json_dumpf(report, file, JSON_COMPACT);
        fputc('\n', file);
        json_decref(report);
        return;
    }
    for (size_t i = 0; i < json_array_size(errors); i++) {
        const json_t *error = json_array_get(errors, i);
        fprintf(file, "Error %zu of %zu:\n\n  at %s\n\n%s\n\n", i + 1, json_array_size(errors),
                json_string_value(json_object_get(error, "filename")), json_string_value(json_object_get(error, "message")));
    }
}

/* True if a `garble` pragma asks for one more run without JSON; counts such runs in a file in `output`. */
static bool is_to_garble(const struct options *options, const struct purs_sources *sources) {
    long wanted = 0, done = 0;
    for (size_t i = 0; i < sources->count; i++) {
        const char *pragma = strstr(text_view(&sources->items[i].content), "-- stand-in: garble ");
        if (pragma) wanted = strtol(pragma + strlen("-- stand-in: garble "), NULL, 10);
    }
    if (wanted == 0) return false;
    struct text path = {0};
    char line[32] = "";
    text_append_format(&path, "%s/stand-in-garbled", options->output);
    FILE *file = fopen(path.bytes, "re");
    if (file && fgets(line, sizeof line, file)) done = strtol(line, NULL, 10);
    if (file) fclose(file);
    file = done < wanted ? fopen(path.bytes, "we") : NULL;
    if (file) {
        fprintf(file, "%ld\n", done + 1);
        fclose(file);
    }
    text_release(&path);
    return done < wanted;
}

static int compile(const struct options *options, struct purs_sources *sources) {
    char version[VERSION_TEXT_MAX];
    json_t *errors = json_array(), *warnings = json_array();
    bool is_written = true, reports_on_stdout = version_compare(options->version, first_to_report_on_stdout) >= 0;
    version_print(options->version, version);
    if (sources->count == 0) {
        fputs("purs compile: No input files.\nUsage: For basic information, try the `--help' option.\n", stderr);
        json_decref(errors);
        json_decref(warnings);
        return 1;
    }
    purs_sources_check(sources, errors);
    if (json_array_size(errors) == 0) is_written = purs_output_make(sources, options->output, version, errors, warnings);
    int status = is_written && json_array_size(errors) == 0 ? 0 : 1;
    if (!is_written) {
        fprintf(stderr, "%s: cannot be written\n", options->output);
    } else if (is_to_garble(options, sources)) {
        fputs("Unexpected end of JSON input\n", stdout);
        status = 1;
    } else {
        print_report(reports_on_stdout ? stdout : stderr, options, errors, warnings);
    }
    json_decref(warnings);
    json_decref(errors);
    return status;
}

static json_t *make_graph(const struct purs_sources *sources) {
    json_t *graph = json_object();
    for (size_t i = 0; i < sources->count; i++) {
        const struct purs_source *source = &sources->items[i];
        json_t *depends = json_array();
        for (size_t j = 0; j < source->import_count; j++)
            json_array_append_new(depends, json_string(source->imports[j]->header.name));
        json_object_set_new(graph, source->header.name, json_pack("{s:s,s:o}", "path", source->path, "depends", depends));
    }
    return graph;
}

static int graph(const struct options *options, struct purs_sources *sources) {
    if (version_compare(options->version, first_with_graph) < 0) {
        fputs("Invalid argument `graph'\n", stderr);
        return 1;
    }
    json_t *errors = json_array(), *no_warnings = json_array();
    purs_sources_check(sources, errors);
    int status = json_array_size(errors) == 0 ? 0 : 1;
    print_report(stderr, options, errors, no_warnings);
    json_decref(no_warnings);
    if (status == 0) {
        json_t *modules = make_graph(sources);
        json_dumpf(modules, stdout, JSON_COMPACT | JSON_SORT_KEYS);
        json_decref(modules);
    }
    json_decref(errors);
    return status;
}

/* It finds its sources by itself. */
static int publish(const struct options *options, struct purs_sources *sources) {
    (void)sources;
    return purs_publish(&(struct purs_publish_options){
        .version = options->version, .manifest = options->manifest, .resolutions = options->resolutions});
}

static const struct {
    const char *name;
    int (*run)(const struct options *options, struct purs_sources *sources);
} subcommands[] = {
    {"compile", compile},
    {"graph", graph},
    {"publish", publish},
};

static int run(int argument_count, char **arguments, struct options *options) {
    char version[VERSION_TEXT_MAX];
    version_print(options->version, version);
    if (argument_count >= 2 && text_equal(arguments[1], "--version")) {
        printf("%s\n", version);
        return 0;
    }
    for (size_t i = 0; argument_count >= 2 && i < sizeof subcommands / sizeof subcommands[0]; i++) {
        if (!text_equal(arguments[1], subcommands[i].name)) continue;
        if (!read_options(options, arguments + 2)) return 1;
        struct purs_sources sources;
        purs_sources_read(&sources, options->globs, options->glob_count);
        int status = subcommands[i].run(options, &sources);
        purs_sources_release(&sources);
        return status;
    }
    fputs("Usage: purs COMMAND (the stand-in has compile, graph, publish and --version)\n", stderr);
    return 1;
}

int main(int argument_count, char **arguments) {
    struct options options = {.version = version_of_name(arguments[0]), .output = "output"};
    options.globs = memory_alloc(((size_t)argument_count + 1) * sizeof *options.globs);
    int status = run(argument_count, arguments, &options);
    free(options.globs);
    return status;
}
