// SPDX-License-Identifier: BSD-3-Clause
//
// A small CONNECT proxy: it connects each of the given hosts, at any port, to one port of this machine, and refuses all others.
// It sees only TLS. For clients whose hosts are fixed in their code.
'use strict';
const http = require('node:http');
const net = require('node:net');

// Resolves to the listening server, which the caller closes.
function startProxy(hosts, port) {
  const proxy = http.createServer((request, response) => response.writeHead(405).end());
  const sockets = new Set();
  proxy.on('connect', (request, client, head) => {
    const host = request.url.replace(/:\d+$/, '');
    if (!hosts.includes(host)) {
      client.end('HTTP/1.1 403 Forbidden\r\n\r\n');
      return;
    }
    const server = net.connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      server.write(head);
      server.pipe(client).pipe(server);
    });
    for (const [socket, other] of [[client, server], [server, client]]) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => { sockets.delete(socket); other.destroy(); });
    }
  });
  proxy.cut = () => { proxy.close(); for (const socket of sockets) socket.destroy(); };
  return new Promise((resolve) => proxy.listen(0, '127.0.0.1', () => resolve(proxy)));
}

module.exports = { startProxy };
