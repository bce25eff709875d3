// SPDX-License-Identifier: BSD-3-Clause
//
// A source of random numbers that gives the same ones for the same seed (mulberry32), for generated cases.
'use strict';

function randomFrom(seed) {
  let state = seed >>> 0;
  const fraction = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const upto = (most) => Math.floor(fraction() * (most + 1)); // 0 to most
  return { upto, between: (least, most) => least + upto(most - least), pick: (list) => list[upto(list.length - 1)] };
}

module.exports = { randomFrom };
