/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The description of all public routes as OpenAPI 3.1, made from routes.def: paths, parameters, bodies and answers from its
 * rows, the words of job kinds, states, levels and error codes from their tables. What no table knows, the schemas of bodies,
 * is written by hand in openapi.json, into which the rest is put. tests/clients/openapi_test.js checks it with real answers.
 */
#ifndef SERVICES_GATEWAY_OPENAPI_H
#define SERVICES_GATEWAY_OPENAPI_H

struct text;

/* Appends the document, as compact JSON: always the same. A row that names a schema, header or path parameter that is not there
 * is our own bug. */
void openapi_append(struct text *out);

#endif
