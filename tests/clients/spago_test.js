// SPDX-License-Identifier: BSD-3-Clause
//
// The unmodified spago publishes through our gateway (services/gateway/README.md, Client requirements), twice in a row: a
// package and, from the same caches, its next version with -v; another that depends on it and downloads it from our storage,
// and, by an author without caches, its next version with -v while the publish service is restarted. Each must end with spago's
// own message of success. Then publications that fail, whose reasons spago must print. In the end a package set with both,
// which spago lists, and by which it builds a project, with tarballs from our storage.
//
//   node spago_test.js PROGRAMS FOLDER      FOLDER/npm/node_modules has spago; see tests/clients/run
'use strict';
const assert = require('node:assert/strict');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');
const { Author } = require('./spago_author.js');
const { startProxy } = require('./connect_proxy.js');
const { RegistryServer, startDownloads, API_HOST, PACKAGES_HOST } = require('./registry_server.js');
const { runMain } = require('./run_main.js');

const SUCCESS = 'Your package was published successfully!';
const PATIENCE_MS = 30_000;
const PUBLISH_URL = `https://${API_HOST}/api/v1/publish`;

const leaf = (version) => ({ name: 'leaf', module: 'Leaf', version });
const onLeaf = { name: 'leaf', module: 'Leaf', range: '>=1.1.0 <2.0.0' }; // otherwise spago would rewrite it
const tree = (version, files) => ({ name: 'tree', module: 'Tree', version, dependency: onLeaf, files });
// Takes longer to compile than spago waits between two polls of the log (tests/support/purs/purs.c).
const slow = { 'src/Slow.purs': 'module Slow where\n\n-- stand-in: sleep 1200\n' };
// spago ignores package.json, so the server must notice.
const otherLicense = { 'package.json': '{"license": "GPL-3.0-only"}\n' };

// Compares the requests that do not poll: POSTs and downloads.
function checkRequests(requests, expected) {
  assert.deepEqual(requests.filter((request) => !request.includes('/api/v1/jobs/')), expected);
}

// The job that spago polled, with its log. Every poll was answered, and every line of the log was printed, once and in order,
// although spago polls by time.
async function checkLog(server, { output, requests }, level) {
  const polls = requests.filter((request) => request.includes('/api/v1/jobs/'));
  for (const poll of polls) assert.match(poll, / 200$/);
  const [, id] = /\/api\/v1\/jobs\/([^?]+)/.exec(polls[0]);
  const job = await server.get(`/api/v1/jobs/${id}?level=${level}`);
  assert.deepEqual(printedLines(output), job.logs.map(({ timestamp, message }) => `${timestamp} ${message.split('\n')[0]}`));
  return job;
}

// `TIME MESSAGE` for each line of a job's log that spago has printed.
function printedLines(output) {
  return [...output.matchAll(/^(?:\[ *\d+ms\])? *(\d{4}-\S+Z) (.*)$/gm)].map(([, time, message]) => `${time} ${message}`);
}

async function checkSuccess(server, { name, version }, published, level = 'INFO') {
  assert.equal(published.status, 0);
  assert.ok(published.output.includes(SUCCESS), 'spago says that it succeeded');
  checkRequests(published.requests, [`POST ${PUBLISH_URL} 200`]);
  const metadata = JSON.parse(server.committed('registry.git', `metadata/${name}.json`));
  assert.ok(metadata.published[version], `${name} ${version} is in the metadata`);
  return checkLog(server, published, level);
}

// The publish service returns its job (DRAIN_MS) while spago polls, and is restarted at once.
async function restartWhilePolling(server, author) {
  await until(() => printedLines(author.lastRun.output).length > 0, 'spago prints a line of the log');
  const stopped = Date.now();
  await server.stopProgram('publish');
  server.startProgram('publish');
  return stopped;
}

async function until(is, what) {
  for (const end = Date.now() + PATIENCE_MS; !is(); await sleep(20))
    assert.ok(Date.now() < end, what);
}

