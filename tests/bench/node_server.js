// SPDX-License-Identifier: BSD-3-Clause
//
// A bare Node server, for comparison with the gateway (bench_gateway.c): GET /status has an empty answer, GET /jobs/ID reads
// the job and its log from the same Redis and prints the JSON of GET /api/v1/jobs/ID. No framework, no package; its Redis
// client is a minimal one for two keys: it pipelines, and reads only the parts of RESP that HGETALL and XRANGE use.
//
//   node node_server.js REDIS_SOCKET       prints its port and serves until it is killed
'use strict';
const http = require('node:http');
const net = require('node:net');

const LEVELS = ['DEBUG', 'INFO', 'WARN', 'NOTICE', 'ERROR'];

// ---- Redis ----

let buffered = Buffer.alloc(0);
const waiting = [];
const redis = net.connect(process.argv[2]);

// Reads one reply at `at`: [value, end], or null if it is not complete yet.
function readReply(at) {
  const end = buffered.indexOf('\r\n', at);
  if (end < 0) return null;
  const head = buffered.toString('latin1', at + 1, end);
  let next = end + 2;
  switch (buffered[at]) {
    case 0x24: { // $: bytes
      const length = Number(head);
      if (length < 0) return [null, next];
      if (buffered.length < next + length + 2) return null;
      return [buffered.toString('utf8', next, next + length), next + length + 2];
    }
    case 0x2a: { // *: a list
      const items = [];
      for (let i = 0; i < Number(head); i++) {
        const item = readReply(next);
        if (!item) return null;
        items.push(item[0]);
        next = item[1];
      }
      return [items, next];
    }
    default:
      return [head, next];
  }
}

redis.on('data', (bytes) => {
  buffered = buffered.length ? Buffer.concat([buffered, bytes]) : bytes;
  let at = 0;
  for (let reply; waiting.length && at < buffered.length && (reply = readReply(at)); at = reply[1]) waiting.shift()(reply[0]);
  buffered = buffered.subarray(at);
});

function command(...words) {
  redis.write(`*${words.length}\r\n` + words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join(''));
  return new Promise((resolve) => waiting.push(resolve));
}

// ---- The answer ----

const time = (ms) => (ms ? new Date(Number(ms)).toISOString() : undefined);

function makeJob(id, fields, entries) {
  const job = {};
  for (let i = 0; i < fields.length; i += 2) job[fields[i]] = fields[i + 1];
  const logs = [];
  for (const [entryId, [field, value]] of entries) {
    if (field !== 'line') continue;
    const [, level, message] = /^(\S+) \d+ \d+ ([^]*)$/.exec(value);
    if (LEVELS.indexOf(level) < LEVELS.indexOf('INFO')) continue;
    logs.push({ level, message, jobId: id, timestamp: time(entryId.split('-')[0]) });
  }
  return {
    jobId: id, jobType: job.kind, createdAt: time(job.createdAt), startedAt: time(job.startedAt),
    finishedAt: time(job.finishedAt), success: job.state === 'succeeded', packageName: job.package,
    packageVersion: job.version, compilerVersion: job.compiler, disposition: job.ending ?? 'published', logs,
    payload: JSON.parse(job.payload),
  };
}

http.createServer(async (request, response) => {
  if (request.url === '/status') return response.end();
  const id = request.url.slice('/jobs/'.length);
  const [fields, entries] = await Promise.all([command('HGETALL', `job:${id}`), command('XRANGE', `job:${id}:log`, '-', '+')]);
  const body = JSON.stringify(makeJob(id, fields, entries));
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}).listen(0, '127.0.0.1', function () { console.log(this.address().port); });
