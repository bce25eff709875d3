/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The whole build matrix as this service answers it, kept while nothing changes:
 *
 *   the registry's two commits, the compilers ──► what the registry says (127 ms for 181,335 cells, in steps of 3 ms)  ──┐
 *   changes of jobs in Redis ───────────────────► the last builds (build_notes.h) ─────────────────────────────────────┴─► cells, JSON
 *
 * A query brings it up to date first, at most every FOLLOW_MS. One thread at a time does so; others read the one before
 * meanwhile, or wait where there is none yet.
 */
#ifndef SERVICES_BUILD_MATRIX_QUERY_MATRIX_BOOK_H
#define SERVICES_BUILD_MATRIX_QUERY_MATRIX_BOOK_H

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "services/build-matrix/query/build_notes.h"

struct matrix_book;
struct matrix_service;

/* Empty; `service` is borrowed, and must be open before the first matrix_book_open(). */
struct matrix_book *matrix_book_create(struct matrix_service *service);
void matrix_book_free(struct matrix_book *book); /* NULL is allowed */

enum { MATRIX_TAG_MAX = 17 };

/* Valid from matrix_book_open() to matrix_book_close(), by the same thread. */
struct matrix_page {
    const struct whole_matrix *matrix;
    const struct build_notes *notes;
    const struct text *json; /* whole_matrix_append_json() */
    const char *tag;         /* of the JSON: equal for equal ones */
};

/* Brings the book up to date and opens it for reading. After a failure it is not open. Any thread. */
CHECK_RESULT enum status matrix_book_open(struct matrix_book *book, struct matrix_page *out, struct error *err);
void matrix_book_close(struct matrix_book *book);

#endif
