/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What operators set, by environment variables; `./.env` is read where it exists and the environment wins.
 * The rows are in settings.def. A malformed value is an error that names the variable and what would be right. Empty means
 * unset; unknown variables are ignored.
 */
#ifndef LIB_BASE_SETTINGS_H
#define LIB_BASE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"

struct text;

enum program_index {
#define PROGRAM(NAME, name, LETTER) PROGRAM_INDEX_##NAME,
#include "lib/base/programs.def"
    PROGRAM_COUNT
};

/* A set of programs is a sum of these. */
enum program {
#define PROGRAM(NAME, name, LETTER) PROGRAM_##NAME = 1 << PROGRAM_INDEX_##NAME,
#include "lib/base/programs.def"
};

/* Those among them that carry out jobs, and listen for messages. */
enum service {
#define SERVICE(NAME, field, name, LETTER) SERVICE_##NAME,
#include "lib/base/programs.def"
    SERVICE_COUNT
};

/* Texts are owned by the struct; NULL where not set. A setting that `program` does not read stays at zero. Secrets may be
 * replaced at any time by settings_reload_secrets(): take the value when it is needed; it stays readable (lib/base/secret.h).
 */
struct settings {
#define TEXT(field, variable, standard, programs, help) char *field;
#define SECRET(field, variable, programs, help) const char *_Atomic field;
#define FLAG(field, variable, standard, programs, help) bool field;
#define NUMBER(field, variable, standard, min, max, programs, help) int64_t field;
#define GIVEN(field, variable, programs, help) bool field;
#include "lib/base/settings.def"
};

const char *program_name(enum program program);
enum program service_program(enum service service);

/* Where the service listens; NULL: not a setting of the program for which they were loaded. */
const char *settings_service_address(const struct settings *settings, enum service service);

/* Reads the environment and ./.env for `program`, registers the secrets (lib/base/secret.h) and creates STATE_DIR. The caller
 * releases `out` in any case. STATUS_INVALID with the variable as path. */
CHECK_RESULT enum status settings_load(struct settings *out, enum program program, struct error *err);
void settings_release(struct settings *settings);

/* Reads every secret of `program` again that comes as NAME_FILE, as SIGHUP asks. One that cannot be read stays as it was, and
 * is what the error names. Other threads may read `settings` meanwhile. */
CHECK_RESULT enum status settings_reload_secrets(struct settings *settings, enum program program, struct error *err);

/* Appends the table of ops/README.md: one row a setting. */
void settings_append_markdown(struct text *out);

#endif