// Each story runs with a new author; spago's last output is shown if it fails.
const stories = {
  async 'a package, and its next version with -v'(server, author) {
    await author.prepare(leaf('1.0.0'));
    await checkSuccess(server, leaf('1.0.0'), await author.publish());
    await author.prepare(leaf('1.1.0'));
    await checkSuccess(server, leaf('1.1.0'), await author.publish('-v'), 'DEBUG');
  },
  async 'a package that depends on it'(server, author) {
    const fetched = await author.prepare(tree('1.0.0'));
    checkRequests(fetched.requests, [`GET https://${PACKAGES_HOST}/leaf/1.1.0.tar.gz 200`]);
    await checkSuccess(server, tree('1.0.0'), await author.publish());
  },
  async 'its next version with -v, slowly, while the publish service restarts'(server, author) {
    const fetched = await author.prepare(tree('1.1.0', slow));
    checkRequests(fetched.requests, [`GET https://${PACKAGES_HOST}/leaf/1.1.0.tar.gz 200`]);
    const publishing = author.publish('-v');
    const stopped = await restartWhilePolling(server, author);
    const job = await checkSuccess(server, tree('1.1.0'), await publishing, 'DEBUG');
    assert.ok(Date.parse(job.startedAt) > stopped, 'the job was started again');
  },
  async 'a package that the server refuses, and prints why'(server, author) {
    await author.prepare({ name: 'unlicensed', module: 'Unlicensed', version: '1.0.0', files: otherLicense });
    const refused = await author.publish();
    assert.equal(refused.status, 1);
    checkRequests(refused.requests, [`POST ${PUBLISH_URL} 200`]);
    await checkLog(server, refused, 'INFO');
    assert.match(refused.output, /package\.json declares the license "GPL-3\.0-only"/);
  },
  async 'a package while Redis is away, prints why, and publishes it later'(server, author) {
    const pkg = { name: 'patient', module: 'Patient', version: '1.0.0' };
    await author.prepare(pkg);
    await server.stopProgram('redis');
    const refused = await author.publish();
    assert.equal(refused.status, 1);
    checkRequests(refused.requests, [`POST ${PUBLISH_URL} 503`]); // spago sends it again if there is no answer in 2 s
    assert.match(refused.output, /"error":"unavailable"/);
    server.startProgram('redis');
    await server.waitUntilReady();
    await checkSuccess(server, pkg, await author.publish());
  },
  async 'nothing, but uses the package set that has both'(server, author) {
    const payload = JSON.stringify({ packages: { leaf: '1.1.0', tree: '1.1.0' } });
    const { jobId } = await server.post('/api/v1/package-sets', { payload });
    const job = await server.waitForJob(jobId, ({ finishedAt }) => finishedAt);
    assert.equal(job.state, 'succeeded', job.error);
    const listed = await author.useSet('1.1.0', ['tree'], 'registry', 'package-sets', '--latest');
    assert.match(listed.output, /^\| 1\.1\.0 +\| .* \| 0\.15\.16 +\|$/m);
    const built = await author.useSet('1.1.0', ['tree'], 'build');
    assert.equal(built.status, 0);
    checkRequests(built.requests.toSorted(), ['leaf', 'tree'].map((name) => `GET https://${PACKAGES_HOST}/${name}/1.1.0.tar.gz 200`));
  },
};

async function tellStories(server, folder, proxy) {
  const spago = path.join(folder, 'npm/node_modules/spago/bin/bundle.js');
  for (const [i, [what, story]] of Object.entries(stories).entries()) {
    const author = new Author(path.join(folder, `author-${i}`), spago, server, proxy);
    const start = Date.now();
    try {
      await story(server, author);
    } catch (error) {
      console.log(`${author.lastRun?.output}\n${author.lastRun?.requests.join('\n')}\n${server.log('publish')}`);
      throw error;
    }
    console.log(`spago publishes ${what}: ${Date.now() - start} ms`);
  }
}

async function main(programs, folder) {
  const downloads = await startDownloads(path.join(folder, 'server/storage'));
  const server = new RegistryServer(programs, path.join(folder, 'server'),
    { DRAIN_MS: '0', BUILD_DOWNLOAD_URL: downloads, PACKAGE_SET_TIME: 'never', PACKAGE_SET_AFTER_MS: '0' });
  await server.start();
  server.startProgram('build-worker');
  const proxy = await startProxy([API_HOST, PACKAGES_HOST], server.port);
  await tellStories(server, folder, proxy);
  proxy.cut();
  await server.stop();
}

runMain(main);
