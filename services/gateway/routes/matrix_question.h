/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Questions about the build matrix to build-matrix, for the API's routes and the site's pages; get_matrix.c has them.
 */
#ifndef SERVICES_GATEWAY_ROUTES_MATRIX_QUESTION_H
#define SERVICES_GATEWAY_ROUTES_MATRIX_QUESTION_H

#include "services/gateway/routes/registry_query.h"

/* Answers with the cells that the parameters of the call ask for. */
void matrix_question_ask_cells(struct call *call, page_writer *write);

/* Answers with what is in the way of the packages that do not build with the compiler of the call. */
void matrix_question_ask_causes(struct call *call, page_writer *write);

#endif
