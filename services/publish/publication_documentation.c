/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Step 11 of lib/domain/README.md, Publish: the documentation, made by `purs publish` and sent to Pursuit. It is the last step,
 * and a failure is only logged at NOTICE: sending the same request again starts a job that retries the documentation (step 5).
 * Only such a job, which has nothing else to do, fails with it.
 *
 * The compiler requires a git checkout. It is made from the tarball, so that the documentation matches the published files and
 * a resumed run does not fetch the source again:
 *
 *   WORK_FOLDER/documentation/NAME-VERSION/    the tarball's files, in one commit with the tag vVERSION
 *       .registry/NAME-VERSION/                each package of the plan
 *       .registry/resolutions.json             their versions and folders
 *       output/                                the compiler's output
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/folder.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"
#include "lib/tools/archive/archive.h"
#include "lib/tools/git/git_snapshot.h"
#include "lib/tools/http/pursuit.h"
#include "services/publish/publication.h"

#define RESOLUTIONS PUBLICATION_PACKAGES_FOLDER "/resolutions.json"

/* From the current settings. The timeout of a request is at most 3/4 of the lease, so that the lease outlasts it. */
static struct pursuit find_pursuit(const struct publication *p) {
    const struct settings *settings = &p->service->settings;
    int64_t lease_part_ms = p->run->lease_ms * 3 / 4, timeout_ms = settings->pursuit_timeout_ms;
    return (struct pursuit){.base_url = settings->pursuit_api_url,
                            .token = settings->pacchettibotti_token,
                            .timeout_ms = (int)(timeout_ms < lease_part_ms ? timeout_ms : lease_part_ms)};
}

static const char *page(const struct publication *p) {
    struct text address = {0};
    pursuit_append_page(&address, p->service->settings.pursuit_api_url, p->request.name, p->version);
    const char *copy = arena_copy(p->arena, text_view(&address));
    text_release(&address);
    return copy;
}

/* ---- Whether documentation is missing ---- */

enum status publication_look_for_documentation(struct publication *p, bool *is_missing, struct error *err) {
    struct pursuit pursuit = find_pursuit(p);
    bool is_there = false;
    *is_missing = false;
    if (!pursuit.token || (p->request.has_compiler && !compiler_can_publish(p->request.compiler))) return STATUS_OK;
    enum status status = pursuit_has_version(&is_there, &pursuit, p->request.name, p->version, &p->run->deadline, err);
    *is_missing = !status && !is_there;
    if (!status || deadline_check(&p->run->deadline, NULL)) return status;
    return error_set(err, status,
                     "%s@%s is already published, but whether its documentation is, too, could not be learned from Pursuit: %s "
                     "Please try again later.",
                     p->request.name, p->version, err->message);
}

/* True if no documentation must be sent; logs the reason. */
static bool is_left_out(const struct publication *p) {
    char compiler[VERSION_TEXT_MAX];
    version_print(p->plan.compiler, compiler);
    if (!p->service->settings.pacchettibotti_token)
        job_run_log(p->run, LOG_INFO, "No documentation is sent to Pursuit: this server has no token for it.");
    else if (!compiler_can_publish(p->plan.compiler))
        job_run_log(
            p->run, LOG_NOTICE,
            "No documentation is sent to Pursuit: it needs compiler 0.14.7 or later, but this package was built with %s.",
            compiler);
    else if (p->service->settings.readonly)
        job_run_log(p->run, LOG_WARN, "Read-only: the documentation is not sent to Pursuit.");
    else
        return false;
    return true;
}

/* ---- Making it ---- */

static enum status unpack_tarball(struct publication *p, const char *folder, struct error *err) {
    enum status status = STATUS_OK;
    if (p->tarball.length == 0) /* stored by an earlier run or job */
        status = tarball_store_read(p->service->tarballs, p->request.name, p->version, p->record.hash, p->record.size_bytes,
                                    &p->tarball, &p->run->deadline, err);
    if (!status)
        status = archive_unpack(p->tarball.bytes, p->tarball.length, folder, p->folder_name, &archive_package_limits, err);
    return status;
}

/* Moves the packages of the plan here from this run's build folder, or installs them if this run did not build. */
static enum status bring_packages(struct publication *p, const char *folder, struct error *err) {
    const char *built = arena_format(p->arena, "%s/build/" PUBLICATION_PACKAGES_FOLDER, p->work_folder);
    const char *here = arena_format(p->arena, "%s/" PUBLICATION_PACKAGES_FOLDER, folder);
    if (rename(built, here) == 0) return STATUS_OK;
    if (errno != ENOENT) return error_set(err, STATUS_INTERNAL, "The folder %s cannot be moved: %s.", built, strerror(errno));
    return publication_install_plan(p, here, err);
}

