#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# spago 1.0.4 and 0.93.45 (npm): a publication that is not answered within two seconds is posted again; the second answer may
# take 67 minutes; the third request is followed by a fourth at the same moment.
#
# callRegistry() wraps each request, POSTs among them, in withBackoff'. That races the request against a pause of 2,000 ms, and
# if the pause ends first it sends the request again; the earlier one is not aborted, but its answer is ignored. The next pauses
# are pow(2000, attempt + 1), in milliseconds and in 32 bits: 4,000,000, then -589,934,592, which a timer treats as 0, then
# 1,246,822,400, which is two weeks.
#
# Output seen, first without any answers (pauses are skipped, and printed), then with each POST answered after three seconds
# (pauses are real):
#   spago 0.93.45: POST, pause 2000, POST, pause 4000000, POST, pause -589934592, POST, pause 1246822400
#   Could not reach the registry
#   spago 1.0.4: POST, pause 2000, POST, pause 4000000, POST, pause -589934592, POST, pause 1246822400
#   Could not reach the registry
#   spago 0.93.45: POST, POST
#   published successfully
#   spago 1.0.4: POST, POST
#   published successfully
#
# Why it matters: a registry that is slow for three seconds gets every publication and every signed transfer twice, while it is
# overloaded. If it starts a job for each, both run, and spago follows the second. If an answer is lost (by a restart while
# requests arrive), spago prints nothing for more than an hour. This server returns the existing job for a repeated request, and
# answers as soon as Redis has the job.
#
# Fails if the behaviour has changed. The functions are those of the published bundles, with a fetch() that answers from memory.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts --save-exact \
  spago-1@npm:spago@1.0.4 spago-0@npm:spago@0.93.45 "node-linux-$(node -p process.arch)@22.23.3" # spago 1.0.4 needs node 22.5
cat >look.mjs <<'JS'
import { readFileSync, writeFileSync } from 'node:fs';
const [name, answers] = process.argv.slice(2), timer = globalThis.setTimeout;
const version = JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version;

// The bundle as a module: without the call that starts the command line, and with submitRegistryOperation() exported.
const file = `node_modules/${name}/bin/bundle.js`, text = readFileSync(file, 'utf8');
const module = `${process.cwd()}/node_modules/${name}/bin/post.mjs`, Publish = /payload instanceof (Publish\d*)/.exec(text)[1];
writeFileSync(module, text.slice(0, text.lastIndexOf('\nmain();')) +
  `\nexport { submitRegistryOperation, runSpago$prime, launchAff_, LogNormal, Online, decode2, publishCodec, ${Publish} as Publish };\n`);
const { submitRegistryOperation, runSpago$prime, launchAff_, LogNormal, Online, decode2, publishCodec, Publish: publish } =
  await import(module);

const payload = { name: 'a', version: '1.0.0', ref: 'v1.0.0', compiler: '0.15.15', resolutions: {},
  location: { githubOwner: 'owner', githubRepo: 'repo' } };
const time = '2026-11-29T12:00:00.000Z';
const job = { jobId: 'a-job', jobType: 'publish', packageName: 'a', packageVersion: '1.0.0', ref: 'v1.0.0', payload, success: true,
  createdAt: time, startedAt: time, finishedAt: time, logs: [] };
const events = [];
const answer = (json) => ({ status: 200, json: async () => json, text: async () => JSON.stringify(json), headers: new Map() });
globalThis.fetch = (request) => {
  if (request.method === 'GET') return Promise.resolve(answer(job));
  events.push(request.method);
  return new Promise((resolve) => { if (answers === 'late') timer(() => resolve(answer({ jobId: 'a-job' })), 3000); });
};
if (answers === 'never')
  globalThis.setTimeout = (call, ms, ...rest) => {
    if (Math.abs(ms) < 1000) return timer(call, ms, ...rest);
    events.push(`pause ${ms}`);
    return timer(call, 10, ...rest);
  };
process.on('exit', () => console.log(`spago ${version}: ${events.join(', ')}`));
const environment = { offline: Online.value, logOptions: { color: false, verbosity: LogNormal.value, startingTime: 0 } };
const submission = new publish(decode2(publishCodec)(payload).value0);
launchAff_(runSpago$prime(environment)(submitRegistryOperation(submission)))();
timer(() => process.exit(), 60000).unref();
JS
for answers in never late; do
  for name in spago-0 spago-1; do
    node_modules/.bin/node --no-warnings look.mjs $name $answers 2>said | grep '^spago ' || true
    grep -hoE 'published successfully|Could not reach the registry' said || true
  done
done | tee seen
diff seen - <<'EXPECTED'
spago 0.93.45: POST, pause 2000, POST, pause 4000000, POST, pause -589934592, POST, pause 1246822400
Could not reach the registry
spago 1.0.4: POST, pause 2000, POST, pause 4000000, POST, pause -589934592, POST, pause 1246822400
Could not reach the registry
spago 0.93.45: POST, POST
published successfully
spago 1.0.4: POST, POST
published successfully
EXPECTED
echo 'As described: both post again after two seconds, and then wait for 67 minutes.'
