// SPDX-License-Identifier: BSD-3-Clause
//
// Clients that read a job's log while it is written: curl, and any EventSource. Each collects the texts of its lines.
'use strict';
const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');

const PATIENCE_MS = 60_000;
const REOPEN_MS = 1000;
const running = new Set(); // child processes
process.once('exit', () => { for (const child of running) child.kill('SIGKILL'); });

class LogReader {
  constructor(name) {
    this.name = name;
    this.texts = [];
    this.events = {}; // their name: how many there were
    this.waiting = new Set(); // functions
  }

  changed() {
    for (const wake of this.waiting) wake();
    this.waiting.clear();
  }

  // Resolves when `is` is true for the reader; rejects with `problem` if that takes too long, or with what went wrong.
  async waitUntil(is, problem) {
    for (const end = Date.now() + PATIENCE_MS; !is(this);) {
      if (this.failure) throw new Error(`${this.name}: ${this.failure}`);
      assert.ok(Date.now() < end, `${this.name}: ${problem}; it has had ${JSON.stringify(this.events)}`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, end - Date.now());
        this.waiting.add(() => { clearTimeout(timer); resolve(); });
      });
    }
  }

  // Nothing that was written may be held back on the way until more is.
  waitForLines(count) { return this.waitUntil(() => this.texts.length >= count, `line ${count} is late`); }

  take(event, data) {
    this.events[event] = (this.events[event] ?? 0) + 1;
    if (event === 'log') this.texts.push(JSON.parse(data).message);
    this.changed();
  }

  fail(failure) {
    this.failure = failure;
    this.changed();
  }

  // It must have had exactly these lines, in this order.
  expectTexts(texts) {
    const at = texts.findIndex((text, i) => this.texts[i] !== text);
    if (at >= 0) assert.equal(this.texts[at], texts[at], `${this.name}: line ${at + 1}`);
    assert.equal(this.texts.length, texts.length, `${this.name}: number of lines`);
  }
}

// curl, which ends with the stream; after `slow`, on a busy machine, it is started again after its last line. `words` are its
// arguments; `version` is that of HTTP which it must speak.
class CurlReader extends LogReader {
  constructor(name, words, version = '1.1') {
    super(name);
    this.words = ['--no-progress-meter', '--fail', '-N', '-w', '%{stderr}HTTP/%{http_version}', ...words];
    this.version = version;
    this.start();
  }

  start(...more) {
    const child = spawn('curl', [...this.words, ...more]);
    let messages = '';
    this.input = '';
    running.add(child);
    child.stdout.setEncoding('utf8').on('data', (part) => this.read(part));
    child.stderr.setEncoding('utf8').on('data', (part) => { messages += part; });
    child.once('error', ({ message }) => this.fail(message)).once('close', (code) => {
      running.delete(child);
      if (code !== 0 || messages !== `HTTP/${this.version}`) this.fail(`curl ended with ${code}: ${messages}`);
      else if (this.isSlow) this.start('-H', `Last-Event-ID: ${this.lastId}`);
      else this.isOver = true;
      this.isSlow = false;
      this.changed();
    });
  }

  read(part) {
    this.input += part;
    const blocks = this.input.split('\n\n');
    this.input = blocks.pop();
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split('\n').map((line) => /^(\w*): ?(.*)$/.exec(line)?.slice(1) ?? ['', '']));
      if (fields.id) this.lastId = fields.id;
      if (fields.event === 'slow') this.isSlow = true;
      if (fields.event) this.take(fields.event, fields.data);
    }
  }

  async waitForEnd() {
    await this.waitUntil(() => this.isOver, 'curl does not end');
    assert.equal(this.events.end, 1, `${this.name}: the event 'end'`);
  }
}

// The same of the log as plain text.
class CurlTextReader extends CurlReader {
  read(part) {
    this.input += part;
    const lines = this.input.split('\n');
    this.input = lines.pop();
    this.events.line = (this.events.line ?? 0) + lines.length;
    for (const line of lines) this.texts.push(/^\S+ +INFO +(.*)$/.exec(line)?.[1] ?? line);
    this.changed();
  }

  waitForEnd() { return this.waitUntil(() => this.isOver, 'curl does not end'); }
}

// An EventSource, of npm or of a browser, which comes back by itself until 204 tells it to stop.
//
// It gives up, as the standard has it, when a proxy answers 502 in place of a gateway that is away. Then it is opened again after
// its last line, as a page must do it; `reopened` counts that. `connect(url, reader)` makes one, which calls the methods below.
class EventSourceReader extends LogReader {
  constructor(name, url, connect) {
    super(name);
    this.url = url;
    this.connect = connect;
    this.opened = this.reopened = 0;
    connect(url, this);
  }

  onOpen() {
    this.opened++;
    this.changed();
  }

  onEvent(event, data, lastId) {
    this.lastId = lastId || this.lastId; // one that was opened again begins without
    this.take(event, data);
  }

  onGivingUp(status) {
    this.status = status;
    if (status === 502) setTimeout(() => this.reopen(), REOPEN_MS);
    else if (status !== 204) this.fail(`it gives up after the answer ${status}`);
    this.changed();
  }

  reopen() {
    this.reopened++;
    this.connect(this.lastId ? `${this.url}?after=${this.lastId}` : this.url, this);
  }

  waitForOpenings(count) { return this.waitUntil(() => this.opened >= count, 'it does not come back'); }

  async waitForEnd() {
    await this.waitUntil(() => this.status === 204, '204 does not stop it');
    assert.equal(this.events.end, 1, `${this.name}: the event 'end'`);
  }
}

module.exports = { CurlReader, CurlTextReader, EventSourceReader };
