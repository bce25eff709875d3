/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What an S3 server says, in XML: its errors, and its lists of objects. Read by expat; a document type, with which entities
 * that grow without bound would begin, is refused, and so is what is nested deeper than these answers are.
 *
 *   <Error><Code>NoSuchKey</Code><Message>…</Message>…</Error>
 *   <ListBucketResult><Contents><Key>…</Key>…</Contents>…<IsTruncated>true</IsTruncated>
 *     <NextContinuationToken>…</NextContinuationToken></ListBucketResult>
 */
#ifndef LIB_TOOLS_S3_ANSWER_H
#define LIB_TOOLS_S3_ANSWER_H

#include <stddef.h>

#include "lib/base/error.h"

struct arena;

enum { S3_CODE_MAX = 64, S3_MESSAGE_MAX = 256 };

struct s3_error {
    char code[S3_CODE_MAX];
    char message[S3_MESSAGE_MAX]; /* one printable line */
};

/* Empty texts where it is something else: another program's page, say. What is too long is cut. */
void s3_answer_read_error(struct s3_error *out, const char *bytes, size_t length);

/* A part of a list of objects; all in the arena. */
struct s3_page {
    char **names;
    size_t count;
    const char *continuation; /* what to ask for the next part with; NULL: this is the last */
};

/* STATUS_UNAVAILABLE where it is something else. */
CHECK_RESULT enum status s3_answer_read_page(struct s3_page *out, const char *bytes, size_t length, struct arena *arena,
                                             struct error *err);

#endif
