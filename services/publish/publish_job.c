/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Runs one publish job: the table of its steps (lib/service/job/job_steps.h), and the consequences of its outcome.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/folder.h"
#include "lib/base/json.h"
#include "lib/base/text.h"
#include "lib/domain/job/job_event.h"
#include "lib/service/job/job_steps.h"
#include "services/publish/publication.h"

static bool is_new(const void *context) {
    return ((const struct publication *)context)->record.finishing == FINISHING_NOTHING;
}

static bool lacks_index(const void *context) {
    return ((const struct publication *)context)->record.finishing <= FINISHING_INDEX;
}

static const struct job_step steps[] = {
    {"metadata", .begin = publication_check_metadata},
    {"fetch", .begin = publication_fetch_source},
    {"manifest", .begin = publication_read_manifest},
    {"license", .begin = publication_check_license},
    {"check", .begin = publication_check_is_new},
    {"solve", .begin = publication_solve},
    {"modules", .begin = publication_check_modules, .is_needed = is_new},
    {"pack", .begin = publication_pack, .is_needed = is_new},
    {"install", .begin = publication_install, .is_needed = is_new},
    {"graph", .begin = publication_check_dependencies, .is_needed = is_new},
    {"compile", .begin = publication_compile, .is_needed = is_new},
    {"detector", .begin = publication_await_license},
    {"record", .begin = publication_keep_record},
    {"resume", .resume = publication_resume},
    {"commit", .write = publication_write, .is_needed = lacks_index,
     .left_out = {"the tarball is not stored", "the metadata is not committed", "the manifest is not committed to the index"}},
    {"documentation", .write = publication_document},
    {0},
};

static void append_timings(void *context, struct text *line) {
    const struct publication *p = context;
    text_append_format(line, "; %sthe compiler ran for %lld ms", p->detector_time ? p->detector_time : "",
                       (long long)p->compiler_ms);
}

/* The event for build-matrix, which plans other compilers and dependants (lib/domain/README.md, Publish, step 12). */
static const char *make_event(const struct publication *p) {
    const struct job_event event = {.kind = JOB_EVENT_PUBLISHED,
                                    .package = p->request.name,
                                    .version = p->request.version,
                                    .compiler = p->record.compiler,
                                    .registry_commit = *p->registry_commit ? p->registry_commit : NULL,
                                    .index_commit = *p->index_commit ? p->index_commit : NULL};
    return job_event_print(&event, p->arena);
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
    return error_set(err, STATUS_INTERNAL, "Cannot create the folder %s: %s.", p->work_folder, strerror(errno));
}

/* True if the job may run again and then needs the tarball backup, to upload the same bytes (the consequence of each status is
 * in lib/service/job/job_runner.h). */
static bool may_be_run_again(enum status status) {
    return status_is_temporary(status) || status == STATUS_INTERNAL || status == STATUS_STALE || status == STATUS_CANCELLED;
}

enum status publish_job_run(void *context, struct job_run *run, struct error *err) {
    struct publication p = {.service = context, .run = run, .arena = &run->arena};
    enum status status = read_request(&p, err);
    if (!status) status = make_work_folder(&p, err);
    const struct job_steps table = {.table = steps, .context = &p, .append_timings = append_timings};
    if (!status) status = job_steps_carry_out(&table, run, err);
    if (!status) {
        if (!run->is_readonly)
            run->end.ending = p.record.finishing == FINISHING_NOTHING ? JOB_ENDING_PUBLISHED : JOB_ENDING_ALREADY_PUBLISHED;
        if (!run->is_readonly && p.record.finishing != FINISHING_DOCUMENTATION) run->end.event = make_event(&p);
        job_run_log(run, LOG_NOTICE,
                    run->is_readonly                          ? "%s@%s would be published now, but this server is read-only."
                    : p.record.finishing != FINISHING_NOTHING ? "%s@%s is finished."
                                                              : "Published %s@%s.",
                    p.request.name, p.version);
    }
    publication_drop_license(&p);
    run->end.documentation = p.documentation;
    if (p.tarball_backup && !(run->has_record && may_be_run_again(status))) unlink(p.tarball_backup);
    package_cache_let_go(p.service->packages, &p.packages);
    text_release(&p.tarball);
    return status;
}
