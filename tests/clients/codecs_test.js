// SPDX-License-Identifier: BSD-3-Clause
//
// Released clients can read everything that the server newly accepts: one unreadable manifest makes the package's whole index
// file unreadable for them, one unreadable payload the whole list of jobs. The decoders of two released spagos, 1.0.4 and
// 0.93.45, read
//   - manifests with random changes that are accepted by `registryctl manifest --lines`, which applies the rules of the
//     publish service: as lines of the index, and their location and owners in metadata
//   - each accepted license of SPDX's list
//   - manifests that were published by a whole server: the index file, and the metadata
//   - the jobs that the gateway made of requests with random changes, by every route, in lists and alone. Of these 0.93.45 reads
//     the payloads: its job needs a field "ref" that the registry had dropped before this server was written, and it knows no
//     NOTICE. Its publications need a compiler.
//
//   node codecs_test.js PROGRAMS FOLDER [MANIFESTS] [SEED]      FOLDER/npm/node_modules has both spagos; see tests/clients/run
'use strict';
const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { loadCodecs } = require('./spago_codecs.js');
const { mutate } = require('./mutate_json.js');
const { randomFrom } = require('./random.js');
const { RegistryServer } = require('./registry_server.js');
const { runMain } = require('./run_main.js');

const SPAGOS = { '1.0.4': 'spago', '0.93.45': 'spago-0' }; // and their folders
const LICENSES = path.resolve(__dirname, '../../lib/domain/package/license_list.def');
const PUBLISHED = 30; // of the manifests
const REQUESTS_TRIES_MOST = 20_000;
const TOKEN = 'ghp_TheTokenOfTheTrusteesInThisTest';
const KEY = 'AAAAC3NzaC1lZDI1NTE5AAAAIGBzOMDjL8NXcUnNUT0JTEiKGDHfUgB9mxiqA1KFTF41';

// ---- Manifests ----

const MANIFESTS = [
  { name: 'plain', version: '1.0.0', license: 'MIT', location: { githubOwner: 'me', githubRepo: 'purescript-plain' }, ref: 'v1.0.0',
    dependencies: {} },
  { name: 'rich', version: '12.4.0', license: 'BSD-3-Clause OR (Apache-2.0 WITH LLVM-exception AND MIT)', description: 'Rich in all.',
    location: { gitUrl: 'https://git.example.org/rich.git', subdir: 'lib' }, ref: 'main',
    owners: [{ id: 'me@example.org', keytype: 'ssh-ed25519', public: KEY }, { keytype: 'ssh-ed25519', public: KEY }],
    includeFiles: ['docs/**', '*.md'], excludeFiles: ['test'],
    dependencies: { prelude: '>=6.0.0 <7.0.0', effect: '>=4.0.0 <4.0.1' } },
];

const LETTERS = ['a', 'Z', '0', ' ', '-', '"', '\\', '/', '<', '\u00e4', '\u00a0', '\u0301', '\u2028', '\u6f22', '\ufeff', '\u{1f980}', '\t', '\u001b', '\u007f'];
const IDENTIFIERS = ['MIT', 'Apache-2.0', 'BSD-3-Clause', 'GPL-3.0-or-later', 'MPL-2.0', '0BSD', 'CC0-1.0', 'GPL-2.0-only WITH Classpath-exception-2.0'];
const repeat = (least, most, make) => (random) => Array.from({ length: random.between(least, most) }, () => make(random));
const textOf = (most) => (random) => repeat(1, most, () => random.pick(LETTERS))(random).join('');
const word = (random) => repeat(1, 12, () => random.pick([...'abcz019', '-']))(random).join('');
const version = (random) => repeat(3, 3, () => random.pick([0, 1, 2, 10, 2147483647]))(random).join('.');
const identifier = (random) => random.pick(IDENTIFIERS);
const license = (random) => random.pick([
  identifier, identifier, () => `(${license(random)})`,
  () => `${license(random)} ${random.pick(['AND', 'OR', 'and', 'or', 'And', 'oR'])} ${license(random)}`,
])(random);
const dependencies = (random) => Object.fromEntries(repeat(0, 4, () => [word(random), `>=${version(random)} <${version(random)}`])(random));
const ok = (make) => [make, make, make, make, make, make, make, make]; // chosen as often as all wrong ones together

