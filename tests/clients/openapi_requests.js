// SPDX-License-Identifier: BSD-3-Clause
//
// The requests of openapi_test.js to each route, by operationId, so that each answer in the document is seen at least once.
// (openapi_test.js makes requests for the 400s of parameters and bodies, and for 413, 415 and 429, by itself.) `story` has the
// ids of jobs: {published, failed, running, built, unbuilt, building, pending}.
'use strict';

const signed = (payload) => ({ payload: JSON.stringify(payload), signature: '00ff'.repeat(32) }); // invalid signature

// Accounts at the GitHub stand-in of openapi_test.js: only the member is a trustee.
const tokens = { member: `ghp_${'Member'.repeat(6)}`, stranger: `ghp_${'Others'.repeat(6)}` };
const as = (who) => ({ authorization: `Bearer ${tokens[who]}` });

// A well-formed body for each POST, with every field. The server may refuse its content, but must be able to read it.
const bodies = {
  post_publish: {
    name: 'full', ref: 'v1.0.0', version: '1.0.0', compiler: '0.15.15', resolutions: { prelude: '6.0.1' },
    location: { githubOwner: 'author', githubRepo: 'purescript-full', subdir: 'packages/full' },
  },
  post_unpublish: signed({ name: 'full', version: '1.0.0', reason: 'It was never meant to be.' }),
  post_transfer: signed({ name: 'full', newLocation: { githubOwner: 'author', githubRepo: 'purescript-full' } }),
  post_package_set: signed({ packages: { full: '1.0.0' } }),
  post_trustee: {
    action: 'unpublish', payload: { name: 'full', version: '1.0.0' }, actor: 'member', issue: 7, reason: 'It must not stay.',
  },
};

// Another request that each POST accepts, different for each number, even while no service can look up trustees.
const further = {
  post_unpublish: (number) => signed({ name: `further-${number}`, version: '1.0.0', reason: '' }),
  post_transfer: (number) => signed({ name: `further-${number}`, newLocation: { gitUrl: 'https://example.org/further.git' } }),
  post_package_set: (number) => ({ payload: JSON.stringify({ packages: { [`further-${number}`]: '1.0.0' } }) }),
  post_publish: (number) => ({
    name: `further-${number}`, ref: 'main', version: '1.0.0',
    location: { gitUrl: 'https://example.org/further.git', subdir: 'packages/further' },
  }),
};

// The initial content of the registry: a package with all fields that metadata and manifests can have.
const prepared = {
  location: { githubOwner: 'author', githubRepo: 'purescript-prepared' },
  owners: [{ keytype: 'ssh-ed25519', public: 'AAAAC3NzaC1lZDI1NTE5AAAAIPJBpoW2Rs5bfrAGFKVOGbl8mSBVbPpYRZTkmYcuWVQi' }],
};

// Of each version the compilers that it builds with, and its dependencies. `stable` and `upper` are in the way of 0.15.16, `blocked`
// is not in the latest package set because of `absent`.
const versions = {
  absent: { '1.0.0': [['0.15.14'], []] },
  blocked: { '1.0.0': [['0.15.15'], ['absent']] },
  stable: { '0.9.0': [['0.15.16'], []], '1.0.0': [['0.15.15'], []], '1.1.0': [['0.15.16'], []] },
  upper: { '1.0.0': [['0.15.15'], ['stable']] },
};
const locationOf = (name) => ({ githubOwner: 'author', githubRepo: `purescript-${name}` });
const metadataOf = (name, list) => JSON.stringify({
  location: locationOf(name),
  published: Object.fromEntries(Object.entries(list).map(([version, [compilers]]) => [version, {
    bytes: 1000, compilers, hash: 'sha256-fN9RUAzN21ZY4Y0UwqUSxwUPVz1g7/pcqoDvbJZoT04=',
    publishedTime: '2026-01-01T00:00:00.000Z', ref: `v${version}`,
  }])),
  unpublished: {},
});
const manifestsOf = (name, list) => Object.entries(list).map(([version, [, dependencies]]) => `${JSON.stringify({
  name, version, license: 'MIT', location: locationOf(name), ref: `v${version}`,
  dependencies: Object.fromEntries(dependencies.map((other) => [other, '>=0.0.0 <9.0.0'])),
})}\n`).join('');
const indexPathOf = (name) => `${name.slice(0, 2)}/${name.slice(2, 4)}/${name}`;

