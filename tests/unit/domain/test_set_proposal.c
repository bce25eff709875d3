/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which members leave and which move for a higher compiler, on registries defined here and on the real one (skipped if it is not
 * available).
 */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/job/operation.h"
#include "lib/domain/registry/manifest_index.h"
#include "lib/domain/set/set_obstacles.h"
#include "lib/domain/set/set_proposal.h"
#include "tests/support/small_registry.h"

#define CREATE(...)                                                                                                            \
    small_registry_create((const char *const[]){__VA_ARGS__}, sizeof(const char *const[]){__VA_ARGS__} / sizeof(const char *))
#define OLD "[0.15.15]"
#define NEW "[0.15.16]"
#define BOTH "[0.15.15 0.15.16]"
#define ON(name) name " >=1.0.0 <9.0.0"

static const struct version next_compiler = {0, 15, 16};

struct scene {
    struct arena arena;
    struct manifest_index *index;
    struct package_set set;
    struct set_members members;
    struct set_proposal proposal;
};

static void enter(struct scene *s, struct manifest_index *index, const char *set_text) {
    *s = (struct scene){.index = index};
    s->set = small_package_set(set_text, &s->arena);
    set_members_read(&s->members, index, &s->set, &s->arena);
    set_proposal_find(&s->proposal, &s->members, next_compiler, &s->arena);
}

static void leave(struct scene *s) {
    manifest_index_free(s->index);
    arena_release(&s->arena);
}

/* The request's payload, and the names of the members that stay unproven. */
static void expect(struct scene *s, const char *payload, const char *unproven) {
    struct package_set_request request;
    struct text json = {0};
    set_proposal_request(&request, &s->proposal, &s->members, &s->arena);
    package_set_request_append_json(&json, &request);
    assert_string_equal(json.bytes, payload);
    assert_string_equal(set_members_list(&s->members, s->proposal.unproven, s->proposal.unproven_count, &s->arena), unproven);
    text_release(&json);
}

static void expect_reason(const struct scene *s, const char *name, const char *reason) {
    for (size_t i = 0; i < s->proposal.changes.count; i++)
        if (strcmp(set_members_name(&s->members, s->proposal.changes.items[i].package), name) == 0) {
            assert_string_equal(s->proposal.reasons[i], reason);
            return;
        }
    fail_msg("%s stays as it is.", name);
}

static void a_set_that_builds_stays_as_it_is(void **state) {
    (void)state;
    struct scene s;
    enter(&s, CREATE("a 1.0.0 " BOTH, "a 1.1.0 " BOTH, "b 1.0.0 " BOTH), "a 1.0.0");
    expect(&s, "{\"compiler\":\"0.15.16\",\"packages\":{}}", "");
    leave(&s);
}

static void a_newer_version_is_better_than_a_lower_one_and_both_than_none(void **state) {
    (void)state;
    struct scene s;
    enter(&s,
          CREATE("gone 0.9.0 " OLD, "gone 1.0.0 " OLD, "lower 0.8.0 " NEW, "lower 0.9.0 " NEW, "lower 1.0.0 " OLD,
                 "newer 0.9.0 " NEW, "newer 1.0.0 " OLD, "newer 1.1.0 " NEW, "newer 1.2.0 " NEW, "newer 1.3.0 []"),
          "gone 1.0.0 lower 1.0.0 newer 1.0.0");
    expect(&s, "{\"compiler\":\"0.15.16\",\"packages\":{\"gone\":null,\"lower\":\"0.9.0\",\"newer\":\"1.2.0\"}}", "");
    expect_reason(&s, "gone",
                  "gone@1.0.0 is not known to build with compiler 0.15.16. No other version is known to build with that "
                  "compiler.");
    expect_reason(&s, "lower", "lower@1.0.0 is not known to build with compiler 0.15.16.");
    leave(&s);
}

static void what_depends_on_a_package_that_leaves_moves_or_leaves(void **state) {
    (void)state;
    struct scene s;
    enter(&s,
          CREATE("chain 1.0.0 " BOTH " " ON("user"), "free 0.9.0 " NEW, "free 1.0.0 " BOTH " " ON("gone"),
                 "free 1.1.0 " NEW " " ON("gone"), "gone 1.0.0 " OLD, "user 1.0.0 " BOTH " " ON("gone"),
                 "user 1.1.0 " NEW " " ON("gone")),
          "chain 1.0.0 free 1.0.0 gone 1.0.0 user 1.0.0");
    expect(&s, "{\"compiler\":\"0.15.16\",\"packages\":{\"chain\":null,\"free\":\"0.9.0\",\"gone\":null,\"user\":null}}", "");
    expect_reason(&s, "free", "free@1.0.0 depends on gone, which leaves.");
    expect_reason(&s, "chain",
                  "chain@1.0.0 depends on user, which leaves. No other version is known to build with that compiler.");
    expect_reason(&s, "user",
                  "user@1.0.0 depends on gone, which leaves. Its versions that are known to build with that compiler depend on "
                  "packages that leave.");
    leave(&s);
}

