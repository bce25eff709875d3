// SPDX-License-Identifier: BSD-3-Clause
//
// The site in Debian's Chromium: a whole registry server without TLS, and pages that are watched. After each test no page may have
// reported an error in its console, have asked another host for anything, or show what axe-core finds serious.
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { chromium } = require('playwright-core');
const { RegistryServer, startDownloads } = require('../clients/registry_server.js');

const PROGRAM = '/usr/bin/chromium'; // of Debian
const AXE = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const GRAVE = ['serious', 'critical'];
const PATIENCE_MS = 60_000; // programs with sanitizers are slow on a busy machine
const SHOTS = process.env.SITE_SHOTS; // a folder for pictures of the pages, to be looked at
const LOG_END = 2000;
const SIZE = { width: 1280, height: 900 };
const PHONE = { width: 375, height: 700 };

class Site {
  // `folder` is made. With `begin` as in RegistryServer.
  constructor(programs, folder, settings = {}, begin = {}) {
    this.folder = folder;
    this.programs = programs;
    this.server = new RegistryServer(programs, folder, {
      TLS_CERTIFICATE: '', TLS_KEY: '', S3_API_URL: '', POST_LIMIT_PER_MINUTE: '1000', GATEWAY_PAGE_MS: '0', ...settings,
    }, begin);
    this.faults = [];
    this.pages = [];
  }

  async start() {
    fs.mkdirSync(this.folder, { recursive: true });
    const storage = this.server.at('storage');
    this.server.settings.BUILD_DOWNLOAD_URL ??= await startDownloads(storage);
    await this.server.start();
    this.server.startProgram('build-worker');
    this.url = `http://127.0.0.1:${this.server.port}`;
    const args = ['--no-sandbox', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'];
    this.chromium = await chromium.launch({ executablePath: PROGRAM, args });
  }

  // A page in a browser of its own. `options` as of playwright's newContext: javaScriptEnabled, colorScheme, viewport…
  async open(target = '/', options = {}) {
    const context = await this.chromium.newContext({ viewport: SIZE, baseURL: this.url, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    page.on('console', (message) => { if (message.type() === 'error') this.faults.push(`${page.url()}: ${message.text()}`); });
    page.on('pageerror', (error) => this.faults.push(`${page.url()}: ${error.message}`));
    page.on('request', (request) => {
      if (!request.url().startsWith(`${this.url}/`) && !/^(data|blob):/.test(request.url()))
        this.faults.push(`${page.url()} asks for ${request.url()}`);
    });
    this.pages.push(page);
    await page.goto(target);
    return page;
  }

  // The console's word about an answer of this status is none of a fault's: the test asked for it.
  allowStatus(status) { this.faults = this.faults.filter((fault) => !fault.includes(`status of ${status}`)); }

  // axe-core's rules on the page as it is now, and no scrolling to the side.
  async check(page) {
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => globalThis.axe.run());
    for (const { id, impact, help, nodes } of violations)
      if (GRAVE.includes(impact)) this.faults.push(`${page.url()}: ${id}, ${help}: ${nodes.map(({ html }) => html).join('\n')}`);
    const width = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (width > 0) this.faults.push(`${page.url()} is ${width} pixels wider than the window`);
  }

  // Opens the address at three widths, in the dark and without JavaScript, and checks each.
  // `heading`: a text, or what matches it.
  async checkEverywhere(target, { heading: wanted }) {
    const heading = wanted instanceof RegExp ? wanted : new RegExp(`^${wanted.replace(/\./g, '\\.')}$`);
    for (const [width, colorScheme] of [[1280, 'light'], [768, 'light'], [375, 'light'], [1280, 'dark'], [375, 'dark']]) {
      const page = await this.open(target, { viewport: { width, height: 900 }, colorScheme });
      assert.match(await page.locator('h1').innerText(), heading, target);
      await this.check(page);
      if (SHOTS) await page.screenshot({ path: path.join(SHOTS, `${target.replace(/\W+/g, '_')}-${width}-${colorScheme}.png`) });
      await this.close(page);
    }
    const page = await this.open(target, { javaScriptEnabled: false });
    assert.match(await page.locator('h1').innerText(), heading, target);
    await this.close(page);
  }

  async close(page) {
    this.pages = this.pages.filter((other) => other !== page);
    await page.context().close();
  }

  // Publishes `name` and resolves to the job's id; `source` is src/Main.purs after its first line.
  async publish(name, version, { source = '', dependencies, compiler = '0.15.15' } = {}) {
    const location = { githubOwner: 'site', githubRepo: `purescript-${name}` };
    const request = { name, version, ref: `v${version}`, compiler, location };
    const module = name.split('-').map((word) => word[0].toUpperCase() + word.slice(1)).join('');
    fs.rmSync(path.join(this.server.sources, `site/purescript-${name}.git`), { recursive: true, force: true });
    const files = { 'src/Main.purs': `module ${module}.Main where\n${source}` };
    if (dependencies) {
      const manifest = { name, version, license: 'BSD-3-Clause', location, ref: request.ref, dependencies };
      files['purs.json'] = JSON.stringify(manifest);
    }
    this.server.makeSource(request, files);
    const answer = await fetch(`${this.url}/api/v1/publish`, { method: 'POST', body: JSON.stringify(request) });
    const { jobId } = await answer.json();
    assert.ok(jobId, `the publication of ${name} is accepted`);
    return jobId;
  }

  async status(id) { return (await fetch(`${this.url}/status/${id}`)).json(); }

  async waitForEnd(id) {
    for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 100))) {
      const job = await this.status(id);
      if (['succeeded', 'failed'].includes(job.state)) return job;
    }
    throw new Error(`job ${id} does not end`);
  }

  // The newest build of the package with the compiler, once it has ended.
  async waitForBuild(name, compiler) {
    for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 200))) {
      const answer = await fetch(`${this.url}/api/v1/jobs?kinds=matrix&include_completed=true&package=${name}`);
      const job = (await answer.json()).find(({ compilerVersion, finishedAt }) => compilerVersion === compiler && finishedAt);
      if (job) return job;
    }
    throw new Error(`${name} is not built with ${compiler}:\n${this.server.log('build-worker').slice(-LOG_END)}`);
  }

  // At the end of each test.
  async expectNoFaults() {
    for (const page of [...this.pages]) await this.close(page);
    const faults = this.faults.splice(0);
    assert.deepEqual(faults, []);
  }

  async stop() {
    await this.chromium?.close();
    await this.server.stop();
  }
}

module.exports = { Site, PHONE };