// Values for each field, some of which the server is expected to accept, and some to refuse.
const VALUES = {
  name: [...ok(word), 'a', 'a-b', '0', 'purescript-compiler-backend-utilities', 'purescript-x', 'metadata', 'x'.repeat(150), 'x'.repeat(151), 'A', 'a--b'],
  version: [...ok(version), '0.0.0', '2147483647.0.0', '2147483648.0.0', '01.0.0', '1.0', 'v1.0.0', '1.0.0-rc', ' 1.0.0', '1.0.0 '],
  license: [...ok(license), ...ok(license), 'MIT', 'MIT and Apache-2.0', 'mit', ' MIT ', '(MIT)', '((MIT) or Apache-2.0)', 'MIT  OR\u00a0MIT', 'GPL-2.0-only+', 'GPL-3.0', 'Apache-2.0+',
    'NONE', 'LicenseRef-x', 'MIT with LLVM-exception', 'GPL-2.0-or-later WITH Classpath-exception-2.0', 'MIT AND', '', 'MIT/Apache-2.0', 'MIT\tOR MIT', 'MIT\nOR MIT',
    'MIT OR (MIT AND MIT', 'MPL-1.1+', 'CC-BY-4.0', 'MIT OR Apache-2.0 AND BSD-3-Clause', 'MIT And Apache-2.0', 'MIT And MIT', 'MIT With LLVM-exception'],
  description: [...ok(textOf(300)), '', ' ', 'x'.repeat(300), 'x'.repeat(301), 'x'.repeat(500), '\u{1f980}'.repeat(150), '\u{1f980}'.repeat(151), '\u{1f980}'.repeat(300), 'e\u0301'.repeat(150),
    'two\nlines', 'a\u0000b', '\u2028', '\ud800', '\uffff', '"\\/\b\f'],
  githubOwner: [...ok(word), '', 'x y', 'ä', 'a/b', '..'], githubRepo: [...ok(textOf(9)), '', 'a/b', 'x.git', '\u0000'],
  gitUrl: ['https://x.org/a', 'https://x.org/a.git', 'https://x.org/a.git/', 'http://x.org/a', 'git://x.org/a.git', 'ssh://x.org/a', 'https://x.org:8080/a', 'https://u@x.org/a',
    'https://x.org/a?b', 'https://x.org/a.git/b', 'https://x.org/~me/a.git', 'https://x.org', 'https://', 'https://x.org/a%20b', 'HTTPS://x.org/a', 'https://x.org/a#b', 'https://[::1]/a', 'git@x.org:a/b'],
  subdir: [...ok(word), 'lib', '', '.', '..', '/lib', 'a/../b', 'a\\b', 'ä', 'a b'],
  ref: [...ok(word), 'v1', '', 'refs/heads/x', 'a b', 'pull/1/head', 'x'.repeat(256), 'ä'],
  id: ['', 'me', '\n', 'x'.repeat(10_000)], keytype: ['ssh-rsa', '', 'ssh-dss', 'ecdsa-sha2-nistp256'], public: ['', 'AAAA', `${KEY}=`, ` ${KEY}`],
  owners: [[]], includeFiles: [...ok(repeat(1, 3, textOf(20))), [], [''], [' '], ['*'], ['a', ''], ['\u0000'], ['\n'], ['\u00a0'], ['!x'], ['{a,b}'], ['x'.repeat(1000)]],
  excludeFiles: [...ok(repeat(1, 3, textOf(20))), [], [''], ['\t'], ['**/*.js'], ['..']],
  dependencies: [...ok(dependencies), ...ok(dependencies), [], { prelude: '>=6.0.0 <7.0.0' }, { Prelude: '>=6.0.0 <7.0.0' }, { x: '^1.0.0' }, { x: '>=1.0.0  <2.0.0' }, { x: '>=2.0.0 <1.0.0' },
    { x: '>=1.0.0 <1.0.0' }, { x: '>=1.0.0 <2147483647.0.0' }, { x: '>=1.0.0 <2147483648.0.0' }, { 'purescript-x': '>=1.0.0 <2.0.0' }, { __proto__x: '' }, { metadata: '>=1.0.0 <2.0.0' }],
};
for (const range of ['*', '>=0.0.0 <0.0.1', '>= 1.0.0 <2.0.0', '1.0.0', '>=01.0.0 <2.0.0']) VALUES.dependencies.push({ x: range });

