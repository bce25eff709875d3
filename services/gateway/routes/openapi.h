/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The description of all public routes as OpenAPI 3.1. Paths, parameters, bodies and answers are generated from routes.def, the
 * words of enumerations (job kinds, states, levels, error codes, …) from their tables, and both are added to openapi.json,
 * which has the hand-written schemas of bodies. tests/clients/openapi_test.js checks the document against real answers.
 */
#ifndef SERVICES_GATEWAY_ROUTES_OPENAPI_H
#define SERVICES_GATEWAY_ROUTES_OPENAPI_H

struct text;

/* Appends the document as compact JSON; the output is constant. Aborts if a row names a schema, header or path parameter that
 * does not exist. */
void openapi_append(struct text *out);

#endif
