/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests of the handlers of queries: asks them in this process.
 */
#ifndef TESTS_STORE_BUILD_MATRIX_QUERY_SCENE_H
#define TESTS_STORE_BUILD_MATRIX_QUERY_SCENE_H

#include "services/build-matrix/query/matrix_query.h"
#include "tests/store/build-matrix/matrix_fixture.h"

static struct message answer;

static inline enum status ask(struct matrix_fixture *m, const struct message *question) {
    struct fixture *f = &m->f;
    static const struct {
        enum message_tag tag;
        enum status (*answer)(void *context, const struct message *request, struct arena *arena, struct message *answer,
                              struct error *err);
    } rows[] = {{MESSAGE_package_list_query, answer_package_list_query},
                {MESSAGE_package_query, answer_package_query},
                {MESSAGE_known_package_query, answer_known_package_query},
                {MESSAGE_workers_query, answer_workers_query},
                {MESSAGE_matrix_query, answer_matrix_query},
                {MESSAGE_matrix_verify, answer_matrix_verify},
                {MESSAGE_build_states_query, answer_build_states_query},
                {MESSAGE_plan_query, answer_plan_query},
                {MESSAGE_holds_query, answer_holds_query}};
    answer = (struct message){0};
    f->err = (struct error){0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].tag == question->tag) return rows[i].answer(&m->service, question, &f->arena, &answer, &f->err);
    fail_msg("%s", message_name(question->tag));
    return STATUS_INTERNAL;
}

static inline const char *expect_json(struct matrix_fixture *m, const struct message *question) {
    struct fixture *f = &m->f;
    assert_ok(ask(m, question));
    assert_int_equal(answer.tag, MESSAGE_json_answer);
    return answer.json_answer.json;
}

static inline void expect_failure(struct matrix_fixture *m, enum status status, const struct message *question,
                                  const char *field, const char *sentence) {
    struct fixture *f = &m->f;
    assert_status(status, ask(m, question));
    assert_string_equal(f->err.path, field);
    assert_string_equal(f->err.message, sentence);
}

static inline struct message package_query(const char *name, const char *version) {
    return (struct message){.tag = MESSAGE_package_query, .package_query = {.name = name, .version = version}};
}

static inline struct message known_query(const char *name, const char *version) {
    return (struct message){.tag = MESSAGE_known_package_query, .known_package_query = {.name = name, .version = version}};
}

#endif
