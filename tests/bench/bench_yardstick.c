/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/support/cmocka_all.h"

#include "tests/bench/bench_yardstick.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "tests/support/shell.h"

enum { FSYNC_BYTES = 4096, HASHED_BYTES = 100000000 };

static double ms_since(int64_t start_us) {
    return (double)(clock_monotonic_us() - start_us) / 1000;
}

void yardstick_prepare(const struct server *server) {
    shell_run("cd '%s' && git clone -q --bare registry.git yardstick.git && git clone -q yardstick.git yardstick",
              server->folder);
}

void yardstick_measure_push(struct yardstick *yardstick, const struct server *server) {
    shell_run("cd '%s/yardstick' && date +%%s%%N >file && git add file && "
              "git -c user.name=bench -c user.email=bench@example.org commit -q -m bench",
              server->folder);
    int64_t start_us = clock_monotonic_us();
    shell_run("cd '%s/yardstick' && git push -q origin main 2>&1", server->folder);
    samples_add(&yardstick->push, ms_since(start_us));
}

void yardstick_measure_fsync(struct yardstick *yardstick, const struct server *server) {
    static const char block[FSYNC_BYTES] = {1};
    char path[128];
    snprintf(path, sizeof path, "%s/fsync", server->folder);
    int64_t start_us = clock_monotonic_us();
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    assert_int_equal(write(file, block, sizeof block), sizeof block);
    assert_int_equal(fsync(file), 0);
    close(file);
    samples_add(&yardstick->fsync, ms_since(start_us));
}

void yardstick_measure_sha256(struct yardstick *yardstick) {
    char hash[SHA256_SRI_MAX], *bytes = memory_alloc(HASHED_BYTES);
    int64_t start_us = clock_monotonic_us();
    hash_sha256_sri(bytes, HASHED_BYTES, hash);
    samples_add(&yardstick->sha256, ms_since(start_us));
    free(bytes);
}

void yardstick_print(struct yardstick *yardstick) {
    if (yardstick->push.count) samples_print(&yardstick->push, "yardstick: git push of one commit", "ms");
    if (yardstick->fsync.count) samples_print(&yardstick->fsync, "yardstick: one write with fsync", "ms");
    if (yardstick->sha256.count) samples_print(&yardstick->sha256, "yardstick: SHA-256 of 100 MB", "ms");
}

void yardstick_release(struct yardstick *yardstick) {
    samples_release(&yardstick->push);
    samples_release(&yardstick->fsync);
    samples_release(&yardstick->sha256);
}
