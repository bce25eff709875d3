// SPDX-License-Identifier: BSD-3-Clause
//
// GET /api/v1/openapi.json is OpenAPI 3.1 according to a validator from npm, and true: the gateway checks parameters and bodies
// as described, real answers of every route, errors included, are valid by its schemas, and every status of every route and
// every field of every answer was seen at least once.
//
//   node openapi_test.js PROGRAMS FOLDER      FOLDER/npm/node_modules has the validators; see tests/clients/run
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const http = require('node:http');
const { createRequire } = require('node:module');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');
const { pathToFileURL } = require('node:url');
const { Document } = require('./openapi_document.js');
const { begin, tokens, bodies, further, whileRunning, whileWaiting, whileRedisIsAway } = require('./openapi_requests.js');
const { RegistryServer, startDownloads } = require('./registry_server.js');
const { runMain } = require('./run_main.js');

const POST_LIMIT = 1000; // a minute: more than we send, except at the end
const LARGE_BYTES = (1 << 20) + 1; // more than any route takes
const JOBS_A_PAGE = 100;
const BUILD_MS = 30_000;

const TOKEN = 'the-token-of-the-registry-itself';

const publication = (name) =>
  ({ name, version: '1.0.0', ref: 'v1.0.0', location: { githubOwner: 'author', githubRepo: `purescript-${name}` } });

// ---- The document ----

async function checkForm(npm, document) {
  const { Validator } = await import(pathToFileURL(npm.resolve('@seriousme/openapi-schema-validator')));
  const result = await new Validator().validate(structuredClone(document));
  assert.ok(result.valid, `not OpenAPI: ${JSON.stringify(result.errors, null, 2)}`);
  assert.equal(document.openapi, '3.1.0');
}

function readDocument(npm, document) {
  const Ajv = npm('ajv/dist/2020').default;
  const ajv = new Ajv({ strict: true, strictTypes: false, allErrors: true });
  npm('ajv-formats').default(ajv);
  return new Document(document, ajv);
}

// ---- Parameters and bodies are checked as they are described ----

// Valid and invalid values of a parameter with this schema.
function examplesOf(schema) {
  if (schema.enum) return { good: schema.enum, bad: ['nonsense'] };
  if (schema.type === 'boolean') return { good: ['true', 'false'], bad: ['yes', '1'] };
  if (schema.type === 'integer') return { good: [schema.minimum], bad: [schema.minimum - 1, schema.maximum + 1, '1.5', 'x'] };
  if (schema.format === 'date-time')
    return { good: ['2026-07-25T15:11:12.686Z', '2026-07-25T15:11:12Z'], bad: ['yesterday', '2026-02-30T00:00:00Z'] };
  if (schema.$ref === '#/components/schemas/Version') return { good: ['1.0.0'], bad: ['1.0', 'v1.0.0'] };
  return { good: ['x'], bad: [] };
}

// Streams that never end.
const ENDLESS = new Set(['get_jobs_events']);

// Cursors of each kind of stream, and compilers that the server has, by operation.
const valuesOf = (story) => {
  const ofLog = { good: [`1-1-${story.published.slice(0, 8)}`], bad: ['yesterday', '1-1-zzzzzzzz'] };
  const compiler = { good: ['0.15.15'], bad: ['0.15', 'v0.15.15', '9.9.9'] };
  return {
    get_matrix_cells: { compiler, than: compiler },
    get_matrix_causes: { compiler },
    get_job_logs: { after: ofLog, before: ofLog },
    get_job_events: { after: ofLog },
    get_jobs_events: { after: { good: ['1-0'], bad: ['yesterday'] } },
  };
};

async function checkParameters(server, document, story) {
  const values = valuesOf(story);
  for (const [id, { path: pattern, parameters = [] }] of document.operations) {
    const target = pattern.replace('{id}', story.published).replace('{name}', 'leaf').replace('{version}', '1.0.0')
      .replace('{set}', '1.0.0').replace('{other}', 'latest');
    for (const { name, schema } of parameters.filter((parameter) => parameter.in === 'query')) {
      const { good, bad } = values[id]?.[name] ?? examplesOf(schema);
      for (const value of good) {
        const breaksOff = ENDLESS.has(id);
        const answer = await server.request('GET', `${target}?${name}=${encodeURIComponent(value)}`, { breaksOff });
        assert.equal(answer.status, 200, `${id} takes ${name}=${value}`);
        document.check(id, answer);
      }
      for (const value of bad) {
        const answer = await server.request('GET', `${target}?${name}=${encodeURIComponent(value)}`);
        assert.equal(answer.status, 400, `${id} refuses ${name}=${value}`);
        assert.equal(JSON.parse(answer.body).path, name);
        document.check(id, answer);
      }
    }
  }
}

// The headers that an operation for trustees needs.
const proofFor = (operation) => (operation.security ? { authorization: `Bearer ${tokens.member}` } : {});

// Posts and checks; resolves to the answer's JSON.
async function post(server, document, id, body, expected, more = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const operation = document.operations.get(id);
  const answer = await server.request('POST', operation.path, { body: text, headers: { ...proofFor(operation), ...more } });
  assert.equal(answer.status, expected, `${id} of ${text.slice(0, 200)}: ${answer.body}`);
  document.check(id, answer);
  return JSON.parse(answer.body);
}

