// SPDX-License-Identifier: BSD-3-Clause
//
// A package author's machine: a new home with empty caches, in which git maps GitHub's addresses to folders of the test server,
// a `purs` on PATH, and the unmodified spago, whose hosts a proxy redirects to our gateway.
'use strict';
const { execFileSync, spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const SPAGO_MS = 120_000; // limit of one run, which takes seconds
const OWNER = 'author';

// pkg: {name, module, version, dependency?: {name, module, range}, files?: {PATH: TEXT}}
function packageFiles({ name, module, version, dependency, files }) {
  return {
    '.gitignore': 'output/\n.spago/\n',
    LICENSE: 'BSD 3-Clause\n',
    'spago.yaml': `package:
  name: ${name}
  description: A package of the tests
  dependencies: [${dependency ? `{ ${dependency.name}: "${dependency.range}" }` : ''}]
  publish:
    version: ${version}
    license: BSD-3-Clause
    location:
      githubOwner: ${OWNER}
      githubRepo: purescript-${name}
workspace: {}
`,
    'src/Library.purs': `module ${module} where

${dependency ? `import ${dependency.module} (value)\n\n` : ''}version :: String
version = "${version}"
`,
    ...files,
  };
}

class Author {
  // `spago` is spago's main file; `server` and `proxy` are running.
  constructor(folder, spago, server, proxy) {
    this.folder = folder;
    this.work = path.join(folder, 'work'); // the package, a git repository
    this.spago = spago;
    this.server = server;
    const bin = path.join(folder, 'bin');
    fs.mkdirSync(bin, { recursive: true });
    fs.copyFileSync(path.join(server.programs, 'purs-stand-in'), path.join(bin, 'purs'));
    this.environment = {
      PATH: `${bin}:${process.env.PATH}`, HOME: folder, XDG_CACHE_HOME: path.join(folder, 'cache'), TMPDIR: folder,
      GIT_CONFIG_GLOBAL: this.write('gitconfig', this.gitSettings()), GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0',
      NODE_USE_ENV_PROXY: '1', HTTPS_PROXY: `http://127.0.0.1:${proxy.address().port}`,
      NODE_EXTRA_CA_CERTS: server.authority,
      NODE_OPTIONS: `--require=${path.join(__dirname, 'record_requests.js')}`,
      RECORDED_REQUESTS: path.join(folder, 'requests'),
    };
  }

  // Exact `insteadOf` for the two repositories that spago clones. For packages only `pushInsteadOf`: an `insteadOf` changes the
  // output of `git remote -v`, which spago compares with the location in spago.yaml. It clones with `--filter`.
  gitSettings() {
    const repository = (name) =>
      `[url "file://${this.server.at(name)}"]\n\tinsteadOf = https://github.com/purescript/${name}\n`;
    return `${repository('registry.git')}${repository('registry-index.git')}` +
      `[url "file://${this.server.sources}/"]\n\tpushInsteadOf = https://github.com/\n` +
      '[user]\n\tname = Author\n\temail = author@example.org\n' +
      '[uploadpack]\n\tallowFilter = true\n\tallowAnySHA1InWant = true\n';
  }

  write(name, text) {
    const file = path.join(this.folder, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
    return file;
  }

  git(...words) {
    execFileSync('git', words, { cwd: this.work, env: this.environment, stdio: 'pipe' });
  }

  // Writes the package, lets spago fetch its dependencies and make its lock file, commits, tags, and pushes the branch (spago
  // pushes the tag itself). Returns the result of runSpago() for the fetching.
  async prepare(pkg) {
    for (const [name, text] of Object.entries(packageFiles(pkg))) this.write(path.join('work', name), text);
    if (!fs.existsSync(path.join(this.work, '.git'))) this.beginHistory(`${OWNER}/purescript-${pkg.name}.git`);
    const fetched = await this.runSpago('fetch');
    if (fetched.status !== 0) throw new Error(`spago fetch failed (${fetched.status})`);
    this.git('add', '-A');
    this.git('commit', '-q', '-m', `Release ${pkg.version}`);
    this.git('tag', `v${pkg.version}`);
    this.git('push', '-q', '-f', 'origin', 'main'); // over another author's history, whose tags stay
    return fetched;
  }

  beginHistory(repository) {
    this.git('init', '-q', '-b', 'main');
    this.git('remote', 'add', 'origin', `https://github.com/${repository}`);
    const remote = path.join(this.server.sources, repository);
    if (!fs.existsSync(remote)) execFileSync('git', ['init', '-q', '--bare', '-b', 'main', remote]);
  }

  // Runs spago in a project that takes these packages from the package set of that version.
  useSet(version, dependencies, ...words) {
    this.write('work/spago.yaml', `package:
  name: project
  dependencies: [${dependencies.join(', ')}]
workspace:
  packageSet:
    registry: ${version}
`);
    this.write('work/src/Main.purs', 'module Main where\n\nimport Tree (version)\n\nname :: String\nname = version\n');
    return this.runSpago(...words);
  }

  publish(...options) { return this.runSpago('publish', ...options); }

  // Resolves to {status, output, requests}, also kept in `lastRun`: the exit status or the signal that ended it, its output,
  // and `METHOD URL STATUS` for each of its requests.
  runSpago(...words) {
    fs.writeFileSync(this.environment.RECORDED_REQUESTS, '');
    const run = { status: null, output: '', requests: [] };
    this.lastRun = run;
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [this.spago, ...words],
        { cwd: this.work, env: this.environment, stdio: ['ignore', 'pipe', 'pipe'], timeout: SPAGO_MS });
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text) => { run.output += text; });
      child.once('error', reject);
      child.once('close', (status, signal) => {
        run.status = status ?? signal;
        run.requests = fs.readFileSync(this.environment.RECORDED_REQUESTS, 'utf8').split('\n').filter(Boolean);
        resolve(run);
      });
    });
  }
}

module.exports = { Author };
