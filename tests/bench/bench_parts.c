/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include "tests/bench/bench_parts.h"

#include <stdio.h>
#include <string.h>

/* A copy of the text after `Timings:`. */
static char *timings_of_job(struct server *server, const json_t *job) {
    size_t i;
    const json_t *line;
    json_array_foreach(json_object_get(job, "logs"), i, line) {
        const char *message = server_job_text(line, "message");
        if (strncmp(message, "Timings:", 8) == 0) return arena_copy(&server->arena, message + 8);
    }
    return arena_copy(&server->arena, "");
}

/* The next `NAME=1.2ms` from *rest on; false if there is none. */
static bool next_timing(char **rest, char name[32], double *part_ms) {
    for (char *word; (word = strsep(rest, " ")) != NULL;)
        if (sscanf(word, "%31[^=]=%lfms", name, part_ms) == 2) return true;
    return false;
}

struct samples *parts_find(struct parts *parts, const char *name) {
    struct part *part = parts->items;
    while (part->name[0] != '\0' && strcmp(part->name, name) != 0)
        part++;
    assert_true(part < parts->items + PARTS_MAX - 1);
    snprintf(part->name, sizeof part->name, "%s", name);
    return &part->samples;
}

void parts_release(struct parts *parts) {
    for (struct part *part = parts->items; part->name[0] != '\0'; part++)
        samples_release(&part->samples);
    *parts = (struct parts){0};
}

void parts_read(struct parts *parts, struct server *server, const json_t *job) {
    char *rest = timings_of_job(server, job), name[32];
    for (double part_ms; next_timing(&rest, name, &part_ms);)
        samples_add(parts_find(parts, name), part_ms);
}

static double add_up(struct server *server, const json_t *job, const char *wanted) {
    char *rest = timings_of_job(server, job), name[32];
    double total_ms = 0;
    for (double part_ms; next_timing(&rest, name, &part_ms);)
        if (!wanted || strcmp(name, wanted) == 0) total_ms += part_ms;
    return total_ms;
}

double parts_of_job(struct server *server, const json_t *job, const char *name) {
    return add_up(server, job, name);
}

double parts_sum_of_job(struct server *server, const json_t *job) {
    return add_up(server, job, NULL);
}

double parts_compiler_of_job(struct server *server, const json_t *job) {
    double compiler_ms = 0;
    const char *words = strstr(timings_of_job(server, job), "the compiler ran for ");
    if (!words || sscanf(words, "the compiler ran for %lf ms", &compiler_ms) != 1)
        fail_msg("the job does not say how long the compiler ran");
    return compiler_ms;
}

void parts_print(struct parts *parts) {
    for (struct part *part = parts->items; part->name[0] != '\0'; part++) {
        char name[48];
        snprintf(name, sizeof name, "  %s", part->name);
        samples_print(&part->samples, name, "ms");
    }
}
