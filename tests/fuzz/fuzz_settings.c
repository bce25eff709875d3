/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reads the input as the file .env of two programs, whose errors must name the malformed variable. Secrets and the state folder
 * come from the environment, which overrides the file, because secrets are kept for the life of the process and the state
 * folder is created.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/folder.h"
#include "lib/base/settings.h"
#include "tests/fuzz/fuzz.h"

static char folder[] = "/tmp/registry-fuzz-XXXXXX";

static void remove_folder(void) {
    folder_remove(folder);
}

static void prepare(void) {
    if (!mkdtemp(folder) || setenv("STATE_DIR", folder, 1) || atexit(remove_folder)) abort();
#define SECRET(field, variable, programs, help) setenv(variable, "from the environment", 1);
#include "lib/base/settings.def"
}

static void load(enum program program) {
    struct settings settings;
    struct error err = {0};
    if (settings_load(&settings, program, &err))
        assert(err.status == STATUS_INVALID && err.path[0] && err.message[0]);
    else
        assert(text_equal(settings.state_dir, folder) && settings.server_port >= 0 && settings.server_port <= 65535);
    settings_release(&settings);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    if (!getenv("STATE_DIR")) prepare();
    int folder_before = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder_before < 0 || chdir(folder)) abort();
    FILE *file = fopen(".env", "we");
    if (!file || fwrite(bytes, 1, length, file) != length || fclose(file)) abort();
    load(PROGRAM_GATEWAY);
    load(PROGRAM_PUBLISH);
    if (fchdir(folder_before)) abort(); /* the folder of the inputs */
    close(folder_before);
    return 0;
}
