/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: a job's payload as the decoders of existing clients read it (spago 1.0.4 and 0.93: a field of an object is absent
 * or has its type, never null). Written independently of lib/domain, because it checks that code's output.
 */
#ifndef TESTS_SUPPORT_CLIENT_CODEC_H
#define TESTS_SUPPORT_CLIENT_CODEC_H

#include <jansson.h>
#include <stdbool.h>

/* Whether a client can read `payload` as that of a job of `kind`, a jobType: publish, unpublish, transfer, packageset, matrix
 * or revision. */
bool client_reads_payload(const char *kind, const json_t *payload);

#endif
