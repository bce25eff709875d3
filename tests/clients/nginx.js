// SPDX-License-Identifier: BSD-3-Clause
//
// nginx in front of the gateway, twice: with its own defaults, which hold answers back in buffers, and with a cache of all
// that may be kept, whose header X-Cache says whether an answer is from there.
'use strict';
const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');
const { startRelay } = require('./relay.js');

const START_MS = 30_000;

const configuration = (folder, upstream) => `
daemon off;
pid ${folder}/pid;
events {}
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  proxy_cache_path ${folder}/cache keys_zone=everything:1m;
  server {
    listen unix:${folder}/buffering;
    location / { proxy_pass ${upstream}; }
  }
  server {
    listen unix:${folder}/caching;
    location / {
      proxy_pass ${upstream};
      proxy_cache everything;
      proxy_cache_valid 502 504 0; # nginx's own, while the gateway is away
      proxy_cache_valid any 1h;
      add_header X-Cache $upstream_cache_status always;
    }
  }
}
`;

const program = () => spawnSync('nginx', ['-v']).error ? '/usr/sbin/nginx' : 'nginx'; // users may have no sbin in their PATH

// Resolves to {buffering, caching, stop()}, the first two with the `url` of each; or to null where nginx is not installed.
async function startNginx(folder, upstream) {
  if (spawnSync(program(), ['-v']).error) return null;
  const log = path.join(folder, 'log'), file = path.join(folder, 'conf'), names = ['buffering', 'caching'];
  fs.mkdirSync(folder);
  fs.writeFileSync(file, configuration(folder, upstream));
  const child = spawn(program(), ['-p', folder, '-e', log, '-c', file], { stdio: 'inherit' });
  const ended = new Promise((resolve) => child.once('close', resolve));
  process.once('exit', () => child.kill('SIGTERM')); // by SIGKILL its workers would stay
  for (const end = Date.now() + START_MS; !names.every((name) => fs.existsSync(path.join(folder, name))); await sleep(20))
    if (child.exitCode !== null || Date.now() > end) throw new Error(`nginx does not start:\n${fs.readFileSync(log)}`);
  const [buffering, caching] = await Promise.all(names.map((name) => startRelay(() => path.join(folder, name))));
  const stop = async () => {
    for (const relay of [buffering, caching]) relay.close();
    child.kill('SIGTERM');
    await ended;
  };
  return { buffering, caching, stop };
}

module.exports = { startNginx };
