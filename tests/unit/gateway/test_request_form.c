/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include <string.h>

#include "services/gateway/http/request_form.h"

static void a_head_is_read_as_it_was_sent(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        struct request_head head;
    } rows[] = {
        {"", {0}},
        {"GET / HTTP/1.1\r\nHost: x\r\n", {.hosts = 1}},
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\nHost: y\r\n", {.is_complete = true, .hosts = 1}},
        {"\r\nGET / HTTP/1.1\nhost:x\n\n", {.is_complete = true, .hosts = 1}},
        {"GET / HTTP/1.1\r\nHost: x\r\nHOST: x\r\n\r\n", {.is_complete = true, .hosts = 2}},
        {"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n", {.is_complete = true, .lengths = 1}},
        {"POST / HTTP/1.1\r\nContent-Length: 2\r\ncontent-length:2 \t\r\n\r\n", {.is_complete = true, .lengths = 2}},
        {"POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 20\r\n\r\n",
         {.is_complete = true, .lengths = 2, .has_two_lengths = true}},
        {"POST / HTTP/1.1\r\nX-Content-Length: 3\r\nContent-Length-X: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
         {.is_complete = true, .transfer_encodings = 1}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct request_head head;
        request_head_read(&head, rows[i].bytes, strlen(rows[i].bytes));
        head.method = head.target = (h2o_iovec_t){0};
        if (memcmp(&head, &rows[i].head, sizeof head) != 0) fail_msg("row %zu: %s", i, rows[i].bytes);
    }
}

static void method_and_target_are_of_the_first_line(void **state) {
    (void)state;
    static const char bytes[] = "POST /api/v1/publish?a=b HTTP/1.1\r\n\r\n", malformed[] = "POST /\r\n\r\n";
    struct request_head head;
    request_head_read(&head, bytes, sizeof bytes - 1);
    assert_int_equal(head.method.len, 4);
    assert_memory_equal(head.method.base, "POST", 4);
    assert_int_equal(head.target.len, strlen("/api/v1/publish?a=b"));
    assert_memory_equal(head.target.base, "/api/v1/publish?a=b", head.target.len);
    request_head_read(&head, malformed, sizeof malformed - 1);
    assert_true(head.is_complete && head.method.len == 0 && head.target.len == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_is_read_as_it_was_sent),
        cmocka_unit_test(method_and_target_are_of_the_first_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
