/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A repack deletes packs that others may have open. Git and libgit2 find the objects in the new pack: a pack that is gone when
 * it is needed counts as one without the object, and the folder is read again. libgit2 never closes its open packs, though; so
 * the repository's handle is reopened (registry_repo.c).
 */
#include "lib/store/registry/registry_repo_upkeep.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/thread.h"
#include "lib/store/registry/registry_repo_parts.h"
#include "lib/tools/sandbox/run_command.h"

enum {
    PAUSE_MS = 10000,
    PAUSE_AFTER_FAILURE_MS = 600000,
    TIMEOUT_MS = 1800000,
    UNFINISHED_MS = 600000, /* without a change: then that pack is abandoned */
    PROGRAM_MISSING = 127,  /* exit status of env without git */
};

/* ---- One repository ---- */

static enum status count_packs(const char *folder, size_t *out, struct error *err) {
    DIR *entries = opendir(folder);
    *out = 0;
    if (!entries) return error_set(err, STATUS_INTERNAL, "The folder '%s' could not be read: %s.", folder, strerror(errno));
    for (const struct dirent *entry = readdir(entries); entry; entry = readdir(entries))
        *out += text_ends_with(entry->d_name, ".pack");
    closedir(entries);
    return STATUS_OK;
}

/* Runs at low priority, in one thread, with bounded memory, and without anybody's git configuration. */
static enum status run_git(const char *path, struct deadline *deadline, struct error *err) {
    const char *const arguments[] = {
        "/usr/bin/env",          "nice",   "git", "-c", "safe.directory=*", "-c", "pack.threads=1", "-c",
        "pack.windowMemory=64m", "repack", "-d",  "-q", "--geometric=2",    NULL};
    const char *const environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1",
                                       "GIT_DIR=.", NULL};
    const struct command command = {.arguments = arguments, .environment = environment, .folder = path};
    struct command_result result = {0};
    enum status status = command_run(&result, &command, deadline, err);
    if (!status && result.exit_status == PROGRAM_MISSING)
        status = error_set(err, STATUS_NOT_FOUND, "Git is not installed, so '%s' cannot be repacked.", path);
    else if (!status && result.exit_status != 0)
        status = error_set(err, STATUS_INTERNAL, "'%s' could not be repacked: %.1000s", path, text_view(&result.errors));
    command_result_release(&result);
    return status;
}

static enum status pack(struct registry_repo *repo, const char *folder, size_t before, struct deadline *deadline,
                        struct error *err) {
    size_t after = 0;
    int64_t start_ms = clock_monotonic_ms();
    enum status status = run_git(repo->path, deadline, err);
    if (!status) status = count_packs(folder, &after, err);
    if (status) return status;
    registry_repo_wear(repo);
    log_line(LOG_INFO, "repository_packed", log_field("folder", repo->path), log_field("packs", after),
             log_field("packs_before", before), log_field("took_ms", clock_monotonic_ms() - start_ms));
    return STATUS_OK;
}

/* Removes unfinished packs that a killed repack (or another git program) left. No process of ours is writing them, since we
 * hold the lock on the folder; a git program of an operator keeps changing its files. */
static void sweep(int folder, const char *path) {
    static const char *const prefixes[] = {"tmp_pack_", "tmp_idx_", "tmp_rev_", "tmp_bitmap_", ".tmp-"};
    DIR *entries = opendir(path);
    if (!entries) return;
    for (const struct dirent *entry = readdir(entries); entry; entry = readdir(entries)) {
        bool is_unfinished = false;
        struct stat about;
        for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
            is_unfinished = is_unfinished || text_starts_with(entry->d_name, prefixes[i]);
        if (!is_unfinished || fstatat(folder, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) || !S_ISREG(about.st_mode)) continue;
        int64_t changed_ms = (int64_t)about.st_mtim.tv_sec * 1000;
        if (clock_now_ms() - changed_ms < UNFINISHED_MS || unlinkat(folder, entry->d_name, 0) != 0) continue;
        log_line(LOG_WARN, "repack_file_removed", log_field("folder", path), log_field("file", entry->d_name));
    }
    closedir(entries);
}