class Judges {
  static async load(folder) {
    const judges = new Judges();
    judges.codecs = {};
    for (const [version, name] of Object.entries(SPAGOS))
      judges.codecs[version] = await loadCodecs(path.join(folder, 'npm/node_modules', name));
    judges.refused = new Map(); // spago's errors, with examples, all of which are shown at the end
    return judges;
  }

  // Every spago that knows this kind of text must read it.
  read(kind, text, versions = Object.keys(SPAGOS)) {
    for (const version of versions) {
      const why = this.codecs[version][kind](text);
      if (why === null) continue;
      const line = `spago ${version} cannot read this ${kind}: ${why.replace(/"value[0-9]":/g, '')}`;
      if (!this.refused.has(line)) this.refused.set(line, text.slice(0, 2000));
    }
  }

  end() {
    const lines = [...this.refused].map(([why, text]) => `${why}\n  ${text}`);
    assert.equal(lines.length, 0, `\n${lines.slice(0, 40).join('\n')}\n${lines.length} in all`);
  }
}

const sri = (text) => `sha256-${createHash('sha256').update(text).digest('base64')}`;

// The metadata of a package with one version published and one unpublished, from an accepted manifest.
const metadataOf = ({ location, owners }) => JSON.stringify({
  location, ...(owners && { owners }),
  published: { '1.0.0': { bytes: 1000, compilers: ['0.15.15'], hash: sri(''), publishedTime: '2026-07-25T15:11:12.686Z', ref: '' } },
  unpublished: { '0.1.0': { publishedTime: '2026-07-25T15:11:12.686Z', reason: 'x'.repeat(300), unpublishedTime: '2026-07-26T15:11:12.686Z' } },
});

class Registryctl {
  constructor(programs, folder) {
    this.program = path.join(programs, 'registryctl');
    this.folder = folder;
  }

  // The output of `registryctl COMMAND` for each of the texts, or null if it refuses the text.
  ask(command, texts) {
    const file = path.join(this.folder, 'lines');
    fs.writeFileSync(file, texts.map((text) => `${text}\n`).join(''));
    const { status, stdout, stderr } = spawnSync(this.program, [command, '--lines', file], { encoding: 'utf8', maxBuffer: 2 ** 30 });
    assert.ok(status === 0 || status === 1, `${command}: ${stderr}`);
    const answers = stdout.split('\n').slice(0, -1).map((line) => JSON.parse(line).text ?? null);
    assert.equal(answers.length, texts.length);
    assert.equal(status, answers.includes(null) ? 1 : 0);
    return answers;
  }
}

// Checks the accepted manifests, as the server prints them.
function checkManifests(registryctl, judges, wanted, random) {
  const taken = [];
  let refused = 0;
  while (taken.length < wanted) {
    for (const printed of registryctl.ask('manifest', Array.from({ length: wanted }, () => mutate(random.pick(MANIFESTS), VALUES, random, 4)))) {
      if (printed === null) refused++;
      if (printed === null || taken.length === wanted) continue;
      judges.read('indexFile', printed.replace(/\n */g, '')); // as in the index: texts have no newlines of their own
      judges.read('metadata', metadataOf(JSON.parse(printed)));
      taken.push(printed);
    }
  }
  console.log(`${taken.length} manifests taken, ${new Set(taken).size} of them different, ${refused} refused`);
  assert.ok(new Set(taken).size > wanted / 3 && refused > wanted / 10, 'the changes make a difference');
  return taken;
}

