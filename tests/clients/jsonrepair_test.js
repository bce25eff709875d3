// SPDX-License-Identifier: BSD-3-Clause
//
// The issue bot (ops/github/read-request) repairs requests with jsonrepair from npm: here requests with mistakes of the kinds
// that jsonrepair repairs, one to three each, written into an issue with and without code fences and words around them. The bot
// must get the same result as jsonrepair for the JSON alone, except for the differences listed below, each of which must occur.
// Without the library, as when npm is down, it may read fewer requests, but never get another result.
//
//   node jsonrepair_test.js PROGRAMS FOLDER [CASES] [SEED]      FOLDER/npm/node_modules has jsonrepair; see tests/clients/run
'use strict';
const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { jsonrepair } = require('jsonrepair');
const { randomFrom } = require('./random.js');
const { runMain } = require('./run_main.js');

const BOT = path.resolve(__dirname, '../../ops/github');
const BOT_FILES = ['read-request', 'repair-json.js', 'package.json', 'package-lock.json'];
const AT_ONCE = 50; // texts that one run of the bot reads
const EVERY_WITHOUT_LIBRARY = 4; // one case in this many is also read without it

// ---- Requests, as tokens: {text, kind}; kind is key, string, constant, number, punctuation, or blank ----

const REQUESTS = [
  { name: 'my-package', version: '1.0.0', ref: 'v1.0.0', location: { githubOwner: 'me', githubRepo: 'purescript-my-package' } },
  { name: 'deep', version: '12.0.1', ref: 'main', compiler: '0.15.15', resolutions: { prelude: '6.0.1', effect: '4.0.0' },
    location: { gitUrl: 'https://git.example.org/deep.git', subdir: 'lib' } },
  { payload: '{"name":"x","version":"1.0.0","reason":"It \\"broke\\"."}', signature: '00ff' },
  { name: 'my-package', version: '1.0.0', reason: 'A court said so: see the letter, page 2.' },
  { name: 'my-package', newLocation: { githubOwner: 'us', githubRepo: 'purescript-my-package' } },
  { packages: { 'my-package': '1.0.0', halogen: null }, compiler: '0.15.16' },
  { name: 'my-package', version: '1.0.0', dependencies: { prelude: '>=6.0.0 <8.0.0' }, urgent: true, tries: 3 },
];

function tokensOf(value, indent, depth = 1) {
  const blank = (text) => ({ text, kind: 'blank' });
  const mark = (text) => ({ text, kind: 'punctuation' });
  if (value === null || typeof value === 'boolean') return [{ text: String(value), kind: 'constant' }];
  if (typeof value === 'number') return [{ text: String(value), kind: 'number' }];
  if (typeof value === 'string') return [{ text: JSON.stringify(value), kind: 'string', value }];
  const line = (by) => blank(indent ? `\n${' '.repeat(indent * by)}` : ' ');
  const out = [mark('{')];
  for (const [i, [key, inner]] of Object.entries(value).entries()) {
    if (i > 0) out.push(mark(','));
    out.push(line(depth), { text: JSON.stringify(key), kind: 'key', value: key }, mark(':'), blank(' '),
      ...tokensOf(inner, indent, depth + 1));
  }
  out.push(line(depth - 1), mark('}'));
  return out;
}

// ---- Mistakes: each changes the tokens, or the text made of them; false if it cannot be made ----

const change = (kind, make, is = () => true) => ({ tokens, random }) => {
  const fit = tokens.filter((token) => token.kind === kind && is(token));
  if (fit.length === 0) return false;
  const token = random.pick(fit);
  token.text = make(token, random);
  return true;
};
const changeAll = (kind, make, is = () => true) => ({ tokens, random }) => {
  const fit = tokens.filter((token) => token.kind === kind && is(token));
  for (const token of fit) token.text = make(token, random);
  return fit.length > 0;
};
const isText = (text) => ({ text: own }) => own === text;
const isPlain = ({ value }) => /^[\w.-]+$/.test(value);
const inText = (make) => (request) => { request.wrap.push(make); return true; };
const quoteBy = (open, close = open) => ({ value }) => `${open}${value}${close}`;

