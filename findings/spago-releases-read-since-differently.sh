#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# spago 1.0.4 and 0.93.45 (npm): no meaning of `since` shows both releases a job's log as it is.
#
# While they wait for a job, both ask each half second for the lines since the last one that they have shown. 0.93.45 sends that
# line's time, 1.0.4 sends it plus a millisecond. If the server's `since` includes the time itself, 0.93.45 prints its last line
# again each half second, as long as the job logs nothing new. If it does not, 1.0.4 never prints a line whose time is a
# millisecond after the previous one. And 1.0.4 always loses a line with the same millisecond as the last one shown, if it was
# written after the answer.
#
# Output seen (lines of the log A, B, C, D with times 0, 1, 2, 3 ms; the log grows between the requests: AB, AB, AB, ABC, ABCD
# and the end; "same" has C in B's millisecond):
#   spago 0.93.45, since included: A B B B B C C D
#   spago 0.93.45, since excluded: A B C D
#   spago 1.0.4, since included: A B C D
#   spago 1.0.4, since excluded: A B D
#   spago 1.0.4, since included, same: A B D
#
# Why it matters: the lost line may be the warning that an author needs. This server includes the time, and keeps the times of a
# log's lines at least a millisecond apart, ahead of the clock in a burst: 1.0.4 shows all lines, and 0.93.45 repeats some.
# Excluding the time, with two milliseconds between lines, would suit both.
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
const [name, since, times = '0123'] = process.argv.slice(2);

// The bundle as a module: without the call that starts the command line, and with waitForJobFinish() exported.
const file = `node_modules/${name}/bin/bundle.js`, text = readFileSync(file, 'utf8');
const module = `${process.cwd()}/node_modules/${name}/bin/wait.mjs`;
writeFileSync(module, text.slice(0, text.lastIndexOf('\nmain();')) +
  '\nexport { waitForJobFinish, runSpago$prime, launchAff_, LogNormal, Online, Publish3 };\n');
const { waitForJobFinish, runSpago$prime, launchAff_, LogNormal, Online, Publish3 } = await import(module);

const time = (ms) => `2026-11-29T12:00:00.00${ms}Z`;
const log = ['A', 'B', 'C', 'D'].map((message, i) => ({ level: 'INFO', message, jobId: 'a-job', timestamp: time(times[i]) }));
const payload = { name: 'a', version: '1.0.0', ref: 'v1.0.0', compiler: '0.15.15', resolutions: {},
  location: { githubOwner: 'owner', githubRepo: 'repo' } };
const written = [2, 2, 2, 3, 4]; // how many lines there are at each question; at the last one the job has ended
let questions = 0;
globalThis.fetch = async (request) => {
  const from = new URL(request.url).searchParams.get('since') ?? '', count = written[questions++], success = count === log.length;
  const job = { jobId: 'a-job', jobType: 'publish', packageName: 'a', packageVersion: '1.0.0', ref: 'v1.0.0', payload, success,
    createdAt: time(0), startedAt: time(0), ...(success ? { finishedAt: time(9) } : {}),
    logs: log.slice(0, count).filter(({ timestamp }) => (since === 'included' ? timestamp >= from : timestamp > from)) };
  return { status: 200, json: async () => job, text: async () => JSON.stringify(job), headers: new Map() };
};
const environment = { offline: Online.value, logOptions: { color: false, verbosity: LogNormal.value, startingTime: 0 } };
launchAff_(runSpago$prime(environment)(waitForJobFinish({ jobId: 'a-job', jobType: Publish3.value })))();
JS
shown() { node_modules/.bin/node --no-warnings look.mjs "$@" 2>&1 | sed -n 's/^ *2026-.*Z //p' | paste -sd ' '; }
{
  for name in spago-0 spago-1; do
    for since in included excluded; do
      echo "spago $(node -p "require('./node_modules/$name/package.json').version"), since $since: $(shown $name $since)"
    done
  done
  echo "spago 1.0.4, since included, same: $(shown spago-1 included 0113)"
} | tee seen
diff seen - <<'EXPECTED'
spago 0.93.45, since included: A B B B B C C D
spago 0.93.45, since excluded: A B C D
spago 1.0.4, since included: A B C D
spago 1.0.4, since excluded: A B D
spago 1.0.4, since included, same: A B D
EXPECTED
echo 'As described: spago 0.93.45 and 1.0.4 need contrary meanings of "since".'
