/* SPDX-License-Identifier: BSD-3-Clause
 *
 * For tests: checks that the Authorization header of a request has a valid AWS Signature v4 for S3. Written from the published
 * description, and shares nothing with the client under test (libcurl); tests/unit/tools/test_aws_signature.c checks it against
 * the published examples.
 *
 *   to be signed:  METHOD \n path \n query, sorted \n each signed header `name:value` \n … \n names \n SHA-256 of the body
 *   signed is:     AWS4-HMAC-SHA256 \n time \n DATE/REGION/s3/aws4_request \n SHA-256 of that
 *   with the key:  HMAC in a chain over "AWS4" SECRET, DATE, REGION, s3, aws4_request
 *
 * Stricter than S3 in one thing: UNSIGNED-PAYLOAD is refused, since the registry always signs its bodies.
 */
#ifndef TESTS_SUPPORT_S3_AWS_SIGNATURE_H
#define TESTS_SUPPORT_S3_AWS_SIGNATURE_H

#include <stdint.h>

#include "tests/support/http/http_message.h"

struct aws_account {
    const char *key;
    const char *secret;
    const char *region;
};

/* NULL if the account has signed this message at about that time; else the code of S3's error. */
const char *aws_signature_fault(struct http_message *message, const struct aws_account *account, int64_t now_ms);

#endif
