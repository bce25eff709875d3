#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# jsonrepair 3.14.1 and 3.15.0 (npm): valid JSON documents are changed into others, or refused.
#
# Up to 3.14.0 a valid document came back byte for byte. Since 3.14.1 a quote in front of a closing bracket counts as the end of
# its string only if the string closes as many brackets of that kind as it opens (isInsideUnclosedBracket() in stringUtils.js).
# So the last string of an array must not open a `[`, nor the last value of an object, if it is a string, open a `{`: jsonrepair
# continues to search for the end of the string, then starts over as if the end quote were missing. The result for an array is
# mostly a different array, without any error; for an object, an error. The streaming version does the same.
#
# Output seen: at the end of this file, for each version, document by document.
#
# Why it matters: the registry's earlier issue bot passes every request through jsonrepair, valid or not. A glob for names that
# begin with a bracket (`[[]*.md`) would become an array in the list of globs, and a reason for unpublishing that quotes a brace
# "Unexpected character". This server's bot parses first, and repairs only text that is not valid (ops/github/read-request).
#
# Fails if the behaviour has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts --save-exact \
  a@npm:jsonrepair@3.14.0 b@npm:jsonrepair@3.14.1 c@npm:jsonrepair@3.15.0
cat >look.mjs <<'JS'
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
const documents = [
  '{"includeFiles":["docs","[[]*.md"]}',
  '{"ranges":["[1.0, 2.0)"]}',
  '{"ranges":["[1.0, 2.0)","x"]}',
  '{"name":"a","reason":"It prints {"}',
  '{"reason":"It prints {","name":"a"}',
];
const same = (text, document) => (text === document ? 'the same' : text);
async function stream(transform, document) {
  let text = '';
  for await (const part of Readable.from([document]).pipe(transform())) text += part;
  return text;
}
for (const document of documents) {
  JSON.parse(document); // all are valid
  console.log(document);
  for (const name of ['a', 'b', 'c']) {
    const { jsonrepair } = await import(name), { jsonrepairTransform } = await import(`${name}/stream`);
    const version = JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version;
    let whole, streamed;
    try { whole = same(jsonrepair(document), document); } catch (error) { whole = error.message; }
    try { streamed = same(await stream(jsonrepairTransform, document), document); } catch (error) { streamed = error.message; }
    console.log(`  ${version}: ${whole}${streamed === whole ? '' : `; streamed: ${streamed}`}`);
  }
}
JS
node look.mjs | tee seen
diff seen - <<'EXPECTED'
{"includeFiles":["docs","[[]*.md"]}
  3.14.0: the same
  3.14.1: {"includeFiles":["docs","",[[],"*.md"]]}; streamed: Unexpected character "*" at position 28
  3.15.0: {"includeFiles":["docs","",[[],"*.md"]]}; streamed: Unexpected character "*" at position 28
{"ranges":["[1.0, 2.0)"]}
  3.14.0: the same
  3.14.1: {"ranges":["",[1.0, 2.0,")"]]}; streamed: Unexpected character ")" at position 21
  3.15.0: {"ranges":["",[1.0, 2.0,")"]]}; streamed: Unexpected character ")" at position 21
{"ranges":["[1.0, 2.0)","x"]}
  3.14.0: the same
  3.14.1: the same
  3.15.0: the same
{"name":"a","reason":"It prints {"}
  3.14.0: the same
  3.14.1: Unexpected character "{" at position 32
  3.15.0: Unexpected character "{" at position 32
{"reason":"It prints {","name":"a"}
  3.14.0: the same
  3.14.1: the same
  3.15.0: the same
EXPECTED
echo 'As described: since 3.14.1 jsonrepair changes or refuses valid documents whose last string opens a bracket.'
