// SPDX-License-Identifier: BSD-3-Clause
//
// A whole registry server in a folder: redis-server, the services and the gateway, each a process, with repositories that begin
// empty and storage in the folder. The gateway speaks TLS as the two hosts that clients know, with a certificate of
// an authority made here (`server.authority`).
'use strict';
const { execFileSync, spawn } = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const path = require('node:path');
const { buffer } = require('node:stream/consumers');
const { setTimeout: sleep } = require('node:timers/promises');

const API_HOST = 'registry.purescript.org';
const PACKAGES_HOST = 'packages.registry.purescript.org';
const REDIS_CONFIGURATION = path.resolve(__dirname, '../../ops/redis.conf');
const PROGRAMS = ['redis', 'publish', 'transfer', 'package-set', 'build-matrix', 'gateway']; // in the order of their start
const WORKER = 'build-worker'; // started by a test, once the rest runs
const WORKER_SETTINGS = ['PATH', 'STATE_DIR', 'REGISTRY_COMPILERS']; // few: it builds strangers' code
const COMPILERS = ['0_15_15', '0_15_16'];
const START_MS = 30_000;
const STOP_MS = 60_000;

const run = (program, ...words) => execFileSync(program, words, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });

// Makes a new authority, and a certificate by it for both hosts.
function makeCertificate(folder) {
  const at = (name) => path.join(folder, name);
  const create = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'];
  run('openssl', ...create, '-subj', '/CN=Test authority', '-keyout', at('authority.key'), '-out', at('authority.pem'));
  run('openssl', ...create, '-subj', `/CN=${API_HOST}`, '-addext', `subjectAltName=DNS:${API_HOST},DNS:${PACKAGES_HOST}`,
    '-addext', 'basicConstraints=critical,CA:FALSE', '-CA', at('authority.pem'), '-CAkey', at('authority.key'),
    '-keyout', at('server.key'), '-out', at('server.pem'));
}

// A bare repository with one commit, which has these files, and perhaps a tag.
function makeRepository(folder, name, files, tag) {
  const begin = path.join(folder, 'begin');
  for (const [file, text] of Object.entries(files)) {
    fs.mkdirSync(path.join(begin, path.dirname(file)), { recursive: true });
    fs.writeFileSync(path.join(begin, file), text);
  }
  run('git', 'init', '-q', '-b', 'main', begin);
  run('git', '-C', begin, 'add', '-A');
  run('git', '-C', begin, '-c', 'user.name=test', '-c', 'user.email=test@example.org', 'commit', '-q', '-m', 'Begin');
  if (tag) run('git', '-C', begin, 'tag', tag);
  run('git', 'clone', '-q', '--bare', begin, path.join(folder, name));
  fs.rmSync(begin, { recursive: true });
}

// Where build workers get tarballs from: the gateway's certificate is of no authority that they know.
async function startDownloads(storage) {
  const downloads = http.createServer((request, response) => {
    const file = path.join(storage, path.normalize(request.url));
    if (fs.existsSync(file)) fs.createReadStream(file).pipe(response);
    else response.writeHead(404).end();
  });
  await new Promise((resolve) => downloads.listen(0, '127.0.0.1', resolve));
  downloads.unref();
  return `http://127.0.0.1:${downloads.address().port}`;
}

// GET on the management port; resolves to true if the answer is 200.
function isGood(port, target) {
  return new Promise((resolve) => {
    http.get({ host: '127.0.0.1', port, path: target, timeout: START_MS }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    }).on('error', () => resolve(false));
  });
}

class RegistryServer {
  // `programs` is the folder of the built programs; `folder` is made; the folder above it must be readable by everybody.
  // `settings` override those below. `begin` is the initial content of the two repositories: {registry: {FILE: TEXT}, index:
  // {…}}.
  constructor(programs, folder, settings = {}, begin = {}) {
    this.begin = begin;
    this.programs = programs;
    this.folder = folder;
    this.settings = settings;
    this.authority = this.at('authority.pem');
    this.sources = this.at('sources'); // OWNER/REPO.git, in place of GitHub
    this.running = new Map(); // program's name: child process
  }

  at(name) { return path.join(this.folder, name); }

  // Starts these programs, and waits until the gateway is ready; if they are not all, until it answers.
  async start(programs = PROGRAMS) {
    for (const name of ['sources', 'work', 'compilers', 'redis']) fs.mkdirSync(this.at(name), { recursive: true });
    for (const version of COMPILERS)
      fs.copyFileSync(path.join(this.programs, 'purs-stand-in'), this.at(`compilers/purs-${version}`));
    makeCertificate(this.folder);
    const packageSet = { version: '1.0.0', compiler: '0.15.16', published: '2026-01-01', packages: {} };
    makeRepository(this.folder, 'registry.git', { 'package-sets/1.0.0.json': JSON.stringify(packageSet, null, 2),
      ...this.begin.registry });
    makeRepository(this.folder, 'registry-index.git', { 'README.md': 'Nothing yet.\n', ...this.begin.index });
    this.environment = {
      PATH: process.env.PATH,
      STATE_DIR: this.folder, WORK_DIR: this.at('work'), REDIS_URL: `unix://${this.at('redis.sock')}`,
      SERVER_PORT: '0', MANAGEMENT_PORT: '0', TLS_CERTIFICATE: this.at('server.pem'), TLS_KEY: this.at('server.key'),
      S3_API_URL: `https://${PACKAGES_HOST}`, GITHUB_GIT_URL: `file://${this.sources}`, SOURCE_ALLOW_PRIVATE: 'true',
      REGISTRY_COMPILERS: this.at('compilers'),
      ...this.settings,
    };
    this.check = programs === PROGRAMS ? '/readyz' : '/healthz';
    for (const name of programs) this.startProgram(name);
    await this.waitUntilReady();
  }

