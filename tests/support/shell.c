/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/shell.h"

#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"

/* The condition may be a whole HTTP request, which slows down the awaited work, so the pauses grow with the time waited. */
enum { FIRST_PAUSE_MS = 2, LAST_PAUSE_MS = 40, PART_OF_WAIT = 16 };

static char *run(struct arena *arena, const char *command) {
    FILE *pipe = popen(command, "r");
    if (pipe == NULL) fail_msg("cannot start: %s", command);
    struct text output = {0};
    size_t count;
    do {
        count = fread(text_reserve(&output, 4096), 1, 4096, pipe);
        output.length += count;
    } while (count > 0);
    int ended = pclose(pipe);
    char *copy = arena_copy_bytes(arena, text_view(&output), output.length);
    text_release(&output);
    if (ended != 0) fail_msg("ended with %d: %s\n%s", ended, command, copy);
    return copy;
}

char *shell_output(struct arena *arena, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *command = arena_format_list(arena, format, arguments);
    va_end(arguments);
    return run(arena, command);
}

void shell_run(const char *format, ...) {
    struct arena arena = {0};
    va_list arguments;
    va_start(arguments, format);
    run(&arena, arena_format_list(&arena, format, arguments));
    va_end(arguments);
    arena_release(&arena);
}

void write_file(const char *path, const char *content) {
    char folder[512];
    snprintf(folder, sizeof folder, "%s", path);
    for (char *slash = strchr(folder + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(folder, 0755); /* fails if it exists; fopen() reports other errors */
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    if (file == NULL) fail_msg("cannot write %s", path);
    size_t length = strlen(content);
    assert_int_equal(fwrite(content, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

char *read_file(struct arena *arena, const char *path) {
    FILE *file = fopen(path, "r");
    if (file == NULL) return NULL;
    struct text content = {0};
    size_t count;
    do {
        count = fread(text_reserve(&content, 65536), 1, 65536, file);
        content.length += count;
    } while (count > 0);
    fclose(file);
    char *copy = arena_copy_bytes(arena, text_view(&content), content.length);
    text_release(&content);
    return copy;
}

bool wait_until(bool (*is_so)(void *context), void *context, int64_t timeout_ms) {
    int64_t start_ms = clock_monotonic_ms(), waited_ms = 0;
    while (!is_so(context)) {
        waited_ms = clock_monotonic_ms() - start_ms;
        if (waited_ms > timeout_ms) return false;
        int64_t pause_ms = FIRST_PAUSE_MS + waited_ms / PART_OF_WAIT;
        if (pause_ms > LAST_PAUSE_MS) pause_ms = LAST_PAUSE_MS;
        nanosleep(&(struct timespec){.tv_nsec = pause_ms * 1000000}, NULL);
    }
    return true;
}