enum status registry_repo_tidy(struct registry_repo *repo, size_t packs_max, bool *packed, struct deadline *deadline,
                               struct error *err) {
    char folder[PATH_MAX];
    size_t count = 0;
    if (packed) *packed = false;
    snprintf(folder, sizeof folder, "%s/objects/pack", repo->path);
    enum status status = count_packs(folder, &count, err);
    if (status) return status;
    int file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_ours = file >= 0 && flock(file, LOCK_EX | LOCK_NB) == 0;
    if (is_ours) sweep(file, folder);
    if (count > packs_max && !is_ours)
        status = error_set(err, STATUS_BUSY, "'%s' is being repacked by another process.", repo->path);
    else if (count > packs_max)
        status = pack(repo, folder, count, deadline, err);
    if (packed) *packed = !status && count > packs_max;
    if (file >= 0) close(file);
    return status;
}

/* ---- The thread ---- */

struct registry_upkeep {
    struct thread thread;
    struct deadline deadline;                         /* of a look; cancelled by registry_upkeep_stop(), which ends a repack */
    struct registry_repo *repos[REGISTRY_UPKEEP_MAX]; /* guarded by the thread's mutex, as `count` */
    size_t count;
};

/* NULL: there are not so many. */
static struct registry_repo *repo_at(struct registry_upkeep *upkeep, size_t i) {
    thread_lock(&upkeep->thread);
    struct registry_repo *repo = i < upkeep->count ? upkeep->repos[i] : NULL;
    thread_unlock(&upkeep->thread);
    return repo;
}

/* Tidies all repositories; returns the pause until the next look. */
static int64_t look(struct registry_upkeep *upkeep) {
    int64_t pause_ms = PAUSE_MS;
    upkeep->deadline.at_ms = clock_monotonic_ms() + TIMEOUT_MS;
    struct registry_repo *repo;
    for (size_t i = 0; (repo = repo_at(upkeep, i)); i++) {
        struct error err;
        enum status status = registry_repo_tidy(repo, REGISTRY_PACKS_MAX, NULL, &upkeep->deadline, &err);
        if (!status || status == STATUS_BUSY || status == STATUS_CANCELLED) continue;
        log_line(LOG_WARN, "repack_failed", log_field("error", err.message));
        pause_ms = PAUSE_AFTER_FAILURE_MS;
    }
    return pause_ms;
}

static void look_after(void *context) {
    struct registry_upkeep *upkeep = context;
    int64_t pause_ms = PAUSE_MS;
    while (thread_pause(&upkeep->thread, pause_ms))
        pause_ms = look(upkeep);
}

void registry_upkeep_add(struct registry_upkeep *upkeep, struct registry_repo *repo) {
    if (!upkeep) return;
    thread_lock(&upkeep->thread);
    assert(upkeep->count < REGISTRY_UPKEEP_MAX);
    upkeep->repos[upkeep->count++] = repo;
    thread_unlock(&upkeep->thread);
}

struct registry_upkeep *registry_upkeep_start(struct registry_repo *registry, struct registry_repo *index) {
    struct registry_upkeep *upkeep = memory_alloc(sizeof *upkeep);
    deadline_start(&upkeep->deadline, TIMEOUT_MS);
    thread_init(&upkeep->thread);
    registry_upkeep_add(upkeep, registry);
    registry_upkeep_add(upkeep, index);
    struct error err;
    if (!thread_start(&upkeep->thread, "upkeep", look_after, upkeep, &err)) return upkeep;
    log_line(LOG_WARN, "repack_unavailable", log_field("error", err.message));
    registry_upkeep_stop(upkeep);
    return NULL;
}

void registry_upkeep_stop(struct registry_upkeep *upkeep) {
    if (!upkeep) return;
    deadline_cancel(&upkeep->deadline, STATUS_CANCELLED);
    thread_release(&upkeep->thread);
    free(upkeep);
}
