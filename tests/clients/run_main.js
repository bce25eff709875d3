// SPDX-License-Identifier: BSD-3-Clause
//
// How every test here is run: main(folder of the programs, folder of its own). What still runs when it ends, ends with it.
'use strict';

function runMain(main) {
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
  main(...process.argv.slice(2)).catch((error) => {
    console.error(error);
    process.exit(1);
  });
}

module.exports = { runMain };
