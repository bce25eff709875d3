// SPDX-License-Identifier: BSD-3-Clause
//
// A job whose log is written as the test says, by the program run-job (tests/support/run_job.c).
'use strict';
const { spawn } = require('node:child_process');
const assert = require('node:assert/strict');
const path = require('node:path');
const readline = require('node:readline');

// What could be changed on the way: quotes, escapes, markup, letters of several bytes.
const TEXT = 'A line – "quoted" \\n \\ <b>&amp; %25 ü 🙂';

class LiveJob {
  // Starts the program; `programs` is its folder.
  constructor(programs, redisUrl) {
    this.child = spawn(path.join(programs, 'run-job'), [redisUrl], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.answers = readline.createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
    this.ended = new Promise((resolve, reject) => this.child.once('close', resolve).once('error', reject));
  }

  async command(words) {
    this.child.stdin.write(`${words}\n`);
    const { value, done } = await this.answers.next();
    if (done) throw new Error(`run-job has ended in place of '${words}'`);
    return value;
  }

  // A new job begins; the one before must have ended.
  async begin(name) {
    this.id = await this.command(`begin ${name}`);
    this.texts = [];
  }

  // Resolves when that many more lines are in its log.
  async write(count, padding = 0) {
    const text = TEXT + '.'.repeat(padding);
    await this.command(`write ${count} ${text}`);
    for (let i = 0; i < count; i++) this.texts.push(`${text} ${this.texts.length + 1}`);
  }

  end() { return this.command('end'); }

  async stop() {
    this.child.stdin.end();
    assert.equal(await this.ended, 0, 'run-job ends well');
  }
}

module.exports = { LiveJob };
