// SPDX-License-Identifier: BSD-3-Clause
//
// Loaded into the client's node before the client (NODE_OPTIONS=--require): writes a line `METHOD URL STATUS` into the file
// RECORDED_REQUESTS for every answer, and one with the failure in place of the status for a request that got none. It only
// observes, by node's own diagnostics channels, both of its HTTP clients: node:http and fetch. A successful CONNECT to a proxy
// (200), which node 22.23.5 reports and 22.23.3 does not, belongs to the transport and is omitted. A failed one is not: fetch
// retries by itself, so nothing else would show that a server accepts no connections.
'use strict';
const { subscribe } = require('node:diagnostics_channel');
const { appendFileSync } = require('node:fs');

const record = (method, url, outcome) => {
  if (method !== 'CONNECT' || outcome !== 200) appendFileSync(process.env.RECORDED_REQUESTS, `${method} ${url} ${outcome}\n`);
};
const ofHttp = (request) => [request.method, `${request.protocol}//${request.host}${request.path}`];
const ofFetch = (request) => [request.method, `${request.origin}${request.path}`];

subscribe('http.client.response.finish', ({ request, response }) => record(...ofHttp(request), response.statusCode));
subscribe('http.client.request.error', ({ request, error }) => record(...ofHttp(request), error.code));
subscribe('undici:request:headers', ({ request, response }) => record(...ofFetch(request), response.statusCode));
subscribe('undici:request:error', ({ request, error }) => record(...ofFetch(request), error.code ?? error.name));