async function checkBodies(server, document) {
  for (const [id, { requestBody, security }] of document.operations) {
    if (!requestBody) continue;
    const schema = document.resolve(requestBody.content['application/json'].schema);
    assert.ok(bodies[id] && (security || further[id]), `openapi_requests.js has no body for ${id}`);
    assert.deepEqual(Object.keys(schema.properties).filter((key) => !(key in bodies[id])), [], `${id}'s body has every field`);
    await post(server, document, id, bodies[id], 200);
    await post(server, document, id, { ...bodies[id], unknown: true }, 200);
    for (const key of schema.required) {
      const { [key]: left, ...others } = bodies[id];
      assert.equal((await post(server, document, id, others, 400)).path, key);
    }
    for (const key of Object.keys(schema.properties))
      assert.match((await post(server, document, id, { ...bodies[id], [key]: true }, 400)).path, new RegExp(`^${key}`));
    await post(server, document, id, '{"name":', 400);
    await post(server, document, id, ' '.repeat(LARGE_BYTES), 413);
    await post(server, document, id, bodies[id], 415, { 'Content-Encoding': 'gzip' });
  }
}

// ---- Answers ----

// All at once, because answers without Redis are slow.
async function checkAnswers(server, document, requests) {
  await Promise.all(requests.map(async ([id, expected, target, headers]) => {
    const operation = document.operations.get(id);
    const { method } = operation;
    const body = method === 'POST' ? JSON.stringify(bodies[id]) : undefined;
    const answer = await server.request(method, target, { headers: headers ?? proofFor(operation), body });
    assert.equal(answer.status, expected, `${id}: ${method} ${target}: ${answer.body}`);
    document.check(id, answer);
  }));
}

// The failures that belong to no route.
async function checkOtherFailures(server, document) {
  for (const [method, target, expected] of [['GET', '/nothing/here/at/all', 404], ['PATCH', '/api/v1/jobs', 405]]) {
    const answer = await server.request(method, target);
    assert.equal(answer.status, expected);
    document.checkValue('Error', JSON.parse(answer.body), `${method} ${target}`);
    document.checkHeaders(`${method} ${target}`, document.components.responses.failure, answer.headers);
  }
}

async function checkRateLimit(server, document) {
  for (const [id, { requestBody, path: target }] of document.operations) {
    if (!requestBody) continue;
    for (let answer = { status: 400 }; answer.status !== 429;) {
      answer = await server.request('POST', target, { body: '{}' });
      document.check(id, answer);
    }
  }
}

// The limit of GETs for unknown things, after many of them.
async function checkLimitOfUnknown(server, document, id, target) {
  for (let answer = { status: 404 }; answer.status !== 429;) {
    answer = await server.request('GET', target);
    document.check(id, answer);
  }
}

// With as many streams open as one address may have, another one is refused.
async function checkLimitOfReaders(server, document, story) {
  const readers = [];
  for (let answer; answer?.status !== 503; readers.push(answer))
    answer = await server.request('GET', '/api/v1/jobs/events', { breaksOff: true, stays: true });
  document.check('get_jobs_events', readers.pop());
  await checkAnswers(server, document, [['get_job_events', 503, `/api/v1/jobs/${story.published}/events`]]);
  for (const reader of readers) reader.leave();
}

// Posts a publication whose source is a module with that text, or does not exist; resolves to the job's id.
async function publish(server, name, text, compiler) {
  const request = { ...publication(name), compiler };
  const module = name.replace(/^./, (letter) => letter.toUpperCase());
  if (text !== undefined) server.makeSource(request, { 'src/Library.purs': `module ${module} where\n\n${text}` });
  return (await server.post('/api/v1/publish', request)).jobId;
}

// Resolves to the id of the package's build, once `is` is true for it in the list of jobs.
async function waitForBuild(server, name, is) {
  for (const end = Date.now() + BUILD_MS; Date.now() < end; await sleep(20)) {
    const jobs = await server.get(`/api/v1/jobs?kinds=matrix&include_completed=true&package=${name}`);
    const job = jobs.find(is);
    if (job) return job.jobId;
  }
  throw new Error(`no build of ${name} gets there:\n${server.log('build-matrix')}`);
}

// The daily update of the package set, which is made up for at the start, has decided about the candidates; there are none yet.
async function waitForCheck(server) {
  for (const end = Date.now() + BUILD_MS; Date.now() < end; await sleep(100))
    if ((await server.get('/api/v1/package-sets/latest/excuses')).checked) return;
  throw new Error(`the package set was not checked:\n${server.log('package-set')}`);
}

const isFinished = ({ state }) => state === 'succeeded' || state === 'failed';

