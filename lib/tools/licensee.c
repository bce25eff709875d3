/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/tools/licensee.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/deadline.h"
#include "lib/base/folder.h"
#include "lib/base/hash.h"
#include "lib/base/json.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/tools/sandbox/run_command.h"
#include "lib/tools/sandbox/sandbox.h"

enum {
    REMEMBERED = 256,
    OUTPUT_LIMIT_BYTES = 16 << 20, /* it prints every file twice, escaped */
    IDENTIFIER_MAX = 100,
    LAST_WORDS_MAX = 500,
};

static const struct command_limits limits = {
    .memory_bytes = INT64_C(2) << 30,
    .cpu_seconds = 20,
    .file_bytes = 1 << 20,
    .processes = 64,
    .open_files = 256,
};

/* Cached findings for files with this digest. */
struct remembered {
    unsigned char digest[SHA256_BYTES];
    struct arena arena; /* owns the findings */
    struct licensee_findings findings;
    bool is_there;
};

struct licensee {
    char *path; /* NULL: not installed */
    const struct sandbox *sandbox;
    pthread_mutex_t mutex; /* guards the fields below */
    size_t next;           /* the index in `remembered` that is overwritten next */
    struct remembered remembered[REMEMBERED];
};

static char *find_program(const char *search_path) {
    char *folders = memory_copy_text(search_path ? search_path : ""), *rest = NULL, *found = NULL;
    struct text path = {0};
    for (char *folder = strtok_r(folders, ":", &rest); folder && !found; folder = strtok_r(NULL, ":", &rest)) {
        text_clear(&path);
        text_append_format(&path, "%s/licensee", folder);
        if (folder[0] == '/' && access(text_view(&path), X_OK) == 0) found = memory_copy_text(text_view(&path));
    }
    text_release(&path);
    free(folders);
    return found;
}

struct licensee *licensee_create(const char *search_path, const struct sandbox *sandbox) {
    struct licensee *licensee = memory_alloc(sizeof *licensee);
    licensee->path = find_program(search_path);
    licensee->sandbox = sandbox;
    pthread_mutex_init(&licensee->mutex, NULL);
    return licensee;
}

void licensee_free(struct licensee *licensee) {
    if (!licensee) return;
    for (size_t i = 0; i < REMEMBERED; i++)
        arena_release(&licensee->remembered[i].arena);
    pthread_mutex_destroy(&licensee->mutex);
    free(licensee->path);
    free(licensee);
}

bool licensee_is_installed(const struct licensee *licensee) {
    return licensee->path != NULL;
}

/* ---- Cache ---- */

static void digest_files(const struct licensee_file *files, size_t count, unsigned char out[SHA256_BYTES]) {
    struct text all = {0};
    for (size_t i = 0; i < count; i++) {
        text_append_format(&all, "%s/%zu/", files[i].name, files[i].length); /* names contain no `/` */
        text_append_bytes(&all, files[i].bytes, files[i].length);
    }
    hash_sha256(text_view(&all), all.length, out);
    text_release(&all);
}

static struct licensee_findings copy_findings(const struct licensee_findings *from, struct arena *arena) {
    struct licensee_findings copy = {.items = arena_alloc(arena, (from->count + 1) * sizeof *copy.items), .count = from->count};
    for (size_t i = 0; i < from->count; i++) {
        copy.items[i].file = arena_copy(arena, from->items[i].file);
        copy.items[i].identifier = arena_copy(arena, from->items[i].identifier);
    }
    return copy;
}

static bool recall(struct licensee *licensee, const unsigned char digest[SHA256_BYTES], struct licensee_findings *out,
                   struct arena *arena) {
    bool is_known = false;
    pthread_mutex_lock(&licensee->mutex);
    for (size_t i = 0; i < REMEMBERED && !is_known; i++) {
        const struct remembered *entry = &licensee->remembered[i];
        is_known = entry->is_there && memcmp(entry->digest, digest, SHA256_BYTES) == 0;
        if (is_known) *out = copy_findings(&entry->findings, arena);
    }
    pthread_mutex_unlock(&licensee->mutex);
    return is_known;
}

static void remember(struct licensee *licensee, const unsigned char digest[SHA256_BYTES],
                     const struct licensee_findings *findings) {
    pthread_mutex_lock(&licensee->mutex);
    struct remembered *entry = &licensee->remembered[licensee->next++ % REMEMBERED];
    arena_release(&entry->arena);
    memcpy(entry->digest, digest, SHA256_BYTES);
    entry->findings = copy_findings(findings, &entry->arena);
    entry->is_there = true;
    pthread_mutex_unlock(&licensee->mutex);
}

/* ---- Parsing the answer ---- */

