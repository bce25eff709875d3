// SPDX-License-Identifier: BSD-3-Clause
//
// A port that stays where it is while the server behind it comes and goes, and whose connections can be cut.
'use strict';
const net = require('node:net');

// Connects each client of its port to where `find` says: an argument of net.connect(), a port or a path; nothing while it
// is away. Resolves to {url, cut(), close()}.
async function startRelay(find) {
  const sockets = new Set();
  const listener = net.createServer((client) => {
    const place = find();
    if (!place) return client.destroy();
    const server = net.connect(place);
    server.pipe(client).pipe(server);
    for (const [socket, other] of [[client, server], [server, client]]) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => { sockets.delete(socket); other.destroySoon(); });
    }
  });
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const cut = () => { for (const socket of sockets) socket.destroy(); };
  const close = () => { listener.close(); cut(); };
  return { url: `http://127.0.0.1:${listener.address().port}`, cut, close };
}

module.exports = { startRelay };
