// SPDX-License-Identifier: BSD-3-Clause
//
// includeFiles compared with fast-glob 3.3, which the previous registry server uses: generated trees and globs are given to
// both. That server copies a matched path with everything below it; so the packed files must be those that fast-glob returns,
// those in folders that it returns, and those that are always packed.
//
//   node globs_test.js PROGRAMS FOLDER      FOLDER/npm/node_modules has fast-glob; PROGRAMS has select-files
//
// GLOB_CASES: number of cases (default 3000); GLOB_SEED: seed of the generator.
'use strict';
const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const readline = require('node:readline');
const fastGlob = require('fast-glob');
const { runMain } = require('./run_main.js');

// ---- The differences, and their reasons. Each has examples, which must differ, and a test that recognises generated cases.

const isMagic = (name) => /[*?[\]]/.test(name);
const namesOf = (pattern) => pattern.split('/').filter((name) => name !== '' && name !== '.');

const differences = [
  {
    why: 'A "?" in a folder\'s name is no magic for glob-parent 5.1.2, which takes that name for a folder to begin in: fast-glob ' +
      'finds nothing. Here it is one character of any name.',
    glob: 'd?cs/*.md',
    applies: (names, pattern) => /(^|\/)[^/*[]*\?[^/*[]*\//.test(pattern),
  },
  {
    why: 'A "." behind a name with magic matches nothing there, nor does a second "./" at the beginning. Here it is dropped everywhere.',
    glob: '*/./a.md',
    applies: (names, pattern) => /[*?\]][^/]*\/(.*\/)?\.(\/|$)/.test(pattern) || /^\.\/+\.(\/|$)/.test(pattern),
  },
  {
    why: 'Where "**" follows a name that does not end in a star, and there is magic before it, picomatch 2.3 lets the slash between ' +
      'the two away: "*b/**" and "**/ab/**" match the file ab, and "*b/**/c" the file abc. Here the name before it is a folder.',
    glob: '*s/**',
    applies: (names) => names.some((name, i) => name === '**' && names.slice(0, i).some(isMagic) && !names[i - 1].endsWith('*')),
  },
  {
    why: '"**.js" without a folder crosses folders there, as "**/*.js" does; "**" beside other characters does so nowhere else. ' +
      'Here it is "*" everywhere.',
    glob: '**.md',
    applies: (names, pattern) => /^\*\*\.\w+$/.test(pattern),
  },
  {
    why: 'fast-glob searches for all globs at once where one of them begins at the top; then "docs/**" matches docs itself, hidden files ' +
      'and all, which it does not alone. Here each glob, and each combination of its braces, means the same beside others.',
    glob: '{docs,t*}/**',
    applies: (names, pattern, count) => count > 1 && names[names.length - 1] === '**',
  },
  {
    why: 'Where one of the combinations of a glob begins in a file, fast-glob fails with ENOTDIR. Here that one matches nothing.',
    glob: 'README.md/*',
    applies: () => false, // recognised by its failure
  },
];

// Forms that are refused here with a reason, because they have a meaning for fast-glob.
const refused = ['!docs', '@(docs|test)', '+(docs)', 'docs/!(a).md', '{1..3}', 'docs\\*', '***', '(docs)', '[[:alpha:]]*', '[ab]+', '{docs}',
  '"docs"', "{a,b}'", 'a|b', '[ab', '{a,b', '[]', '../docs', '/docs'];

// Fixed cases: the forms that manifests have, and the ones that once differed.
const fixed = ['docs', 'docs/', './docs', './docs/', 'docs/**', 'docs/*', 'docs/**/*', '*', '**', '**/', '*/', '*/**', '*/**/*', '.*', '.*/**',
  '**/.*', '.github', '.github/**', '**/*.md', '*.md', '?.md', 'docs/?.md', '[ab].md', '[a-c].md', '[!a].md', '[^a]*', '{docs,test}',
  '{docs,test}/**', '{a,b}.{md,js}', 'docs/{a,b/**}.md', 'docs//a.md', './docs/./a.md', 'test/**/*.purs', 'test/**/in/**', '**/in/**',
  '**/in', '**/in/', 'docs/**/', 'LICENSE', 'README.md', 'src/**/*.purs', 'docs/a.md/', '.', './', 'a+b', 'a**', '**a', 'x,y', '[ab]',
  '*.{md,js}', 'docs/.hidden', 'docs/**/.*', '[.]hidden', '?hidden', '{,docs/}a.md', 'docs/[ab]*', '**/{a,b}.md', 'ä*', '?', '??', '[ä]'];

