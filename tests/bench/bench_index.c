/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How long the real registry (../shared/data beside the checkout) takes to load from its two repositories, and how soon a
 * commit that changes one file is followed. For comparison, in the same run, the minimal work: reading the same files from git,
 * and parsing the same bytes with jansson. Each load runs in a separate process, so that it starts cold and its memory can be
 * measured.
 *
 *   tests/bench/run index        (bench_index; needs no programs)
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/domain/registry/index_file.h"
#include "lib/store/registry/registry_view.h"
#include "tests/bench/bench_support.h"
#include "tests/support/git/git_fixture.h"

enum { LOADS = 15, CHANGES = 100, TIMEOUT_MS = 60000, NOTHING_TO_MEASURE = 77 };

struct repositories {
    struct git_fixture git;
    struct deadline deadline;
    struct registry_repo *registry, *index;
};

static void need(enum status status, const struct error *err) {
    if (status == STATUS_OK) return;
    fprintf(stderr, "%s\n", err->message);
    exit(1);
}

static struct registry_repo *open_repository(struct repositories *all, const char *name) {
    struct registry_repo_options options = {.url = arena_format(&all->git.arena, "%s/%s", all->git.folder, name)};
    struct registry_repo *repo = NULL;
    struct error err = {0};
    need(registry_repo_open(&repo, &options, &all->deadline, &err), &err);
    return repo;
}

static void open_repositories(struct repositories *all) {
    deadline_start(&all->deadline, TIMEOUT_MS);
    all->registry = open_repository(all, "registry.git");
    all->index = open_repository(all, "registry-index.git");
}

static void close_repositories(struct repositories *all) {
    registry_repo_free(all->registry);
    registry_repo_free(all->index);
}

/* ---- Measuring in a separate process ---- */

struct cost {
    double cpu_ms; /* CPU time of all threads */
    double elapsed_ms;
    double memory_mib; /* peak memory of the process */
};

static double process_cpu_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static struct cost cost_since(const struct cost *start) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (struct cost){.cpu_ms = process_cpu_ms() - start->cpu_ms,
                         .elapsed_ms = (double)clock_monotonic_us() / 1e3 - start->elapsed_ms,
                         .memory_mib = (double)usage.ru_maxrss / 1024};
}

static struct cost cost_now(void) {
    return cost_since(&(struct cost){0});
}

typedef void measurement(struct repositories *all, struct cost *costs);

static void measure_apart(measurement *measure, struct repositories *all, struct cost *costs, size_t count) {
    int ends[2];
    if (pipe(ends) != 0) abort();
    pid_t child = fork();
    if (child < 0) abort();
    if (child == 0) {
        measure(all, costs);
        ssize_t written = write(ends[1], costs, count * sizeof *costs);
        _exit(written == (ssize_t)(count * sizeof *costs) ? 0 : 1);
    }
    close(ends[1]);
    ssize_t got = read(ends[0], costs, count * sizeof *costs);
    close(ends[0]);
    int exit_status;
    if (waitpid(child, &exit_status, 0) != child || exit_status != 0 || got != (ssize_t)(count * sizeof *costs)) abort();
}

static void measure_load(struct repositories *all, struct cost *costs) {
    struct cost start = cost_now();
    struct error err = {0};
    open_repositories(all);
    struct registry_view *view = registry_view_create(all->registry, all->index);
    need(registry_view_refresh(view, &all->deadline, &err), &err);
    costs[0] = cost_since(&start);
}

/* ---- The minimal work ---- */

struct document {
    struct document *next;
    const char *bytes; /* of a file, or of its lines, each of which is a document */
    size_t length;
};

struct documents {
    struct arena arena;
    struct document *first;
};

static enum status keep_document(const char *path, const struct registry_file *file, void *context, struct error *err) {
    struct documents *all = context;
    (void)err;
    if (!text_ends_with(path, ".json") && !index_file_package(path)) return STATUS_OK;
    struct document *document = arena_alloc(&all->arena, sizeof *document);
    document->bytes = arena_copy_bytes(&all->arena, file->bytes, file->length);
    document->length = file->length;
    document->next = all->first;
    all->first = document;
    return STATUS_OK;
}

static void parse_lines(const char *bytes, size_t length) {
    const char *end = bytes + length;
    while (bytes < end) {
        const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
        const char *stop = newline ? newline : end;
        json_t *json = json_loadb(bytes, (size_t)(stop - bytes), 0, NULL);
        if (!json) abort();
        json_decref(json);
        bytes = stop + 1;
    }
}

static void parse_file(const char *bytes, size_t length) {
    json_t *json = json_loadb(bytes, length, 0, NULL);
    if (!json) abort();
    json_decref(json);
}

