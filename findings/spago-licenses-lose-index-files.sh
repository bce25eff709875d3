#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# spago 1.0.4 and 0.93.45 (npm) against the SPDX identifiers of spdx-license-ids 3.0.24 (npm): a package version under a license
# that SPDX added after spdx-license-ids 3.0.21 hides all versions of that package from every user of these spagos.
#
# A registry index file has one manifest on each line. spago decodes each license by a list of SPDX identifiers inside its
# bundle, and one undecodable line makes it refuse the whole file, including versions under other licenses. Both bundles have
# the identifiers of spdx-license-ids 3.0.21. A newer one is refused, although it is a current SPDX identifier, even in an
# expression with `OR MIT`.
#
# Output seen: at the end of this file. All 60 identifiers that were added later are refused, by both spagos.
#
# Why it matters: a registry that accepts every current SPDX identifier lets one author make the earlier versions of a package
# unusable for everybody who has one of these spagos. This server refuses such identifiers (rows UNREADABLE of
# lib/domain/package/license_list.def, made by ops/license-list; tests/clients/codecs_test.js).
#
# Fails if the behaviour has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts --save-exact \
  spago-1@npm:spago@1.0.4 spago-0@npm:spago@0.93.45 new@npm:spdx-license-ids@3.0.24 old@npm:spdx-license-ids@3.0.21 \
  "node-linux-$(node -p process.arch)@22.23.3" # spago 1.0.4 needs node 22.5
cat >look.mjs <<'JS'
import { readFileSync, writeFileSync } from 'node:fs';
const list = (name) => JSON.parse(readFileSync(`node_modules/${name}/index.json`, 'utf8'));
const known = new Set(list('old')), added = list('new').filter((id) => !known.has(id));

// The bundle as a module: without the call that starts the command line, and with the reader of index files exported.
async function indexReader(name) {
  const file = `node_modules/${name}/bin/bundle.js`, text = readFileSync(file, 'utf8');
  const module = `${folder}/node_modules/${name}/bin/reader.mjs`;
  writeFileSync(module, text.slice(0, text.lastIndexOf('\nmain();')) + '\nexport { parseEntry, Left };\n');
  const { parseEntry, Left } = await import(module);
  return (lines) => !(parseEntry(lines.join('\n') + '\n') instanceof Left);
}
const folder = process.cwd();
const line = (version, license) => JSON.stringify({ name: 'some-package', version, license,
  location: { githubOwner: 'some-owner', githubRepo: 'some-repo' }, ref: `v${version}`, dependencies: {} });

console.log(`identifiers that are new: ${added.length}`);
for (const name of ['spago-0', 'spago-1']) {
  const reads = await indexReader(name), version = JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version;
  console.log(`spago ${version}: reads MIT, MIT: ${reads([line('1.0.0', 'MIT'), line('1.1.0', 'MIT')])}`);
  console.log(`spago ${version}: reads MIT, ${added[0]}: ${reads([line('1.0.0', 'MIT'), line('1.1.0', added[0])])}`);
  console.log(`spago ${version}: reads MIT, ${added[0]} OR MIT: ${reads([line('1.0.0', 'MIT'), line('1.1.0', `${added[0]} OR MIT`)])}`);
  console.log(`spago ${version}: files lost by one line with a new identifier: ${added.filter((id) => !reads([line('1.0.0', 'MIT'), line('1.1.0', id)])).length}`);
}
JS
node_modules/.bin/node --no-warnings look.mjs | tee seen
diff seen - <<'EXPECTED'
identifiers that are new: 60
spago 0.93.45: reads MIT, MIT: true
spago 0.93.45: reads MIT, ALGLIB-Documentation: false
spago 0.93.45: reads MIT, ALGLIB-Documentation OR MIT: false
spago 0.93.45: files lost by one line with a new identifier: 60
spago 1.0.4: reads MIT, MIT: true
spago 1.0.4: reads MIT, ALGLIB-Documentation: false
spago 1.0.4: reads MIT, ALGLIB-Documentation OR MIT: false
spago 1.0.4: files lost by one line with a new identifier: 60
EXPECTED
echo 'As described: one line with a newer SPDX identifier makes the whole index file unreadable.'
