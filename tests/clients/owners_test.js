// SPDX-License-Identifier: BSD-3-Clause
//
// Requests of existing owners' clients are accepted: payloads signed by npm's ssh2, the library that spago and the registry's
// own scripts sign with, for every kind of key; and `spago registry transfer` of the unmodified spago. (It has no command to
// unpublish.)
//
//   node owners_test.js PROGRAMS FOLDER      FOLDER/npm/node_modules has spago and ssh2; see tests/clients/run
'use strict';
const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { utils: { parseKey } } = require('ssh2');
const { Author } = require('./spago_author.js');
const { startProxy } = require('./connect_proxy.js');
const { RegistryServer, API_HOST, PACKAGES_HOST } = require('./registry_server.js');
const { runMain } = require('./run_main.js');

const KEYS = { // name: options of ssh-keygen
  ed25519: ['-t', 'ed25519'], p256: ['-t', 'ecdsa', '-b', '256'], p384: ['-t', 'ecdsa', '-b', '384'],
  p521: ['-t', 'ecdsa', '-b', '521'], rsa: ['-t', 'rsa', '-b', '3072'],
};

class Owner {
  constructor(folder, name) {
    this.file = path.join(folder, name);
    execFileSync('ssh-keygen', ['-q', ...KEYS[name], '-N', '', '-C', `${name}@example.org`, '-f', this.file]);
    const [keytype, key, id] = fs.readFileSync(`${this.file}.pub`, 'utf8').trim().split(' ');
    this.owner = { id, keytype, public: key };
  }

  // Signs the payload's bytes as the clients do: with the library's defaults.
  sign(payload) {
    const text = JSON.stringify(payload);
    return { payload: text, signature: parseKey(fs.readFileSync(this.file)).sign(text).toString('hex') };
  }
}

const isFinished = ({ state }) => state === 'succeeded' || state === 'failed';

async function carryOut(server, target, body) {
  const { jobId, created } = await server.post(target, body);
  assert.equal(created, true, JSON.stringify(body));
  const { state, error } = await server.waitForJob(jobId, isFinished);
  assert.equal(state, 'succeeded', error);
}

// A package of each owner is moved, and unpublished.
async function checkSignatures(server, folder) {
  for (const name of Object.keys(KEYS)) {
    const owner = new Owner(folder, name);
    const location = { githubOwner: 'owner', githubRepo: `purescript-${name}` };
    const request = { name, version: '1.0.0', ref: 'v1.0.0', location };
    const manifest = { ...request, license: 'BSD-3-Clause', owners: [owner.owner], dependencies: {} };
    const module = name.replace(/^./, (letter) => letter.toUpperCase());
    server.makeSource(request, { 'purs.json': JSON.stringify(manifest), 'src/Owned.purs': `module ${module} where\n` });
    await carryOut(server, '/api/v1/publish', request);
    const newLocation = { githubOwner: 'owner', githubRepo: `purescript-${name}-moved` };
    await carryOut(server, '/api/v1/transfer', owner.sign({ name, newLocation }));
    await carryOut(server, '/api/v1/unpublish', owner.sign({ name, version: '1.0.0', reason: 'It was only a test.' }));
    const metadata = JSON.parse(server.committed('registry.git', `metadata/${name}.json`));
    assert.deepEqual(metadata.location, newLocation);
    assert.deepEqual(Object.keys(metadata.unpublished), ['1.0.0']);
    console.log(`ssh2 signs by ${owner.owner.keytype}: the package is moved and unpublished`);
  }
}

// The author's spago.yaml, with an owner and this repository.
const configuration = ({ owner: { id, keytype, public: key } }, repository) => `package:
  name: movable
  description: A package of the tests
  dependencies: []
  publish:
    version: 1.0.0
    license: BSD-3-Clause
    location:
      githubOwner: author
      githubRepo: ${repository}
    owners:
      - id: ${id}
        keytype: ${keytype}
        public: ${key}
workspace: {}
`;

async function checkSpago(server, folder, proxy) {
  const spago = path.join(folder, 'npm/node_modules/spago/bin/bundle.js');
  const author = new Author(path.join(folder, 'author'), spago, server, proxy);
  const owner = new Owner(author.folder, 'ed25519');
  const location = () => JSON.parse(server.committed('registry.git', 'metadata/movable.json')).location.githubRepo;
  const expectStatus = async (status, ...words) => {
    const run = await author.runSpago(...words);
    assert.equal(run.status, status, `spago ${words.join(' ')}:\n${run.output}\n${server.log('transfer')}`);
    return run;
  };
  await author.prepare({ name: 'movable', module: 'Movable', version: '1.0.0',
    files: { 'spago.yaml': configuration(owner, 'purescript-movable') } });
  await expectStatus(0, 'publish');
  assert.equal(location(), 'purescript-movable');

  author.write('work/spago.yaml', configuration(owner, 'purescript-moved'));
  author.git('commit', '-q', '-a', '-m', 'Move');
  const stranger = new Owner(author.folder, 'rsa');
  await expectStatus(1, 'registry', 'transfer', '-i', stranger.file);
  assert.match(author.lastRun.output, /No owner of movable has signed exactly this payload/);
  assert.equal(location(), 'purescript-movable');
  await expectStatus(0, 'registry', 'transfer', '-i', owner.file);
  assert.equal(location(), 'purescript-moved');
  console.log('spago registry transfer moves a package, and prints why a stranger may not');
}

async function main(programs, folder) {
  const server = new RegistryServer(programs, path.join(folder, 'server'));
  await server.start();
  await checkSignatures(server, folder);
  const proxy = await startProxy([API_HOST, PACKAGES_HOST], server.port);
  await checkSpago(server, folder, proxy);
  proxy.cut();
  await server.stop();
}

runMain(main);
