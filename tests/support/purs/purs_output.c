/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/purs/purs_output.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/domain/package/version.h"

#define PRAGMA "-- stand-in: "

struct output {
    const char *folder, *version;
    json_t *old_cache, *cache; /* the cache-db.json that was there, and the one to write */
    json_t *errors, *warnings;
    int number, total; /* of the module being compiled */
};

static bool write_file(const char *path, const char *bytes, size_t length) {
    FILE *file = fopen(path, "wbe");
    if (!file) return false;
    bool is_written = fwrite(bytes, 1, length, file) == length;
    return fclose(file) == 0 && is_written;
}

/* As the compiler writes a time: without a fraction if there is none, and without zeros at its end. */
static void print_time(struct timespec time, char out[64]) {
    struct tm parts;
    gmtime_r(&time.tv_sec, &parts);
    size_t length = strftime(out, 64, "%Y-%m-%dT%H:%M:%S", &parts);
    if (time.tv_nsec) length += (size_t)snprintf(out + length, 64 - length, ".%09ld", time.tv_nsec);
    while (time.tv_nsec && out[length - 1] == '0')
        length--;
    snprintf(out + length, 64 - length, "Z");
}

static bool hash_file(const char *path, char out[2 * EVP_MAX_MD_SIZE + 1]) {
    unsigned char digest[EVP_MAX_MD_SIZE], chunk[65536];
    unsigned digest_length = 0;
    size_t length;
    FILE *file = fopen(path, "rbe");
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_hashed = file && EVP_DigestInit_ex(context, EVP_sha512(), NULL);
    while (is_hashed && (length = fread(chunk, 1, sizeof chunk, file)) > 0)
        EVP_DigestUpdate(context, chunk, length);
    if (is_hashed) EVP_DigestFinal_ex(context, digest, &digest_length);
    for (unsigned i = 0; i < digest_length; i++)
        snprintf(out + 2 * (size_t)i, 3, "%02x", digest[i]);
    EVP_MD_CTX_free(context);
    if (file) fclose(file);
    return is_hashed;
}

/* Adds `path` to a module's entry. An equal time in the old entry is enough; else the hash decides. True if the file is the
 * same.
 */
static bool add_file(json_t *entry, const json_t *old_entry, const char *path) {
    struct stat information;
    char time[64], hash[2 * EVP_MAX_MD_SIZE + 1];
    const json_t *old = json_object_get(old_entry, path);
    const char *old_time = json_string_value(json_array_get(old, 0)), *old_hash = json_string_value(json_array_get(old, 1));
    if (stat(path, &information)) return false;
    print_time(information.st_mtim, time);
    bool is_same = old_hash && text_equal(time, old_time);
    if (!is_same) {
        if (!hash_file(path, hash)) return false;
        is_same = text_equal(hash, old_hash);
    }
    json_object_set_new(entry, path, json_pack("[s,s]", time, is_same ? old_hash : hash));
    return is_same;
}

/* The file of the same name that holds the module's JavaScript, or NULL; in the arena. */
static const char *find_foreign(struct purs_sources *sources, const struct purs_source *source) {
    size_t length = strlen(source->path) - strlen(".purs");
    const char *path = arena_format(&sources->arena, "%.*s.js", (int)length, source->path);
    return access(path, R_OK) == 0 ? path : NULL;
}

/* The first rule: the module's files are those of the last time. Sets the new entry in any case. */
static bool has_same_files(struct output *output, struct purs_sources *sources, const struct purs_source *source) {
    const json_t *old_entry = json_object_get(output->old_cache, source->header.name);
    const char *foreign = find_foreign(sources, source);
    json_t *entry = json_object();
    bool is_same = add_file(entry, old_entry, source->path);
    if (foreign) is_same &= add_file(entry, old_entry, foreign);
    is_same &= json_object_size(entry) == json_object_size(old_entry);
    json_object_set_new(output->cache, source->header.name, entry);
    return is_same;
}

static const char *output_path(const struct output *output, struct purs_sources *sources, const struct purs_source *source,
                               const char *name) {
    return arena_format(&sources->arena, "%s/%s/%s", output->folder, source->header.name, name);
}

static const char *externs_head(const struct output *output, struct purs_sources *sources) {
    return arena_format(&sources->arena, "externs of the purs stand-in %s\n", output->version);
}

static bool is_older(const struct stat *a, const struct stat *b) {
    return a->st_mtim.tv_sec != b->st_mtim.tv_sec ? a->st_mtim.tv_sec < b->st_mtim.tv_sec
                                                  : a->st_mtim.tv_nsec < b->st_mtim.tv_nsec;
}