function checkLicenses(registryctl, judges) {
  const rows = [...fs.readFileSync(LICENSES, 'utf8').matchAll(/^([A-Z_]+)\("(.*)"\)/gm)];
  const texts = rows.flatMap(([, kind, identifier]) =>
    kind.endsWith('EXCEPTION') ? [`GPL-2.0-only WITH ${identifier}`] : [identifier, `${identifier}+`]);
  let taken = 0;
  for (const [i, answer] of registryctl.ask('license', texts).entries()) {
    if (answer === null) continue;
    taken++;
    judges.read('indexFile', JSON.stringify({ ...MANIFESTS[0], license: texts[i] }));
  }
  console.log(`${taken} licenses and exceptions taken, of ${rows.length} in the list`);
  assert.ok(taken > 500);
}

// ---- Publications ----

async function checkPublications(server, judges, taken, random) {
  const name = 'mutant', location = { githubOwner: 'me', githubRepo: 'purescript-mutant' };
  let published = 0;
  for (let i = 0; published < PUBLISHED && i < taken.length; i++) {
    const version = `1.0.${i}`, ref = `v${version}`;
    const manifest = { ...JSON.parse(random.pick(taken)), name, version, ref, location, dependencies: {} };
    fs.rmSync(path.join(server.sources, location.githubOwner), { recursive: true, force: true });
    server.makeSource({ name, version, ref, location }, { 'purs.json': JSON.stringify(manifest), 'src/Mutant.purs': 'module Mutant where\n' });
    const { jobId, message } = await server.post('/api/v1/publish', { name, version, ref, location });
    assert.ok(jobId, message);
    const { state } = await server.waitForJob(jobId, (job) => job.state === 'succeeded' || job.state === 'failed');
    published += state === 'succeeded';
  }
  assert.equal(published, PUBLISHED);
  const file = server.committed('registry-index.git', 'mu/ta/mutant');
  assert.equal(file.split('\n').length, PUBLISHED);
  judges.read('indexFile', file);
  judges.read('metadata', server.committed('registry.git', 'metadata/mutant.json'));
  console.log(`${published} manifests published, and the index file is read`);
}

// ---- Jobs ----

const LOCATION = { githubOwner: 'me', githubRepo: 'purescript-x', subdir: 'lib' };
const REQUESTS = [
  ['publish', { name: 'x', version: '1.0.0', ref: 'v1.0.0', location: LOCATION, compiler: '0.15.15', resolutions: { prelude: '6.0.0' } }],
  ['publish', { name: 'x', version: '1.0.0', ref: 'v1.0.0' }],
  ['unpublish', { name: 'x', version: '1.0.0', reason: 'It broke.' }],
  ['transfer', { name: 'x', newLocation: LOCATION }],
  ['package-sets', { packages: { x: '1.0.0', prelude: '6.0.2' } }],
  ['trustee', { action: 'unpublish', actor: 'me', issue: 3, payload: { name: 'x', version: '1.0.0' }, reason: 'A court said so.' }],
  ['trustee', { action: 'transfer', actor: 'me', payload: { name: 'x', newLocation: LOCATION } }],
  ['trustee', { action: 'publish', actor: 'me', payload: { name: 'x', version: '1.0.0', ref: 'v1.0.0', location: LOCATION } }],
  ['trustee', { action: 'revise', actor: 'me', payload: { name: 'x', version: '1.0.0', dependencies: { y: '>=1.0.0 <2.0.0' } } }],
  ['trustee', { action: 'package-set', actor: 'me', payload: { packages: { x: null }, compiler: '0.15.15' } }],
];
const REQUEST_VALUES = {
  ...Object.fromEntries(['name', 'version', 'ref', 'githubOwner', 'githubRepo', 'gitUrl', 'subdir', 'dependencies'].map((key) => [key, VALUES[key]])),
  reason: VALUES.description, newLocation: [{ gitUrl: 'https://x.org/a.git' }, {}, 'x', ...ok((random) => ({ githubOwner: word(random), githubRepo: word(random) }))],
  compiler: [...ok(() => '0.15.15'), '0.15', '', '99.0.0'], actor: [...ok(word), '', 'x y', '\n'], issue: [1, 2, 3, 0, -1, 1.5, '3'],
  packages: [{}, [], { x: null }, { X: '1.0.0' }, { x: '1' }, ...ok((random) => ({ [word(random)]: version(random) }))],
  resolutions: [{}, [], { prelude: '6' }, { Prelude: '6.0.0' }, { 'purescript-x': '1.0.0' }, ...ok((random) => ({ [word(random)]: version(random) }))],
};

