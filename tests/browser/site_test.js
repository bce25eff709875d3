// SPDX-License-Identifier: BSD-3-Clause
//
// Runs the tests of the site: each file of tests/browser/site is {NAME: async (site) => …, …}, one after the other on one server
// (tests/browser/site.js).
//
//   node site_test.js PROGRAMS FOLDER      FOLDER/npm/node_modules has playwright-core and axe-core; see tests/clients/run
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { Site } = require('./site.js');
const { runMain } = require('../clients/run_main.js');

const TESTS = path.join(__dirname, 'site');

async function main(programs, folder) {
  const only = process.env.SITE_TEST ?? ''; // a part of the names of the tests to run
  for (const file of fs.readdirSync(TESTS).sort()) {
    const { begin, settings, ...tests } = require(path.join(TESTS, file));
    const names = Object.keys(tests).filter((name) => `${file} ${name}`.includes(only));
    if (names.length === 0) continue;
    const site = new Site(programs, path.join(folder, path.basename(file, '.js')), settings, begin);
    await site.start();
    for (const name of names) {
      await tests[name](site);
      await site.expectNoFaults();
      console.log(`${path.basename(file, '.js')}: ${name}`);
    }
    await site.stop();
  }
}

runMain(main);
