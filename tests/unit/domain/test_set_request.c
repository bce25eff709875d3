/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Requests to change a package set: refusals, rejections, the changes made, and their order.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/job/operation.h"
#include "lib/domain/registry/manifest_index.h"
#include "lib/domain/set/set_request.h"
#include "tests/support/small_registry.h"

static const struct version compilers[] = {{0, 15, 14}, {0, 15, 15}, {0, 15, 16}};

static const char *const rows[] = {
    "a 1.0.0 [0.15.15]",
    "a 1.1.0 [0.15.15]",
    "b 1.0.0 [0.15.15] a >=1.0.0 <2.0.0",
    "b 1.1.0 [0.15.15] a >=1.0.0 <2.0.0, new >=1.0.0 <2.0.0",
    "c 1.0.0 [0.15.15] b >=1.0.0 <2.0.0",
    "more 1.0.0 [0.15.15] new >=1.0.0 <2.0.0",
    "new 1.0.0 [0.15.15]",
    "unpublished 1.0.0 []",
};
static const char members_text[] = "a 1.0.0 b 1.0.0 c 1.0.0";

struct scene {
    struct arena arena;
    struct manifest_index *index;
    struct package_set set;
    struct set_members members;
    struct set_request_result result;
    struct error err;
};

static enum status check_set(struct scene *s, const char *set_text, const char *payload, bool may_downgrade) {
    *s = (struct scene){.index = small_registry_create(rows, sizeof rows / sizeof *rows)};
    struct package_set_request request;
    const struct set_request_rules rules = {compilers, sizeof compilers / sizeof *compilers, may_downgrade};
    s->set = small_package_set(set_text, &s->arena);
    set_members_read(&s->members, s->index, &s->set, &s->arena);
    assert_int_equal(package_set_request_parse(&request, payload, &s->arena, &s->err), STATUS_OK);
    return set_request_check(&s->result, &s->members, &s->set, &request, &rules, &s->arena, &s->err);
}

static void leave(struct scene *s) {
    manifest_index_free(s->index);
    arena_release(&s->arena);
}

static void assert_refused(const char *payload, const char *path, const char *sentence) {
    struct scene s;
    assert_int_equal(check_set(&s, members_text, payload, false), STATUS_REFUSED);
    assert_string_equal(s.err.path, path);
    assert_string_equal(s.err.message, sentence);
    leave(&s);
}

/* `+NAME`, `NAME` or `-NAME` for each change, in order. */
static void assert_changes(const struct scene *s, const char *expected) {
    struct text all = {0};
    for (size_t i = 0; i < s->result.changes.count; i++) {
        const struct set_change *change = &s->result.changes.items[i];
        text_append_format(&all, "%s%s%s", i ? " " : "",
                           !change->version   ? "-"
                           : change->replaced ? ""
                                              : "+",
                           set_members_name(&s->members, change->package));
    }
    assert_string_equal(text_view(&all), expected);
    text_release(&all);
}

static void assert_accepted(const char *payload, bool may_downgrade, const char *changes, const char *rejections) {
    struct scene s;
    struct text reasons = {0};
    assert_int_equal(check_set(&s, members_text, payload, may_downgrade), STATUS_OK);
    assert_changes(&s, changes);
    for (size_t i = 0; i < s.result.rejection_count; i++)
        text_append_format(&reasons, "%s%s: %s", i ? "\n" : "", s.result.rejections[i].package, s.result.rejections[i].reason);
    assert_string_equal(text_view(&reasons), rejections);
    text_release(&reasons);
    leave(&s);
}

static void refuses_a_lower_compiler(void **state) {
    (void)state;
    assert_refused("{\"compiler\":\"0.15.14\",\"packages\":{\"new\":\"1.0.0\"}}", "compiler",
                   "The package set 1.0.0 is for compiler 0.15.15: it cannot go back to 0.15.14.");
}

static void refuses_an_unsupported_compiler(void **state) {
    (void)state;
    assert_refused("{\"compiler\":\"0.15.17\",\"packages\":{}}", "compiler",
                   "Compiler 0.15.17 is not supported. Supported compilers: 0.15.14, 0.15.15, 0.15.16.");
}

static void refuses_a_lower_version_unless_a_trustee_asks(void **state) {
    (void)state;
    struct scene s;
    assert_int_equal(check_set(&s, "a 1.1.0", "{\"packages\":{\"a\":\"1.0.0\"}}", false), STATUS_REFUSED);
    assert_string_equal(s.err.path, "packages.a");
    assert_string_equal(s.err.message,
                        "a@1.0.0 is lower than 1.1.0 in the package set 1.0.0: only a trustee can ask for a lower version.");
    leave(&s);
    assert_int_equal(check_set(&s, "a 1.1.0", "{\"packages\":{\"a\":\"1.0.0\"}}", true), STATUS_OK);
    assert_changes(&s, "a");
    leave(&s);
}

