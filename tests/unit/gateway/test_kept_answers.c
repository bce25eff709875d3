/* SPDX-License-Identifier: BSD-3-Clause */
#include "services/gateway/backend/kept_answers.h"

#include "tests/support/cmocka_all.h"

#include <string.h>

enum { BODY_BYTES = 1000, LIMIT_BYTES = 20000 };

/* Keeps an answer with the key as its body, filled up to `length`. */
static void add(struct kept_answers *answers, const char *key, size_t length) {
    struct text body = {0};
    text_append(&body, key);
    while (body.length < length)
        text_append_character(&body, '.');
    struct kept_answer *answer = kept_answers_make(&body);
    assert_null(body.bytes);
    kept_answers_add(answers, key, answer);
    kept_answer_release(answer);
}

static bool has(struct kept_answers *answers, const char *key) {
    struct kept_answer *answer = kept_answers_find(answers, key);
    if (answer) assert_memory_equal(answer->body.bytes, key, strlen(key));
    kept_answer_release(answer);
    return answer;
}

static void the_answer_that_was_asked_for_least_lately_goes_first(void **state) {
    (void)state;
    struct kept_answers *answers = kept_answers_create(LIMIT_BYTES);
    char key[8] = "k00";
    int kept = 0;
    for (int i = 0; i < 50; i++) {
        key[1] = (char)('0' + i / 10), key[2] = (char)('0' + i % 10);
        add(answers, key, BODY_BYTES);
        assert_true(has(answers, "k00")); /* asked for again and again, so it stays */
        assert_true(has(answers, key));
    }
    for (int i = 0; i < 50; i++) {
        key[1] = (char)('0' + i / 10), key[2] = (char)('0' + i % 10);
        kept += has(answers, key);
    }
    assert_in_range(kept, LIMIT_BYTES / BODY_BYTES / 3, LIMIT_BYTES / BODY_BYTES);
    assert_false(has(answers, "k01"));
    kept_answers_free(answers);
}

static void a_large_answer_does_not_push_the_others_out(void **state) {
    (void)state;
    struct kept_answers *answers = kept_answers_create(LIMIT_BYTES);
    add(answers, "small", BODY_BYTES);
    add(answers, "large", LIMIT_BYTES / 8);
    assert_true(has(answers, "small"));
    assert_false(has(answers, "large"));
    kept_answers_free(answers);
}

static void an_answer_that_is_being_sent_stays(void **state) {
    (void)state;
    struct kept_answers *answers = kept_answers_create(LIMIT_BYTES);
    add(answers, "a", BODY_BYTES);
    add(answers, "a", BODY_BYTES); /* the first one is kept */
    struct kept_answer *answer = kept_answers_find(answers, "a");
    kept_answers_free(answers);
    assert_int_equal(answer->body.bytes[0], 'a');
    kept_answer_release(answer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answer_that_was_asked_for_least_lately_goes_first),
        cmocka_unit_test(a_large_answer_does_not_push_the_others_out),
        cmocka_unit_test(an_answer_that_is_being_sent_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
