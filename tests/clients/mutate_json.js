// SPDX-License-Identifier: BSD-3-Clause
//
// JSON with random changes, which its reader may accept or refuse: other values for fields, from a table by the fields' names
// and from one for any; fields left out, given twice, or added.
'use strict';

const ANY = [null, true, 0, -1, 1.5, 1e300, '', ' ', 'x', [], {}, [null], { x: null }];

const anything = (random) => structuredClone(random.pick(ANY));

// Every object in the value, with the value itself.
function objectsIn(value) {
  if (value === null || typeof value !== 'object') return [];
  return [value, ...Object.values(value).flatMap(objectsIn)];
}

function change(value, values, random) {
  const objects = objectsIn(value);
  const object = random.pick(objects);
  const keys = Object.keys(object);
  if (keys.length === 0) return;
  const key = random.pick(keys);
  switch (random.upto(9)) {
    case 0: if (!Array.isArray(object)) delete object[key]; break;
    case 1: object[key] = anything(random); break;
    case 2: if (!Array.isArray(object)) object.unknown = anything(random); break;
    case 3: if (Array.isArray(object)) object.push(anything(random)); break;
    default: changeKnown(value, values, random);
  }
}

// Changes a field of the table where it occurs, or adds it at the top. The table's values may be functions that make a value.
function changeKnown(value, values, random) {
  const key = random.pick(Object.keys(values));
  const holder = objectsIn(value).find((object) => Object.hasOwn(object, key)) ?? value;
  const made = random.pick(values[key]);
  holder[key] = typeof made === 'function' ? made(random) : structuredClone(made);
}

// The text of the value with one to `most` changes.
function mutate(value, values, random, most = 3) {
  const copy = structuredClone(value);
  for (let count = random.between(1, most); count > 0; count--) change(copy, values, random);
  const text = JSON.stringify(copy);
  // A second value for a key: readers take the first, the last, or neither.
  return random.upto(19) === 0 ? text.replace(/^\{("\w+":)/, (all, key) => `{${key}"twice",${key}`) : text;
}

module.exports = { mutate };
