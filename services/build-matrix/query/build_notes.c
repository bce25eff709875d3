/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/build-matrix/query/build_notes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/array.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/domain/package/package_name.h"
#include "lib/store/redis/matrix_store.h"

enum {
    KEY_MAX = PACKAGE_NAME_MAX + VERSION_TEXT_MAX + 2,
    VERSIONS_AT_ONCE = 500, /* whose verdicts are read in one round trip */
    JOBS_AT_ONCE = 200,
    CHANGES_AT_ONCE = 2000,
    UNFINISHED_MAX = 50000, /* more are not pending (PENDING_LIMIT) */
};

struct version_notes {
    struct build_note *items;
    size_t count, capacity;
};

static void free_version(void *value) {
    struct version_notes *notes = value;
    free(notes->items);
    free(notes);
}

void build_notes_release(struct build_notes *notes) {
    map_release(&notes->by_version, free_version);
    *notes = (struct build_notes){0};
}

/* ---- One note ---- */

static struct version_notes *find_version(const struct build_notes *notes, const char *package, const char *version) {
    char key[KEY_MAX];
    snprintf(key, sizeof key, "%s@%s", package, version);
    return map_find(&notes->by_version, key);
}

static struct build_note *find_note(const struct version_notes *version, struct version compiler) {
    for (size_t i = 0; version && i < version->count; i++)
        if (version_equal(version->items[i].compiler, compiler)) return &version->items[i];
    return NULL;
}

/* The note of the cell, which is made if there is none. */
static struct build_note *note_for(struct build_notes *notes, const char *package, const char *version,
                                   struct version compiler) {
    struct version_notes *of_version = find_version(notes, package, version);
    if (!of_version) {
        char key[KEY_MAX];
        snprintf(key, sizeof key, "%s@%s", package, version);
        of_version = memory_alloc(sizeof *of_version);
        map_put(&notes->by_version, key, of_version);
    }
    struct build_note *note = find_note(of_version, compiler);
    if (note) return note;
    note = array_add(of_version);
    *note = (struct build_note){.compiler = compiler};
    return note;
}

static void take_verdict(struct build_notes *notes, const char *package, const char *version,
                         const struct matrix_verdict *verdict) {
    struct build_note *note = note_for(notes, package, version, verdict->compiler);
    note->state = CELL_FAILED;
    note->verdict = verdict->verdict;
    note->time_ms = verdict->time_ms;
    memcpy(note->job_id, verdict->job_id, sizeof note->job_id);
}

const struct build_note *build_notes_find(const struct build_notes *notes, const char *package, struct version version,
                                          struct version compiler) {
    char text[VERSION_TEXT_MAX];
    version_print(version, text);
    return find_note(find_version(notes, package, text), compiler);
}

/* ---- Reading all ---- */

/* Reads the verdicts on the rows from `first` on. */
static enum status read_verdicts(struct build_notes *notes, struct job_store *store, const struct whole_matrix *matrix,
                                 size_t first, struct error *err) {
    struct arena arena = {0};
    size_t count = matrix->row_count - first < VERSIONS_AT_ONCE ? matrix->row_count - first : VERSIONS_AT_ONCE;
    struct version_verdicts *items = arena_alloc(&arena, count * sizeof *items);
    for (size_t i = 0; i < count; i++) {
        char version[VERSION_TEXT_MAX];
        version_print(matrix->versions[first + i], version);
        items[i] = (struct version_verdicts){.package = whole_matrix_package_of(matrix, first + i)->name,
                                             .version = arena_copy(&arena, version)};
    }
    enum status status = verdicts_read_some(store, items, count, &arena, err);
    for (size_t i = 0; !status && i < count; i++)
        for (size_t j = 0; j < items[i].count; j++)
            take_verdict(notes, items[i].package, items[i].version, &items[i].verdicts[j]);
    arena_release(&arena);
    return status;
}

/* The job has not ended, or its verdict is read by now. */
static void take_unfinished(struct build_notes *notes, const struct job *job) {
    struct version compiler;
    if (version_parse(&compiler, job->compiler, NULL)) return;
    struct build_note *note = note_for(notes, job->package, job->version, compiler);
    note->state = job->state == JOB_STATE_RUNNING ? CELL_RUNNING : CELL_PENDING;
    note->time_ms = job->created_ms;
    memcpy(note->job_id, job->id, sizeof note->job_id);
}

/* Builds of a revision or a package set and builds to verify are not of a version as it is published. */
static bool is_of_cell(const struct job *job) {
    return job->kind == JOB_KIND_MATRIX && !matrix_purpose_is_trial(job->purpose) && job->package && job->version &&
           job->compiler;
}

static enum status read_unfinished(struct build_notes *notes, struct job_store *store, enum job_state state,
                                   struct error *err) {
    struct arena arena = {0};
    struct job_list list;
    const struct job_filter filter = {.has_kind = true,
                                      .kind = JOB_KIND_MATRIX,
                                      .has_state = true,
                                      .state = state,
                                      .include_unknown_to_old_clients = true,
                                      .limit = UNFINISHED_MAX};
    enum status status = job_store_list(store, &filter, &arena, &list, err);
    for (size_t i = 0; !status && i < list.count; i++)
        if (is_of_cell(&list.jobs[i])) take_unfinished(notes, &list.jobs[i]);
    arena_release(&arena);
    return status;
}

/* The position first: what changes during the reading is read once more. A job may end between the two lists and the verdicts,
 * and its end is a change, too. */
