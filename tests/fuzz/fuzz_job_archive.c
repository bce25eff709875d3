/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as the document of an archived job, gzipping it first if it is not gzipped. A finished job that can be read
 * must be the same after it is written and read again.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/arena.h"
#include "lib/base/folder.h"
#include "lib/store/job/job_archive.h"
#include "lib/tools/archive/gzip.h"
#include "tests/fuzz/fuzz.h"

static const char id[] = "3f2c0d4e-0000-4000-8000-000000000000";
static const struct log_query all_lines = {.level = LOG_DEBUG, .limit = SIZE_MAX, .only_stored = true};
static char folder[] = "/tmp/registry-fuzz-XXXXXX";
static struct text path;

static void remove_folder(void) {
    folder_remove(folder);
    text_release(&path);
}

static void prepare(void) {
    if (!mkdtemp(folder) || atexit(remove_folder)) abort();
    text_append_format(&path, "%s/_jobs/3f", folder);
    enum status status = folder_make(path.bytes, NULL);
    assert(status == STATUS_OK);
    text_append_format(&path, "/%s.json.gz", id);
}

static void write_document(const void *bytes, size_t length) {
    FILE *file = fopen(path.bytes, "we");
    if (!file || fwrite(bytes, 1, length, file) != length || fclose(file)) abort();
}

static void write_and_read_again(const struct job *job, const struct log_lines *lines, struct arena *arena) {
    struct job again;
    struct log_lines lines_again;
    struct archive_writer writer;
    enum status status = job_archive_begin(&writer, folder, job, NULL);
    assert(status == STATUS_OK);
    status = job_archive_add(&writer, lines, NULL);
    assert(status == STATUS_OK);
    status = archive_writer_end(&writer, NULL);
    assert(status == STATUS_OK);
    archive_writer_release(&writer);
    status = job_archive_read(folder, id, &all_lines, arena, &again, &lines_again, NULL);
    assert(status == STATUS_OK && lines_again.count == lines->count);
    assert(again.kind == job->kind && again.state == job->state && again.created_ms == job->created_ms);
    assert(text_equal(again.payload, job->payload) && text_equal(again.error, job->error));
    assert(text_equal(again.result, job->result) && text_equal(again.verdict, job->verdict));
    for (size_t i = 0; i < lines->count; i++)
        assert(text_equal(lines->lines[i].message, lines_again.lines[i].message));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    if (path.length == 0) prepare();
    struct arena arena = {0};
    struct text packed = {0};
    struct job job;
    struct log_lines lines;
    bool is_packed = length >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B;
    if (!is_packed) gzip_pack(&packed, bytes, length);
    write_document(is_packed ? (const void *)bytes : packed.bytes, is_packed ? length : packed.length);
    if (!job_archive_read(folder, id, &all_lines, &arena, &job, &lines, NULL) && job_state_is_finished(job.state))
        write_and_read_again(&job, &lines, &arena);
    text_release(&packed);
    arena_release(&arena);
    return 0;
}
