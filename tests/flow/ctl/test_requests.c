/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Requests that registryctl sends to a gateway, which an HTTP server replaces here.
 */
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "tests/support/http/http_stub.h"
#include "tests/support/run_program.h"
#include "tests/support/temporary_folder.h"

static void ask(const char *gateway, const char *command, const char *argument) {
    struct temporary_folder folder;
    struct command_result result = {0};
    const char *const arguments[] = {"--gateway", gateway, command, argument, NULL};
    temporary_folder_make(&folder);
    assert_int_equal(run_program(&result, &(struct program_call){"registryctl", arguments, NULL, folder.path, NULL}), 0);
    command_result_release(&result);
    temporary_folder_remove(&folder);
}

static void an_id_of_any_text_is_one_part_of_the_path(void **state) {
    (void)state;
    struct http_stub *stub = http_stub_start("HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{\"state\":\"pending\"}");
    static const char *const requests[] = {"GET /status/a%2F..%2Fb%3Fc%23%25 ", "GET /status/a%2F..%2Fb%3Fc%23%25 ",
                                           "GET /logs/a%2F..%2Fb%3Fc%23%25?level="};
    char gateway[64];
    snprintf(gateway, sizeof gateway, "http://127.0.0.1:%d", http_stub_port(stub));
    ask(gateway, "status", "a/../b?c#%");
    ask(gateway, "logs", "a/../b?c#%");
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        const char *request = http_stub_request(stub, i);
        if (!request || strncmp(request, requests[i], strlen(requests[i])) != 0) fail_msg("%s: %s", requests[i], request);
    }
    http_stub_stop(stub);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_id_of_any_text_is_one_part_of_the_path)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