const MISTAKES = {
  'closing brace missing': ({ tokens, random }) => {
    const count = random.upto(2) + 1;
    for (let i = 0; i < count; i++) {
      const at = tokens.findLastIndex(isText('}'));
      if (at < 0 || tokens.slice(at + 1).some(({ kind }) => kind !== 'blank')) return i > 0;
      tokens.splice(at, 1);
    }
    return true;
  },
  'comma missing': change('punctuation', () => '', isText(',')),
  'trailing comma': ({ tokens }) => {
    const at = tokens.findLastIndex(isText('}'));
    if (at < 0) return false;
    tokens.splice(at, 0, { text: ',', kind: 'punctuation' });
    return true;
  },
  'leading comma': change('punctuation', () => '{,', isText('{')),
  'block comment': change('blank', ({ text }) => `${text}/* what "this" is: { */ `),
  'line comment': change('blank', ({ text }) => ` // my package, version 1${text}\n`),
  'no-break spaces': changeAll('blank', ({ text }) => text.replace(/ /g, '\u00a0')),
  'special blanks': changeAll('blank', ({ text }, random) => text.replace(/ /g, () => random.pick(['\u202f', '\u205f', '\u3000', '\u2003']))),
  'unquoted value': change('string', ({ value }) => value, isPlain),
  'all values unquoted': changeAll('string', ({ value }) => value, isPlain),
  'unquoted key': change('key', ({ value }) => value, isPlain),
  'all keys unquoted': changeAll('key', ({ value }) => value, isPlain),
  'single quotes': ({ tokens }) => ['key', 'string'].map((kind) => changeAll(kind, quoteBy('\''), isPlain)({ tokens })).some(Boolean),
  'curly quotes': ({ tokens }) => ['key', 'string'].map((kind) => changeAll(kind, quoteBy('\u201c', '\u201d'), isPlain)({ tokens })).some(Boolean),
  'curly single quotes': change('string', quoteBy('\u2018', '\u2019'), isPlain),
  'backticks': change('string', quoteBy('`'), isPlain),
  'end quote missing': change('string', ({ text }) => text.slice(0, -1)),
  'start quote missing': change('key', ({ text }) => text.slice(1)),
  'escape missing': change('string', ({ value }) => `"the "${value}" one"`, isPlain),
  'line break in a string': change('string', ({ text }) => `${text.slice(0, -1)}\nmore\t."`),
  'Python constant': change('constant', ({ text }) => ({ null: 'None', true: 'True', false: 'False' })[text] ?? text),
  'undefined': change('constant', () => 'undefined'),
  'MongoDB type': change('number', ({ text }) => `NumberLong(${text})`),
  'leading zeros': change('number', ({ text }) => `00${text}`),
  'concatenated strings': change('string', ({ value }) => `"${value.slice(0, 2)}" + "${value.slice(2)}"`, isPlain),
  'ellipsis': ({ tokens }) => {
    const at = tokens.findLastIndex(isText('}'));
    if (at < 0) return false;
    tokens.splice(at, 0, { text: ', ...', kind: 'punctuation' });
    return true;
  },
  'colon missing': change('punctuation', () => '', isText(':')),
  'value missing': change('string', () => ''),
  'wrong closing bracket': ({ tokens }) => {
    const at = tokens.findLastIndex(isText('}'));
    if (at < 0) return false;
    tokens[at].text = ']';
    return true;
  },
  'opening brace missing': ({ tokens }) => { if (tokens[0].text !== '{') return false; tokens[0].text = ''; return true; },
  'too many closing braces': inText((text) => `${text}}`),
  'cut off': inText((text, random) => text.slice(0, random.between(2, text.length - 1))),
  'escaped as a whole': inText((text) => text.replace(/"/g, '\\"')),
  'JSONP': inText((text) => `publish(${text});`),
  'in an array': inText((text) => `[${text}]`),
  'two lines': inText((text) => `${text}\n{"name": "another"}`),
};

function makeCase(random) {
  const request = { tokens: tokensOf(random.pick(REQUESTS), random.pick([0, 2, 4])), wrap: [], random };
  const mistakes = [];
  for (let count = random.between(1, 3); mistakes.length < count;) {
    const name = random.pick(Object.keys(MISTAKES));
    if (MISTAKES[name](request)) mistakes.push(name);
  }
  const json = request.wrap.reduce((text, wrap) => wrap(text, random), request.tokens.map(({ text }) => text).join(''));
  const [before, after] = random.pick([['', ''], ['', ''], ['```json\n', '\n```'], ['Please:\n\n```\n', '\n```\nThank you, all!'],
    ['Please: ', ''], ['Hello!\n', '\n\nThank you, and good-bye.']]);
  return { mistakes, json, text: before + json + after, isFenced: before.includes('`'), hasMore: after !== '' && !before.includes('`') };
}

// ---- The two results ----

// {"json"} or {"error"}, like the bot's answers.
function repairAlone(json) {
  try {
    return { json: JSON.parse(jsonrepair(json)) };
  } catch (error) {
    return { error: error.message };
  }
}

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
const equal = (one, other) => {
  try {
    assert.deepStrictEqual(one, other);
    return true;
  } catch {
    return false;
  }
};

// Reasons why the bot's result differs; the first that fits counts. `made` is jsonrepair's answer for the JSON alone, `got` the
// bot's.
const DIFFERENCES = {
  'Without an opening brace nothing says where the JSON begins among the words of an issue: no request.':
    ({ json, got }) => !json.trim().startsWith('{') && !got?.json,
  'What breaks off before its first colon cannot be told from words with a brace: no request.':
    ({ json, got }) => !json.includes(':') && got === null,
  'What stands before a request or after it (an array, JSONP, words) is no part of it.':
    ({ json, got }) => got?.json && [json.length, json.lastIndexOf('}') + 1].some((end) =>
      equal(repairAlone(json.slice(json.indexOf('{'), end)), got)),
  'jsonrepair makes a list of several objects, or of words; a request is one object: refused.':
    ({ made, got }) => made.json !== undefined && !isObject(made.json) && got?.error,
  'Where a closing brace and the last value are missing, jsonrepair makes up a null: refused.':
    ({ made, got }) => isObject(made.json) && Object.values(made.json).at(-1) === null && got?.error,
  'More words follow an object that is not closed, and nothing says where it ends: refused.':
    ({ hasMore, got }) => hasMore && got?.error,
  'More words follow an object that is not closed, and become a part of its last string.':
    ({ hasMore, made, got }) => hasMore && got?.json && (made.error || equal(Object.keys(made.json), Object.keys(got.json))),
};

function explain(one) {
  if (equal(one.made, one.got) || (one.made.error !== undefined && one.got?.error !== undefined)) return 'as jsonrepair';
  return Object.keys(DIFFERENCES).find((why) => DIFFERENCES[why](one));
}

// ---- Running the bot ----

function installBot(folder, withLibrary) {
  fs.mkdirSync(folder);
  for (const name of BOT_FILES) fs.copyFileSync(path.join(BOT, name), path.join(folder, name));
  if (withLibrary) // as in issues.yml
    execFileSync('npm', ['ci', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund'], { stdio: 'pipe' });
  return path.join(folder, 'read-request');
}

// The bot's result for each text: {"json"}, {"error"}, or null.
function readAll(bot, texts, folder) {
  const answers = [];
  for (let first = 0; first < texts.length; first += AT_ONCE) {
    const files = texts.slice(first, first + AT_ONCE).map((text, i) => {
      const file = path.join(folder, `event-${i}.json`);
      fs.writeFileSync(file, JSON.stringify({ action: 'opened', issue: { number: 1, body: text } }));
      return file;
    });
    const lines = execFileSync(bot, files, { encoding: 'utf8' }).split('\n').slice(0, -1);
    assert.equal(lines.length, files.length);
    answers.push(...lines.map((line) => JSON.parse(line)));
  }
  return answers;
}

// Without the library the bot may read fewer texts, but never get another result.
function checkWithoutLibrary(bare, some, folder) {
  const answers = readAll(bare, some.map(({ text }) => text), folder);
  let lesser = 0;
  for (const [i, { text, got }] of some.entries()) {
    if (!answers[i]?.json) lesser++;
    else assert.deepEqual(answers[i], got, `without the library:\n${text}`);
  }
  console.log(`${some.length} of them without the library: ${some.length - lesser} are read, and read the same`);
}

// In the workflow the bot reads one text at a time: the results must be the same.
function checkOneAlone(bot, all, folder) {
  for (const kind of ['json', 'error']) {
    const one = all.find(({ got }) => got && kind in got);
    assert.deepEqual(readAll(bot, [one.text], folder), [one.got]);
  }
}

async function main(programs, folder, cases = 1050, seed = 1) {
  const random = randomFrom(Number(seed));
  const bot = installBot(path.join(folder, 'bot'), true);
  const bare = installBot(path.join(folder, 'bare'), false);
  const all = Array.from({ length: Number(cases) }, () => makeCase(random));
  const answers = readAll(bot, all.map(({ text }) => text), folder);
  const reasons = new Map();
  const kinds = new Map();
  const unexplained = [];
  for (const [i, one] of all.entries()) {
    one.made = repairAlone(one.json);
    one.got = answers[i];
    const why = explain(one);
    if (!why) {
      unexplained.push(`case ${i} of seed ${seed}, ${one.mistakes.join(' and ')}:\n${one.text}\n` +
        `jsonrepair: ${JSON.stringify(one.made)}\nthe bot: ${JSON.stringify(one.got)}`);
      continue;
    }
    reasons.set(why, (reasons.get(why) ?? 0) + 1);
    if (one.got?.json) for (const name of one.mistakes) kinds.set(name, (kinds.get(name) ?? 0) + 1);
  }
  for (const [why, count] of reasons) console.log(`${String(count).padStart(5)}  ${why}`);
  assert.equal(unexplained.length, 0, unexplained.join('\n\n'));
  for (const why of Object.keys(DIFFERENCES)) assert.ok(reasons.has(why), `no case shows the difference "${why}"`);
  for (const name of Object.keys(MISTAKES).filter((mistake) => !['opening brace missing', 'two lines'].includes(mistake)))
    assert.ok(kinds.has(name), `no case of the mistake "${name}" was repaired`);
  checkWithoutLibrary(bare, all.filter((_, i) => i % EVERY_WITHOUT_LIBRARY === 0), folder);
  checkOneAlone(bot, all, folder);
}

runMain(main);
