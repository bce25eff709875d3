/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/base/settings.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/folder.h"
#include "lib/base/inside.h"
#include "lib/base/memory.h"
#include "lib/base/number.h"
#include "lib/base/secret.h"
#include "lib/base/text.h"

enum { ENV_FILE_LIMIT = 1 << 20 };

/* The letters of the programs, as used in settings.def. */
enum {
#define PROGRAM(NAME, name, LETTER) LETTER = PROGRAM_##NAME,
#include "lib/base/programs.def"
    ALL = (1 << PROGRAM_COUNT) - 1,
    SERVICES = 0
#define SERVICE(NAME, field, name, LETTER) | PROGRAM_##NAME
#include "lib/base/programs.def"
};

static const struct {
    enum program program;
    const char *name;
} programs[] = {
#define PROGRAM(NAME, name, LETTER) {PROGRAM_##NAME, name},
#include "lib/base/programs.def"
};

const char *program_name(enum program program) {
    size_t i = 0;
    while (programs[i].program != program)
        i++;
    return programs[i].name;
}

enum program service_program(enum service service) {
    static const enum program of_services[] = {
#define SERVICE(NAME, field, name, LETTER) PROGRAM_##NAME,
#include "lib/base/programs.def"
    };
    return of_services[service];
}

const char *settings_service_address(const struct settings *settings, enum service service) {
    const char *const addresses[] = {
#define SERVICE(NAME, field, name, LETTER) settings->field##_address,
#include "lib/base/programs.def"
    };
    return addresses[service];
}

/* ./.env: `NAME=VALUE` lines, `#` comments, an optional `export`, and single or double quotes around a value. */
struct env_file {
    char *names_and_values[512]; /* name, value, name, value, … */
    size_t count;
};

static char *trim(char *text) {
    while (isspace((unsigned char)*text))
        text++;
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        text[--length] = '\0';
    if (length >= 2 && (text[0] == '"' || text[0] == '\'') && text[length - 1] == text[0]) {
        text[length - 1] = '\0';
        text++;
    }
    return text;
}

static void read_env_file(struct env_file *out) {
    FILE *file = fopen(".env", "re");
    if (!file) return;
    char *line = NULL;
    size_t capacity = 0;
    while (getline(&line, &capacity, file) >= 0 && out->count + 2 <= sizeof out->names_and_values / sizeof(char *)) {
        char *start = trim(line);
        if (text_starts_with(start, "export ")) start = trim(start + 7);
        char *equals = strchr(start, '=');
        if (*start == '#' || !equals) continue;
        *equals = '\0';
        out->names_and_values[out->count++] = memory_copy_text(trim(start));
        out->names_and_values[out->count++] = memory_copy_text(trim(equals + 1));
    }
    free(line);
    fclose(file);
}

static void release_env_file(struct env_file *env) {
    for (size_t i = 0; i < env->count; i++)
        free(env->names_and_values[i]);
}

/* The variable's value, borrowed; NULL if unset or empty. */
static const char *look_up(const struct env_file *env, const char *name) {
    const char *value = getenv(name);
    for (size_t i = 0; !value && i < env->count; i += 2)
        if (strcmp(env->names_and_values[i], name) == 0) value = env->names_and_values[i + 1];
    return value && *value ? value : NULL;
}

static char *expand(const char *standard, const char *state_dir) {
    static const char mark[] = "{STATE_DIR}";
    const char *found = strstr(standard, mark);
    if (!found) return memory_copy_text(standard);
    struct text text = {0};
    text_append_bytes(&text, standard, (size_t)(found - standard));
    text_append(&text, state_dir);
    text_append(&text, found + strlen(mark));
    return text.bytes;
}

static char *read_text(const struct env_file *env, const char *name, const char *standard, const char *state_dir) {
    const char *value = look_up(env, name);
    if (value) return memory_copy_text(value);
    return *standard ? expand(standard, state_dir ? state_dir : "") : NULL;
}

/* Reads the variable NAME or the file named by NAME_FILE. If both are unset, *out is kept; and so it is, with STATUS_INVALID, if
 * the file is empty and *out is set: at a reload another program is just writing the file. */
static enum status read_secret(const struct env_file *env, const char *name, const char *_Atomic *out, struct error *err) {
    const char *value = look_up(env, name);
    char file_variable[128];
    snprintf(file_variable, sizeof file_variable, "%s_FILE", name);
    const char *path = look_up(env, file_variable);
    if (value) *out = secret_keep(value);
    if (value || !path) return STATUS_OK;

    struct text bytes = {0};
    struct error problem = {0};
    if (file_read(path, ENV_FILE_LIMIT, &bytes, &problem)) {
        text_release(&bytes);
        return error_set_at(err, STATUS_INVALID, file_variable, "%s: %s", file_variable, problem.message);
    }
    const char *content = bytes.length ? trim(bytes.bytes) : "";
    bool is_empty = *content == '\0';
    if (!is_empty) *out = secret_keep(content);
    text_release(&bytes);
    if (!is_empty || !*out) return STATUS_OK;
    return error_set_at(err, STATUS_INVALID, file_variable, "%s: %s is empty, so the value before is kept.", file_variable,
                        path);
}

/* True if the secret is set; its value is not read. */
static bool is_secret_given(const struct env_file *env, const char *name) {
    char file_variable[128];
    snprintf(file_variable, sizeof file_variable, "%s_FILE", name);
    return look_up(env, name) || look_up(env, file_variable);
}