/* It may be that only the old version of what it depends on is in its way. */
static void a_member_in_the_way_through_one_that_moves_stays(void **state) {
    (void)state;
    struct scene s;
    enter(&s,
          CREATE("base 1.0.0 " OLD, "base 1.1.0 " NEW, "both 0.9.0 " NEW, "both 1.0.0 " OLD " " ON("base"),
                 "top 1.0.0 " OLD " " ON("base"), "top 1.1.0 " NEW " " ON("base")),
          "base 1.0.0 both 1.0.0 top 1.0.0");
    expect(&s, "{\"compiler\":\"0.15.16\",\"packages\":{\"base\":\"1.1.0\",\"top\":\"1.1.0\"}}", "both");
    leave(&s);
}

static void what_a_new_version_needs_is_added(void **state) {
    (void)state;
    struct scene s;
    enter(&s,
          CREATE("extra 1.0.0 " NEW " " ON("more"), "member 1.0.0 " OLD, "member 1.1.0 " NEW " " ON("extra"), "more 1.0.0 " NEW,
                 "other 1.0.0 " BOTH),
          "member 1.0.0");
    expect(&s, "{\"compiler\":\"0.15.16\",\"packages\":{\"extra\":\"1.0.0\",\"member\":\"1.1.0\",\"more\":\"1.0.0\"}}", "");
    expect_reason(&s, "more", "Another version of a member depends on more.");
    leave(&s);
}

static void a_circle_stays_or_leaves_together(void **state) {
    (void)state;
    struct scene s;
    enter(&s,
          CREATE("a 1.0.0 " BOTH " " ON("b"), "b 1.0.0 " BOTH " " ON("a"), "c 1.0.0 " BOTH " " ON("d"),
                 "d 1.0.0 " BOTH " " ON("c") ", " ON("e"), "e 1.0.0 " OLD),
          "a 1.0.0 b 1.0.0 c 1.0.0 d 1.0.0 e 1.0.0");
    expect(&s, "{\"compiler\":\"0.15.16\",\"packages\":{\"c\":null,\"d\":null,\"e\":null}}", "");
    leave(&s);
}

static void lost_members_leave(void **state) {
    (void)state;
    struct scene s;
    enter(&s, CREATE("a 1.0.0 " BOTH, "lost 1.0.0 []", "user 1.0.0 " BOTH " " ON("lost")),
          "a 1.0.0 lost 1.0.0 never 1.0.0 user 1.0.0");
    expect(&s, "{\"compiler\":\"0.15.16\",\"packages\":{\"lost\":null,\"never\":null,\"user\":null}}", "");
    leave(&s);
}

static void the_real_registry(void **state) {
    (void)state;
    struct arena arena = {0};
    struct package_set set;
    struct scene s;
    if (!real_package_set_read(&set, "80.8.0", &arena)) {
        arena_release(&arena);
        skip();
    }
    enter(&s, real_registry_create(), "");
    s.set = set;
    set_members_read(&s.members, s.index, &s.set, &s.arena);
    set_proposal_find(&s.proposal, &s.members, next_compiler, &s.arena);
    expect(&s,
           "{\"compiler\":\"0.15.16\",\"packages\":{\"bolson\":null,\"deku\":null,\"ocarina\":null,\"prospero\":null,"
           "\"rito\":null,\"yoga-shadcn\":\"1.0.4\"}}",
           "");
    /* What it leaves is self-contained, and known to build. */
    struct set_members after;
    uint32_t dependant, missing;
    struct set_obstacles obstacles;
    set_changes_apply(&after, &s.members, &s.proposal.changes, NULL, next_compiler, &s.arena);
    assert_false(set_members_find_hole(&after, &dependant, &missing));
    set_obstacles_find(&obstacles, &after, next_compiler, &s.arena);
    assert_int_equal(obstacles.count, 0);
    leave(&s);
    arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_that_builds_stays_as_it_is),
        cmocka_unit_test(a_newer_version_is_better_than_a_lower_one_and_both_than_none),
        cmocka_unit_test(what_depends_on_a_package_that_leaves_moves_or_leaves),
        cmocka_unit_test(a_member_in_the_way_through_one_that_moves_stays),
        cmocka_unit_test(what_a_new_version_needs_is_added),
        cmocka_unit_test(a_circle_stays_or_leaves_together),
        cmocka_unit_test(lost_members_leave),
        cmocka_unit_test(the_real_registry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