async function tell(server, npm) {
  const plain = await server.get('/api/v1/openapi.json');
  await checkForm(npm, plain);
  const document = readDocument(npm, plain);
  await waitForCheck(server);

  const story = {
    published: await publish(server, 'leaf', ''),
    failed: await publish(server, 'missing'),
    running: await publish(server, 'slow', '-- stand-in: sleep 8000\n'),
  };
  await server.waitForJob(story.running, ({ state }) => state === 'running');
  const picky = await publish(server, 'picky', '-- stand-in: fail-from 0.15.16 It is too new.\n', '0.15.15');
  assert.equal((await server.waitForJob(picky, isFinished)).state, 'succeeded');
  assert.equal((await server.waitForJob(story.published, isFinished)).state, 'succeeded');
  assert.equal((await server.waitForJob(story.failed, isFinished)).state, 'failed');
  story.built = await waitForBuild(server, 'leaf', ({ finishedAt }) => finishedAt);
  story.unbuilt = await waitForBuild(server, 'picky', ({ finishedAt }) => finishedAt);
  story.building = await waitForBuild(server, 'slow', ({ startedAt }) => startedAt);
  await checkAnswers(server, document, whileRunning(story));
  await checkParameters(server, document, story);
  await checkBodies(server, document);
  const retry = { ...bodies.post_trustee, action: 'retry', payload: { jobId: story.failed } };
  const { jobId: again } = await post(server, document, 'post_trustee', retry, 200);
  const update = { ...bodies.post_trustee, action: 'package-set', payload: { compiler: '0.15.16', packages: { full: null } } };
  const { jobId: updating } = await post(server, document, 'post_trustee', update, 200);
  await checkAnswers(server, document, [['get_job', 200, `/api/v1/jobs/${again}`], ['get_job', 200, `/api/v1/jobs/${updating}`]]);
  await checkOtherFailures(server, document);
  server.removeFolder('registry.git', 'package-sets');
  await checkAnswers(server, document, [['get_package_set_excuse', 404, '/api/v1/package-sets/latest/excuses/nobody']]);
  await checkAnswers(server, document, [['get_package_set_excuses', 404, '/api/v1/package-sets/latest/excuses']]);
  await checkLimitOfReaders(server, document, story);
  await checkLimitOfUnknown(server, document, 'get_package', '/api/v1/packages/nobody');
  await checkLimitOfUnknown(server, document, 'get_package_version', '/api/v1/packages/leaf/9.9.9');
  await checkLimitOfUnknown(server, document, 'get_package_set', '/api/v1/package-sets/9.9.9');
  await checkLimitOfUnknown(server, document, 'get_package_set_excuses', '/api/v1/package-sets/latest/excuses');
  await checkLimitOfUnknown(server, document, 'get_package_set_excuse', '/api/v1/package-sets/latest/excuses/nobody');
  await checkLimitOfUnknown(server, document, 'get_package_set_comparison', '/api/v1/package-sets/1.0.0/compare/9.9.9');

  await server.stopProgram('publish');
  for (let i = 0; i <= JOBS_A_PAGE; i++)
    for (const id of Object.keys(further)) story.pending = (await post(server, document, id, further[id](i), 200)).jobId;
  await checkAnswers(server, document, whileWaiting(story));
  await server.stopProgram('build-worker');
  await server.stopProgram('build-matrix');
  await server.stopProgram('package-set');
  await server.stopProgram('redis');
  await checkAnswers(server, document, whileRedisIsAway(story));
  await checkRateLimit(server, document);
  assert.deepEqual(document.unseen(), [], 'described, and never seen');
  console.log(`${document.operations.size} routes answer as described`);
}

// A GitHub that knows the owners of `tokens`, and one team.
async function startGitHub() {
  const github = http.createServer((request, response) => {
    const who = Object.keys(tokens).find((name) => request.headers.authorization === `Bearer ${tokens[name]}`);
    const isTeam = request.url.startsWith('/orgs/purescript/teams/packaging/members?');
    const isServer = request.headers.authorization === `Bearer ${TOKEN}`;
    const answer = isTeam && isServer ? [{ login: 'Member' }] : request.url === '/user' && who ? { login: who } : undefined;
    response.writeHead(answer ? 200 : 401, { 'content-type': 'application/json' }).end(JSON.stringify(answer ?? {}));
  });
  await new Promise((resolve) => github.listen(0, '127.0.0.1', resolve));
  github.unref();
  return `http://127.0.0.1:${github.address().port}`;
}

async function main(programs, folder) {
  const npm = createRequire(path.join(folder, 'npm/'));
  const downloads = await startDownloads(path.join(folder, 'server/storage'));
  const server = new RegistryServer(programs, path.join(folder, 'server'),
    { BUILD_DOWNLOAD_URL: downloads, S3_API_URL: '', POST_LIMIT_PER_MINUTE: String(POST_LIMIT),
      GATEWAY_READERS_PER_ADDRESS: '50', BACKGROUND_HOLD_MS: '0', // builds of the sweep end while a publication runs
      TRUSTEE_LOOKUP: 'true', GITHUB_API_URL: await startGitHub(),
      PACCHETTIBOTTI_TOKEN: TOKEN, PURSUIT_API_URL: 'http://127.0.0.1:9' },
    begin);
  await server.start();
  server.startProgram('build-worker');
  await tell(server, npm);
  await server.stop();
}

runMain(main);
