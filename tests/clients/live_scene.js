// SPDX-License-Identifier: BSD-3-Clause
//
// What every client of live logs must stand: readers that come at any time, cut connections, a gateway that is started again.
// The gateway runs twice on one Redis, with TLS and without; nginx, where it is installed, is in front of the second. The program
// run-job has the part of a service.
'use strict';
const path = require('node:path');
const { LiveJob } = require('./live_job.js');
const { startNginx } = require('./nginx.js');
const { RegistryServer } = require('./registry_server.js');
const { startRelay } = require('./relay.js');

const SINGLE_LINES = 15; // each is waited for
const MANY_LINES = 3000; // as fast as they can be written
const PADDING = 200;
const RESTARTS = 3;

const forAll = (readers, visit) => Promise.all(readers.map(visit));

class LiveScene {
  // `secure` has TLS; `plain` has `url`, which stays the same. `nginx` is null where it is not installed.
  async start(programs, folder) {
    this.secure = new RegistryServer(programs, path.join(folder, 'secure'));
    await this.secure.start(['redis', 'gateway']);
    const redisUrl = this.secure.environment.REDIS_URL;
    const settings = { REDIS_URL: redisUrl, TLS_CERTIFICATE: '', TLS_KEY: '', S3_API_URL: '' };
    this.plain = new RegistryServer(programs, path.join(folder, 'plain'), settings);
    await this.plain.start(['gateway']);
    this.relay = await startRelay(() => this.plain.port);
    this.nginx = await startNginx(path.join(folder, 'nginx'), this.relay.url);
    if (!this.nginx) console.log('nginx is not installed, so its part is left out.');
    this.job = new LiveJob(programs, redisUrl);
  }

  async stop() {
    await this.job.stop();
    await this.nginx?.stop();
    this.relay.close();
    await this.plain.stop();
    await this.secure.stop();
  }

  // The ways to the gateway without TLS: {name: url}.
  ways() {
    const { relay, nginx } = this;
    return nginx ? { directly: relay.url, buffering: nginx.buffering.url, caching: nginx.caching.url } : { directly: relay.url };
  }

  waitForLines(readers) { return forAll(readers, (reader) => reader.waitForLines(this.job.texts.length)); }

  async expectEnds(readers) {
    await forAll(readers, (reader) => reader.waitForEnd());
    for (const reader of readers) reader.expectTexts(this.job.texts);
  }

  // `start(id)` starts readers of the job, some before its first line, others while lines are written, and when it has ended.
  async checkReaders(start) {
    const { job } = this;
    await job.begin('followed');
    const early = start(job.id);
    for (let i = 0; i < SINGLE_LINES; i++) {
      await job.write(1);
      await this.waitForLines(early);
    }
    await job.write(MANY_LINES, PADDING);
    const readers = [...early, ...start(job.id)];
    for (let i = 0; i < 2; i++) {
      await job.write(1);
      await this.waitForLines(readers);
    }
    await job.end();
    await this.expectEnds(readers);
    await this.expectEnds(start(job.id));
    for (const { name } of early) console.log(`${name}: every line, in time, in order, once`);
  }

  // Connections are cut while lines are on their way, and the gateway goes away and comes back. `start(id)` starts readers that
  // come back by themselves.
  async checkInterruptions(start) {
    const { job, relay, nginx } = this;
    await job.begin('interrupted');
    const readers = start(job.id);
    let openings = 1;
    const comeBack = async () => {
      openings++;
      await job.write(1);
      await forAll(readers, (reader) => reader.waitForOpenings(openings));
      await this.waitForLines(readers);
    };
    const relays = [[relay], [nginx?.buffering ?? relay, nginx?.caching ?? relay, relay]]; // behind nginx, and before it, too
    for (const cut of relays) {
      await forAll(readers, (reader) => reader.waitForOpenings(openings));
      await job.write(MANY_LINES, PADDING);
      for (const each of cut) each.cut();
      await comeBack();
    }
    for (let i = 0; i < RESTARTS; i++) {
      await job.write(10);
      await this.plain.restartGateway(() => job.write(10));
      await comeBack();
    }
    await job.end();
    await this.expectEnds(readers);
    for (const { name, opened, reopened } of readers)
      console.log(`${name}, interrupted: every line once over ${opened} connections, ${reopened} of them after a 502`);
  }
}

module.exports = { LiveScene };