static enum status read_flag(const struct env_file *env, const char *name, bool standard, bool *out, struct error *err) {
    const char *value = look_up(env, name);
    *out = standard;
    if (!value) return STATUS_OK;
    *out = strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
    if (*out || strcmp(value, "false") == 0 || strcmp(value, "0") == 0) return STATUS_OK;
    return error_set_at(err, STATUS_INVALID, name, "%s must be true, 1, false or 0, but it is \"%s\".", name, value);
}

static enum status read_number(const struct env_file *env, const char *name, int64_t standard, int64_t min, int64_t max,
                               int64_t *out, struct error *err) {
    const char *value = look_up(env, name);
    *out = standard;
    if (!value) return STATUS_OK;
    bool is_negative = min < 0 && *value == '-'; /* MANAGEMENT_PORT */
    if (number_parse(out, value + is_negative)) {
        if (is_negative) *out = -*out;
        if (*out >= min && *out <= max) return STATUS_OK;
    }
    return error_set_at(err, STATUS_INVALID, name,
                        "%s must be a whole number from %lld to %lld, in digits alone, but it is \"%s\".", name, (long long)min,
                        (long long)max, value);
}

static enum status make_state_dir(const char *path, struct error *err) {
    if (mkdir(path, 0755) == 0 || errno == EEXIST) return STATUS_OK;
    return error_set_at(err, STATUS_INVALID, "STATE_DIR", "STATE_DIR: Cannot create the folder %s: %s.", path, strerror(errno));
}

/* Registers a value that must not appear in a job's log. A relative STATE_DIR is not registered, since it may be an ordinary
 * word; folders and sockets below it are. */
static void keep_inside(const char *variable, const char *standard, const char *value) {
    static const char *const shown_to_all[] = {"S3_API_URL", "PURSUIT_API_URL"};
    for (size_t i = 0; i < sizeof shown_to_all / sizeof shown_to_all[0]; i++)
        if (strcmp(variable, shown_to_all[i]) == 0) return;
    inside_keep(variable, value, text_starts_with(standard, "{STATE_DIR}"));
}

enum status settings_load(struct settings *out, enum program program, struct error *err) {
    *out = (struct settings){0};
    struct env_file env = {0};
    read_env_file(&env);
    enum status status = STATUS_OK;
#define MINE(programs) (!status && ((programs) & (int)program))
#define TEXT(field, variable, standard, programs, help)                                                                        \
    if (MINE(programs)) {                                                                                                      \
        out->field = read_text(&env, variable, standard, out->state_dir);                                                      \
        keep_inside(variable, standard, out->field);                                                                           \
    }
#define SECRET(field, variable, programs, help)                                                                                \
    if (MINE(programs)) status = read_secret(&env, variable, &out->field, err);
#define FLAG(field, variable, standard, programs, help)                                                                        \
    if (MINE(programs)) status = read_flag(&env, variable, standard, &out->field, err);
#define NUMBER(field, variable, standard, min, max, programs, help)                                                            \
    if (MINE(programs)) status = read_number(&env, variable, standard, min, max, &out->field, err);
#define GIVEN(field, variable, programs, help)                                                                                 \
    if (MINE(programs)) out->field = is_secret_given(&env, variable);
#include "lib/base/settings.def"
#undef MINE
    release_env_file(&env);
    if (!status) status = make_state_dir(out->state_dir, err);
    return status;
}

enum status settings_reload_secrets(struct settings *settings, enum program program, struct error *err) {
    struct env_file env = {0};
    read_env_file(&env);
    enum status status = STATUS_OK;
#define SECRET(field, variable, programs, help)                                                                                \
    if ((programs) & (int)program) {                                                                                           \
        enum status result = read_secret(&env, variable, &settings->field, status ? NULL : err);                               \
        if (!status) status = result;                                                                                          \
    }
#include "lib/base/settings.def"
    release_env_file(&env);
    return status;
}

void settings_release(struct settings *settings) {
#define TEXT(field, variable, standard, programs, help) free(settings->field);
#include "lib/base/settings.def"
    *settings = (struct settings){0};
}

static void append_row(struct text *out, const char *variable, const char *standard, int readers, const char *help) {
    text_append_format(out, "| `%s` | %s%s%s | ", variable, *standard ? "`" : "", standard, *standard ? "`" : "");
    bool first = true;
    for (size_t i = 0; i < PROGRAM_COUNT; i++) {
        if (!(readers & (int)programs[i].program)) continue;
        text_append_format(out, "%s%s", first ? "" : ", ", programs[i].name);
        first = false;
    }
    text_append_format(out, " | %s |\n", help);
}

void settings_append_markdown(struct text *out) {
    text_append(out, "| variable | default | read by | meaning |\n| --- | --- | --- | --- |\n");
#define TEXT(field, variable, standard, programs, help) append_row(out, variable, standard, programs, help);
#define SECRET(field, variable, programs, help) append_row(out, variable "`, `" variable "_FILE", "", programs, help);
#define FLAG(field, variable, standard, programs, help) append_row(out, variable, #standard, programs, help);
#define NUMBER(field, variable, standard, min, max, programs, help) append_row(out, variable, #standard, programs, help);
#define GIVEN(field, variable, programs, help) append_row(out, variable, "", programs, help);
#include "lib/base/settings.def"
}
