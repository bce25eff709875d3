// SPDX-License-Identifier: BSD-3-Clause
//
// Webhooks of a whole server: a receiver that fails, hangs, leads elsewhere and comes back, while the service that sends is killed,
// gets every event at least once, in order per package, each with a signature that npm's standardwebhooks accepts.
//
//   node webhooks_test.js PROGRAMS FOLDER      FOLDER/npm/node_modules has the library; see tests/clients/run
'use strict';
const assert = require('node:assert/strict');
const { execFile, execFileSync } = require('node:child_process');
const http = require('node:http');
const { createRequire } = require('node:module');
const path = require('node:path');
const { text } = require('node:stream/consumers');
const { setTimeout: sleep } = require('node:timers/promises');
const { RegistryServer } = require('./registry_server.js');
const { runMain } = require('./run_main.js');

const PATIENCE_MS = 120_000;

// Answers as its mode says, and keeps what it has taken: {id, type, data, at}.
class Receiver {
  constructor(Webhook) {
    this.Webhook = Webhook;
    this.mode = 'ok';
    this.taken = [];
    this.attempts = 0;
    this.server = http.createServer((request, response) => this.take(request, response));
  }

  async start() {
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${this.server.address().port}/hook`;
  }

  async take(request, response) {
    const body = await text(request);
    this.attempts++;
    if (request.url === '/elsewhere') this.wasLedElsewhere = true;
    if (this.mode === 'fail') return response.writeHead(500).end();
    if (this.mode === 'elsewhere') return response.writeHead(307, { location: '/elsewhere' }).end();
    if (this.mode === 'hang') return undefined;
    const { type, timestamp, data } = new this.Webhook(this.secret).verify(body, request.headers); // throws if it is not ours
    assert.throws(() => new this.Webhook(this.secret).verify(`${body} `, request.headers));
    assert.match(timestamp, /^\d{4}-\d\d-\d\dT/);
    this.taken.push({ id: request.headers['webhook-id'], type, data });
    return response.writeHead(204).end();
  }

  versionsOf(name) {
    return this.taken.filter(({ data }) => data.package === name).map(({ data }) => data.version);
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

async function until(what, is) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(50)) if (await is()) return;
  throw new Error(`${what} does not happen`);
}

// Runs registryctl webhook with the server's settings; the receivers answer meanwhile.
function webhook(server, words, settings = {}) {
  return new Promise((resolve) => {
    execFile(path.join(server.programs, 'registryctl'), ['webhook', ...words],
      { cwd: server.folder, env: { ...server.environment, ...settings }, encoding: 'utf8' },
      (error, stdout, stderr) => resolve({ status: error ? error.code : 0, stdout, stderr }));
  });
}

const list = async (server) => (await webhook(server, ['list'])).stdout;

async function add(server, ...words) {
  const { status, stdout, stderr } = await webhook(server, ['add', ...words]);
  assert.equal(status, 0, stderr);
  const [, id, secret] = /^([0-9a-f]{8})\nsecret, shown only now: (whsec_\S+)\n$/.exec(stdout);
  return { id, secret };
}

async function publish(server, name, version) {
  const location = { githubOwner: 'author', githubRepo: `purescript-${name}-${version}` };
  const request = { name, version, ref: `v${version}`, location: { githubOwner: 'author', githubRepo: `purescript-${name}` } };
  server.makeSource({ ...request, location: request.location }, { 'src/Main.purs': `module M${name} where\n` });
  const { jobId } = await server.post('/api/v1/publish', { ...request, compiler: '0.15.16' });
  const job = await server.waitForJob(jobId, ({ state }) => state === 'succeeded' || state === 'failed');
  assert.equal(job.state, 'succeeded', JSON.stringify({ job, location }));
  require('node:fs').rmSync(server.at(`sources/author/purescript-${name}.git`), { recursive: true });
}

async function killSender(server) {
  const { child, ended } = server.running.get('package-set');
  server.running.delete('package-set');
  child.kill('SIGKILL');
  await ended;
  server.startProgram('package-set');
}

// Without its repetitions, the list must be what is expected, in this order: an event comes again with all that follow it, or alone.
function expectInOrder(list, expected) {
  assert.deepEqual([...new Set(list)], expected);
  for (let i = 1; i < list.length; i++) assert.ok(expected.indexOf(list[i]) >= expected.indexOf(list[i - 1]), list.join());
}

async function checkAdding(server) {
  const settings = { WEBHOOK_ALLOW_PRIVATE: 'false' };
  const refused = [['http://example.org/', /must begin with https:/], ['https://localhost/', /not on the public internet/],
    ['https://127.0.0.1:8443/', /not on the public internet/], ['https://[::1]/', /not on the public internet/],
    ['https://me:secret@example.org/', /without a user/], ['nonsense', /must look like https:/]];
  for (const [url, sentence] of refused) {
    const { status, stderr } = await webhook(server, ['add', url], settings);
    assert.equal(status, 1, url);
    assert.match(stderr, sentence);
  }
  assert.match((await webhook(server, ['add', 'http://127.0.0.1/', '--events', 'published,nonsense'])).stderr, /"nonsense" is no event/);
  assert.equal(await list(server), '');
}

async function main(programs, folder) {
  const { Webhook } = createRequire(path.join(folder, 'npm/'))('standardwebhooks');
  const server = new RegistryServer(programs, path.join(folder, 'server'), { WEBHOOK_ALLOW_PRIVATE: 'true' });
  const all = new Receiver(Webhook), some = new Receiver(Webhook);
  await Promise.all([all.start(), some.start()]);
  await server.start();
  await checkAdding(server);
  await publish(server, 'before', '1.0.0');
  await until('the event before', () =>
    Number(execFileSync('redis-cli', ['-s', server.at('redis.sock'), 'xlen', 'webhook:events'])) > 0);
  const hook = await add(server, all.url), filtered = await add(server, some.url, '--events', 'published', '--package', 'bb');
  all.secret = hook.secret;
  some.secret = filtered.secret;
  assert.equal((await list(server)).includes('whsec_'), false);
  assert.equal((await webhook(server, ['test', hook.id])).status, 0);
  assert.equal(all.taken.shift().type, 'test');
  assert.notEqual((await webhook(server, ['test', '00000000'])).status, 0);

  await publish(server, 'aa', '1.0.0');
  await publish(server, 'bb', '1.0.0');
  await until('the first events', () => all.versionsOf('bb').length > 0 && some.taken.length > 0);
  assert.deepEqual(all.versionsOf('aa'), ['1.0.0']);
  assert.deepEqual(some.taken.map(({ data }) => `${data.package}@${data.version}`), ['bb@1.0.0']);
  const feed = (await server.request('GET', '/feeds/packages/bb.atom')).body.toString();
  assert.ok(feed.includes(`<id>urn:uuid:${some.taken[0].id}</id>`), 'an event has the id of its entry in a feed');

  for (const [mode, version] of [['fail', '1.1.0'], ['hang', '1.2.0'], ['elsewhere', '1.3.0']]) {
    all.mode = mode;
    const { attempts } = all;
    await publish(server, 'aa', version);
    await publish(server, 'bb', version);
    await until(`an attempt (${mode})`, () => all.attempts > attempts);
    if (mode !== 'elsewhere') await killSender(server);
  }
  assert.match(await list(server), new RegExp(`^${hook.id} failing `, 'm'));
  all.mode = 'ok';
  await until('the last events', () => all.versionsOf('bb').includes('1.3.0') && some.versionsOf('bb').includes('1.3.0'));
  for (const name of ['aa', 'bb']) expectInOrder(all.versionsOf(name), ['1.0.0', '1.1.0', '1.2.0', '1.3.0']);
  expectInOrder(some.versionsOf('bb'), ['1.0.0', '1.1.0', '1.2.0', '1.3.0']);
  assert.ok(all.taken.every(({ data }) => data.package !== 'before'), 'a hook begins with the next event');
  assert.equal(all.wasLedElsewhere, undefined);

  // One that fails too long is paused, which is said, and goes on after a test.
  await server.stopProgram('package-set');
  server.environment.WEBHOOK_RETRY_MS = '2000';
  server.startProgram('package-set');
  all.mode = 'fail';
  await publish(server, 'aa', '2.0.0');
  await until('the pause', async () => (await list(server)).includes(`${hook.id} paused `));
  assert.match(server.log('package-set'), /level=ERROR .*event=webhook_paused webhook=/);
  assert.match(await list(server), /failed \d+ times since \S+: The receiver answered HTTP 500; it must answer 2xx\./);
  const { attempts } = all;
  await sleep(3000);
  assert.equal(all.attempts, attempts, 'a paused one is left alone');
  assert.equal((await webhook(server, ['test', hook.id])).status, 1);
  all.mode = 'ok';
  assert.equal((await webhook(server, ['test', hook.id])).status, 0);
  await until('the event after the pause', () => all.versionsOf('aa').includes('2.0.0'));

  assert.equal((await webhook(server, ['remove', hook.id])).status, 0);
  assert.equal((await webhook(server, ['remove', hook.id])).status, 1);
  const before = all.attempts;
  await publish(server, 'bb', '2.0.0');
  await until('the event of the other', () => some.versionsOf('bb').includes('2.0.0'));
  assert.equal(all.attempts, before);
  assert.ok(!server.log('package-set').includes('whsec_'));
  all.stop();
  some.stop();
  await server.stop();
}

runMain(main);
