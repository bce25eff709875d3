/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/secret_search.h"

#include <ctype.h>
#include <dirent.h>
#include <fts.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/folder.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

enum { FILE_BYTES_MAX = 256 << 20, PROCESS_BYTES_MAX = 1 << 20, ALIGNMENTS = 3, SEEN_MAX = 4096, PAUSE_US = 1000 };

static const char *const our_programs[] = {
    "registry-gateway", /* build workers have none of these secrets */
#define SERVICE(NAME, field, name, LETTER) "registry-" name,
#include "lib/base/programs.def"
};

/* A process whose environment was searched. */
struct seen {
    char pid[16];
    char program[32];
};

struct secret_search {
    const struct secret *secrets;
    struct arena arena;
    char *(*encoded)[ALIGNMENTS]; /* of each secret, by its position in a group of three bytes */
    size_t files;
    pthread_t watcher;
    bool is_watching;
    atomic_bool is_over;
    pthread_mutex_t mutex; /* guards the fields below */
    struct text findings;
    struct seen seen[SEEN_MAX];
    size_t seen_count;
};

/* ---- The secrets ---- */

/* The characters of base64 that depend on the value only, if `before` bytes precede it. */
static char *encode(struct arena *arena, const char *value, size_t before) {
    const char *padded = arena_format(arena, "%.*s%s", (int)before, "..", value);
    size_t bits = 8 * strlen(padded), first = (8 * before + 5) / 6, last = bits / 6;
    char *encoded = hash_base64_encode(arena, padded, strlen(padded));
    encoded[last] = '\0';
    return encoded + first;
}

struct secret_search *secret_search_create(const struct secret *secrets) {
    struct secret_search *search = memory_alloc(sizeof *search);
    size_t count = 0;
    while (secrets[count].name != NULL)
        count++;
    search->secrets = secrets;
    search->encoded = arena_alloc(&search->arena, (count + 1) * sizeof *search->encoded);
    for (size_t i = 0; i < count; i++)
        for (size_t before = 0; before < ALIGNMENTS; before++)
            search->encoded[i][before] = encode(&search->arena, secrets[i].value, before);
    pthread_mutex_init(&search->mutex, NULL);
    return search;
}

void secret_search_free(struct secret_search *search) {
    if (search->is_watching) secret_search_stop_watching(search);
    pthread_mutex_destroy(&search->mutex);
    text_release(&search->findings);
    arena_release(&search->arena);
    free(search);
}

static bool holds(const char *bytes, size_t length, const char *words) {
    return memmem(bytes, length, words, strlen(words)) != NULL;
}

void secret_search_bytes(struct secret_search *search, const char *where, const char *bytes, size_t length) {
    for (size_t i = 0; search->secrets[i].name != NULL; i++) {
        bool is_there = holds(bytes, length, search->secrets[i].value);
        for (size_t before = 0; before < ALIGNMENTS; before++)
            is_there = is_there || holds(bytes, length, search->encoded[i][before]);
        if (!is_there) continue;
        pthread_mutex_lock(&search->mutex);
        text_append_format(&search->findings, "%s in %s\n", search->secrets[i].name, where);
        pthread_mutex_unlock(&search->mutex);
    }
}

const char *secret_search_findings(struct secret_search *search) {
    pthread_mutex_lock(&search->mutex);
    const char *findings = text_view(&search->findings);
    pthread_mutex_unlock(&search->mutex);
    return findings;
}

/* ---- Files ---- */

void secret_search_folder(struct secret_search *search, const char *folder) {
    char *const paths[] = {(char *)folder, NULL};
    FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    for (FTSENT *entry = fts_read(walk); entry != NULL; entry = fts_read(walk)) {
        struct text content = {0};
        struct error ignored;
        if (entry->fts_info == FTS_F && file_read(entry->fts_path, FILE_BYTES_MAX, &content, &ignored) == STATUS_OK) {
            secret_search_bytes(search, entry->fts_path, text_view(&content), content.length);
            search->files++;
        }
        text_release(&content);
    }
    fts_close(walk);
}

size_t secret_search_files(const struct secret_search *search) {
    return search->files;
}

/* ---- Processes ---- */

/* Records each process once. */
static void note(struct secret_search *search, const char *pid, const char *program) {
    pthread_mutex_lock(&search->mutex);
    size_t i = 0;
    while (i < search->seen_count &&
           (strcmp(search->seen[i].pid, pid) != 0 || strncmp(search->seen[i].program, program, 31) != 0))
        i++;
    if (i == search->seen_count && i < SEEN_MAX) {
        snprintf(search->seen[i].pid, sizeof search->seen[i].pid, "%s", pid);
        snprintf(search->seen[i].program, sizeof search->seen[i].program, "%s", program);
        search->seen_count++;
    }
    pthread_mutex_unlock(&search->mutex);
}

static bool is_ours(const char *program) {
    for (size_t i = 0; i < sizeof our_programs / sizeof our_programs[0]; i++)
        if (strcmp(program, our_programs[i]) == 0) return true;
    return false;
}

static void search_process(struct secret_search *search, const char *pid, struct text *bytes) {
    char path[64], where[128];
    struct error ignored;
    snprintf(path, sizeof path, "/proc/%s/cmdline", pid);
    text_clear(bytes);
    if (file_read(path, PROCESS_BYTES_MAX, bytes, &ignored) != STATUS_OK || bytes->length == 0) return;
    const char *slash = strrchr(bytes->bytes, '/');
    char program[32];
    snprintf(program, sizeof program, "%s", slash != NULL ? slash + 1 : bytes->bytes);
    snprintf(where, sizeof where, "the command line of %s", program);
    secret_search_bytes(search, where, bytes->bytes, bytes->length);
    if (is_ours(program)) return;
    snprintf(path, sizeof path, "/proc/%s/environ", pid);
    text_clear(bytes);
    if (file_read(path, PROCESS_BYTES_MAX, bytes, &ignored) != STATUS_OK) return;
    snprintf(where, sizeof where, "the environment of %s", program);
    secret_search_bytes(search, where, text_view(bytes), bytes->length);
    note(search, pid, program);
}

static void *watch(void *context) {
    struct secret_search *search = context;
    struct text bytes = {0};
    while (!atomic_load(&search->is_over)) {
        DIR *processes = opendir("/proc");
        for (struct dirent *entry; (entry = readdir(processes)) != NULL;)
            if (isdigit((unsigned char)entry->d_name[0])) search_process(search, entry->d_name, &bytes);
        closedir(processes);
        usleep(PAUSE_US);
    }
    text_release(&bytes);
    return NULL;
}

void secret_search_watch_processes(struct secret_search *search) {
    atomic_store(&search->is_over, false);
    if (pthread_create(&search->watcher, NULL, watch, search) != 0) abort();
    search->is_watching = true;
}

void secret_search_stop_watching(struct secret_search *search) {
    atomic_store(&search->is_over, true);
    pthread_join(search->watcher, NULL);
    search->is_watching = false;
}

size_t secret_search_seen(struct secret_search *search, const char *program) {
    size_t count = 0;
    pthread_mutex_lock(&search->mutex);
    for (size_t i = 0; i < search->seen_count; i++)
        count += text_starts_with(search->seen[i].program, program);
    pthread_mutex_unlock(&search->mutex);
    return count;
}
