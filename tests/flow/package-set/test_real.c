/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Updates of the real package sets, with the real registry's metadata and manifests and generated sources in the tarballs
 * (where there is no such data, the tests are skipped).
 */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/registry/manifest_index.h"
#include "lib/domain/registry/package_set.h"
#include "lib/domain/set/set_changes.h"
#include "lib/domain/set/set_difference.h"
#include "tests/support/registry_check.h"
#include "tests/support/set_scene.h"
#include "tests/support/shell.h"
#include "tests/support/small_registry.h"

static struct arena arena;

static int release(void **state) {
    (void)state;
    arena_release(&arena);
    return 0;
}

static struct package_set read_latest(struct server *server) {
    struct package_set set;
    struct error err;
    const char *file = shell_output(
        &arena, "cd '%s/" REGISTRY_REPO "' && git show HEAD:$(git ls-tree --name-only HEAD package-sets/ | sort -V | tail -1)",
        server->folder);
    if (package_set_parse(&set, file, strlen(file), &arena, &err)) fail_msg("%s", err.message);
    return set;
}

/* Two absent packages that others need do not compile. */
static const struct generated_extra broken[] = {
    {"httpure", "0.16.0", .module = NULL, .import = "Nowhere.At.All"},
    {"mason-prelude", "0.10.0", .module = NULL, .import = "Nowhere.At.All"},
};

/* The packages that are not in the set and have a version that may come in: of the real data 78 with their newest, 2 with an
 * older one. */
static size_t check_absent(const struct manifest_index *index, const struct package_set *before,
                           const struct package_set *after, const char *log) {
    struct set_members members;
    struct set_changes candidates;
    size_t absent = 0;
    set_members_read(&members, index, before, &arena);
    set_changes_find_candidates(&candidates, &members, &arena);
    for (size_t i = 0; i < candidates.count; i++) {
        const char *name = set_members_name(&members, candidates.items[i].package);
        char version[VERSION_TEXT_MAX];
        version_print(candidates.items[i].version->version, version);
        bool is_in = package_versions_find(&after->packages, name) && !candidates.items[i].replaced;
        bool is_refused = strstr(log, arena_format(&arena, "%s@%s is not changed: ", name, version));
        absent += !candidates.items[i].replaced;
        if (!candidates.items[i].replaced && is_in == is_refused)
            fail_msg("%s: in the set %d, refused %d", name, is_in, is_refused);
    }
    return absent;
}

static void every_absent_package_is_taken_in_or_has_a_reason(void **state) {
    (void)state;
    struct package_set set;
    struct manifest_index *index = real_registry_create();
    if (!index || !real_package_set_read(&set, "80.8.0", &arena)) {
        manifest_index_free(index);
        skip();
    }
    struct server *server = set_scene_start(
        &(struct set_scene_options){.index = index, .set = &set, .extras = broken, .extra_count = 2, .workers = 2});
    const char *id = set_scene_update(server);
    set_scene_expect_done(server, id, "Released the package set 81.0.0"); /* hyrule goes up a major */
    json_t *job = server_wait_for_job(server, id);
    const char *log = server_log_text(server, job);
    const struct package_set after = read_latest(server);
    assert_int_equal(check_absent(index, &set, &after, log), 80);
    assert_non_null(strstr(log, "httpure@0.16.0 is not changed: it does not compile with the versions of the set."));
    assert_non_null(strstr(log, "task@0.3.2 is not changed: it needs mason-prelude, which is not changed either."));
    assert_non_null(strstr(log, "mason-prelude@0.10.0 is not changed: it does not compile with the versions of the set."));
    json_decref(job);
    set_scene_stop(server);
    manifest_index_free(index);
}

static void from_the_set_before_it_comes_to_a_superset_of_the_next(void **state) {
    (void)state;
    struct package_set before, next;
    struct set_difference difference;
    struct manifest_index *index = real_registry_create();
    if (!index || !real_package_set_read(&before, "80.7.0", &arena) || !real_package_set_read(&next, "80.8.0", &arena)) {
        manifest_index_free(index);
        skip();
    }
    struct server *server = set_scene_start(&(struct set_scene_options){.index = index, .set = &before, .workers = 2});
    set_scene_expect_done(server, set_scene_update(server), "Released the package set");
    const struct package_set after = read_latest(server);
    set_difference_find(&difference, &next, &after, &arena);
    assert_int_equal(difference.removed_count, 0);
    for (size_t i = 0; i < difference.updated_count; i++) {
        assert_int_not_equal(set_update_step(&difference.updated[i]), SET_STEP_DOWNGRADE);
        print_message("%s is newer than in 80.8.0\n", difference.updated[i].name);
    }
    assert_int_equal(difference.updated_count, 2); /* the data have the day's later publications, too */
    assert_int_equal(difference.added_count, 80);  /* absent since earlier days */
    set_scene_stop(server);
    manifest_index_free(index);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(every_absent_package_is_taken_in_or_has_a_reason, release),
        cmocka_unit_test_teardown(from_the_set_before_it_comes_to_a_superset_of_the_next, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
