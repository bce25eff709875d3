// SPDX-License-Identifier: BSD-3-Clause
//
// Runs every test here: main(folder of the programs, the test's folder). Programs that still run at its end are ended.
'use strict';

function runMain(main) {
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
  main(...process.argv.slice(2)).catch((error) => {
    console.error(error);
    process.exit(1);
  });
}

module.exports = { runMain };
