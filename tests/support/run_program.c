/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/run_program.h"

#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/deadline.h"

enum { TIMEOUT_MS = 300000, ARGUMENTS_MAX = 20, OUTPUT_BYTES_MAX = 128 << 20 };

int run_program(struct command_result *result, const struct program_call *call) {
    char path[256];
    const char *arguments[ARGUMENTS_MAX + 2] = {path};
    const char *const environment[] = {"LSAN_OPTIONS=suppressions=" SOURCE_DIR "/tests/support/lsan.supp:print_suppressions=0",
                                       call->setting, NULL};
    struct deadline deadline;
    struct error err = {0};
    snprintf(path, sizeof path, BUILD_DIR "/bin/%s", call->program);
    for (size_t i = 0; call->arguments[i]; i++) {
        assert_true(i < ARGUMENTS_MAX);
        arguments[i + 1] = call->arguments[i];
    }
    const struct command command = {.arguments = arguments,
                                    .environment = environment,
                                    .folder = call->folder,
                                    .input = call->input,
                                    .input_length = call->input ? strlen(call->input) : 0,
                                    .output_limit_bytes = OUTPUT_BYTES_MAX};
    command_result_release(result);
    deadline_start(&deadline, TIMEOUT_MS);
    if (command_run(result, &command, &deadline, &err)) fail_msg("%s: %s", call->program, err.message);
    assert_int_equal(result->signal, 0);
    return result->exit_status;
}
