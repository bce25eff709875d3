// SPDX-License-Identifier: BSD-3-Clause
//
// The contract of storage (tests/store/test_tarball_store.c) over a real S3 server from npm, s3rver. s3rver accepts anonymous
// writes and any signature, so the tests' own server (tests/support/s3/s3_server.h) is in between as a proxy: it checks
// signatures and forwards the accepted requests.
//
//   node s3_test.js PROGRAMS FOLDER      FOLDER/npm/node_modules has s3rver; the test program is in PROGRAMS/../tests
'use strict';
const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const S3rver = require('s3rver');
const { runMain } = require('./run_main.js');

const BUCKET = 'tarballs'; // S3_SERVER_BUCKET

async function main(programs, folder) {
  const directory = path.join(folder, 's3rver');
  fs.mkdirSync(directory);
  let requests = 0;
  const server = new S3rver({
    address: '127.0.0.1', port: 0, directory, silent: true, vhostBuckets: false, configureBuckets: [{ name: BUCKET }],
  });
  const { port } = await server.run();
  server.httpServer.on('request', () => requests++);
  const test = spawn(path.join(programs, '..', 'tests', 'test_store_tarball_store'), {
    stdio: 'inherit',
    env: { ...process.env, S3_SERVER_BEHIND: `http://127.0.0.1:${port}` },
  });
  const code = await new Promise((resolve, reject) => test.on('exit', resolve).on('error', reject));
  await server.close();
  assert.equal(code, 0, 'the contract holds');
  assert.ok(requests > 0, 's3rver was asked');
}

runMain(main);
