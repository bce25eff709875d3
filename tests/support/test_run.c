/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/test_run.h"

#include "tests/support/cmocka_all.h"

#include <glob.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/folder.h"
#include "lib/base/memory.h"

enum { LOG_BYTES_MAX = 64 * 1024 };

/* ---- Tests that fail ---- */

static struct {
    int (*start)(void **state), (*end)(void **state); /* of the group */
    void *group_state;                                /* which cmocka does not see */
    const struct CMUnitTest *test;                    /* the running test, or the last one, as listed in the group */
    bool is_inside;                                   /* it has begun and not ended */
    int failures;
} progress;

static int begin_group(void **state) {
    (void)state;
    return progress.start(&progress.group_state);
}

static int end_group(void **state) {
    (void)state;
    return progress.end(&progress.group_state);
}

/* cmocka may skip tests (cmocka_set_test_filter()), so the initial state identifies the test: cmocka passes it if the group has
 * none. */
static int begin_test(void **state) {
    progress.test = *state;
    progress.is_inside = true;
    *state = progress.group_state ? progress.group_state : progress.test->initial_state;
    return progress.test->setup_func ? progress.test->setup_func(state) : 0;
}

static void watched_test(void **state) {
    progress.test->test_func(state);
    progress.is_inside = false;
}

static int end_test(void **state) {
    progress.failures += progress.is_inside;
    progress.is_inside = false;
    return progress.test->teardown_func ? progress.test->teardown_func(state) : 0;
}

int test_run_group(const char *name, const struct CMUnitTest *tests, size_t count, int (*start)(void **state),
                   int (*end)(void **state)) {
    struct CMUnitTest *watched = memory_alloc(count * sizeof *watched);
    for (size_t i = 0; i < count; i++)
        watched[i] = (struct CMUnitTest){.name = tests[i].name,
                                         .test_func = watched_test,
                                         .setup_func = begin_test,
                                         .teardown_func = end_test,
                                         .initial_state = (void *)&tests[i]};
    progress.start = start;
    progress.end = end;
    progress.group_state = NULL;
    int failed = _cmocka_run_group_tests(name, watched, count, start ? begin_group : NULL, end ? end_group : NULL);
    free(watched);
    return failed;
}

void test_run_skips(void) {
    progress.is_inside = false;
}

/* ---- Folders ---- */

struct folder {
    char *path;
    int failures; /* number of failures when the folder was made */
    struct folder *next;
};

static struct folder *folders;
static pid_t owner; /* the process that made the folders: its children have a copy of the list and must not use it */

static void print_end_of_log(const char *path) {
    FILE *log = fopen(path, "re");
    if (!log) return;
    char *bytes = memory_alloc(LOG_BYTES_MAX);
    if (fseek(log, -LOG_BYTES_MAX, SEEK_END) != 0) rewind(log); /* the log is shorter */
    size_t length = fread(bytes, 1, LOG_BYTES_MAX, log);
    fprintf(stderr, "---- the end of %s:\n%.*s", path, (int)length, bytes);
    free(bytes);
    fclose(log);
}

static void print_logs(const char *folder) {
    char pattern[512];
    glob_t logs;
    snprintf(pattern, sizeof pattern, "%s/*.log", folder);
    if (glob(pattern, 0, NULL, &logs) == 0)
        for (size_t i = 0; i < logs.gl_pathc; i++)
            print_end_of_log(logs.gl_pathv[i]);
    globfree(&logs);
}

static void keep(const char *path, bool prints_logs) {
    if (prints_logs) print_logs(path);
    fprintf(stderr, "The test's folder is kept: %s\n", path);
}

static void free_folder(struct folder *folder) {
    free(folder->path);
    free(folder);
}

static void keep_all(void) {
    while (folders && getpid() == owner) {
        struct folder *folder = folders;
        folders = folder->next;
        keep(folder->path, true);
        free_folder(folder);
    }
}

void test_folder_make(char *path) {
    if (!mkdtemp(path) || chmod(path, 0755) != 0) {
        perror(path);
        abort();
    }
    folder_spread(path);
    if (!owner && atexit(keep_all) != 0) abort();
    owner = getpid();
    struct folder *folder = memory_alloc(sizeof *folder);
    *folder = (struct folder){.path = memory_copy_text(path), .failures = progress.failures, .next = folders};
    folders = folder;
}

void test_folder_end(const char *path) {
    struct folder **place = &folders;
    while (*place && strcmp((*place)->path, path) != 0)
        place = &(*place)->next;
    struct folder *folder = *place;
    if (!folder) return;
    *place = folder->next;
    bool has_failed = progress.failures != folder->failures;
    if (has_failed || getenv("KEEP"))
        keep(path, has_failed);
    else
        folder_remove(path);
    free_folder(folder);
}
