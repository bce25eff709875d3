// SPDX-License-Identifier: BSD-3-Clause
//
// The Atom feeds of a whole server, as a feed reader from npm reads them: well-formed, in order, with ids that stay the same over
// restarts and for other hosts, absolute addresses, and 304 for a reader that has the feed. A publication comes first at once.
//
//   node feeds_test.js PROGRAMS FOLDER      FOLDER/npm/node_modules has the reader; see tests/clients/run
'use strict';
const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { createRequire } = require('node:module');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const { RegistryServer, API_HOST } = require('./registry_server.js');
const { runMain } = require('./run_main.js');

const FEEDS = ['/feeds/publications.atom', '/feeds/packages/old.atom', '/feeds/package-sets.atom', '/feeds/takedowns.atom'];
const REASON = 'It has <b>"quotes"</b> & a \u0007 bell, \u{1F4A9}, \uFFFE and ]]>.';
const MANY = 120; // more than a feed has entries
const ENTRIES = 100;
const PERSON = { name: 'Erika Mustermann', email: 'erika@example.org', work: 'The sonata in G', signature: 'E. Mustermann' };

const location = (name) => ({ githubOwner: 'author', githubRepo: `purescript-${name}` });
const published = (publishedTime) =>
  ({ bytes: 1000, compilers: ['0.15.15'], hash: 'sha256-fN9RUAzN21ZY4Y0UwqUSxwUPVz1g7/pcqoDvbJZoT04=', publishedTime, ref: '' });
const minute = (number) => new Date(Date.UTC(2026, 0, 1, 0, number)).toISOString();

// `old` has an unpublished version, `many` more versions than a feed has entries; both in an order that is not that of time.
const begin = {
  registry: {
    'metadata/old.json': JSON.stringify({
      location: location('old'),
      published: { '1.0.0': published(minute(500)), '2.0.0': published(minute(400)) },
      unpublished: { '1.5.0': { publishedTime: minute(450), reason: REASON, unpublishedTime: minute(600) } },
    }),
    'metadata/many.json': JSON.stringify({
      location: location('many'),
      published: Object.fromEntries(Array.from({ length: MANY }, (_, i) => [`1.${i}.0`, published(minute(i))])),
      unpublished: {},
    }),
    'package-sets/2.0.0.json': JSON.stringify({ version: '2.0.0', compiler: '0.15.16', published: '2026-01-03', packages: {} }),
  },
  index: Object.fromEntries([['old', ['1.0.0', '2.0.0']], ['many', Array.from({ length: MANY }, (_, i) => `1.${i}.0`)]].map(
    ([name, versions]) => [name === 'old' ? '3/o/old' : 'ma/ny/many', versions.map((version) => `${JSON.stringify(
      { name, version, license: 'MIT', location: location(name), ref: `v${version}`, dependencies: {} })}\n`).join('')])),
};

class Reader {
  static async create(folder) {
    const npm = createRequire(path.join(folder, 'npm/'));
    const reader = new Reader();
    reader.parse = (await import(pathToFileURL(npm.resolve('feedsmith')))).parseAtomFeed;
    reader.validator = createRequire(npm.resolve('feedsmith'))('fast-xml-parser').XMLValidator;
    return reader;
  }

  // Resolves to the feed, after checks of its form.
  async read(server, target, headers = {}) {
    const answer = await server.request('GET', target, { headers });
    assert.equal(answer.status, 200, `${target}: ${answer.body}`);
    assert.equal(answer.headers['content-type'], 'application/atom+xml; charset=utf-8');
    const xml = answer.body.toString();
    assert.equal(this.validator.validate(xml), true, xml);
    // eslint-disable-next-line no-control-regex -- these are what XML forbids
    assert.doesNotMatch(xml, /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/);
    const feed = this.parse(xml);
    const again = await server.request('GET', target, { headers: { ...headers, 'if-none-match': answer.headers.etag } });
    assert.equal(again.status, 304, `${target} is not sent again`);
    check(feed, `https://${headers.host ?? `127.0.0.1:${server.port}`}`, target);
    return { ...feed, xml };
  }
}

const link = (thing, rel) => thing.links.find((each) => each.rel === rel).href;

