/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Installs the packages of the plan and the package itself into the compiler's working folder (its layout is in
 * publication_build.c). If a version of the plan is unpublished meanwhile, the plan is solved again; if no plan is left, the
 * refusal names the versions that were unpublished.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/folder.h"
#include "lib/base/text.h"
#include "lib/tools/archive/archive.h"
#include "services/publish/publication.h"

enum { PLANS_MAX = 5 };

/* Hash and size of a package's tarball from the metadata; the hash is copied. STATUS_NOT_FOUND: it is not published. */
static enum status find_tarball(struct publication *p, const struct package_version *package, const char **hash,
                                int64_t *size_bytes, struct error *err) {
    const struct manifest_index *index = registry_view_lock(p->service->repositories.view);
    const struct metadata *metadata = manifest_index_find_metadata(index, package->name);
    const struct published_version *published = metadata ? metadata_find_published(metadata, package->version) : NULL;
    if (published) {
        *hash = arena_copy(p->arena, published->hash);
        *size_bytes = published->size_bytes;
    }
    registry_view_unlock(p->service->repositories.view);
    if (published) return STATUS_OK;
    return error_set(err, STATUS_NOT_FOUND, "%s, which the build needs, is no longer published.", package->name);
}

/* Finds the package's folder in the cache, or downloads and unpacks it; it is held until the end of the run. */
static enum status unpack_package(struct publication *p, const struct package_version *package, const char *version,
                                  const char *top, const char **folder, struct error *err) {
    const char *hash = NULL;
    int64_t size_bytes = 0;
    struct text tarball = {0};
    struct package_cache *packages = p->service->packages;
    enum status status = find_tarball(p, package, &hash, &size_bytes, err);
    if (status) return status;
    *folder = package_cache_find(packages, hash, top, &p->packages);
    if (*folder) return STATUS_OK;
    status =
        tarball_store_read(p->service->tarballs, package->name, version, hash, size_bytes, &tarball, &p->run->deadline, err);
    if (!status) status = package_cache_add(packages, hash, top, tarball.bytes, tarball.length, &p->packages, folder, err);
    text_release(&tarball);
    return status;
}

/* Links the cached package into the folder `packages`. */
static enum status install_package(struct publication *p, const struct package_version *package, const char *packages,
                                   struct error *err) {
    char version[VERSION_TEXT_MAX];
    version_print(package->version, version);
    const char *folder = NULL, *top = arena_format(p->arena, "%s-%s", package->name, version);
    enum status status = unpack_package(p, package, version, top, &folder, err);
    if (status) return status;
    const char *link = arena_format(p->arena, "%s/%s", packages, top);
    if (symlink(folder, link) == 0) return STATUS_OK;
    return error_set(err, STATUS_INTERNAL, "Cannot link %s to %s: %s.", link, folder, strerror(errno));
}

enum status publication_install_plan(struct publication *p, const char *folder, struct error *err) {
    if (mkdir(folder, 0755) != 0)
        return error_set(err, STATUS_INTERNAL, "Cannot create the folder %s: %s.", folder, strerror(errno));
    enum status status = STATUS_OK;
    for (size_t i = 0; !status && i < p->plan.packages.count; i++)
        status = install_package(p, &p->plan.packages.items[i], folder, err);
    return status;
}

/* ---- Dependencies unpublished meanwhile ---- */

const char *publication_lost_dependencies(const struct publication *p) {
    struct text lost = {0};
    const struct manifest_index *index = registry_view_lock(p->service->repositories.view);
    for (size_t i = 0; i < p->plan.packages.count; i++) {
        const struct package_version *package = &p->plan.packages.items[i];
        char version[VERSION_TEXT_MAX];
        const struct metadata *metadata = manifest_index_find_metadata(index, package->name);
        if (metadata && metadata_find_published(metadata, package->version) &&
            manifest_index_find(index, package->name, package->version))
            continue;
        version_print(package->version, version);
        text_append_format(&lost, "%s%s@%s", lost.length ? ", " : "", package->name, version);
    }
    registry_view_unlock(p->service->repositories.view);
    const char *copy = arena_copy(p->arena, text_view(&lost));
    text_release(&lost);
    return copy;
}

/* After STATUS_NOT_FOUND in `err`: solves again if a version of the plan was unpublished. Otherwise a tarball that the metadata
 * lists is missing in storage: STATUS_UNAVAILABLE, TROUBLE_STORAGE. */
static enum status plan_again(struct publication *p, struct error *err) {
    struct version compiler = p->plan.compiler;
    const char *missing = arena_copy(p->arena, err->message);
    enum status status = registry_view_refresh(p->service->repositories.view, &p->run->deadline, err);
    if (status) return status;
    const char *lost = publication_lost_dependencies(p);
    if (!*lost) {
        error_set(err, STATUS_UNAVAILABLE, "%s The metadata lists it, so an operator must restore it.", missing);
        return error_mark(err, STATUS_UNAVAILABLE, TROUBLE_STORAGE);
    }
    job_run_log(p->run, LOG_WARN, "Planning again because of versions that were unpublished: %s.", lost);
    status = publication_solve(p, err);
    if (status == STATUS_REFUSED) return publication_blame_unpublishing(p, lost, err);
    bool has_other_compiler = !status && !version_equal(compiler, p->plan.compiler);
    return has_other_compiler ? publication_check_modules(p, err) : status;
}

enum status publication_blame_unpublishing(const struct publication *p, const char *lost, struct error *err) {
    const char *why = arena_copy(p->arena, err->message), *path = arena_copy(p->arena, err->path);
    return error_set_at(err, err->status, path, "%s\nUnpublished while the publication was running: %s.", why, lost);
}

/* ---- Installing ---- */

static enum status install(struct publication *p, struct error *err) {
    const char *build = publication_build_folder(p);
    const char *packages = arena_format(p->arena, "%s/" PUBLICATION_PACKAGES_FOLDER, build);
    folder_remove(build); /* of an earlier plan */
    enum status status = sandbox_make_folder(&p->service->sandbox, build, err);
    if (!status) status = publication_install_plan(p, packages, err);
    if (!status)
        status = archive_unpack(p->tarball.bytes, p->tarball.length, packages, p->folder_name, &archive_package_limits, err);
    return status;
}

enum status publication_install(void *context, struct error *err) {
    struct publication *p = context;
    enum status status = install(p, err);
    for (int plans = 1; status == STATUS_NOT_FOUND && plans < PLANS_MAX; plans++) {
        status = plan_again(p, err);
        if (!status) status = install(p, err);
    }
    if (status != STATUS_NOT_FOUND) return status;
    error_set(err, STATUS_CONFLICT, "Packages that the build needs were unpublished meanwhile, %d times in a row.", PLANS_MAX);
    return error_mark(err, STATUS_CONFLICT, TROUBLE_REPOSITORY);
}
