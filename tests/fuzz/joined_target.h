/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Without libFuzzer all targets are one program (tests/fuzz/run_corpus.c). Included by the compiler before a target: its function is
 * then static, and known by the target's name, FUZZ_TARGET.
 */
#ifndef TESTS_FUZZ_JOINED_TARGET_H
#define TESTS_FUZZ_JOINED_TARGET_H

#include <stddef.h>
#include <stdint.h>

typedef int fuzz_target(const uint8_t *bytes, size_t length);

void fuzz_target_add(const char *name, fuzz_target *run); /* the name is borrowed */

#ifdef FUZZ_TARGET
static fuzz_target LLVMFuzzerTestOneInput;

__attribute__((constructor)) static void fuzz_target_register(void) {
    fuzz_target_add(FUZZ_TARGET, LLVMFuzzerTestOneInput);
}
#endif

#endif
