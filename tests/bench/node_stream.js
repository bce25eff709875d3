// SPDX-License-Identifier: BSD-3-Clause
//
// A bare Node server, for comparison with the gateway's live logs (bench_events.c): every GET is a stream that gets the body of
// every POST.
//
//   node node_stream.js       prints its port and serves until it is killed
'use strict';
const http = require('node:http');

const streams = new Set();

http.createServer((request, response) => {
  if (request.method === 'POST') {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      const body = Buffer.concat(parts);
      for (const stream of streams) stream.write(body);
      response.end('sent');
    });
    return;
  }
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  response.flushHeaders();
  streams.add(response);
  request.on('close', () => streams.delete(response));
}).listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, function () { console.log(this.address().port); });
