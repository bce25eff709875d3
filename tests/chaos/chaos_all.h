/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Shared by chaos_all.c (described at its head) and chaos_all_check.c, which checks the results.
 */
#ifndef TESTS_CHAOS_CHAOS_ALL_H
#define TESTS_CHAOS_CHAOS_ALL_H

#include "tests/support/cmocka_all.h"

#include <stdbool.h>
#include <stdint.h>

#include "lib/store/job/job_store.h"
#include "tests/support/owners_scene.h"

enum {
    PACKAGES_MAX = 500,
    ACTS_MAX = 3,
    JOBS_MAX = 20, /* of one act */
    FAULTS_SHOWN = 40,
    GATEWAYS = 2,
};

enum kind { PUBLISH, UNPUBLISH, TRANSFER, TRUSTEE_UNPUBLISH, TRUSTEE_TRANSFER, REVISE, MATRIX, KIND_COUNT };

struct chaos_kind {
    const char *name, *route;
    int metadata_commits, index_commits; /* -1: any number */
};

extern const struct chaos_kind chaos_kinds[KIND_COUNT];

struct act {
    enum kind kind;
    const char *body;
    const char *jobs[JOBS_MAX];
    int job_count, refused_count;
    bool is_pending, is_done; /* the last of `jobs` has not ended yet; has succeeded */
};

/* A package, and its acts, one after the other. */
struct story {
    struct package package;
    int dependency; /* of its publication: an earlier package, published before; -1: none */
    bool is_unpublished;
    struct act acts[ACTS_MAX];
    int act_count, current;
};

struct chaos {
    struct owners_scene scene;
    struct server *server; /* the scene's */
    struct job_store *store;
    struct child_process seconds[SERVER_PROGRAM_COUNT];
    const char *second_gateway_port; /* a setting; NULL: any */
    int ports[GATEWAYS];
    struct story stories[PACKAGES_MAX];
    int story_count, act_count, acts_done;
    int kill_count, killed, killed_idle;
    bool has_new_compiler;
    unsigned seed;
    int under_way, unanswered, given_up;
    int64_t looked_ms;
    int fault_count;
    const char *faults[FAULTS_SHOWN];
};

/* Records a fault; the run continues, to find more. */
void chaos_note_fault(struct chaos *chaos, const char *what, const char *words);

/* ---- chaos_all_check.c ---- */

/* Versions that are published and lack a compiler. */
int chaos_count_missing(struct chaos *chaos);

/* Each accepted job has ended, and each act has its commits once. */
void chaos_check_acts(struct chaos *chaos);

/* Every build ended with the expected verdict. Returns the number of builds. */
int chaos_check_builds(struct chaos *chaos);

/* The repositories and the storage agree. All programs must have stopped. */
void chaos_check_registry(struct chaos *chaos);

#endif
