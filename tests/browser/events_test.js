// SPDX-License-Identifier: BSD-3-Clause
//
// Logs are read by Chromium's EventSource while they are written: by a page of another origin, over HTTP/1.1, over HTTP/2 with
// TLS, and through nginx as in tests/clients/events_test.js. It comes back by itself, goes on after its last line, and stops at
// 204.
//
//   node events_test.js PROGRAMS FOLDER      FOLDER/npm/node_modules has playwright-core; see tests/clients/run
'use strict';
const assert = require('node:assert/strict');
const http = require('node:http');
const { chromium } = require('playwright-core');
const { LiveScene } = require('../clients/live_scene.js');
const { EventSourceReader } = require('../clients/log_readers.js');
const { API_HOST } = require('../clients/registry_server.js');
const { runMain } = require('../clients/run_main.js');

const PROGRAM = '/usr/bin/chromium'; // of Debian
const EVENTS = ['log', 'job', 'end', 'slow'];

// A page whose origin is not the gateway's. Resolves to its address.
async function startPages() {
  const pages = http.createServer((request, response) => {
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>Logs</title>');
  });
  await new Promise((resolve) => pages.listen(0, '127.0.0.1', resolve));
  pages.unref();
  return `http://127.0.0.1:${pages.address().port}/`;
}

// In the page: opens an EventSource, and reports all that happens to it by the page's function `report`, as much at once as there
// is by then.
function openSource({ url, number, events }) {
  const source = new EventSource(url), waiting = [];
  let isReporting = false;
  const report = async (...words) => {
    waiting.push(words);
    if (isReporting) return;
    isReporting = true;
    while (waiting.length > 0) await globalThis.report(number, waiting.splice(0));
    isReporting = false;
  };
  source.addEventListener('open', () => report('onOpen'));
  source.addEventListener('error', () => { if (source.readyState === EventSource.CLOSED) report('onGivingUp'); });
  for (const name of events) source.addEventListener(name, ({ data, lastEventId }) => report('onEvent', name, data, lastEventId));
}

class Browser {
  protocols = new Set();
  refusals = []; // {address, status}, in their order: answers without a stream

  async start(address) {
    const args = ['--no-sandbox', `--host-resolver-rules=MAP ${API_HOST} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1`];
    this.chromium = await chromium.launch({ executablePath: PROGRAM, args });
    const context = await this.chromium.newContext({ ignoreHTTPSErrors: true }); // the authority is the test's
    this.page = await context.newPage();
    this.readers = [];
    await this.page.exposeFunction('report', (number, reports) => {
      for (const [what, ...words] of reports) this.report(this.readers[number], what, words);
    });
    await this.watch(await context.newCDPSession(this.page));
    await this.page.goto(address);
  }

  // The page is not told why it must give up, nor the version of HTTP. Of an answer that nginx makes, without CORS, Chromium
  // reports the status alone.
  async watch(network) {
    const addresses = new Map(); // by request
    network.on('Network.requestWillBeSent', ({ requestId, request }) => addresses.set(requestId, request.url.replace(/\?.*/, '')));
    network.on('Network.responseReceived', ({ response: { url, protocol } }) =>
      this.protocols.add(`${protocol} ${new URL(url).protocol}`));
    network.on('Network.responseReceivedExtraInfo', ({ requestId, statusCode: status }) => {
      if (status !== 200) this.refusals.push({ address: addresses.get(requestId), status });
      for (const reader of this.readers) reader.changed();
    });
    await network.send('Network.enable');
  }

  async report(reader, what, words) {
    if (what !== 'onGivingUp') return reader[what](...words); // at once
    const isItsOwn = ({ address }) => address === reader.url;
    await reader.waitUntil(() => this.refusals.some(isItsOwn), 'it gives up without an answer');
    const [{ status }] = this.refusals.splice(this.refusals.findIndex(isItsOwn), 1);
    return reader.onGivingUp(status);
  }

  // For an EventSourceReader.
  connect(url, reader) {
    if (!this.readers.includes(reader)) this.readers.push(reader);
    this.page.evaluate(openSource, { url, number: this.readers.indexOf(reader), events: EVENTS })
      .catch(({ message }) => reader.fail(message));
  }

  reader(name, url) { return new EventSourceReader(`Chromium, ${name}`, url, (...words) => this.connect(...words)); }
}

async function main(programs, folder) {
  const scene = new LiveScene();
  await scene.start(programs, folder);
  const browser = new Browser();
  await browser.start(await startPages());
  const secure = `https://${API_HOST}:${scene.secure.port}`;
  const eventsOf = (id) => `/api/v1/jobs/${id}/events`;
  const startPlain = (id) => Object.entries(scene.ways()).map(([way, url]) => browser.reader(way, url + eventsOf(id)));
  await scene.checkReaders((id) => [...startPlain(id), browser.reader('over TLS', secure + eventsOf(id))]);
  await scene.checkInterruptions(startPlain);
  assert.deepEqual([...browser.protocols].sort(), ['h2 https:', 'http/1.1 http:']);
  await browser.chromium.close();
  await scene.stop();
}

runMain(main);