static void refuses_what_has_no_change_that_can_be_made(void **state) {
    (void)state;
    assert_refused("{\"packages\":{\"a\":\"1.0.0\"}}", "packages",
                   "None of these changes of the package set 1.0.0 can be made. a@1.0.0 is in the package set 1.0.0 already.");
    assert_refused("{\"compiler\":\"0.15.15\",\"packages\":{}}", "packages",
                   "None of these changes of the package set 1.0.0 can be made.");
}

static void takes_a_higher_compiler_without_changes(void **state) {
    (void)state;
    assert_accepted("{\"compiler\":\"0.15.16\",\"packages\":{}}", false, "", "");
}

static void rejects_what_is_not_in_the_registry(void **state) {
    (void)state;
    assert_accepted("{\"packages\":{\"new\":\"1.0.0\",\"nothing\":\"1.0.0\",\"a\":\"1.2.0\",\"unpublished\":\"1.0.0\"}}", false,
                    "+new",
                    "a: a@1.2.0 is not in the registry index.\n"
                    "nothing: There is no package nothing in the registry.\n"
                    "unpublished: unpublished@1.0.0 is not in the registry index.");
}

static void rejects_a_dependency_that_is_nowhere(void **state) {
    (void)state;
    assert_accepted("{\"packages\":{\"a\":\"1.1.0\",\"b\":\"1.1.0\"}}", false, "a",
                    "b: b@1.1.0 depends on new, which is neither in the package set 1.0.0 nor added by this request.");
    assert_accepted("{\"packages\":{\"b\":\"1.1.0\",\"new\":\"1.0.0\"}}", false, "+new b", "");
}

static void rejects_what_needs_a_rejected_change(void **state) {
    (void)state;
    assert_accepted("{\"packages\":{\"a\":\"1.1.0\",\"more\":\"1.0.0\",\"new\":\"9.0.0\"}}", false, "a",
                    "new: new@9.0.0 is not in the registry index.\n"
                    "more: more@1.0.0 depends on new, which is neither in the package set 1.0.0 nor added by this request.");
}

static void rejects_a_removal_that_leaves_a_dependant(void **state) {
    (void)state;
    assert_accepted("{\"packages\":{\"a\":null,\"c\":null}}", false, "-c", "a: a cannot be removed: it is needed by b.");
    assert_accepted("{\"packages\":{\"c\":null,\"new\":null}}", false, "-c",
                    "new: new is not in the package set 1.0.0, so it cannot be removed.");
}

static void removes_dependants_first_and_after_all_updates(void **state) {
    (void)state;
    assert_accepted("{\"packages\":{\"a\":null,\"b\":null,\"c\":null,\"more\":\"1.0.0\",\"new\":\"1.0.0\"}}", false,
                    "+new +more -c -b -a", "");
}

static void a_lost_member_can_be_replaced_or_removed(void **state) {
    (void)state;
    struct scene s;
    assert_int_equal(check_set(&s, "a 0.9.0 b 1.0.0", "{\"packages\":{\"a\":\"1.0.0\"}}", false), STATUS_OK);
    assert_changes(&s, "+a");
    leave(&s);
    assert_int_equal(check_set(&s, "a 1.0.0 more 2.0.0 gone 1.0.0", "{\"packages\":{\"more\":null}}", false), STATUS_OK);
    assert_changes(&s, "-more");
    leave(&s);
    assert_int_equal(check_set(&s, "a 1.0.0 gone 1.0.0", "{\"packages\":{\"gone\":null}}", false), STATUS_OK);
    assert_true(s.result.removes_lost);
    leave(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_a_lower_compiler),
        cmocka_unit_test(refuses_an_unsupported_compiler),
        cmocka_unit_test(refuses_a_lower_version_unless_a_trustee_asks),
        cmocka_unit_test(refuses_what_has_no_change_that_can_be_made),
        cmocka_unit_test(takes_a_higher_compiler_without_changes),
        cmocka_unit_test(rejects_what_is_not_in_the_registry),
        cmocka_unit_test(rejects_a_dependency_that_is_nowhere),
        cmocka_unit_test(rejects_what_needs_a_rejected_change),
        cmocka_unit_test(rejects_a_removal_that_leaves_a_dependant),
        cmocka_unit_test(removes_dependants_first_and_after_all_updates),
        cmocka_unit_test(a_lost_member_can_be_replaced_or_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