// Some payloads have invalid signatures, which only the job finds out.
function bodyOf(route, text, random) {
  if (!['unpublish', 'transfer', 'package-sets'].includes(route)) return text;
  const signature = random.pick(['00ff', '00ff', '00ff', 'ab'.repeat(64), '', 'xyz', 'AB']);
  return random.upto(3) > 0 ? JSON.stringify({ payload: text, signature }) : mutate({ payload: text, signature }, { signature: ['00', ''] }, random, 2);
}

async function checkJobs(server, judges, wanted, random) {
  const seen = new Map();
  let tries = 0, refused = 0;
  while (seen.size < wanted) {
    assert.ok(tries++ < REQUESTS_TRIES_MOST, `only ${seen.size} of ${wanted} jobs after ${tries} requests`);
    const [route, request] = random.pick(REQUESTS);
    const body = bodyOf(route, mutate(request, REQUEST_VALUES, random, 2), random);
    const answer = await server.request('POST', `/api/v1/${route}`, { body, headers: { Authorization: `Bearer ${TOKEN}` } });
    assert.ok([200, 400, 403].includes(answer.status), `${answer.status} to ${route}: ${body}\n${answer.body}`);
    if (answer.status === 200) seen.set(JSON.parse(answer.body).jobId, body);
    else refused++;
  }
  const listed = new Set();
  for (let target = '/api/v1/jobs?include_completed=true'; target;) {
    const { headers, body } = await server.request('GET', target);
    for (const job of JSON.parse(body)) {
      listed.add(job.jobId);
      judges.read('job', JSON.stringify(job), ['1.0.4']);
      judgePayload(judges, job);
    }
    target = /<([^>]*)>; rel="next"/.exec(headers.link ?? '')?.[1].replace(/^https?:\/\/[^/]*/, '');
  }
  let others = 0; // kinds that lists omit, because these clients cannot read them
  for (const [id, body] of seen) {
    if (listed.has(id)) continue;
    others++;
    assert.match(body, /"dependencies"/, `${id} is in no list: ${body}`);
  }
  console.log(`${seen.size} jobs, ${others} of them of other kinds, and ${refused} requests refused`);
  assert.ok(listed.size > wanted / 2 && refused > wanted / 10, 'the changes make a difference');
}

function judgePayload(judges, { jobType, payload }) {
  const text = JSON.stringify(payload);
  if (jobType === 'publish') judges.read('publishPayload', text, payload.compiler ? undefined : ['1.0.4']);
  else if (jobType === 'unpublish' || jobType === 'transfer') judges.read('signedPayload', text);
}

async function main(programs, folder, manifests = 1000, seed = 1) {
  const random = randomFrom(Number(seed));
  const judges = await Judges.load(folder);
  const registryctl = new Registryctl(programs, folder);
  const taken = checkManifests(registryctl, judges, Number(manifests), random);
  checkLicenses(registryctl, judges);
  const digest = createHash('sha256').update(TOKEN).digest('hex');
  const server = new RegistryServer(programs, path.join(folder, 'server'),
    { POST_LIMIT_PER_MINUTE: '0', PENDING_LIMIT_PER_ADDRESS: '100000', PACCHETTIBOTTI_TOKEN_SHA256: digest });
  await server.start();
  await checkPublications(server, judges, taken, random);
  for (const name of ['publish', 'transfer', 'package-set', 'build-matrix']) await server.stopProgram(name); // nobody shall carry out the rest
  await checkJobs(server, judges, Number(manifests), random);
  await server.kill(); // nng 1.5.2 may panic in a gateway that ends while its services are away
  judges.end();
}

runMain(main);
