#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# fast-glob 3.3.3 (npm), with the glob-parent 5.1.2 that it depends on: a `?` in the name of a folder never matches.
#
# Its documentation gives `?` as "matches any single character", and isDynamicPattern() answers true for `d?cs/*.md`. But the
# folder in which a search begins is found by glob-parent, which uses is-glob 4.0.3, and for that a `?` alone is an ordinary
# character: the search begins in a folder called `d?cs`, which does not exist, and finds nothing. No error is raised. If
# another magic character precedes the `?`, or `**` its folder, the same `?` matches.
#
# Output seen (files docs/a.md):
#   d?cs/*.md      base d?cs   []
#   d[o]cs/*.md    base .      ["docs/a.md"]
#   d*cs/*.md      base .      ["docs/a.md"]
#   **/d?cs/*.md   base .      ["docs/a.md"]
#
# Why it matters: the previous registry server reads a package's includeFiles and excludeFiles with fast-glob 3.3. A package
# with a `?` in a folder's name is published without the files that it includes, or with files that it excludes. This server
# matches `?` in every name (lib/source/glob.c), and warns if an include matches nothing.
#
# Fails if the behaviour has changed.
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