static enum status read_file(struct licensee_finding *out, const json_t *file, struct arena *arena, struct error *err) {
    const char *name = NULL, *identifier = NULL;
    if (!json_is_object(file))
        return error_set(err, STATUS_INVALID, "A matched file in licensee's answer must be an object, but it is %s.",
                         json_type_name(file));
    enum status status = json_need_text(file, "filename", &name, err);
    if (!status) status = json_need_text(file, "matched_license", &identifier, err);
    if (status) return status;
    if (strlen(identifier) > IDENTIFIER_MAX)
        return error_set(err, STATUS_INVALID, "A license identifier in licensee's answer is too long: %zu bytes.",
                         strlen(identifier));
    *out = (struct licensee_finding){arena_copy(arena, name), arena_copy(arena, identifier)};
    return STATUS_OK;
}

enum status licensee_read_answer(struct licensee_findings *out, const char *json, size_t length, struct arena *arena,
                                 struct error *err) {
    json_t *answer = NULL;
    const json_t *files = NULL, *file;
    size_t index;
    *out = (struct licensee_findings){0};
    enum status status = json_read(&answer, json, length, "Licensee's answer", err);
    if (!status && !json_is_object(answer))
        status = error_set(err, STATUS_INVALID, "Licensee's answer must be an object, but it is %s.", json_type_name(answer));
    if (!status) status = json_need_array(answer, "matched_files", &files, err);
    if (!status) out->items = arena_alloc(arena, (json_array_size(files) + 1) * sizeof *out->items);
    json_array_foreach(files, index, file) {
        struct licensee_finding *finding = &out->items[out->count];
        if (!status) status = read_file(finding, file, arena, err);
        if (!status && !text_equal(finding->identifier, "NOASSERTION")) out->count++;
    }
    json_decref(answer);
    if (status) out->count = 0;
    return status;
}

/* Its exit status is 1 if it found nothing; it prints its answer then, too. */
static enum status read_result(struct licensee_findings *out, const struct command_result *result, struct arena *arena,
                               struct error *err) {
    struct error problem = {0};
    bool has_answered = (result->exit_status == 0 || result->exit_status == 1) && !result->output_was_cut;
    if (has_answered && !licensee_read_answer(out, text_view(&result->output), result->output.length, arena, &problem))
        return STATUS_OK;
    struct text how = {0};
    command_result_describe(&how, result);
    const char *words = text_is_blank(text_view(&result->errors)) ? problem.message : text_view(&result->errors);
    error_set(err, STATUS_INTERNAL, "Licensee ended with %s: %.*s", text_view(&how), LAST_WORDS_MAX, words);
    text_release(&how);
    return STATUS_INTERNAL;
}

/* ---- Running it ---- */

static enum status write_files(const struct licensee_file *files, size_t count, const char *folder, struct arena *arena,
                               struct error *err) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && !status; i++)
        status = file_write(arena_format(arena, "%s/%s", folder, files[i].name), files[i].bytes, files[i].length, err);
    return status;
}

/* The program's folder, unless the sandbox contains it anyway. */
static const char *const *list_readable(const struct licensee *licensee, struct arena *arena) {
    const char **list = arena_alloc(arena, 2 * sizeof *list), *slash = strrchr(licensee->path, '/');
    if (!text_starts_with(licensee->path, "/usr/") && !text_starts_with(licensee->path, "/bin/"))
        list[0] = arena_copy_bytes(arena, licensee->path, (size_t)(slash - licensee->path));
    return list;
}

static enum status run(struct licensee_findings *out, const struct licensee *licensee, const char *folder, struct arena *arena,
                       struct deadline *deadline, struct error *err) {
    struct command_result result = {0};
    const struct command command = {
        .arguments = (const char *const[]){licensee->path, "detect", "--json", "--no-packages", "--no-readme", ".", NULL},
        .environment = (const char *const[]){"PATH=/usr/bin:/bin", "HOME=/tmp", "LANG=C.UTF-8", NULL},
        .folder = folder,
        .output_limit_bytes = OUTPUT_LIMIT_BYTES,
        .limits = limits,
    };
    enum status status = sandbox_run(&result, licensee->sandbox, &command, list_readable(licensee, arena), deadline, err);
    if (!status) status = read_result(out, &result, arena, err);
    command_result_release(&result);
    return status;
}

enum status licensee_recognise(struct licensee_findings *out, struct licensee *licensee, const struct licensee_file *files,
                               size_t file_count, const char *work_folder, struct arena *arena, struct deadline *deadline,
                               struct error *err) {
    unsigned char digest[SHA256_BYTES];
    *out = (struct licensee_findings){0};
    if (!licensee->path) return error_set(err, STATUS_NOT_FOUND, "Licensee is not installed.");
    if (file_count == 0) return STATUS_OK;
    digest_files(files, file_count, digest);
    if (recall(licensee, digest, out, arena)) return STATUS_OK;

    enum status status = deadline_check(deadline, err);
    if (status) return status;
    status = sandbox_make_folder(licensee->sandbox, work_folder, err);
    if (!status) status = write_files(files, file_count, work_folder, arena, err);
    if (!status) status = run(out, licensee, work_folder, arena, deadline, err);
    if (!status) remember(licensee, digest, out);
    folder_remove(work_folder);
    enum status stopped = deadline_check(deadline, NULL); /* the deadline's status takes precedence over its consequences */
    return stopped ? deadline_check(deadline, err) : status;
}
