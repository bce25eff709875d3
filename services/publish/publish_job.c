/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Runs one publish job: its steps in order, each timed. A run that finds the record of an earlier run resumes from there:
 * nothing is written outside before the record is stored, and every later step can be repeated.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fault.h"
#include "lib/base/folder.h"
#include "lib/base/json.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/service/job_timings.h"
#include "services/publish/publication.h"

struct step {
    const char *name; /* in the timings */
    enum status (*run)(struct publication *p, struct error *err);
    enum publish_finishing up_to; /* skipped if `record.finishing` is greater */
};

static const struct step first_run[] = {
    {"metadata", publication_check_metadata, FINISHING_DOCUMENTATION},
    {"fetch", publication_fetch_source, FINISHING_DOCUMENTATION},
    {"manifest", publication_read_manifest, FINISHING_DOCUMENTATION},
    {"licence", publication_check_licence, FINISHING_DOCUMENTATION},
    {"check", publication_check_is_new, FINISHING_DOCUMENTATION},
    {"solve", publication_solve, FINISHING_DOCUMENTATION},
    {"modules", publication_check_modules, FINISHING_NOTHING},
    {"pack", publication_pack, FINISHING_NOTHING},
    {"install", publication_install, FINISHING_NOTHING},
    {"graph", publication_check_dependencies, FINISHING_NOTHING},
    {"compile", publication_compile, FINISHING_NOTHING},
    {"detector", publication_await_licence, FINISHING_DOCUMENTATION},
    {"record", publication_keep_record, FINISHING_DOCUMENTATION},
    {"commit", publication_write, FINISHING_INDEX},
    {"documentation", publication_document, FINISHING_DOCUMENTATION},
    {0},
};

static const struct step resumed_run[] = {
    {"resume", publication_resume, FINISHING_DOCUMENTATION},
    {"commit", publication_write, FINISHING_INDEX},
    {"documentation", publication_document, FINISHING_DOCUMENTATION},
    {0},
};

static enum status run_steps(struct publication *p, const struct step *steps, struct error *err) {
    enum status status = STATUS_OK;
    struct job_timings timings = {0};
    for (const struct step *step = steps; step->name && !status; step++) {
        if (p->record.finishing > step->up_to) continue;
        int64_t start_us = clock_monotonic_us();
        status = deadline_check(&p->run->deadline, err);
        if (!status) status = step->run(p, err);
        if (!status) fault_point(step->name);
        job_timings_add(&timings, step->name, start_us);
    }
    job_timings_log(&timings, p->run,
                    arena_format(p->arena, "; %sthe compiler ran for %lld ms.", p->detector_time ? p->detector_time : "",
                                 (long long)p->compiler_ms));
    return status;
}

/* The event for build-matrix, which plans other compilers and dependants (lib/domain/README.md, Publish, step 12). */
static const char *make_event(struct publication *p) {
    char compiler[VERSION_TEXT_MAX];
    version_print(p->record.compiler, compiler);
    struct text text = {0};
    struct json_writer writer = {.out = &text};
    json_writer_open(&writer, '{');
    json_writer_text_field(&writer, "event", "published");
    json_writer_text_field(&writer, "name", p->request.name);
    json_writer_text_field(&writer, "version", p->version);
    json_writer_text_field(&writer, "compiler", compiler);
    json_writer_text_field(&writer, "registryCommit", *p->registry_commit ? p->registry_commit : NULL);
    json_writer_text_field(&writer, "indexCommit", *p->index_commit ? p->index_commit : NULL);
    json_writer_close(&writer, '}');
    const char *event = arena_copy(p->arena, text_view(&text));
    text_release(&text);
    return event;
}

static enum status read_request(struct publication *p, struct error *err) {
    json_t *body = NULL;
    const char *payload = p->run->job.payload;
    enum status status = json_read(&body, payload, strlen(payload), "The job's payload", err);
    if (!status) status = publish_request_read(&p->request, body, p->arena, err);
    json_decref(body);
    if (status) return status;
    char version[VERSION_TEXT_MAX];
    version_print(p->request.version, version);
    p->version = arena_copy(p->arena, version);
    p->folder_name = arena_format(p->arena, "%s-%s", p->request.name, version);
    return STATUS_OK;
}

static enum status make_work_folder(struct publication *p, struct error *err) {
    const char *base = p->service->settings.work_dir;
    p->tarball_backup = arena_format(p->arena, "%s/tarballs/%s.tar.gz", base, p->run->job.id);
    p->work_folder = arena_format(p->arena, "%s/runs/%s-%lld", base, p->run->job.id, (long long)p->run->lease.fence);
    p->run->work_folder = p->work_folder;
    if (mkdir(p->work_folder, 0755) == 0) return STATUS_OK;
    return error_set(err, STATUS_INTERNAL, "cannot create the folder %s: %s", p->work_folder, strerror(errno));
}

/* True if the job may run again and then needs the tarball backup, to upload the same bytes (the consequence of each status is
 * in lib/service/job_runner.h). */
static bool may_be_run_again(enum status status) {
    return status_is_temporary(status) || status == STATUS_INTERNAL || status == STATUS_STALE || status == STATUS_CANCELLED;
}

enum status publish_job_run(void *context, struct job_run *run, struct error *err) {
    struct publication p = {.service = context, .run = run, .arena = &run->arena};
    enum status status = read_request(&p, err);
    if (!status) status = make_work_folder(&p, err);
    if (!status) status = run_steps(&p, run->job.record ? resumed_run : first_run, err);
    if (!status) {
        bool is_readonly = p.service->settings.readonly;
        run->end.readonly = is_readonly;
        if (!is_readonly)
            run->end.ending = p.record.finishing == FINISHING_NOTHING ? JOB_ENDING_PUBLISHED : JOB_ENDING_ALREADY_PUBLISHED;
        if (!is_readonly && p.record.finishing != FINISHING_DOCUMENTATION) run->end.event = make_event(&p);
        job_run_log(run, LOG_NOTICE,
                    is_readonly                               ? "%s@%s would be published now, but this server is read-only."
                    : p.record.finishing != FINISHING_NOTHING ? "%s@%s is finished."
                                                              : "Published %s@%s.",
                    p.request.name, p.version);
    }
    publication_drop_licence(&p);
    run->end.documentation = p.documentation;
    if (p.tarball_backup && !(run->has_record && may_be_run_again(status))) unlink(p.tarball_backup);
    package_cache_let_go(p.service->packages, &p.packages);
    text_release(&p.tarball);
    return status;
}
