/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The source files of one run of the stand-in compiler (purs.c), and the errors that it finds in them.
 */
#ifndef TESTS_SUPPORT_PURS_PURS_SOURCES_H
#define TESTS_SUPPORT_PURS_PURS_SOURCES_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "lib/source/module_header.h"

struct purs_source {
    const char *path;
    struct text content;
    struct module_header header;
    struct purs_source **imports; /* imported modules that are among the sources, in order, each once */
    size_t import_count;
    int visit;       /* while sorting: 0 not yet, 1 under way, 2 done */
    bool is_current; /* it was up to date, and is skipped */
    bool has_failed; /* or a module that it imports has */
};

struct purs_sources {
    struct purs_source *items; /* sorted by path */
    size_t count;
    struct purs_source **order; /* dependencies first */
    struct arena arena;
};

/* Finds the files that the globs match, and reads them; ends the program at a file that the compiler cannot read. */
void purs_sources_read(struct purs_sources *out, const char *const *globs, size_t glob_count);

/* Parses the headers and sorts the modules; appends the errors found to `errors`, in the compiler's JSON form. */
void purs_sources_check(struct purs_sources *sources, json_t *errors);

/* One error in the compiler's JSON form. `module` may be NULL. */
json_t *purs_error(const char *code, const char *path, const char *module, struct source_position start,
                   struct source_position end, const char *message);

/* One more place of an error. */
void purs_error_add_span(json_t *error, const char *path, struct source_position start, struct source_position end);

/* Ends the program as the compiler ends when it has no report: with exit status 1 and a line on stderr. */
_Noreturn void purs_die(const char *words);

/* Ends the program so if the bytes are not UTF-8. */
void purs_must_be_text(const char *bytes, size_t length);

/* Appends the whole file; false if it cannot be read. */
bool purs_read_file(struct text *out, const char *path);

void purs_sources_release(struct purs_sources *sources);

#endif