/* The second rule: the externs were written by this compiler, and the code is not older than them. */
static bool has_good_files(const struct output *output, struct purs_sources *sources, const struct purs_source *source,
                           struct stat *externs) {
    struct stat code;
    char head[128] = "";
    const char *path = output_path(output, sources, source, "externs.cbor");
    FILE *file = fopen(path, "rbe");
    bool is_good = file && fgets(head, sizeof head, file) && text_equal(head, externs_head(output, sources)) &&
                   stat(path, externs) == 0 && stat(output_path(output, sources, source, "index.js"), &code) == 0 &&
                   !is_older(&code, externs);
    if (file) fclose(file);
    return is_good;
}

/* The third rule: not older than the externs of any imported module, all of which are up to date. */
static bool has_good_externs(const struct output *output, struct purs_sources *sources, const struct purs_source *source) {
    struct stat own, other;
    bool is_good = has_good_files(output, sources, source, &own);
    for (size_t i = 0; i < source->import_count && is_good; i++)
        is_good = source->imports[i]->is_current &&
                  stat(output_path(output, sources, source->imports[i], "externs.cbor"), &other) == 0 &&
                  !is_older(&own, &other);
    return is_good;
}

/* An error or a warning in that line of the module. */
static void report(json_t *list, const char *code, const struct purs_source *source, int line, const char *text,
                   size_t length) {
    struct text message = {0};
    const char *begin = text_view(&source->content), *line_begin = text;
    text_append(&message, "  ");
    text_append_bytes(&message, text, length);
    while (line_begin > begin && line_begin[-1] != '\n')
        line_begin--;
    int end_column = (int)(text + length - line_begin) + 1;
    json_array_append_new(list, purs_error(code, source->path, source->header.name, (struct source_position){line, 1},
                                           (struct source_position){line, end_column}, message.bytes));
    text_release(&message);
}

/* True if this compiler's version is at least the one that the text begins with; *text is moved past it. */
static bool is_reached(const struct output *output, const char **text, size_t *length) {
    char wanted[VERSION_TEXT_MAX];
    struct version from, own;
    size_t word = strcspn(*text, " \n");
    snprintf(wanted, sizeof wanted, "%.*s", (int)word, *text);
    size_t skipped = word < *length ? word + 1 : *length;
    *text += skipped;
    *length -= skipped;
    return !version_parse(&from, wanted, NULL) && !version_parse(&own, output->version, NULL) &&
           version_compare(own, from) >= 0;
}

