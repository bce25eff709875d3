// SPDX-License-Identifier: BSD-3-Clause
//
// For read-request: a line of standard input is {outermost: [TEXT], fences: [TEXT…]}, at least one text, each beginning with a
// brace; for each there is a line of standard output, {"json": OBJECT} or {"error": WHY} for the selected text, repaired by the
// jsonrepair of package-lock.json.
'use strict';
const { readFileSync } = require('node:fs');
const { isDeepStrictEqual } = require('node:util');
const { jsonrepair } = require('jsonrepair');

const UNCLOSED = 'A closing brace is missing.';

function readObject(text) {
  const value = JSON.parse(jsonrepair(text));
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new Error('This is more than one JSON object.');
  return value;
}

// True if the object is closed at the end of the text; otherwise jsonrepair takes the probe for one more member.
function isClosed(text) {
  const probe = 'the object is not closed';
  try {
    return !Object.hasOwn(readObject(`${text}, "${probe}": true}`), probe);
  } catch {
    return true;
  }
}

// If the closing brace is missing, jsonrepair takes the words that follow for a key, and adds a null as its value.
function hasMadeUpEnd(object, text) {
  return Object.values(object).at(-1) === null && !/(null|None|undefined|[}\]])[\s,]*$/.test(text);
}

// Repairs all of the text, or the part up to its last brace if words follow. An object that is not closed is never cut off
// there, because the members after that brace would be lost: a publication without its "ref" is an unpublishing.
function repair(text) {
  try {
    const json = readObject(text);
    if (hasMadeUpEnd(json, text)) throw new Error(UNCLOSED);
    return { json };
  } catch (error) {
    const end = text.lastIndexOf('}') + 1;
    if (end === 0) return { error: error.message };
    const uptoBrace = text.slice(0, end);
    try {
      const json = readObject(uptoBrace);
      return isClosed(uptoBrace) ? { json } : { error: UNCLOSED };
    } catch (second) {
      return { error: second.message };
    }
  }
}

// Like `choose` in read-request. If there is a fence, it marks the end of the request.
function choose(answers) {
  const requests = answers.filter(({ json }) => json);
  if (requests.some((request) => !isDeepStrictEqual(request, requests[0])))
    return { error: 'There is more than one request in it: write one issue or comment for each.' };
  return requests[0] ?? answers[0];
}

for (const line of readFileSync(0, 'utf8').split('\n').slice(0, -1)) {
  const { outermost, fences } = JSON.parse(line);
  console.log(JSON.stringify(choose((fences.length > 0 ? fences : outermost).map(repair))));
}
