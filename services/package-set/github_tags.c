/* SPDX-License-Identifier: BSD-3-Clause
 *
 * New tags of a package's repository become publications (lib/domain/registry/new_tags.h). A page that is unchanged since the last
 * look has no new tags. The ETags of the others are kept only after their tags have become jobs.
 */
#include <inttypes.h>
#include <string.h>

#include "lib/base/array.h"
#include "lib/base/fault.h"
#include "lib/base/text.h"
#include "lib/store/redis/github_store.h"
#include "services/package-set/github_look.h"

/* GitHub is asked about so many commits in one look, so that one repository cannot use up the rate limit. */
enum { COMMITS_MAX = 100 };

/* The pages of a repository's tags that have changed. */
struct tag_pages {
    struct {
        struct repository_tag *items;
        size_t count, capacity;
    } tags;
    struct changed_page {
        const char *question;
        struct kept_etag etag;
    } * changed;
    size_t changed_count;
};

/* ---- Reading ---- */

static enum status cannot_look(const struct github_worker *worker, enum github_found found, struct error *err) {
    const struct github_repository *repository = &worker->question.repository;
    if (found == GITHUB_MOVED)
        return error_set(err, STATUS_NOT_FOUND,
                         "The repository %s/%s has moved; its tags are looked at once the package has followed it.",
                         repository->owner, repository->name);
    return error_set(err, STATUS_NOT_FOUND, "There is no public repository %s/%s at GitHub.", repository->owner,
                     repository->name);
}

static enum status read_page(struct github_worker *worker, int page, struct tag_pages *out, bool *has_next, struct error *err) {
    struct github_question question = worker->question;
    struct kept_etag kept;
    struct github_tags tags;
    const char *key = arena_format(&worker->arena, "%s: tags of %s/%s, %d", worker->package, question.repository.owner,
                                   question.repository.name, page);
    enum status status = kept_etag_read(worker->store, key, &kept, err);
    if (*kept.etag) question.etag = kept.etag;
    if (!status) status = github_read_tags(worker->repos, &question, page, &worker->arena, &tags, err);
    if (status) return status;
    *has_next = tags.found == GITHUB_UNCHANGED ? kept.has_next : tags.has_next;
    if (tags.found == GITHUB_UNCHANGED) return STATUS_OK;
    if (tags.found != GITHUB_FOUND) return cannot_look(worker, tags.found, err);
    for (size_t i = 0; i < tags.count; i++)
        *array_add_in(&worker->arena, &out->tags) = tags.tags[i];
    /* The last page would be unchanged by a tag on a new one, if it is full. */
    if (!tags.has_next && tags.count >= GITHUB_TAGS_PER_PAGE) return STATUS_OK;
    struct changed_page *changed = &out->changed[out->changed_count++];
    changed->question = key;
    changed->etag.has_next = tags.has_next;
    memcpy(changed->etag.etag, tags.etag, sizeof tags.etag);
    return STATUS_OK;
}

static enum status read_pages(struct github_worker *worker, struct tag_pages *out, struct error *err) {
    bool has_next = true;
    enum status status = STATUS_OK;
    *out = (struct tag_pages){.changed = arena_alloc(&worker->arena, GITHUB_TAG_PAGES_MAX * sizeof *out->changed)};
    for (int page = 1; page <= GITHUB_TAG_PAGES_MAX && has_next && !status; page++)
        status = read_page(worker, page, out, &has_next, err);
    return status;
}

/* ---- Publishing ---- */

/* Sets *time_ms, 0 for a commit that is not there; counts the commits that GitHub is asked about. */
static enum status find_time(struct github_worker *worker, const char *commit, size_t *asked, int64_t *time_ms,
                             struct error *err) {
    enum github_found found;
    enum status status = kept_commit_time_read(worker->store, commit, time_ms, err);
    if (status || *time_ms > 0) return status;
    ++*asked;
    status = github_read_commit_time(worker->repos, &worker->question, commit, &found, time_ms, err);
    if (status || found != GITHUB_FOUND) return status;
    return kept_commit_time_write(worker->store, commit, *time_ms, err);
}

static enum status publish(struct github_worker *worker, const struct new_tag *tag, struct error *err) {
    struct publish_request publish;
    struct text payload = {0};
    char version[VERSION_TEXT_MAX], key[SHA256_HEX_MAX];
    new_tag_request(&publish, worker->package, &worker->metadata.location, tag);
    version_print(tag->version, version);
    publish_request_append_json(&payload, &publish);
    publish_request_duplicate_key(&publish, key);
    struct job_request request = {.kind = JOB_KIND_PUBLISH,
                                  .payload = payload.bytes,
                                  .package = worker->package,
                                  .version = version,
                                  .actor = "anonymous",
                                  .duplicate_key = key};
    new_tag_job_id(worker->package, tag, request.id);
    enum status status = github_worker_make_job(worker, &request, err);
    text_release(&payload);
    if (!status) fault_point("tag-accepted");
    return status;
}

static enum status publish_new(struct github_worker *worker, const struct tag_pages *pages, struct error *err) {
    struct new_tag *tags;
    size_t asked = 0, count = new_tags_find(&tags, pages->tags.items, pages->tags.count, &worker->metadata, &worker->arena);
    int64_t since_ms = new_tags_since_ms(worker->begun_ms, worker->last_ms);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && !status; i++) {
        int64_t time_ms = 0;
        if (asked == COMMITS_MAX)
            return error_set(err, STATUS_NOT_FOUND,
                             "It has more than %d unpublished tags that are new; the next round goes on with the others.",
                             COMMITS_MAX);
        status = find_time(worker, tags[i].tag->commit, &asked, &time_ms, err);
        if (!status && time_ms >= since_ms) status = publish(worker, &tags[i], err);
    }
    return status;
}

static enum status keep_etags(struct github_worker *worker, const struct tag_pages *pages, struct error *err) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < pages->changed_count && !status; i++)
        if (*pages->changed[i].etag.etag)
            status = kept_etag_write(worker->store, pages->changed[i].question, &pages->changed[i].etag, err);
    return status;
}

static enum status look_for_tags(struct github_worker *worker, struct error *err) {
    struct tag_pages pages;
    enum status status = read_pages(worker, &pages, err);
    if (!status) status = publish_new(worker, &pages, err);
    return status ? status : keep_etags(worker, &pages, err);
}

const struct github_look_kind github_look_for_tags = {"new-tags", new_tags_are_of, look_for_tags};
