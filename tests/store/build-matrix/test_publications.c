/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which versions were published and unpublished last, from the metadata.
 */
#include "services/build-matrix/query/matrix_query.h"
#include "tests/store/build-matrix/matrix_fixture.h"

#define TIME(minute) "2026-02-01T00:" minute ":00.000Z"
#define VERSION(time)                                                                                                          \
    "{\"bytes\":1,\"compilers\":[\"" OLD "\"],\"hash\":\"sha256-fN9RUAzN21ZY4Y0UwqUSxwUPVz1g7/pcqoDvbJZoT04=\","               \
    "\"publishedTime\":\"" time "\",\"ref\":\"\"}"
#define EVENT(event, package, version, time, more)                                                                             \
    "{\"event\":\"" event "\",\"package\":\"" package "\",\"version\":\"" version "\",\"time\":\"" time "\"" more "}"

static const char prelude[] = "{\"location\":{\"githubOwner\":\"a\",\"githubRepo\":\"b\"},\"published\":{\"6.0.0\":" VERSION(
    TIME("01")) ",\"6.1.0\":" VERSION(TIME("03")) ",\"10.0.0\":" VERSION(TIME("03")) "},\"unpublished\":{\"7.0.0\":{"
                                                                                     "\"publishedTime\":\"" TIME(
                                                                                         "02") "\",\"reason\":\"Wrong.\","
                                                                                               "\"unpublishedTime\":\"" TIME(
                                                                                                   "04") "\"}}}";

/* In the order of the answer; the fixture's other packages are older. */
#define EVENTS                                                                                                                 \
    EVENT("unpublished", "prelude", "7.0.0", TIME("04"), ",\"reason\":\"Wrong.\"")                                             \
    "," EVENT("published", "prelude", "10.0.0", TIME("03"),                                                                    \
              "") "," EVENT("published", "prelude", "6.1.0", TIME("03"),                                                       \
                            "") "," EVENT("published", "prelude", "7.0.0", TIME("02"), "") "," EVENT("published", "prelude",   \
                                                                                                     "6.0.0", TIME("01"), "")

static const char *ask(struct matrix_fixture *m, const char *name, int64_t limit) {
    struct fixture *f = &m->f;
    const struct message request = {.tag = MESSAGE_publication_query, .publication_query = {.name = name, .limit = limit}};
    struct message answer = {0};
    assert_ok(answer_publication_query(&m->service, &request, &f->arena, &answer, &f->err));
    return answer.json_answer.json;
}

static void write_prelude(struct matrix_fixture *m) {
    struct temporary_folder folder = {0};
    snprintf(folder.path, sizeof folder.path, "%s", m->git.folder);
    temporary_folder_write(&folder, "registry/metadata/prelude.json", prelude);
    git_script(&m->git, "push_files registry.git");
    refresh(m);
}

static void the_newest_of_a_package_come_first_and_unpublished_ones_twice(void **state) {
    struct matrix_fixture *m = *state;
    write_prelude(m);
    assert_string_equal(ask(m, "prelude", 0), "{\"publications\":[" EVENTS "]}");
    assert_string_equal(ask(m, "prelude", 1), "{\"publications\":[" EVENT("unpublished", "prelude", "7.0.0", TIME("04"),
                                                                          ",\"reason\":\"Wrong.\"") "]}");
}

static void all_packages_are_in_one_order(void **state) {
    struct matrix_fixture *m = *state;
    static const char first[] = "2026-01-01T00:00:00.000Z";
    write_prelude(m);
    const char *all = ask(m, NULL, 1000);
    assert_memory_equal(all, "{\"publications\":[" EVENTS ",", strlen("{\"publications\":[" EVENTS ","));
    const char *arrays = strstr(all, "\"arrays\""), *effect = strstr(all, "\"effect\""), *maybe = strstr(all, "\"maybe\"");
    assert_true(arrays && arrays < effect && effect < maybe); /* of one time: by name */
    assert_non_null(strstr(maybe, first));
    const char *some = ask(m, NULL, 6);
    assert_non_null(strstr(some, "\"arrays\""));
    assert_null(strstr(some, "\"effect\""));
}

static void an_unknown_package_is_not_found(void **state) {
    struct matrix_fixture *m = *state;
    struct fixture *f = &m->f;
    const struct message request = {.tag = MESSAGE_publication_query, .publication_query = {.name = "nobody"}};
    struct message answer = {0};
    assert_status(STATUS_NOT_FOUND, answer_publication_query(&m->service, &request, &f->arena, &answer, &f->err));
    assert_string_equal(f->err.message, "There is no package nobody in the registry.");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        matrix_test(the_newest_of_a_package_come_first_and_unpublished_ones_twice),
        matrix_test(all_packages_are_in_one_order),
        matrix_test(an_unknown_package_is_not_found),
    };
    return cmocka_run_group_tests(tests, start_matrix, stop_matrix);
}