// ---- Generated trees and globs

function makeRandom(seed) { // mulberry32
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const NAMES = ['a', 'b', 'ab', 'abc', 'docs', 'in', 'test', '.hidden', '.a', 'a.md', 'b.md', 'ab.js', 'x.test.js', '[ab]', 'a+b', 'x,y', 'ä', '😀',
  'a b', '$x', "a'b", '-', 'b#', '{a}', '(a)'];

function makePath(random) {
  const names = [];
  for (let i = 1 + random(4); i > 0; i--) names.push(NAMES[random(NAMES.length)]);
  return names.join('/');
}

function writeTree(folder, paths) {
  const written = [];
  for (const name of paths) {
    try {
      fs.mkdirSync(path.join(folder, path.dirname(name)), { recursive: true });
      fs.writeFileSync(path.join(folder, name), '', { flag: 'wx' });
      written.push(name);
    } catch (error) { // a file exists where a folder is needed, or the other way round
      if (!['EEXIST', 'ENOTDIR', 'EISDIR'].includes(error.code)) throw error;
    }
  }
  return written;
}

const PARTS = ['a', 'b', 'c', '.', '*', '*', '?', '[ab]', '[!b]', '[^.]', '[a-c]', '{a,b}', '{a,b*}', '{,x}', 'md', '.md', '+', ',', '**', 'ä', '😀', '$', '-',
  '@', '#', "'", '[-a]', '[.a]', '{a/b,in}', '{**,b}', '{a,{b,in}}'];

function makeName(random, path) {
  const choice = random(10);
  if (choice < 3) return NAMES[random(NAMES.length)];
  if (choice < 5) return '**';
  if (choice < 6) return '*';
  if (choice < 7 && path) return path.split('/')[0];
  let name = '';
  for (let i = 1 + random(3); i > 0; i--) name += PARTS[random(PARTS.length)];
  return name;
}

// Some globs are made from a path of the tree, so that they match something.
function makeGlob(random, paths) {
  const names = [];
  if (random(2)) {
    for (const name of paths[random(paths.length)].split('/')) {
      const choice = random(6), [first, ...rest] = name; // whole characters
      names.push(choice === 0 ? '*' : choice === 1 ? '**' : choice === 2 ? first + '*' : choice === 3 ? '?' + rest.join('') : name);
    }
    if (random(3) === 0) names.splice(random(names.length + 1), random(2), '**');
  } else {
    for (let i = 1 + random(4); i > 0; i--) names.push(makeName(random));
  }
  const slash = random(12) === 0 ? '//' : '/';
  return (random(8) === 0 ? './' : '') + names.join(slash) + (random(8) === 0 ? '/' : '');
}

// ---- The two answers

const isAlwaysIn = (name) => /^src\//.test(name) || /^(purs\.json|spago\.yaml|bower\.json|package\.json)$/.test(name) ||
  /^(readme|licen[sc]e)[^/]*$/i.test(name);

const FAILS = differences.length - 1;

// The result of fast-glob; undefined if it fails because the glob begins in a file.
function find(folder, glob) {
  try {
    return fastGlob.sync(glob, { cwd: folder, onlyFiles: false, dot: false });
  } catch (error) {
    if (error.code !== 'ENOTDIR') throw new Error(`fast-glob fails at ${glob}`, { cause: error });
    return undefined;
  }
}

function expectedFiles(folder, files, glob) {
  const found = find(folder, glob);
  if (!found) return undefined;
  const matched = new Set(found.map((one) => path.posix.normalize(one).replace(/\/$/, '')));
  return files.filter((name) => {
    if (isAlwaysIn(name) || matched.has('.')) return true;
    const names = name.split('/');
    return names.some((_, i) => matched.has(names.slice(0, i + 1).join('/')));
  }).sort();
}

function startSelecting(programs) {
  const child = spawn(path.join(programs, 'select-files'), { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask(folder, include) {
      child.stdin.write(JSON.stringify({ folder, include }) + '\n');
      return JSON.parse((await lines.next()).value);
    },
    async end() {
      child.stdin.end();
      assert.equal(await new Promise((resolve) => child.on('exit', resolve)), 0, 'select-files ended well');
    },
  };
}

// Expands the braces of a glob, for the tests of differences.
const expand = (glob) => {
  const found = /^(.*?)\{([^{}]*)\}(.*)$/.exec(glob);
  return found ? found[2].split(',').flatMap((one) => expand(found[1] + one + found[3])) : [glob];
};
const explain = (glob) => differences.findIndex((one) =>
  expand(glob).some((pattern, _, all) => one.applies(namesOf(pattern), pattern, all.length)));

async function main(programs, folder) {
  const count = Number(process.env.GLOB_CASES || 3000), random = makeRandom(Number(process.env.GLOB_SEED || 1));
  const selecting = startSelecting(programs);
  const counts = { same: 0, matching: 0, refused: 0, explained: differences.map(() => 0) };
  const failures = [];

  async function compare(tree, files, glob) {
    const answer = await selecting.ask(tree, glob);
    if (answer.error) {
      assert.match(answer.error, /^includeFiles: The glob /, `${glob}: ${answer.error}`);
      counts.refused++;
      return 'refused';
    }
    const expected = expectedFiles(tree, files, glob), found = answer.files.slice().sort();
    if (!expected) {
      counts.explained[FAILS]++;
      return FAILS;
    }
    if (JSON.stringify(found) === JSON.stringify(expected)) {
      counts.same++;
      if (expected.some((name) => !isAlwaysIn(name))) counts.matching++;
      return 'same';
    }
    const reason = explain(glob);
    if (reason >= 0) counts.explained[reason]++;
    else failures.push({ glob, files, expected, found });
    return reason;
  }

  const plainTree = path.join(folder, 'fixed');
  const plainFiles = writeTree(plainTree, ['src/A.purs', 'src/In/B.purs', 'README.md', 'LICENSE', 'a.md', 'b.md', 'c.js', 'a', '.hidden', '.github/w.yml', 'as',
    '.github/.x', 'docs/a.md', 'docs/b/c.md', 'docs/.hidden', 'docs/.in/a.md', 'test/A.purs', 'test/in/B.purs', 'test/in/in/C.purs', '[ab]', '[ab].md',
    'a+b', 'x,y', 'ä', 'äb', '😀', 'in/x', 'dir/a.md']);
  for (const glob of fixed) assert.equal(await compare(plainTree, plainFiles, glob), 'same', glob + ': ' + JSON.stringify(failures));
  for (const [number, { glob }] of differences.entries()) assert.equal(await compare(plainTree, plainFiles, glob), number, glob);
  for (const glob of refused) assert.equal(await compare(plainTree, plainFiles, glob), 'refused', glob);

  let tree, files;
  for (let i = 0; i < count; i++) {
    if (i % 3 === 0) {
      tree = path.join(folder, `tree${i}`);
      const paths = ['src/A.purs'];
      for (let j = 3 + random(20); j > 0; j--) paths.push(makePath(random));
      files = writeTree(tree, paths);
    }
    await compare(tree, files, makeGlob(random, files));
  }
  await selecting.end();
  for (const failure of failures.slice(0, 10)) console.error(JSON.stringify(failure));
  console.log(`${counts.same} of ${count} generated cases and ${fixed.length} fixed ones are the same (${counts.matching} match something), ` +
    `${counts.refused} are refused by name here, ${failures.length} differ without a reason.`);
  differences.forEach(({ why }, i) => console.log(`${counts.explained[i]} differ: ${why}`));
  assert.equal(failures.length, 0, 'all differences are explained');
  assert.ok(counts.same >= count / 2 && counts.matching >= count / 5, 'most cases say something');
}

runMain(main);