/* [0]: reading all files from git, one after the other; [1]: parsing them. */
static void measure_yardstick(struct repositories *all, struct cost *costs) {
    struct cost start = cost_now();
    struct documents metadata = {0}, manifests = {0};
    char head[REGISTRY_COMMIT_MAX];
    struct error err = {0};
    open_repositories(all);
    need(registry_repo_fetch(all->registry, &all->deadline, head, &err), &err);
    need(registry_repo_compare(all->registry, "", head, "metadata", keep_document, &metadata, &err), &err);
    need(registry_repo_fetch(all->index, &all->deadline, head, &err), &err);
    need(registry_repo_compare(all->index, "", head, NULL, keep_document, &manifests, &err), &err);
    costs[0] = cost_since(&start);
    start = cost_now();
    for (const struct document *document = metadata.first; document; document = document->next)
        parse_file(document->bytes, document->length);
    for (const struct document *document = manifests.first; document; document = document->next)
        parse_lines(document->bytes, document->length);
    costs[1] = cost_since(&start);
}

/* ---- Following ---- */

/* A registry_edit_function: adds an empty line, which does not change the file's meaning. */
static enum status add_line(struct registry_edit *out, const struct registry_file *current, void *context, struct arena *arena,
                            struct error *err) {
    (void)context;
    (void)err;
    char *bytes = arena_copy_bytes(arena, current->bytes, current->length + 1); /* with its NUL */
    bytes[current->length] = '\n';
    out->kind = REGISTRY_WRITE;
    out->content = (struct registry_file){.bytes = bytes, .length = current->length + 1};
    return STATUS_OK;
}

static void measure_follow(struct repositories *all, const char *path, bool is_metadata) {
    struct samples times_ms = {0};
    struct error err = {0};
    open_repositories(all);
    struct registry_repo *writer = open_repository(all, is_metadata ? "registry.git" : "registry-index.git");
    struct registry_view *view = registry_view_create(all->registry, all->index);
    need(registry_view_refresh(view, &all->deadline, &err), &err);
    for (int i = 0; i < CHANGES; i++) {
        struct registry_change change = {.path = path, .message = "Change a file", .edit = add_line};
        need(registry_repo_apply(writer, &change, 1, 1, &all->deadline, &err), &err);
        int64_t start_us = clock_monotonic_us();
        need(registry_view_refresh(view, &all->deadline, &err), &err);
        samples_add(&times_ms, (double)(clock_monotonic_us() - start_us) / 1e3);
    }
    samples_print(&times_ms, path, "ms");
    samples_release(&times_ms);
    registry_view_free(view);
    registry_repo_free(writer);
    close_repositories(all);
}

/* ---- All of it ---- */

struct series {
    struct samples cpu_ms, elapsed_ms, memory_mib;
};

static void add_cost(struct series *series, const struct cost *cost) {
    samples_add(&series->cpu_ms, cost->cpu_ms);
    samples_add(&series->elapsed_ms, cost->elapsed_ms);
    samples_add(&series->memory_mib, cost->memory_mib);
}

static double print_series(struct series *series, const char *name) {
    double cpu_ms = samples_percentile(&series->cpu_ms, 50);
    printf("  %-38s %9.1f %9.1f %9.1f\n", name, cpu_ms, samples_percentile(&series->elapsed_ms, 50),
           samples_percentile(&series->memory_mib, 50));
    samples_release(&series->cpu_ms);
    samples_release(&series->elapsed_ms);
    samples_release(&series->memory_mib);
    return cpu_ms;
}

static void measure_loads(struct repositories *all) {
    struct series load = {0}, reading = {0}, parsing = {0};
    for (int i = 0; i < LOADS; i++) {
        struct cost costs[2];
        measure_apart(measure_load, all, costs, 1);
        add_cost(&load, &costs[0]);
        measure_apart(measure_yardstick, all, costs, 2);
        add_cost(&reading, &costs[0]);
        add_cost(&parsing, &costs[1]);
    }
    printf("loading cold, medians of %d:            CPU in ms   elapsed       MiB\n", LOADS);
    double load_ms = print_series(&load, "the registry in memory");
    double reading_ms = print_series(&reading, "yardstick: its files read from git");
    double parsing_ms = print_series(&parsing, "yardstick: jansson parses these bytes");
    printf("  loading takes %.2f times the CPU of both yardsticks, %.2f times that of the parse alone\n",
           load_ms / (reading_ms + parsing_ms), load_ms / parsing_ms);
}

int main(void) {
    static const char make_repos[] = SOURCE_DIR "/../shared/data/make-repos";
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (access(make_repos, X_OK) != 0) {
        printf("There is no real registry data beside the checkout: nothing is measured.\n");
        return NOTHING_TO_MEASURE;
    }
    struct repositories all = {0};
    git_fixture_make(&all.git);
    git_script(&all.git, "%s .", make_repos);
    measure_loads(&all);
    printf("following a commit of one file:              median      99th\n");
    measure_follow(&all, "metadata/prelude.json", true);
    measure_follow(&all, "pr/el/prelude", false);
    git_fixture_remove(&all.git);
    return 0;
}
