#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# fast-glob 3.3.3 (npm), with the glob-parent 5.1.2 that it depends on: a `?` in the name of a folder never matches.
#
# Its documentation gives `?` as "matches any single character", and isDynamicPattern() answers true for `d?cs/*.md`. But the
# folder in which a search begins is found by glob-parent, which asks is-glob 4.0.3, and for that a `?` alone is an ordinary
# character: the search begins in a folder called `d?cs`, which is not there, and finds nothing. No error is raised. Where
# another magic character stands before the `?`, or `**` before its folder, the same `?` matches.
#
# Output seen (files docs/a.md):
#   d?cs/*.md      base d?cs   []
#   d[o]cs/*.md    base .      ["docs/a.md"]
#   d*cs/*.md      base .      ["docs/a.md"]
#   **/d?cs/*.md   base .      ["docs/a.md"]
#
# Why it matters: today's registry server reads a package's includeFiles and excludeFiles with fast-glob 3.3. A manifest with a
# `?` in a folder's name published without the files that it names, or with files that it meant to leave out. This server
# matches `?` in every name (lib/source/glob.c), and says so when an include matches nothing.
#
# Fails when the behaviour is another.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts --save-exact fast-glob@3.3.3 glob-parent@5.1.2 is-glob@4.0.3
mkdir -p tree/docs
touch tree/docs/a.md
cat >look.js <<'JS'
const glob = require('fast-glob');
const cwd = 'tree';
for (const pattern of ['d?cs/*.md', 'd[o]cs/*.md', 'd*cs/*.md', '**/d?cs/*.md'])
  console.log([pattern, glob.isDynamicPattern(pattern), glob.generateTasks(pattern, { cwd })[0].base,
    JSON.stringify(glob.sync(pattern, { cwd }))].join(' '));
JS
node look.js | tee seen
diff seen - <<'EXPECTED'
d?cs/*.md true d?cs []
d[o]cs/*.md true . ["docs/a.md"]
d*cs/*.md true . ["docs/a.md"]
**/d?cs/*.md true . ["docs/a.md"]
EXPECTED
echo 'As described: fast-glob 3.3.3 finds nothing where "?" stands in the first folder with magic.'
