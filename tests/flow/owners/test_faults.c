/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Unpublishing and transfer killed after each of their steps, and within their writes, at the points of lib/base/fault.h: the
 * service dies at the point, is restarted, dies there again if it passes the point again, and is restarted once more. Each time
 * the result must be that of an undisturbed run: every file of both repositories (but for unpublishedTime), their commits (but
 * for ids and times), the storage, and the job, which succeeds.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/owners_scene.h"
#include "tests/support/registry_check.h"
#include "tests/support/shell.h"

struct fault {
    const char *point;
    const char *again; /* where the second run dies; NULL: at the same point, "": it has nothing left to do */
};

/* In the order in which a job passes the points. */
static const struct fault unpublish_faults[] = {
    {"unpublish-read", NULL},
    {"unpublish-right", NULL},
    {"unpublish-version", NULL},
    {"unpublish-age", NULL},
    {"unpublish-dependants", NULL},
    {"unpublish-record", "unpublish-resume"},
    {"unpushed", NULL},
    {"repository:registry-index", NULL},
    {"unpublish-index", NULL},
    {"unpushed#2", "unpushed"},
    {"repository:registry", NULL},
    {"unpublish-metadata", NULL},
    {"unpublish-tarball", NULL},
    {"end", ""},
    {NULL, NULL},
};
static const struct fault transfer_faults[] = {
    {"transfer-read", NULL},
    {"transfer-right", NULL},
    {"transfer-move", NULL},
    {"transfer-free", NULL},
    {"transfer-record", "transfer-resume"},
    {"unpushed", NULL},
    {"repository:registry", NULL},
    {"transfer-metadata", NULL},
    {"end", ""},
    {NULL, NULL},
};

static const struct operation {
    const char *route, *name; /* the name is also the package's */
    enum server_program program;
    const struct fault *faults;
} unpublish = {ROUTE_UNPUBLISH, "unpublish", SERVER_PUBLISH, unpublish_faults},
  transfer = {ROUTE_TRANSFER, "transfer", SERVER_TRANSFER, transfer_faults};

/* One server for all: every fault has its own package. */
static struct owners_scene scene;

/* The package's state and the commits since `base`, without anything that differs between runs. */
static char *picture(const char *package, const char *job_id, const char *const base[2]) {
    struct server *server = scene.server;
    char path[64];
    snprintf(path, sizeof path, "%.2s/%.2s/%s", package, package + 2, package);
    return shell_output(
        &scene.arena,
        "cd '%s' && { git -C " REGISTRY_REPO " show 'HEAD:metadata/%s.json'; git -C " INDEX_REPO
        " show 'HEAD:%s' 2>&1; git -C " REGISTRY_REPO " log --format='%%an %%ce %%B' %s..HEAD; git -C " INDEX_REPO
        " log --format='%%an %%ce %%B' %s..HEAD; ls storage/%s; } | "
        "sed -E 's/%s/PACKAGE/g; s/%s/ID/; s/\"(un)?publishedTime\": .*/TIME/; s/\"hash\": .*/HASH/; s/\"bytes\": .*/BYTES/'",
        server->folder, package, path, base[0], base[1], package, package, job_id);
}

static const char *head(const char *repo) {
    char *commit = shell_output(&scene.arena, "git -C '%s/%s' rev-parse HEAD", scene.server->folder, repo);
    commit[strcspn(commit, "\n")] = '\0';
    return commit;
}

/* Runs the operation on a new package, with these deaths, and returns the final state. */
static char *run(const struct operation *operation, const char *package, const char *point, const char *again) {
    struct server *server = scene.server;
    owners_scene_publish(&scene, package, "1.0.0", owners_of(&scene, &scene.owner));
    const char *const base[2] = {head(REGISTRY_REPO), head(INDEX_REPO)};
    server_terminate(server, operation->program);
    server_start_with_fault(server, operation->program, point != NULL ? point : "none");
    const char *payload = operation == &unpublish
                              ? unpublish_payload(&scene, package, "1.0.0")
                              : transfer_payload(&scene, package, arena_format(&scene.arena, "moved/purescript-%s", package));
    const char *id = owners_scene_send(&scene, operation->route, payload, &scene.owner).id;
    if (point != NULL) {
        server_wait_for_death(server, operation->program);
        if (again[0] != '\0') {
            server_start_with_fault(server, operation->program, again);
            server_wait_for_death(server, operation->program);
        }
        server_start_with_fault(server, operation->program, "none");
    }
    server_expect_success(server, id);
    /* The same request again is the same job, even after these deaths. */
    assert_string_equal(owners_scene_send(&scene, operation->route, payload, &scene.owner).id, id);
    return picture(package, id, base);
}

/* Every point that an undisturbed run passes has its row, in the order of the table. */
static void check_points(const struct operation *operation) {
    struct text expected = {0};
    for (const struct fault *fault = operation->faults; fault->point != NULL; fault++)
        if (strchr(fault->point, '#') == NULL) text_append_format(&expected, "name=%s\n", fault->point);
    char *log = arena_format(&scene.arena, "%s/%s.log", scene.server->folder,
                             operation->program == SERVER_PUBLISH ? "publish" : "transfer");
    char *passed = shell_output(&scene.arena,
                                "sed -n '/name=%s-read/,/name=end/s/.*event=fault_point_reached //p' '%s' | awk '!seen[$0]++'",
                                operation->name, log);
    assert_string_equal(passed, text_view(&expected));
    text_release(&expected);
}

static void check(const struct operation *operation) {
    char *undisturbed = run(operation, arena_format(&scene.arena, "%s-0", operation->name), NULL, NULL);
    check_points(operation);
    int number = 1;
    for (const struct fault *fault = operation->faults; fault->point != NULL; fault++) {
        const char *package = arena_format(&scene.arena, "%s-%d", operation->name, number++);
        char *disturbed = run(operation, package, fault->point, fault->again != NULL ? fault->again : fault->point);
        if (strcmp(disturbed, undisturbed) != 0)
            fail_msg("killed at %s:\n%s\ninstead of:\n%s", fault->point, disturbed, undisturbed);
    }
    server_wait_until_ready(scene.server);
    registry_expect_consistency(scene.server);
}

static void a_killed_unpublishing_leaves_what_an_undisturbed_one_leaves(void **state) {
    (void)state;
    check(&unpublish);
}

static void a_killed_transfer_leaves_what_an_undisturbed_one_leaves(void **state) {
    (void)state;
    check(&transfer);
}

static int start(void **state) {
    static const char *const settings[] = {"REGISTRY_FAULT=none", "LOG_LEVEL=DEBUG", "LEASE_MS=1000", "PENDING_SCAN_MS=100",
                                           NULL};
    owners_scene_start(&scene, &(struct server_options){.settings = settings});
    *state = &scene;
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_unpublishing_leaves_what_an_undisturbed_one_leaves),
        cmocka_unit_test(a_killed_transfer_leaves_what_an_undisturbed_one_leaves),
    };
    return run_fault_tests(tests, start, owners_scene_tear_down);
}