static void sleep_ms(const char *number) {
    long ms = strtol(number, NULL, 10);
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* `path` up to the line's end. */
static void wait_until_released(const struct output *output, const char *path, size_t length) {
    struct text file = {0};
    text_append_format(&file, "%.*s-%s", (int)length, path, output->version);
    while (access(text_view(&file), F_OK) == 0)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    text_release(&file);
}

static void die_of(const char *text, size_t length) {
    char words[400];
    snprintf(words, sizeof words, "%.*s", (int)length, text);
    purs_die(words);
}

/* Obeys one line of the module; false if the compilation must fail. */
static bool obey_line(struct output *output, const struct purs_source *source, int number, const char *line, size_t length) {
    static const char sleep[] = PRAGMA "sleep ", wait[] = PRAGMA "wait ", sleep_from[] = PRAGMA "sleep-from ",
                      fail[] = PRAGMA "fail ", fail_from[] = PRAGMA "fail-from ", warn[] = PRAGMA "warn ",
                      die[] = PRAGMA "die ", die_from[] = PRAGMA "die-from ";
    if (text_starts_with(line, sleep)) {
        sleep_ms(line + sizeof sleep - 1);
    } else if (text_starts_with(line, sleep_from)) {
        const char *text = line + sizeof sleep_from - 1;
        size_t left = length - (sizeof sleep_from - 1);
        if (is_reached(output, &text, &left)) sleep_ms(text);
    } else if (text_starts_with(line, wait)) {
        wait_until_released(output, line + sizeof wait - 1, length - (sizeof wait - 1));
    } else if (text_starts_with(line, die)) {
        die_of(line + sizeof die - 1, length - (sizeof die - 1));
    } else if (text_starts_with(line, die_from)) {
        const char *text = line + sizeof die_from - 1;
        size_t left = length - (sizeof die_from - 1);
        if (is_reached(output, &text, &left)) die_of(text, left);
    } else if (text_starts_with(line, warn)) {
        report(output->warnings, "UserDefinedWarning", source, number, line + sizeof warn - 1, length - (sizeof warn - 1));
    } else if (text_starts_with(line, fail)) {
        report(output->errors, "TypesDoNotUnify", source, number, line + sizeof fail - 1, length - (sizeof fail - 1));
        return false;
    } else if (text_starts_with(line, fail_from)) {
        const char *text = line + sizeof fail_from - 1;
        size_t left = length - (sizeof fail_from - 1);
        if (!is_reached(output, &text, &left)) return true;
        report(output->errors, "TypesDoNotUnify", source, number, text, left);
        return false;
    }
    return true;
}

/* Obeys the pragmas in the module's comments; false if the compilation must fail. */
static bool obey_pragmas(struct output *output, const struct purs_source *source) {
    int number = 1;
    for (const char *at = text_view(&source->content); *at; number++) {
        size_t length = strcspn(at, "\n");
        if (!obey_line(output, source, number, at, length)) return false;
        at += length + (at[length] == '\n');
    }
    return true;
}

/* Prints its imports as they are in the output now, if the module's comments ask for that. */
static void append_inlined(struct text *out, const struct output *output, struct purs_sources *sources,
                           const struct purs_source *source) {
    if (!strstr(text_view(&source->content), PRAGMA "inline\n")) return;
    for (size_t i = 0; i < source->import_count; i++) {
        FILE *file = fopen(output_path(output, sources, source->imports[i], "externs.cbor"), "rbe");
        char line[256];
        while (file && fgets(line, sizeof line, file))
            text_append(out, line);
        if (file) fclose(file);
    }
}

static bool write_module(struct output *output, struct purs_sources *sources, const struct purs_source *source) {
    struct text externs = {0}, script = {0};
    const char *folder = arena_format(&sources->arena, "%s/%s", output->folder, source->header.name);
    text_append_format(&externs, "%smodule %s\n", externs_head(output, sources), source->header.name);
    for (size_t i = 0; i < source->import_count; i++)
        text_append_format(&externs, "imports %s\n", source->imports[i]->header.name);
    append_inlined(&externs, output, sources, source);
    text_append_format(&script, "// Written by the purs stand-in %s: there is no code in here.\nexport {};\n", output->version);
    bool is_written = (mkdir(folder, 0777) == 0 || errno == EEXIST) &&
                      write_file(output_path(output, sources, source, "externs.cbor"), externs.bytes, externs.length) &&
                      write_file(output_path(output, sources, source, "index.js"), script.bytes, script.length);
    text_release(&externs);
    text_release(&script);
    return is_written;
}

/* The compiler reads a module's foreign module if the module imports something from it. */
static void read_foreign(struct purs_sources *sources, const struct purs_source *source) {
    const char *foreign = find_foreign(sources, source);
    struct text content = {0};
    if (!foreign || !strstr(text_view(&source->content), "foreign import")) return;
    if (purs_read_file(&content, foreign)) purs_must_be_text(text_view(&content), content.length);
    text_release(&content);
}

/* False only if it cannot write. */
static bool make_module(struct output *output, struct purs_sources *sources, struct purs_source *source) {
    for (size_t i = 0; i < source->import_count; i++)
        source->has_failed |= source->imports[i]->has_failed;
    bool is_current = has_same_files(output, sources, source) && has_good_externs(output, sources, source);
    output->number++;
    if (!is_current && !source->has_failed) {
        fprintf(stderr, "[%d of %d] Compiling %s\n", output->number, output->total, source->header.name);
        source->has_failed = !obey_pragmas(output, source);
        read_foreign(sources, source);
        if (!source->has_failed && !write_module(output, sources, source)) return false;
    }
    source->is_current = is_current;
    if (source->has_failed) json_object_del(output->cache, source->header.name);
    return true;
}

bool purs_output_make(struct purs_sources *sources, const char *folder, const char *version, json_t *errors, json_t *warnings) {
    const char *cache_path = arena_format(&sources->arena, "%s/cache-db.json", folder);
    const char *package_path = arena_format(&sources->arena, "%s/package.json", folder);
    struct output output = {
        .folder = folder, .version = version, .errors = errors, .warnings = warnings, .total = (int)sources->count};
    output.old_cache = json_load_file(cache_path, 0, NULL);
    output.cache = json_is_object(output.old_cache) ? json_copy(output.old_cache) : json_object();
    bool is_written = (mkdir(folder, 0777) == 0 || errno == EEXIST) &&
                      write_file(package_path, "{\"type\":\"module\"}\n", strlen("{\"type\":\"module\"}\n"));
    for (size_t i = 0; i < sources->count && is_written; i++)
        is_written = make_module(&output, sources, sources->order[i]);
    is_written = is_written && json_dump_file(output.cache, cache_path, JSON_COMPACT | JSON_SORT_KEYS) == 0;
    json_decref(output.old_cache);
    json_decref(output.cache);
    return is_written;
}