/* {"purescript-NAME": {"version": VERSION, "path": FOLDER}} */
static enum status write_resolutions(struct publication *p, const char *folder, struct error *err) {
    struct text json = {0};
    struct json_writer writer = {.out = &json};
    json_writer_open(&writer, '{');
    for (size_t i = 0; i < p->plan.packages.count; i++) {
        const struct package_version *package = &p->plan.packages.items[i];
        char version[VERSION_TEXT_MAX];
        version_print(package->version, version);
        json_writer_key(&writer, arena_format(p->arena, "purescript-%s", package->name));
        json_writer_open(&writer, '{');
        json_writer_text_field(&writer, "version", version);
        json_writer_text_field(&writer, "path",
                               arena_format(p->arena, PUBLICATION_PACKAGES_FOLDER "/%s-%s", package->name, version));
        json_writer_close(&writer, '}');
    }
    json_writer_close(&writer, '}');
    enum status status = file_write(arena_format(p->arena, "%s/" RESOLUTIONS, folder), json.bytes, json.length, err);
    text_release(&json);
    return status;
}

/* Makes the checkout in `folder`. Git ignores the files that are added after the commit (`excluded`). */
static enum status make_checkout(struct publication *p, const char *parent, const char *folder, struct error *err) {
    static const char *const excluded[] = {"/" PUBLICATION_PACKAGES_FOLDER "/", "/output/", NULL};
    int64_t committed_ms = p->record.committed_ms > 0 ? p->record.committed_ms : p->record.published_ms;
    enum status status = folder_make(parent, err);
    if (!status) status = unpack_tarball(p, parent, err);
    if (!status) status = git_snapshot_make(folder, arena_format(p->arena, "v%s", p->version), committed_ms, excluded, err);
    if (!status) status = bring_packages(p, folder, err);
    if (!status) status = write_resolutions(p, folder, err);
    if (!status) status = sandbox_make_folder(&p->service->sandbox, arena_format(p->arena, "%s/output", folder), err);
    return status;
}

static enum status make_documentation(struct publication *p, struct text *json, struct error *err) {
    const struct compiler *compiler = compilers_get(&p->service->compilers, p->plan.compiler);
    const char *parent = arena_format(p->arena, "%s/documentation", p->work_folder);
    const char *folder = arena_format(p->arena, "%s/%s", parent, p->folder_name);
    if (!compiler) return error_set(err, STATUS_UNAVAILABLE, "The compiler with which it was built is no longer installed.");
    const struct compiler_request request = {.compiler = compiler,
                                             .sandbox = &p->service->sandbox,
                                             .folder = folder,
                                             .readable = publication_readable(p),
                                             .deadline = &p->run->deadline};
    enum status status = make_checkout(p, parent, folder, err);
    return status ? status : compiler_publish(json, p->arena, &request, RESOLUTIONS, err);
}

/* ---- Sending it ---- */

static enum status send_documentation(struct publication *p, struct error *err) {
    struct pursuit pursuit = find_pursuit(p);
    struct text json = {0};
    bool is_there = false;
    enum status status = pursuit_has_version(&is_there, &pursuit, p->request.name, p->version, &p->run->deadline, err);
    if (!status && is_there) job_run_log(p->run, LOG_INFO, "The documentation is already on Pursuit: %s", page(p));
    if (status || is_there) return status;
    status = make_documentation(p, &json, err);
    if (!status) status = job_run_guard(p->run, pursuit.timeout_ms, err);
    if (!status) status = pursuit_upload(&pursuit, text_view(&json), json.length, &p->run->deadline, err);
    if (!status) job_run_log(p->run, LOG_INFO, "The documentation is on Pursuit: %s", page(p));
    text_release(&json);
    return status;
}

/* True if the run was cancelled or its lease was lost, as opposed to a failure of the documentation. */
static bool is_stopped(struct publication *p, enum status status) {
    enum status why = deadline_check(&p->run->deadline, NULL);
    return status == STATUS_STALE || why == STATUS_STALE || why == STATUS_CANCELLED;
}

enum status publication_document(void *context, struct error *err) {
    struct publication *p = context;
    p->documentation = "skipped";
    if (is_left_out(p)) return STATUS_OK;
    enum status status = send_documentation(p, err);
    if (status && is_stopped(p, status)) return status;
    p->documentation = status ? "failed" : "published";
    if (!status) return STATUS_OK;
    if (p->record.finishing == FINISHING_DOCUMENTATION) /* not retried automatically, whatever the reason */
        return error_set(err, STATUS_REFUSED, "%s@%s is published, but its documentation could not be sent to Pursuit%s: %s",
                         p->request.name, p->version, status_is_temporary(status) ? " (please try again later)" : "",
                         err->message);
    /* A refusal would only be repeated, so no retry is suggested. */
    job_run_log(p->run, LOG_NOTICE, "%s@%s is published, but its documentation could not be sent to Pursuit.%s %s",
                p->request.name, p->version, status == STATUS_REFUSED ? "" : " Send the same request again to retry.",
                err->message);
    return STATUS_OK;
}
