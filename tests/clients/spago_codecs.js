// SPDX-License-Identifier: BSD-3-Clause
//
// The decoders of a released spago: its bundle is loaded unchanged except for the last call, main(), which is replaced by an
// export of the decoders. So each text gets its own result, which a run of spago would not give.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

const MAIN = '\nmain();\n';
const METADATA_CODEC = /^\/\/ output\/Registry\.Metadata\/index\.js$[^]*?^var (\w+) = .*\(Metadata\)/m; // the names differ by version

// Resolves to functions that return null, or the reason why spago refuses the text: indexFile, metadata, publishPayload,
// signedPayload, and, if its job has a payload, job.
async function loadCodecs(spagoFolder) {
  const bundle = path.join(spagoFolder, 'bin/bundle.js');
  const text = fs.readFileSync(bundle, 'utf8');
  const [, metadataCodec] = METADATA_CODEC.exec(text);
  const end = text.lastIndexOf(MAIN);
  const codecs = { metadata: metadataCodec, publishPayload: 'publishCodec', signedPayload: 'authenticatedCodec' };
  if (text.includes('\nvar matrixJobDataCodec = ')) codecs.job = 'jobCodec'; // for the older see codecs_test.js
  const copy = path.join(path.dirname(bundle), 'codecs.mjs');
  fs.writeFileSync(copy, `${text.slice(0, end)}
export const refused = Left, parsers = { indexFile: parseEntry,
  ${Object.entries(codecs).map(([name, codec]) => `${name}: parseJson(${codec})`).join(', ')} };
`);
  const { refused, parsers } = await import(pathToFileURL(copy));
  const judges = Object.entries(parsers).map(([name, parse]) => [name, (json) => {
    const result = parse(json);
    return result instanceof refused ? JSON.stringify(result.value0) : null;
  }]);
  return Object.fromEntries(judges);
}

module.exports = { loadCodecs };