const begin = {
  registry: {
    'metadata/prepared.json': JSON.stringify({
      ...prepared,
      published: {
        '1.0.0': {
          bytes: 1000, compilers: ['0.15.15'], hash: 'sha256-fN9RUAzN21ZY4Y0UwqUSxwUPVz1g7/pcqoDvbJZoT04=',
          publishedTime: '2026-01-01T00:00:00.000Z', ref: '', revision: 1,
        },
      },
      unpublished: {
        '0.9.0': { publishedTime: '2025-12-01T00:00:00.000Z', reason: 'Too early.', unpublishedTime: '2025-12-02T00:00:00.000Z' },
      },
    }),
    ...Object.fromEntries(Object.entries(versions).map(([name, list]) => [`metadata/${name}.json`, metadataOf(name, list)])),
    'package-sets/1.0.0.json': JSON.stringify({
      version: '1.0.0', compiler: '0.15.15', published: '2026-01-02', packages: { gone: '1.0.0', prepared: '1.0.0', stable: '0.9.0' },
    }),
    'package-sets/2.0.0.json': JSON.stringify({
      version: '2.0.0', compiler: '0.15.15', published: '2026-01-03',
      packages: { come: '1.0.0', prepared: '1.0.0', stable: '1.0.0', upper: '1.0.0' },
    }),
  },
  index: {
    ...Object.fromEntries(Object.entries(versions).map(([name, list]) => [indexPathOf(name), manifestsOf(name, list)])),
    'pr/ep/prepared': `${JSON.stringify({
      name: 'prepared', version: '1.0.0', license: 'MIT', description: 'All that there can be',
      location: prepared.location, ref: 'v1.0.0', owners: prepared.owners, includeFiles: ['extra/*'],
      excludeFiles: ['src/Old.purs'], dependencies: {},
    })}\n`,
  },
};

const TARBALL = '/leaf/1.0.0.tar.gz';
const UNKNOWN = '/00000000-0000-4000-8000-000000000000';

