/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a fuzz target defines: takes one input, and stops the program where something is wrong.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#endif