static enum status read_all(struct build_notes *notes, struct job_store *store, const struct whole_matrix *matrix,
                            struct error *err) {
    struct job_watch watch;
    build_notes_release(notes);
    enum status status = job_watch_begin(store, &watch, err);
    for (size_t row = 0; !status && row < matrix->row_count; row += VERSIONS_AT_ONCE)
        status = read_verdicts(notes, store, matrix, row, err);
    if (!status) status = read_unfinished(notes, store, JOB_STATE_PENDING, err);
    if (!status) status = read_unfinished(notes, store, JOB_STATE_RUNNING, err);
    if (!status)
        memcpy(notes->position, watch.states, sizeof notes->position);
    else
        build_notes_release(notes);
    return status;
}

/* ---- Changes ---- */

/* A job that ended without a verdict leaves the one before. */
static enum status take_earlier(struct build_notes *notes, struct job_store *store, const struct job *job, struct error *err) {
    struct arena arena = {0};
    struct matrix_verdict *verdicts;
    struct version_notes *version = find_version(notes, job->package, job->version);
    size_t count = 0, kept = 0;
    enum status status = verdicts_read(store, job->package, job->version, &arena, &verdicts, &count, err);
    for (size_t i = 0; !status && version && i < version->count; i++)
        if (!text_equal(version->items[i].job_id, job->id)) version->items[kept++] = version->items[i];
    if (!status && version) version->count = kept;
    for (size_t i = 0; !status && i < count; i++) {
        const struct build_note *note = find_note(version, verdicts[i].compiler);
        if (!note) take_verdict(notes, job->package, job->version, &verdicts[i]);
    }
    arena_release(&arena);
    return status;
}

static enum status take_job(struct build_notes *notes, struct job_store *store, const struct job *job, struct error *err) {
    struct matrix_verdict verdict = {.time_ms = job->finished_ms};
    if (!*job->id || !is_of_cell(job) || version_parse(&verdict.compiler, job->compiler, NULL)) return STATUS_OK;
    if (!job_state_is_finished(job->state)) {
        take_unfinished(notes, job);
        return STATUS_OK;
    }
    if (job->is_readonly || !verdict_parse(job->verdict, &verdict.verdict)) return take_earlier(notes, store, job, err);
    memcpy(verdict.job_id, job->id, sizeof verdict.job_id);
    take_verdict(notes, job->package, job->version, &verdict);
    return STATUS_OK;
}

/* Leaves the last change of each job alone. */
static size_t leave_last(struct job_change *changes, size_t count) {
    struct map seen = {0};
    size_t from = count;
    for (size_t i = count; i-- > 0;)
        if (!map_put(&seen, changes[i].job_id, changes)) changes[--from] = changes[i];
    map_release(&seen, NULL);
    memmove(changes, changes + from, (count - from) * sizeof *changes);
    return count - from;
}

static enum status take_changes(struct build_notes *notes, struct job_store *store, struct job_change *changes, size_t count,
                                struct error *err) {
    enum status status = STATUS_OK;
    count = leave_last(changes, count);
    for (size_t at = 0; !status && at < count; at += JOBS_AT_ONCE) {
        struct arena arena = {0};
        size_t some = count - at < JOBS_AT_ONCE ? count - at : JOBS_AT_ONCE;
        struct job *jobs = arena_alloc(&arena, some * sizeof *jobs);
        status = job_watch_read_jobs(store, changes + at, some, &arena, jobs, err);
        for (size_t i = 0; !status && i < some; i++)
            status = take_job(notes, store, &jobs[i], err);
        arena_release(&arena);
    }
    return status;
}

static enum status read_changes(struct build_notes *notes, struct job_store *store, bool *has_changed, struct error *err) {
    enum status status = STATUS_OK;
    for (bool is_all = false; !status && !is_all;) {
        struct arena arena = {0};
        struct job_changes changes;
        status = job_watch_list(store, notes->position, CHANGES_AT_ONCE, &arena, &changes, err);
        if (!status && changes.count > 0) {
            char last[JOB_WATCH_POSITION_MAX];
            memcpy(last, changes.items[changes.count - 1].position, sizeof last);
            status = take_changes(notes, store, changes.items, changes.count, err);
            if (!status) memcpy(notes->position, last, sizeof last);
            *has_changed = true;
        }
        is_all = !status && changes.count < CHANGES_AT_ONCE;
        arena_release(&arena);
    }
    return status;
}

enum status build_notes_follow(struct build_notes *notes, struct job_store *store, const struct whole_matrix *matrix,
                               bool *has_changed, struct error *err) {
    *has_changed = false;
    enum status status = *notes->position ? read_changes(notes, store, has_changed, err) : STATUS_STALE;
    if (status != STATUS_STALE) return status;
    *has_changed = true;
    return read_all(notes, store, matrix, err);
}

/* ---- Cells ---- */

static void apply(const struct version_notes *version, struct whole_matrix *matrix, size_t row) {
    for (size_t i = 0; i < version->count; i++) {
        size_t compiler = whole_matrix_compiler(matrix, version->items[i].compiler);
        if (compiler == matrix->compiler_count) continue;
        unsigned char *cell = &matrix->cells[row * matrix->compiler_count + compiler];
        if (*cell != CELL_SUCCEEDED) *cell = (unsigned char)version->items[i].state;
    }
}

void build_notes_apply(const struct build_notes *notes, struct whole_matrix *matrix) {
    for (size_t i = 0; i < matrix->package_count; i++)
        for (size_t j = 0; j < matrix->packages[i].row_count; j++) {
            char version[VERSION_TEXT_MAX];
            size_t row = matrix->packages[i].first_row + j;
            version_print(matrix->versions[row], version);
            const struct version_notes *of_version = find_version(notes, matrix->packages[i].name, version);
            if (of_version) apply(of_version, matrix, row);
        }
}