  // Ends the gateway and starts it again, most likely at another port. `whileAway` is called in between.
  async restartGateway(whileAway) {
    await this.stopProgram('gateway');
    fs.rmSync(this.at('gateway.ports'), { force: true });
    await whileAway();
    this.startProgram('gateway');
    await this.waitUntilReady();
  }

  // Somebody else's commit, which removes a folder from one of the two repositories.
  removeFolder(repository, folder) {
    const clone = this.at('clone');
    run('git', 'clone', '-q', this.at(repository), clone);
    run('git', '-C', clone, 'rm', '-q', '-r', folder);
    run('git', '-C', clone, '-c', 'user.name=test', '-c', 'user.email=test@example.org', 'commit', '-q', '-m', 'Remove');
    run('git', '-C', clone, 'push', '-q', 'origin', 'HEAD');
    fs.rmSync(clone, { recursive: true });
  }

  startProgram(name) {
    const [program, ...words] = name === 'redis'
      ? ['redis-server', REDIS_CONFIGURATION, '--dir', this.at('redis'), '--unixsocket', this.at('redis.sock')]
      : [path.join(this.programs, `registry-${name}`)];
    const log = fs.openSync(this.at(`${name}.log`), 'a');
    const env = name !== WORKER ? this.environment
      : Object.fromEntries(WORKER_SETTINGS.map((setting) => [setting, this.environment[setting]]));
    const child = spawn(program, words, { cwd: this.folder, env, stdio: ['ignore', log, log] });
    fs.closeSync(log);
    process.once('exit', () => child.kill('SIGKILL')); // if stop() was not called
    this.running.set(name, { child, ended: new Promise((resolve) => child.once('close', resolve).once('error', resolve)) });
  }

  async waitUntilReady() {
    for (const end = Date.now() + START_MS; Date.now() < end; await sleep(50)) {
      for (const [name, { child }] of this.running)
        if (child.exitCode !== null || child.pid === undefined) throw new Error(`${name} ended:\n${this.log(name)}`);
      const ports = fs.existsSync(this.at('gateway.ports')) ? fs.readFileSync(this.at('gateway.ports'), 'utf8') : '';
      this.port = Number(/^server=(\d+)$/m.exec(ports)?.[1]);
      const managementPort = Number(/^management=(\d+)$/m.exec(ports)?.[1]);
      if (managementPort && await isGood(managementPort, this.check)) return;
    }
    throw new Error(`the server does not become ready:\n${this.log('gateway')}`);
  }

  // Sends a request over TLS as a client of the API does; resolves to {status, headers, body}, the body as bytes.
  // The answer, whole; of a stream without an end (`breaksOff`) its first part, after which the client leaves, unless it `stays`:
  // then the answer has `leave()`.
  request(method, target, { headers = {}, body, breaksOff, stays } = {}) {
    const ca = fs.readFileSync(this.authority);
    const options = { method, host: '127.0.0.1', port: this.port, servername: API_HOST, ca, path: target, headers };
    return new Promise((resolve, reject) => {
      https.request(options, async (response) => {
        const { statusCode: status, headers: answered } = response;
        if (!breaksOff || status !== 200) return resolve({ status, headers: answered, body: await buffer(response) });
        response.once('data', (part) => {
          resolve({ status, headers: answered, body: part, leave: () => response.destroy() });
          if (!stays) response.destroy();
        });
      }).on('error', reject).end(body);
    });
  }

  // GET; resolves to the answer's JSON.
  async get(target) { return JSON.parse((await this.request('GET', target)).body); }

  // POST of JSON; resolves to the answer's.
  async post(target, body) { return JSON.parse((await this.request('POST', target, { body: JSON.stringify(body) })).body); }

  // Resolves to the job once `is` is true for its short form.
  async waitForJob(id, is) {
    for (const end = Date.now() + START_MS; Date.now() < end; await sleep(20)) {
      const job = await this.get(`/status/${id}`);
      if (is(job)) return job;
    }
    throw new Error(`job ${id} does not get there:\n${this.log('publish')}`);
  }

  // Makes the source that a publication names, with these files.
  makeSource({ name, version, ref, location }, files) {
    const manifest = { name, version, license: 'BSD-3-Clause', location, ref, dependencies: {} };
    const all = { 'purs.json': JSON.stringify(manifest), LICENSE: 'BSD 3-Clause\n', ...files };
    makeRepository(this.sources, `${location.githubOwner}/${location.githubRepo}.git`, all, ref);
  }

  log(name) { return fs.readFileSync(this.at(`${name}.log`), 'utf8'); }

  // A file on the main branch of one of the two repositories.
  committed(repository, file) {
    return run('git', '-C', this.at(repository), 'show', `main:${file}`).trim();
  }

  // Asks the program to end; it must exit with 0.
  async stopProgram(name) {
    const { child, ended } = this.running.get(name);
    this.running.delete(name);
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(timer);
    const status = child.exitCode ?? child.signalCode;
    if (status !== 0) throw new Error(`${name} did not end well (${status}):\n${this.log(name)}`);
  }

  // Kills all programs at once, in any state.
  async kill() {
    for (const { child } of this.running.values()) child.kill('SIGKILL');
    await Promise.all([...this.running.values()].map(({ ended }) => ended));
    this.running.clear();
  }

  async stop() {
    for (const name of [...PROGRAMS, WORKER].toReversed()) if (this.running.has(name)) await this.stopProgram(name);
  }
}

module.exports = { RegistryServer, startDownloads, API_HOST, PACKAGES_HOST };
