/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The XML answers of an S3 server: errors, and lists of objects. Parsed by expat; a document type, which could define entities
 * that expand without bound, is refused, and so is deeper nesting than these answers have.
 *
 *   <Error><Code>NoSuchKey</Code><Message>…</Message>…</Error>
 *   <ListBucketResult><Contents><Key>…</Key>…</Contents>…<IsTruncated>true</IsTruncated>
 *     <NextContinuationToken>…</NextContinuationToken></ListBucketResult>
 */
#ifndef LIB_TOOLS_HTTP_S3_ANSWER_H
#define LIB_TOOLS_HTTP_S3_ANSWER_H

#include <stddef.h>

#include "lib/base/error.h"

struct arena;

enum { S3_CODE_MAX = 64, S3_MESSAGE_MAX = 256 };

struct s3_error {
    char code[S3_CODE_MAX];
    char message[S3_MESSAGE_MAX]; /* one printable line */
};

/* Empty texts if it is no S3 error, e.g. another program's page. Long texts are truncated. */
void s3_answer_read_error(struct s3_error *out, const char *bytes, size_t length);

/* One page of a list of objects; everything is in the arena. */
struct s3_page {
    char **names;
    size_t count;
    const char *continuation; /* token for the next page; NULL: this is the last */
};

/* STATUS_UNAVAILABLE: it is no list of objects. */
CHECK_RESULT enum status s3_answer_read_page(struct s3_page *out, const char *bytes, size_t length, struct arena *arena,
                                             struct error *err);

#endif
