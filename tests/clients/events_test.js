// SPDX-License-Identifier: BSD-3-Clause
//
// Logs are read while they are written, by curl and npm's eventsource, directly and through nginx with its default buffering and
// with a cache of everything: every line, in order, once. Nothing is late: the next line is written when all readers have the one
// before. Nothing is stale: an answer about a job is not kept on the way.
//
//   node events_test.js PROGRAMS FOLDER      FOLDER/npm/node_modules has eventsource; see tests/clients/run
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const { EventSource } = require('eventsource');
const { LiveScene } = require('./live_scene.js');
const { CurlReader, CurlTextReader, EventSourceReader } = require('./log_readers.js');
const { API_HOST } = require('./registry_server.js');
const { runMain } = require('./run_main.js');

const eventsOf = (id) => `/api/v1/jobs/${id}/events`;
const textOf = (id) => `/logs/${id}?follow=true`;

// For an EventSourceReader.
function connect(url, reader) {
  const source = new EventSource(url);
  source.addEventListener('open', () => reader.onOpen());
  source.addEventListener('error', ({ code }) => { if (source.readyState === EventSource.CLOSED) reader.onGivingUp(code); });
  for (const name of ['log', 'job', 'end', 'slow'])
    source.addEventListener(name, ({ data, lastEventId }) => reader.onEvent(name, data, lastEventId));
}

const startSources = (scene, id) => Object.entries(scene.ways()).map(([way, url]) =>
  new EventSourceReader(`eventsource, ${way}`, url + eventsOf(id), connect));

function startReaders(scene, id) {
  const events = eventsOf(id), text = textOf(id), { secure, relay } = scene;
  const url = `https://${API_HOST}:${secure.port}`;
  const tls = ['--cacert', secure.authority, '--resolve', `${API_HOST}:${secure.port}:127.0.0.1`];
  const readers = [
    new CurlReader('curl over TLS', ['--http1.1', ...tls, url + events]),
    new CurlReader('curl --http2 over TLS', ['--http2', ...tls, url + events], '2'),
    new CurlReader('curl --http2-prior-knowledge', ['--http2-prior-knowledge', relay.url + events], '2'),
    new CurlTextReader('curl over TLS, plain text', ['--http1.1', ...tls, url + text]),
    new CurlTextReader('curl --http2 over TLS, plain text', ['--http2', ...tls, url + text], '2'),
  ];
  for (const [way, by] of Object.entries(scene.ways()))
    readers.push(new CurlReader(`curl, ${way}`, [by + events]),
      new CurlReader(`curl --compressed, ${way}`, ['--compressed', by + events]),
      new CurlTextReader(`curl, plain text, ${way}`, [by + text]));
  return [...readers, ...startSources(scene, id)];
}

// What is asked about a job through the cache is as it is now, each time.
async function checkNothingIsStale({ job, nginx, plain }) {
  const ask = async (target) => {
    const response = await fetch(nginx.caching.url + target, { headers: { 'user-agent': 'curl/8' } });
    assert.equal(response.status, 200, target);
    return { from: response.headers.get('x-cache'), body: await response.text() };
  };
  await job.begin('asked');
  await job.write(1);
  const targets = [`/status/${job.id}`, `/logs/${job.id}`, '/api/v1/jobs', `/api/v1/jobs/${job.id}`, `/api/v1/jobs/${job.id}/logs`];
  const before = [];
  for (const target of targets) {
    await ask(target);
    before.push(await ask(target));
  }
  await job.write(1);
  await job.end();
  for (const [i, target] of targets.entries()) {
    const { from, body } = await ask(target);
    assert.notEqual(from, 'HIT', target);
    assert.notEqual(body, before[i].body, `${target} is stale`);
  }
  fs.mkdirSync(plain.at('storage/kept'), { recursive: true });
  fs.writeFileSync(plain.at('storage/kept/1.0.0.tar.gz'), 'A tarball.');
  await ask('/kept/1.0.0.tar.gz');
  assert.equal((await ask('/kept/1.0.0.tar.gz')).from, 'HIT', 'the cache works');
  console.log('caching: no answer about a job is stale');
}

async function main(programs, folder) {
  const scene = new LiveScene();
  await scene.start(programs, folder);
  await scene.checkReaders((id) => startReaders(scene, id));
  await scene.checkInterruptions((id) => startSources(scene, id));
  if (scene.nginx) await checkNothingIsStale(scene);
  await scene.stop();
}

runMain(main);