// [operationId, status, target, headers?]; in this order, while everything runs.
const whileRunning = (story) => [
  ['get_openapi', 200, '/api/v1/openapi.json'],
  ['get_api_status', 200, '/api/v1/status'],
  ['get_healthz', 200, '/healthz'],
  ['get_readyz', 200, '/readyz'],
  ['get_jobs', 200, '/api/v1/jobs'],
  ['get_jobs', 200, '/api/v1/jobs?include_completed=true&kinds=all&order=DESC'],
  ...Object.values(story).flatMap((id) => [
    ['get_job', 200, `/api/v1/jobs/${id}?level=DEBUG`],
    ['get_status', 200, `/status/${id}`],
    ['get_status', 200, `/status/${id}`, { accept: 'text/plain' }],
    ['get_logs', 200, `/logs/${id}?level=DEBUG`],
    ['get_logs', 200, `/logs/${id}`, { accept: 'text/plain' }],
    ['get_job_logs', 200, `/api/v1/jobs/${id}/logs?level=DEBUG&tail=1`],
    ['get_job_logs', 200, `/api/v1/jobs/${id}/logs`, { accept: 'text/plain' }],
  ]),
  ['get_job', 304, `/api/v1/jobs/${story.published}`, { 'if-none-match': '*' }],
  ['get_logs', 303, `/logs/${story.published}`, { accept: 'text/html,*/*;q=0.8' }],
  ['get_logs', 304, `/logs/${story.published}`, { 'if-none-match': '*' }],
  ['get_job_logs', 304, `/api/v1/jobs/${story.published}/logs`, { 'if-none-match': '*' }],
  ['get_logs', 200, `/logs/${story.published}?follow=true`, { accept: 'text/plain' }],
  ['get_job_events', 200, `/api/v1/jobs/${story.published}/events`],
  ['get_job_events', 204, `/api/v1/jobs/${story.published}/events?after=9999999999999-1-${story.published.slice(0, 8)}`],
  ['get_job_events', 400, `/api/v1/jobs/${story.published}/events?after=yesterday`],
  ['get_job_events', 404, `/api/v1/jobs${UNKNOWN}/events`],
  ['get_jobs_events', 400, '/api/v1/jobs/events?after=yesterday'],
  ['get_job', 404, `/api/v1/jobs${UNKNOWN}`],
  ['get_job', 404, '/api/v1/jobs/no-id'],
  ['get_status', 404, `/status${UNKNOWN}`],
  ['get_logs', 404, `/logs${UNKNOWN}`],
  ['get_job_logs', 404, `/api/v1/jobs${UNKNOWN}/logs`],
  ['get_job_logs', 400, `/api/v1/jobs/${story.published}/logs?after=1-1-00000000&tail=1`],
  ['get_packages', 200, '/api/v1/packages'],
  ['get_packages', 200, '/api/v1/packages?limit=1'],
  ['get_packages', 200, '/api/v1/packages?search=prepare&sort=dependants'],
  ['get_packages', 400, '/api/v1/packages?after=No%20Name'],
  ['get_publications', 200, '/api/v1/publications'],
  ['get_publications', 200, '/api/v1/publications?limit=3'],
  ['get_publications', 304, '/api/v1/publications', { 'if-none-match': '*' }],
  ['get_package', 200, '/api/v1/packages/leaf'],
  ['get_package', 200, '/api/v1/packages/prepared'],
  ['get_package', 404, '/api/v1/packages/nobody'],
  ['get_package', 404, '/api/v1/packages/No%20Name'],
  ['get_package_version', 200, '/api/v1/packages/leaf/1.0.0'],
  ['get_package_version', 200, '/api/v1/packages/prepared/1.0.0'],
  ['get_package_version', 200, '/api/v1/packages/picky/1.0.0'],
  ['get_package_version', 404, '/api/v1/packages/prepared/0.9.0'],
  ['get_package_version', 404, '/api/v1/packages/leaf/latest'],
  ['get_matrix', 200, '/api/v1/matrix'],
  ['get_matrix', 304, '/api/v1/matrix', { 'if-none-match': '*' }],
  ['get_matrix_cells', 200, '/api/v1/matrix/cells?versions=all&since=2026-01-01T00:00:00.000Z'],
  ['get_matrix_cells', 200, '/api/v1/matrix/cells?state=not_succeeded&name=a&limit=1'],
  ['get_matrix_cells', 200, '/api/v1/matrix/cells?compiler=0.15.15&than=0.15.16'],
  ['get_matrix_causes', 200, '/api/v1/matrix/causes'],
  ['get_matrix_causes', 200, '/api/v1/matrix/causes?compiler=0.15.15'],
  ['get_matrix_causes', 200, '/api/v1/matrix/causes?compiler=0.15.16'],
  ['get_matrix_cells', 400, '/api/v1/matrix/cells?compiler=9.9.9'],
  ['get_package_sets', 200, '/api/v1/package-sets'],
  ['get_package_sets', 200, '/api/v1/package-sets?limit=1'],
  ['get_package_set', 200, '/api/v1/package-sets/1.0.0'],
  ['get_package_set', 200, '/api/v1/package-sets/latest'],
  ['get_package_set', 400, '/api/v1/package-sets/newest'],
  ['get_package_set', 404, '/api/v1/package-sets/9.9.9'],
  ['get_package_set_comparison', 200, '/api/v1/package-sets/1.0.0/compare/2.0.0'],
  ['get_package_set_comparison', 200, '/api/v1/package-sets/latest/compare/1.0.0'],
  ['get_package_set_comparison', 400, '/api/v1/package-sets/1.0.0/compare/1'],
  ['get_package_set_comparison', 404, '/api/v1/package-sets/1.0.0/compare/9.9.9'],
  ['get_package_set_excuses', 200, '/api/v1/package-sets/latest/excuses'],
  ['get_package_set_excuses', 304, '/api/v1/package-sets/latest/excuses', { 'if-none-match': '*' }],
  ['get_package_set_excuse', 200, '/api/v1/package-sets/latest/excuses/leaf'],
  ['get_package_set_excuse', 200, '/api/v1/package-sets/latest/excuses/blocked'],
  ['get_package_set_excuse', 200, '/api/v1/package-sets/latest/excuses/upper'],
  ['get_package_set_excuse', 404, '/api/v1/package-sets/latest/excuses/nobody'],
  ['get_package_set_excuse', 404, '/api/v1/package-sets/latest/excuses/No-Name'],
  ['get_tarball', 200, TARBALL],
  ['get_tarball', 206, TARBALL, { range: 'bytes=0-9' }],
  ['get_tarball', 304, TARBALL, { 'if-none-match': '*' }],
  ['get_tarball', 416, TARBALL, { range: 'bytes=99999999-' }],
  ['get_tarball', 404, '/leaf/9.9.9.tar.gz'],
  ['get_tarball', 404, '/Leaf/1.0.0.tar.gz'],
  ['post_trustee', 401, '/api/v1/trustee', {}],
  ['post_trustee', 403, '/api/v1/trustee', as('stranger')],
];