// What RFC 4287 wants, and ours besides.
function check(feed, site, target) {
  const entries = feed.entries ?? [];
  assert.equal(link(feed, 'self'), site + target);
  assert.ok(link(feed, 'alternate').startsWith(`${site}/`));
  assert.ok(feed.title.value && feed.authors[0].name && feed.updated);
  assert.equal(feed.updated, entries[0]?.updated ?? '1970-01-01T00:00:00Z');
  const ids = [feed.id, ...entries.map(({ id }) => id)];
  assert.equal(new Set(ids).size, ids.length, 'no id is there twice');
  for (const id of ids) assert.match(id, /^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  for (const [i, entry] of entries.entries()) {
    assert.ok(entry.title.value && link(entry, 'alternate').startsWith(`${site}/`));
    assert.match(entry.updated, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$/);
    assert.ok(i === 0 || entries[i - 1].updated >= entry.updated, `${target} begins with the newest`);
  }
}

const titles = (feed) => (feed.entries ?? []).map(({ title }) => title.value);

async function checkPublications(reader, server) {
  const all = await reader.read(server, FEEDS[0]), one = await reader.read(server, FEEDS[1]);
  assert.equal(all.entries.length, ENTRIES);
  const ofOld = ['old 1.5.0 was unpublished', 'old 1.0.0', 'old 1.5.0', 'old 2.0.0'];
  assert.deepEqual(titles(one), ofOld);
  assert.deepEqual(titles(all), [...ofOld, ...Array.from({ length: ENTRIES - 4 }, (_, i) => `many 1.${MANY - 1 - i}.0`)]);
  assert.deepEqual(one.entries.map(({ id }) => id), all.entries.slice(0, 4).map(({ id }) => id), 'an entry has one id');
  assert.ok(one.entries[0].summary.value.endsWith('It has <b>"quotes"</b> & a [U+0007] bell, \u{1F4A9}, [U+FFFE] and ]]>.'));
  const page = await server.request('GET', '/packages/old');
  assert.match(page.body.toString(),
    /<link rel="alternate" type="application\/atom\+xml" title="old" href="\/feeds\/packages\/old\.atom">/);
  for (const entry of one.entries)
    assert.equal((await server.request('GET', new URL(link(entry, 'alternate')).pathname)).status, 200);
  for (const unknown of ['/feeds/packages/nobody.atom', '/feeds/packages/No%20Name.atom'])
    assert.equal((await server.request('GET', unknown)).status, 404);
}

async function checkSets(reader, server) {
  const feed = await reader.read(server, FEEDS[2]);
  assert.deepEqual(titles(feed), ['Package set 2.0.0', 'Package set 1.0.0']);
  assert.equal(feed.entries[0].summary.value, '0 packages that compile together with the compiler 0.15.16.');
}

// ids stay, also for a reader that knows the server by another name, and after everything was restarted.
async function checkStability(reader, server) {
  const idsOf = async (headers) => Promise.all(FEEDS.map(async (target) => {
    const feed = await reader.read(server, target, headers);
    return [feed.id, ...(feed.entries ?? []).map(({ id }) => id)];
  }));
  const before = await idsOf();
  assert.deepEqual(await idsOf({ host: API_HOST }), before);
  await server.stopProgram('build-matrix');
  server.startProgram('build-matrix');
  await server.restartGateway(() => {});
  assert.deepEqual(await idsOf(), before);
}

async function publish(server) {
  const request = { name: 'fresh', version: '1.0.0', ref: 'v1.0.0', location: location('fresh') };
  server.makeSource(request, { 'src/Fresh.purs': 'module Fresh where\n' });
  const { jobId } = await server.post('/api/v1/publish', { ...request, compiler: '0.15.16' });
  const job = await server.waitForJob(jobId, ({ state }) => state === 'succeeded' || state === 'failed');
  assert.equal(job.state, 'succeeded', JSON.stringify(job));
}

// A case is in the feed once it is closed, and nothing personal with it.
async function checkTakedowns(reader, server) {
  assert.deepEqual(titles(await reader.read(server, FEEDS[3])), []);
  const body = new URLSearchParams({ ...PERSON, package: 'old', version: '1.5.0', good_faith: 'yes', accuracy: 'yes' }).toString();
  const answer = await server.request('POST', '/dmca', { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body });
  assert.equal(answer.status, 303, answer.body.toString());
  const reference = path.basename(answer.headers.location);
  assert.deepEqual(titles(await reader.read(server, FEEDS[3])), []);
  execFileSync(path.join(server.programs, 'registryctl'), ['dmca', 'close', reference, 'old 1.5.0 was <unpublished>.'],
    { cwd: server.folder, env: server.environment });
  const feed = await reader.read(server, FEEDS[3]);
  assert.deepEqual(titles(feed), [`${reference}, about old 1.5.0`]);
  assert.equal(feed.entries[0].summary.value, 'old 1.5.0 was <unpublished>.');
  for (const text of Object.values(PERSON)) assert.ok(!feed.xml.includes(text));
}

async function main(programs, folder) {
  const reader = await Reader.create(folder);
  const server = new RegistryServer(programs, path.join(folder, 'server'), {}, begin);
  await server.start();
  await checkPublications(reader, server);
  await checkSets(reader, server);
  await checkTakedowns(reader, server);
  await checkStability(reader, server);
  await publish(server);
  assert.equal(titles(await reader.read(server, FEEDS[0]))[0], 'fresh 1.0.0');
  assert.deepEqual(titles(await reader.read(server, '/feeds/packages/fresh.atom')), ['fresh 1.0.0']);
  await server.stop();
}

runMain(main);
