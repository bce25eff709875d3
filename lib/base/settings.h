/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Settings from environment variables and, if it exists, `./.env`; the environment takes precedence. The rows are in
 * settings.def. A malformed value is an error that names the variable and the valid values. Empty means unset; unknown
 * variables are ignored.
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

/* Flags: a set of programs is their bitwise or. */
enum program {
#define PROGRAM(NAME, name, LETTER) PROGRAM_##NAME = 1 << PROGRAM_INDEX_##NAME,
#include "lib/base/programs.def"
};

/* The programs that carry out jobs and listen for messages. */
enum service {
#define SERVICE(NAME, field, name, LETTER) SERVICE_##NAME,
#include "lib/base/programs.def"
    SERVICE_COUNT
};

/* Texts are owned by the struct, NULL if not set. A setting that the program does not read stays zero. Secrets may be replaced
 * at any time by settings_reload_secrets(): read them when they are needed; old values stay valid (lib/base/secret.h). */
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

/* The address on which the service listens; NULL if the settings were loaded for a program that does not read it. */
const char *settings_service_address(const struct settings *settings, enum service service);

/* Reads the environment and ./.env for `program`, registers secrets (lib/base/secret.h) and internal addresses
 * (lib/base/inside.h), and creates STATE_DIR. The caller releases `out` in any case. STATUS_INVALID with the variable as
 * path. */
CHECK_RESULT enum status settings_load(struct settings *out, enum program program, struct error *err);
void settings_release(struct settings *settings);

/* Reads the secrets of `program` again, from their NAME_FILE or ./.env, on SIGHUP. A secret that cannot be read, or
 * whose file is empty, keeps its value; the error names the first such one. Other threads may read `settings` meanwhile. */
CHECK_RESULT enum status settings_reload_secrets(struct settings *settings, enum program program, struct error *err);

/* Appends the table of ops/README.md, one row for each setting. */
void settings_append_markdown(struct text *out);

#endif