// While the publish service is stopped, and 101 jobs wait for it.
const whileWaiting = (story) => [
  ['get_readyz', 503, '/readyz'],
  ['get_job', 200, `/api/v1/jobs/${story.pending}`],
  ['get_status', 200, `/status/${story.pending}`],
  ['get_jobs', 200, '/api/v1/jobs?include_completed=true'], // contains the payloads of `bodies`
];

// While Redis, package-set and build-matrix are away.
const whileRedisIsAway = (story) => [
  ['get_jobs', 503, '/api/v1/jobs'],
  ['get_job', 503, `/api/v1/jobs/${story.published}`],
  ['get_status', 503, `/status/${story.published}`],
  ['get_logs', 503, `/logs/${story.published}`],
  ['get_job_logs', 503, `/api/v1/jobs/${story.published}/logs`],
  ['get_job_events', 200, `/api/v1/jobs/${story.published}/events`], // nothing but when to come back
  ['get_jobs_events', 200, '/api/v1/jobs/events'],
  ['get_packages', 503, '/api/v1/packages'],
  ['get_publications', 503, '/api/v1/publications'],
  ['get_package', 503, '/api/v1/packages/leaf'],
  ['get_package_version', 503, '/api/v1/packages/leaf/1.0.0'],
  ['get_matrix', 503, '/api/v1/matrix'],
  ['get_matrix_cells', 503, '/api/v1/matrix/cells'],
  ['get_matrix_causes', 503, '/api/v1/matrix/causes'],
  ['get_package_sets', 503, '/api/v1/package-sets'],
  ['get_package_set', 503, '/api/v1/package-sets/latest'],
  ['get_package_set_comparison', 503, '/api/v1/package-sets/1.0.0/compare/2.0.0'],
  ['get_package_set_excuses', 503, '/api/v1/package-sets/latest/excuses'],
  ['get_package_set_excuse', 503, '/api/v1/package-sets/latest/excuses/leaf'],
  ['post_publish', 503, '/api/v1/publish'],
  ['post_unpublish', 503, '/api/v1/unpublish'],
  ['post_transfer', 503, '/api/v1/transfer'],
  ['post_package_set', 503, '/api/v1/package-sets'],
  ['post_trustee', 503, '/api/v1/trustee'],
];

module.exports = { begin, tokens, bodies, further, whileRunning, whileWaiting, whileRedisIsAway };
