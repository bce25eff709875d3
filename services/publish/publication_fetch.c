/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Step 2 of lib/domain/README.md, Publish: fetches the source. A failure is handled by its cause:
 *
 *   requester's fault  no such repository, ref or folder, or its content is refused: the job fails at once
 *   host's fault       unreachable, unavailable, silent, connection lost: retried with backoff, with a WARN line each, up to
 *                      SOURCE_TRIES within SOURCE_TIMEOUT_MS; then the job fails with "try again later". Nothing has been
 *                      written by then, so the same request may be posted again
 *   ours               a drain, a lost lease: another runner starts the job over
 */
#include "lib/base/clock.h"
#include "lib/base/folder.h"
#include "services/publish/publication.h"

/* Sleeps. Returns false if the job must stop, or at once if `end_ms` (monotonic) would be reached. */
static bool pause_ms(struct publication *p, int64_t length_ms, int64_t end_ms) {
    if (clock_monotonic_ms() + length_ms >= end_ms) return false;
    return deadline_pause(&p->run->deadline, length_ms, NULL) == STATUS_OK;
}

/* Fetches, with retries after temporary failures until SOURCE_TRIES or SOURCE_TIMEOUT_MS is exhausted. */
static enum status fetch_with_tries(struct publication *p, const struct source_request *request, struct source_limits *limits,
                                    struct error *err) {
    const struct settings *settings = &p->service->settings;
    int64_t end_ms = clock_monotonic_ms() + settings->source_timeout_ms, wait_ms = settings->source_retry_ms;
    int64_t tries = 1;
    enum status status;
    for (;; tries++, wait_ms *= 2) {
        limits->timeout_ms = end_ms - clock_monotonic_ms();
        status = source_fetch(&p->source, request, limits, &p->run->deadline, p->arena, err);
        if (!status_is_temporary(status) || tries == settings->source_tries) break;
        folder_remove(request->work_folder);
        job_run_log(p->run, LOG_WARN, "%s This may be temporary; retrying in %.1f s (attempt %lld of %lld).", err->message,
                    (double)wait_ms / 1000, (long long)tries + 1, (long long)settings->source_tries);
        if (!pause_ms(p, wait_ms, end_ms)) break;
    }
    if (!status_is_temporary(status)) return status;
    return error_set(err, status, "%s This may be temporary: try again later. (Tried %lld time%s.)", err->message,
                     (long long)tries, tries == 1 ? "" : "s");
}

enum status publication_fetch_source(void *context, struct error *err) {
    struct publication *p = context;
    const struct settings *settings = &p->service->settings;
    const struct location *location = &p->location;
    struct source_request request = {.ref = p->request.ref,
                                     .subdir = location->subdir,
                                     .known_commit = p->run->job.commit,
                                     .work_folder = arena_format(p->arena, "%s/source", p->work_folder)};
    request.url = location->kind == LOCATION_GITHUB
                      ? source_github_url(p->arena, settings->github_git_url, location->github_owner, location->github_repo)
                      : location->git_url;
    struct source_limits limits = {.authorities = settings->git_ca_file,
                                   .allow_private = settings->source_allow_private,
                                   .bytes = settings->source_limit_bytes,
                                   .files = settings->source_limit_files,
                                   .silence_ms = settings->source_silence_ms,
                                   .memory_bytes = settings->source_limit_memory_bytes,
                                   .user = p->service->sandbox.changes_user ? settings->compiler_user : NULL};
    enum status status = fetch_with_tries(p, &request, &limits, err);
    if (!status) status = job_run_keep_commit(p->run, p->source.commit, err);
    if (!status) job_run_log(p->run, LOG_INFO, "Fetched %s, which is commit %s.", p->request.ref, p->source.commit);
    return status;
}
